/* SPDX-License-Identifier: BSD-3-Clause */
/* conf.c - see conf.h. */
#include "launcher/conf/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/conf/templates.h"

#define SITE_PATH DAVIT_SYSCONFDIR "/davit.conf"

static int load_layer(struct conf *conf, enum conf_layer layer, enum conf_layer owner,
		      const char *path, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int found = conf_read_file(path, owner, &text, &len, err);

	return found > 0 ? conf_parse(conf, layer, path, text, len, err) : found;
}

/* NULL, with errno 0, for a user without a home directory. */
static char *user_path(void)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *below = "";
	char *path;

	if (!base || base[0] != '/') {
		base = getenv("HOME");
		below = "/.config";
	}
	errno = 0;
	if (!base || base[0] != '/')
		return NULL;
	return asprintf(&path, "%s%s/davit/davit.conf", base, below) < 0 ? NULL : path;
}

static int load_users(struct conf *conf, struct error *err)
{
	cleanup_free char *path = user_path();

	if (!path)
		return errno ? error_set(err, errno, "cannot look for the user's davit.conf") : 0;
	return load_layer(conf, CONF_USER, CONF_USER, path, err);
}

/* Moves the template at `from` to `to`. Returns the place behind. */
static size_t move_template(struct conf *conf, size_t from, size_t to)
{
	struct conf_template template = conf->templates[from];

	conf->templates[from] = (struct conf_template){ .path = NULL };
	conf->templates[to] = template;
	return to + 1;
}

static int fill_templates(struct conf *conf, struct error *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < conf->template_count; i++) {
		int found = template_fill(&conf->templates[i], err);

		if (found < 0)
			return -1;
		if (found == 0)
			template_done(&conf->templates[i]);
		else
			kept = move_template(conf, i, kept);
	}
	conf->template_count = kept;
	return 0;
}

int conf_load(struct conf *conf, struct error *err)
{
	if (conf_init(conf, err) < 0 || load_layer(conf, CONF_SITE, CONF_SITE, SITE_PATH, err) < 0)
		return -1;
	conf->is_site_read = true;
	if (conf->user_config && load_users(conf, err) < 0)
		return -1;
	return fill_templates(conf, err);
}

int conf_load_file(struct conf *conf, const char *path, struct error *err)
{
	const struct choices none = { .items = { { NULL, NULL } } };

	if (conf_init(conf, err) < 0 || load_layer(conf, CONF_SITE, CONF_ANYBODY, path, err) < 0)
		return -1;
	return conf_check(conf, &none, err);
}

/* Whoever has chosen it: the site's own default must be in the bound, too. */
static int check_cache(const struct conf *conf, const struct choices *user, struct error *err)
{
	size_t index = (size_t)(settings_find("image-cache") - settings_options), size;
	const struct choice_item *item = &user->items[index];

	if (!item->value)
		item = &conf->choices.items[index];
	if (!item->value || !conf->image_cache_max)
		return 0;
	if (settings_parse_cache(&size, item->value, err) < 0)
		return error_wrap(err, "%s", item->origin);
	if (size <= conf->image_cache_max)
		return 0;
	error_set(err, 0, "%s: %s:%zu allows an 'image-cache' of %zu MiB at most, not '%s'",
		  item->origin, conf->paths[CONF_SITE], conf->image_cache_line,
		  conf->image_cache_max >> 20, item->value);
	return error_remedy(err, "%zum, or ask your admin", conf->image_cache_max >> 20);
}

int conf_check(const struct conf *conf, const struct choices *user, struct error *err)
{
	for (size_t i = 0; settings_options[i].name; i++) {
		const struct choice_item *item = &user->items[i];

		if (!item->value || !conf->forbidden[i])
			continue;
		error_set(err, 0, "%s: %s:%zu forbids the option '%s'", item->origin,
			  conf->paths[CONF_SITE], conf->forbidden[i], settings_options[i].name);
		return error_remedy(err, "leave it out, or ask your admin");
	}
	return check_cache(conf, user, err);
}

void conf_done(struct conf *conf)
{
	choices_done(&conf->choices);
	policy_done(&conf->policy);
	mountlist_done(&conf->mounts);
	strings_free(conf->image_mounts);
	strings_free(conf->image_devices);
	strings_free(conf->image_system_calls);
	strings_free(conf->host_only);
	strings_free(conf->host_mpi);
	strings_free(conf->host_mpi_directories);
	strings_free(conf->gpu_libraries);
	strings_free(conf->gpu_programs);
	strings_free(conf->gpu_files);
	strings_free(conf->nic_libraries);
	strings_free(conf->nic_files);
	strings_free(conf->cdi_directories);
	strings_free(conf->cdi_hooks);
	strings_free(conf->image_keys);
	free(conf->topology_file);
	free(conf->import_cache);
	edits_done(&conf->environment);
	for (size_t i = 0; i < conf->template_count; i++)
		template_done(&conf->templates[i]);
	free(conf->templates);
	free(conf->writable_size);
	free(conf->state_dir);
	free(conf->stage_dir);
	for (size_t i = 0; i < CONF_LAYERS; i++) {
		free(conf->paths[i]);
		yaml_tree_free(conf->trees[i]);
	}
	*conf = (struct conf){ .host_only = NULL };
}
