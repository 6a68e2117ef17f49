/* SPDX-License-Identifier: BSD-3-Clause */
/* cat_main.c - `davit image cat`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/image/image_commands.h"
#include "launcher/image/opened.h"

#define PIECE ((size_t)1 << 20)

static int refuse(const struct opened *opened, const char *path, mode_t mode, struct error *err)
{
	error_set(err, 0, "'%s' in image '%s' is %s", path, opened->image.path,
		  S_ISDIR(mode) ? "a directory" : "not a regular file");
	return error_remedy(err, "davit image ls -l %s %s", opened->image.path, path);
}

static int write_file(const struct opened *opened, const char *path, char *buf, struct error *err)
{
	struct direct_place place;
	struct stat st;
	off_t at = 0;
	size_t got = 1;
	int error;

	if (opened_find(opened, path, true, &place, err) < 0)
		return -1;
	error = squash_stat(opened->direct.squash, place.inode, &st);
	if (!error && !S_ISREG(st.st_mode))
		return refuse(opened, path, st.st_mode, err);
	while (!error && got > 0) {
		error = direct_read(&opened->direct, place.inode, at, buf, PIECE, &got);
		if (!error && fd_write_all(STDOUT_FILENO, buf, got) < 0)
			return error_set(err, errno, "cannot write to standard output");
		at += (off_t)got;
	}
	return error ? direct_fail(&opened->image, path, error, err) : 0;
}

int image_command_cat(const struct image_arguments *arguments, struct error *err)
{
	cleanup_free char *buf = malloc(PIECE);
	struct opened opened = OPENED_INIT;
	int result = buf ? opened_open(&opened, arguments->operands[0], err)
			 : error_set(err, ENOMEM, "cannot read an image");

	for (size_t i = 1; result == 0 && i < arguments->operand_count; i++)
		result = write_file(&opened, arguments->operands[i], buf, err);
	opened_done(&opened);
	return result;
}
