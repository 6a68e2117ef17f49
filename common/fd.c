/* SPDX-License-Identifier: BSD-3-Clause */
/* fd.c - see fd.h. */
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

int fd_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t fd_pread_all(int fd, void *buf, size_t size, off_t offset)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = pread(fd, (char *)buf + got, size - got, offset + (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -1 : (ssize_t)got;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

char *fd_read_all(int fd, size_t max, size_t *len)
{
	cleanup_free char *buf = NULL;
	size_t used = 0, size = 0;

	for (;;) {
		ssize_t n;

		if (used + 1 >= size) {
			char *bigger;

			size = size ? size * 2 : 4096;
			bigger = realloc(buf, size);
			if (!bigger)
				return NULL;
			buf = bigger;
		}
		n = read(fd, buf + used, size - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return NULL;
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > max) {
			errno = EFBIG;
			return NULL;
		}
	}
	buf[used] = '\0';
	if (len)
		*len = used;
	return steal_ptr(&buf);
}

char *fd_read_regular(int fd, size_t max, size_t *len)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	return fd_read_all(fd, max, len);
}

char **strings_split(const char *text)
{
	cleanup_free char *copy = strdup(text);
	char **words = calloc(strlen(text) + 2, sizeof(*words));
	char *rest = copy, *word;
	size_t count = 0;

	while (copy && words && (word = strsep(&rest, ","))) {
		words[count] = strdup(word);
		if (words[count++])
			continue;
		strings_free(words);
		return NULL;
	}
	if (copy)
		return words;
	free(words);
	return NULL;
}

void fd_widen_pipe(int fd)
{
	(void)fcntl(fd, F_SETPIPE_SZ, 1 << 20);
}

int fd_write_file(const char *path, const char *text)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	return write(fd, text, strlen(text)) < 0 ? -1 : 0;
}
