/* SPDX-License-Identifier: BSD-3-Clause */
/* extract_main.c - `davit image extract`. */
#include <stdbool.h>
#include <stdio.h>

#include "launcher/image/extract.h"
#include "launcher/image/image_commands.h"
#include "launcher/note.h"
#include "launcher/report.h"

/* What is not where the user might look for it. */
static void tell(const struct extraction *extraction)
{
	struct notes notes = { .count = 0 };
	const char *path = extraction->opened->image.path;
	size_t devices = extraction->left_out, attributes = extraction->lost_attributes;

	if (devices > 0)
		error_set(notes_add(&notes), 0,
			  "image '%s': %zu device file%s or socket%s left out", path, devices,
			  devices > 1 ? "s" : "", devices > 1 ? "s are" : " is");
	if (attributes > 0)
		error_set(notes_add(&notes), 0,
			  "image '%s': %zu extended attribute%s, which '%s' cannot hold", path,
			  attributes, attributes > 1 ? "s are left out" : " is left out",
			  extraction->dir);
	report_notes(&notes);
}

static int extract_all(struct extraction *extraction, const struct image_arguments *arguments,
		       struct error *err)
{
	int result = 0;

	if (arguments->operand_count == 1)
		return extract(extraction, "/", err);
	for (size_t i = 1; result == 0 && i < arguments->operand_count; i++)
		result = extract(extraction, arguments->operands[i], err);
	return result;
}

int image_command_extract(const struct image_arguments *arguments, struct error *err)
{
	const char *dir = arguments_value(arguments, "directory");
	struct opened opened = OPENED_INIT;
	struct extraction extraction;
	int result;

	/* All of an image in the directory where somebody happens to be is a mess. */
	if (!dir && arguments->operand_count == 1) {
		error_set(err, 0, "no directory given for all that is in the image");
		return error_remedy(err, "davit image extract -C DIR %s", arguments->operands[0]);
	}
	result = opened_open(&opened, arguments->operands[0], err);
	if (result == 0) {
		result = extraction_init(&extraction, &opened, dir ? dir : ".", err);
		extraction.replaces = arguments_value(arguments, "force");
		if (result == 0)
			result = extract_all(&extraction, arguments, err);
		if (result == 0)
			tell(&extraction);
		extraction_done(&extraction);
	}
	opened_done(&opened);
	return result;
}
