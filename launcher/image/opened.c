/* SPDX-License-Identifier: BSD-3-Clause */
/* opened.c - see opened.h. */
#include "launcher/image/opened.h"

#include <stdio.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/quote.h"

int opened_open(struct opened *opened, const char *name, struct error *err)
{
	if (image_open(&opened->image, name, err) < 0)
		return -1;
	return direct_open(&opened->direct, &opened->image, err);
}

int opened_open_any(struct opened *opened, const char *name, struct error *err)
{
	if (image_open(&opened->image, name, err) < 0)
		return -1;
	if (opened->image.kind == IMAGE_DIRECTORY)
		return 0;
	return direct_open(&opened->direct, &opened->image, err);
}

struct image_files opened_files(const struct opened *opened)
{
	if (opened->direct.squash)
		return direct_files(&opened->direct);
	return (struct image_files){ .root = opened->image.fd };
}

void opened_done(struct opened *opened)
{
	direct_close(&opened->direct);
	image_done(&opened->image);
}

int opened_find(const struct opened *opened, const char *path, bool follow,
		struct direct_place *place, struct error *err)
{
	int error = direct_find(&opened->direct, path, follow, place);

	return error ? direct_fail(&opened->image, path, error, err) : 0;
}

void print_name(const char *name, bool is_quoted)
{
	static int is_terminal = -1;
	cleanup_free char *quoted = NULL;

	if (is_terminal < 0)
		is_terminal = isatty(STDOUT_FILENO);
	if (is_quoted || is_terminal)
		quoted = quote_name(name);
	/* Without memory for it, rather nothing than what a terminal would obey. */
	fputs(is_quoted || is_terminal ? (quoted ? quoted : "?") : name, stdout);
}
