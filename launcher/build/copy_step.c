/* SPDX-License-Identifier: BSD-3-Clause */
/* copy_step.c - COPY and ADD. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "images/build/copy.h"
#include "images/build/sources.h"
#include "launcher/build/worker.h"

static int parse_mode(const struct worker *worker, const char *flag, int *mode, struct error *err)
{
	cleanup_free char *text = flag ? step_expand(worker, flag, err) : NULL;
	char *end;
	unsigned long value;

	*mode = -1;
	if (!flag)
		return 0;
	if (!text)
		return -1;
	value = strtoul(text, &end, 8);
	if (text[0] < '0' || text[0] > '7' || *end || value > 07777) {
		error_set(err, 0, "--chmod=%s is not an octal mode", text);
		return error_remedy(err, "--chmod=755, for example");
	}
	*mode = (int)value;
	return 0;
}

/* ADD fetches what has an address, and unpacks archives. */
static int refuse_archive(const struct worker *worker, const char *path, struct error *err)
{
	static const struct {
		size_t at, len;
		const char *bytes;
	} magics[] = {
		{ 0, 2, "\x1f\x8b" },
		{ 0, 3, "BZh" },
		{ 0, 6,
		  "\xfd"
		  "7zXZ\0" },
		{ 0, 4, "\x28\xb5\x2f\xfd" },
		{ 257, 5, "ustar" },
	};
	cleanup_close int fd =
		open_in_root(worker->build->context_dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	char head[512];
	ssize_t len = fd < 0 ? 0 : fd_pread_all(fd, head, sizeof(head), 0);

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (len < (ssize_t)(magics[i].at + magics[i].len) ||
		    memcmp(head + magics[i].at, magics[i].bytes, magics[i].len) != 0)
			continue;
		error_set(err, 0, "ADD would unpack '%s', which is not supported", path);
		return error_remedy(err, "COPY, and RUN tar -x where it is to be unpacked");
	}
	return 0;
}

static int check_add(const struct worker *worker, const struct list *words, struct error *err)
{
	struct list paths = { .items = NULL };
	int result = 0;

	for (size_t i = 0; result == 0 && i + 1 < words->count; i++) {
		if (strstr(words->items[i], "://") || strncmp(words->items[i], "git@", 4) == 0) {
			error_set(err, 0, "ADD would fetch '%s', which is not supported",
				  words->items[i]);
			result = error_remedy(err, "RUN with curl or wget, or fetch it before, and "
						   "COPY");
			break;
		}
		result = sources_find(&paths, worker->build->context_dir, words->items[i],
				      &worker->build->ignore, err);
	}
	for (size_t i = 0; result == 0 && i < paths.count; i++)
		result = refuse_archive(worker, paths.items[i], err);
	list_done(&paths);
	return result;
}

static int copy_words(struct worker *worker, const struct instruction *step, struct list *words,
		      struct error *err)
{
	const char *from = containerfile_flag(step, "from");
	const struct stage *source =
		from ? stages_source(worker->build, from, worker->index) : NULL;
	struct copy copy = { .from = source ? source->root : worker->build->context_dir,
			     .to = worker->root,
			     .ignore = from ? NULL : &worker->build->ignore,
			     .is_image = from != NULL };
	cleanup_free char *target = NULL, *last = NULL;

	if (words->count < 2) {
		error_set(err, 0, "%s needs a source and a target", containerfile_verb(step->verb));
		return error_remedy(err, "COPY SOURCE... TARGET");
	}
	if (parse_mode(worker, containerfile_flag(step, "chmod"), &copy.mode, err) < 0 ||
	    (step->verb == VERB_ADD && check_add(worker, words, err) < 0))
		return -1;
	last = words->items[--words->count];
	words->items[words->count] = NULL;
	target = step_absolute(worker, last, err);
	return target ? copy_sources(&copy, words->items, target, err) : -1;
}

int copy_step(struct worker *worker, const struct instruction *step, struct error *err)
{
	struct list words = { .items = NULL };
	int result = step_words(worker, step, &words, err);

	if (result == 0)
		result = copy_words(worker, step, &words, err);
	list_done(&words);
	return result;
}
