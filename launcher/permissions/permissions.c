/* SPDX-License-Identifier: BSD-3-Clause */
/* permissions.c - see permissions.h: the file, what is in it, and the same in words. */
#include "launcher/permissions/permissions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "common/devicespec.h"
#include "common/fd.h"
#include "common/nearest.h"
#include "launcher/conf/conf_parse.h"

#define ENTRIES_MAX   64 /* of each list */
#define CALL_NAME_MAX 40

static const struct conf_reader reader = { .path = PERMISSIONS_FILE, .layer = CONF_USER };

static int refuse(const struct yaml_node *node, struct error *err)
{
	return conf_refuse(&reader, node, err);
}

static int read_choice(const struct yaml_node *node, enum choice *choice, struct error *err)
{
	bool is_yes = false;

	if (!node)
		return 0;
	if (conf_read_switch(&reader, node, &is_yes, err) < 0)
		return -1;
	*choice = is_yes ? CHOICE_YES : CHOICE_NO;
	return 0;
}

/* A list of texts, each one fit in the eyes of `check`. */
static int read_texts(const struct yaml_node *list,
		      int (*check)(const char *text, struct error *err), char ***texts,
		      struct error *err)
{
	size_t count = 0;

	if (!list)
		return 0;
	if (conf_expect(&reader, list, YAML_LIST, err) < 0)
		return -1;
	for (const struct yaml_node *node = list->children; node; node = node->next) {
		if (conf_expect(&reader, node, YAML_TEXT, err) < 0)
			return -1;
		if (check(node->text, err) < 0)
			return refuse(node, err);
		if (++count > ENTRIES_MAX) {
			error_set(err, 0, "'%s' has more than %d entries", list->key, ENTRIES_MAX);
			return refuse(node, err);
		}
	}
	if (count > 0)
		*texts = conf_texts(&reader, list, err);
	return count == 0 || *texts ? 0 : -1;
}

static int read_devices(struct permissions *to, const struct yaml_node *map, struct error *err)
{
	enum {
		GPUS,
		ADAPTERS,
		NAMES,
		COUNT
	};
	static const char *const names[COUNT] = { "gpus", "adapters", "names" };
	const struct yaml_node *fields[COUNT] = { NULL };

	if (conf_read_fields(&reader, map, names, COUNT, fields, err) < 0 ||
	    read_choice(fields[GPUS], &to->gpus, err) < 0 ||
	    read_choice(fields[ADAPTERS], &to->adapters, err) < 0)
		return -1;
	return read_texts(fields[NAMES], device_check_name, &to->devices, err);
}

static int read_network(struct permissions *to, const struct yaml_node *node, struct error *err)
{
	static const char *const words[] = { "host", "none", "slirp" };
	const char *near;

	if (conf_expect(&reader, node, YAML_TEXT, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(node->text, words[i]) == 0) {
			to->network = (enum permissions_network)(NETWORK_HOST + i);
			return 0;
		}
	near = word_nearest(node->text, words, sizeof(words) / sizeof(words[0]));
	error_set(err, 0, "'network': '%s' is none of host, none, slirp", node->text);
	error_remedy(err, "%s", near ? near : "host, none or slirp");
	return refuse(node, err);
}

static int read_home(struct permissions *to, const struct yaml_node *node, struct error *err)
{
	return read_choice(node, &to->home, err);
}

static int read_workdir(struct permissions *to, const struct yaml_node *node, struct error *err)
{
	return read_choice(node, &to->workdir, err);
}

/* Of a mount that Davit or the site has made an image may not speak, nor of what the node would see. */
static int check_mount(const struct mountspec *spec, struct error *err)
{
	if (spec->kind == MOUNT_UMOUNT)
		return error_set(err, 0, "an image cannot ask for an umount");
	if (spec->propagation)
		return error_set(err, 0, "an image cannot ask for the propagation of mounts");
	if (spec->attr_clr & ~(uint64_t)MOUNT_ATTR_RDONLY)
		return error_set(err, 0, "an image cannot ask for flags that undo the node's");
	return 0;
}

static int add_mount(struct permissions *to, const struct yaml_node *node, const char *text,
		     struct error *err)
{
	size_t first = to->mounts.count;

	if (mountlist_parse(&to->mounts, text, err) < 0)
		return refuse(node, err);
	for (size_t i = first; i < to->mounts.count; i++)
		if (check_mount(&to->mounts.items[i], err) < 0)
			return refuse(node, err);
	if (to->mounts.count <= ENTRIES_MAX)
		return 0;
	error_set(err, 0, "'mounts' has more than %d entries", ENTRIES_MAX);
	return refuse(node, err);
}

static int read_mounts(struct permissions *to, const struct yaml_node *list, struct error *err)
{
	if (conf_expect(&reader, list, YAML_LIST, err) < 0)
		return -1;
	for (const struct yaml_node *node = list->children; node; node = node->next)
		if (conf_expect(&reader, node, YAML_TEXT, err) < 0 ||
		    add_mount(to, node, node->text, err) < 0)
			return -1;
	return 0;
}

/* The words of the option, but for a directory. */
static int read_writable(struct permissions *to, const struct yaml_node *node, struct error *err)
{
	struct settings scratch = { .image = NULL };
	int result;

	if (conf_expect(&reader, node, YAML_TEXT, err) < 0)
		return -1;
	result = settings_set(&scratch, "writable", node->text, err);
	if (result == 0 && scratch.writable == WRITABLE_DIR)
		result = error_set(err, 0, "an image cannot ask for a directory to write to");
	if (result == 0) {
		to->writable = scratch.writable;
		to->writable_size = steal_ptr(&scratch.writable_size);
	} else {
		*err = (struct error)ERROR_INIT;
		error_set(err, 0, "'writable': '%s' is none of yes, no, size=SIZE", node->text);
		error_remedy(err, "yes, no, or size= and a number with k, m, g, t or %% behind it");
		refuse(node, err);
	}
	settings_done(&scratch);
	return result;
}

static int check_call(const char *name, struct error *err)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (len > 0 && !name[len] && len <= CALL_NAME_MAX)
		return 0;
	error_set(err, 0, "'%s' is no name of a system call", name);
	return error_remedy(err, "a name such as perf_event_open");
}

static int read_calls(struct permissions *to, const struct yaml_node *list, struct error *err)
{
	return read_texts(list, check_call, &to->system_calls, err);
}

/* Another version may mean other things by the same words. */
static int read_version(struct permissions *to, const struct yaml_node *node, struct error *err)
{
	(void)to;
	if (conf_expect(&reader, node, YAML_TEXT, err) < 0)
		return -1;
	if (strcmp(node->text, "1") == 0)
		return 0;
	error_set(err, 0, "version '%s', and this Davit knows 1", node->text);
	error_remedy(err, "version: 1, or a newer Davit");
	return refuse(node, err);
}

static const char *const keys[] = { "version", "devices", "network",  "home",
				    "workdir", "mounts",  "writable", "system-calls" };

static int (*const readers[])(struct permissions *to, const struct yaml_node *node,
			      struct error *err) = { read_version,  read_devices, read_network,
						     read_home,     read_workdir, read_mounts,
						     read_writable, read_calls };

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

static int read_tree(struct permissions *to, const struct yaml_node *tree, struct error *err)
{
	const struct yaml_node *fields[KEY_COUNT] = { NULL };

	if (conf_read_fields(&reader, tree, keys, KEY_COUNT, fields, err) < 0)
		return -1;
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (fields[i] && readers[i](to, fields[i], err) < 0)
			return -1;
	if (fields[0])
		return 0;
	error_set(err, 0, "there is no 'version'");
	error_remedy(err, "version: 1");
	return refuse(tree, err);
}

int permissions_parse(struct permissions *permissions, const char *text, size_t len,
		      struct error *err)
{
	struct yaml_node *tree = yaml_tree_parse(PERMISSIONS_FILE, text, len, err);
	int result;

	*permissions = (struct permissions){ .gpus = CHOICE_UNSET };
	if (!tree)
		return -1;
	result = read_tree(permissions, tree, err);
	yaml_tree_free(tree);
	return result;
}

int permissions_read_files(struct permissions *permissions, const struct image_files *files,
			   struct error *err)
{
	size_t len;
	cleanup_free char *text = image_files_read(files, PERMISSIONS_FILE, PERMISSIONS_MAX, &len);

	*permissions = (struct permissions){ .gpus = CHOICE_UNSET };
	if (!text && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!text && errno == EINVAL)
		return error_set(err, 0, "'%s' is not a regular file", PERMISSIONS_FILE);
	if (!text && errno == EFBIG)
		return error_set(err, 0, "'%s' is larger than 64 KiB", PERMISSIONS_FILE);
	if (!text)
		return error_set(err, errno, "cannot read '%s'", PERMISSIONS_FILE);
	return permissions_parse(permissions, text, len, err) < 0 ? -1 : 1;
}

int permissions_read(struct permissions *permissions, int root, struct error *err)
{
	const struct image_files files = { .root = root };

	return permissions_read_files(permissions, &files, err);
}

/* ---- in words -------------------------------------------------------------------------------- */

struct words {
	char **items;
	size_t count, room;
	bool has_failed;
};

static void add_word(struct words *words, const char *before, const char *text)
{
	char *word = NULL;

	if (words->has_failed || words->count + 1 >= words->room ||
	    asprintf(&word, "%s%s", before, text) < 0) {
		words->has_failed = true;
		return;
	}
	words->items[words->count++] = word;
}

static void add_choice(struct words *words, enum choice choice, const char *text)
{
	if (choice != CHOICE_UNSET)
		add_word(words, choice == CHOICE_YES ? "" : "not ", text);
}

static void add_mount_words(struct words *words, const struct mountspec *spec)
{
	cleanup_free char *text = NULL;
	const char *only = spec->attr_set & MOUNT_ATTR_RDONLY ? ", read-only" : "";
	int len = spec->kind == MOUNT_TMPFS ? asprintf(&text, "memory at %s", spec->target)
					    : asprintf(&text, "%s of the node at %s%s",
						       spec->source, spec->target, only);

	if (len < 0) {
		text = NULL;
		words->has_failed = true;
		return;
	}
	add_word(words, "", text);
}

static void add_all(struct words *words, const struct permissions *from)
{
	static const char *const networks[] = { [NETWORK_HOST] = "the node's network",
						[NETWORK_NONE] = "no network",
						[NETWORK_SLIRP] =
							"a network of its own that leads out" };

	add_choice(words, from->gpus, "the node's GPUs, as far as they are the job's");
	add_choice(words, from->adapters, "the node's interconnect adapters");
	for (char **name = from->devices; name && *name; name++)
		add_word(words, "the device ", *name);
	if (from->network != NETWORK_UNSAID)
		add_word(words, "", networks[from->network]);
	add_choice(words, from->home, "the user's home directory");
	add_choice(words, from->workdir, "the job's working directory");
	for (size_t i = 0; i < from->mounts.count; i++)
		add_mount_words(words, &from->mounts.items[i]);
	if (from->writable != WRITABLE_UNSET)
		add_word(words, from->writable == WRITABLE_MEMORY ? "" : "not ",
			 "to be written to, in memory");
	if (from->writable_size)
		add_word(words, "room for what is written: ", from->writable_size);
	for (char **name = from->system_calls; name && *name; name++)
		add_word(words, "the system call ", *name);
}

char **permissions_words(const struct permissions *permissions)
{
	struct words words = { .room = 3 * ENTRIES_MAX + 16 };

	words.items = calloc(words.room, sizeof(*words.items));
	if (!words.items)
		return NULL;
	add_all(&words, permissions);
	if (!words.has_failed)
		return words.items;
	strings_free(words.items);
	return NULL;
}

void permissions_done(struct permissions *permissions)
{
	strings_free(permissions->devices);
	strings_free(permissions->system_calls);
	mountlist_done(&permissions->mounts);
	free(permissions->writable_size);
	*permissions = (struct permissions){ .gpus = CHOICE_UNSET };
}
