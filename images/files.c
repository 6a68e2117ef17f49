/* SPDX-License-Identifier: BSD-3-Clause */
/* files.c - see files.h. */
#include "images/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/syscalls.h"

char *image_files_read(const struct image_files *files, const char *path, size_t max, size_t *len)
{
	cleanup_close int fd = -1;

	if (files->reader)
		return files->reader->read(files->image, path, max, len);
	fd = open_in_root(files->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	return fd_read_regular(fd, max, len);
}

int image_files_stat(const struct image_files *files, const char *path, struct stat *st)
{
	cleanup_close int fd = -1;

	if (files->reader)
		return files->reader->stat(files->image, path, st);
	fd = open_in_root(files->root, path, O_PATH);
	return fd < 0 ? -1 : fstat(fd, st);
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

	if (files->reader)
		return files->reader->list(files->image, path);
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
