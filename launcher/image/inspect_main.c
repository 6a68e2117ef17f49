/* SPDX-License-Identifier: BSD-3-Clause */
/* inspect_main.c - `davit image inspect`: what the image says about itself, and what is found in it. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fd.h"
#include "images/beside.h"
#include "images/seal.h"
#include "images/sign.h"
#include "launcher/image/census.h"
#include "launcher/image/image_commands.h"
#include "launcher/image/json_text.h"
#include "launcher/image/opened.h"
#include "launcher/image/says.h"

static void add_time(json_t *object, const char *key, time_t when)
{
	char text[32];
	struct tm tm;

	if (gmtime_r(&when, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		json_object_set_new(object, key, json_string(text));
}

/* What its superblock says. */
static void add_format(json_t *object, const struct opened *opened)
{
	const struct squash *squash = opened->direct.squash;
	struct stat st;

	if (!squash)
		return;
	json_object_set_new(object, "compression", json_string(squash_compression(squash)));
	json_object_set_new(object, "block-size",
			    json_integer((json_int_t)squash_block_size(squash)));
	add_time(object, "created", squash_made(squash));
	if (fstat(opened->image.fd, &st) == 0)
		json_object_set_new(object, "size", json_integer(st.st_size));
}

/* What the seal says is not checked: `davit image verify` does that. */
static void add_proofs(json_t *object, const struct image *image)
{
	struct signatures signatures = { .count = 0 };
	struct error err = ERROR_INIT;
	char digest[DIGEST_TEXT_SIZE] = "";
	bool is_by_kernel = image->kind == IMAGE_SQUASHFS && digest_of_kernel(image->fd, digest);

	if (image->kind != IMAGE_SQUASHFS)
		return;
	if (is_by_kernel || image_measure(image, digest, &err) == 0) {
		json_object_set_new(object, "digest", json_string(digest));
		json_object_set_new(object, "digest-of",
				    json_string(is_by_kernel ? "fs-verity" : "seal"));
	} else if (beside_exists(image->fd, SEAL_SUFFIX)) {
		json_set_text(object, "seal", err.cause);
	}
	err = (struct error)ERROR_INIT;
	if (signatures_read(&signatures, image->fd, &err) == 0) {
		json_object_set_new(object, "signatures",
				    json_integer((json_int_t)signatures.count));
		json_object_set_new(object, "signed-digest", json_string(signatures.digest));
	} else if (err.errnum != ENOENT) {
		json_set_text(object, "signatures", err.cause);
	}
}

/* "image" and "kind" come first, what the image says comes last. */
static json_t *arrange(json_t *says, json_t *found)
{
	json_t *object = json_object(), *value;
	const char *key;

	for (int is_late = 0; is_late < 2; is_late++) {
		json_object_foreach(says, key, value)
		{
			bool is_first = strcmp(key, "image") == 0 || strcmp(key, "kind") == 0;

			if (is_first == !is_late)
				json_object_set(object, key, value);
		}
		if (!is_late)
			json_object_update(object, found);
	}
	json_decref(says);
	json_decref(found);
	return object;
}

static json_t *inspect(const char *name, struct error *err)
{
	struct opened opened = OPENED_INIT;
	json_t *says = NULL, *found = json_object();

	if (opened_open_any(&opened, name, err) == 0) {
		const struct image_files files = opened_files(&opened);

		says = says_collect(&opened.image, &files, err);
	}
	if (says) {
		add_format(found, &opened);
		add_proofs(found, &opened.image);
		if (census_take(&opened, found, err) < 0) {
			json_decref(says);
			says = NULL;
		}
	}
	opened_done(&opened);
	if (says)
		return arrange(says, found);
	json_decref(found);
	return NULL;
}

int image_command_inspect(const struct image_arguments *arguments, struct error *err)
{
	json_t *object = inspect(arguments->operands[0], err);
	int result = 0;

	if (!object)
		return -1;
	if (!arguments_value(arguments, "json"))
		says_print(object);
	else if (json_dumpf(object, stdout, JSON_INDENT(2)) == 0)
		putchar('\n');
	else
		result = error_set(err, errno, "cannot write to standard output");
	json_decref(object);
	return result;
}
