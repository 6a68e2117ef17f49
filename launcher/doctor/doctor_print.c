/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor_print.c - see doctor.h. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/node.h"
#include "launcher/doctor/doctor.h"

#define STATUS_COUNT 4

static void count_all(const struct result *results, size_t count, size_t counts[STATUS_COUNT])
{
	memset(counts, 0, STATUS_COUNT * sizeof(*counts));
	for (size_t i = 0; i < count; i++)
		counts[results[i].status]++;
}

/* See no-color.org. */
static bool has_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && no[0]) && term && strcmp(term, "dumb") != 0;
}

void doctor_print(const struct check *checks, const struct result *results, size_t count)
{
	static const char *const marks[] = { [STATUS_OK] = "\033[32mok\033[0m  ",
					     [STATUS_WARN] = "\033[33mwarn\033[0m",
					     [STATUS_FAIL] = "\033[1;31mfail\033[0m",
					     [STATUS_SKIP] = "skip" };
	bool is_colored = has_color();
	size_t counts[STATUS_COUNT];
	char node[NODE_NAME_MAX];

	for (size_t i = 0; i < count; i++) {
		const struct result *result = &results[i];

		if (is_colored)
			fputs(marks[result->status], stdout);
		else
			printf("%-4s", status_name(result->status));
		printf("  %-16s  %s\n", checks[i].name, result->found);
		if (result->status != STATUS_OK && result->remedy[0])
			printf("%24stry: %s\n", "", result->remedy);
	}
	count_all(results, count, counts);
	node_name(node);
	error_scrub(node);
	printf("%s as %s: %zu ok, %zu warn, %zu fail, %zu skip\n", node,
	       geteuid() == 0 ? "root" : "a user", counts[STATUS_OK], counts[STATUS_WARN],
	       counts[STATUS_FAIL], counts[STATUS_SKIP]);
}

/* Paths may be no UTF-8, which JSON cannot have. */
static json_t *text(const char *value)
{
	json_t *json = json_string(value);

	return json ? json : json_string("?");
}

static json_t *make_check(const struct check *check, const struct result *result)
{
	json_t *object = json_object();

	json_object_set_new(object, "name", text(check->name));
	json_object_set_new(object, "status", text(status_name(result->status)));
	json_object_set_new(object, "found", text(result->found));
	json_object_set_new(object, "remedy",
			    result->status != STATUS_OK && result->remedy[0] ? text(result->remedy)
									     : json_null());
	return object;
}

int doctor_print_json(const struct check *checks, const struct result *results, size_t count,
		      struct error *err)
{
	json_t *root = json_object(), *list = json_array();
	cleanup_free char *out = NULL;
	size_t counts[STATUS_COUNT];
	char node[NODE_NAME_MAX];

	node_name(node);
	count_all(results, count, counts);
	json_object_set_new(root, "davit", text(PACKAGE_VERSION));
	json_object_set_new(root, "node", text(node));
	json_object_set_new(root, "uid", json_integer((json_int_t)geteuid()));
	for (enum status status = STATUS_OK; status <= STATUS_SKIP; status++)
		json_object_set_new(root, status_name(status),
				    json_integer((json_int_t)counts[status]));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, make_check(&checks[i], &results[i]));
	json_object_set_new(root, "checks", list);
	out = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	if (!out)
		return error_set(err, ENOMEM, "cannot print JSON");
	puts(out);
	return 0;
}
