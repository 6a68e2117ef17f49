/* SPDX-License-Identifier: BSD-3-Clause */
/* cdi_edits.c - what a CDI specification has under "containerEdits"; see cdi_parse.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/devices/cdi_parse.h"

#define CLOS_MAX 4095 /* bytes, as in the reference implementation */

/* The text is one of `words`, or empty. */
static int check_word(const struct cdi_reader *reader, const struct cdi_place *place,
		      const char *const *words, size_t count, struct error *err)
{
	if (cdi_expect(reader, place, YAML_TEXT, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (strcmp(place->node->text, words[i]) == 0)
			return 0;
	return place->node->text[0] ? cdi_refuse_word(reader, place, words, count, err) : 0;
}

/* ---- deviceNodes -------------------------------------------------------- */

static int check_type(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		      struct error *err)
{
	static const char *const types[] = { "b", "c", "u", "p" };

	(void)to;
	return check_word(reader, place, types, COUNT_OF(types), err);
}

static int read_permissions(const struct cdi_reader *reader, const struct cdi_place *place,
			    void *to, struct error *err)
{
	if (cdi_read_text(reader, place, to, err) < 0)
		return -1;
	if (!place->node->text[strspn(place->node->text, "rwm")])
		return 0;
	error_set(err, 0, "'%s' is not made of the letters r, w and m", place->node->text);
	error_remedy(err, "permissions: rwm");
	return cdi_refuse(reader, place, err);
}

static const struct cdi_field node_fields[] = {
	{ "path", cdi_read_path, offsetof(struct cdi_node, path), 0, "/dev/NAME" },
	{ "hostPath", cdi_read_path, offsetof(struct cdi_node, host_path), CDI_VERSION(0, 5),
	  NULL },
	{ "type", check_type, 0, 0, NULL },
	{ "major", cdi_check_number, 0, 0, NULL },
	{ "minor", cdi_check_number, 0, 0, NULL },
	{ "fileMode", cdi_check_number, 0, 0, NULL },
	{ "permissions", read_permissions, offsetof(struct cdi_node, permissions), 0, NULL },
	{ "uid", cdi_check_number, 0, 0, NULL },
	{ "gid", cdi_check_number, 0, 0, NULL },
};

static int read_node(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		     struct error *err)
{
	struct cdi_node *node = to;

	if (cdi_read_map(reader, place, node_fields, COUNT_OF(node_fields), node, err) < 0)
		return -1;
	if (!node->host_path)
		node->host_path = strdup(node->path);
	return node->host_path ? 0 : cdi_out_of_memory(reader, err);
}

static int read_nodes(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		      struct error *err)
{
	struct cdi_edits *edits = to;

	edits->nodes = cdi_new_items(reader, place, sizeof(*edits->nodes), err);
	return edits->nodes ? cdi_read_items(reader, place, edits->nodes, sizeof(*edits->nodes),
					     &edits->node_count, read_node, err)
			    : -1;
}

/* ---- mounts ------------------------------------------------------------- */

static const struct cdi_field mount_fields[] = {
	{ "hostPath", cdi_read_path, offsetof(struct cdi_mount, host_path), 0,
	  "/path/on/the/node" },
	{ "containerPath", cdi_read_path, offsetof(struct cdi_mount, container_path), 0,
	  "/path/in/the/container" },
	{ "options", cdi_read_texts, offsetof(struct cdi_mount, options), 0, NULL },
	{ "type", cdi_read_text, offsetof(struct cdi_mount, type), CDI_VERSION(0, 4), NULL },
};

static int read_mount(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		      struct error *err)
{
	return cdi_read_map(reader, place, mount_fields, COUNT_OF(mount_fields), to, err);
}

static int read_mounts(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		       struct error *err)
{
	struct cdi_edits *edits = to;

	edits->mounts = cdi_new_items(reader, place, sizeof(*edits->mounts), err);
	return edits->mounts ? cdi_read_items(reader, place, edits->mounts, sizeof(*edits->mounts),
					      &edits->mount_count, read_mount, err)
			     : -1;
}

/* ---- hooks -------------------------------------------------------------- */

static int read_hook_name(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
			  struct error *err)
{
	static const char *const names[] = { "prestart",       "createRuntime", "createContainer",
					     "startContainer", "poststart",     "poststop" };

	if (check_word(reader, place, names, COUNT_OF(names), err) < 0)
		return -1;
	return cdi_read_text(reader, place, to, err);
}

static const struct cdi_field hook_fields[] = {
	{ "hookName", read_hook_name, offsetof(struct cdi_hook, name), 0, "createContainer" },
	{ "path", cdi_read_path, offsetof(struct cdi_hook, path), 0, "/path/of/the/program" },
	{ "args", cdi_read_texts, offsetof(struct cdi_hook, args), 0, NULL },
	{ "env", cdi_read_variables, offsetof(struct cdi_hook, env), 0, NULL },
	{ "timeout", cdi_check_number, 0, 0, NULL },
};

static int read_hook(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		     struct error *err)
{
	struct cdi_hook *hook = to;

	hook->line = place->node->line;
	if (cdi_read_map(reader, place, hook_fields, COUNT_OF(hook_fields), hook, err) < 0)
		return -1;
	if (hook->args && hook->args[0])
		return 0;
	/* As Go starts a program for which nobody gives arguments. */
	strings_free(hook->args);
	hook->args = calloc(2, sizeof(*hook->args));
	if (hook->args)
		hook->args[0] = strdup(hook->path);
	return hook->args && hook->args[0] ? 0 : cdi_out_of_memory(reader, err);
}

static int read_hooks(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		      struct error *err)
{
	struct cdi_edits *edits = to;

	edits->hooks = cdi_new_items(reader, place, sizeof(*edits->hooks), err);
	return edits->hooks ? cdi_read_items(reader, place, edits->hooks, sizeof(*edits->hooks),
					     &edits->hook_count, read_hook, err)
			    : -1;
}

/* ---- what is left of containerEdits ------------------------------------- */

static int read_gids(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		     struct error *err)
{
	struct cdi_edits *edits = to;
	size_t count = 0;

	_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "cdi_read_number fills a gid_t");
	edits->gids = cdi_new_items(reader, place, sizeof(*edits->gids), err);
	if (!edits->gids || cdi_read_items(reader, place, edits->gids, sizeof(*edits->gids), &count,
					   cdi_read_number, err) < 0)
		return -1;
	/* SPEC.md: values of 0 are ignored. */
	for (size_t i = 0; i < count; i++)
		if (edits->gids[i] != 0)
			edits->gids[edits->gid_count++] = edits->gids[i];
	return 0;
}

/* The name of a directory of resctrl's; "/" is its root. */
static int check_clos(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		      struct error *err)
{
	const char *name = place->node->text;

	(void)to;
	if (cdi_expect(reader, place, YAML_TEXT, err) < 0)
		return -1;
	if (strcmp(name, "/") == 0 || (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
				       !strpbrk(name, "/\n") && strlen(name) <= CLOS_MAX))
		return 0;
	error_set(err, 0, "'%s' is not the name of a directory", name);
	error_remedy(err, "a name without '/'");
	return cdi_refuse(reader, place, err);
}

static const struct cdi_field rdt_fields[] = {
	{ "closID", check_clos, 0, 0, NULL },
	{ "l3CacheSchema", cdi_check_text, 0, 0, NULL },
	{ "memBwSchema", cdi_check_text, 0, 0, NULL },
	{ "enableCMT", cdi_check_switch, 0, 0, NULL }, /* up to 1.0 */
	{ "enableMBM", cdi_check_switch, 0, 0, NULL },
	{ "schemata", cdi_check_texts, 0, CDI_VERSION(1, 1), NULL },
	{ "enableMonitoring", cdi_check_switch, 0, CDI_VERSION(1, 1), NULL },
};

static int check_rdt(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		     struct error *err)
{
	return cdi_read_map(reader, place, rdt_fields, COUNT_OF(rdt_fields), to, err);
}

struct net {
	char *host_name, *name;
};

static const struct cdi_field net_fields[] = {
	{ "hostInterfaceName", cdi_read_text, offsetof(struct net, host_name), 0, "eth1" },
	{ "name", cdi_read_text, offsetof(struct net, name), 0, "eth0" },
};

static int read_net(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		    struct error *err)
{
	return cdi_read_map(reader, place, net_fields, COUNT_OF(net_fields), to, err);
}

static int compare_nets(const struct cdi_reader *reader, const struct cdi_place *place,
			const struct net *nets, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(nets[i].host_name, nets[j].host_name) == 0 ||
			    strcmp(nets[i].name, nets[j].name) == 0) {
				error_set(err, 0, "'%s', '%s' after '%s', '%s'", nets[i].host_name,
					  nets[i].name, nets[j].host_name, nets[j].name);
				error_remedy(err, "names of its own for each");
				return cdi_refuse(reader, place, err);
			}
	return 0;
}

static int check_nets(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		      struct error *err)
{
	struct net *nets = cdi_new_items(reader, place, sizeof(*nets), err);
	size_t count = 0;
	int result;

	(void)to;
	if (!nets)
		return -1;
	result = cdi_read_items(reader, place, nets, sizeof(*nets), &count, read_net, err);
	if (result == 0)
		result = compare_nets(reader, place, nets, count, err);
	while (count-- > 0) {
		free(nets[count].host_name);
		free(nets[count].name);
	}
	free(nets);
	return result;
}

static const struct cdi_field edit_fields[] = {
	{ "env", cdi_read_variables, offsetof(struct cdi_edits, env), 0, NULL },
	{ "deviceNodes", read_nodes, 0, 0, NULL },
	{ "mounts", read_mounts, 0, 0, NULL },
	{ "hooks", read_hooks, 0, 0, NULL },
	{ "additionalGids", read_gids, 0, CDI_VERSION(0, 7), NULL },
	{ "intelRdt", check_rdt, 0, CDI_VERSION(0, 7), NULL },
	{ "netDevices", check_nets, 0, CDI_VERSION(1, 1), NULL },
};

int cdi_read_edits(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		   struct error *err)
{
	return cdi_read_map(reader, place, edit_fields, COUNT_OF(edit_fields), to, err);
}

static void node_done(struct cdi_node *node)
{
	free(node->path);
	free(node->host_path);
	free(node->permissions);
}

static void mount_done(struct cdi_mount *mount)
{
	free(mount->host_path);
	free(mount->container_path);
	strings_free(mount->options);
	free(mount->type);
}

static void hook_done(struct cdi_hook *hook)
{
	free(hook->name);
	free(hook->path);
	strings_free(hook->args);
	strings_free(hook->env);
}

void cdi_edits_done(struct cdi_edits *edits)
{
	strings_free(edits->env);
	for (size_t i = 0; i < edits->node_count; i++)
		node_done(&edits->nodes[i]);
	for (size_t i = 0; i < edits->mount_count; i++)
		mount_done(&edits->mounts[i]);
	for (size_t i = 0; i < edits->hook_count; i++)
		hook_done(&edits->hooks[i]);
	free(edits->nodes);
	free(edits->mounts);
	free(edits->hooks);
	free(edits->gids);
	*edits = (struct cdi_edits){ .env = NULL };
}
