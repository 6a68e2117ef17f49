/* SPDX-License-Identifier: BSD-3-Clause */
/* spool.c - see spool.h. */
#include "images/import/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/import/libarchive.h"

#define COPY_SIZE ((size_t)1 << 20)

int spool_copy(int from, int to, off_t offset, int64_t size, struct error *err)
{
	cleanup_free char *buf = malloc(COPY_SIZE);
	int64_t done = 0;

	while (buf && (size < 0 || done < size)) {
		size_t want = size >= 0 && size - done < (int64_t)COPY_SIZE ? (size_t)(size - done)
									    : COPY_SIZE;
		ssize_t n = size < 0 ? read(from, buf, want)
				     : pread(from, buf, want, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, errno, "cannot read it");
		if (n == 0 && size < 0)
			return 0;
		if (n == 0)
			return error_set(err, 0, "it has become shorter");
		if (fd_write_all(to, buf, (size_t)n) < 0)
			return error_set(err, errno, "cannot write the copy of it");
		done += n;
	}
	return buf ? 0 : error_set(err, ENOMEM, "cannot copy it");
}

static int make_file(struct error *err)
{
	const char *given = getenv("TMPDIR"), *dir = given && given[0] ? given : "/var/tmp";
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/davit-import-XXXXXX", dir);
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			(void)unlink(path);
	}
	if (fd >= 0)
		return fd;
	error_set(err, errno, "cannot make a file in '%s'", dir);
	return error_remedy(err, "TMPDIR=DIR, with room for all of it");
}

int spool(int from, struct error *err)
{
	cleanup_close int fd = make_file(err);

	if (fd < 0)
		return -1;
	if (spool_copy(from, fd, 0, -1, err) == 0)
		return steal_fd(&fd);
	if (err->errnum == ENOSPC || err->errnum == EDQUOT || err->errnum == EFBIG)
		error_remedy(err, "TMPDIR=DIR, with room for standard input");
	return -1;
}

/* The descriptor that a path names, or -1. */
static int find_descriptor(const char *path)
{
	static const char *const dirs[] = { "/dev/fd/", "/proc/self/fd/" };

	if (strcmp(path, "/dev/stdin") == 0)
		return STDIN_FILENO;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		const char *number;
		char *end;
		long fd;

		if (strncmp(path, dirs[i], strlen(dirs[i])) != 0)
			continue;
		number = path + strlen(dirs[i]);
		fd = strtol(number, &end, 10);
		return *number && !*end && fd >= 0 && fd < INT_MAX ? (int)fd : -1;
	}
	return -1;
}

static int decompress(struct archive *bytes, struct error *err)
{
	cleanup_free char *buf = malloc(COPY_SIZE);
	cleanup_close int fd = buf ? make_file(err) : error_set(err, ENOMEM, "cannot read it");
	la_ssize_t n;

	if (fd < 0)
		return -1;
	while ((n = archive_read_data(bytes, buf, COPY_SIZE)) > 0)
		if (fd_write_all(fd, buf, (size_t)n) < 0) {
			error_set(err, errno, "cannot write the copy of it");
			return error_remedy(err, "TMPDIR=DIR, with room for all of it");
		}
	return n < 0 ? libarchive_fail(bytes, err) : steal_fd(&fd);
}

/* Begins to read what is in `fd`, of a file from its beginning. NULL with `err` set; else to be freed. */
static struct archive *begin(int fd, bool is_file, struct error *err)
{
	struct archive *bytes;
	struct archive_entry *entry;
	int result = ARCHIVE_FATAL;

	if (libarchive_open(err) < 0)
		return NULL;
	bytes = is_file && lseek(fd, 0, SEEK_SET) < 0 ? NULL : archive_read_new();
	if (!bytes) {
		error_set(err, errno, "cannot read it");
		return NULL;
	}
	libarchive_read_bytes(bytes);
	if (archive_read_open_fd(bytes, fd, COPY_SIZE) == ARCHIVE_OK)
		result = archive_read_next_header(bytes, &entry);
	if (result == ARCHIVE_EOF)
		error_set(err, 0, "it is empty");
	else if (result < ARCHIVE_WARN)
		libarchive_fail(bytes, err);
	else
		return bytes;
	(void)archive_read_free(bytes);
	return NULL;
}

static bool is_plain(struct archive *bytes)
{
	return archive_filter_code(bytes, 0) == ARCHIVE_FILTER_NONE;
}

/* Of a file, from its beginning; else what comes. */
static int make_plain(int fd, struct error *err)
{
	struct archive *bytes;
	struct stat st;
	bool is_file;
	int made;

	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot read it");
	is_file = S_ISREG(st.st_mode);
	if (!is_file && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)) {
		error_set(err, 0, "it is %s",
			  S_ISDIR(st.st_mode) ? "a directory" : "neither a file nor a pipe");
		return S_ISDIR(st.st_mode) ? error_remedy(err, "oci:DIR, where it is an OCI layout")
					   : -1;
	}
	bytes = begin(fd, is_file, err);
	if (!bytes)
		return -1;
	if (!is_file || !is_plain(bytes))
		made = decompress(bytes, err);
	else if ((made = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0)
		error_set(err, errno, "cannot read it");
	(void)archive_read_free(bytes);
	return made;
}

bool spool_is_descriptor(const char *path)
{
	return find_descriptor(path) >= 0;
}

int spool_is_compressed(int fd, struct error *err)
{
	struct archive *bytes = begin(fd, true, err);
	bool is_compressed = bytes && !is_plain(bytes);

	if (bytes)
		(void)archive_read_free(bytes);
	return bytes ? is_compressed : -1;
}

int spool_open(const char *path, struct error *err)
{
	int number = find_descriptor(path);
	cleanup_close int fd = number >= 0
				       ? fcntl(number, F_DUPFD_CLOEXEC, 0)
				       : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return error_set(err, errno, "cannot open '%s'", path);
	/* Who would write to it may never come. */
	if (number < 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
		error_set(err, 0, "'%s' is neither a file nor a directory", path);
		return error_remedy(err, "/dev/stdin in its place, < %s", path);
	}
	return make_plain(fd, err);
}
