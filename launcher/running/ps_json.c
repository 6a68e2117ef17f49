/* SPDX-License-Identifier: BSD-3-Clause */
/* ps_json.c - `davit ps --json`. */
#include "launcher/running/ps.h"

#include <errno.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>

#include "common/node.h"
#include "launcher/running/process.h"

/* Users write these: maybe no UTF-8, which JSON cannot have. Control characters it escapes. */
static json_t *text(const char *value)
{
	json_t *json = value ? json_string(value) : json_null();

	return json ? json : json_string("?");
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)(value < STATS_MAX ? value : STATS_MAX));
}

static json_t *make_counts(const uint64_t counts[STAT_COUNT])
{
	json_t *object = json_object();

	for (size_t i = 0; i < STAT_COUNT; i++)
		json_object_set_new(object, stats_table[i].key,
				    stats_table[i].unit == STATS_MICROSECONDS
					    ? json_real((double)counts[i] / 1000)
					    : number(counts[i]));
	json_object_set_new(object, "requests", number(stats_requests(counts)));
	return object;
}

static json_t *make_container(const struct running *running)
{
	const struct passwd *user = getpwuid(running->uid);
	json_t *object = json_object();
	char step[16];

	json_object_set_new(object, "user", text(user ? user->pw_name : NULL));
	json_object_set_new(object, "uid", json_integer(running->uid));
	json_object_set_new(object, "job", running->job ? json_integer(running->job) : json_null());
	json_object_set_new(object, "step",
			    text(running->step == STEP_NONE
					 ? NULL
					 : step_format(running->step, step, sizeof(step))));
	json_object_set_new(object, "ranks", number(running->ranks));
	json_object_set_new(object, "processes", number(running->processes));
	json_object_set_new(object, "memory", number(running->memory));
	json_object_set_new(object, "served",
			    running->server ? number(running->served) : json_null());
	json_object_set_new(object, "name", text(running->name));
	json_object_set_new(object, "image", text(running->image));
	json_object_set_new(object, "staged", text(running->staged));
	json_object_set_new(object, "transport",
			    running->is_counted
				    ? text(running->counts[STAT_RINGS] > 0 ? "io_uring" : "dev")
				    : json_null());
	json_object_set_new(object, "statistics",
			    running->is_counted ? make_counts(running->counts) : json_null());
	return object;
}

int ps_print_json(const struct running_list *list, struct error *err)
{
	json_t *all = json_object(), *containers = json_array();
	char node[NODE_NAME_MAX];
	int result;

	node_name(node);
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(containers, make_container(&list->items[i]));
	json_object_set_new(all, "node", text(node));
	json_object_set_new(all, "containers", containers);
	result = all ? json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : -1;
	json_decref(all);
	if (result == 0 && putchar('\n') != EOF)
		return 0;
	return error_set(err, errno, "cannot write the list");
}
