/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_squashfs.c - any bytes as an image, through the whole image server.
 *
 * libfuse's side is played here: it takes the server's operations, asks for all that a curious user
 * would look at (names, attributes, links, listings from every place, contents, extended attributes),
 * and looks at the answers. An image may be refused, and anything in it may be an I/O error; what is
 * answered must be in itself consistent, and nobody may use memory without end.
 *
 * Then all of it is looked at without a server, as `davit image verify` and its like do.
 *
 * Nearly all mutations of a compressed table only break it. So there are seeds without compression,
 * and the mutator puts the head of the image right again, most of the time.
 */
/* link: images/serve.c images/session.c images/cpus.c images/listing.c images/content.c images/ahead.c images/blocks.c images/added.c images/warm.c images/start.c images/trace.c images/tracefile.c images/uring_none.c images/squash.c images/read.c images/stats.c images/measure.c images/verity.c images/seal.c images/merkle.c images/sign.c images/beside.c images/crypto.c common/digest.c images/metadata.c images/codec.c images/squash_dir.c images/squash_file.c images/squash_inode.c images/squash_xattr.c images/check.c images/direct.c images/direct_files.c images/inodemap.c images/order.c images/names.c images/quote.c images/walk.c common/affinity.c common/error.c common/fd.c -I/usr/include/fuse3 -lsquashfuse -lzstd -ldeflate -lfuse3 -lpthread */
/* options: -max_len=16384 -malloc_limit_mb=600 */
#define FUSE_USE_VERSION 32
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/check.h"
#include "images/direct.h"
#include "images/order.h"
#include "images/quote.h"
#include "images/serve.h"
#include "images/walk.h"
#include "images/workers.h"

#define NODES_MAX   64    /* that are looked at */
#define LIST_SIZE   1500  /* bytes of a listing */
#define LISTS_MAX   64    /* pieces of a directory */
#define READS_MAX   24    /* of a file */
#define READ_SIZE   20000 /* bytes */
#define SIZE_MARGIN 512   /* of bytes behind the image, which must not matter */

/* As the server's own limit. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "max_allocation_size_mb=512:allocator_may_return_null=1";
}

/* One request: how it was answered. */
static struct {
	void *service;
	int answers, error;
	struct stat attr;
	fuse_ino_t node;
	off_t offset;
	char *data;
	size_t size;
} reply;

static struct fuse_lowlevel_ops ops;
static struct fuse_session *const session = (struct fuse_session *)&reply;
#define REQ ((fuse_req_t)(void *)&reply)

/* ---- libfuse's side ------------------------------------------------------ */

/* libfuse 3.17 has a macro of that name. */
#ifdef fuse_session_new
struct fuse_session *fuse_session_new_versioned(struct fuse_args *args,
						const struct fuse_lowlevel_ops *op, size_t op_size,
						struct libfuse_version *version, void *userdata)
#else
struct fuse_session *fuse_session_new(struct fuse_args *args, const struct fuse_lowlevel_ops *op,
				      size_t op_size, void *userdata)
#endif
{
#ifdef fuse_session_new
	(void)version;
#endif
	(void)args;
	assert(op_size == sizeof(ops));
	ops = *op;
	reply.service = userdata;
	return session;
}

#ifndef fuse_session_new
int fuse_session_custom_io(struct fuse_session *se, const struct fuse_custom_io *io, int fd)
{
	(void)se;
	(void)io;
	(void)fd;
	return 0;
}
#endif

int fuse_session_mount(struct fuse_session *se, const char *mountpoint)
{
	(void)se;
	(void)mountpoint;
	return 0;
}

void *fuse_req_userdata(fuse_req_t req)
{
	assert(req == REQ);
	return reply.service;
}

static int answer(int error)
{
	reply.answers++;
	assert(reply.answers == 1 && error >= 0);
	reply.error = error;
	return 0;
}

int fuse_reply_err(fuse_req_t req, int err)
{
	(void)req;
	return answer(err);
}

int fuse_reply_entry(fuse_req_t req, const struct fuse_entry_param *e)
{
	(void)req;
	reply.node = e->ino;
	reply.attr = e->attr;
	return answer(0);
}

int fuse_reply_attr(fuse_req_t req, const struct stat *attr, double attr_timeout)
{
	(void)req;
	(void)attr_timeout;
	reply.attr = *attr;
	return answer(0);
}

static void keep(const void *data, size_t size)
{
	reply.data = realloc(reply.data, reply.size + size + 1);
	assert(reply.data);
	if (size > 0)
		memcpy(reply.data + reply.size, data, size);
	reply.size += size;
	reply.data[reply.size] = '\0';
}

int fuse_reply_readlink(fuse_req_t req, const char *link)
{
	(void)req;
	keep(link, strlen(link));
	return answer(0);
}

int fuse_reply_buf(fuse_req_t req, const char *buf, size_t size)
{
	(void)req;
	keep(buf, size);
	return answer(0);
}

int fuse_reply_iov(fuse_req_t req, const struct iovec *iov, int count)
{
	(void)req;
	for (int i = 0; i < count; i++)
		keep(iov[i].iov_base, iov[i].iov_len);
	return answer(0);
}

int fuse_reply_xattr(fuse_req_t req, size_t count)
{
	(void)req;
	reply.size = count;
	return answer(0);
}

int fuse_reply_lseek(fuse_req_t req, off_t off)
{
	(void)req;
	reply.offset = off;
	return answer(0);
}

int fuse_reply_statfs(fuse_req_t req, const struct statvfs *stbuf)
{
	(void)req;
	assert(stbuf->f_bsize > 0);
	return answer(0);
}

/* Only the names and nodes of a listing are wanted: node, next offset, name, NUL. */
struct listed {
	fuse_ino_t node;
	off_t next;
};

static size_t add(char *buf, size_t room, const char *name, fuse_ino_t node, off_t next)
{
	struct listed listed = { .node = node, .next = next };
	size_t size = sizeof(listed) + strlen(name) + 1;

	if (size <= room) {
		memcpy(buf, &listed, sizeof(listed));
		strcpy(buf + sizeof(listed), name);
	}
	return size;
}

size_t fuse_add_direntry(fuse_req_t req, char *buf, size_t bufsize, const char *name,
			 const struct stat *stbuf, off_t off)
{
	(void)req;
	return add(buf, bufsize, name, stbuf->st_ino, off);
}

size_t fuse_add_direntry_plus(fuse_req_t req, char *buf, size_t bufsize, const char *name,
			      const struct fuse_entry_param *e, off_t off)
{
	(void)req;
	return add(buf, bufsize, name, e->ino, off);
}

/* ---- the user ------------------------------------------------------------ */

static void reset(void)
{
	reply.answers = reply.error = 0;
	reply.size = 0;
}

static int answered(void)
{
	assert(reply.answers == 1);
	return reply.error;
}

/* Returns the errno of the answer, 0 if it is none. */
#define ASK(op, ...) (reset(), ops.op(REQ, __VA_ARGS__), answered())

static struct {
	fuse_ino_t items[NODES_MAX];
	size_t count;
} nodes;

static void note(fuse_ino_t node)
{
	for (size_t i = 0; i < nodes.count; i++)
		if (nodes.items[i] == node)
			return;
	if (nodes.count < NODES_MAX)
		nodes.items[nodes.count++] = node;
}

static void check_name(const char *name)
{
	size_t size = strlen(name);

	assert(size > 0 && size <= 256 && !strchr(name, '/'));
}

static void list(fuse_ino_t dir, bool plus)
{
	struct fuse_file_info file = { .flags = 0 };
	off_t offset = 0;

	for (int i = 0; i < LISTS_MAX; i++) {
		size_t at = 0;
		cleanup_free char *piece = NULL;
		size_t size;

		if (plus ? ASK(readdirplus, dir, LIST_SIZE, offset, &file)
			 : ASK(readdir, dir, LIST_SIZE, offset, &file))
			return;
		assert(reply.size <= LIST_SIZE);
		if (reply.size == 0)
			return;
		size = reply.size;
		piece = malloc(size);
		assert(piece);
		memcpy(piece, reply.data, size);
		while (at < size) {
			struct listed listed;
			char *name = piece + at + sizeof(listed);

			memcpy(&listed, piece + at, sizeof(listed));
			at += sizeof(listed) + strlen(name) + 1;
			check_name(name);
			assert(listed.next > offset);
			offset = listed.next;
			if (plus && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
				note(listed.node);
			if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
			    ASK(lookup, dir, name) == 0 && reply.node)
				note(reply.node);
		}
	}
}

static void read_all(fuse_ino_t node, off_t size)
{
	const off_t places[] = { size / 2, size - 1, size, size - READ_SIZE, 8192, INT64_MAX - 1 };
	struct fuse_file_info file = { .flags = 0 };
	off_t offset = 0;

	for (int i = 0; i < READS_MAX && offset < size; i++) {
		if (ASK(read, node, READ_SIZE, offset, &file) == 0)
			assert(reply.size ==
			       (size_t)(size - offset < READ_SIZE ? size - offset : READ_SIZE));
		offset += READ_SIZE;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i] >= 0 && ASK(read, node, READ_SIZE, places[i], &file) == 0)
			assert(reply.size <= READ_SIZE);
}

static void seek(fuse_ino_t node, off_t size)
{
	struct fuse_file_info file = { .flags = 0 };
	off_t offset = 0;

	for (int i = 0; i < READS_MAX && offset < size; i++) {
		if (ASK(lseek, node, offset, i % 2 ? SEEK_DATA : SEEK_HOLE, &file))
			break;
		assert(reply.offset >= offset && reply.offset <= size);
		offset = reply.offset;
	}
	assert(ASK(lseek, node, size, SEEK_DATA, &file) != 0);
	assert(ASK(lseek, node, -1, SEEK_HOLE, &file) != 0);
}

static void read_xattrs(fuse_ino_t node)
{
	cleanup_free char *names = NULL;
	size_t size;

	if (ASK(listxattr, node, 0))
		return;
	size = reply.size;
	assert(size <= XATTR_LIST_MAX);
	if (ASK(listxattr, node, size))
		return;
	assert(reply.size == size);
	names = malloc(size + 1);
	assert(names);
	if (size > 0)
		memcpy(names, reply.data, size);
	for (char *name = names; name < names + size; name += strlen(name) + 1) {
		size_t length;

		if (ASK(getxattr, node, name, 0))
			continue;
		length = reply.size;
		assert(length <= XATTR_SIZE_MAX);
		if (length > 0 && ASK(getxattr, node, name, length) == 0)
			assert(reply.size == length);
		if (length > 1)
			assert(ASK(getxattr, node, name, length - 1) != 0);
	}
}

static void look_at(fuse_ino_t node)
{
	struct stat st;

	if (ASK(getattr, node, NULL))
		return;
	st = reply.attr;
	assert(st.st_size >= 0);
	read_xattrs(node);
	if (S_ISDIR(st.st_mode)) {
		list(node, true);
		list(node, false);
	} else if (S_ISREG(st.st_mode)) {
		read_all(node, st.st_size);
		seek(node, st.st_size);
	} else {
		struct fuse_file_info file = { .flags = 0 };

		assert(ASK(read, node, 1, 0, &file) != 0);
	}
	if (ASK(readlink, node) == 0)
		assert(S_ISLNK(st.st_mode) && reply.size <= (size_t)st.st_size);
}

/* Takes the place of the threads that answer the kernel. */
void workers_run(struct fuse_session *se, int channel, int cpu, int max)
{
	(void)max;
	(void)channel;
	(void)cpu;
	assert(se == session);
	nodes.count = 0;
	note(FUSE_ROOT_ID);
	(void)ASK(statfs, FUSE_ROOT_ID);
	for (size_t i = 0; i < nodes.count; i++)
		look_at(nodes.items[i]);
}

static void nothing(void)
{
}

/* ---- without a server ---------------------------------------------------- */

static void name_damage(const char *path, const char *what, void *data)
{
	cleanup_free char *quoted = quote_name(path);

	(void)data;
	assert(path[0] == '/' && strlen(path) < PATH_MAX && *what);
	for (const char *at = quoted; at && *at; at++)
		assert((unsigned char)*at >= 0x20 && *at != 0x7f);
}

static char last[PATH_MAX]; /* file that was visited */

static enum walk_next visit(const struct walk_at *at, void *data)
{
	const struct direct *direct = data;
	struct direct_place place;
	off_t hole, rest;
	char buf[4096];
	size_t got;

	assert(!strstr(at->path, "/../") && !strstr(at->path, "//"));
	if (direct_find(direct, at->path, false, &place) == 0)
		assert(strcmp(place.path, at->path) == 0);
	(void)direct_find(direct, at->path, true, &place);
	if (S_ISREG(at->st->st_mode))
		snprintf(last, sizeof(last), "%s", at->path);
	if (S_ISREG(at->st->st_mode) && direct_stretch(direct, at->inode, 0, &hole, &rest) == 0)
		assert(hole >= 0 && rest >= 0 && hole + rest <= at->st->st_size);
	if (direct_read(direct, at->inode, 0, buf, sizeof(buf), &got) == 0)
		assert((off_t)got <= at->st->st_size);
	return WALK_ON;
}

/* All that the walk sees is in the order once, the files of the trace in front of other files. */
static void put_in_order(struct squash *squash, const char *path)
{
	struct trace_line lines[] = { { .path = (char *)(uintptr_t) "/file", .piece = 1 },
				      { .path = (char *)(uintptr_t)path, .is_whole = true } };
	const struct trace_list trace = { .lines = lines, .count = path ? 2 : 1 };
	struct error err = ERROR_INIT;
	struct order order;
	uint64_t end;

	if (order_make(&order, squash, &trace, 1, &err) == 0) {
		for (size_t i = 1; i < order.count; i++)
			assert(order.entries[i - 1].place <= order.entries[i].place);
		(void)order_find_end(&order, squash, &end, &err);
	}
	order_done(&order);
}

static void look(const struct image *image)
{
	struct direct direct = { .squash = NULL };
	const struct walk walk = { .each = visit, .data = &direct };
	struct error err = ERROR_INIT;
	struct check check;

	last[0] = '\0';
	if (direct_open(&direct, image, &err) == 0) {
		(void)walk_tree(direct.squash, squash_root(direct.squash), "/", &walk, &err);
		(void)check_squash(&check, direct.squash, name_damage, NULL, &err);
		put_in_order(direct.squash, last[0] ? last : NULL);
	}
	direct_close(&direct);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[] = "image";
	static int fd = -1;
	struct image image = { .kind = IMAGE_SQUASHFS };
	const struct image_server server = { .image = &image,
					     .channel = -1,
					     .cpu = -1,
					     .cpus = 2,
					     .cache_size = 1 << 20,
					     .ready = nothing,
					     .damaged = nothing };
	struct error err = ERROR_INIT;
	struct service *service;

	if (fd < 0)
		fd = memfd_create("image", MFD_CLOEXEC);
	assert(fd >= 0 && ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)size + SIZE_MARGIN) == 0 &&
	       pwrite(fd, data, size, 0) == (ssize_t)size);
	image.fd = fd;
	service = image_service_new(&server, &err);
	assert(service);
	fuzz_check_error(image_serve(service, &err), &err);
	image_service_free(service);
	image.path = path;
	look(&image);
	return 0;
}

#ifndef __AFL_COMPILER
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	const uint8_t magic[] = { 'h', 's', 'q', 's' }, log[] = { 12, 0 },
		      version[] = { 4, 0, 0, 0 };
	const uint8_t block_size[] = { 0, 16, 0, 0 };
	uint64_t used;

	size = LLVMFuzzerMutate(data, size, max_size);
	if (size < 96 || seed % 8 == 0)
		return size;
	/* As the superblock has them: see images/image.c. */
	memcpy(data, magic, sizeof(magic));
	memcpy(data + 12, block_size, sizeof(block_size));
	memcpy(data + 22, log, sizeof(log));
	memcpy(data + 28, version, sizeof(version));
	used = size;
	memcpy(data + 40, &used, sizeof(used));
	return size;
}
#endif
