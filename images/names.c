/* SPDX-License-Identifier: BSD-3-Clause */
/* names.c - see names.h. */
#include "images/names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct collecting {
	struct names *names;
	size_t room, text_used, text_room, max;
	int error;
};

static int grow(void *array, size_t *room, size_t each, size_t want)
{
	size_t more = *room ? *room * 2 : want;
	void *bigger;

	if (more < want)
		more = want;
	bigger = realloc(*(void **)array, more * each);
	if (!bigger)
		return ENOMEM;
	*(void **)array = bigger;
	*room = more;
	return 0;
}

static int make_room(struct collecting *to, size_t size)
{
	struct names *names = to->names;

	if (names->count == to->room &&
	    grow(&names->entries, &to->room, sizeof(*names->entries), names->count + 16))
		return ENOMEM;
	if (to->text_used + size > to->text_room &&
	    grow(&names->text, &to->text_room, 1, to->text_used + size + 256))
		return ENOMEM;
	names->size = to->room * sizeof(*names->entries) + to->text_room;
	return names->size > to->max ? EFBIG : 0;
}

static bool collect(const struct squash_entry *entry, void *data)
{
	struct collecting *to = data;
	size_t size = strlen(entry->name) + 1;

	to->error = make_room(to, size);
	if (to->error)
		return false;
	to->names->entries[to->names->count++] = (struct names_entry){ .inode = entry->inode,
								       .at = to->text_used,
								       .type = entry->type };
	memcpy(to->names->text + to->text_used, entry->name, size);
	to->text_used += size;
	return true;
}

int names_read(struct names *names, struct squash *squash, uint64_t dir, size_t max)
{
	struct collecting to = { .names = names, .max = max };
	int error;

	*names = (struct names){ .entries = NULL };
	error = squash_readdir(squash, dir, 0, collect, &to);
	if (!error)
		error = to.error;
	if (error)
		names_done(names);
	return error;
}

void names_done(struct names *names)
{
	free(names->entries);
	free(names->text);
	*names = (struct names){ .entries = NULL };
}
