/* SPDX-License-Identifier: BSD-3-Clause */
/* direct_files.c - see direct.h: a few files by their paths, for who does not care how they are read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "images/direct.h"
#include "images/names.h"

/* Bytes of a list of names: of no directory that is asked for come more. */
#define LIST_MAX ((size_t)16 << 20)

static int find(const struct direct *direct, const char *path, uint64_t *inode, struct stat *st)
{
	struct direct_place place;
	int error = direct_find(direct, path, true, &place);

	if (!error)
		error = squash_stat(direct->squash, place.inode, st);
	errno = error;
	*inode = place.inode;
	return error ? -1 : 0;
}

static char *read_direct(const void *image, const char *path, size_t max, size_t *len)
{
	cleanup_free char *text = NULL;
	uint64_t inode;
	struct stat st;

	if (find(image, path, &inode, &st) < 0)
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
	errno = direct_read(image, inode, 0, text, (size_t)st.st_size, len);
	if (errno)
		return NULL;
	text[*len] = '\0';
	return steal_ptr(&text);
}

static int stat_direct(const void *image, const char *path, struct stat *st)
{
	uint64_t inode;

	return find(image, path, &inode, st);
}

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

static char **list_direct(const void *image, const char *path)
{
	const struct direct *direct = image;
	struct names names;
	uint64_t inode;
	struct stat st;
	char **list;

	if (find(image, path, &inode, &st) < 0)
		return NULL;
	errno = names_read(&names, direct->squash, inode, LIST_MAX);
	if (errno)
		return NULL;
	list = copy_names(&names);
	names_done(&names);
	return list;
}

struct image_files direct_files(const struct direct *direct)
{
	static const struct image_reader reader = { .read = read_direct,
						    .stat = stat_direct,
						    .list = list_direct };

	return (struct image_files){ .root = -1, .reader = &reader, .image = direct };
}
