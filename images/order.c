/* SPDX-License-Identifier: BSD-3-Clause */
/* order.c - see order.h. */
#include "images/order.h"

#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "images/inodemap.h"
#include "images/walk.h"

#define GAP_MAX      ((uint64_t)1 << 20)
#define EXTENTS_MAX  64
#define STORED_PLAIN ((uint32_t)1 << 24) /* in the header of a block: it is not compressed */
#define NOWHERE      UINT64_MAX

/* Bytes of paths: ten million of them have 1 GiB. A small image may have more than anybody's memory holds, all of
 * them below deep directories. */
#ifndef BYTES_MAX
#define BYTES_MAX ((size_t)2 << 30)
#endif

/* An order in the making. Both maps go by inodes. */
struct making {
	struct order *order;
	struct squash *squash;
	struct inodemap seen;   /* of files with several names: the entry, and 1 */
	struct inodemap wanted; /* by the traces: the file in `files`, and 1 */
	struct wanted {
		uint64_t pieces, read; /* how many it has, and how many of them were read */
	} * files;
	size_t file_count, file_room, room, bytes;
	void *missing; /* paths that the image has not: a tree, see tsearch(3) */
	int errnum;
};

static void *grow(void *items, size_t count, size_t *room, size_t each)
{
	size_t more = *room ? 2 * *room : 1024;
	void *bigger = count < *room ? items : reallocarray(items, more, each);

	if (bigger && count == *room)
		*room = more;
	return bigger;
}

int order_look_up(struct squash *squash, const char *path, uint64_t *inode)
{
	char name[NAME_MAX + 1];
	int error = 0;

	*inode = squash_root(squash);
	while (*path && !error) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len > NAME_MAX)
			return ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		if (len > 0)
			error = squash_lookup(squash, *inode, name, inode);
		path += len;
	}
	return error;
}

/* ---- what the traces want ------------------------------------------------ */

static uint64_t count_pieces(uint64_t size)
{
	return size / TRACE_PIECE + (size % TRACE_PIECE > 0);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int miss(struct making *making, const char *path)
{
	if (tfind(path, &making->missing, compare_paths))
		return 0;
	making->order->missing++;
	return tsearch(path, &making->missing, compare_paths) ? 0 : -1;
}

static void keep_path(void *path)
{
	(void)path; /* it is the trace's */
}

/* A file comes where it was first read. */
static int want(struct making *making, const struct trace_line *line)
{
	struct stat st;
	struct wanted *file;
	uint64_t inode, *place;
	bool is_new;

	if (order_look_up(making->squash, line->path, &inode) ||
	    squash_stat(making->squash, inode, &st) || !S_ISREG(st.st_mode))
		return miss(making, line->path);
	place = inodemap_get(&making->wanted, inode, &is_new);
	if (!place)
		return -1;
	if (is_new) {
		void *bigger = grow(making->files, making->file_count, &making->file_room,
				    sizeof(*making->files));

		if (!bigger)
			return -1;
		making->files = bigger;
		making->files[making->file_count++] =
			(struct wanted){ .pieces = count_pieces((uint64_t)st.st_size) };
		*place = making->file_count;
	}
	file = &making->files[*place - 1];
	if (line->is_whole)
		file->read = file->pieces;
	else if (file->read < file->pieces)
		file->read++;
	return 0;
}

static int want_all(struct making *making, const struct trace_list *traces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < traces[i].count; n++)
			if (want(making, &traces[i].lines[n]) < 0)
				return -1;
	making->order->found = making->file_count;
	return 0;
}

/* ---- what the image has -------------------------------------------------- */

/* Where the bytes of a file begin in the image, as a number to sort by: those in a fragment one behind the
 * other. Holes are nowhere. */
static uint64_t find_bytes(struct squash *squash, uint64_t inode, off_t size)
{
	struct squash_extent extent;
	size_t count = 0;
	off_t at = 0;

	if (size == 0 || squash_seek(squash, inode, false, &at) ||
	    squash_locate(squash, inode, at, 1, &extent, 1, &count) || count == 0 ||
	    extent.position > NOWHERE >> 20)
		return NOWHERE;
	return (extent.position << 20) +
	       (extent.fragment == SQUASH_NO_FRAGMENT ? 0 : extent.offset);
}

static void place_file(struct making *making, struct order_entry *entry, off_t size)
{
	const uint64_t *wanted = inodemap_find(&making->wanted, entry->inode);
	const struct wanted *file = wanted ? &making->files[*wanted - 1] : NULL;

	entry->place = !file                            ? ORDER_REST
		       : 2 * file->read >= file->pieces ? ORDER_START
							: ORDER_PARTLY;
	entry->key = file ? *wanted : find_bytes(making->squash, entry->inode, size);
}

static int add(struct making *making, const struct walk_at *at)
{
	struct order *order = making->order;
	bool is_new = true, is_dir = S_ISDIR(at->st->st_mode);
	struct order_entry *entry;
	uint64_t *seen = NULL;
	void *bigger = grow(order->entries, order->count, &making->room, sizeof(*order->entries));

	if (!bigger)
		return -1;
	order->entries = bigger;
	if (!is_dir && at->st->st_nlink > 1 &&
	    !(seen = inodemap_get(&making->seen, at->inode, &is_new)))
		return -1;
	entry = &order->entries[order->count];
	*entry = (struct order_entry){ .path = strdup(at->path),
				       .inode = at->inode,
				       .type = at->st->st_mode & S_IFMT };
	if (!entry->path)
		return -1;
	order->count++;
	if (at->st->st_mtime > order->newest)
		order->newest = at->st->st_mtime;
	if (!is_new) {
		entry->place = ORDER_LINK;
		entry->first = order->entries[*seen - 1].path;
		return 0;
	}
	if (seen)
		*seen = order->count;
	if (S_ISREG(at->st->st_mode))
		place_file(making, entry, at->st->st_size);
	return 0;
}

static enum walk_next each(const struct walk_at *at, void *data)
{
	struct making *making = data;

	making->bytes += strlen(at->path) + 1;
	if (making->bytes > BYTES_MAX)
		making->errnum = EFBIG;
	else if (add(making, at) < 0)
		making->errnum = ENOMEM;
	return making->errnum ? WALK_STOP : WALK_ON;
}

/* Entries of one place and key stay as the walk had them: their number comes last. */
static int compare(const void *a, const void *b)
{
	const struct order_entry *const *one = a, *const *other = b;

	if ((*one)->place != (*other)->place)
		return (*one)->place < (*other)->place ? -1 : 1;
	if ((*one)->key != (*other)->key)
		return (*one)->key < (*other)->key ? -1 : 1;
	return (*one > *other) - (*one < *other);
}

static int sort(struct order *order)
{
	cleanup_free const struct order_entry **places = calloc(order->count + 1, sizeof(*places));
	struct order_entry *sorted = calloc(order->count + 1, sizeof(*sorted));

	if (!places || !sorted) {
		free(sorted);
		return -1;
	}
	for (size_t i = 0; i < order->count; i++)
		places[i] = &order->entries[i];
	qsort(places, order->count, sizeof(*places), compare);
	for (size_t i = 0; i < order->count; i++)
		sorted[i] = *places[i];
	free(order->entries);
	order->entries = sorted;
	return 0;
}

int order_make(struct order *order, struct squash *squash, const struct trace_list *traces,
	       size_t count, struct error *err)
{
	struct making making = { .order = order, .squash = squash };
	const struct walk walk = { .each = each, .data = &making };
	int result = 0;

	*order = (struct order){ .entries = NULL };
	if (want_all(&making, traces, count) < 0)
		making.errnum = ENOMEM;
	else
		result = walk_tree(squash, squash_root(squash), "/", &walk, err);
	if (result == 0 && !making.errnum && sort(order) < 0)
		making.errnum = ENOMEM;
	if (making.errnum)
		result = error_set(err, making.errnum, "cannot keep the names of the image");
	inodemap_done(&making.seen);
	inodemap_done(&making.wanted);
	tdestroy(making.missing, keep_path);
	free(making.files);
	return result;
}

void order_done(struct order *order)
{
	for (size_t i = 0; i < order->count; i++)
		free(order->entries[i].path);
	free(order->entries);
	*order = (struct order){ .entries = NULL };
}

/* ---- where the start ends ------------------------------------------------ */

struct stretches {
	struct stretch {
		uint64_t begin, end;
	} * items;
	size_t count, room;
};

static int add_stretch(struct stretches *stretches, const struct squash_extent *extent)
{
	void *bigger = grow(stretches->items, stretches->count, &stretches->room,
			    sizeof(*stretches->items));

	if (!bigger)
		return ENOMEM;
	stretches->items = bigger;
	stretches->items[stretches->count++] =
		(struct stretch){ extent->position,
				  extent->position + (extent->header & ~STORED_PLAIN) };
	return 0;
}

static int add_file(struct stretches *stretches, struct squash *squash, uint64_t inode)
{
	struct squash_extent extents[EXTENTS_MAX];
	size_t count = 1;
	off_t at = 0;
	int error = 0;

	while (!error && count > 0) {
		error = squash_locate(squash, inode, at, SIZE_MAX, extents, EXTENTS_MAX, &count);
		for (size_t i = 0; i < count && !error; i++) {
			if (!extents[i].hole)
				error = add_stretch(stretches, &extents[i]);
			at += (off_t)extents[i].size;
		}
	}
	return error;
}

static int compare_stretches(const void *a, const void *b)
{
	const struct stretch *one = a, *other = b;

	return (one->begin > other->begin) - (one->begin < other->begin);
}

/* The last fragment may be filled by files that come much later, and then stands behind them. */
static uint64_t find_end(const struct stretches *stretches)
{
	uint64_t end = 0;

	if (stretches->count > 0)
		qsort(stretches->items, stretches->count, sizeof(*stretches->items),
		      compare_stretches);
	for (size_t i = 0; i < stretches->count; i++) {
		const struct stretch *at = &stretches->items[i];

		if (at->begin > end + GAP_MAX)
			break;
		if (at->end > end)
			end = at->end;
	}
	return end;
}

int order_find_end(const struct order *order, struct squash *squash, uint64_t *end,
		   struct error *err)
{
	struct stretches stretches = { .items = NULL };
	const char *path = NULL;
	int error = 0;

	for (size_t i = 0; i < order->count && !error; i++) {
		uint64_t inode;

		if (order->entries[i].place != ORDER_START)
			continue;
		path = order->entries[i].path;
		error = order_look_up(squash, path, &inode);
		if (!error)
			error = add_file(&stretches, squash, inode);
	}
	*end = find_end(&stretches);
	free(stretches.items);
	return error ? error_set(err, error, "cannot find '%s' in the new image", path) : 0;
}
