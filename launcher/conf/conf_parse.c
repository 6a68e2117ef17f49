/* SPDX-License-Identifier: BSD-3-Clause */
/* conf_parse.c - from the tree to struct conf: the top of the file. */
#include "launcher/conf/conf_parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/nearest.h"
#include "launcher/conf/templates.h"

/* Variables that name something of the node's which is not in the container, or is another there.
 * See davit.conf(5), which explains each group. */
static const char *const host_only[] = {
	/* the dynamic loader and libc: libraries of the node's in programs of the image */
	"LD_PRELOAD",
	"LD_LIBRARY_PATH",
	"LD_AUDIT",
	"GCONV_PATH",
	"LOCPATH",
	/* module systems, and the shell functions that would call them */
	"MODULEPATH",
	"MODULEPATH_*",
	"MODULESHOME",
	"MODULES_*",
	"__MODULES_*",
	"MODULERCFILE",
	"LOADEDMODULES",
	"_LMFILES_*",
	"LMOD_*",
	"__LMOD_*",
	"_ModuleTable*",
	"BASH_ENV",
	"ENV",
	"BASH_FUNC_module*",
	"BASH_FUNC_ml*",
	"BASH_FUNC__module_raw*",
	"BASH_FUNC_which*",
	/* where an interpreter or a library is installed on the node */
	"PYTHONHOME",
	"R_HOME",
	"OPAL_PREFIX",
	"PMIX_INSTALL_PREFIX",
	/* the login session, whose sockets stay outside */
	"XDG_RUNTIME_DIR",
	"DBUS_SESSION_BUS_ADDRESS",
	NULL,
};

int conf_refuse(const struct conf_reader *reader, const struct yaml_node *node, struct error *err)
{
	return error_wrap(err, "%s:%zu", reader->path, node->line);
}

int conf_expect(const struct conf_reader *reader, const struct yaml_node *node, enum yaml_kind kind,
		struct error *err)
{
	static const char *const examples[] = { [YAML_NOTHING] = "",
						[YAML_TEXT] = "VALUE",
						[YAML_LIST] = "[VALUE, VALUE]",
						[YAML_MAP] = "{KEY: VALUE}" };

	if (node->kind == kind || (node->kind == YAML_NOTHING && kind != YAML_TEXT))
		return 0;
	if (node->key)
		error_set(err, 0, "'%s' takes %s, not %s", node->key, yaml_kind_name(kind),
			  yaml_kind_name(node->kind));
	else
		error_set(err, 0, "this entry takes %s, not %s", yaml_kind_name(kind),
			  yaml_kind_name(node->kind));
	error_remedy(err, "%s%s%s", node->key ? node->key : "-", node->key ? ": " : " ",
		     examples[kind]);
	return conf_refuse(reader, node, err);
}

int conf_expect_site(const struct conf_reader *reader, const struct yaml_node *node,
		     struct error *err)
{
	if (reader->layer == CONF_SITE)
		return 0;
	error_set(err, 0, "'%s' is for the site's davit.conf only", node->key);
	error_remedy(err, "leave it out, or ask your admin");
	return conf_refuse(reader, node, err);
}

static int refuse_key(const struct conf_reader *reader, const struct yaml_node *node,
		      const char *nearest, struct error *err)
{
	error_set(err, 0, "unknown key '%s'", node->key);
	if (nearest)
		error_remedy(err, "'%s'", nearest);
	else
		error_remedy(err, "the keys in davit.conf(5)");
	return conf_refuse(reader, node, err);
}

int conf_read_fields(const struct conf_reader *reader, const struct yaml_node *map,
		     const char *const *names, size_t count, const struct yaml_node **fields,
		     struct error *err)
{
	if (conf_expect(reader, map, YAML_MAP, err) < 0)
		return -1;
	for (const struct yaml_node *node = map->children; node; node = node->next) {
		size_t i = 0;

		while (i < count && strcmp(node->key, names[i]) != 0)
			i++;
		if (i == count)
			return refuse_key(reader, node, word_nearest(node->key, names, count), err);
		fields[i] = node;
	}
	return 0;
}

int conf_read_switch(const struct conf_reader *reader, const struct yaml_node *node, bool *value,
		     struct error *err)
{
	enum choice choice;

	if (conf_expect(reader, node, YAML_TEXT, err) < 0)
		return -1;
	if (settings_parse_switch(&choice, node->text, err) < 0) {
		error_wrap(err, "'%s'", node->key);
		return conf_refuse(reader, node, err);
	}
	*value = choice == CHOICE_YES;
	return 0;
}

static int keep_text(const struct conf_reader *reader, char **field, char *text, struct error *err)
{
	if (!text)
		return error_set(err, ENOMEM, "cannot read '%s'", reader->path);
	free(*field);
	*field = text;
	return 0;
}

static int read_writable_size(const struct conf_reader *reader, const struct yaml_node *node,
			      struct error *err)
{
	struct settings scratch = { .image = NULL };
	char value[64];
	int result;

	if (conf_expect(reader, node, YAML_TEXT, err) < 0)
		return -1;
	snprintf(value, sizeof(value), "size=%s", node->text);
	result = settings_set(&scratch, "writable", value, err);
	settings_done(&scratch);
	if (result < 0) {
		error_set(err, 0, "'writable-size': '%s' is not a size", node->text);
		error_remedy(err, "a number with k, m, g, t or %% behind it");
		return conf_refuse(reader, node, err);
	}
	return keep_text(reader, &reader->conf->writable_size, strdup(node->text), err);
}

static int read_image_cache_max(const struct conf_reader *reader, const struct yaml_node *node,
				struct error *err)
{
	if (conf_expect(reader, node, YAML_TEXT, err) < 0)
		return -1;
	if (settings_parse_cache(&reader->conf->image_cache_max, node->text, err) < 0) {
		error_wrap(err, "'%s'", node->key);
		return conf_refuse(reader, node, err);
	}
	reader->conf->image_cache_line = node->line;
	return 0;
}

/* The path of a directory, in a fresh string; `where` is what the remedy calls it. Returns 0, or -1 with `err`
 * set; without memory, *path is NULL. */
static int read_directory(const struct conf_reader *reader, const struct yaml_node *node,
			  const char *where, char **path, struct error *err)
{
	if (conf_expect(reader, node, YAML_TEXT, err) < 0)
		return -1;
	*path = path_normalise(node->text);
	if (*path || errno != EINVAL)
		return 0;
	error_set(err, 0, "'%s': '%s' is not an absolute path without '..'", node->key, node->text);
	error_remedy(err, "the path of a directory %s, such as /var/tmp", where);
	return conf_refuse(reader, node, err);
}

static int read_state_dir(const struct conf_reader *reader, const struct yaml_node *node,
			  struct error *err)
{
	char *path;

	if (read_directory(reader, node, "that each node has", &path, err) < 0)
		return -1;
	return keep_text(reader, &reader->conf->state_dir, path, err);
}

static int read_stage_dir(const struct conf_reader *reader, const struct yaml_node *node,
			  struct error *err)
{
	char *path;

	if (read_directory(reader, node, "on a disk of each node", &path, err) < 0)
		return -1;
	if (path && template_check(path, err) < 0) {
		free(path);
		error_wrap(err, "'stage-dir'");
		return conf_refuse(reader, node, err);
	}
	return keep_text(reader, &reader->conf->stage_dir, path, err);
}

static int read_stage_wait(const struct conf_reader *reader, const struct yaml_node *node,
			   struct error *err)
{
	size_t digits;
	unsigned long seconds = 0;

	if (conf_expect(reader, node, YAML_TEXT, err) < 0)
		return -1;
	digits = strspn(node->text, "0123456789");
	if (digits > 0 && digits < 6 && !node->text[digits])
		seconds = strtoul(node->text, NULL, 10);
	if (seconds < 1 || seconds > STAGE_WAIT_MAX) {
		error_set(err, 0, "'stage-wait': '%s' is not a number of seconds", node->text);
		error_remedy(err, "1 to %d", STAGE_WAIT_MAX);
		return conf_refuse(reader, node, err);
	}
	reader->conf->stage_wait = (unsigned int)seconds;
	return 0;
}

static int read_subids(const struct conf_reader *reader, const struct yaml_node *node,
		       struct error *err)
{
	return conf_read_switch(reader, node, &reader->conf->subids, err);
}

static int read_audit(const struct conf_reader *reader, const struct yaml_node *node,
		      struct error *err)
{
	return conf_read_switch(reader, node, &reader->conf->audit, err);
}

static int read_least_privilege(const struct conf_reader *reader, const struct yaml_node *node,
				struct error *err)
{
	return conf_read_switch(reader, node, &reader->conf->least_privilege, err);
}

static int read_user_config(const struct conf_reader *reader, const struct yaml_node *node,
			    struct error *err)
{
	return conf_read_switch(reader, node, &reader->conf->user_config, err);
}

/* All keys but the options. */
static const struct {
	const char *name;
	int (*read)(const struct conf_reader *reader, const struct yaml_node *node,
		    struct error *err);
	bool is_sites; /* alone */
} keys[] = {
	{ "mounts", conf_read_mounts, false },
	{ "environment", conf_read_environment, false },
	{ "files", conf_read_files, true },
	{ "writable-size", read_writable_size, true },
	{ "image-cache-max", read_image_cache_max, true },
	{ "state-dir", read_state_dir, true },
	{ "stage-dir", read_stage_dir, true },
	{ "stage-wait", read_stage_wait, true },
	{ "subids", read_subids, true },
	{ "user-config", read_user_config, true },
	{ "forbid", conf_read_forbid, true },
	{ "policy", conf_read_policy, true },
	{ "audit", read_audit, true },
	{ "least-privilege", read_least_privilege, true },
	{ "least_privilege", read_least_privilege, true }, /* as it is often written */
	{ "image-mounts", conf_read_image_mounts, false },
	{ "image-devices", conf_read_image_devices, false },
	{ "image-system-calls", conf_read_image_system_calls, false },
	{ "import-cache", conf_read_import_cache, false },
	{ "import-cache-max", conf_read_import_cache_max, false },
	{ "gpu-libraries", conf_read_gpu_libraries, false },
	{ "gpu-programs", conf_read_gpu_programs, false },
	{ "gpu-files", conf_read_gpu_files, false },
	{ "nic-libraries", conf_read_nic_libraries, false },
	{ "nic-files", conf_read_nic_files, false },
	{ "cdi-directories", conf_read_cdi_directories, true },
	{ "cdi-hooks", conf_read_cdi_hooks, true },
	{ "image-keys", conf_read_image_keys, true },
	{ "topology-file", conf_read_topology_file, true },
	{ "host-mpi", conf_read_host_mpi, false },
	{ "host-mpi-directories", conf_read_host_mpi_directories, false },
};

static const char *nearest_key(const char *key)
{
	const char *words[sizeof(keys) / sizeof(keys[0]) + CHOICES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		words[count++] = keys[i].name;
	for (const struct option_def *def = settings_options; def->name; def++)
		words[count++] = def->name;
	return word_nearest(key, words, count);
}

/* For policies: what the user's file chooses by a key that is no option. */
static void note_users(const struct conf_reader *reader, const char *key)
{
	static const char *const files[] = { "host-mpi",      "host-mpi-directories",
					     "gpu-libraries", "gpu-programs",
					     "gpu-files",     "nic-libraries",
					     "nic-files" };

	if (reader->layer != CONF_USER)
		return;
	if (strcmp(key, "mounts") == 0)
		reader->conf->is_users[settings_find("mounts") - settings_options] = true;
	if (strcmp(key, "environment") == 0)
		reader->conf->is_users[settings_find("env") - settings_options] = true;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(key, files[i]) == 0)
			reader->conf->users_files = files[i];
}

static int read_key(const struct conf_reader *reader, const struct yaml_node *node,
		    struct error *err)
{
	int result;

	if (conf_check_forbidden(reader, node, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(node->key, keys[i].name) == 0) {
			if (keys[i].is_sites && conf_expect_site(reader, node, err) < 0)
				return -1;
			note_users(reader, keys[i].name);
			return keys[i].read(reader, node, err);
		}
	result = conf_read_option(reader, node, err);
	return result > 0 ? refuse_key(reader, node, nearest_key(node->key), err) : result;
}

int conf_init(struct conf *conf, struct error *err)
{
	*conf = (struct conf){ .user_config = true,
			       .audit = true,
			       .import_cache_max = CONF_IMPORT_CACHE_MAX,
			       .stage_wait = STAGE_WAIT_DEFAULT };
	conf->writable_size = strdup("20%");
	conf->state_dir = strdup("/var/tmp");
	conf->stage_dir = strdup("/var/tmp");
	conf->host_only = conf_copy(host_only);
	if (!conf->writable_size || !conf->state_dir || !conf->stage_dir || !conf->host_only ||
	    conf_init_devices(conf) < 0)
		return error_set(err, ENOMEM, "cannot start with davit.conf");
	return 0;
}

int conf_parse(struct conf *conf, enum conf_layer layer, const char *path, const char *text,
	       size_t len, struct error *err)
{
	struct conf_reader reader = { .conf = conf, .layer = layer };

	conf->trees[layer] = yaml_tree_parse(path, text, len, err);
	if (!conf->trees[layer])
		return -1;
	reader.path = conf->paths[layer] = strdup(path);
	if (!reader.path)
		return error_set(err, ENOMEM, "cannot read '%s'", path);
	for (const struct yaml_node *node = conf->trees[layer]->children; node; node = node->next)
		if (read_key(&reader, node, err) < 0)
			return -1;
	return 0;
}
