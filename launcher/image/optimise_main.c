/* SPDX-License-Identifier: BSD-3-Clause */
/* optimise_main.c - `davit image optimise`: an image once more, with what is read first in front. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "images/order.h"
#include "images/repack.h"
#include "images/start.h"
#include "images/tracefile.h"
#include "launcher/image/image_commands.h"
#include "launcher/image/opened.h"
#include "launcher/report.h"

struct optimising {
	const struct image_arguments *arguments;
	struct opened source;
	struct trace_list *traces;
	size_t trace_count;
	struct order order;
	struct pack_options options;
};

/* ---- options ------------------------------------------------------------- */

static int refuse_number(const char *option, const char *value, const char *remedy,
			 struct error *err)
{
	error_set(err, 0, "--%s: '%s' is no number", option, value);
	return error_remedy(err, "%s", remedy);
}

/* Digits, and K or M behind them; what is too much is more than any size of blocks. */
static int parse_size(const char *value, size_t *size, struct error *err)
{
	size_t digits = strspn(value, "0123456789");
	const char *unit = value + digits;
	unsigned int shift = strcasecmp(unit, "k") == 0 ? 10 : strcasecmp(unit, "m") == 0 ? 20 : 0;

	if (digits == 0 || (*unit && shift == 0))
		return refuse_number("block-size", value, "4K to 1M", err);
	*size = digits > 9 ? SIZE_MAX : strtoul(value, NULL, 10) << shift;
	return 0;
}

static int take_options(struct optimising *optimising, struct error *err)
{
	const struct image_arguments *arguments = optimising->arguments;
	struct pack_options *options = &optimising->options;
	const char *level = arguments_value(arguments, "level");
	const char *size = arguments_value(arguments, "block-size");

	options->compressor = arguments_value(arguments, "compressor");
	if (level && (!level[0] || strspn(level, "0123456789") != strlen(level)))
		return refuse_number("level", level, "1 to 22 for zstd, 1 to 9 for gzip and lzo",
				     err);
	if (level)
		options->level = strlen(level) > 2 ? INT_MAX : atoi(level);
	if (size && parse_size(size, &options->block_size, err) < 0)
		return -1;
	if (arguments_value(arguments, "trace"))
		return 0;
	error_set(err, 0, "no trace given");
	return error_remedy(err, "--trace=FILE, after: davit run --trace=FILE %s COMMAND",
			    arguments->operands[0]);
}

/* ---- traces -------------------------------------------------------------- */

/* A trace of an older build of the image serves well, but whoever took the wrong one should know. */
static void note_other(const char *path, const struct image *image)
{
	struct error note = ERROR_INIT;

	error_set(&note, 0, "the trace '%s' is of another image than '%s', by size or date", path,
		  image->path);
	error_remedy(&note,
		     "a new trace, if much has changed since: davit run --trace=FILE %s COMMAND",
		     image->path);
	report(&note);
}

static int read_traces(struct optimising *optimising, struct error *err)
{
	const struct image *image = &optimising->source.image;
	cleanup_free char **paths = arguments_values(optimising->arguments, "trace");
	struct trace_image identity;
	size_t count = 0;

	while (paths && paths[count])
		count++;
	optimising->traces = calloc(count + 1, sizeof(*optimising->traces));
	if (!paths || !optimising->traces)
		return error_set(err, ENOMEM, "cannot keep the traces");
	if (trace_identify(image, &identity, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct trace_list *trace = &optimising->traces[optimising->trace_count++];

		if (trace_list_read(trace, paths[i], err) < 0)
			return -1;
		if (trace->count == 0) {
			error_set(err, 0, "the trace '%s' names no files", paths[i]);
			return error_remedy(err, "davit run --trace=FILE %s COMMAND", image->path);
		}
		if (!trace_is_same(&trace->image, &identity))
			note_other(paths[i], image);
	}
	return 0;
}

static int make_order(struct optimising *optimising, struct error *err)
{
	struct opened *source = &optimising->source;
	struct order *order = &optimising->order;

	if (order_make(order, source->direct.squash, optimising->traces, optimising->trace_count,
		       err) < 0)
		return image_wrap(&source->image, err);
	if (order->found > 0)
		return 0;
	error_set(err, 0, "no file of the trace is in image '%s'", source->image.path);
	return error_remedy(err, "davit run --trace=FILE %s COMMAND", source->image.path);
}

/* ---- the new image ------------------------------------------------------- */

static int check_target(const struct optimising *optimising, const char *path, struct error *err)
{
	struct stat source, target;

	if (lstat(path, &target) < 0)
		return 0; /* whatever is wrong shows when it is made */
	if (fstat(optimising->source.image.fd, &source) == 0 && source.st_dev == target.st_dev &&
	    source.st_ino == target.st_ino) {
		error_set(err, 0, "'%s' is the image itself", path);
		return error_remedy(err, "another name for the new image");
	}
	if (arguments_value(optimising->arguments, "force"))
		return 0;
	error_set(err, 0, "'%s' exists", path);
	return error_remedy(err, "another name, or --force to replace it");
}

/* Notes in the new image where the start ends, which is known only now. */
static int note_end(const struct optimising *optimising, int fd, uint64_t *end, struct error *err)
{
	struct squash *squash = squash_open(fd, 0, err);
	int result = squash ? order_find_end(&optimising->order, squash, end, err) : -1;

	if (result == 0 && *end > 0)
		result = start_write(fd, squash_size(squash), *end, err);
	squash_close(squash);
	return result;
}

static void tell(const struct optimising *optimising, const char *path, uint64_t end,
		 size_t sockets)
{
	const struct order *order = &optimising->order;
	struct error note = ERROR_INIT;
	size_t partly = 0;

	for (size_t i = 0; i < order->count; i++)
		partly += order->entries[i].place == ORDER_PARTLY;
	if (!arguments_value(optimising->arguments, "quiet"))
		printf("%s: %zu files first, in %.1f MiB; %zu behind them, read in part; %zu of the "
		       "trace not in the image\n",
		       path, order->found - partly, (double)end / (1 << 20), partly,
		       order->missing);
	if (sockets == 0)
		return;
	error_set(&note, 0, "sockets are left out (%zu): an archive cannot hold them", sockets);
	report(&note);
}

static int write_new(struct optimising *optimising, const char *path, struct error *err)
{
	struct opened *source = &optimising->source;
	struct repack repack = { .image = &source->image,
				 .direct = &source->direct,
				 .order = &optimising->order };
	const char *more[REPACK_MORE];
	struct pack pack = PACK_INIT;
	uint64_t end = 0;
	int result = -1;

	if (repack_options(&repack, &optimising->options, more, err) < 0 ||
	    pack_open(&pack, path, &optimising->options, err) < 0)
		return -1;
	if (repack_entries(&repack, &pack, err) == 0 && pack_wait(&pack, err) == 0)
		result = note_end(optimising, pack.file.fd, &end, err);
	if (result == 0)
		result = pack_finish(&pack, err);
	pack_abort(&pack);
	if (result == 0)
		tell(optimising, path, end, repack.sockets);
	return result;
}

static int optimise(struct optimising *optimising, struct error *err)
{
	const struct image_arguments *arguments = optimising->arguments;

	if (take_options(optimising, err) < 0 ||
	    opened_open(&optimising->source, arguments->operands[0], err) < 0 ||
	    check_target(optimising, arguments->operands[1], err) < 0 ||
	    read_traces(optimising, err) < 0 || make_order(optimising, err) < 0)
		return -1;
	return write_new(optimising, arguments->operands[1], err);
}

int image_command_optimise(const struct image_arguments *arguments, struct error *err)
{
	struct optimising optimising = { .arguments = arguments, .source = OPENED_INIT };
	int result = optimise(&optimising, err);

	for (size_t i = 0; i < optimising.trace_count; i++)
		trace_list_done(&optimising.traces[i]);
	free(optimising.traces);
	order_done(&optimising.order);
	opened_done(&optimising.source);
	return result;
}
