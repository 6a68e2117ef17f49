/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace.c - see trace.h.
 *
 * Both tables have a limit, which no start of a program comes near to: what is beyond is not noted. When a
 * write fails, nothing more is written.
 */
#include "images/trace.h"

#include <limits.h>
#include <pthread.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "images/tracefile.h"

#define NAMES_MAX  ((size_t)1 << 20)
#define PIECES_MAX ((size_t)1 << 20)

struct name {
	uint64_t node; /* first: what they are found by */
	uint64_t parent;
	char text[];
};

struct piece {
	uint64_t node, number;
};

struct trace {
	pthread_mutex_t lock;
	int fd;
	bool has_failed;
	void *names, *pieces; /* trees, see tsearch(3) */
	size_t name_count, piece_count;
};

static int compare_names(const void *a, const void *b)
{
	const struct name *one = a, *other = b;

	return (one->node > other->node) - (one->node < other->node);
}

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *one = a, *other = b;

	if (one->node != other->node)
		return one->node > other->node ? 1 : -1;
	return (one->number > other->number) - (one->number < other->number);
}

struct trace *trace_new(int fd)
{
	struct trace *trace = calloc(1, sizeof(*trace));

	if (!trace)
		return NULL;
	pthread_mutex_init(&trace->lock, NULL);
	trace->fd = fd;
	return trace;
}

void trace_free(struct trace *trace)
{
	if (!trace)
		return;
	tdestroy(trace->names, free);
	tdestroy(trace->pieces, free);
	pthread_mutex_destroy(&trace->lock);
	free(trace);
}

static const struct name *find_name(const struct trace *trace, uint64_t node)
{
	const struct name wanted = { .node = node };
	void *const *found = tfind(&wanted, &trace->names, compare_names);

	return found ? *found : NULL;
}

/* Of a file with several names the first that was looked up stays. Called with the lock held. */
static void add_name(struct trace *trace, uint64_t parent, const char *text, uint64_t node)
{
	size_t size = strlen(text) + 1;
	struct name *name;

	if (trace->name_count == NAMES_MAX || find_name(trace, node))
		return;
	name = malloc(sizeof(*name) + size);
	if (!name)
		return;
	name->node = node;
	name->parent = parent;
	memcpy(name->text, text, size);
	if (tsearch(name, &trace->names, compare_names))
		trace->name_count++;
	else
		free(name);
}

void trace_name(struct trace *trace, uint64_t parent, const char *name, uint64_t node)
{
	pthread_mutex_lock(&trace->lock);
	add_name(trace, parent, name, node);
	pthread_mutex_unlock(&trace->lock);
}

/* Writes the path to the end of `buf`, and returns where it begins; NULL where a name is not known. A
 * directory of a hostile image can be in itself: the room ends that. */
static char *make_path(const struct trace *trace, uint64_t node, char buf[PATH_MAX])
{
	char *at = buf + PATH_MAX - 1;

	*at = '\0';
	while (node != TRACE_ROOT) {
		const struct name *name = find_name(trace, node);
		size_t len = name ? strlen(name->text) : 0;

		if (!name || len + 1 > (size_t)(at - buf))
			return NULL;
		at -= len;
		memcpy(at, name->text, len);
		*--at = '/';
		node = name->parent;
	}
	return at;
}

/* Returns whether it is new. Called with the lock held. */
static bool add_piece(struct trace *trace, uint64_t node, uint64_t number)
{
	const struct piece wanted = { .node = node, .number = number };
	struct piece *piece;

	if (tfind(&wanted, &trace->pieces, compare_pieces) || trace->piece_count == PIECES_MAX)
		return false;
	piece = malloc(sizeof(*piece));
	if (!piece)
		return false;
	*piece = wanted;
	if (!tsearch(piece, &trace->pieces, compare_pieces)) {
		free(piece);
		return false;
	}
	trace->piece_count++;
	return true;
}

static void note(struct trace *trace, uint64_t node, uint64_t number, bool is_whole)
{
	char buf[PATH_MAX];
	const char *path;

	if (trace->has_failed || !add_piece(trace, node, number))
		return;
	path = make_path(trace, node, buf);
	if (path && tracefile_put(trace->fd, path, number, is_whole) < 0)
		trace->has_failed = true;
}

void trace_read(struct trace *trace, uint64_t node, off_t offset, size_t size, off_t whole)
{
	uint64_t first = (uint64_t)offset / TRACE_PIECE, end;

	if (size == 0 || offset < 0 || offset >= whole)
		return;
	if (size > (size_t)(whole - offset))
		size = (size_t)(whole - offset);
	end = ((uint64_t)offset + size - 1) / TRACE_PIECE;
	pthread_mutex_lock(&trace->lock);
	for (uint64_t number = first; number <= end; number++)
		note(trace, node, number, (uint64_t)whole <= TRACE_PIECE);
	pthread_mutex_unlock(&trace->lock);
}
