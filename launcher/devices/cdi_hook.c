/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cdi_hook.c - see grant.h: what the hooks of CDI specifications are for.
 *
 * A hook is a program of the node's that changes a container's files. Those that specifications really
 * have are the few of NVIDIA's toolkit; what they do is done here without them, by mounts. A program
 * that is not known is not run unless the site names it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/devices/grant.h"

static int no_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot keep what a CDI hook is for");
}

/* TARGET::PATH */
static int add_link(struct grant *grant, const char *text, struct error *err)
{
	const char *middle = strstr(text, "::");
	struct grant_link *bigger, link;

	if (!middle || middle == text)
		return 0;
	link.path = path_normalise(middle + 2);
	if (!link.path)
		return errno == ENOMEM ? no_memory(err) : 0;
	link.target = strndup(text, (size_t)(middle - text));
	bigger = realloc(grant->links, (grant->link_count + 1) * sizeof(*bigger));
	if (!bigger || !link.target) {
		grant->links = bigger ? bigger : grant->links;
		free(link.path);
		free(link.target);
		return no_memory(err);
	}
	grant->links = bigger;
	bigger[grant->link_count++] = link;
	return 0;
}

static int add_folder(struct grant *grant, const char *text, struct error *err)
{
	cleanup_free char *path = path_normalise(text);

	return path ? paths_add_directory(&grant->folders, path, strlen(path), err) : 0;
}

static int set_compat(struct grant *grant, const char *version, struct error *err)
{
	free(grant->compat_for);
	grant->compat_for = strdup(version);
	return grant->compat_for ? 0 : no_memory(err);
}

/* Who may open a device file and what a directory's mode is: both are as they should be anyway. */
static int nothing_to_do(struct grant *grant, const char *text, struct error *err)
{
	(void)grant;
	(void)text;
	(void)err;
	return 0;
}

static const struct standard {
	const char *name, *option;
	int (*take)(struct grant *grant, const char *value, struct error *err);
} standards[] = {
	{ "create-symlinks", "--link", add_link },
	{ "update-ldcache", "--folder", add_folder },
	{ "create-soname-symlinks", "--folder", add_folder },
	{ "enable-cuda-compat", "--host-driver-version", set_compat },
	{ "chmod", "--path", nothing_to_do },
	{ "disable-device-node-modification", "", nothing_to_do },
};

static bool is_known(const char *program)
{
	const char *name = strrchr(program, '/') + 1;

	return strcmp(name, "nvidia-ctk") == 0 || strcmp(name, "nvidia-cdi-hook") == 0;
}

/* The command among the arguments: `nvidia-ctk hook NAME`, `nvidia-cdi-hook NAME`. */
static const struct standard *find_standard(const struct cdi_hook *hook, char *const **args)
{
	char *const *at = hook->args;

	if (!is_known(hook->path) || !*at)
		return NULL;
	for (at++; *at && (strcmp(*at, "hook") == 0 || (*at)[0] == '-'); at++)
		;
	*args = at + (*at != NULL);
	for (size_t i = 0; *at && i < sizeof(standards) / sizeof(standards[0]); i++)
		if (strcmp(*at, standards[i].name) == 0)
			return &standards[i];
	return NULL;
}

static int follow(struct grant *grant, const struct standard *standard, char *const *args,
		  struct error *err)
{
	size_t len = strlen(standard->option);

	for (; *args; args++) {
		const char *value = NULL;

		if (strncmp(*args, standard->option, len) == 0 && (*args)[len] == '=')
			value = *args + len + 1;
		else if (strcmp(*args, standard->option) == 0 && args[1])
			value = *++args;
		if (value && standard->take(grant, value, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_allowed(const struct conf *conf, const char *path)
{
	for (char **at = conf->cdi_hooks; at && *at; at++)
		if (strcmp(*at, path) == 0)
			return true;
	return false;
}

static int keep(struct grant *grant, const struct cdi_hook *hook, struct error *err)
{
	const struct cdi_hook **bigger =
		realloc(grant->hooks, (grant->hook_count + 1) * sizeof(*bigger));

	if (!bigger)
		return no_memory(err);
	grant->hooks = bigger;
	bigger[grant->hook_count++] = hook;
	return 0;
}

static void note_refused(struct grant *grant, const struct cdi_hook *hook, const char *spec)
{
	struct error note = ERROR_INIT;

	error_set(&note, 0, "'%s:%zu': the hook '%s%s%s' is not run", spec, hook->line, hook->path,
		  hook->args[0] && hook->args[1] ? " " : "",
		  hook->args[0] && hook->args[1] ? hook->args[1] : "");
	error_remedy(
		&note,
		"if the device does not work without, ask your admin for 'cdi-hooks' in davit.conf");
	for (size_t i = 0; i < grant->notes.count; i++)
		if (strcmp(grant->notes.items[i].cause, note.cause) == 0)
			return;
	notes_copy(&grant->notes, &note);
}

int grant_hook(struct grant *grant, const struct conf *conf, const struct cdi_hook *hook,
	       const char *spec, struct error *err)
{
	char *const *args;
	const struct standard *standard = find_standard(hook, &args);

	if (standard)
		return follow(grant, standard, args, err);
	if (is_allowed(conf, hook->path))
		return keep(grant, hook, err);
	note_refused(grant, hook, spec);
	return 0;
}
