/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image.c - see image.h.
 *
 * Only the first bytes are looked at here; squash.c reads the rest. Every refusal says what the
 * file is instead, where that can be told, since "not a squashfs" alone helps nobody.
 */
#include "images/image.h"

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

#include "common/fd.h"
#include "images/squash.h"

/* The squashfs superblock, little endian; Documentation/filesystems/squashfs.rst and
 * fs/squashfs/squashfs_fs.h of Linux. */
struct superblock {
	uint32_t magic, inodes, mkfs_time, block_size, fragments;
	uint16_t compression, block_log, flags, no_ids, major, minor;
	uint64_t root_inode, bytes_used;
	uint64_t id_table, xattr_table, inode_table, directory_table, fragment_table, lookup_table;
};

_Static_assert(sizeof(struct superblock) == 96, "as on disk");

#define SQUASHFS_MAGIC 0x73717368u

/* What people hand us by mistake. */
static const struct known {
	size_t at;
	const char *bytes;
	size_t len;
	const char *what;
	const char *remedy;
} known[] = {
	{ 32, "SIF_MAGIC", 9, "an Apptainer SIF image",
	  "apptainer sif dump (list the squashfs partition's number with: apptainer sif list FILE)" },
	{ 257, "ustar", 5, "a tar archive",
	  "sqfstar NEW.sqfs <FILE, or unpack it and mksquashfs DIR NEW.sqfs" },
	{ 0, "\x1f\x8b", 2, "a gzip file", "unpack it, then mksquashfs DIR NEW.sqfs" },
	{ 0, "\x28\xb5\x2f\xfd", 4, "a zstd file", "unpack it, then mksquashfs DIR NEW.sqfs" },
	{ 0,
	  "\xfd"
	  "7zXZ",
	  5, "an xz file", "unpack it, then mksquashfs DIR NEW.sqfs" },
	{ 0,
	  "\x7f"
	  "ELF",
	  4, "a program", "srun --container=IMAGE COMMAND" },
	{ 0, "#!", 2, "a script", "srun --container=IMAGE COMMAND" },
	{ 0, "sqsh", 4, "a big-endian squashfs of version 3 or older",
	  "mksquashfs of squashfs-tools 4.0 or later" },
};

static int refuse_content(const struct image *image, const char *head, size_t len,
			  struct error *err)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct known *k = &known[i];

		if (k->at + k->len > len || memcmp(head + k->at, k->bytes, k->len) != 0)
			continue;
		error_set(err, 0, "image '%s' is %s, not a squashfs", image->path, k->what);
		return error_remedy(err, "%s", k->remedy);
	}
	error_set(err, 0, "image '%s' is not a squashfs", image->path);
	return error_remedy(err, "file %s; mksquashfs DIR NEW.sqfs makes an image from a directory",
			    image->path);
}

static int check_superblock(const struct image *image, off_t size, struct error *err)
{
	char head[512] = "";
	struct superblock sb;
	ssize_t len = pread(image->fd, head, sizeof(head), image->offset);
	uint64_t used;

	if (len < 0)
		return error_set(err, errno, "cannot read image '%s'", image->path);
	memcpy(&sb, head, sizeof(sb));
	if (len < (ssize_t)sizeof(sb) || le32toh(sb.magic) != SQUASHFS_MAGIC)
		return refuse_content(image, head, (size_t)len, err);
	if (le16toh(sb.major) != 4) {
		error_set(err, 0, "image '%s' is squashfs %u.%u, not 4.0", image->path,
			  le16toh(sb.major), le16toh(sb.minor));
		return error_remedy(err, "make it anew with mksquashfs 4.0 or later");
	}
	if (!squash_can_read(le16toh(sb.compression))) {
		error_set(err, 0, "image '%s' is compressed with %s, which this build cannot read",
			  image->path, squash_compression_name(le16toh(sb.compression)));
		return error_remedy(err, "mksquashfs DIR NEW.sqfs -comp gzip");
	}
	used = le64toh(sb.bytes_used);
	if (used > (uint64_t)(size - image->offset)) {
		error_set(err, 0, "image '%s' is truncated: %jd of %" PRIu64 " bytes", image->path,
			  (intmax_t)(size - image->offset), used);
		return error_remedy(err, "copy or make it again");
	}
	return 0;
}

static int check_type(const struct image *image, const struct stat *st, struct error *err)
{
	if (S_ISDIR(st->st_mode)) {
		error_set(err, 0, "image '%s' is a directory", image->path);
		return error_remedy(err, "mksquashfs %s %s.sqfs, then --container=%s.sqfs",
				    image->path, image->path, image->path);
	}
	if (!S_ISREG(st->st_mode)) {
		error_set(err, 0, "image '%s' is not a regular file", image->path);
		return error_remedy(err, "the path of a squashfs image");
	}
	if (st->st_size == 0) {
		error_set(err, 0, "image '%s' is an empty file", image->path);
		return error_remedy(err, "copy or make it again");
	}
	return 0;
}

static int refuse_open(const struct image *image, const char *path, int cause, struct error *err)
{
	if (cause == ENOENT || cause == ENOTDIR) {
		error_set(err, 0, "no image '%s' on this node", image->path);
		if (path[0] == '/')
			return error_remedy(
				err, "check the path and that its file system is mounted here");
		return error_remedy(
			err, "an absolute path; '%s' was looked for in the job's working directory",
			path);
	}
	error_set(err, cause, "cannot open image '%s'", image->path);
	if (cause == EACCES)
		error_remedy(
			err,
			"chmod a+r the file and a+x the directories above it, or ask its owner");
	return -1;
}

/* `path`, made absolute for messages as far as that can be done. */
static char *absolute(const char *path)
{
	char cwd[PATH_MAX];
	char *full = NULL;

	while (path[0] == '.' && path[1] == '/')
		path += 2;
	if (path[0] == '/' || !getcwd(cwd, sizeof(cwd)))
		return strdup(path);
	return asprintf(&full, "%s/%s", cwd, path) < 0 ? NULL : full;
}

int image_open(struct image *image, const char *path, struct error *err)
{
	struct stat st;

	image->path = absolute(path);
	if (!image->path)
		return error_set(err, ENOMEM, "cannot open image '%s'", path);
	/* O_NONBLOCK, since opening a FIFO would wait for a writer; on a file it means nothing. */
	image->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (image->fd < 0)
		return refuse_open(image, path, errno, err);
	if (fstat(image->fd, &st) < 0)
		return error_set(err, errno, "cannot stat image '%s'", image->path);
	if (check_type(image, &st, err) < 0)
		return -1;
	return check_superblock(image, st.st_size, err);
}

void image_done(struct image *image)
{
	if (image->fd >= 0)
		close(image->fd);
	free(image->path);
	*image = (struct image)IMAGE_INIT;
}
