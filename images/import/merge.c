/* SPDX-License-Identifier: BSD-3-Clause */
/* merge.c - see merge.h. */
#include "images/import/merge.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "images/attributes.h"
#include "images/crypto.h"
#include "images/import/keep.h"
#include "images/import/stream.h"
#include "images/import/tree.h"

#define CONFIG_DIR  ".davit"
#define CONFIG_PATH CONFIG_DIR "/config.json"

struct run {
	struct merge *merge;
	struct layers *layers;
	struct tree tree;
	struct keep keep;
	struct pack pack;
	uint64_t done, total;
	size_t next;    /* of tree.contents */
	uint32_t layer; /* that is read */
	bool are_known; /* all layers have been read once, and their digests are right */
};

static void tick(void *data, const void *bytes, size_t size)
{
	struct run *run = data;

	if (!run->are_known)
		keep_add(&run->keep, run->layer, bytes, size);
	run->done += size;
	if (run->merge->progress)
		run->merge->progress(run->merge->data, run->done, run->total);
}

typedef int (*each_entry)(struct run *run, struct stream *stream, uint32_t layer, uint32_t index,
			  struct archive_entry *entry, struct error *err);

static int read_entries(struct run *run, struct stream *stream, uint32_t layer, each_entry each,
			struct error *err)
{
	struct archive_entry *entry;
	int more;

	for (uint32_t index = 0; (more = stream_next(stream, &entry, err)) > 0; index++)
		if (each(run, stream, layer, index, entry, err) < 0)
			return -1;
	return more < 0 ? -1 : stream_check(stream, err);
}

static int read_layer(struct run *run, uint32_t layer, each_entry each, struct error *err)
{
	struct layers *layers = run->layers;
	struct layer wanted = layers->list[layer];
	struct error closing = ERROR_INIT;
	int fd = keep_take(&run->keep, layer), result = -1;
	bool is_kept = fd >= 0;
	struct stream *stream = NULL;

	run->layer = layer;
	/* The same bytes again are the same tar again. */
	if (run->are_known && wanted.digest)
		wanted.diff_id = NULL;
	if (is_kept)
		wanted.digest = NULL;
	else
		fd = layers->open(layers, layer, err);
	if (!run->are_known && layers->are_far)
		keep_begin(&run->keep, layer, wanted.size);
	if (fd >= 0)
		stream = stream_open(fd, &wanted, layers->timeout, tick, run, err);
	if (stream)
		result = read_entries(run, stream, layer, each, err);
	stream_close(stream);
	/* What the source says is nearer to the cause. */
	if (fd >= 0 && !is_kept && layers->close && layers->close(layers, layer, &closing) < 0) {
		*err = closing;
		result = -1;
	}
	return result < 0 ? error_wrap(err, "layer %u of %zu", layer + 1, layers->count) : 0;
}

static int apply(struct run *run, struct stream *stream, uint32_t layer, uint32_t index,
		 struct archive_entry *entry, struct error *err)
{
	(void)stream;
	return tree_apply(&run->tree, layer, index, run->layers->has_whiteouts, entry, err);
}

static void filter_xattrs(struct archive_entry *to, struct archive_entry *from)
{
	const char *name;
	const void *value;
	size_t size;

	(void)archive_entry_xattr_reset(from);
	while (archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK)
		if (attributes_is_kept(name))
			archive_entry_xattr_add_entry(to, name, value, size);
}

static int write_directory(struct run *run, const struct node *node, struct error *err)
{
	struct archive_entry *entry = archive_entry_new();
	char path[TREE_PATH_MAX + 1];
	int result;

	if (!entry)
		return error_set(err, ENOMEM, "cannot write a directory");
	tree_path(node, path);
	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFDIR);
	archive_entry_set_perm(entry, node->mode);
	archive_entry_set_uid(entry, node->uid);
	archive_entry_set_gid(entry, node->gid);
	archive_entry_set_mtime(entry, node->mtime, 0);
	if (node->xattrs)
		filter_xattrs(entry, node->xattrs);
	result = pack_entry(&run->pack, entry, err);
	archive_entry_free(entry);
	run->merge->entries++;
	return result;
}

/* What is between two blocks is a hole, of which libarchive's writer wants the zeros: it writes none. */
static int copy_data(struct run *run, struct stream *stream, int64_t size, struct error *err)
{
	static const char zeros[1 << 20];
	const void *buf = NULL;
	size_t len = 0;
	la_int64_t offset = 0;
	int64_t at = 0;
	int result = ARCHIVE_OK;

	while (result != ARCHIVE_EOF) {
		result = archive_read_data_block(stream->tar, &buf, &len, &offset);
		if (result < ARCHIVE_WARN)
			return stream_blame(stream, err);
		if (result == ARCHIVE_EOF)
			offset = size, len = 0;
		if (offset < at || offset > size || len > (uint64_t)(size - offset))
			return error_set(err, 0, "its data are in disorder");
		for (; at < offset; at += (int64_t)sizeof(zeros)) {
			int64_t hole = offset - at;

			if (hole < (int64_t)sizeof(zeros)) {
				if (pack_data(&run->pack, zeros, (size_t)hole, err) < 0)
					return -1;
				break;
			}
			if (pack_data(&run->pack, zeros, sizeof(zeros), err) < 0)
				return -1;
		}
		if (pack_data(&run->pack, buf, len, err) < 0)
			return -1;
		at = offset + (int64_t)len;
	}
	return 0;
}

static struct archive_entry *copy_entry(struct archive_entry *entry, const struct content *content)
{
	struct archive_entry *copy = archive_entry_new();
	char path[TREE_PATH_MAX + 1];

	if (!copy)
		return NULL;
	tree_path(content->names, path);
	archive_entry_set_pathname(copy, path);
	archive_entry_set_filetype(copy, content->is_regular ? AE_IFREG : AE_IFLNK);
	archive_entry_set_perm(copy, archive_entry_perm(entry));
	archive_entry_set_uid(copy, archive_entry_uid(entry));
	archive_entry_set_gid(copy, archive_entry_gid(entry));
	archive_entry_set_mtime(copy, archive_entry_mtime(entry), 0);
	filter_xattrs(copy, entry);
	if (!content->is_regular) {
		archive_entry_set_symlink(copy, content->target);
		return copy;
	}
	archive_entry_set_size(copy, archive_entry_size(entry));
	if (archive_entry_sparse_reset(entry) > 0) {
		la_int64_t offset, len;

		while (archive_entry_sparse_next(entry, &offset, &len) == ARCHIVE_OK)
			archive_entry_sparse_add_entry(copy, offset, len);
	}
	return copy;
}

/* The further names: hard links to the first; of a symbolic link, the same again. */
static int write_names(struct run *run, struct archive_entry *entry, const struct content *content,
		       struct error *err)
{
	const struct node *first = content->names;
	char path[TREE_PATH_MAX + 1];
	int result = 0;

	run->merge->entries++;
	if (content->is_regular) {
		tree_path(first, path);
		archive_entry_sparse_clear(entry);
		archive_entry_xattr_clear(entry);
		archive_entry_set_size(entry, 0);
		archive_entry_set_hardlink(entry, path);
	}
	for (const struct node *node = first->next_name; node != first && result == 0;
	     node = node->next_name) {
		tree_path(node, path);
		archive_entry_set_pathname(entry, path);
		result = pack_entry(&run->pack, entry, err);
		run->merge->entries++;
	}
	return result;
}

/* The contents of the tree come in the order of the entries. */
static int write_entry(struct run *run, struct stream *stream, uint32_t layer, uint32_t index,
		       struct archive_entry *entry, struct error *err)
{
	const struct content *content;
	struct archive_entry *copy;
	int result;

	if (run->next == run->tree.content_count)
		return 0;
	content = run->tree.contents[run->next];
	if (content->layer != layer || content->index != index)
		return 0;
	run->next++;
	if (!content->names)
		return 0;
	copy = copy_entry(entry, content);
	if (!copy)
		return error_set(err, ENOMEM, "cannot write an entry");
	result = pack_entry(&run->pack, copy, err);
	if (result == 0 && content->is_regular)
		result = copy_data(run, stream, archive_entry_size(copy), err);
	if (result == 0)
		result = write_names(run, copy, content, err);
	archive_entry_free(copy);
	return result;
}

static int write_all(struct run *run, struct error *err)
{
	const struct layers *layers = run->layers;

	for (struct node *node = run->tree.root; (node = tree_next_directory(node));)
		if (write_directory(run, node, err) < 0)
			return -1;
	if (layers->config &&
	    pack_text(&run->pack, CONFIG_PATH, layers->config, layers->config_size, err) < 0)
		return -1;
	for (uint32_t i = 0; i < layers->count; i++)
		if (read_layer(run, i, write_entry, err) < 0)
			return -1;
	if (run->next < run->tree.content_count)
		return error_set(err, 0, "the layers have changed while they were read");
	return pack_finish(&run->pack, err);
}

static int read_names(struct run *run, struct error *err)
{
	for (uint32_t i = 0; i < run->layers->count; i++)
		if (read_layer(run, i, apply, err) < 0)
			return -1;
	run->are_known = true;
	run->merge->left_out = run->tree.left_out;
	return run->layers->config ? tree_make_room(&run->tree, CONFIG_PATH, err) : 0;
}

static uint64_t count_bytes(const struct layers *layers)
{
	uint64_t total = 0;

	for (size_t i = 0; i < layers->count; i++) {
		if (layers->list[i].size < 0)
			return 0;
		total += 2 * (uint64_t)layers->list[i].size;
	}
	return total;
}

int merge_layers(struct merge *merge, struct layers *layers, struct error *err)
{
	struct run run = { .merge = merge, .layers = layers, .pack = PACK_INIT };
	struct pack_options options = *merge->pack;
	time_t now = time(NULL);
	int result = -1;

	if (libarchive_open(err) < 0 || crypto_open(err) < 0)
		return -1;
	keep_init(&run.keep);
	run.total = count_bytes(layers);
	if (tree_init(&run.tree) < 0)
		error_set(err, ENOMEM, "cannot keep the names of the image");
	else
		result = read_names(&run, err);
	if (result == 0) {
		/* A time to come would be that of writing, see pack.h. */
		options.newest = run.tree.newest < now ? run.tree.newest : now;
		options.newest = options.newest > 0 ? options.newest : 1;
		options.root_mode = run.tree.root->mode;
		result = pack_open(&run.pack, merge->path, &options, err);
	}
	if (result == 0)
		result = write_all(&run, err);
	pack_abort(&run.pack);
	keep_done(&run.keep);
	tree_done(&run.tree);
	return result;
}
