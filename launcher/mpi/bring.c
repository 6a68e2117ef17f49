/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bring.c - see bring.h: what is needed.
 *
 * A decision for the image's library can still become one for the node's when somebody else needs
 * more of it, never the other way round; so the walk ends.
 */
#include "launcher/mpi/bring.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/mpi/belongings.h"
#include "launcher/mpi/rooted.h"

#define NO_MEMORY "cannot keep what the node's MPI needs"
#define BINDINGS  "libmpi*.so.*"
#define FILES_MAX 256 /* of these names that are read */

static struct bring_library *find(const struct bring *bring, const char *soname)
{
	for (size_t i = 0; i < bring->count; i++)
		if (strcmp(bring->items[i].soname, soname) == 0)
			return &bring->items[i];
	return NULL;
}

static void item_done(struct bring_library *item)
{
	free(item->soname);
	library_free(item->node);
	library_free(item->image);
}

/* Takes what is in `item` over, even when it fails. Moves the other items in memory. */
static struct bring_library *append(struct bring *bring, struct bring_library item,
				    struct error *err)
{
	struct bring_library *bigger =
		item.soname ? realloc(bring->items, (bring->count + 1) * sizeof(*bigger)) : NULL;

	if (!bigger) {
		item_done(&item);
		error_set(err, ENOMEM, NO_MEMORY);
		return NULL;
	}
	bring->items = bigger;
	bring->items[bring->count] = item;
	return &bring->items[bring->count++];
}

/* ---- where the walk begins ------------------------------------------------------------------- */

struct bindings {
	struct bring *bring;
	const struct mpi *mpi, *with;
	size_t files;
	struct error *err;
};

static bool needs(const struct library *library, const char *soname)
{
	for (char **at = library->elf.needed; *at; at++)
		if (strcmp(*at, soname) == 0)
			return true;
	return false;
}

/* Is this one of the image's libraries for another language? Its name is looked for on the node, so it
 * must not be a path. */
static bool is_binding(const struct bindings *bindings, const struct library *image)
{
	const char *mpi = bindings->mpi->library->elf.soname, *soname = image->elf.soname;

	return soname && mpi && world_can_run(bindings->bring->image, image) &&
	       fnmatch(BINDINGS, soname, 0) == 0 && !strchr(soname, '/') && needs(image, mpi) &&
	       !find(bindings->bring, soname);
}

/* The node's takes its place, too, if there is one. */
static int add_binding(void *context, const char *path)
{
	struct bindings *bindings = context;
	struct bring *bring = bindings->bring;
	struct error ignored = ERROR_INIT;
	struct library *image = NULL, *node = NULL;

	if (bindings->files++ < FILES_MAX)
		image = world_open(bring->image, path, ELF_HEAD, &ignored);
	if (image && is_binding(bindings, image))
		node = world_find(bring->node, image->elf.soname, bindings->with->library,
				  ELF_SYMBOLS, &ignored);
	if (!node) {
		library_free(image);
		return 0;
	}
	return append(bring,
		      (struct bring_library){ .soname = strdup(image->elf.soname),
					      .node = node,
					      .image = image,
					      .from = BRING_NODE },
		      bindings->err)
		       ? 0
		       : -1;
}

static int add_sibling(struct bring *bring, const char *path, struct error *err)
{
	return paths_add_directory(&bring->siblings, path, (size_t)(strrchr(path, '/') - path),
				   err);
}

int bring_add_pair(struct bring *bring, const struct mpi *mpi, const struct mpi *with,
		   struct error *err)
{
	const struct library *library = with->library;
	struct bindings bindings = { .bring = bring, .mpi = mpi, .with = with, .err = err };
	struct bring_library item = {
		.soname = strdup(library_name(library)),
		.node = world_open(bring->node, library->path, ELF_SYMBOLS, err),
		.replaced = mpi->library,
		.from = BRING_NODE,
		.is_required = true,
	};

	if (!item.node) {
		item_done(&item);
		return -1;
	}
	if (!append(bring, item, err) || add_sibling(bring, mpi->library->path, err) < 0 ||
	    add_sibling(bring, mpi->library->real, err) < 0)
		return -1;
	return world_each(bring->image, BINDINGS, (const char *const *)bring->siblings.items,
			  add_binding, &bindings, err);
}

static int add_component(void *context, const char *path)
{
	struct bring *bring = context;
	struct error ignored = ERROR_INIT;
	struct library *node = world_open(bring->node, path, ELF_SYMBOLS, &ignored);

	if (!node)
		return 0;
	return append(bring,
		      (struct bring_library){ .soname = strdup(path),
					      .node = node,
					      .from = BRING_NODE,
					      .is_component = true },
		      &ignored)
		       ? 0
		       : -1;
}

int bring_add_library(struct bring *bring, const char *soname, struct error *err)
{
	struct error ignored = ERROR_INIT;
	struct library *image = world_find(bring->image, soname, NULL, ELF_HEAD, &ignored);
	struct bring_library item = { .from = BRING_NODE };

	library_free(image);
	if (image || find(bring, soname))
		return 0;
	item.node = world_find(bring->node, soname, NULL, ELF_SYMBOLS, err);
	if (!item.node)
		return err->errnum == ENOMEM ? -1 : 0;
	item.soname = strdup(soname);
	return append(bring, item, err) ? 0 : -1;
}

bool bring_is_left_out(struct bring *bring, const char *soname, struct error *why)
{
	const struct bring_library *item = find(bring, soname);

	if (!item || item->from != BRING_NOTHING)
		return false;
	if (bring_suits_libc(bring, item, why))
		error_set(why, 0, "what the node's '%s' needs cannot come along", item->node->path);
	return true;
}

int bring_add_directory(struct bring *bring, const char *path, struct error *err)
{
	char **bigger;

	if (!rooted_has_directory(bring->node->root, path))
		return 0;
	for (size_t i = 0; i < bring->directory_count; i++)
		if (strcmp(bring->directories[i], path) == 0)
			return 0;
	bigger = realloc(bring->directories, (bring->directory_count + 1) * sizeof(*bigger));
	if (!bigger)
		return error_set(err, ENOMEM, NO_MEMORY);
	bring->directories = bigger;
	bigger[bring->directory_count] = strdup(path);
	if (!bigger[bring->directory_count])
		return error_set(err, ENOMEM, NO_MEMORY);
	bring->directory_count++;
	return belongings_each(bring->node, path, add_component, bring) < 0
		       ? error_set(err, ENOMEM, NO_MEMORY)
		       : 0;
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* The node's library of `item`, as the image's loader will see it: its RUNPATH counts there, too. */
static struct library as_placed(const struct bring *bring, const struct bring_library *item)
{
	struct library placed = *item->node;

	if (item->replaced)
		placed.path = item->replaced->path;
	else if (item->image)
		placed.path = item->image->path;
	else if (!item->is_component)
		placed.path = (char *)(uintptr_t)bring->place;
	return placed;
}

/* Finds what `user` asks for in both worlds. Returns its index; -1 with `err` set, ENOENT where the
 * node itself lacks it. */
static ssize_t look_for(struct bring *bring, const char *soname, const struct bring_library *user,
			struct error *err)
{
	struct bring_library *item = find(bring, soname);
	struct library placed = as_placed(bring, user);
	struct error ignored = ERROR_INIT;
	struct bring_library fresh = { .from = BRING_IMAGE };

	if (item)
		return item - bring->items;
	fresh.node = world_find(bring->node, soname, user->node, ELF_SYMBOLS, err);
	if (!fresh.node)
		return -1;
	fresh.soname = strdup(soname);
	fresh.image = world_find(bring->image, soname, &placed, ELF_SYMBOLS, &ignored);
	if (!fresh.image)
		fresh.from = BRING_NODE;
	item = append(bring, fresh, err);
	return item ? item - bring->items : -1;
}

static void take_family(struct bring *bring, const char *soname)
{
	for (size_t i = 0; i < bring->count; i++)
		if (bring->items[i].from == BRING_IMAGE && !bring->items[i].is_refused &&
		    bring_is_family(bring->items[i].soname, soname))
			bring->items[i].from = BRING_NODE;
}

/* The node's `user` needs the library `item`. */
static int decide(struct bring *bring, struct bring_library *item, const struct library *user,
		  bool is_required, struct error *why)
{
	if (is_required && !item->is_required) {
		item->is_required = true;
		item->is_done = false;
		item->is_refused = false;
	}
	if (item->from == BRING_IMAGE && !bring_is_family(item->soname, library_name(user)) &&
	    bring_image_suffices(item, user))
		return 0;
	if (item->is_refused)
		return error_set(why, 0, "the node's '%s' cannot come along", item->soname);
	if (item->from == BRING_IMAGE && !bring_may_cover(item, user, why))
		return -1;
	if (item->from != BRING_NODE) {
		item->from = BRING_NODE;
		take_family(bring, item->soname);
	}
	return 0;
}

static int add_needed(struct bring *bring, size_t index, struct error *why)
{
	const struct library *user = bring->items[index].node; /* items move, this does not */

	for (char **soname = user->elf.needed; *soname; soname++) {
		ssize_t needed;

		if (bring_is_libc(*soname))
			continue;
		needed = look_for(bring, *soname, &bring->items[index], why);
		if (needed < 0)
			return error_wrap(why, "the node's '%s'", user->path);
		if (decide(bring, &bring->items[needed], user, bring->items[index].is_required,
			   why) < 0)
			return -1;
	}
	return 0;
}

/* Who has come to rely on `item` is looked at again: it has to do without. */
static void refuse(struct bring *bring, struct bring_library *item)
{
	item->from = item->image ? BRING_IMAGE : BRING_NOTHING;
	item->is_refused = true;
	for (size_t i = 0; i < bring->count; i++)
		if (bring->items[i].from == BRING_NODE && needs(bring->items[i].node, item->soname))
			bring->items[i].is_done = false;
}

/* What comes from the node has to suit the image, and brings others along. What need not come is
 * left where it is. */
static int settle(struct bring *bring, size_t index, struct error *err)
{
	struct error why = ERROR_INIT;
	struct bring_library *item = &bring->items[index];

	item->is_done = true;
	if (bring_suits_libc(bring, item, &why) && add_needed(bring, index, &why) == 0) {
		item = &bring->items[index];
		return item->is_component ? 0 : belongings_add(bring, item->node, err);
	}
	item = &bring->items[index];
	if (item->is_required) {
		*err = why;
		return -1;
	}
	refuse(bring, item);
	return 0;
}

int bring_decide(struct bring *bring, struct error *err)
{
	bool changed;

	do {
		changed = false;
		for (size_t i = 0; i < bring->count; i++)
			if (bring->items[i].from == BRING_NODE && !bring->items[i].is_done) {
				changed = true;
				if (settle(bring, i, err) < 0)
					return -1;
			}
	} while (changed);
	return 0;
}

const char *const *bring_hidden(const struct bring *bring, const char *soname)
{
	return bring_is_of_mpi(soname) ? (const char *const *)bring->siblings.items : NULL;
}

void bring_done(struct bring *bring)
{
	for (size_t i = 0; i < bring->count; i++)
		item_done(&bring->items[i]);
	for (size_t i = 0; i < bring->directory_count; i++)
		free(bring->directories[i]);
	for (size_t i = 0; i < bring->libc_count; i++)
		library_free(bring->libc[i]);
	free(bring->items);
	free(bring->directories);
	strings_free(bring->siblings.items);
	free(bring->libc);
	*bring = (struct bring){ .items = NULL };
}
