/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * turn.c - see turn.h.
 *
 * Who finds the turn taken does not queue for it, but waits for a read lock, which all who wait get at
 * once. A thousand nodes so go on together when one has done the work. The file says who has the turn,
 * and in the end why it failed: nobody is to try in vain what another node has just tried.
 */
#include "launcher/imports/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/node.h"

#define TELL_SECONDS 3
#define TEXT_MAX     (2 * ERROR_TEXT_MAX + 16)

static int set_lock(int fd, int command, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

	return fcntl(fd, command, &lock);
}

static int refuse(const struct import_cache *cache, struct error *err)
{
	int reason = errno;

	error_set(err, reason, "cannot lock a file in the import cache '%s'", cache->path);
	if (reason == ENOSYS || reason == ENOLCK || reason == EOPNOTSUPP || reason == EINVAL)
		error_remedy(
			err,
			"a cache on a file system with locks (Lustre: mounted with flock): " IMPORT_CACHE_VARIABLE
			"=DIR, or 'import-cache' of davit.conf(5)");
	return -1;
}

static int open_lock(const struct import_cache *cache, const char *name, struct error *err)
{
	char path[IMPORT_KEY_SIZE + 32];
	int fd;

	snprintf(path, sizeof(path), "locks/%s", name);
	fd = openat(cache->dir, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	return fd < 0 ? error_set(err, errno, "cannot open '%s/%s'", cache->path, path) : fd;
}

/* Is it still the file of that name? Who clears up may have removed that before it was locked. */
static bool is_current(const struct import_cache *cache, const char *name, int fd)
{
	char path[IMPORT_KEY_SIZE + 32];
	struct stat one, other;

	snprintf(path, sizeof(path), "locks/%s", name);
	return fstat(fd, &one) == 0 &&
	       fstatat(cache->dir, path, &other, AT_SYMLINK_NOFOLLOW) == 0 &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* Returns the descriptor with the lock on it, or -1 with `err` set. */
static int lock(const struct import_cache *cache, const char *name, int command, short type,
		struct error *err)
{
	for (;;) {
		cleanup_close int fd = open_lock(cache, name, err);

		if (fd < 0)
			return -1;
		while (set_lock(fd, command, type) < 0) {
			if (errno == EAGAIN || errno == EACCES)
				return error_set(err, EBUSY, "it is in use");
			if (errno != EINTR)
				return refuse(cache, err);
		}
		if (is_current(cache, name, fd))
			return steal_fd(&fd);
	}
}

int lock_share(const struct import_cache *cache, const char *name, struct error *err)
{
	return lock(cache, name, F_OFD_SETLKW, F_RDLCK, err);
}

int lock_alone(const struct import_cache *cache, const char *name, struct error *err)
{
	return lock(cache, name, F_OFD_SETLK, F_WRLCK, err);
}

/* A word, and in lines of their own what belongs to it. */
static void put_state(int fd, const char *word, const char *first, const char *second)
{
	char text[TEXT_MAX];
	int len = snprintf(text, sizeof(text), "%s\n%s\n%s\n", word, first, second);

	/* It is for others to read; who cannot learn it asks by itself. */
	if (ftruncate(fd, 0) == 0 && len > 0)
		(void)!pwrite(fd, text, (size_t)len, 0);
}

/* Splits the file's lines into `text`. */
static void get_state(int fd, char text[TEXT_MAX], const char *lines[3])
{
	ssize_t len = pread(fd, text, TEXT_MAX - 1, 0);
	char *at = text;

	text[len > 0 ? len : 0] = '\0';
	for (size_t i = 0; i < 3; i++) {
		char *end = strchr(at, '\n');

		lines[i] = at;
		if (end)
			*end++ = '\0';
		error_scrub(at);
		at = end ? end : at + strlen(at);
	}
}

static void wake(int number)
{
	(void)number;
}

static void tell_waiting(int fd, const struct turn_waiting *waiting)
{
	struct error note = ERROR_INIT;
	char text[TEXT_MAX];
	const char *lines[3];

	get_state(fd, text, lines);
	error_set(&note, 0, "waits for '%s', which is being imported%s%s", waiting->what,
		  strcmp(lines[0], "held") == 0 ? " by " : "",
		  strcmp(lines[0], "held") == 0 ? lines[1] : "");
	waiting->tell(&note);
}

/* Until whoever has the lock lets it go. An alarm interrupts that once, to tell the user. */
static int wait_for_other(int fd, const struct turn_waiting *waiting)
{
	struct sigaction action = { .sa_handler = wake }, old;
	bool is_told = !waiting->tell;
	int result;

	if (!is_told) {
		sigaction(SIGALRM, &action, &old);
		alarm(TELL_SECONDS);
	}
	while ((result = set_lock(fd, F_OFD_SETLKW, F_RDLCK)) < 0 && errno == EINTR) {
		if (!is_told)
			tell_waiting(fd, waiting);
		is_told = true;
	}
	if (waiting->tell) {
		int reason = errno;

		alarm(0);
		sigaction(SIGALRM, &old, NULL);
		errno = reason;
	}
	return result;
}

static int take_result(int fd, struct error *err)
{
	char text[TEXT_MAX];
	const char *lines[3];

	get_state(fd, text, lines);
	if (strcmp(lines[0], "failed") != 0)
		return 0;
	error_set(err, 0, "%s", lines[1]);
	return lines[2][0] ? error_remedy(err, "%s", lines[2]) : -1;
}

/* Has anybody written to it since? If not, who had the lock did without a word (lock_alone(), or an end before
 * the first), and what the file says is of a turn that ended long ago. */
static bool is_written(int fd, const struct stat *before)
{
	struct stat now;

	return fstat(fd, &now) == 0 && (now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
					now.st_mtim.tv_nsec != before->st_mtim.tv_nsec);
}

int turn_begin(struct turn *turn, const struct import_cache *cache, const char *name,
	       const struct turn_waiting *waiting, struct error *err)
{
	char holder[NODE_NAME_MAX + 32], node[NODE_NAME_MAX];
	int fd = lock_alone(cache, name, err);
	struct stat before;

	turn->fd = fd;
	if (fd >= 0) {
		node_name(node);
		snprintf(holder, sizeof(holder), "process %d on %s", getpid(), node);
		put_state(fd, "held", holder, "");
		return 1;
	}
	if (err->errnum != EBUSY)
		return -1;
	*err = (struct error)ERROR_INIT;
	cleanup_close int other = open_lock(cache, name, err);

	if (other < 0)
		return -1;
	if (fstat(other, &before) < 0 || wait_for_other(other, waiting) < 0)
		return refuse(cache, err);
	return is_written(other, &before) ? take_result(other, err) : 0;
}

void turn_forget(const struct import_cache *cache, const char *name)
{
	struct error ignored = ERROR_INIT;
	cleanup_close int alone = lock_alone(cache, name, &ignored);
	char path[IMPORT_KEY_SIZE + 32];

	snprintf(path, sizeof(path), "locks/%s", name);
	if (alone >= 0)
		(void)unlinkat(cache->dir, path, 0);
}

void turn_end(struct turn *turn, const struct error *failure)
{
	put_state(turn->fd, failure ? "failed" : "done", failure ? failure->cause : "",
		  failure ? failure->remedy : "");
	close(steal_fd(&turn->fd));
}
