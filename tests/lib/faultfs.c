/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * faultfs.c - a file system with one file, whose disk fails on command.
 *
 *	faultfs SOURCE MODE MOUNTPOINT [FUSE OPTION]...
 *
 * Below MOUNTPOINT is SOURCE, under its own name and read-only. The file MODE, which lies elsewhere, says
 * what becomes of reads, and is looked at for each of them:
 *
 *	ok
 *	delay MS		it takes that long
 *	hang			it takes until MODE says something else
 *	error ERRNO FROM TO	it fails if it touches one of these bytes of the file
 *
 * At its end, after SIGTERM or an unmount, it prints how many reads there were, and of how many bytes.
 *
 * To have it vanish, kill it. With -o direct_io the kernel keeps nothing, and who waits for a read cannot
 * be killed meanwhile; without, it is as with a disk or NFS: they wait for a page, and can be.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int source, mode_file;
static const char *name;
static atomic_llong reads, bytes;

struct mode {
	char verb[16];
	long number;
	long long from, to;
};

/* A mode that is just being written counts as hanging: soon there will be more of it. */
static struct mode get_mode(void)
{
	struct mode mode = { .number = 0 };
	char text[128] = "";

	if (pread(mode_file, text, sizeof(text) - 1, 0) <= 0 || !strchr(text, '\n') ||
	    sscanf(text, "%15s %ld %lld %lld", mode.verb, &mode.number, &mode.from, &mode.to) < 1)
		strcpy(mode.verb, "hang");
	return mode;
}

static int fs_getattr(const char *path, struct stat *st, struct fuse_file_info *file)
{
	(void)file;
	memset(st, 0, sizeof(*st));
	if (strcmp(path, "/") == 0) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return 0;
	}
	return strcmp(path + 1, name) == 0 && fstat(source, st) == 0 ? 0 : -ENOENT;
}

static int fs_read(const char *path, char *buf, size_t size, off_t offset,
		   struct fuse_file_info *file)
{
	struct mode mode = get_mode();
	ssize_t got;

	(void)path;
	(void)file;
	while (strcmp(mode.verb, "hang") == 0) {
		usleep(20000);
		mode = get_mode();
	}
	if (strcmp(mode.verb, "delay") == 0)
		usleep((useconds_t)mode.number * 1000);
	if (strcmp(mode.verb, "error") == 0 && offset <= mode.to &&
	    offset + (off_t)size > mode.from)
		return -(int)mode.number;
	got = pread(source, buf, size, offset);
	reads++;
	bytes += got > 0 ? got : 0;
	return got < 0 ? -errno : (int)got;
}

static const struct fuse_operations operations = {
	.getattr = fs_getattr,
	.read = fs_read,
};

int main(int argc, char **argv)
{
	int result;

	if (argc < 4) {
		fprintf(stderr, "usage: faultfs SOURCE MODE MOUNTPOINT [FUSE OPTION]...\n");
		return 2;
	}
	source = open(argv[1], O_RDONLY | O_CLOEXEC);
	mode_file = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (source < 0 || mode_file < 0) {
		perror(source < 0 ? argv[1] : argv[2]);
		return 1;
	}
	name = strrchr(argv[1], '/') ? strrchr(argv[1], '/') + 1 : argv[1];
	argv[2] = argv[0];
	result = fuse_main(argc - 2, argv + 2, &operations, NULL);
	printf("%lld reads of %lld bytes\n", reads, bytes);
	return result;
}
