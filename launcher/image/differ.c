/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * differ.c - see differ.h.
 *
 * Both images are gone through at once, directory by directory. Either may be hostile: each is guarded as by
 * walk.h.
 */
#include "launcher/image/differ.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/fd.h"
#include "images/walk.h"

#define PIECE ((size_t)1 << 20)

struct differing {
	const struct opened *images;
	const struct differ_how *how;
	struct walk_guard guards[2];
	void (*each)(const struct difference *difference, void *data);
	void *data;
	long count;
	char path[PATH_MAX];
	char *buf[2];
	struct error *err;
};

/* What is found of one file. */
struct findings {
	char text[512];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct findings *findings, const char *format,
						      ...)
{
	size_t room = sizeof(findings->text) - findings->len;
	va_list args;
	int n;

	if (findings->len > 0)
		findings->len += (size_t)snprintf(findings->text + findings->len, room, ", ");
	room = sizeof(findings->text) - findings->len;
	va_start(args, format);
	n = vsnprintf(findings->text + findings->len, room, format, args);
	va_end(args);
	findings->len += n > 0 && (size_t)n < room ? (size_t)n : room - 1;
}

static int fail(const struct differing *differing, int which, int errnum)
{
	return direct_fail(&differing->images[which].image, differing->path, errnum,
			   differing->err);
}

static struct squash *squash_of(const struct differing *differing, int which)
{
	return differing->images[which].direct.squash;
}

static void tell(struct differing *differing, int only_in, const char *what)
{
	const struct difference difference = { differing->path, only_in, what };

	differing->count++;
	differing->each(&difference, differing->data);
}

/* ---- one file ---------------------------------------------------------------------------------- */

/* Moves on behind what is a hole in both, so that what a small image says to be huge takes no time. Returns
 * 0, or -1 with the error set. */
static int skip_holes(const struct differing *differing, const uint64_t inodes[2], off_t *at)
{
	off_t holes[2], data;

	for (int which = 0; which < 2; which++) {
		int error = direct_stretch(&differing->images[which].direct, inodes[which], *at,
					   &holes[which], &data);

		if (error)
			return fail(differing, which, error);
	}
	*at += holes[0] < holes[1] ? holes[0] : holes[1];
	return 0;
}

/* Two files of one length. Returns 0, or -1 with the error set. */
static int compare_contents(struct differing *differing, const uint64_t inodes[2], off_t size,
			    struct findings *findings)
{
	char *const *buf = differing->buf;

	for (off_t at = 0; at < size;) {
		size_t got[2], i = 0;

		if (skip_holes(differing, inodes, &at) < 0)
			return -1;
		if (at == size)
			break;
		for (int which = 0; which < 2; which++) {
			int error = direct_read(&differing->images[which].direct, inodes[which], at,
						buf[which], PIECE, &got[which]);

			if (error)
				return fail(differing, which, error);
		}
		if (got[0] == 0 || got[0] != got[1])
			return fail(differing, got[0] > 0, EIO);
		if (memcmp(buf[0], buf[1], got[0]) == 0) {
			at += (off_t)got[0];
			continue;
		}
		while (buf[0][i] == buf[1][i])
			i++;
		add(findings, "contents from byte %jd on", (intmax_t)at + (intmax_t)i + 1);
		return 0;
	}
	return 0;
}

static int compare_targets(struct differing *differing, const uint64_t inodes[2],
			   struct findings *findings)
{
	cleanup_free char *first = NULL, *second = NULL;
	int error = squash_readlink(squash_of(differing, 0), inodes[0], &first);

	if (error)
		return fail(differing, 0, error);
	error = squash_readlink(squash_of(differing, 1), inodes[1], &second);
	if (error)
		return fail(differing, 1, error);
	if (strcmp(first, second) != 0)
		add(findings, "target");
	return 0;
}

/* Reads an attribute into differing->buf. */
static int read_value(const struct differing *differing, int which, uint64_t inode,
		      const char *name, size_t *len)
{
	return squash_getxattr(squash_of(differing, which), inode, name, differing->buf[which],
			       PIECE, len);
}

/* Returns 1 where the other has the same ones, or more. */
static int has_attributes(struct differing *differing, const uint64_t inodes[2], const char *list,
			  size_t len)
{
	for (const char *name = list; name < list + len; name += strlen(name) + 1) {
		size_t sizes[2];
		int error = read_value(differing, 0, inodes[0], name, &sizes[0]);

		if (error)
			return fail(differing, 0, error);
		error = read_value(differing, 1, inodes[1], name, &sizes[1]);
		if (error == ENODATA)
			return 0;
		if (error)
			return fail(differing, 1, error);
		if (sizes[0] != sizes[1] ||
		    memcmp(differing->buf[0], differing->buf[1], sizes[0]) != 0)
			return 0;
	}
	return 1;
}

static int compare_attributes(struct differing *differing, const uint64_t inodes[2],
			      struct findings *findings)
{
	cleanup_free char *list = NULL;
	size_t len[2];
	int same;

	for (int which = 0; which < 2; which++) {
		int error = squash_listxattr(squash_of(differing, which), inodes[which], NULL, 0,
					     &len[which]);

		if (error)
			return fail(differing, which, error);
	}
	if (len[0] == 0 && len[1] == 0)
		return 0;
	list = malloc(len[0] + 1);
	same = list ? squash_listxattr(squash_of(differing, 0), inodes[0], list, len[0], &len[0])
		    : ENOMEM;
	if (same)
		return fail(differing, 0, same);
	same = len[0] == len[1] ? has_attributes(differing, inodes, list, len[0]) : 0;
	if (same == 0)
		add(findings, "extended attributes");
	return same < 0 ? -1 : 0;
}

static int compare_metadata(struct differing *differing, const uint64_t inodes[2],
			    const struct stat st[2], struct findings *findings)
{
	if ((st[0].st_mode & 07777) != (st[1].st_mode & 07777))
		add(findings, "mode %04o %04o", st[0].st_mode & 07777, st[1].st_mode & 07777);
	if (st[0].st_uid != st[1].st_uid || st[0].st_gid != st[1].st_gid)
		add(findings, "owner %u:%u %u:%u", st[0].st_uid, st[0].st_gid, st[1].st_uid,
		    st[1].st_gid);
	return compare_attributes(differing, inodes, findings);
}

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symbolic link";
	case S_IFCHR:
		return "character device";
	case S_IFBLK:
		return "block device";
	case S_IFIFO:
		return "FIFO";
	case S_IFSOCK:
		return "socket";
	default:
		return "file";
	}
}

static int compare_type(struct differing *differing, const uint64_t inodes[2],
			const struct stat st[2], struct findings *findings)
{
	mode_t mode = st[0].st_mode;

	if (S_ISLNK(mode))
		return compare_targets(differing, inodes, findings);
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && st[0].st_rdev != st[1].st_rdev)
		add(findings, "device %u,%u %u,%u", major(st[0].st_rdev), minor(st[0].st_rdev),
		    major(st[1].st_rdev), minor(st[1].st_rdev));
	if (!S_ISREG(mode))
		return 0;
	if (st[0].st_size == st[1].st_size)
		return compare_contents(differing, inodes, st[0].st_size, findings);
	add(findings, "size %jd %jd", (intmax_t)st[0].st_size, (intmax_t)st[1].st_size);
	return 0;
}

/* Compares the files at differing->path, but for what is in directories. */
static int compare_file(struct differing *differing, const uint64_t inodes[2],
			const struct stat st[2])
{
	struct findings findings = { .len = 0 };

	if ((st[0].st_mode & S_IFMT) != (st[1].st_mode & S_IFMT))
		add(&findings, "%s, %s", type_name(st[0].st_mode), type_name(st[1].st_mode));
	else if (compare_type(differing, inodes, st, &findings) < 0)
		return -1;
	else if (differing->how->metadata && compare_metadata(differing, inodes, st, &findings) < 0)
		return -1;
	if (differing->how->times && st[0].st_mtime != st[1].st_mtime)
		add(&findings, "modified %jd %jd", (intmax_t)st[0].st_mtime,
		    (intmax_t)st[1].st_mtime);
	if (findings.len > 0)
		tell(differing, -1, findings.text);
	return 0;
}

/* ---- directories ------------------------------------------------------------------------------- */

/* What is at differing->path, whose first `len` bytes these are, in both. */
static int compare(struct differing *differing, size_t len, const uint64_t inodes[2]);

static int by_name(const void *a, const void *b, void *data)
{
	const struct names_entry *first = a, *second = b;
	const char *text = data;

	return strcmp(text + first->at, text + second->at);
}

static int enter(struct differing *differing, int which, uint64_t inode, const struct stat *st,
		 struct names *names)
{
	const char *what;
	int error = walk_guard_enter(&differing->guards[which], inode, st, names, &what);

	if (error && error != EIO)
		return fail(differing, which, error);
	if (error) {
		error_set(differing->err, 0, "image '%s': '%s' is damaged: %s",
			  differing->images[which].image.path, differing->path, what);
		return error_remedy(differing->err, "copy or make the image again");
	}
	/* It is sorted, if the image is a sound one. */
	if (names->count > 1)
		qsort_r(names->entries, names->count, sizeof(*names->entries), by_name,
			names->text);
	return 0;
}

/* Goes on with the names at `at` of the two lists, of which one or both are the next one. */
static int compare_next(struct differing *differing, size_t len, const struct names names[2],
			size_t at[2])
{
	int order = at[0] == names[0].count ? 1
		    : at[1] == names[1].count
			    ? -1
			    : strcmp(names_get(&names[0], at[0]), names_get(&names[1], at[1]));
	int from = order <= 0 ? 0 : 1;
	size_t longer = walk_append(differing->path, len, names_get(&names[from], at[from]));
	int result = 0;

	if (longer == 0)
		return fail(differing, from, ENAMETOOLONG);
	if (order == 0)
		result = compare(differing, longer,
				 (const uint64_t[2]){ names[0].entries[at[0]].inode,
						      names[1].entries[at[1]].inode });
	else
		tell(differing, from, NULL);
	differing->path[len] = '\0';
	at[0] += order <= 0;
	at[1] += order >= 0;
	return result;
}

static int compare_lists(struct differing *differing, size_t len, const uint64_t inodes[2],
			 const struct stat st[2])
{
	struct names names[2];
	size_t at[2] = { 0, 0 };
	int result = 0;

	if (enter(differing, 0, inodes[0], &st[0], &names[0]) < 0)
		return -1;
	if (enter(differing, 1, inodes[1], &st[1], &names[1]) < 0) {
		walk_guard_leave(&differing->guards[0], &names[0]);
		return -1;
	}
	while (result == 0 && (at[0] < names[0].count || at[1] < names[1].count))
		result = compare_next(differing, len, names, at);
	for (int which = 0; which < 2; which++)
		walk_guard_leave(&differing->guards[which], &names[which]);
	return result;
}

static int compare(struct differing *differing, size_t len, const uint64_t inodes[2])
{
	struct stat st[2];

	for (int which = 0; which < 2; which++) {
		int error =
			squash_stat_owned(squash_of(differing, which), inodes[which], &st[which]);

		if (error)
			return fail(differing, which, error);
	}
	if (compare_file(differing, inodes, st) < 0)
		return -1;
	if (!S_ISDIR(st[0].st_mode) || !S_ISDIR(st[1].st_mode))
		return 0;
	return compare_lists(differing, len, inodes, st);
}

long differ(const struct opened images[2], const struct differ_how *how,
	    void (*each)(const struct difference *difference, void *data), void *data,
	    struct error *err)
{
	struct differing differing = {
		.images = images, .how = how, .each = each, .data = data, .path = "/", .err = err
	};
	uint64_t roots[2];
	int result;

	for (int which = 0; which < 2; which++) {
		walk_guard_init(&differing.guards[which], images[which].direct.squash);
		roots[which] = squash_root(images[which].direct.squash);
		differing.buf[which] = malloc(PIECE);
	}
	if (differing.buf[0] && differing.buf[1])
		result = compare(&differing, 1, roots);
	else
		result = error_set(err, ENOMEM, "cannot compare the images");
	for (int which = 0; which < 2; which++) {
		walk_guard_done(&differing.guards[which]);
		free(differing.buf[which]);
	}
	return result < 0 ? -1 : differing.count;
}
