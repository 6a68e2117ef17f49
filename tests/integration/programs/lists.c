/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lists.c - reads each directory below the working directory in several ways, which must agree.
 *
 * At once; with a buffer for one entry; and from places in the middle, forth and back. Inode numbers and
 * types there must be those that stat(2) tells, and other names must not be found. Prints a line for each
 * thing that is wrong, and in the end how many names there are.
 */
#define _GNU_SOURCE
#include "digest.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE_ROOM 32768
#define SMALL_ROOM 300 /* for one entry with the longest name */
#define SEEKS      64  /* places in a directory that are tried */

struct listing {
	struct entry {
		char *name;
		ino64_t ino;
		unsigned char type;
		off_t next;
	} * entries;
	size_t count;
};

static size_t seen;

static void say(const char *path, const char *what)
{
	print_name(stdout, path);
	printf(": %s\n", what);
}

static void say_error(const char *path, const char *call)
{
	print_name(stdout, path);
	printf(": %s: %s\n", call, strerrorname_np(errno));
}

/* ---- reading ------------------------------------------------------------------------------- */

static void add(struct listing *listing, const struct dirent64 *from)
{
	if ((listing->count & (listing->count - 1)) == 0) {
		size_t room = listing->count ? listing->count * 2 : 1;

		listing->entries = realloc(listing->entries, room * sizeof(*listing->entries));
		if (!listing->entries)
			err(2, "realloc");
	}
	listing->entries[listing->count++] =
		(struct entry){ strdup(from->d_name), from->d_ino, from->d_type, from->d_off };
}

static void free_listing(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->entries[i].name);
	free(listing->entries);
}

/* From where `dir` is up to the end, or `max` entries. */
static struct listing list(const char *path, int dir, size_t room, size_t max)
{
	char bytes[LARGE_ROOM] __attribute__((aligned(8)));
	struct listing listing = { NULL, 0 };
	ssize_t got = 0;

	while (listing.count < max && (got = getdents64(dir, bytes, room)) > 0)
		for (ssize_t at = 0; at < got && listing.count < max;) {
			const struct dirent64 *entry = (const struct dirent64 *)(bytes + at);

			add(&listing, entry);
			at += entry->d_reclen;
		}
	if (got < 0)
		say_error(path, "getdents");
	return listing;
}

/* ---- comparing ----------------------------------------------------------------------------- */

/* Whether `part` is what follows in `whole` from `at` on, in full or `max` entries of it. */
static void compare(const char *path, const char *how, const struct listing *part,
		    const struct listing *whole, size_t at, size_t max)
{
	size_t want = whole->count - at < max ? whole->count - at : max, same = 0;
	const struct entry *a = part->entries, *b = whole->entries + at;

	while (same < part->count && same < want && strcmp(a[same].name, b[same].name) == 0 &&
	       a[same].ino == b[same].ino && a[same].type == b[same].type)
		same++;
	if (same == want && part->count == want)
		return;
	print_name(stdout, path);
	printf(": %s, from entry %zu of %zu on: ", how, at, whole->count);
	if (same < part->count)
		print_name(stdout, a[same].name);
	printf(" in place of ");
	if (same < want)
		print_name(stdout, b[same].name);
	putchar('\n');
}

/* Once more from the beginning, by few entries at a time. */
static void check_small(const char *path, int dir, const struct listing *whole)
{
	struct listing again;

	if (lseek(dir, 0, SEEK_SET) != 0)
		say_error(path, "rewinddir");
	again = list(path, dir, SMALL_ROOM, SIZE_MAX);
	compare(path, "with a small buffer", &again, whole, 0, SIZE_MAX);
	free_listing(&again);
}

static void check_seeks(const char *path, int dir, const struct listing *whole)
{
	size_t step = whole->count / SEEKS + 1;

	for (size_t i = 0; i < whole->count; i += step) {
		size_t at = i / step % 2 ? i : whole->count - 1 - i;
		struct listing some;

		if (lseek(dir, whole->entries[at].next, SEEK_SET) < 0)
			say_error(path, "seekdir");
		some = list(path, dir, i % 3 ? SMALL_ROOM : 4096, 3);
		compare(path, "after seekdir", &some, whole, at + 1, 3);
		free_listing(&some);
	}
}

static void check_stat(const char *path, int dir, const struct listing *whole)
{
	struct stat st;
	char *below;

	for (size_t i = 0; i < whole->count; i++) {
		const struct entry *entry = &whole->entries[i];

		if (strcmp(path, ".") == 0 && strcmp(entry->name, "..") == 0)
			continue; /* whatever this is mounted on */
		if (asprintf(&below, "%s/%s", path, entry->name) < 0)
			err(2, "asprintf");
		if (fstatat(dir, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			say_error(below, "stat");
		else if (st.st_ino != entry->ino)
			say(below, "d_ino is not st_ino");
		else if (IFTODT(st.st_mode) != entry->type)
			say(below, "d_type is not that of st_mode");
		free(below);
	}
	seen += whole->count;
}

static void look_up(const char *path, int dir, const char *name, int expected)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		say(path, "a name that does not exist is found");
	else if (errno != expected)
		say_error(path, "a name that does not exist");
}

static void look_up_absent(const char *path, int dir)
{
	char name[258];

	memset(name, 'z', sizeof(name));
	name[257] = '\0';
	look_up(path, dir, name, ENAMETOOLONG); /* squashfs has names of up to 256 bytes */
	name[255] = '\0';
	look_up(path, dir, name, ENOENT);
	name[0] = '\x01';
	look_up(path, dir, name, ENOENT);
	look_up(path, dir, "\xff\xff", ENOENT);
}

/* ---- all ----------------------------------------------------------------------------------- */

static void visit(const char *path, int dir);

static void visit_below(const char *path, int dir, const char *name)
{
	char *below;
	int sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (asprintf(&below, "%s/%s", path, name) < 0)
		err(2, "asprintf");
	if (sub < 0)
		say_error(below, "open");
	else
		visit(below, sub);
	free(below);
}

/* Closes `dir`. */
static void visit(const char *path, int dir)
{
	struct listing listing = list(path, dir, LARGE_ROOM, SIZE_MAX);

	check_small(path, dir, &listing);
	check_seeks(path, dir, &listing);
	check_stat(path, dir, &listing);
	look_up_absent(path, dir);
	for (size_t i = 0; i < listing.count; i++) {
		const char *name = listing.entries[i].name;

		if (listing.entries[i].type == DT_DIR && strcmp(name, ".") != 0 &&
		    strcmp(name, "..") != 0)
			visit_below(path, dir, name);
	}
	free_listing(&listing);
	close(dir);
}

int main(void)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		err(2, "the working directory");
	visit(".", dir);
	printf("%zu names\n", seen);
	return fflush(stdout) == 0 ? 0 : 1;
}
