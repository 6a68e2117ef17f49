/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inspect.c - `davit inspect IMAGE`: what the image is and says about itself.
 *
 * In no time: nothing but the few files that say it are read. `davit image inspect` looks at all the rest,
 * too.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "launcher/commands.h"
#include "launcher/image/opened.h"
#include "launcher/image/says.h"
#include "launcher/report.h"

static int inspect(const char *path, struct error *err)
{
	struct opened opened = OPENED_INIT;
	json_t *says = NULL;

	if (opened_open_any(&opened, path, err) == 0) {
		const struct image_files files = opened_files(&opened);

		says = says_collect(&opened.image, &files, err);
	}
	if (says)
		says_print(says);
	opened_done(&opened);
	json_decref(says);
	if (!says)
		return -1;
	return fflush(stdout) == 0 ? 0 : error_set(err, errno, "cannot write");
}

int inspect_main(int argc, char **argv)
{
	struct error err = ERROR_INIT;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		puts("Usage: davit inspect IMAGE\n"
		     "Show what an image is, and the environment, working directory, entrypoint, command\n"
		     "and labels that it brings along, and what it asks for, as YAML.\n"
		     "davit image inspect IMAGE shows more.");
		return 0;
	}
	if (argc != 2) {
		error_set(&err, 0, argc < 2 ? "no image given" : "more than one image");
		error_remedy(&err, "davit inspect IMAGE");
	} else if (inspect(argv[1], &err) == 0) {
		return 0;
	}
	report(&err);
	return err.code;
}
