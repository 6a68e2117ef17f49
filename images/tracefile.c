/* SPDX-License-Identifier: BSD-3-Clause */
/* tracefile.c - see tracefile.h. */
#include "images/tracefile.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Otherwise it defines types of <linux/types.h> by itself. */
#define HAVE_LINUX_TYPES_LE16 1
#include <squashfuse/squashfs_fs.h>

#include "common/fd.h"
#include "images/read.h"

#define MAGIC     "davit-trace 1 "
#define SIZE_MOST ((size_t)256 << 20) /* bytes of a trace */
#define LINE_MOST (4 * PATH_MAX + 32) /* bytes, with all of a path quoted */

int trace_identify(const struct image *image, struct trace_image *identity, struct error *err)
{
	struct squashfs_super_block head;

	if (image_read(image->fd, &head, sizeof(head), image->offset) != (ssize_t)sizeof(head))
		return error_set(err, image_read_failure(), "cannot read image '%s'", image->path);
	*identity = (struct trace_image){ .bytes = le64toh(head.bytes_used),
					  .made = le32toh(head.mkfs_time),
					  .inodes = le32toh(head.inodes) };
	memcpy(identity->digest, image->digest, sizeof(identity->digest));
	return 0;
}

bool trace_is_same(const struct trace_image *a, const struct trace_image *b)
{
	if (a->digest[0] && b->digest[0])
		return strcmp(a->digest, b->digest) == 0;
	return a->bytes == b->bytes && a->made == b->made && a->inodes == b->inodes;
}

/* ---- writing ------------------------------------------------------------- */

static int put_head(int fd, const struct trace_image *identity)
{
	char text[256];
	int len = snprintf(text, sizeof(text),
			   MAGIC "bytes=%" PRIu64 " made=%" PRIu32 " inodes=%" PRIu32 "%s%s\n",
			   identity->bytes, identity->made, identity->inodes,
			   identity->digest[0] ? " digest=" : "", identity->digest);

	return fd_write_all(fd, text, (size_t)len);
}

/* Nothing but a trace is overwritten: a slip of the finger costs no image. */
static int check_old(int fd, const char *path, struct error *err)
{
	char text[sizeof(MAGIC)] = "";
	struct stat st;
	ssize_t got;

	if (fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode)) {
		error_set(err, 0, "'%s' is no file", path);
		return error_remedy(err, "the path of a file for the trace");
	}
	got = fd_pread_all(fd, text, sizeof(text) - 1, 0);
	if (got < 0)
		return error_set(err, errno, "cannot read '%s'", path);
	if (got == 0 || strcmp(text, MAGIC) == 0)
		return 0;
	error_set(err, 0, "'%s' exists, and is no trace that could be replaced", path);
	return error_remedy(err, "another name, or remove it first");
}

/* Goes with the descriptor and its copies. File systems that know no locks are none the worse. */
static int lock(int fd, const char *path, struct error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES))
		return 0;
	error_set(err, 0, "another container is being traced to '%s'", path);
	err->errnum = EBUSY;
	return error_remedy(err, "another file for each");
}

int tracefile_create(const char *path, const struct image *image, struct error *err)
{
	cleanup_close int fd = -1;
	struct trace_image identity;

	if (trace_identify(image, &identity, err) < 0)
		return -1;
	/* What blocks on opening is no file, and nothing is shortened before it is known. */
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
	if (fd < 0) {
		error_set(err, errno, "cannot write the trace '%s'", path);
		return error_remedy(err, "a file in a directory that you may write to");
	}
	if (check_old(fd, path, err) < 0 || lock(fd, path, err) < 0)
		return -1;
	if (ftruncate(fd, 0) < 0 || put_head(fd, &identity) < 0)
		return error_set(err, errno, "cannot write the trace '%s'", path);
	return steal_fd(&fd);
}

int tracefile_put(int fd, const char *path, uint64_t piece, bool is_whole)
{
	static const char digits[] = "0123456789abcdef";
	char line[LINE_MOST], *at = line;

	if (strlen(path) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (c == '\\') {
			*at++ = '\\';
			*at++ = '\\';
		} else if (c < ' ' || c == 0x7f) {
			*at++ = '\\';
			*at++ = 'x';
			*at++ = digits[c >> 4];
			*at++ = digits[c & 15];
		} else {
			*at++ = (char)c;
		}
	}
	if (!is_whole)
		at += sprintf(at, "\t%" PRIu64, piece);
	*at++ = '\n';
	return fd_write_all(fd, line, (size_t)(at - line));
}

/* ---- reading ------------------------------------------------------------- */

static bool take_number(const char *word, const char *name, uint64_t most, uint64_t *number)
{
	size_t len = strlen(name);
	char *end;

	if (strncmp(word, name, len) != 0 || !isdigit((unsigned char)word[len]))
		return false;
	errno = 0;
	*number = strtoull(word + len, &end, 10);
	return errno == 0 && !*end && *number <= most;
}

static int parse_head(char *line, struct trace_image *image)
{
	bool has_bytes = false, has_made = false, has_inodes = false;
	struct error ignored = ERROR_INIT;
	uint64_t number;
	char *word;

	if (strncmp(line, MAGIC, strlen(MAGIC)) != 0)
		return -1;
	line += strlen(MAGIC);
	*image = (struct trace_image){ .bytes = 0 };
	while ((word = strsep(&line, " "))) {
		if (take_number(word, "bytes=", UINT64_MAX, &image->bytes)) {
			has_bytes = true;
		} else if (take_number(word, "made=", UINT32_MAX, &number)) {
			has_made = true;
			image->made = (uint32_t)number;
		} else if (take_number(word, "inodes=", UINT32_MAX, &number)) {
			has_inodes = true;
			image->inodes = (uint32_t)number;
		} else if (strncmp(word, "digest=", 7) != 0 ||
			   digest_parse(word + 7, image->digest, &ignored) < 0) {
			return -1;
		}
	}
	return has_bytes && has_made && has_inodes ? 0 : -1;
}

static int hex(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

/* In place. Returns -1 where it is not quoted as tracefile_put() does. */
static int unquote(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		int high, low;

		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return -1;
		if (*at != '\\') {
			*to++ = *at;
		} else if (at[1] == '\\') {
			*to++ = *++at;
		} else {
			if (at[1] != 'x' || (high = hex(at[2])) < 0 || (low = hex(at[3])) < 0 ||
			    high + low == 0)
				return -1;
			*to++ = (char)(high << 4 | low);
			at += 3;
		}
	}
	*to = '\0';
	return 0;
}

/* Absolute, and each part is a name: "a/../b" is what no server writes. */
static bool is_path(const char *path)
{
	if (strlen(path) >= PATH_MAX || path[0] != '/')
		return false;
	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		if (len == 0 || len > NAME_MAX || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += len;
	}
	return true;
}

static int parse_line(char *text, struct trace_line *line)
{
	char *tab = strrchr(text, '\t');

	*line = (struct trace_line){ .is_whole = !tab };
	if (tab) {
		if (!take_number(tab + 1, "", UINT64_MAX / TRACE_PIECE, &line->piece))
			return -1;
		*tab = '\0';
	}
	if (unquote(text) < 0 || !is_path(text))
		return -1;
	line->path = strdup(text);
	return line->path ? 0 : -ENOMEM;
}

static int refuse_file(const char *path, struct error *err)
{
	error_set(err, 0, "'%s' is no trace: its first line is not one of 'davit-trace 1'", path);
	return error_remedy(err, "davit run --trace=FILE IMAGE COMMAND writes one");
}

static int add_line(struct trace_list *list, size_t *room, const struct trace_line *line)
{
	if (list->count == *room) {
		size_t more = *room ? 2 * *room : 1024;
		struct trace_line *bigger = reallocarray(list->lines, more, sizeof(*bigger));

		if (!bigger)
			return -1;
		list->lines = bigger;
		*room = more;
	}
	list->lines[list->count++] = *line;
	return 0;
}

static int parse_lines(struct trace_list *list, const char *path, char *text, struct error *err)
{
	size_t room = 0, number = 2;

	for (char *end; (end = strchr(text, '\n')); text = end + 1, number++) {
		struct trace_line line;
		int result;

		*end = '\0';
		result = parse_line(text, &line);
		if (result == -1) {
			error_set(err, 0, "'%s', line %zu: not the path of a file in an image",
				  path, number);
			return error_remedy(err, "trace the command once more");
		}
		if (result < 0 || add_line(list, &room, &line) < 0) {
			free(line.path);
			return error_set(err, ENOMEM, "cannot keep the trace '%s'", path);
		}
	}
	return 0;
}

static char *read_text(const char *path, size_t *len, struct error *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : fd_read_regular(fd, SIZE_MOST, len);

	if (!text)
		error_set(err, errno, "cannot read the trace '%s'", path);
	return text;
}

int trace_list_parse(struct trace_list *list, const char *path, char *text, size_t len,
		     struct error *err)
{
	char *end = strchr(text, '\n');

	*list = (struct trace_list){ .lines = NULL };
	if (!end)
		return refuse_file(path, err);
	*end = '\0';
	if (parse_head(text, &list->image) < 0)
		return refuse_file(path, err);
	if (strlen(end + 1) != len - (size_t)(end + 1 - text)) {
		error_set(err, 0, "the trace '%s' has a byte 0 in it", path);
		return error_remedy(err, "trace the command once more");
	}
	return parse_lines(list, path, end + 1, err);
}

int trace_list_read(struct trace_list *list, const char *path, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;

	*list = (struct trace_list){ .lines = NULL };
	text = read_text(path, &len, err);
	return text ? trace_list_parse(list, path, text, len, err) : -1;
}

void trace_list_done(struct trace_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->lines[i].path);
	free(list->lines);
	*list = (struct trace_list){ .lines = NULL };
}
