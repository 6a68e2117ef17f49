/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_main.c - `davit config`: what holds here, as a davit.conf, and where each line comes from.
 *
 * Options come from struct choices; the rest is printed from the trees of the files, which know the
 * lines. The parts on environments are merged so that the result, taken as one file, does what the
 * two do one after the other.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/commands.h"
#include "launcher/conf/conf.h"
#include "launcher/report.h"

#define DEFAULT "default"
#define GIB     ((uint64_t)1 << 30)

static void print_help(void)
{
	puts("Usage: davit config [OPTION]...\n"
	     "       davit config --check FILE\n"
	     "Show what davit.conf, the environment and these options come to, as a davit.conf, with\n"
	     "the source of each value. Options are those of davit run; see davit run --help.\n\n"
	     "  --check FILE\n        only tell whether FILE could be the site's davit.conf\n"
	     "  -h, --help\n        show this text\n\n"
	     "The exit code is 125 where davit.conf or an option is refused. See davit.conf(5).");
}

/* Text that needs no quotes, wherever it stands. */
static bool is_plain(const char *text)
{
	if (!text[0] || strchr("=+%*-", text[0]))
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("_/.=+%*-", *text))
			return false;
	return true;
}

static void put_text(const char *text)
{
	if (is_plain(text)) {
		fputs(text, stdout);
		return;
	}
	putchar('"');
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		/* U+0080 to U+009F are control characters, too. */
		bool is_c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;

		if (is_c1)
			c++;
		if (*c == '\n')
			fputs("\\n", stdout);
		else if (*c < 0x20 || *c == 0x7f || is_c1)
			printf("\\x%02x", *c);
		else if (*c == '"' || *c == '\\')
			printf("\\%c", *c);
		else
			putchar(*c);
	}
	putchar('"');
}

static void put_flow(const struct yaml_node *node)
{
	if (node->kind == YAML_TEXT) {
		put_text(node->text);
		return;
	}
	putchar(node->kind == YAML_LIST ? '[' : '{');
	for (const struct yaml_node *child = node->children; child; child = child->next) {
		if (child->key) {
			put_text(child->key);
			fputs(": ", stdout);
		}
		put_flow(child);
		if (child->next)
			fputs(", ", stdout);
	}
	putchar(node->kind == YAML_LIST ? ']' : '}');
}

static void put_scrubbed(const char *text)
{
	cleanup_free char *copy = strdup(text);

	if (copy)
		error_scrub(copy);
	fputs(copy ? copy : "?", stdout);
}

/* Ends a line with where it comes from. */
static void put_origin(const char *origin)
{
	fputs("  # ", stdout);
	put_scrubbed(origin);
	putchar('\n');
}

static void put_line_of(const struct conf *conf, enum conf_layer layer,
			const struct yaml_node *node)
{
	put_scrubbed(conf->paths[layer]);
	printf(":%zu", node->line);
}

static void put_node_origin(const struct conf *conf, enum conf_layer layer,
			    const struct yaml_node *node)
{
	fputs("  # ", stdout);
	put_line_of(conf, layer, node);
	putchar('\n');
}

/* The value of a file's key, or of a key of its `section`; NULL if the file has none. */
static const struct yaml_node *find(const struct conf *conf, enum conf_layer layer,
				    const char *section, const char *key)
{
	const struct yaml_node *map = conf->trees[layer];

	if (map && section)
		map = yaml_tree_find(map, section);
	return map ? yaml_tree_find(map, key) : NULL;
}

static bool has_entries(const struct conf *conf, const char *section, const char *key)
{
	for (enum conf_layer layer = CONF_SITE; layer < CONF_LAYERS; layer++) {
		const struct yaml_node *list = find(conf, layer, section, key);

		if (list && list->children)
			return true;
	}
	return false;
}

/* The entries of a list in both files. */
static void print_entries(const struct conf *conf, const char *section, const char *key)
{
	for (enum conf_layer layer = CONF_SITE; layer < CONF_LAYERS; layer++) {
		const struct yaml_node *list = find(conf, layer, section, key);

		for (const struct yaml_node *node = list ? list->children : NULL; node;
		     node = node->next) {
			fputs(section ? "    - " : "  - ", stdout);
			put_flow(node);
			put_node_origin(conf, layer, node);
		}
	}
}

static void print_list(const struct conf *conf, const char *section, const char *key)
{
	bool is_empty = !has_entries(conf, section, key);

	printf("%s%s:%s\n", section ? "  " : "", key, is_empty ? " []  # " DEFAULT : "");
	print_entries(conf, section, key);
}

static void print_options(const struct conf *conf, const struct choices *user)
{
	for (size_t i = 0; settings_options[i].name; i++) {
		const char *name = settings_options[i].name;
		const struct choice_item *item =
			user->items[i].value ? &user->items[i] : &conf->choices.items[i];

		if (strcmp(name, "mounts") == 0)
			continue;
		if (!item->value) {
			printf("# %s: not set\n", name);
			continue;
		}
		/* davit.conf has no image. */
		printf("%s%s: ", i == 0 ? "# " : "", name);
		put_text(item->value);
		put_origin(item->origin);
	}
}

static void print_mounts(const struct conf *conf, const struct choices *user)
{
	const struct choice_item *item = &user->items[settings_find("mounts") - settings_options];

	if (!item->value) {
		print_list(conf, NULL, "mounts");
		return;
	}
	puts("mounts:");
	print_entries(conf, NULL, "mounts");
	fputs("  - ", stdout);
	put_text(item->value);
	put_origin(item->origin);
}

/* A list that the files replace; else the built-in one. */
static void print_replaced(const struct conf *conf, const char *section, const char *key,
			   char *const *values)
{
	const char *indent = section ? "  " : "";
	enum conf_layer from = find(conf, CONF_USER, section, key) ? CONF_USER : CONF_SITE;
	const struct yaml_node *list = find(conf, from, section, key);

	if (list && !list->children) {
		printf("%s%s: []", indent, key);
		put_node_origin(conf, from, list);
		return;
	}
	printf("%s%s:\n", indent, key);
	for (const struct yaml_node *node = list ? list->children : NULL; node; node = node->next) {
		printf("%s  - ", indent);
		put_flow(node);
		put_node_origin(conf, from, node);
	}
	for (; !list && *values; values++) {
		printf("%s  - ", indent);
		put_text(*values);
		put_origin(DEFAULT);
	}
}

/* Does the user's file undo what the site's does to the variable? */
static bool is_undone(const struct conf *conf, const char *name)
{
	const struct yaml_node *set = find(conf, CONF_USER, "environment", "set");
	const struct yaml_node *unset = find(conf, CONF_USER, "environment", "unset");

	for (const struct yaml_node *node = unset ? unset->children : NULL; node; node = node->next)
		if (edits_match(node->text, name))
			return true;
	return set && yaml_tree_find(set, name);
}

/* One that the site's file names, or the user's, or both; then their values are joined. */
static void print_variable(const struct conf *conf, const char *key, const struct yaml_node *site,
			   const struct yaml_node *user)
{
	const struct yaml_node *any = site ? site : user;
	cleanup_free char *both = NULL;

	if (site && user) {
		bool is_prepend = strcmp(key, "prepend") == 0;
		const char *first = is_prepend ? user->text : site->text;
		const char *second = is_prepend ? site->text : user->text;

		if (asprintf(&both, "%s%s%s", first, first[0] && second[0] ? ":" : "", second) < 0)
			both = NULL;
	}
	printf("    %s: ", any->key);
	put_text(both ? both : any->text);
	fputs("  # ", stdout);
	if (site)
		put_line_of(conf, CONF_SITE, site);
	if (site && user)
		fputs(", ", stdout);
	if (user)
		put_line_of(conf, CONF_USER, user);
	putchar('\n');
}

/* set, prepend or append of both files. */
static void print_variables(const struct conf *conf, const char *key)
{
	const struct yaml_node *site = find(conf, CONF_SITE, "environment", key);
	const struct yaml_node *user = find(conf, CONF_USER, "environment", key);

	printf("  %s:%s\n", key, has_entries(conf, "environment", key) ? "" : " {}  # " DEFAULT);
	for (const struct yaml_node *node = site ? site->children : NULL; node; node = node->next)
		if (!is_undone(conf, node->key))
			print_variable(conf, key, node,
				       user ? yaml_tree_find(user, node->key) : NULL);
	for (const struct yaml_node *node = user ? user->children : NULL; node; node = node->next) {
		bool is_printed =
			site && yaml_tree_find(site, node->key) && !is_undone(conf, node->key);

		if (!is_printed)
			print_variable(conf, key, NULL, node);
	}
}

static void print_environment(const struct conf *conf)
{
	puts("environment:");
	print_replaced(conf, "environment", "host-only", conf->host_only);
	print_list(conf, "environment", "unset");
	print_variables(conf, "set");
	print_variables(conf, "prepend");
	print_variables(conf, "append");
}

static void print_site_value(const struct conf *conf, const char *key, const char *value)
{
	const struct yaml_node *node = find(conf, CONF_SITE, NULL, key);

	printf("%s: ", key);
	put_text(value);
	if (node)
		put_node_origin(conf, CONF_SITE, node);
	else
		put_origin(DEFAULT);
}

/* The user's file counts more than the site's. */
static void print_value(const struct conf *conf, const char *key, const char *value)
{
	enum conf_layer from = find(conf, CONF_USER, NULL, key) ? CONF_USER : CONF_SITE;
	const struct yaml_node *node = find(conf, from, NULL, key);

	printf("%s: ", key);
	put_text(value);
	if (node)
		put_node_origin(conf, from, node);
	else
		put_origin(DEFAULT);
}

static void print_imports(const struct conf *conf)
{
	const char *variable = getenv("DAVIT_IMPORT_CACHE");
	char max[32];

	if (variable && variable[0]) {
		printf("import-cache: ");
		put_text(variable);
		put_origin("DAVIT_IMPORT_CACHE");
	} else {
		print_value(conf, "import-cache",
			    conf->import_cache ? conf->import_cache : "%h/.cache/davit/images");
	}
	snprintf(max, sizeof(max), "%ju%s",
		 (uintmax_t)(conf->import_cache_max >> (conf->import_cache_max % GIB ? 20 : 30)),
		 conf->import_cache_max % GIB ? "m" : "g");
	print_value(conf, "import-cache-max", max);
}

static void print_all(const struct conf *conf, const struct choices *user)
{
	char wait[16];

	print_options(conf, user);
	print_mounts(conf, user);
	print_environment(conf);
	print_list(conf, NULL, "files");
	print_list(conf, NULL, "host-mpi");
	print_list(conf, NULL, "host-mpi-directories");
	print_replaced(conf, NULL, "gpu-libraries", conf->gpu_libraries);
	print_replaced(conf, NULL, "gpu-programs", conf->gpu_programs);
	print_replaced(conf, NULL, "gpu-files", conf->gpu_files);
	print_list(conf, NULL, "nic-libraries");
	print_list(conf, NULL, "nic-files");
	print_replaced(conf, NULL, "cdi-directories", conf->cdi_directories);
	print_list(conf, NULL, "cdi-hooks");
	print_list(conf, NULL, "image-keys");
	if (conf->topology_file)
		print_site_value(conf, "topology-file", conf->topology_file);
	print_imports(conf);
	print_site_value(conf, "writable-size", conf->writable_size);
	if (conf->image_cache_max)
		print_site_value(conf, "image-cache-max",
				 find(conf, CONF_SITE, NULL, "image-cache-max")->text);
	print_site_value(conf, "state-dir", conf->state_dir);
	print_site_value(conf, "stage-dir", conf->stage_dir);
	snprintf(wait, sizeof(wait), "%u", conf->stage_wait);
	print_site_value(conf, "stage-wait", wait);
	print_site_value(conf, "subids", conf->subids ? "yes" : "no");
	print_site_value(conf, "user-config", conf->user_config ? "yes" : "no");
	print_list(conf, NULL, "forbid");
	print_list(conf, NULL, "policy");
	print_site_value(conf, "audit", conf->audit ? "yes" : "no");
	print_site_value(conf, "least-privilege", conf->least_privilege ? "yes" : "no");
	print_list(conf, NULL, "image-mounts");
	print_list(conf, NULL, "image-devices");
	print_list(conf, NULL, "image-system-calls");
}

static int flush_output(struct error *err)
{
	return fflush(stdout) == 0 ? 0 : error_set(err, errno, "cannot write to standard output");
}

static int check(struct conf *conf, int argc, char **argv, struct error *err)
{
	if (argc != 3) {
		error_set(err, 0, "--check takes one file");
		return error_remedy(err, "davit config --check FILE");
	}
	if (conf_load_file(conf, argv[2], err) < 0)
		return -1;
	put_scrubbed(argv[2]);
	puts(": ok");
	return flush_output(err);
}

static int show(struct conf *conf, struct choices *user, int argc, char **argv, struct error *err)
{
	int next;

	if (choices_from_env(user, err) < 0)
		return -1;
	next = choices_from_args(user, argc, argv, err);
	if (next < 0)
		return -1;
	if (next == 0) {
		print_help();
		return flush_output(err);
	}
	if (next < argc) {
		error_set(err, 0, "unexpected argument '%s'", argv[next]);
		return error_remedy(err, "davit config --help");
	}
	if (conf_load(conf, err) < 0 || conf_check(conf, user, err) < 0)
		return -1;
	print_all(conf, user);
	return flush_output(err);
}

int config_main(int argc, char **argv)
{
	struct conf conf = { .host_only = NULL };
	struct choices user = { .items = { { NULL, NULL } } };
	struct error err = ERROR_INIT;
	int result = argc > 1 && strcmp(argv[1], "--check") == 0
			     ? check(&conf, argc, argv, &err)
			     : show(&conf, &user, argc, argv, &err);

	conf_done(&conf);
	choices_done(&user);
	if (result == 0)
		return 0;
	report(&err);
	return err.code;
}
