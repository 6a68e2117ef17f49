/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rooted.c - see rooted.h. Paths are resolved link by link to know the real one: /proc/self/fd tells
 * it only for a root that this process reaches by a name.
 */
#include "launcher/mpi/rooted.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"

#define LINKS_MAX 40 /* as the kernel has it */

static int out_of_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot look for libraries");
}

int paths_take(struct paths *paths, char *path, struct error *err)
{
	char **bigger;

	if (!path)
		return out_of_memory(err);
	if (paths->count == PATHS_MAX) {
		free(path);
		return 0;
	}
	bigger = realloc(paths->items, (paths->count + 2) * sizeof(*bigger));
	if (!bigger) {
		free(path);
		return out_of_memory(err);
	}
	paths->items = bigger;
	bigger[paths->count++] = path;
	bigger[paths->count] = NULL;
	return 0;
}

static bool has_path(const struct paths *paths, const char *path, size_t len)
{
	for (size_t i = 0; i < paths->count; i++)
		if (strncmp(paths->items[i], path, len) == 0 && !paths->items[i][len])
			return true;
	return false;
}

int paths_add_directory(struct paths *paths, const char *path, size_t len, struct error *err)
{
	if (len == 0 || path[0] != '/' || len >= PATH_MAX)
		return 0;
	while (len > 1 && path[len - 1] == '/')
		len--;
	return has_path(paths, path, len) ? 0 : paths_take(paths, strndup(path, len), err);
}

int paths_add_text(struct paths *paths, const char *text, const char *separators, struct error *err)
{
	while (*text) {
		size_t len = strcspn(text, separators);

		if (paths_add_directory(paths, text, len, err) < 0)
			return -1;
		text += len + (text[len] != '\0');
	}
	return 0;
}

char *path_join(const char *directory, const char *name)
{
	char *path;

	if (asprintf(&path, "%s%s%s", directory, strcmp(directory, "/") == 0 ? "" : "/", name) < 0)
		return NULL;
	return path;
}

int rooted_open(int root, const char *path)
{
	cleanup_close int fd = open_in_root(root, path, O_PATH);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	/* Opening a device may already do something. */
	if (!S_ISREG(st.st_mode)) {
		errno = ENOEXEC;
		return -1;
	}
	return open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

char *rooted_read(int root, const char *path, size_t max, size_t *len)
{
	cleanup_close int fd = rooted_open(root, path);

	return fd < 0 ? NULL : fd_read_all(fd, max, len);
}

bool rooted_has_directory(int root, const char *path)
{
	cleanup_close int fd = open_in_root(root, path, O_PATH | O_DIRECTORY);

	return fd >= 0;
}

DIR *rooted_list(int root, const char *path)
{
	cleanup_close int fd = open_in_root(root, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir)
		steal_fd(&fd);
	return dir;
}

/* A path that is being resolved: `done` has no links, `rest` is what follows. */
struct resolving {
	char done[PATH_MAX], rest[PATH_MAX];
	int links;
};

/* If `done` ends in a link, puts that in front of the rest; `parent` is the length of `done` before. */
static int follow_link(int root, struct resolving *path, size_t parent)
{
	cleanup_close int fd = open_in_root(root, path->done, O_PATH | O_NOFOLLOW);
	char target[PATH_MAX];
	struct stat st;
	ssize_t len;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISLNK(st.st_mode))
		return 0;
	len = readlinkat(fd, "", target, sizeof(target));
	if (len < 0)
		return -1;
	if (++path->links > LINKS_MAX || (size_t)len + strlen(path->rest) + 2 > PATH_MAX) {
		errno = ELOOP;
		return -1;
	}
	memmove(path->rest + len + 1, path->rest, strlen(path->rest) + 1);
	memcpy(path->rest, target, (size_t)len);
	path->rest[len] = '/';
	path->done[target[0] == '/' ? 0 : parent] = '\0';
	return 0;
}

/* Moves the next name of the rest to `done`. Returns 1, 0 at the end, -1 with errno set. */
static int resolve_name(int root, struct resolving *path)
{
	size_t parent = strlen(path->done), skip = strspn(path->rest, "/");
	size_t len = strcspn(path->rest + skip, "/");
	char *name = path->done + parent;

	if (len == 0)
		return 0;
	if (parent + len + 2 > sizeof(path->done)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(name, sizeof(path->done) - parent, "/%.*s", (int)len, path->rest + skip);
	memmove(path->rest, path->rest + skip + len, strlen(path->rest + skip + len) + 1);
	if (strcmp(name, "/.") == 0) {
		*name = '\0';
	} else if (strcmp(name, "/..") == 0) {
		*name = '\0';
		name = strrchr(path->done, '/');
		if (name)
			*name = '\0';
	} else if (follow_link(root, path, parent) < 0) {
		return -1;
	}
	return 1;
}

char *rooted_real(int root, const char *path)
{
	return rooted_real_below(root, "/", path);
}

char *rooted_real_below(int root, const char *directory, const char *path)
{
	struct resolving resolving;
	int result;

	if (strlen(path) >= PATH_MAX || strlen(directory) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	resolving.links = 0;
	strcpy(resolving.done, strcmp(directory, "/") == 0 ? "" : directory);
	memcpy(resolving.rest, path, strlen(path) + 1);
	while ((result = resolve_name(root, &resolving)) > 0)
		;
	if (result < 0)
		return NULL;
	return strdup(resolving.done[0] ? resolving.done : "/");
}

static bool is_pattern(const char *name)
{
	return strpbrk(name, "*?[\\") != NULL;
}

/* Adds what of the directory `parent` the pattern `name` matches. */
static int match_names(int root, const char *parent, const char *name, struct paths *paths,
		       int *budget, struct error *err)
{
	DIR *dir = rooted_list(root, parent);
	const struct dirent *entry;
	int result = 0;

	while (dir && result == 0 && *budget > 0 && (entry = readdir(dir))) {
		(*budget)--;
		if (fnmatch(name, entry->d_name, FNM_PERIOD) == 0)
			result = paths_take(paths, path_join(parent, entry->d_name), err);
	}
	if (dir)
		closedir(dir);
	return result;
}

/* Replaces each of the paths by what the pattern `name` matches in it. */
static int descend(int root, const char *name, struct paths *paths, int *budget, struct error *err)
{
	struct paths below = { .count = 0 };
	int result = 0;

	for (size_t i = 0; i < paths->count && result == 0; i++)
		if (is_pattern(name))
			result = match_names(root, paths->items[i], name, &below, budget, err);
		else
			result = paths_take(&below, path_join(paths->items[i], name), err);
	strings_free(paths->items);
	*paths = below;
	return result;
}

int rooted_glob(int root, const char *pattern, struct paths *paths, int *budget, struct error *err)
{
	cleanup_free char *copy = strdup(pattern);
	struct paths found = { .count = 0 };
	char *rest = NULL;
	int result;

	if (!copy)
		return out_of_memory(err);
	result = paths_take(&found, strdup("/"), err);
	for (char *name = strtok_r(copy, "/", &rest); name && result == 0;
	     name = strtok_r(NULL, "/", &rest))
		result = descend(root, name, &found, budget, err);
	for (size_t i = 0; i < found.count && result == 0; i++)
		if (rooted_has_directory(root, found.items[i]))
			result = paths_add_directory(paths, found.items[i], strlen(found.items[i]),
						     err);
	strings_free(found.items);
	return result;
}
