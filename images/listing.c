/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * listing.c - the image server's answers to readdir and readdirplus.
 *
 * A directory is read in pieces, each of which begins where an entry of the one before said that the
 * next one is. "." and ".." come first, then what the image has, then what was added.
 */
#include "images/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "images/squash.h"

/* Offsets in a directory: 0 and 1 are "." and "..", then those of the image, then added nodes. */
#define OFFSET_IMAGE 2
#define OFFSET_ADDED ((off_t)1 << 40)

/* A reply to readdir or readdirplus in the making. */
struct listing {
	fuse_req_t req;
	struct service *service;
	fuse_ino_t dir;
	bool plus;
	bool full;
	int error;
	char *buf;
	size_t used, size;
};

/* `number` is the st_ino that stat(2) tells, too. */
static bool list(struct listing *listing, const char *name, fuse_ino_t node, ino_t number,
		 mode_t type, off_t next)
{
	struct fuse_entry_param entry = { .attr = { .st_mode = type, .st_ino = number } };
	bool is_dot = name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
	char *at = listing->buf + listing->used;
	size_t room = listing->size - listing->used, need;

	if (!listing->plus) {
		need = fuse_add_direntry(listing->req, at, room, name, &entry.attr, next);
	} else {
		if (!is_dot)
			listing->error = service_make_entry(listing->service, node, &entry);
		if (!is_dot && listing->service->server.trace)
			trace_name(listing->service->server.trace, listing->dir, name, node);
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

	return list(listing, entry->name, node_of(listing->service, entry->inode), entry->number,
		    entry->type, entry->next + OFFSET_IMAGE);
}

static void list_added(struct listing *listing, fuse_ino_t dir, off_t offset)
{
	size_t cursor = offset < OFFSET_ADDED ? 0 : (size_t)(offset - OFFSET_ADDED);
	struct added *added = listing->service->added;
	const char *name;
	uint64_t node;

	while ((name = added_next(added, dir, &cursor, &node)))
		if (!list(listing, name, node, node, added_mode(added, node) & S_IFMT,
			  OFFSET_ADDED + (off_t)cursor))
			break;
}

static int get_number(struct service *service, fuse_ino_t node, ino_t *number)
{
	struct fuse_entry_param entry;
	int error = service_make_entry(service, node, &entry);

	*number = entry.attr.st_ino;
	return error;
}

static int get_parent_number(struct service *service, fuse_ino_t dir, ino_t *number)
{
	uint32_t parent = 0;
	int error;

	if (dir == FUSE_ROOT_ID)
		return get_number(service, dir, number);
	if (added_is(dir))
		return get_number(service, added_parent(service->added, dir), number);
	error = squash_parent(service->content.squash, inode_of(service, dir), &parent);
	*number = parent;
	return error;
}

static int list_dots(struct listing *listing, fuse_ino_t dir, off_t offset)
{
	ino_t number;

	listing->error = get_number(listing->service, dir, &number);
	if (listing->error || (offset == 0 && !list(listing, ".", dir, number, S_IFDIR, 1)))
		return listing->error;
	listing->error = get_parent_number(listing->service, dir, &number);
	if (!listing->error)
		(void)list(listing, "..", FUSE_ROOT_ID, number, S_IFDIR, OFFSET_IMAGE);
	return listing->error;
}

static int list_all(struct listing *listing, fuse_ino_t dir, off_t offset)
{
	int error = 0;

	if (offset <= 1 && (list_dots(listing, dir, offset) || listing->full))
		return listing->error;
	if (offset < OFFSET_ADDED && !added_is(dir))
		error = squash_readdir(listing->service->content.squash,
				       inode_of(listing->service, dir),
				       offset <= OFFSET_IMAGE ? 0 : offset - OFFSET_IMAGE,
				       list_image, listing);
	if (error || listing->error)
		return error ? error : listing->error;
	if (!listing->full)
		list_added(listing, dir, offset);
	return listing->error;
}

void service_list(fuse_req_t req, fuse_ino_t dir, size_t size, off_t offset, bool plus)
{
	cleanup_free char *buf = malloc(size);
	struct service *service = service_of(req);
	struct listing listing = {
		.req = req, .service = service, .dir = dir, .plus = plus, .buf = buf, .size = size
	};
	int error = buf ? list_all(&listing, dir, offset) : ENOMEM;

	/* What was listed before an error goes out; the error comes with the next request. */
	if (error && listing.used == 0)
		service_reply_error(req, error);
	else
		fuse_reply_buf(req, buf, listing.used);
}
