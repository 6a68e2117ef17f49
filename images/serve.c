/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve.c - the image server: FUSE requests in, pieces of a squashfs out.
 *
 * The image never changes, so everything the kernel learns it may keep for ever: names, attributes,
 * links, pages, and that a name does not exist. open(2) and opendir(2) are answered ENOSYS, which
 * tells the kernel not to ask again. What is left is one question for each new thing.
 *
 * Several threads read the same channel.
 */
#include "images/serve.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "images/blocks.h"
#include "images/cpus.h"
#include "images/measure.h"
#include "images/read.h"
#include "images/service.h"
#include "images/session.h"
#include "images/squash.h"
#include "images/start.h"
#include "images/uring.h"
#include "images/warm.h"
#include "images/workers.h"

#define FOREVER    ((double)INT_MAX) /* seconds that the kernel may keep an answer */
#define STACK_SIZE ((size_t)1 << 20) /* bytes for each thread */

/* A bad image is noted once; the application sees EIO each time. Who gets that may end at once, and so may the step:
 * it is to find the note then, so an answer waits for another thread that is about to note. */
static void note_damage(struct service *service, int error)
{
	if (error == EIO)
		(void)pthread_once(&service->noted, service->server.damaged);
}

void service_reply_error(fuse_req_t req, int error)
{
	note_damage(service_of(req), error);
	fuse_reply_err(req, error);
}

static void set_owner(const struct service *service, struct stat *st)
{
	st->st_uid = service->server.uid;
	st->st_gid = service->server.gid;
}

static int stat_node(struct service *service, fuse_ino_t node, struct stat *st)
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
		error = squash_stat(service->content.squash, inode_of(service, node), st);
	}
	set_owner(service, st);
	return error;
}

int service_make_entry(struct service *service, fuse_ino_t node, struct fuse_entry_param *entry)
{
	memset(entry, 0, sizeof(*entry));
	entry->ino = node;
	entry->entry_timeout = FOREVER;
	entry->attr_timeout = FOREVER;
	return stat_node(service, node, &entry->attr);
}

static int find(struct service *service, fuse_ino_t parent, const char *name, fuse_ino_t *node)
{
	uint64_t inode;
	int error = ENOENT;

	if (!added_is(parent)) {
		error = squash_lookup(service->content.squash, inode_of(service, parent), name,
				      &inode);
		if (!error)
			*node = node_of(service, inode);
	} else if (strlen(name) > NAME_MAX) {
		error = ENAMETOOLONG;
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
	fuse_ino_t node;
	int error = find(service, parent, name, &node);

	stats_add(STAT_LOOKUPS, 1);
	if (!error)
		error = service_make_entry(service, node, &entry);
	if (!error && service->server.trace)
		trace_name(service->server.trace, parent, name, node);
	if (error && error != ENOENT)
		service_reply_error(req, error);
	else
		fuse_reply_entry(req, &entry); /* node 0: does not exist, and never will */
}

static void op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file)
{
	struct service *service = service_of(req);
	struct stat st;
	int error = stat_node(service, node, &st);

	stats_add(STAT_GETATTRS, 1);
	(void)file;
	if (error)
		service_reply_error(req, error);
	else
		fuse_reply_attr(req, &st, FOREVER);
}

static void op_readlink(fuse_req_t req, fuse_ino_t node)
{
	struct service *service = service_of(req);
	cleanup_free char *target = NULL;
	int error = added_is(node) ? EINVAL
				   : squash_readlink(service->content.squash,
						     inode_of(service, node), &target);

	stats_add(STAT_READLINKS, 1);
	if (error)
		service_reply_error(req, error);
	else
		fuse_reply_readlink(req, target);
}

static void op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file)
{
	(void)node;
	(void)file;
	stats_add(STAT_OPENS, 1);
	fuse_reply_err(req, ENOSYS);
}

/* A file that cannot be looked at cannot be read either, and fails by itself. */
static void note_read(struct service *service, fuse_ino_t node, off_t offset, size_t size)
{
	struct stat st;

	if (!squash_stat(service->content.squash, inode_of(service, node), &st))
		trace_read(service->server.trace, node, offset, size, st.st_size);
}

static void op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		    struct fuse_file_info *file)
{
	struct service *service = service_of(req);
	int error;

	(void)file;
	stats_add(STAT_READS, 1);
	if (added_is(node)) {
		fuse_reply_buf(req, NULL, 0);
		return;
	}
	if (service->server.trace)
		note_read(service, node, offset, size);
	error = content_reply(&service->content, req, inode_of(service, node), offset, size);
	if (error)
		service_reply_error(req, error);
}

/* Of other kinds than these two the kernel does not ask. */
static void op_lseek(fuse_req_t req, fuse_ino_t node, off_t offset, int whence,
		     struct fuse_file_info *file)
{
	struct service *service = service_of(req);
	int error = ENXIO;

	(void)file;
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		error = EINVAL;
	else if (!added_is(node))
		error = squash_seek(service->content.squash, inode_of(service, node),
				    whence == SEEK_HOLE, &offset);
	if (error)
		service_reply_error(req, error);
	else
		fuse_reply_lseek(req, offset);
}

static void op_readdir(fuse_req_t req, fuse_ino_t dir, size_t size, off_t offset,
		       struct fuse_file_info *file)
{
	(void)file;
	stats_add(STAT_READDIRS, 1);
	service_list(req, dir, size, offset, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t dir, size_t size, off_t offset,
			   struct fuse_file_info *file)
{
	(void)file;
	stats_add(STAT_READDIRS, 1);
	service_list(req, dir, size, offset, true);
}

static void op_statfs(fuse_req_t req, fuse_ino_t node)
{
	struct service *service = service_of(req);
	struct statvfs st;

	(void)node;
	stats_add(STAT_OTHERS, 1);
	squash_statfs(service->content.squash, &st);
	fuse_reply_statfs(req, &st);
}

/* Both of getxattr and listxattr; `name` is NULL for the list. */
static void reply_xattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	struct service *service = service_of(req);
	cleanup_free char *buf = NULL;
	struct squash *squash = service->content.squash;
	size_t len = 0;
	int error;

	stats_add(STAT_XATTRS, 1);
	if (!squash_has_xattrs(squash)) {
		fuse_reply_err(req, ENOSYS); /* the kernel will not ask again */
		return;
	}
	buf = malloc(size + 1);
	if (!buf)
		error = ENOMEM;
	else if (added_is(node))
		error = name ? ENODATA : 0;
	else if (name)
		error = squash_getxattr(squash, inode_of(service, node), name, buf, size, &len);
	else
		error = squash_listxattr(squash, inode_of(service, node), buf, size, &len);
	if (error)
		service_reply_error(req, error);
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
		error = service_make_entry(service, node, &entry);
	if (error)
		service_reply_error(req, error);
	else
		fuse_reply_entry(req, &entry);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	stats_add(STAT_OTHERS, 1);
	reply_added(req, parent, name, S_IFDIR | (mode & 0777));
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	(void)dev;
	stats_add(STAT_OTHERS, 1);
	if (S_ISREG(mode))
		reply_added(req, parent, name, mode);
	else
		fuse_reply_err(req, EPERM);
}

/* Programs look for a terminal, and the kernel passes that on, each time: it remembers no ENOSYS here. */
static void op_ioctl(fuse_req_t req, fuse_ino_t node, int cmd, void *arg,
		     struct fuse_file_info *file, unsigned int flags, const void *in,
		     size_t in_size, size_t out_size)
{
	(void)node, (void)cmd, (void)arg, (void)file, (void)flags, (void)in, (void)in_size,
		(void)out_size;
	stats_add(STAT_OTHERS, 1);
	fuse_reply_err(req, ENOTTY);
}

static const struct fuse_lowlevel_ops operations = {
	.init = op_init,
	.lookup = op_lookup,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.open = op_open,
	.opendir = op_open,
	.read = op_read,
	.lseek = op_lseek,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.statfs = op_statfs,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.mkdir = op_mkdir,
	.mknod = op_mknod,
	.ioctl = op_ioctl,
};

/* Memory comes and goes with each request; giving it back to the kernel each time would cost more
 * than what is done with it. What is kept is bounded by the threads, whose stacks are no matter of
 * the user's limits. */
static void keep_memory(void)
{
	pthread_attr_t attr;

	if (pthread_attr_init(&attr) == 0) {
		if (pthread_attr_setstacksize(&attr, STACK_SIZE) == 0)
			(void)pthread_setattr_default_np(&attr);
		pthread_attr_destroy(&attr);
	}
	(void)mallopt(M_MMAP_THRESHOLD, 64 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

/* There are more blocks than all threads hold. */
static struct blocks *make_cache(size_t size, size_t block_size, size_t threads)
{
	size_t count = size / block_size;
	size_t least = threads * content_blocks(block_size) + AHEAD_THREADS_MAX + 2;

	return blocks_new(count > least ? count : least, block_size);
}

static int open_image(struct service *service, struct error *err)
{
	const struct image *image = service->server.image;
	struct squash *squash = squash_open(image->fd, image->offset, err);
	size_t threads;

	(void)uring_files(service->server.uring, &threads);
	service->content.squash = squash;
	if (!squash && image_read_failure()) {
		error_set(err, image_read_failure(), "cannot read image '%s'", image->path);
		return error_remedy(err, "check its file system, and run again");
	}
	if (!squash) {
		(void)image_blame(image, err);
		error_wrap(err, "image '%s' is damaged or cannot be read", image->path);
		return error_remedy(err, "check its file system; copy or make the image again");
	}
	service->root = squash_root(squash);
	service->content.blocks = make_cache(service->server.cache_size, squash_block_size(squash),
					     threads > WORKERS_MAX ? threads : WORKERS_MAX);
	if (!service->content.blocks)
		return error_set(err, ENOMEM, "cannot start");
	/* With one CPU it would only be in the way. */
	if (service->server.cpus > 1)
		service->content.ahead =
			ahead_new(squash, service->content.blocks, service->server.cpus);
	return 0;
}

struct service *image_service_new(const struct image_server *server, struct error *err)
{
	struct service *service = calloc(1, sizeof(*service));

	keep_memory();
	cpus_remember();
	if (service)
		service->added = added_new();
	if (!service || !service->added) {
		error_set(err, ENOMEM, "cannot start");
		image_service_free(service);
		return NULL;
	}
	stats_use(server->stats);
	service->server = *server;
	service->noted = PTHREAD_ONCE_INIT;
	service->session = session_new(&operations, service, server->channel, server->uring, err);
	if (service->session)
		return service;
	image_service_free(service);
	return NULL;
}

void image_service_free(struct service *service)
{
	if (!service)
		return;
	ahead_free(service->content.ahead);
	blocks_free(service->content.blocks);
	squash_close(service->content.squash);
	added_free(service->added);
	free(service);
}

int image_serve(struct service *service, struct error *err)
{
	const struct image_server *server = &service->server;

	if (open_image(service, err) < 0)
		return -1;
	start_fetch(server->image->fd, server->image->offset,
		    squash_tables(service->content.squash), squash_size(service->content.squash));
	if (server->cpus > 1)
		warm_start(&service->content, server->cpu);
	server->ready();
	workers_run(service->session, server->channel, server->cpu, server->cpus);
	return 0;
}
