/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * edits.c - see edits.h.
 *
 * Each rank does this before its application starts, so it is made to be fast: one copy of all
 * strings that can be cut up in place, no setenv(3), and fnmatch(3) only for the few patterns that
 * are more than a name or the beginning of one.
 */
#include "launcher/env/edits.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

#define JOINED_MAX ((size_t)128 * 1024) /* bytes; execve(2) takes no longer string */

struct variable {
	char *name, *value;
	size_t name_len;
	char *joined; /* where `value` is a block of its own, that; else NULL */
	bool is_matched;
};

struct variables {
	struct variable *items; /* room for all there can ever be */
	size_t count;
	char *block;       /* all names and values, cut up */
	char *edits, *end; /* in it */
};

static bool is_edit(const char *edit)
{
	size_t name_len = edit[0] ? strcspn(edit + 1, "=") : 0;

	switch (edit[0]) {
	case EDIT_SET:
	case EDIT_PREPEND:
	case EDIT_APPEND:
		return name_len > 0 && edit[1 + name_len] == '=';
	case EDIT_UNSET:
	case EDIT_ONLY:
	case EDIT_JOB:
		return name_len > 0 && edit[1 + name_len] == '\0';
	default:
		return false;
	}
}

static int append_text(struct edits *edits, const char *text, size_t len, struct error *err)
{
	char *bigger = realloc(edits->text, edits->len + len);

	if (!bigger)
		return error_set(err, ENOMEM, "cannot keep the changes to the environment");
	memcpy(bigger + edits->len, text, len);
	edits->text = bigger;
	edits->len += len;
	return 0;
}

int edits_add(struct edits *edits, enum edit op, const char *text, struct error *err)
{
	size_t size = strlen(text) + 2;
	cleanup_free char *edit = malloc(size);

	if (!edit)
		return error_set(err, ENOMEM, "cannot keep the changes to the environment");
	edit[0] = (char)op;
	memcpy(edit + 1, text, size - 1);
	if (!is_edit(edit)) {
		error_set(err, 0, "'%s' is no change to an environment", text);
		return error_remedy(err, "%s",
				    op == EDIT_SET || op == EDIT_PREPEND || op == EDIT_APPEND
					    ? "NAME=VALUE"
					    : "a name");
	}
	return append_text(edits, edit, size, err);
}

int edits_append(struct edits *edits, const struct edits *more, struct error *err)
{
	return more->len ? append_text(edits, more->text, more->len, err) : 0;
}

void edits_done(struct edits *edits)
{
	free(edits->text);
	*edits = (struct edits){ .text = NULL };
}

/* `plain` bytes of the pattern stand for themselves. */
static bool matches(const char *pattern, size_t plain, const char *name)
{
	if (plain > 0 && (pattern[0] != name[0] || strncmp(pattern, name, plain) != 0))
		return false;
	if (!pattern[plain])
		return !name[plain];
	if (pattern[plain] == '*' && !pattern[plain + 1])
		return true;
	return fnmatch(pattern + plain, name + plain, 0) == 0;
}

static size_t plain_len(const char *pattern)
{
	return strcspn(pattern, "*?[\\");
}

bool edits_match(const char *pattern, const char *name)
{
	return matches(pattern, plain_len(pattern), name);
}

/* ---- the environment, cut up ---------------------------------------------------------------- */

static void drop(struct variable *var)
{
	free(var->joined);
}

static void variables_done(struct variables *vars)
{
	for (size_t i = 0; i < vars->count; i++)
		drop(&vars->items[i]);
	free(vars->items);
	free(vars->block);
}

/* Cuts NAME=VALUE, which has a '=', in two. */
static struct variable cut(char *text)
{
	char *value = strchr(text, '=');

	*value = '\0';
	return (struct variable){ .name = text,
				  .name_len = (size_t)(value - text),
				  .value = value + 1 };
}

static int variables_init(struct variables *vars, char *const *from, const char *text, size_t len,
			  struct error *err)
{
	size_t size = 0, count = 0;
	char *to;

	for (; from[count]; count++)
		size += strlen(from[count]) + 1;
	vars->block = to = malloc(size + len + 1);
	/* The shortest edit has three bytes; each makes one variable at most. */
	vars->items = calloc(count + len / 3 + 1, sizeof(*vars->items));
	if (!vars->block || !vars->items)
		return error_set(err, ENOMEM, "cannot change the environment");
	for (size_t i = 0; i < count; i++) {
		char *entry = to;

		to = stpcpy(to, from[i]) + 1;
		if (strchr(entry, '='))
			vars->items[vars->count++] = cut(entry);
	}
	vars->edits = to;
	vars->end = to + len;
	if (len > 0)
		memcpy(to, text, len);
	return 0;
}

static char **variables_pack(const struct variables *vars)
{
	size_t size = (vars->count + 1) * sizeof(char *);
	char **list, *to;

	for (size_t i = 0; i < vars->count; i++)
		size += vars->items[i].name_len + strlen(vars->items[i].value) + 2;
	list = malloc(size);
	if (!list)
		return NULL;
	to = (char *)(list + vars->count + 1);
	for (size_t i = 0; i < vars->count; i++) {
		list[i] = to;
		to = stpcpy(to, vars->items[i].name);
		*to++ = '=';
		to = stpcpy(to, vars->items[i].value) + 1;
	}
	list[vars->count] = NULL;
	return list;
}

/* Takes the variable `name` out, with all that an odd environment has under that name. Returns the
 * first, which getenv(3) would have found, or one without a value. */
static struct variable take(struct variables *vars, const char *name, size_t name_len)
{
	struct variable taken = { .value = NULL };
	size_t kept = 0;

	for (size_t i = 0; i < vars->count; i++) {
		struct variable *var = &vars->items[i];

		if (var->name_len != name_len || memcmp(var->name, name, name_len) != 0)
			vars->items[kept++] = *var;
		else if (!taken.value)
			taken = *var;
		else
			drop(var);
	}
	vars->count = kept;
	return taken;
}

/* ---- the edits ------------------------------------------------------------------------------- */

static void set(struct variables *vars, const struct variable *new)
{
	struct variable old = take(vars, new->name, new->name_len);

	drop(&old);
	vars->items[vars->count++] = *new;
}

static int join(struct variables *vars, struct variable *more, bool in_front, struct error *err)
{
	struct variable old = take(vars, more->name, more->name_len);
	const char *value = old.value ? old.value : "";
	const char *between = value[0] && more->value[0] ? ":" : "";
	size_t size = strlen(value) + strlen(more->value) + 2;

	if (size <= JOINED_MAX)
		more->joined = malloc(size);
	if (!more->joined) {
		drop(&old);
		error_set(err, size > JOINED_MAX ? E2BIG : ENOMEM,
			  "cannot add to the variable '%s'", more->name);
		return error_remedy(err, "shorter values");
	}
	stpcpy(stpcpy(stpcpy(more->joined, in_front ? more->value : value), between),
	       in_front ? value : more->value);
	more->value = more->joined;
	vars->items[vars->count++] = *more;
	drop(&old);
	return 0;
}

static void set_to_job(struct variables *vars, char *const *from, char *name)
{
	struct variable job = { .name_len = strlen(name) };

	for (; *from; from++)
		if (strncmp(*from, name, job.name_len) == 0 && (*from)[job.name_len] == '=') {
			job.name = name;
			job.value = *from + job.name_len + 1;
			set(vars, &job);
			return;
		}
}

/* Keeps, or drops, the variables that match one of the patterns from `at` on. Returns the edit behind
 * them. */
static char *filter(struct variables *vars, char *at, bool keep)
{
	size_t kept = 0;
	char op = at[0];

	for (size_t i = 0; i < vars->count; i++)
		vars->items[i].is_matched = false;
	for (; at < vars->end && at[0] == op; at += strlen(at) + 1) {
		size_t plain = plain_len(at + 1);

		for (size_t i = 0; i < vars->count; i++)
			vars->items[i].is_matched |= matches(at + 1, plain, vars->items[i].name);
	}
	for (size_t i = 0; i < vars->count; i++) {
		if (vars->items[i].is_matched == keep)
			vars->items[kept++] = vars->items[i];
		else
			drop(&vars->items[i]);
	}
	vars->count = kept;
	return at;
}

/* Does the edit, and for patterns those of its kind behind it. Returns the next, or NULL. */
static char *edit(struct variables *vars, char *const *from, char *at, struct error *err)
{
	char op = at[0], *next = at + strlen(at) + 1;
	struct variable var;

	switch (op) {
	case EDIT_UNSET:
	case EDIT_ONLY:
		return filter(vars, at, op == EDIT_ONLY);
	case EDIT_JOB:
		set_to_job(vars, from, at + 1);
		return next;
	default:
		var = cut(at + 1);
	}
	if (op == EDIT_SET)
		set(vars, &var);
	else if (join(vars, &var, op == EDIT_PREPEND, err) < 0)
		return NULL;
	return next;
}

/* Is every edit whole and well-formed? */
static bool are_edits(const char *text, const char *end)
{
	if (text < end && end[-1])
		return false;
	for (; text < end; text += strlen(text) + 1)
		if (!is_edit(text))
			return false;
	return true;
}

char **edits_result(char *const *from, const char *text, size_t len, struct error *err)
{
	struct variables vars = { .items = NULL };
	char **result = NULL;

	if (variables_init(&vars, from, text, len, err) < 0)
		goto out;
	if (!are_edits(vars.edits, vars.end)) {
		error_set(err, 0, "the list of changes to the environment is damaged");
		error_remedy(err, "start the step again");
		goto out;
	}
	for (char *at = vars.edits; at < vars.end;) {
		at = edit(&vars, from, at, err);
		if (!at)
			goto out;
	}
	result = variables_pack(&vars);
	if (!result)
		error_set(err, ENOMEM, "cannot change the environment");
out:
	variables_done(&vars);
	return result;
}

int edits_apply(const char *text, size_t len, struct error *err)
{
	char **result = len > 0 ? edits_result(environ, text, len, err) : environ;

	if (!result)
		return -1;
	environ = result;
	return 0;
}
