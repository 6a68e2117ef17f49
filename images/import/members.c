/* SPDX-License-Identifier: BSD-3-Clause */
/* members.c - see members.h. */
#include "images/import/members.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/import/feed.h"
#include "images/import/libarchive.h"

#define LINKS_MAX 8
#define PATH_SIZE 4096      /* bytes */
#define PAX_MAX   (1 << 20) /* bytes of headers of one entry */

struct member {
	char *name;
	char *target; /* of a link, as a name in the tar; or NULL */
	int64_t offset, size;
	size_t order;
	bool has_holes; /* or is a link that leads out of the tar */
};

struct members {
	int fd;
	int64_t size; /* of the tar */
	int64_t at;   /* where libarchive reads */
	struct member *list;
	size_t count, room;
	char buf[1 << 16];
	struct feed feed;
};

static la_ssize_t read_some(struct archive *archive, void *data, const void **buf)
{
	struct members *members = data;
	ssize_t n = fd_pread_all(members->fd, members->buf, sizeof(members->buf), members->at);

	if (n < 0) {
		archive_set_error(archive, errno, "cannot read it: %s", strerror(errno));
		return -1;
	}
	members->at += n;
	*buf = members->buf;
	return n;
}

/* Behind the end, nothing is read. */
static la_int64_t skip_some(struct archive *archive, void *data, la_int64_t want)
{
	struct members *members = data;
	int64_t rest = members->size - members->at;

	(void)archive;
	if (want > rest)
		want = rest;
	if (want <= 0)
		return 0;
	members->at += want;
	return want;
}

/* Appends `path`, without "." and empty components; ".." leads no higher than the top. */
static bool append(char *name, const char *path)
{
	while (*path) {
		size_t used = strlen(name), len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.') {
			char *slash = strrchr(name, '/');

			if (!name[0])
				return false;
			*(slash ? slash : name) = '\0';
		} else if (len > 0 && !(len == 1 && path[0] == '.')) {
			if (used + len + 2 > PATH_SIZE)
				return false;
			if (used)
				name[used++] = '/';
			memcpy(name + used, path, len);
			name[used + len] = '\0';
		}
		path += len;
		path += strspn(path, "/");
	}
	return name[0] != '\0';
}

/* The name that a symbolic link of the name `from`, or NULL, leads to; to be freed. NULL: none in the tar, or
 * one that is too long. */
static char *resolve(const char *from, const char *path)
{
	char name[PATH_SIZE] = "";
	const char *slash = from && path[0] != '/' ? strrchr(from, '/') : NULL;

	if (slash && slash - from < PATH_SIZE) {
		memcpy(name, from, (size_t)(slash - from));
		name[slash - from] = '\0';
	}
	return append(name, path) ? strdup(name) : NULL;
}

static int refuse_path(const char *path, struct error *err)
{
	error_set(err, 0, "'%s' leads out of the archive", path);
	return error_remedy(err, "it is damaged or hostile: ask who has made it");
}

static int refuse_end(const char *path, struct error *err)
{
	error_set(err, 0, "the archive ends within '%s'", path);
	return error_remedy(err, "get it again: it was cut off");
}

static int refuse_damage(const char *what, struct error *err)
{
	error_set(err, 0, "the archive is damaged: %s", what ? what : "it cannot be read");
	return error_remedy(err, "get it again, or ask who has made it");
}

static struct member *add(struct members *members, struct error *err)
{
	struct member *list = members->list;

	if (members->count == members->room) {
		if (members->count == MEMBERS_MAX) {
			error_set(err, 0, "the archive has more than %d files", MEMBERS_MAX);
			error_remedy(err, "davit image import FILE, if it is a root file system");
			return NULL;
		}
		members->room = members->room ? 2 * members->room : 64;
		list = reallocarray(list, members->room, sizeof(*list));
		if (!list) {
			error_set(err, ENOMEM, "cannot keep the names of the archive");
			return NULL;
		}
		members->list = list;
	}
	list[members->count] = (struct member){ .order = members->count };
	return &list[members->count++];
}

static int64_t pad(int64_t size)
{
	return (size + 511) / 512 * 512;
}

/* The size in a pax header between `from` and `to`, that takes `padded` bytes, or -1. */
static int64_t find_pax_size(const struct members *members, int64_t from, int64_t to,
			     int64_t padded)
{
	static const char key[] = " size=";
	cleanup_free char *text = NULL;
	ssize_t len = to - from > PAX_MAX ? -1 : to - from;

	text = len > 0 ? malloc((size_t)len + 1) : NULL;
	if (!text || fd_pread_all(members->fd, text, (size_t)len, from) != len)
		return -1;
	text[len] = '\0';
	for (const char *at = text;
	     (at = memmem(at, (size_t)(text + len - at), key, sizeof(key) - 1));) {
		long long size = strtoll(at += sizeof(key) - 1, NULL, 10);

		if (size > 0 && size <= members->size && pad(size) == padded)
			return size;
	}
	return -1;
}

/* Until 3.7.8, libarchive goes over as many bytes as a pax header says, but tells the size that stands in the old
 * header, which is 0 where that has no room for 8 GiB and more. */
static int64_t find_size(struct members *members, struct archive *tar, struct archive_entry *entry)
{
	int64_t size = archive_entry_size(entry), offset = archive_filter_bytes(tar, 0), padded;

	if (archive_read_data_skip(tar) < ARCHIVE_WARN)
		return -1;
	padded = archive_filter_bytes(tar, 0) - offset;
	if (size >= 0 && size <= members->size && pad(size) == padded)
		return size;
	return find_pax_size(members, archive_read_header_position(tar), offset, padded);
}

static int take(struct members *members, struct archive *tar, struct archive_entry *entry,
		struct error *err)
{
	const char *path = archive_entry_pathname(entry), *hard = archive_entry_hardlink(entry);
	bool is_link = archive_entry_filetype(entry) == AE_IFLNK;
	const char *soft = is_link ? archive_entry_symlink(entry) : NULL;
	struct member *member;

	if (!path || (!hard && !soft && archive_entry_filetype(entry) != AE_IFREG))
		return 0;
	member = add(members, err);
	if (!member)
		return -1;
	member->name = resolve(NULL, path);
	if (!member->name) {
		/* One that is too long nobody asks for. */
		members->count--;
		return strlen(path) < PATH_SIZE ? refuse_path(path, err) : 0;
	}
	if (hard || soft) {
		/* That of a link which leads elsewhere is missed only when it is wanted. */
		member->target = hard ? resolve(NULL, hard) : resolve(member->name, soft);
		member->has_holes = !member->target;
		return 0;
	}
	member->offset = archive_filter_bytes(tar, 0);
	member->has_holes = archive_entry_sparse_reset(entry) > 0;
	if (member->has_holes)
		return 0;
	member->size = find_size(members, tar, entry);
	if (member->size < 0 || member->offset < 0 || member->offset > members->size ||
	    member->size > members->size - member->offset)
		return refuse_end(path, err);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct member *one = a, *two = b;
	int result = strcmp(one->name, two->name);

	return result ? result : one->order < two->order ? -1 : 1;
}

static int read_headers(struct members *members, struct archive *tar, struct error *err)
{
	struct archive_entry *entry;
	int result;

	(void)archive_read_support_format_tar(tar);
	result = archive_read_open2(tar, members, NULL, read_some, skip_some, NULL);
	/* A warning is that a name is no ASCII. ARCHIVE_RETRY goes on behind a damaged header, whatever is there. */
	while (result == ARCHIVE_OK || result == ARCHIVE_WARN) {
		result = archive_read_next_header(tar, &entry);
		if ((result == ARCHIVE_OK || result == ARCHIVE_WARN) &&
		    take(members, tar, entry, err) < 0)
			return -1;
	}
	if (result != ARCHIVE_EOF && members->count == 0 &&
	    strstr(archive_error_string(tar) ?: "", "Unrecognized")) {
		error_set(err, 0, "it is not a tar");
		return error_remedy(err, "look at it by file(1)");
	}
	if (result != ARCHIVE_EOF)
		return refuse_damage(archive_error_string(tar), err);
	if (members->count > 0)
		qsort(members->list, members->count, sizeof(*members->list), compare);
	return 0;
}

struct members *members_open(int fd, struct error *err)
{
	struct members *members = calloc(1, sizeof(*members));
	struct archive *tar = NULL;
	struct stat st;
	int result = -1;

	if (!members) {
		close(fd);
		error_set(err, ENOMEM, "cannot read the archive");
		return NULL;
	}
	members->fd = fd;
	if (fstat(fd, &st) < 0)
		error_set(err, errno, "cannot read it");
	else if (st.st_size == 0)
		error_set(err, 0, "it is empty");
	else if (libarchive_open(err) == 0 && !(tar = archive_read_new()))
		error_set(err, ENOMEM, "cannot read the archive");
	if (tar) {
		members->size = st.st_size;
		result = read_headers(members, tar, err);
		(void)archive_read_free(tar);
	}
	if (result == 0)
		return members;
	members_free(members);
	return NULL;
}

/* The last of its name. */
static const struct member *find_name(const struct members *members, const char *name)
{
	size_t low = 0, high = members->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(members->list[middle].name, name) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && strcmp(members->list[low - 1].name, name) == 0 ? &members->list[low - 1]
									 : NULL;
}

static const struct member *find(const struct members *members, const char *path, struct error *err)
{
	cleanup_free char *name = resolve(NULL, path);
	const struct member *member = name ? find_name(members, name) : NULL;

	for (int links = 0; member && member->target; links++)
		member = links < LINKS_MAX ? find_name(members, member->target) : NULL;
	if (!member) {
		error_set(err, 0, "there is no '%s' in the archive", path);
		error_remedy(err, "get it again, or ask who has made it");
	} else if (member->has_holes) {
		error_set(err, 0, "'%s' is stored with holes in the archive, or leads out of it",
			  path);
		error_remedy(err, "make it anew, by tar without --sparse");
	}
	return member && !member->has_holes ? member : NULL;
}

bool members_have(const struct members *members, const char *name)
{
	return find_name(members, name);
}

char *members_read(const struct members *members, const char *name, size_t max, size_t *len,
		   struct error *err)
{
	const struct member *member = find(members, name, err);
	cleanup_free char *text = NULL;
	ssize_t n;

	if (!member)
		return NULL;
	if ((uint64_t)member->size > max) {
		error_set(err, 0, "'%s' of the archive has %jd bytes, more than %zu", name,
			  (intmax_t)member->size, max);
		return NULL;
	}
	text = malloc((size_t)member->size + 1);
	n = text ? fd_pread_all(members->fd, text, (size_t)member->size, member->offset) : -1;
	if (n != member->size) {
		error_set(err, n < 0 ? errno : ENODATA, "cannot read '%s' of the archive", name);
		return NULL;
	}
	text[n] = '\0';
	*len = (size_t)n;
	return steal_ptr(&text);
}

int64_t members_size(const struct members *members, const char *name, struct error *err)
{
	const struct member *member = find(members, name, err);

	return member ? member->size : -1;
}

ssize_t members_peek(const struct members *members, const char *name, void *buf, size_t size)
{
	struct error ignored = ERROR_INIT;
	const struct member *member = find(members, name, &ignored);

	if (!member)
		return -1;
	if ((uint64_t)member->size < size)
		size = (size_t)member->size;
	return fd_pread_all(members->fd, buf, size, member->offset);
}

int members_stream(struct members *members, const char *name, struct error *err)
{
	const struct member *member = find(members, name, err);

	return member ? feed_start(&members->feed, members->fd, member->offset, member->size, err)
		      : -1;
}

int members_end(struct members *members, struct error *err)
{
	return feed_end(&members->feed, err);
}

void members_free(struct members *members)
{
	struct error ignored = ERROR_INIT;

	if (!members)
		return;
	(void)members_end(members, &ignored);
	for (size_t i = 0; i < members->count; i++) {
		free(members->list[i].name);
		free(members->list[i].target);
	}
	free(members->list);
	close(members->fd);
	free(members);
}
