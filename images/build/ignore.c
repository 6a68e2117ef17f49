/* SPDX-License-Identifier: BSD-3-Clause */
/* ignore.c - see ignore.h. */
#include "images/build/ignore.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "images/build/paths.h"

void ignore_done(struct ignore *ignore)
{
	list_done(&ignore->patterns);
	ignore->takes_back = false;
}

/* Normalises the pattern, and keeps '!' in front of it. */
static int add(struct ignore *ignore, const char *line)
{
	bool is_back = line[0] == '!', leaves = false;
	cleanup_free char *whole = NULL, *normal = NULL;
	size_t len;

	whole = malloc(strlen(line) + 2);
	if (!whole)
		return -1;
	whole[0] = '/';
	strcpy(whole + 1, line + is_back);
	len = strlen(whole);
	while (len > 0 && strchr(" \t\r", whole[len - 1]))
		whole[--len] = '\0';
	normal = len < PATH_MAX ? paths_clean(whole, &leaves) : strdup("/");
	if (!normal)
		return -1;
	/* Of what is above the context there is nothing to be left out. */
	if (!normal[1] || (leaves && line[is_back] != '/'))
		return 0;
	ignore->takes_back |= is_back;
	normal[0] = is_back ? '!' : '/';
	return list_add(&ignore->patterns, normal);
}

int ignore_parse(struct ignore *ignore, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n")))
		if (line[0] != '#' && add(ignore, line + strspn(line, " \t")) < 0)
			return -1;
	return 0;
}

static size_t name_len(const char *path)
{
	return strcspn(path, "/");
}

static const char *behind(const char *path)
{
	path += name_len(path);
	return *path ? path + 1 : path;
}

static bool name_matches(const char *pattern, const char *path)
{
	char one[NAME_MAX + 1], other[NAME_MAX + 1];
	size_t len = name_len(pattern), other_len = name_len(path);

	if (len > NAME_MAX || other_len > NAME_MAX)
		return false;
	memcpy(one, pattern, len);
	one[len] = '\0';
	memcpy(other, path, other_len);
	other[other_len] = '\0';
	return fnmatch(one, other, 0) == 0;
}

/* Does the pattern match the path, or a directory above it? Where it does not go on behind a "**",
 * that one takes one name more; earlier ones need not be tried again. */
static bool matches(const char *pattern, const char *path)
{
	const char *star = NULL, *tried = NULL;

	while (*path) {
		if (!*pattern)
			return true;
		if (name_len(pattern) == 2 && strncmp(pattern, "**", 2) == 0) {
			star = pattern = behind(pattern);
			tried = path;
		} else if (name_matches(pattern, path)) {
			pattern = behind(pattern);
			path = behind(path);
		} else if (star) {
			pattern = star;
			path = tried = behind(tried);
		} else {
			return false;
		}
	}
	return !*pattern;
}

bool ignore_has(const struct ignore *ignore, const char *path)
{
	bool is_ignored = false;

	for (size_t i = 0; i < ignore->patterns.count; i++) {
		const char *pattern = ignore->patterns.items[i];

		if (is_ignored == (pattern[0] == '!') && matches(pattern + 1, path))
			is_ignored = !is_ignored;
	}
	return is_ignored;
}
