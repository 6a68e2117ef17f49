/* SPDX-License-Identifier: BSD-3-Clause */
/* files.c - see files.h. */
#include "images/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "images/names.h"

/* Bytes of a list of names: of no directory that is asked for come more. */
#define LIST_MAX ((size_t)16 << 20)

static int find(const struct image_files *files, const char *path, uint64_t *inode, struct stat *st)
{
	struct direct_place place;
	int error = direct_find(files->direct, path, true, &place);

	if (!error)
		error = squash_stat(files->direct->squash, place.inode, st);
	errno = error;
	*inode = place.inode;
	return error ? -1 : 0;
}

static char *read_direct(const struct image_files *files, const char *path, size_t max, size_t *len)
{
	cleanup_free char *text = NULL;
	uint64_t inode;
	struct stat st;

	if (find(files, path, &inode, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode))
		errno = EINVAL;
	else if (st.st_size > (off_t)max)
		errno = EFBIG;
	if (errno)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return NULL;
	errno = direct_read(files->direct, inode, 0, text, (size_t)st.st_size, len);
	if (errno)
		return NULL;
	text[*len] = '\0';
	return steal_ptr(&text);
}

char *image_files_read(const struct image_files *files, const char *path, size_t max, size_t *len)
{
	cleanup_close int fd = -1;

	if (files->direct)
		return read_direct(files, path, max, len);
	fd = open_in_root(files->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	return fd_read_regular(fd, max, len);
}

int image_files_stat(const struct image_files *files, const char *path, struct stat *st)
{
	cleanup_close int fd = -1;
	uint64_t inode;

	if (files->direct)
		return find(files, path, &inode, st);
	fd = open_in_root(files->root, path, O_PATH);
	return fd < 0 ? -1 : fstat(fd, st);
}

/* ---- lists ------------------------------------------------------------------------------------- */

static char **copy_names(const struct names *names)
{
	char **list = calloc(names->count + 1, sizeof(*list));
	size_t count = 0;

	for (size_t i = 0; list && i < names->count; i++) {
		if (names_get(names, i)[0] == '.')
			continue;
		list[count] = strdup(names_get(names, i));
		if (!list[count++]) {
			strings_free(list);
			return NULL;
		}
	}
	return list;
}

static char **list_direct(const struct image_files *files, const char *path)
{
	struct names names;
	uint64_t inode;
	struct stat st;
	char **list;

	if (find(files, path, &inode, &st) < 0)
		return NULL;
	errno = names_read(&names, files->direct->squash, inode, LIST_MAX);
	if (errno)
		return NULL;
	list = copy_names(&names);
	names_done(&names);
	return list;
}

/* Not alphasort(), which follows the user's locale. */
static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_plain(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

char **image_files_list(const struct image_files *files, const char *path)
{
	cleanup_close int dir = -1;
	struct dirent **entries = NULL;
	char **list;
	int count;

	if (files->direct)
		return list_direct(files, path);
	dir = open_in_root(files->root, path, O_RDONLY | O_DIRECTORY);
	count = dir < 0 ? -1 : scandirat(dir, ".", &entries, is_plain, compare);
	if (count < 0)
		return NULL;
	list = calloc((size_t)count + 1, sizeof(*list));
	for (int i = 0; i < count; i++) {
		if (list && (i == 0 || list[i - 1]))
			list[i] = strdup(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (list && count > 0 && !list[count - 1]) {
		strings_free(list);
		return NULL;
	}
	return list;
}
