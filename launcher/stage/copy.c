/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * copy.c - see store.h: how a copy is made. It gets its name when it is whole; what has been left behind
 * by one who was killed meanwhile is replaced by the next.
 */
#include "launcher/stage/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

#define BLOCK ((size_t)4 << 20) /* what parallel file systems like */

static const struct timespec date[2] = { { .tv_sec = STORE_DATE }, { .tv_sec = STORE_DATE } };

static int create_part(const struct store *store, char *name, size_t size, struct error *err)
{
	if (store->name)
		snprintf(name, size, "%s.part", store->name);
	else
		snprintf(name, size, "%d.part", getpid());
	(void)unlinkat(store->own, name, 0);
	return store_create(store, name, O_RDWR | O_EXCL, err);
}

static int refuse_write(const struct store *store, int reason, struct error *err)
{
	error_set(err, reason, "cannot write a copy of %ju bytes to '%s'", (uintmax_t)store->size,
		  store->path);
	return error_remedy(err, "--container-stage=shared");
}

/* Copies `store->size` bytes; where `gives_back`, of a file whose own are no longer needed then. */
static int copy_bytes(const struct store *store, int source, const char *path, int target,
		      bool gives_back, struct error *err)
{
	cleanup_free char *block = malloc(BLOCK);
	uint64_t done = 0;

	if (!block)
		return error_set(err, ENOMEM, "cannot copy image '%s'", path);
	(void)posix_fadvise(source, 0, 0, POSIX_FADV_SEQUENTIAL);
	while (done < store->size) {
		size_t want = store->size - done < BLOCK ? (size_t)(store->size - done) : BLOCK;
		ssize_t got = fd_pread_all(source, block, want, (off_t)done);

		if (got < 0) {
			error_set(err, errno, "cannot read image '%s'", path);
			return error_remedy(err, "check the image's file system, and run again");
		}
		if (got == 0)
			break; /* shorter than it was: whoever compares will tell */
		if (fd_write_all(target, block, (size_t)got) < 0)
			return refuse_write(store, errno, err);
		if (gives_back)
			(void)fallocate(source, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					(off_t)done, (off_t)got);
		done += (uint64_t)got;
	}
	return 0;
}

/* As the file's server has it now, whatever this node remembers. */
static int look(int source, const char *path, struct statx *stx, struct error *err)
{
	if (statx(source, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, stx) < 0)
		return error_set(err, errno, "cannot look at image '%s'", path);
	return 0;
}

static bool is_same(const struct statx *a, const struct statx *b)
{
	return a->stx_size == b->stx_size && a->stx_mtime.tv_sec == b->stx_mtime.tv_sec &&
	       a->stx_mtime.tv_nsec == b->stx_mtime.tv_nsec &&
	       a->stx_ctime.tv_sec == b->stx_ctime.tv_sec &&
	       a->stx_ctime.tv_nsec == b->stx_ctime.tv_nsec;
}

static int copy_unchanged(const struct store *store, int source, const char *path, int target,
			  struct error *err)
{
	struct statx before, after;

	if (look(source, path, &before, err) < 0 ||
	    copy_bytes(store, source, path, target, false, err) < 0 ||
	    look(source, path, &after, err) < 0)
		return -1;
	if (before.stx_size == store->size && is_same(&before, &after))
		return 0;
	error_set(err, ESTALE, "image '%s' was changed while it was copied", path);
	return error_remedy(err, "start again when nobody writes to it");
}

/* Marks it as whole, and gives it its name. */
static int finish(const struct store *store, int part, const char *name, struct error *err)
{
	cleanup_close int fd = -1;

	if (fchmod(part, 0400) < 0 || futimens(part, date) < 0 ||
	    renameat(store->own, name, store->own, store->name) < 0)
		return error_set(err, errno, "cannot name a copy in '%s'", store->path);
	fd = store_find(store); /* and not the one that may be written to */
	return fd < 0 ? error_set(err, 0, "the copy in '%s' was changed at once", store->path)
		      : steal_fd(&fd);
}

int store_copy(const struct store *store, int source, const char *path, struct error *err)
{
	char name[256];
	cleanup_close int part = create_part(store, name, sizeof(name), err);
	int fd = -1;

	if (part < 0)
		return -1;
	if (copy_unchanged(store, source, path, part, err) == 0)
		fd = finish(store, part, name, err);
	if (fd < 0)
		(void)unlinkat(store->own, name, 0);
	return fd;
}

int store_copy_unnamed(const struct store *store, int source, const char *path, struct error *err)
{
	char name[256], link[64];
	cleanup_close int part = create_part(store, name, sizeof(name), err);
	int fd;

	if (part < 0)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", part);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (unlinkat(store->own, name, 0) < 0 || fd < 0)
		error_set(err, errno, "cannot open a copy in '%s'", store->path);
	else if (copy_unchanged(store, source, path, part, err) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* By what it is already: the broadcast has made it with mode 0400, on the same file system. */
static int adopt_as_is(const struct store *store, int arrival, struct error *err)
{
	char name[256];

	snprintf(name, sizeof(name), "%s.part", store->name);
	if (renameat(store->base, store->arrival, store->own, name) < 0)
		return error_set(err, errno, "cannot take what the broadcast has brought to '%s'",
				 store->path);
	return finish(store, arrival, name, err);
}

static int adopt_by_copy(const struct store *store, int arrival, struct error *err)
{
	char name[256], link[64];
	cleanup_close int part = create_part(store, name, sizeof(name), err), from = -1;
	int fd = -1;

	if (part < 0)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", arrival);
	if (fchmod(arrival, 0600) < 0 || (from = open(link, O_RDWR | O_CLOEXEC)) < 0)
		error_set(err, errno, "cannot take what the broadcast has brought to '%s'",
			  store->path);
	else if (copy_bytes(store, from, store->arrival, part, true, err) == 0)
		fd = finish(store, part, name, err);
	if (fd < 0)
		(void)unlinkat(store->own, name, 0);
	(void)unlinkat(store->base, store->arrival, 0);
	return fd;
}

int store_adopt(const struct store *store, int arrival, bool moves_charge, struct error *err)
{
	return moves_charge ? adopt_by_copy(store, arrival, err) : adopt_as_is(store, arrival, err);
}
