/* SPDX-License-Identifier: BSD-3-Clause */
/* census.c - see census.h. */
#include "launcher/image/census.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "images/walk.h"
#include "launcher/image/json_text.h"
#include "launcher/image/libraries.h"

#define LARGEST   10
#define DEPTH_MAX (PATH_MAX / 2 + 1)

struct directory {
	char *path;
	uint64_t size;
};

struct census {
	uint64_t files, directories, links, others, more_names, bytes, unreadable;
	struct inodemap seen;              /* files with several names */
	struct directory largest[LARGEST]; /* in order; a path of NULL ends it */
	uint64_t *below;                   /* by depth: bytes in the directory so far */
	struct libraries libraries;
	int error;
};

/* ---- counting ---------------------------------------------------------------------------------- */

static void count_file(struct census *census, size_t depth, const struct stat *st, uint64_t key)
{
	bool is_new = true;

	if (st->st_nlink > 1 && !inodemap_get(&census->seen, key, &is_new))
		census->error = ENOMEM;
	if (!is_new) {
		census->more_names++;
		return;
	}
	census->files++;
	census->bytes += (uint64_t)st->st_size;
	if (depth > 0)
		census->below[depth - 1] += (uint64_t)st->st_size;
}

static void count(struct census *census, const char *path, size_t depth, const struct stat *st,
		  uint64_t key)
{
	if (S_ISDIR(st->st_mode)) {
		census->directories++;
		census->below[depth] = 0;
		return;
	}
	if (S_ISREG(st->st_mode))
		count_file(census, depth, st, key);
	else if (S_ISLNK(st->st_mode))
		census->links++;
	else
		census->others++;
	libraries_see(&census->libraries, path, st);
}

/* Puts the directory among the largest, if it is one. */
static void rank(struct census *census, const char *path, uint64_t size)
{
	size_t at = 0;
	struct directory *largest = census->largest;

	while (at < LARGEST && largest[at].path && largest[at].size > size)
		at++;
	if (at == LARGEST || size == 0)
		return;
	free(largest[LARGEST - 1].path);
	memmove(&largest[at + 1], &largest[at], (LARGEST - 1 - at) * sizeof(*largest));
	largest[at] = (struct directory){ .path = strdup(path), .size = size };
	if (!largest[at].path)
		census->error = ENOMEM;
}

/* All in the directory has been counted. The root would always be the largest. */
static void close_directory(struct census *census, const char *path, size_t depth)
{
	if (depth == 0)
		return;
	rank(census, path, census->below[depth]);
	census->below[depth - 1] += census->below[depth];
}

/* ---- of a squashfs ----------------------------------------------------------------------------- */

static enum walk_next each(const struct walk_at *at, void *data)
{
	struct census *census = data;

	count(census, at->path, at->depth, at->st, at->inode);
	return census->error ? WALK_STOP : WALK_ON;
}

static enum walk_next leave(const struct walk_at *at, void *data)
{
	struct census *census = data;

	close_directory(census, at->path, at->depth);
	return census->error ? WALK_STOP : WALK_ON;
}

static int walk_squash(struct census *census, const struct opened *opened, struct error *err)
{
	const struct walk walk = { .each = each, .leave = leave, .data = census };
	struct squash *squash = opened->direct.squash;

	if (walk_tree(squash, squash_root(squash), "/", &walk, err) < 0)
		return error_wrap(err, "image '%s'", opened->image.path);
	return 0;
}

/* ---- of a directory ---------------------------------------------------------------------------- */

static void see_entry(struct census *census, const FTSENT *entry, size_t front)
{
	const char *path = entry->fts_path[front] ? entry->fts_path + front : "/";
	size_t depth = (size_t)entry->fts_level;

	if (entry->fts_info == FTS_DP)
		close_directory(census, path, depth);
	else if (depth < DEPTH_MAX && entry->fts_info != FTS_NS && entry->fts_info != FTS_DC)
		count(census, path, depth, entry->fts_statp, entry->fts_statp->st_ino);
	if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS)
		census->unreadable++;
}

static int walk_directory(struct census *census, const struct opened *opened, struct error *err)
{
	char path[64];
	char *paths[] = { path, NULL };
	FTSENT *entry = NULL;
	FTS *fts;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/.", opened->image.fd);
	fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	while (fts && !census->error && (errno = 0, entry = fts_read(fts)))
		if ((size_t)entry->fts_level < DEPTH_MAX)
			see_entry(census, entry, strlen(path));
	if (!fts || (!entry && errno))
		error_set(err, errno, "cannot read image '%s'", opened->image.path);
	if (fts)
		fts_close(fts);
	return err->cause[0] ? -1 : 0;
}

/* ---- telling ----------------------------------------------------------------------------------- */

static void set_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key,
			    json_integer(value < INT64_MAX ? (json_int_t)value : INT64_MAX));
}

static void tell(struct census *census, json_t *object)
{
	json_t *largest = json_array();

	set_number(object, "uncompressed", census->bytes);
	set_number(object, "files", census->files);
	set_number(object, "directories", census->directories);
	set_number(object, "symbolic-links", census->links);
	set_number(object, "hard-links", census->more_names);
	set_number(object, "others", census->others);
	if (census->unreadable)
		set_number(object, "unreadable", census->unreadable);
	for (size_t i = 0; i < LARGEST && census->largest[i].path; i++) {
		json_t *directory = json_object();

		json_set_text(directory, "path", census->largest[i].path);
		set_number(directory, "size", census->largest[i].size);
		json_array_append_new(largest, directory);
	}
	json_object_set_new(object, "largest-directories", largest);
	libraries_tell(&census->libraries, object);
}

int census_take(const struct opened *opened, json_t *object, struct error *err)
{
	struct census census = { .below = calloc(DEPTH_MAX, sizeof(*census.below)) };
	json_t *unused = json_object();
	int result;

	libraries_init(&census.libraries, opened);
	if (!census.below)
		result = error_set(err, ENOMEM, "cannot count files");
	else if (opened->direct.squash)
		result = walk_squash(&census, opened, err);
	else
		result = walk_directory(&census, opened, err);
	if (result == 0 && census.error)
		result = error_set(err, census.error, "cannot count files");
	tell(&census, result == 0 ? object : unused);
	json_decref(unused);
	for (size_t i = 0; i < LARGEST; i++)
		free(census.largest[i].path);
	inodemap_done(&census.seen);
	free(census.below);
	return result;
}
