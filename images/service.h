/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service.h - what the files of the image server share: serve.c and listing.c only.
 *
 * Node numbers: 1 is the root, other inodes of the image are their number + 2 (0 is no node), added
 * ones have a bit of their own. So no table of nodes is kept, and "forget" means nothing.
 */
#ifndef DAVIT_SERVICE_H
#define DAVIT_SERVICE_H

#define FUSE_USE_VERSION 32
#include <fuse3/fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "images/added.h"
#include "images/content.h"
#include "images/serve.h"

struct service {
	struct image_server server;
	struct fuse_session *session;
	struct added *added;
	struct content content; /* has the image */
	uint64_t root;
	pthread_once_t noted; /* damage */
};

static inline struct service *service_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static inline fuse_ino_t node_of(const struct service *service, uint64_t inode)
{
	return inode == service->root ? FUSE_ROOT_ID : inode + 2;
}

static inline uint64_t inode_of(const struct service *service, fuse_ino_t node)
{
	return node == FUSE_ROOT_ID ? service->root : node - 2;
}

/* Fills what the kernel is told of `node`, to be kept for ever. Returns 0 or an errno. */
int service_make_entry(struct service *service, fuse_ino_t node, struct fuse_entry_param *entry);

/* Fails a request, and notes where the image is damaged. */
void service_reply_error(fuse_req_t req, int error);

/* Answers readdir, or readdirplus where `plus`. */
void service_list(fuse_req_t req, fuse_ino_t dir, size_t size, off_t offset, bool plus);

#endif
