/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * walk.c - prints all that there is in the working directory, so that the same tree in another file
 * system can be compared.
 *
 * walk [--mine] [PATH]...
 *
 * Lines for each name, in the order of names: what stat(2), readlink(2), listxattr(2) and read(2) say.
 * Where a file system contradicts itself (holes that are not empty, say), a line has "WRONG"; with --mine,
 * files of others are wrong, too. The PATHs are left out.
 */
#define _GNU_SOURCE
#include "digest.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PIECE     ((size_t)1 << 18)  /* of a file, for digest() */
#define HUGE_FILE ((off_t)256 << 20) /* of such a file, only some pieces are read */
#define HUGE_STEP ((off_t)16 << 20)

static bool mine; /* all files should be the caller's own */
static char **left_out;
static char *buffer; /* of PIECE bytes */

static void say(const char *path, const char *what)
{
	print_name(stdout, path);
	printf(": %s\n", what);
}

static void say_error(const char *path, const char *call)
{
	const char *name = strerrorname_np(errno);

	print_name(stdout, path);
	printf(": %s %s\n", call, name ? name : "?");
}

/* ---- which names are the same file --------------------------------------------------------- */

static struct known {
	ino_t ino;
	char *path;
} * known;
static size_t known_room, known_count;

static struct known *known_find(ino_t ino)
{
	size_t at = (ino * 0x9e3779b97f4a7c15 >> 20) & (known_room - 1);

	while (known[at].path && known[at].ino != ino)
		at = (at + 1) & (known_room - 1);
	return &known[at];
}

static void known_grow(void)
{
	struct known *old = known;
	size_t room = known_room;

	known_room = room ? room * 2 : 1024;
	known = calloc(known_room, sizeof(*known));
	if (!known)
		err(2, "calloc");
	for (size_t i = 0; i < room; i++)
		if (old[i].path)
			*known_find(old[i].ino) = old[i];
	free(old);
}

/* The first path of the same file, or NULL if this is it. */
static const char *known_same(ino_t ino, const char *path)
{
	struct known *found;

	if (known_count * 2 >= known_room)
		known_grow();
	found = known_find(ino);
	if (found->path)
		return found->path;
	*found = (struct known){ ino, strdup(path) };
	known_count++;
	return NULL;
}

/* ---- files --------------------------------------------------------------------------------- */

static void print_value(const char *name, const char *attribute)
{
	static char value[XATTR_SIZE_MAX], more[XATTR_SIZE_MAX];
	ssize_t size = lgetxattr(name, attribute, value, sizeof(value));

	printf(" %s", attribute);
	if (size < 0) {
		printf(" %s", strerrorname_np(errno));
		return;
	}
	printf(" %zd bytes %016jx", size, (uintmax_t)digest(0, value, (size_t)size));
	if (lgetxattr(name, attribute, NULL, 0) != size)
		printf(" WRONG: another size");
	if (size > 1 &&
	    (lgetxattr(name, attribute, more, (size_t)size - 1) >= 0 || errno != ERANGE))
		printf(" WRONG: fits where there is no room");
	if (size > 0 && (lgetxattr(name, attribute, more, (size_t)size) != size ||
			 memcmp(value, more, (size_t)size) != 0))
		printf(" WRONG: differs");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void walk_xattrs(const char *path, const char *name)
{
	static char names[XATTR_LIST_MAX], *sorted[XATTR_LIST_MAX / 2], little[1];
	ssize_t size = llistxattr(name, names, sizeof(names));
	size_t count = 0;

	/* An image without any attributes may say so. */
	if (size < 0 && errno != EOPNOTSUPP)
		say_error(path, "listxattr");
	if (llistxattr(name, NULL, 0) != size)
		say(path, "WRONG: listxattr has two sizes");
	if (size > 1 && (llistxattr(name, little, 1) >= 0 || errno != ERANGE))
		say(path, "WRONG: listxattr fits where there is no room");
	for (char *at = names; at < names + size; at += strlen(at) + 1)
		sorted[count++] = at;
	qsort(sorted, count, sizeof(*sorted), by_text);
	for (size_t i = 0; i < count; i++) {
		print_name(stdout, path);
		printf(": xattr");
		print_value(name, sorted[i]);
		putchar('\n');
	}
	if (lgetxattr(name, "user.absent", NULL, 0) >= 0 ||
	    (errno != ENODATA && errno != EOPNOTSUPP))
		say_error(path, "WRONG: an absent attribute");
}

/* As much as there is, up to `size`. */
static size_t read_piece(const char *path, int fd, off_t at, size_t size)
{
	size_t got = 0;
	ssize_t n = 0;

	while (got < size && (n = pread(fd, buffer + got, size - got, at + (off_t)got)) > 0)
		got += (size_t)n;
	if (n < 0)
		say_error(path, "read");
	return got;
}

static void read_all(const char *path, int fd, off_t size)
{
	off_t step = size > HUGE_FILE ? HUGE_STEP : (off_t)PIECE, last = size / (off_t)PIECE;
	uint64_t sum = 0, total = 0;
	size_t got;

	/* What others have read before comes from the file system once more. */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	for (off_t at = 0; at < size; at += step) {
		total += got = read_piece(path, fd, at, PIECE);
		sum = digest(sum, buffer, got);
	}
	got = read_piece(path, fd, last * (off_t)PIECE, PIECE);
	sum = digest(sum, buffer, got);
	print_name(stdout, path);
	printf(": %ju bytes read, %zu at the end, %016jx\n", (uintmax_t)total, got, (uintmax_t)sum);
	if (read_piece(path, fd, size, PIECE) != 0)
		say(path, "WRONG: bytes behind the end");
}

static void check_hole(const char *path, int fd, off_t from, off_t to)
{
	while (from < to) {
		size_t size = to - from < (off_t)PIECE ? (size_t)(to - from) : PIECE;

		if (read_piece(path, fd, from, size) != size)
			say(path, "WRONG: a hole ends early");
		for (size_t i = 0; i < size; i++)
			if (buffer[i])
				return say(path, "WRONG: a hole with something in it");
		from += to > HUGE_FILE ? HUGE_STEP : (off_t)size;
	}
}

static void seek_holes(const char *path, int fd, off_t size)
{
	off_t data = 0, hole = 0;

	while (hole < size) {
		data = lseek(fd, hole, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			data = size;
		if (data < hole || data > size)
			return say(path, "WRONG: SEEK_DATA");
		check_hole(path, fd, hole, data);
		if (data == size)
			break;
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole <= data || hole > size)
			return say(path, "WRONG: SEEK_HOLE");
		print_name(stdout, path);
		printf(": data from %jd to %jd\n", (intmax_t)data, (intmax_t)hole);
	}
	if (lseek(fd, size, SEEK_DATA) >= 0 || errno != ENXIO)
		say(path, "WRONG: SEEK_DATA at the end");
	if (lseek(fd, size, SEEK_HOLE) >= 0 || errno != ENXIO)
		say(path, "WRONG: SEEK_HOLE at the end");
}

static void walk_file(const char *path, const char *name, const struct stat *st)
{
	int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0) {
		say_error(path, "open");
	} else if (S_ISREG(st->st_mode)) {
		read_all(path, fd, st->st_size);
		seek_holes(path, fd, st->st_size);
	}
	close(fd);
	fd = S_ISREG(st->st_mode) ? open(name, O_WRONLY | O_CLOEXEC) : -1;
	if (fd >= 0)
		say(path, "WRONG: opened for writing");
	else if (S_ISREG(st->st_mode))
		say_error(path, "open for writing");
	close(fd);
}

static void walk_link(const char *path, const char *name, const struct stat *st)
{
	ssize_t size = readlink(name, buffer, PIECE);

	if (size < 0)
		return say_error(path, "readlink");
	print_name(stdout, path);
	printf(" -> ");
	print_text(stdout, buffer, (size_t)size);
	putchar('\n');
	if (size != st->st_size)
		say(path, "WRONG: st_size of a link");
}

/* ---- all ----------------------------------------------------------------------------------- */

static void print_stat(const char *path, const char *name, const struct stat *st)
{
	const char *same = known_same(st->st_ino, path);

	print_name(stdout, path);
	printf(": mode %06o nlink %ju size %jd rdev %x:%x mtime %jd.%09ld", st->st_mode,
	       (uintmax_t)st->st_nlink, (intmax_t)st->st_size, major(st->st_rdev),
	       minor(st->st_rdev), (intmax_t)st->st_mtime, st->st_mtim.tv_nsec);
	printf(" ctime %jd atime %jd", (intmax_t)st->st_ctime, (intmax_t)st->st_atime);
	/* Linux counts extended attributes, too. */
	if (!S_ISLNK(st->st_mode) && llistxattr(name, NULL, 0) <= 0)
		printf(" blocks %jd", (intmax_t)st->st_blocks);
	if (same) {
		printf(" same as ");
		print_name(stdout, same);
	}
	putchar('\n');
	if (mine && (st->st_uid != geteuid() || st->st_gid != getegid()))
		say(path, "WRONG: somebody else's");
}

static bool is_left_out(const char *path)
{
	for (char **name = left_out; *name; name++)
		if (strcmp(*name, path + 2) == 0)
			return true;
	return false;
}

static void walk(const char *path);

static void walk_entry(const char *path, const char *name)
{
	struct stat st;

	if (is_left_out(path))
		return;
	if (lstat(name, &st) < 0)
		return say_error(path, "WRONG: lstat");
	print_stat(path, name, &st);
	walk_xattrs(path, name);
	if (S_ISLNK(st.st_mode))
		walk_link(path, name, &st);
	else if (!S_ISDIR(st.st_mode))
		walk_file(path, name, &st);
	else if (chdir(name) < 0)
		say_error(path, "chdir");
	else
		walk(path);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The working directory, and leaves it for that above. */
static void walk(const char *path)
{
	struct dirent **entries;
	int count = scandir(".", &entries, NULL, by_name);
	char *below;

	if (count < 0)
		err(1, "%s", path);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if (asprintf(&below, "%s/%s", path, name) < 0)
			err(2, "asprintf");
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			walk_entry(below, name);
		free(below);
		free(entries[i]);
	}
	free(entries);
	if (strcmp(path, ".") != 0 && chdir("..") < 0)
		err(1, "%s/..", path);
}

int main(int argc, char **argv)
{
	struct statvfs fs;
	struct stat st;

	mine = argc > 1 && strcmp(argv[1], "--mine") == 0;
	left_out = argv + 1 + mine;
	buffer = malloc(PIECE);
	if (!buffer || statvfs(".", &fs) < 0 || stat(".", &st) < 0)
		err(2, "the working directory");
	printf("statfs: %lu %lu blocks %ju %ju %ju files %ju %ju name %lu\n", fs.f_bsize,
	       fs.f_frsize, (uintmax_t)fs.f_blocks, (uintmax_t)fs.f_bfree, (uintmax_t)fs.f_bavail,
	       (uintmax_t)fs.f_files, (uintmax_t)fs.f_ffree, fs.f_namemax);
	print_stat(".", ".", &st);
	walk_xattrs(".", ".");
	walk(".");
	return fflush(stdout) == 0 ? 0 : 1;
}
