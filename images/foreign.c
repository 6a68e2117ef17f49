/* SPDX-License-Identifier: BSD-3-Clause */
/* foreign.c - see foreign.h. */
#include "images/foreign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"
#define ALPHA  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define DIGITS "0123456789"

/* What a shell leaves alone in a word without quotes. */
#define PLAIN ALPHA DIGITS "./:,@%+=-"

/* Room is doubled, since an image may have many. */
static int add(struct variables *env, const char *name, const char *value)
{
	char *item;

	if ((env->count & (env->count + 1)) == 0) {
		size_t room = 2 * (env->count + 1);
		char **bigger = realloc(env->items, room * sizeof(bigger[0]));

		if (!bigger)
			return -1;
		env->items = bigger;
	}
	if (asprintf(&item, "%s=%s", name, value) < 0)
		item = NULL;
	env->items[env->count] = item;
	if (!item)
		return -1;
	env->items[++env->count] = NULL;
	return 0;
}

/* Ends a name that is followed by '=', and returns what comes then; NULL where there is no name. */
static char *split(char *name)
{
	size_t len = strspn(name, ALPHA DIGITS);

	if (len == 0 || strchr(DIGITS, name[0]) || name[len] != '=')
		return NULL;
	name[len] = '\0';
	return name + len + 1;
}

static char *skip_word(char *line, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(line, word, len) != 0 || !strchr(BLANKS, line[len]) || line[len] == '\0')
		return NULL;
	return line + len + strspn(line + len, BLANKS);
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

int foreign_add_environment(struct variables *env, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char *name = line + strspn(line, BLANKS), *behind = skip_word(name, "export");
		char *value, *end;

		if (behind)
			name = behind;
		value = split(name);
		if (!value)
			continue;
		end = value + strlen(value);
		while (end > value && strchr(BLANKS "\r", end[-1]))
			end--;
		if (end - value >= 2 && is_quote(value[0]) && is_quote(end[-1])) {
			end[-1] = '\0';
			value++;
		}
		if (add(env, name, value) < 0)
			return -1;
	}
	return 0;
}

int foreign_add_charliecloud(struct variables *env, char *text)
{
	char *name;

	while ((name = strsep(&text, "\n"))) {
		char *value = split(name);
		size_t len = value ? strlen(value) : 0;

		if (!value)
			continue;
		if (len >= 2 && value[0] == '\'' && value[len - 1] == '\'') {
			value[len - 1] = '\0';
			value++;
		}
		if (add(env, name, value) < 0)
			return -1;
	}
	return 0;
}

/* Reads the string in double quotes that `at` begins with, in place; *end is behind it. NULL where
 * only a shell could tell what it is. */
static char *unquote(char *at, char **end)
{
	char *value = at + 1, *to = value;

	for (at++; *at != '"'; at++) {
		if (*at == '\\' && at[1] != '\0' && strchr("\\\"$`", at[1]))
			at++;
		else if (*at == '\0' || strchr("\\$`", *at))
			return NULL;
		*to++ = *at;
	}
	*end = at + 1;
	*to = '\0';
	return value;
}

/* What is exported by "export NAME=`at`", in place, or NULL. */
static char *read_value(const char *name, char *at)
{
	size_t len = strlen(name);
	char *value, *end;

	/* "${NAME:-"VALUE"}", by which Apptainer lets the user's variables pass. */
	if (strncmp(at, "\"${", 3) == 0 && strncmp(at + 3, name, len) == 0 &&
	    strncmp(at + 3 + len, ":-\"", 3) == 0) {
		value = unquote(at + 3 + len + 2, &end);
		if (!value || strncmp(end, "}\"", 2) != 0)
			return NULL;
		end += 2;
	} else if (at[0] == '"') {
		value = unquote(at, &end);
		if (!value)
			return NULL;
	} else if (at[0] == '\'') {
		value = at + 1;
		end = strchr(value, '\'');
		if (!end)
			return NULL;
		*end++ = '\0';
	} else {
		value = at;
		end = value + strspn(value, PLAIN);
		if (end[strspn(end, BLANKS)] != '\0')
			return NULL;
		*end = '\0';
		return value;
	}
	return end[strspn(end, BLANKS)] == '\0' ? value : NULL;
}

int foreign_add_script(struct variables *env, char *text, bool *more)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char *name, *value;

		line += strspn(line, BLANKS);
		if (line[0] == '\0' || line[0] == '#')
			continue;
		name = skip_word(line, "export");
		/* The lines below may hang on this one: "if", for instance. */
		if (!name) {
			*more = true;
			return 0;
		}
		value = split(name);
		value = value ? read_value(name, value) : NULL;
		if (!value)
			*more = true;
		else if (add(env, name, value) < 0)
			return -1;
	}
	return 0;
}

const char *foreign_find_workdir(char *text)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char *dir, *end;

		if (strncmp(line, "cd \"/", 5) != 0)
			continue;
		dir = unquote(line + 3, &end);
		if (!dir)
			continue;
		if (strcmp(end, " && unset OLDPWD || exit 1") == 0 ||
		    strcmp(end, " || exit 1") == 0)
			return dir;
	}
	return NULL;
}
