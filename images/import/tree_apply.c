/* SPDX-License-Identifier: BSD-3-Clause */
/* tree_apply.c - see tree.h: what an entry of a layer does to the tree. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "images/import/tree_inner.h"

#define ENTRY_BYTES     1024 /* of one of libarchive's, about */
#define LINKS_MAX       40   /* followed for one name, as Linux does */
#define WHITEOUT        ".wh."
#define WHITEOUT_LEN    4
#define WHITEOUT_AUFS   ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

struct place {
	struct tree *tree;
	uint32_t layer;
	bool make; /* missing directories */
	int links; /* that have been followed */
};

static int refuse_memory(struct error *err)
{
	if (errno == EFBIG)
		return error_set(err, 0, "the names of the image need more than %ju MiB of memory",
				 (uintmax_t)TREE_BYTES_MAX >> 20);
	return error_set(err, errno, "cannot keep the names of the image");
}

static size_t xattr_bytes(struct archive_entry *entry)
{
	size_t bytes = ENTRY_BYTES, size;
	const char *name;
	const void *value;

	(void)archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
		bytes += ENTRY_BYTES / 16 + strlen(name) + size;
	return bytes;
}

static bool is_word(const char *name, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(name, word, len) == 0;
}

/* Takes the next component off *path. Returns its length, 0 at the end. */
static size_t next_component(const char **path, const char **name)
{
	size_t len;

	do {
		*path += strspn(*path, "/");
		*name = *path;
		len = strcspn(*path, "/");
		*path += len;
	} while (is_word(*name, len, "."));
	return len;
}

static int check_path(const char *path, struct error *err)
{
	const char *rest = path, *name;
	size_t len;

	if (strlen(path) > TREE_PATH_MAX)
		return error_set(err, ENAMETOOLONG, "'%.60s...'", path);
	while ((len = next_component(&rest, &name)) > 0) {
		if (is_word(name, len, ".."))
			return error_set(err, 0, "'%s' leads out of the image", path);
		if (len > NAME_MAX)
			return error_set(err, ENAMETOOLONG, "'%.60s...'", path);
	}
	return 0;
}

/* Follows `path` from `from` on, to a directory. Returns it, or NULL: without `err` set where there is
 * none and none is to be made. */
static struct node *walk(struct place *place, struct node *from, const char *path,
			 struct error *err)
{
	const char *name;
	size_t len;

	while (from && (len = next_component(&path, &name)) > 0) {
		struct node *node;

		if (len > NAME_MAX) {
			error_set(err, ENAMETOOLONG, "'%.60s...'", name);
			return NULL;
		}
		if (is_word(name, len, "..")) {
			from = from->parent ? from->parent : from;
			continue;
		}
		node = tree_find(place->tree, from, name, len);
		if (!node && place->make) {
			node = tree_add(place->tree, from, name, len, place->layer);
			if (!node)
				refuse_memory(err);
		}
		if (node && node->content && node->content->target) {
			if (++place->links > LINKS_MAX) {
				error_set(err, ELOOP, "'%s'", node->name);
				return NULL;
			}
			if (node->content->target[0] == '/')
				from = place->tree->root;
			node = walk(place, from, node->content->target, err);
		} else if (node && node->content) {
			error_set(err, 0, "'%s' is not a directory", node->name);
			return NULL;
		}
		from = node;
	}
	return from;
}

/* The directory that `path` is in, and its last component; "" stands for the root itself. */
static struct node *walk_to_parent(struct place *place, const char *path, const char **name,
				   size_t *len, struct error *err)
{
	cleanup_free char *above = NULL;
	const char *rest = path, *component;
	size_t component_len;

	*name = path;
	*len = 0;
	while ((component_len = next_component(&rest, &component)) > 0) {
		*name = component;
		*len = component_len;
	}
	above = strndup(path, (size_t)(*name - path));
	if (!above) {
		refuse_memory(err);
		return NULL;
	}
	return walk(place, place->tree->root, above, err);
}

static int apply_whiteout(struct place *place, struct node *dir, const char *name, size_t len,
			  struct error *err)
{
	struct node *node;

	if (is_word(name, len, WHITEOUT_OPAQUE)) {
		tree_empty_lower(place->tree, dir, place->layer);
		return 0;
	}
	if (strncmp(name, WHITEOUT_AUFS, strlen(WHITEOUT_AUFS)) == 0)
		return 0;
	name += WHITEOUT_LEN;
	len -= WHITEOUT_LEN;
	if (len == 0 || is_word(name, len, ".") || is_word(name, len, ".."))
		return error_set(err, 0, "a whiteout of '%.*s'", (int)len, name);
	node = tree_find(place->tree, dir, name, len);
	if (node)
		tree_remove_lower(place->tree, node, place->layer);
	return 0;
}

static int apply_directory(struct place *place, struct node *node, struct archive_entry *entry,
			   struct error *err)
{
	if (node->content)
		tree_empty(place->tree, node);
	tree_clear_metadata(node);
	node->mode = archive_entry_perm(entry);
	node->uid = archive_entry_uid(entry);
	node->gid = archive_entry_gid(entry);
	node->mtime = archive_entry_mtime(entry);
	node->layer = place->layer;
	if (archive_entry_xattr_count(entry) == 0)
		return 0;
	if (tree_charge(place->tree, xattr_bytes(entry)) < 0)
		return refuse_memory(err);
	node->xattrs = archive_entry_clone(entry);
	return node->xattrs ? 0 : refuse_memory(err);
}

static bool is_in(const struct node *node, const struct node *dir)
{
	for (; node; node = node->parent)
		if (node == dir)
			return true;
	return false;
}

static int apply_link(struct place *place, struct node *node, const char *path, struct error *err)
{
	struct place lookup = { .tree = place->tree, .layer = place->layer };
	struct node *dir, *target = NULL;
	struct content *content;
	const char *name;
	size_t len;

	if (check_path(path, err) < 0)
		return error_wrap(err, "a hard link to it");
	dir = walk_to_parent(&lookup, path, &name, &len, err);
	if (dir && len > 0)
		target = tree_find(place->tree, dir, name, len);
	if (target == node && node->content)
		return 0; /* to itself */
	if (!target || !target->content)
		return error_set(err, 0, "a hard link to '%s', which is %s", path,
				 target ? "a directory" : "not there");
	if (is_in(target, node))
		return error_set(err, 0, "a hard link to '%s', whose directory it replaces", path);
	content = target->content;
	if (node->content == content)
		return 0;
	tree_empty(place->tree, node);
	tree_name(node, content);
	node->layer = place->layer;
	return 0;
}

static int apply_content(struct place *place, struct node *node, uint32_t index,
			 struct archive_entry *entry, struct error *err)
{
	const char *target = archive_entry_symlink(entry);
	bool is_link = archive_entry_filetype(entry) == AE_IFLNK;
	struct content *content;

	if (is_link && (!target || !target[0] || strlen(target) > TREE_PATH_MAX))
		return error_set(err, 0, "a symbolic link with no target, or one too long");
	if (!is_link &&
	    (archive_entry_size(entry) < 0 || archive_entry_size(entry) > TREE_FILE_MAX))
		return error_set(err, EFBIG, "it says that it has %jd bytes",
				 (intmax_t)archive_entry_size(entry));
	tree_empty(place->tree, node);
	content = tree_new_content(place->tree, place->layer, index);
	if (content && is_link && tree_charge(place->tree, strlen(target) + 1) == 0)
		content->target = strdup(target);
	if (!content || (is_link && !content->target))
		return refuse_memory(err);
	content->is_regular = !is_link;
	tree_name(node, content);
	node->layer = place->layer;
	return 0;
}

/* `node` is what the name is now: a directory where it is new. */
static int apply_to(struct place *place, struct node *node, uint32_t index,
		    struct archive_entry *entry, struct error *err)
{
	const char *link = archive_entry_hardlink(entry);
	mode_t type = archive_entry_filetype(entry);

	if (type == AE_IFDIR && !link)
		return apply_directory(place, node, entry, err);
	if (!node->parent)
		return error_set(err, 0, "the root of the image is not a directory");
	if (link)
		return apply_link(place, node, link, err);
	if (type == AE_IFREG || type == AE_IFLNK)
		return apply_content(place, node, index, entry, err);
	place->tree->left_out++;
	tree_remove(place->tree, node);
	return 0;
}

/* Directories with names of whiteouts are aufs's own. */
static bool is_below_whiteout(const char *path)
{
	const char *name;

	while (next_component(&path, &name) > 0)
		if (*path && strncmp(name, WHITEOUT, WHITEOUT_LEN) == 0 && path[strspn(path, "/")])
			return true;
	return false;
}

static int apply(struct place *place, uint32_t index, bool is_layer, const char *path,
		 struct archive_entry *entry, struct error *err)
{
	const char *slash = strrchr(path, '/'), *name;
	bool is_whiteout = strncmp(slash ? slash + 1 : path, WHITEOUT, WHITEOUT_LEN) == 0;
	struct node *dir, *node;
	size_t len;

	if (is_layer && is_below_whiteout(path))
		return 0;
	place->make = !is_layer || !is_whiteout;
	dir = walk_to_parent(place, path, &name, &len, err);
	if (!dir)
		return place->make || err->cause[0] ? -1 : 0;
	if (is_layer && strncmp(name, WHITEOUT, WHITEOUT_LEN) == 0)
		return apply_whiteout(place, dir, name, len, err);
	node = len > 0 ? tree_find(place->tree, dir, name, len) : place->tree->root;
	if (!node)
		node = tree_add(place->tree, dir, name, len, place->layer);
	return node ? apply_to(place, node, index, entry, err) : refuse_memory(err);
}

static bool has_file(const struct tree *tree, const char *name)
{
	const struct node *node = tree_find(tree, tree->root, name, strlen(name));

	return node && node->content;
}

/* A tar may be one of images. */
static int check_is_root(const struct tree *tree, struct error *err)
{
	bool is_layout = has_file(tree, "oci-layout") && has_file(tree, "index.json");

	if (has_file(tree, "manifest.json") && (is_layout || has_file(tree, "repositories"))) {
		error_set(err, 0, "it is what docker save writes, not a root file system");
		return error_remedy(err, "docker-archive:FILE");
	}
	if (!is_layout)
		return 0;
	error_set(err, 0, "it is an archive of an OCI layout, not a root file system");
	return error_remedy(err, "oci-archive:FILE");
}

int tree_apply(struct tree *tree, uint32_t layer, uint32_t index, bool is_layer,
	       struct archive_entry *entry, struct error *err)
{
	struct place place = { .tree = tree, .layer = layer };
	const char *path = archive_entry_pathname(entry);

	if (++tree->entry_count > TREE_ENTRIES_MAX)
		return error_set(err, 0, "it has more than %ju entries",
				 (uintmax_t)TREE_ENTRIES_MAX);
	if (!path)
		return error_set(err, 0, "an entry has no name");
	if (archive_entry_mtime(entry) > tree->newest)
		tree->newest = archive_entry_mtime(entry);
	if (check_path(path, err) < 0)
		return -1;
	if (apply(&place, index, is_layer, path, entry, err) < 0)
		return error_wrap(err, "'%s'", path);
	path += strncmp(path, "./", 2) == 0 ? 2 : 0;
	return is_layer || strchr(path, '/') ? 0 : check_is_root(tree, err);
}

int tree_make_room(struct tree *tree, const char *path, struct error *err)
{
	struct node *at = tree->root, *node;
	const char *name;
	size_t len;

	for (len = next_component(&path, &name); len > 0; len = next_component(&path, &name)) {
		node = tree_find(tree, at, name, len);
		if (node && !*path) {
			tree_remove(tree, node);
			return 0;
		}
		if (!*path)
			return 0;
		if (node && node->content)
			tree_empty(tree, node);
		at = node ? node : tree_add(tree, at, name, len, 0);
		if (!at)
			return refuse_memory(err);
	}
	return 0;
}
