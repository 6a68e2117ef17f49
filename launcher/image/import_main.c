/* SPDX-License-Identifier: BSD-3-Clause */
/* import_main.c - `davit image import`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/home.h"
#include "images/import/import.h"
#include "launcher/image/image_commands.h"

#define BAR_WIDTH   40
#define TIMEOUT_MAX (24 * 3600)

const struct image_option image_import_options[] = {
	{ "compressor", 'c', "NAME", "zstd, gzip, xz, lzo or lz4 (zstd)" },
	{ "level", 'l', "N", "of the compressor (6 for zstd, else its own default)" },
	{ "block-size", 'b', "BYTES", "a power of 2 from 4K to 1M (128K)" },
	{ "keep-owners", 0, NULL, "keep users and groups of files, which else are root's" },
	{ "arch", 0, "NAME", "architecture to choose, as amd64 or arm64 (this machine's)" },
	{ "authfile", 0, "FILE", "log in to registries with this file, as skopeo login writes it" },
	{ "tls-verify", 0, "true|false",
	  "false: take a registry without or with wrong TLS (true)" },
	{ "timeout", 0, "SECONDS", "give up when nothing comes for so long (180)" },
	{ "force", 'f', NULL, "replace FILE where it is there" },
	{ "quiet", 'q', NULL, "say nothing but errors" },
	{ NULL },
};

struct bar {
	int percent; /* that is shown, -1: none */
};

static void show(void *data, uint64_t done, uint64_t total)
{
	struct bar *bar = data;
	int percent = total ? (int)(done * 100 / total) : 0;
	int filled = percent * BAR_WIDTH / 100;

	if (percent == bar->percent || percent > 100)
		return;
	bar->percent = percent;
	fprintf(stderr, "\r[%.*s%*s] %3d%%", filled, "########################################",
		BAR_WIDTH - filled, "", percent);
}

static int take_number(const char *text, const char *what, bool has_unit, size_t *number,
		       struct error *err)
{
	char *end;
	unsigned long value;

	*number = 0;
	if (!text)
		return 0;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (has_unit && end > text && (*end == 'K' || *end == 'k' || *end == 'M') &&
	    value <= PACK_BLOCK_MAX)
		value <<= *end++ == 'M' ? 20 : 10;
	if (text[0] < '0' || text[0] > '9' || *end || errno || value == 0 || value > 1 << 30) {
		error_set(err, 0, "'--%s=%s' is not a number", what, text);
		return error_remedy(err,
				    has_unit ? "a power of 2 from 4K to 1M" : "a number from 1 on");
	}
	*number = value;
	return 0;
}

static int take_options(struct import *import, const struct image_arguments *arguments,
			struct error *err)
{
	const char *tls = arguments_value(arguments, "tls-verify");
	size_t level, timeout;

	import->pack.compressor = arguments_value(arguments, "compressor");
	import->pack.keep_owners = arguments_value(arguments, "keep-owners");
	import->skopeo.arch = arguments_value(arguments, "arch");
	import->skopeo.authfile = arguments_value(arguments, "authfile");
	import->force = arguments_value(arguments, "force");
	if (tls && strcmp(tls, "true") != 0 && strcmp(tls, "false") != 0) {
		error_set(err, 0, "'--tls-verify=%s' is neither true nor false", tls);
		return error_remedy(err, "--tls-verify=false");
	}
	import->skopeo.no_tls_verify = tls && strcmp(tls, "false") == 0;
	if (take_number(arguments_value(arguments, "level"), "level", false, &level, err) < 0 ||
	    take_number(arguments_value(arguments, "block-size"), "block-size", true,
			&import->pack.block_size, err) < 0 ||
	    take_number(arguments_value(arguments, "timeout"), "timeout", false, &timeout, err) < 0)
		return -1;
	if (timeout > TIMEOUT_MAX) {
		error_set(err, 0, "'--timeout=%zu' is more than a day", timeout);
		return error_remedy(err, "--timeout=%d, at most", TIMEOUT_MAX);
	}
	import->skopeo.timeout = (unsigned int)timeout;
	import->pack.level = (int)level;
	if (!level && (!import->pack.compressor || strcmp(import->pack.compressor, "zstd") == 0))
		import->pack.level = PACK_ZSTD_LEVEL;
	return 0;
}

static int import_file(struct import *import, bool is_quiet, struct error *err)
{
	bool is_terminal = !is_quiet && isatty(STDERR_FILENO);
	struct bar bar = { .percent = -1 };
	int result;

	if (is_terminal) {
		import->progress = show;
		import->data = &bar;
	} else if (!is_quiet) {
		fprintf(stderr, "importing %s\n", import->source);
	}
	result = import_image(import, err);
	if (bar.percent >= 0)
		fprintf(stderr, "\r%*s\r", BAR_WIDTH + 10, "");
	if (result < 0 || is_quiet)
		return result;
	if (import->left_out)
		fprintf(stderr, "left out: %ju devices, FIFOs and sockets\n",
			(uintmax_t)import->left_out);
	puts(import->file);
	return 0;
}

int image_command_import(const struct image_arguments *arguments, struct error *err)
{
	struct import import = { .source = arguments->operands[0] };
	cleanup_free char *file = NULL;

	if (take_options(&import, arguments, err) < 0)
		return -1;
	file = arguments->operand_count > 1 ? home_expand(arguments->operands[1], err)
					    : import_name(import.source, err);
	import.file = file;
	return file ? import_file(&import, arguments_value(arguments, "quiet"), err) : -1;
}
