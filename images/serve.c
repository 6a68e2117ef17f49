/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve.c - the image server: FUSE requests in, pieces of a squashfs out.
 *
 * The image never changes, so everything the kernel learns it may keep for ever: names, attributes,
 * links, pages, and that a name does not exist. open(2) and opendir(2) are answered ENOSYS, which
 * tells the kernel not to ask again. What is left is one question for each new thing.
 *
 * Node numbers: 1 is the root, other inodes of the image are their number + 2 (0 is no node), added
 * ones have a bit of their own. So no table of nodes is kept, and "forget" means nothing.
 *
 * Several threads read the same channel. A reader of the image is given back before the reply goes
 * out, so that whoever gets the next request finds the same one free.
 */
#define FUSE_USE_VERSION 32
#include "images/serve.h"

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <limits.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "images/added.h"
#include "images/ahead.h"
#include "images/blocks.h"
#include "images/content.h"
#include "images/readers.h"
#include "images/squash.h"
#include "images/workers.h"

#define FOREVER   ((double)INT_MAX) /* seconds that the kernel may keep an answer */
#define CACHE_MAX ((size_t)8 << 20) /* bytes of decompressed blocks that are kept */

/* Decompressed blocks: at least more than all threads hold, ahead.c's one among them. */
#define BLOCKS_MIN (WORKERS_MAX * CONTENT_BLOCKS_MAX + 2)
#define BLOCKS_MAX 64

/* Offsets in a directory: 0 and 1 are "." and "..", then those of the image, then added nodes. */
#define OFFSET_IMAGE 2
#define OFFSET_ADDED ((off_t)1 << 40)

struct service {
	const struct image_server *server;
	struct added *added;
	struct readers *readers;
	struct content content;
	uint64_t root;
	bool has_xattrs;
	atomic_flag damaged;
};

static struct service *service_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static fuse_ino_t node_of(const struct service *service, uint64_t inode)
{
	return inode == service->root ? FUSE_ROOT_ID : inode + 2;
}

static uint64_t inode_of(const struct service *service, fuse_ino_t node)
{
	return node == FUSE_ROOT_ID ? service->root : node - 2;
}

/* A bad image is noted once; the application sees EIO each time. */
static void note_damage(struct service *service, int error)
{
	if (error == EIO && !atomic_flag_test_and_set(&service->damaged))
		service->server->damaged();
}

static void reply_error(fuse_req_t req, int error)
{
	note_damage(service_of(req), error);
	fuse_reply_err(req, error);
}

static void set_owner(const struct service *service, struct stat *st)
{
	st->st_uid = service->server->uid;
	st->st_gid = service->server->gid;
}

static int stat_node(struct service *service, struct squash *reader, fuse_ino_t node,
		     struct stat *st)
{
	int error = 0;

	if (added_is(node)) {
		memset(st, 0, sizeof(*st));
		st->st_ino = node;
		st->st_mode = added_mode(service->added, node);
		st->st_nlink = S_ISDIR(st->st_mode) ? 2 : 1;
		if (!st->st_mode)
			error = ENOENT;
	} else {
		error = squash_stat(reader, inode_of(service, node), st);
	}
	set_owner(service, st);
	return error;
}

static int make_entry(struct service *service, struct squash *reader, fuse_ino_t node,
		      struct fuse_entry_param *entry)
{
	memset(entry, 0, sizeof(*entry));
	entry->ino = node;
	entry->entry_timeout = FOREVER;
	entry->attr_timeout = FOREVER;
	return stat_node(service, reader, node, &entry->attr);
}

static int find(struct service *service, struct squash *reader, fuse_ino_t parent, const char *name,
		fuse_ino_t *node)
{
	uint64_t inode;
	int error = ENOENT;

	if (!added_is(parent)) {
		error = squash_lookup(reader, inode_of(service, parent), name, &inode);
		if (!error)
			*node = node_of(service, inode);
	}
	if (error == ENOENT) {
		error = added_lookup(service->added, parent, name, &inode);
		if (!error)
			*node = inode;
	}
	return error;
}

static void op_init(void *data, struct fuse_conn_info *conn)
{
	(void)data;
	conn->want |= conn->capable & (FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_READDIRPLUS |
				       FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_PARALLEL_DIROPS);
	/* Nothing changes behind the kernel's back. */
	conn->want &= ~(unsigned int)FUSE_CAP_AUTO_INVAL_DATA;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct service *service = service_of(req);
	struct fuse_entry_param entry = { .entry_timeout = FOREVER };
	struct squash *reader = readers_take(service->readers);
	fuse_ino_t node;
	int error = find(service, reader, parent, name, &node);

	if (!error)
		error = make_entry(service, reader, node, &entry);
	readers_give(service->readers, reader);
	if (error && error != ENOENT)
		reply_error(req, error);
	else
		fuse_reply_entry(req, &entry); /* node 0: does not exist, and never will */
}

static void op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file)
{
	struct service *service = service_of(req);
	struct squash *reader = readers_take(service->readers);
	struct stat st;
	int error = stat_node(service, reader, node, &st);

	(void)file;
	readers_give(service->readers, reader);
	if (error)
		reply_error(req, error);
	else
		fuse_reply_attr(req, &st, FOREVER);
}

static void op_readlink(fuse_req_t req, fuse_ino_t node)
{
	struct service *service = service_of(req);
	struct squash *reader = readers_take(service->readers);
	cleanup_free char *target = NULL;
	int error = added_is(node) ? EINVAL : squash_readlink(reader, inode_of(service, node), &target);

	readers_give(service->readers, reader);
	if (error)
		reply_error(req, error);
	else
		fuse_reply_readlink(req, target);
}

static void op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file)
{
	(void)node;
	(void)file;
	fuse_reply_err(req, ENOSYS);
}

static void op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		    struct fuse_file_info *file)
{
	struct service *service = service_of(req);
	int error;

	(void)file;
	if (added_is(node)) {
		fuse_reply_buf(req, NULL, 0);
		return;
	}
	error = content_reply(&service->content, req, node, inode_of(service, node), offset, size);
	if (error)
		reply_error(req, error);
}

/* A reply to readdir or readdirplus in the making. */
struct listing {
	fuse_req_t req;
	struct service *service;
	struct squash *reader;
	bool plus;
	bool full;
	int error;
	char *buf;
	size_t used, size;
};

static bool list(struct listing *listing, const char *name, fuse_ino_t node, mode_t type, off_t next)
{
	struct fuse_entry_param entry = { .attr = { .st_mode = type, .st_ino = node } };
	bool is_dot = name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
	char *at = listing->buf + listing->used;
	size_t room = listing->size - listing->used, need;

	if (!listing->plus) {
		need = fuse_add_direntry(listing->req, at, room, name, &entry.attr, next);
	} else {
		if (!is_dot)
			listing->error = make_entry(listing->service, listing->reader, node, &entry);
		need = fuse_add_direntry_plus(listing->req, at, room, name, &entry, next);
	}
	if (need > room)
		listing->full = true;
	else
		listing->used += need;
	return !listing->full && !listing->error;
}

static bool list_image(const struct squash_entry *entry, void *data)
{
	struct listing *listing = data;

	return list(listing, entry->name, node_of(listing->service, entry->inode), entry->type,
		    entry->next + OFFSET_IMAGE);
}

static void list_added(struct listing *listing, fuse_ino_t dir, off_t offset)
{
	size_t cursor = offset < OFFSET_ADDED ? 0 : (size_t)(offset - OFFSET_ADDED);
	struct added *added = listing->service->added;
	const char *name;
	uint64_t node;

	while ((name = added_next(added, dir, &cursor, &node)))
		if (!list(listing, name, node, added_mode(added, node) & S_IFMT,
			  OFFSET_ADDED + (off_t)cursor))
			break;
}

static int list_all(struct listing *listing, fuse_ino_t dir, off_t offset)
{
	int error = 0;

	if (offset == 0 && !list(listing, ".", dir, S_IFDIR, 1))
		return listing->error;
	if (offset <= 1 && !list(listing, "..", FUSE_ROOT_ID, S_IFDIR, OFFSET_IMAGE))
		return listing->error;
	if (offset < OFFSET_ADDED && !added_is(dir))
		error = squash_readdir(listing->reader, inode_of(listing->service, dir),
				       offset <= OFFSET_IMAGE ? 0 : offset - OFFSET_IMAGE, list_image,
				       listing);
	if (error || listing->error)
		return error ? error : listing->error;
	if (!listing->full)
		list_added(listing, dir, offset);
	return listing->error;
}

static void reply_listing(fuse_req_t req, fuse_ino_t dir, size_t size, off_t offset, bool plus)
{
	cleanup_free char *buf = malloc(size);
	struct service *service = service_of(req);
	struct squash *reader = readers_take(service->readers);
	struct listing listing = { .req = req, .service = service, .reader = reader, .plus = plus,
				   .buf = buf, .size = size };
	int error = buf ? list_all(&listing, dir, offset) : ENOMEM;

	readers_give(service->readers, reader);
	/* What was listed before an error goes out; the error comes with the next request. */
	if (error && listing.used == 0)
		reply_error(req, error);
	else
		fuse_reply_buf(req, buf, listing.used);
}

static void op_readdir(fuse_req_t req, fuse_ino_t dir, size_t size, off_t offset,
		       struct fuse_file_info *file)
{
	(void)file;
	reply_listing(req, dir, size, offset, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t dir, size_t size, off_t offset,
			   struct fuse_file_info *file)
{
	(void)file;
	reply_listing(req, dir, size, offset, true);
}

static void op_statfs(fuse_req_t req, fuse_ino_t node)
{
	struct service *service = service_of(req);
	struct squash *reader = readers_take(service->readers);
	struct statvfs st;

	(void)node;
	squash_statfs(reader, &st);
	readers_give(service->readers, reader);
	fuse_reply_statfs(req, &st);
}

/* Both of getxattr and listxattr; `name` is NULL for the list. */
static void reply_xattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	struct service *service = service_of(req);
	cleanup_free char *buf = NULL;
	struct squash *reader;
	size_t len = 0;
	int error;

	if (!service->has_xattrs) {
		fuse_reply_err(req, ENOSYS); /* the kernel will not ask again */
		return;
	}
	buf = malloc(size + 1);
	reader = readers_take(service->readers);
	if (!buf)
		error = ENOMEM;
	else if (added_is(node))
		error = name ? ENODATA : 0;
	else if (name)
		error = squash_getxattr(reader, inode_of(service, node), name, buf, size, &len);
	else
		error = squash_listxattr(reader, inode_of(service, node), buf, size, &len);
	readers_give(service->readers, reader);
	if (error)
		reply_error(req, error);
	else if (size == 0)
		fuse_reply_xattr(req, len);
	else
		fuse_reply_buf(req, buf, len);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	reply_xattr(req, node, name, size);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size)
{
	reply_xattr(req, node, NULL, size);
}

static void reply_added(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct service *service = service_of(req);
	struct fuse_entry_param entry;
	uint64_t node;
	int error = added_create(service->added, parent, name, mode, &node);

	if (!error)
		error = make_entry(service, NULL, node, &entry); /* no node of the image */
	if (error)
		reply_error(req, error);
	else
		fuse_reply_entry(req, &entry);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	reply_added(req, parent, name, S_IFDIR | (mode & 0777));
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	(void)dev;
	if (S_ISREG(mode))
		reply_added(req, parent, name, mode);
	else
		fuse_reply_err(req, EPERM);
}

static const struct fuse_lowlevel_ops operations = {
	.init = op_init,
	.lookup = op_lookup,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.open = op_open,
	.opendir = op_open,
	.read = op_read,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.statfs = op_statfs,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.mkdir = op_mkdir,
	.mknod = op_mknod,
};

static int attach(const struct service *service, struct fuse_session **session, struct error *err)
{
	char name[] = "davit", channel[32];
	char *argv[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	const struct service *data = service;

	*session = fuse_session_new(&args, &operations, sizeof(operations), (void *)(uintptr_t)data);
	if (!*session)
		return error_set(err, 0, "libfuse refuses to start");
	snprintf(channel, sizeof(channel), "/dev/fd/%d", service->server->channel);
	if (fuse_session_mount(*session, channel) < 0)
		return error_set(err, 0, "libfuse refuses the channel of the mount");
	return 0;
}

/* Memory comes and goes with each request; giving it back to the kernel each time would cost more
 * than what is done with it. What is kept is bounded by the threads. */
static void keep_memory(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 64 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

static struct blocks *make_cache(size_t block_size)
{
	size_t count = CACHE_MAX / block_size;

	if (count < BLOCKS_MIN)
		count = BLOCKS_MIN;
	return blocks_new(count < BLOCKS_MAX ? count : BLOCKS_MAX, block_size);
}

static int open_image(struct service *service, struct error *err)
{
	struct squash *reader;

	service->readers = readers_new(service->server->image, err);
	if (!service->readers)
		return -1;
	reader = readers_take(service->readers);
	service->root = squash_root(reader);
	service->has_xattrs = squash_has_xattrs(reader);
	service->content.readers = service->readers;
	service->content.blocks = make_cache(squash_block_size(reader));
	readers_give(service->readers, reader);
	return service->content.blocks ? 0 : error_set(err, ENOMEM, "cannot start");
}

int image_serve(const struct image_server *server, struct error *err)
{
	struct service service = { .server = server, .added = added_new(),
				   .damaged = ATOMIC_FLAG_INIT };
	struct fuse_session *session;

	keep_memory();
	if (!service.added)
		return error_set(err, ENOMEM, "cannot start");
	if (open_image(&service, err) < 0 || attach(&service, &session, err) < 0)
		return -1;
	/* On a single CPU, it would only be in the way of what is really asked for. */
	if (workers_cpu_count() > 1)
		service.content.ahead = ahead_new(session, service.readers, service.content.blocks);
	server->ready();
	workers_run(session, server->channel, server->cpu);
	return 0;
}
