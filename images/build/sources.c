/* SPDX-License-Identifier: BSD-3-Clause */
/* sources.c - see sources.h. */
#include "images/build/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/mountspec.h"
#include "common/syscalls.h"

int sources_is_entry(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

int sources_compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool leads_up(const char *path)
{
	for (; *path; path += strspn(path, "/")) {
		size_t len = strcspn(path, "/");

		if (len == 2 && strncmp(path, "..", 2) == 0)
			return true;
		path += len;
	}
	return false;
}

struct search {
	struct list *paths;
	int root;
	const struct ignore *ignore;
	struct error *err;
	bool is_ignored; /* something was there, but is left out */
};

static int found(struct search *search, const char *path)
{
	cleanup_close int fd = open_in_root(search->root, path[0] ? path : ".", O_PATH);
	bool may_hold;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	may_hold = S_ISDIR(st.st_mode) && search->ignore && search->ignore->takes_back;
	if (path[0] && search->ignore && !may_hold && ignore_has(search->ignore, path)) {
		search->is_ignored = true;
		return 0;
	}
	return list_add(search->paths, path) < 0
		       ? error_set(search->err, ENOMEM, "cannot keep a path")
		       : 0;
}

static int walk(struct search *search, const char *base, const char *rest);

/* Every entry of the directory `base` that the first name of `rest` matches. */
static int walk_entries(struct search *search, const char *base, const char *name,
			const char *behind)
{
	cleanup_close int dir =
		open_in_root(search->root, base[0] ? base : ".", O_RDONLY | O_DIRECTORY);
	struct dirent **entries = NULL;
	int count = dir < 0 ? 0 : scandirat(dir, ".", &entries, sources_is_entry, sources_compare);
	int result = 0;

	for (int i = 0; i < count; i++) {
		cleanup_free char *path = NULL;

		if (result == 0 && fnmatch(name, entries[i]->d_name, 0) == 0) {
			if (asprintf(&path, "%s%s%s", base, base[0] ? "/" : "",
				     entries[i]->d_name) < 0)
				path = NULL;
			result = path ? walk(search, path, behind)
				      : error_set(search->err, ENOMEM, "cannot keep a path");
		}
		free(entries[i]);
	}
	free(entries);
	return result;
}

/* `base` is there already; `rest` are patterns of names below it. */
static int walk(struct search *search, const char *base, const char *rest)
{
	size_t len = strcspn(rest, "/");
	const char *behind = rest + len + (rest[len] == '/');
	cleanup_free char *name = NULL, *path = NULL;

	if (!rest[0])
		return found(search, base);
	name = strndup(rest, len);
	if (!name)
		return error_set(search->err, ENOMEM, "cannot keep a path");
	if (strpbrk(name, "*?["))
		return walk_entries(search, base, name, behind);
	if (asprintf(&path, "%s%s%s", base, base[0] ? "/" : "", name) < 0) {
		path = NULL;
		return error_set(search->err, ENOMEM, "cannot keep a path");
	}
	return walk(search, path, behind);
}

int sources_find(struct list *paths, int root, const char *pattern, const struct ignore *ignore,
		 struct error *err)
{
	struct search search = { .paths = paths, .root = root, .ignore = ignore, .err = err };
	cleanup_free char *whole = NULL, *normal = NULL;
	size_t before = paths->count;

	if (leads_up(pattern)) {
		error_set(err, 0, "'%s' leads out of what may be copied", pattern);
		return error_remedy(err, "a path without '..': all is below the context");
	}
	if (strlen(pattern) >= PATH_MAX)
		return error_set(err, ENAMETOOLONG, "a source of %zu bytes", strlen(pattern));
	if (asprintf(&whole, "/%s", pattern) < 0)
		whole = NULL;
	normal = whole ? path_normalise(whole) : NULL;
	if (!normal)
		return error_set(err, ENOMEM, "cannot keep a path");
	if (walk(&search, "", normal + 1) < 0)
		return -1;
	if (paths->count > before)
		return 0;
	if (search.is_ignored) {
		error_set(err, 0, "'%s' is left out by .containerignore or .dockerignore", pattern);
		return error_remedy(err, "a line !%s at the end of that file", pattern);
	}
	error_set(err, 0, "there is no '%s' to copy", pattern);
	return error_remedy(err, "a path below the context");
}
