/* SPDX-License-Identifier: BSD-3-Clause */
/* store.c - see store.h; copy.c has what moves bytes. */
#include "launcher/stage/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/owndir.h"

#define UNUSED_MAX (24 * 3600) /* seconds */
#define NODES_MAX  ((size_t)1 << 20)
#define NAME_SIZE  256

#define CREATE_TRIES 10

static void own_name(char name[32])
{
	snprintf(name, 32, "davit-%u", geteuid());
}

static void with_suffix(const struct store *store, const char *suffix, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%s%s", store->name, suffix);
}

/* Others who may create files there must not be able to rename those of the user. */
static int check_base(const struct store *store, struct error *err)
{
	struct stat st;

	if (fstat(store->base, &st) < 0)
		return error_set(err, errno, "cannot look at '%s'", store->path);
	if ((st.st_uid == 0 || st.st_uid == geteuid()) &&
	    (!(st.st_mode & 022) || (st.st_mode & S_ISVTX)))
		return 0;
	error_set(err, 0, "others may rename or remove what lies in '%s'", store->path);
	return error_remedy(err, "tell your admin: it has to be root's, with mode 1777");
}

int store_open(struct store *store, const char *path, struct error *err)
{
	char name[32];

	*store = (struct store)STORE_INIT;
	store->path = strdup(path);
	if (!store->path)
		return error_set(err, ENOMEM, "cannot keep the path");
	store->base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->base < 0) {
		error_set(err, errno, "cannot open '%s'", path);
		return error_remedy(err,
				    "tell your admin: it is where copies of images are to lie");
	}
	if (check_base(store, err) < 0)
		return -1;
	own_name(name);
	store->own = owndir_open(store->base, name, err);
	return store->own < 0 ? error_wrap(err, "'%s'", path) : 0;
}

/* The directory that was opened may have been removed since, empty: by the epilog of another job of the
 * user's. */
static int renew_own(const struct store *store, struct error *err)
{
	cleanup_close int fd = -1;
	char name[32];

	own_name(name);
	fd = owndir_open(store->base, name, err);
	if (fd < 0)
		return error_wrap(err, "'%s'", store->path);
	if (dup3(fd, store->own, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot open '%s/%s'", store->path, name);
	return 0;
}

int store_create(const struct store *store, const char *name, int flags, struct error *err)
{
	int fd;

	for (int tries = 0; tries < CREATE_TRIES; tries++) {
		fd = openat(store->own, name, flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			return fd;
		if (errno != ENOENT)
			break;
		if (renew_own(store, err) < 0)
			return -1;
	}
	return error_set(err, errno, "cannot create '%s/davit-%u/%s'", store->path, geteuid(),
			 name);
}

int store_lock(struct store *store, const char *job, const char *step, const char *key,
	       uint64_t size, struct error *err)
{
	char name[NAME_SIZE];
	int result;

	store->size = size;
	if (asprintf(&store->name, "%s.%s", job, key) < 0) {
		store->name = NULL;
		return error_set(err, ENOMEM, "cannot keep the name");
	}
	if (asprintf(&store->arrival, "davit-%u-%s.%s-%s", geteuid(), job, step ? step : "", key) <
	    0) {
		store->arrival = NULL;
		return error_set(err, ENOMEM, "cannot keep the name");
	}
	with_suffix(store, ".lock", name);
	store->lock = store_create(store, name, O_RDWR, err);
	if (store->lock < 0)
		return -1;
	do
		result = flock(store->lock, LOCK_EX);
	while (result < 0 && errno == EINTR);
	if (result < 0)
		return error_set(err, errno, "cannot lock '%s'", name);
	(void)futimens(store->lock, NULL);
	return 0;
}

/* A regular file of the user's alone, with one name, all bytes and the mode that comes last. */
static bool is_whole(const struct store *store, int fd, struct stat *st)
{
	return fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	       (st->st_mode & 07777) == 0400 && st->st_nlink == 1 &&
	       (uint64_t)st->st_size == store->size;
}

int store_find(const struct store *store)
{
	cleanup_close int fd = openat(store->own, store->name,
				      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return -1;
	if (fd >= 0 && is_whole(store, fd, &st) && st.st_mtim.tv_sec == STORE_DATE &&
	    st.st_mtim.tv_nsec == 0)
		return steal_fd(&fd);
	(void)unlinkat(store->own, store->name, 0);
	return -1;
}

int store_arrival(const struct store *store)
{
	cleanup_close int fd = openat(store->base, store->arrival,
				      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	return fd >= 0 && is_whole(store, fd, &st) ? steal_fd(&fd) : -1;
}

uid_t store_arrival_owner(const struct store *store)
{
	struct stat st;

	return fstatat(store->base, store->arrival, &st, AT_SYMLINK_NOFOLLOW) < 0 ? (uid_t)-1
										  : st.st_uid;
}

/* Calls `visit` for each name in the directory. */
static int for_each(int dir, int (*visit)(int dir, const char *name, const void *arg),
		    const void *arg)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	int result = 0;

	if (!list) {
		if (copy >= 0)
			close(copy);
		return -1;
	}
	while ((entry = readdir(list)))
		if (entry->d_name[0] != '.' && visit(dir, entry->d_name, arg) < 0)
			result = -1;
	closedir(list);
	return result;
}

/* When it was used last is the date of its lock. */
static bool is_left(int dir, const char *name)
{
	char lock[NAME_SIZE + 8];
	struct timespec now, up;
	const char *suffix = strrchr(name, '.');
	size_t len = strlen(name);
	struct stat st;

	if (suffix && (strcmp(suffix, ".part") == 0 || strcmp(suffix, ".lock") == 0 ||
		       strcmp(suffix, ".nodes") == 0))
		len = (size_t)(suffix - name);
	snprintf(lock, sizeof(lock), "%.*s.lock", (int)len, name);
	if (fstatat(dir, lock, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	if (clock_gettime(CLOCK_REALTIME, &now) < 0 || clock_gettime(CLOCK_BOOTTIME, &up) < 0)
		return false;
	return st.st_mtim.tv_sec < now.tv_sec - UNUSED_MAX ||
	       st.st_mtim.tv_sec < now.tv_sec - up.tv_sec;
}

static int remove_left(int dir, const char *name, const void *arg)
{
	const char *job = arg;
	size_t len = strcspn(job, ".") + 1;

	if (strncmp(name, job, len) != 0 && is_left(dir, name))
		(void)unlinkat(dir, name, 0);
	return 0;
}

void store_sweep(const struct store *store)
{
	(void)for_each(store->own, remove_left, store->name);
}

/* What is a directory, or somebody else's, stays. */
static int remove_named(int dir, const char *name, const void *arg)
{
	const char *prefix = arg;
	struct stat st;

	if (strncmp(name, prefix, strlen(prefix)) != 0 ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_uid != geteuid() ||
	    S_ISDIR(st.st_mode))
		return 0;
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -1 : 0;
}

static int remove_arrival(int dir, const char *name, const void *arg)
{
	const struct store *store = arg;
	size_t len = strcspn(store->arrival, ".") + 1;
	const char *key = strchr(store->name, '.') + 1, *end = name + strlen(name) - strlen(key);

	if (strlen(name) > len + strlen(key) && strncmp(name, store->arrival, len) == 0 &&
	    strcmp(end, key) == 0)
		return remove_named(dir, name, name);
	return 0;
}

void store_drop_arrivals(const struct store *store)
{
	(void)for_each(store->base, remove_arrival, store);
}

void store_note_nodes(const struct store *store, const char *nodes)
{
	char name[NAME_SIZE];
	cleanup_close int fd = -1;

	with_suffix(store, ".nodes", name);
	fd = openat(store->own, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && fd_write_all(fd, nodes, strlen(nodes)) < 0)
		(void)unlinkat(store->own, name, 0);
}

char *store_nodes(const struct store *store)
{
	char name[NAME_SIZE];
	cleanup_close int fd = -1;

	with_suffix(store, ".nodes", name);
	fd = openat(store->own, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd_read_regular(fd, NODES_MAX, NULL);
}

void store_done(struct store *store)
{
	const int fds[] = { store->base, store->own, store->lock };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(store->path);
	free(store->name);
	free(store->arrival);
	*store = (struct store)STORE_INIT;
}

int store_forget(const char *path, const char *job, struct error *err)
{
	cleanup_close int base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), own = -1;
	char name[32], prefix[NAME_SIZE];
	struct stat st;
	int result = 0;

	if (base < 0)
		return errno == ENOENT ? 0 : error_set(err, errno, "cannot open '%s'", path);
	own_name(name);
	snprintf(prefix, sizeof(prefix), "%s-%s.", name, job);
	result = for_each(base, remove_named, prefix);
	own = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (own >= 0 && fstat(own, &st) == 0 && st.st_uid == geteuid()) {
		snprintf(prefix, sizeof(prefix), "%s.", job);
		if (for_each(own, remove_named, prefix) < 0)
			result = -1;
		(void)unlinkat(base, name, AT_REMOVEDIR); /* if nothing else is in it */
	}
	return result < 0
		       ? error_set(err, errno, "cannot remove all copies of images in '%s'", path)
		       : 0;
}
