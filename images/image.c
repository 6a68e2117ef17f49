/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image.c - see image.h.
 *
 * Only the first bytes are looked at here; squash.c reads the rest. Every refusal says what the
 * file is instead, where that can be told, since "not a squashfs" alone helps nobody.
 */
#include "images/image.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/home.h"
#include "common/source.h"
#include "common/syscalls.h"
#include "images/codec.h"
#include "images/measure.h"
#include "images/oci.h"
#include "images/read.h"
#include "images/sif.h"
#include "images/verity.h"

/* O_NONBLOCK, since opening a FIFO would wait for a writer; on a file it means nothing. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

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
	{ 257, "ustar", 5, "a tar archive", "davit image import FILE NEW.sqfs" },
	{ 0, "\x1f\x8b", 2, "a gzip file",
	  "davit image import FILE NEW.sqfs, if it is the tar of a root" },
	{ 0, "\x28\xb5\x2f\xfd", 4, "a zstd file",
	  "davit image import FILE NEW.sqfs, if it is the tar of a root" },
	{ 0,
	  "\xfd"
	  "7zXZ",
	  5, "an xz file", "davit image import FILE NEW.sqfs, if it is the tar of a root" },
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
	if (image->offset > 0) {
		error_set(err, 0, "SIF image '%s': its system partition is not a squashfs",
			  image->path);
		return error_remedy(err, "copy or build it again");
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct known *k = &known[i];

		if (k->at + k->len > len || memcmp(head + k->at, k->bytes, k->len) != 0)
			continue;
		error_set(err, 0, "image '%s' is %s, not a squashfs", image->path, k->what);
		return error_remedy(err, "%s", k->remedy);
	}
	error_set(err, 0, "image '%s' is neither a squashfs nor a SIF", image->path);
	return error_remedy(err, "file %s; mksquashfs DIR NEW.sqfs makes an image from a directory",
			    image->path);
}

/* Checks the squashfs between image->offset and `end`, of which `head` is the beginning. */
static int check_superblock(const struct image *image, const char *head, size_t len, off_t end,
			    struct error *err)
{
	struct superblock sb;
	uint64_t used;

	if (len < sizeof(sb))
		return refuse_content(image, head, len, err);
	memcpy(&sb, head, sizeof(sb));
	if (le32toh(sb.magic) != SQUASHFS_MAGIC)
		return refuse_content(image, head, len, err);
	if (le16toh(sb.major) != 4) {
		error_set(err, 0, "image '%s' is squashfs %u.%u, not 4.0", image->path,
			  le16toh(sb.major), le16toh(sb.minor));
		return error_remedy(err, "make it anew with mksquashfs 4.0 or later");
	}
	if (!codec_exists(le16toh(sb.compression))) {
		error_set(err, 0, "image '%s' is compressed with %s, which this build cannot read",
			  image->path, codec_name(le16toh(sb.compression)));
		return error_remedy(err, "mksquashfs DIR NEW.sqfs -comp gzip");
	}
	used = le64toh(sb.bytes_used);
	if (used > (uint64_t)(end - image->offset)) {
		error_set(err, 0, "image '%s' is truncated: %jd of %" PRIu64 " bytes", image->path,
			  (intmax_t)(end - image->offset), used);
		return error_remedy(err, "copy or make it again");
	}
	return 0;
}

/* Returns the length, or -1 with `err` set. */
static ssize_t read_head(const struct image *image, char *head, size_t size, struct error *err)
{
	ssize_t len = image_read(image->fd, head, size, image->offset);

	return len < 0 ? error_set(err, errno, "cannot read image '%s'", image->path) : len;
}

static int check_file(struct image *image, off_t size, struct error *err)
{
	struct sif_partition partition;
	char head[512];
	off_t end = size;
	ssize_t len;

	if (size == 0) {
		error_set(err, 0, "image '%s' is an empty file", image->path);
		return error_remedy(err, "copy or make it again");
	}
	len = read_head(image, head, sizeof(head), err);
	if (len >= 0 && sif_is_header(head, (size_t)len)) {
		if (sif_find_system(image->fd, size, &partition, err) < 0)
			return error_wrap(err, "SIF image '%s'", image->path);
		image->offset = partition.offset;
		end = partition.offset + partition.size;
		len = read_head(image, head, sizeof(head), err);
	}
	return len < 0 ? -1 : check_superblock(image, head, (size_t)len, end, err);
}

/* Opens what lies in the bundle `dir`; no link leads out. */
static int open_beneath(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | OPEN_FLAGS),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* The text of the directory's config.json, or NULL with errno. */
static char *read_bundle_config(int dir, size_t *len)
{
	cleanup_close int fd = open_beneath(dir, "config.json", 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = ENOENT;
		return NULL;
	}
	return fd_read_all(fd, OCI_CONFIG_MAX, len);
}

static bool has(int dir, const char *name, mode_t type)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) == 0 && (st.st_mode & S_IFMT) == type;
}

static int refuse_bundle(const struct image *image, struct error *err)
{
	error_wrap(err, "'config.json' of bundle '%s'", image->path);
	return error_remedy(err,
			    "mend it, or name the root directory itself: --container=%s/rootfs",
			    image->path);
}

/* Where the directory is an OCI bundle, goes on to the root in it. */
static int enter_bundle(struct image *image, struct error *err)
{
	size_t len = 0;
	cleanup_free char *text = read_bundle_config(image->fd, &len);
	cleanup_free char *path = NULL;
	struct error reason = ERROR_INIT;
	int root;

	if (!text && errno == ENOENT)
		return 0;
	if (!text)
		error_set(&reason, errno, "cannot read it");
	else if (oci_find_bundle_root(text, len, &path, &reason) == 0 && !path)
		return 0;
	if (!path) {
		/* It may be a program's own file; all tools call a bundle's root so. */
		if (!has(image->fd, "rootfs", S_IFDIR))
			return 0;
		*err = reason;
		return refuse_bundle(image, err);
	}
	root = path[0] == '/' ? open(path, OPEN_FLAGS | O_DIRECTORY)
			      : open_beneath(image->fd, path, O_DIRECTORY);
	if (root < 0) {
		if (errno == EXDEV)
			error_set(err, 0, "its root.path '%s' leads out of the bundle", path);
		else
			error_set(err, errno, "cannot open its root.path '%s'", path);
		return refuse_bundle(image, err);
	}
	close(image->fd);
	image->fd = root;
	image->bundle_config = steal_ptr(&text);
	return 0;
}

static int check_not_empty(const struct image *image, struct error *err)
{
	int fd = openat(image->fd, ".", OPEN_FLAGS | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t entries = 0;

	if (!dir) {
		error_set(err, errno, "cannot read image '%s'", image->path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	/* Two are "." and "..". */
	while (entries < 3 && readdir(dir))
		entries++;
	closedir(dir);
	if (entries > 2)
		return 0;
	error_set(err, 0, "image '%s' is an empty directory", image->path);
	return error_remedy(err, "unpack it again, and check that its file system is mounted here");
}

static int check_directory(struct image *image, struct error *err)
{
	image->kind = IMAGE_DIRECTORY;
	if (has(image->fd, "oci-layout", S_IFREG) && has(image->fd, "index.json", S_IFREG)) {
		error_set(err, 0, "image '%s' is an OCI layout, whose layers are not unpacked",
			  image->path);
		return error_remedy(err,
				    "umoci unpack --rootless --image %s:TAG DIR, then "
				    "--container=DIR",
				    image->path);
	}
	if (enter_bundle(image, err) < 0)
		return -1;
	return check_not_empty(image, err);
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

static int check_kind(struct image *image, const struct stat *st, struct error *err)
{
	if (S_ISDIR(st->st_mode))
		return check_directory(image, err);
	if (S_ISREG(st->st_mode))
		return check_file(image, st->st_size, err);
	error_set(err, 0, "image '%s' is neither a regular file nor a directory", image->path);
	return error_remedy(err, "the path of a squashfs or SIF file, or of a directory");
}

int image_open_required(struct image *image, const char *name, const struct image_require *require,
			struct error *err)
{
	cleanup_free char *path = home_expand(name, err);
	struct stat st;

	if (source_is(name)) {
		error_set(err, 0, "image '%s' has to be imported before it can be looked at", name);
		return error_remedy(err, "davit image import %s FILE.sqfs", name);
	}
	if (!path)
		return error_wrap(err, "no image '%s'", name);
	image->path = absolute(path);
	if (!image->path)
		return error_set(err, ENOMEM, "cannot open image '%s'", path);
	image->fd = open(path, OPEN_FLAGS);
	if (image->fd < 0)
		return refuse_open(image, path, errno, err);
	if (fstat(image->fd, &st) < 0)
		return error_set(err, errno, "cannot stat image '%s'", image->path);
	/* Before a byte of it is looked at. */
	if (image_requires(require) && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) &&
	    image_prove(image, require, err) < 0)
		return -1;
	if (check_kind(image, &st, err) == 0)
		return 0;
	(void)image_blame(image, err);
	return -1;
}

int image_open(struct image *image, const char *name, struct error *err)
{
	return image_open_required(image, name, NULL, err);
}

void image_done(struct image *image)
{
	verity_free(image->verity);
	if (image->fd >= 0)
		close(image->fd);
	free(image->path);
	free(image->bundle_config);
	*image = (struct image)IMAGE_INIT;
}
