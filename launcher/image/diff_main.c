/* SPDX-License-Identifier: BSD-3-Clause */
/* diff_main.c - `davit image diff`. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "launcher/image/differ.h"
#include "launcher/image/image_commands.h"
#include "launcher/image/json_text.h"

#define DIFFERENT 1 /* exit code, as of diff(1) */

struct output {
	char *const *names;
	json_t *list; /* or NULL: as text */
};

static void print(const struct difference *difference, void *data)
{
	const struct output *output = data;

	if (difference->only_in >= 0) {
		fputs("only in ", stdout);
		print_name(output->names[difference->only_in], true);
		fputs(": ", stdout);
		print_name(difference->path, true);
		putchar('\n');
	} else {
		print_name(difference->path, true);
		printf(": %s\n", difference->what);
	}
}

static void collect(const struct difference *difference, void *data)
{
	const struct output *output = data;
	json_t *object = json_object();

	json_set_text(object, "path", difference->path);
	if (difference->only_in >= 0)
		json_set_text(object, "only-in", output->names[difference->only_in]);
	else
		json_set_text(object, "differs", difference->what);
	json_array_append_new(output->list, object);
}

int image_command_diff(const struct image_arguments *arguments, struct error *err)
{
	const struct differ_how how = {
		.metadata = !arguments_value(arguments, "contents"),
		.times = arguments_value(arguments, "times"),
	};
	struct opened images[2] = { OPENED_INIT, OPENED_INIT };
	struct output output = { .names = arguments->operands };
	long count = -1;

	if (arguments_value(arguments, "json"))
		output.list = json_array();
	if (opened_open(&images[0], arguments->operands[0], err) == 0 &&
	    opened_open(&images[1], arguments->operands[1], err) == 0)
		count = differ(images, &how, output.list ? collect : print, &output, err);
	if (count >= 0 && output.list && json_dumpf(output.list, stdout, JSON_INDENT(2)) == 0)
		putchar('\n');
	json_decref(output.list);
	opened_done(&images[0]);
	opened_done(&images[1]);
	return count < 0 ? -1 : count > 0 ? DIFFERENT : 0;
}
