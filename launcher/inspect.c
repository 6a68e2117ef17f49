/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inspect.c - `davit inspect IMAGE`: what the image is and says about itself.
 *
 * What an image says is in its files, so it is read where that is safe: in a container.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/fd.h"
#include "images/imageconf.h"
#include "launcher/commands.h"
#include "launcher/container.h"
#include "launcher/permissions/permissions.h"
#include "launcher/report.h"

/* A word as YAML takes it, in one line. */
static void print_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	puts("\"");
}

static void print_list(const char *name, char *const *list)
{
	if (!list)
		return;
	printf("%s:\n", name);
	for (; *list; list++) {
		fputs("  - ", stdout);
		print_text(*list);
	}
}

static void print_field(const char *name, const char *text)
{
	if (!text)
		return;
	printf("%s: ", name);
	print_text(text);
}

static const char *kind_of(const struct image *image)
{
	if (image->kind == IMAGE_DIRECTORY)
		return image->bundle_config ? "OCI bundle" : "directory";
	return image->offset ? "SIF" : "squashfs";
}

static void print_says(const struct image_config *says, const struct image *image,
		       char *const *permissions)
{
	print_field("image", image->path);
	print_field("kind", kind_of(image));
	print_field("origin", says->origin);
	print_list("env", says->env);
	print_field("workdir", says->workdir);
	print_list("entrypoint", says->entrypoint);
	print_list("command", says->command);
	print_list("labels", says->labels);
	if (permissions && !permissions[0])
		puts("permissions: []");
	else
		print_list("permissions", permissions);
}

/* Nothing is printed of an image that asks for something nobody understands. */
static int print_all(const struct image_config *says, int root, const struct image *image,
		     struct error *err)
{
	struct permissions asks;
	char **words = NULL;
	int result = permissions_read(&asks, root, err);

	if (result < 0)
		error_wrap(err, "image '%s'", image->path);
	else if (result > 0 && !(words = permissions_words(&asks)))
		result = error_set(err, ENOMEM, "cannot tell what the image asks for");
	if (result >= 0)
		print_says(says, image, words);
	strings_free(words);
	permissions_done(&asks);
	return result < 0 ? -1 : 0;
}

static int print(const struct image *image, struct error *err)
{
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct image_config says;

	if (root < 0)
		return error_set(err, errno, "cannot open the container's root");
	if (image_config_read(&says, root, image, err) < 0)
		return -1;
	if (print_all(&says, root, image, err) < 0) {
		image_config_done(&says);
		return -1;
	}
	image_config_done(&says);
	return fflush(stdout) == 0 ? 0 : error_set(err, errno, "cannot write");
}

/* Tells what goes wrong. */
static int inspect(char *path, struct error *err)
{
	struct settings settings = { .image = path,
				     .workdir = (char *)(uintptr_t) "/",
				     .gpus = GPUS_NONE,
				     .nic = NIC_NONE };
	struct rendezvous rendezvous = { .memfd = -1 };
	struct conf conf = { .state_dir = NULL };
	struct container container = { .settings = &settings,
				       .conf = &conf,
				       .has_command = true,
				       .ignores_wishes = true,
				       .userns = -1,
				       .rendezvous = &rendezvous,
				       .save = SAVE_INIT };
	struct image image = IMAGE_INIT;
	struct way way = WAY_INIT;
	int result = -1;

	/* The image's path leads nowhere in the container, so it is opened before. */
	if (image_open(&image, path, err) == 0 && rendezvous_alone(&rendezvous, err) == 0 &&
	    container_build(&container, &way, err) == 0)
		result = print(&image, err);
	image_done(&image);
	/* The image server may have told already. */
	if (result < 0 && rendezvous.handover)
		rendezvous_report(&rendezvous, err);
	else if (result < 0)
		report(err);
	return result;
}

int inspect_main(int argc, char **argv)
{
	struct error err = ERROR_INIT;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		puts("Usage: davit inspect IMAGE\n"
		     "Show what an image is, and the environment, working directory, entrypoint, command\n"
		     "and labels that it brings along, and what it asks for, as YAML.");
		return 0;
	}
	if (argc != 2) {
		error_set(&err, 0, argc < 2 ? "no image given" : "more than one image");
		error_remedy(&err, "davit inspect IMAGE");
	} else {
		return inspect(argv[1], &err) < 0 ? err.code : 0;
	}
	report(&err);
	return err.code;
}
