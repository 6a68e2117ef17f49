/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wishes.c - see wishes.h.
 *
 * Each wish in turn: where the user or davit.conf has spoken, that counts; where they have not, the
 * image's word does, unless the option is forbidden or the policy has a rule against it.
 */
#include "launcher/permissions/wishes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/home.h"
#include "launcher/root.h"
#include "launcher/security/calls.h"

static struct error *note(struct container *container, const char *what, const struct error *why)
{
	struct error *note = notes_add(&container->notes);

	error_set(note, 0, "the image asks for %s, and does not get it: %s", what, why->cause);
	if (why->remedy[0])
		error_remedy(note, "%s", why->remedy);
	return note;
}

/* May an image have what this option gives? Tells in `why` where not. */
static bool may(const struct container *container, const char *option, struct error *why)
{
	const struct option_def *def = settings_find(option);
	const struct conf *conf = container->conf;
	const struct policy_rule *rule = container->rule;

	if (def && conf->forbidden[def - settings_options]) {
		error_set(why, 0, "%s:%zu forbids the option '%s'", conf->paths[CONF_SITE],
			  conf->forbidden[def - settings_options], option);
		error_remedy(why, "another image, or ask your admin");
		return false;
	}
	if (rule && policy_matches(rule->lists[POLICY_FORBID], option)) {
		error_set(why, 0, "the option '%s' is not allowed", option);
		policy_refuse(&conf->policy, rule, why);
		return false;
	}
	return true;
}

/* The same for one of several; where a rule has a list of them. */
static bool rule_allows(const struct container *container, enum policy_list list, const char *name,
			struct error *why)
{
	const struct policy_rule *rule = container->rule;

	if (!rule || !rule->lists[list] || policy_matches(rule->lists[list], name))
		return true;
	error_set(why, 0, "'%s' is not allowed", name);
	policy_refuse(&container->conf->policy, rule, why);
	return false;
}

/* Has davit.conf set the option, so that the image's wish meets it? Tells in `why`. */
static bool is_set(const struct container *container, const char *option, const char *value,
		   struct error *why)
{
	const struct choice_item *item =
		&container->conf->choices.items[settings_find(option) - settings_options];

	if (!item->value || strcmp(item->value, value) != 0)
		return false;
	error_set(why, 0, "%s says '%s: %s'", item->origin, option, value);
	error_remedy(why, "--container-%s", option);
	return true;
}

/* ---- devices --------------------------------------------------------------------------------- */

/* Devices are there unless somebody says no: is there one who does? */
static bool is_without(struct container *container, enum choice asks, const char *option,
		       const char *what)
{
	struct error why = ERROR_INIT;

	if (asks == CHOICE_NO)
		return true;
	if (asks == CHOICE_UNSET || !container->conf->least_privilege)
		return container->conf->least_privilege;
	if (may(container, option, &why))
		return false;
	note(container, what, &why);
	return true;
}

/* What an image may ask for by a yes: by an option whose value `none` takes it away. */
struct thing {
	const char *option, *none, *what;
	enum choice asks;
	bool is_open; /* nobody has said anything about it */
	bool is_none;
};

/* Does the container go without? */
static bool goes_without(struct container *container, const struct thing *thing)
{
	struct error why = ERROR_INIT;

	if (thing->is_open)
		return is_without(container, thing->asks, thing->option, thing->what);
	if (thing->asks == CHOICE_YES && thing->is_none &&
	    is_set(container, thing->option, thing->none, &why))
		note(container, thing->what, &why);
	return thing->is_none;
}

static void grant_choices(struct wishes *wishes, struct container *container)
{
	struct settings *settings = &wishes->settings;
	const struct permissions *asks = &wishes->asks;
	const struct thing gpus = { "gpus",
				    "none",
				    "the node's GPUs",
				    asks->gpus,
				    settings->gpus == GPUS_UNSET,
				    settings->gpus == GPUS_NONE };
	const struct thing nic = { "nic",
				   "none",
				   "the node's adapters",
				   asks->adapters,
				   settings->nic == NIC_UNSET,
				   settings->nic == NIC_NONE };
	const struct thing home = { "mount-home",
				    "no",
				    "the user's home directory",
				    asks->home,
				    settings->mount_home == CHOICE_UNSET,
				    settings->mount_home == CHOICE_NO };

	if (goes_without(container, &gpus))
		settings->gpus = GPUS_NONE;
	if (goes_without(container, &nic))
		settings->nic = NIC_NONE;
	if (goes_without(container, &home))
		settings->mount_home = CHOICE_NO;
	container->without_cwd = asks->workdir == CHOICE_NO || (asks->workdir == CHOICE_UNSET &&
								container->conf->least_privilege);
}

/* By their names devices could be had that are another job's, so only those that are listed. */
static bool may_have_device(const struct container *container, const char *name, struct error *why)
{
	if (!may(container, "device", why) || !rule_allows(container, POLICY_DEVICES, name, why))
		return false;
	if (policy_matches(container->conf->image_devices, name))
		return true;
	error_set(why, 0, "no davit.conf lists it in 'image-devices'");
	error_remedy(why, "--container-device=%s", name);
	return false;
}

static bool may_have_call(const struct container *container, const char *name, struct error *why)
{
	char item[128];
	int call = call_number(name);

	if (call == CALL_UNKNOWN) {
		error_set(why, 0, "there is none of this name");
		return false;
	}
	if (!profile_find(&container->security.profile, call))
		return true; /* as everybody */
	snprintf(item, sizeof(item), "seccomp:allow:%s", name);
	if (!may(container, "security", why) || !rule_allows(container, POLICY_SECURITY, item, why))
		return false;
	if (policy_matches(container->conf->image_system_calls, name))
		return true;
	error_set(why, 0, "no davit.conf lists it in 'image-system-calls'");
	error_remedy(why, "--container-security=%s", item);
	return false;
}

/* The names of a list that the image may have; one note on the first of the others. NULL for none. */
static int pick(struct container *container, char *const *names, const char *kind,
		bool (*may_have)(const struct container *container, const char *name,
				 struct error *why),
		char ***picked, struct error *err)
{
	size_t count = 0, kept = 0;
	bool is_told = false;

	while (names && names[count])
		count++;
	if (count == 0)
		return 0;
	*picked = calloc(count + 1, sizeof(**picked));
	for (size_t i = 0; *picked && i < count; i++) {
		struct error why = ERROR_INIT;
		char what[256];

		if (may_have(container, names[i], &why)) {
			(*picked)[kept] = strdup(names[i]);
			if (!(*picked)[kept++])
				return error_set(err, ENOMEM, "cannot keep the image's wishes");
			continue;
		}
		snprintf(what, sizeof(what), "the %s %.200s", kind, names[i]);
		if (!is_told)
			note(container, what, &why);
		is_told = true;
	}
	if (!*picked)
		return error_set(err, ENOMEM, "cannot keep the image's wishes");
	if (kept == 0) {
		free(*picked);
		*picked = NULL;
	}
	return 0;
}

/* ---- network --------------------------------------------------------------------------------- */

static void grant_network(struct wishes *wishes, struct container *container)
{
	static const struct {
		const char *kind, *what; /* as policies call it, and as we do */
		unsigned int bits;
	} kinds[] = {
		[NETWORK_HOST] = { "host", "the node's network", 0 },
		[NETWORK_NONE] = { "net", "no network", UNSHARE_NET },
		[NETWORK_SLIRP] = { "net:slirp", "a network of its own that leads out",
				    UNSHARE_NET | UNSHARE_SLIRP },
	};
	const unsigned int spoken = wishes->settings.unshare.what & (UNSHARE_NET | UNSHARE_HOST);
	const enum permissions_network asks = wishes->asks.network;
	const bool least = container->conf->least_privilege;
	struct error why = ERROR_INIT;

	wishes->settings.unshare.what &= ~UNSHARE_HOST;
	if (spoken || (asks == NETWORK_UNSAID && !least) || (asks == NETWORK_HOST && !least))
		return;
	if (asks == NETWORK_UNSAID) {
		wishes->settings.unshare.what |= UNSHARE_NET;
		return;
	}
	if (may(container, "unshare", &why) &&
	    rule_allows(container, POLICY_NETWORK, kinds[asks].kind, &why)) {
		wishes->settings.unshare.what |= kinds[asks].bits;
		return;
	}
	note(container, kinds[asks].what, &why);
	if (least)
		wishes->settings.unshare.what |= UNSHARE_NET;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void grant_writable(struct wishes *wishes, struct container *container)
{
	static const char what[] = "being written to";
	struct settings *settings = &wishes->settings;
	struct error why = ERROR_INIT;

	if (wishes->asks.writable != WRITABLE_MEMORY)
		return;
	if (settings->writable != WRITABLE_UNSET) {
		if (settings->writable == WRITABLE_NO && is_set(container, "writable", "no", &why))
			note(container, what, &why);
		return;
	}
	if (!may(container, "writable", &why)) {
		note(container, what, &why);
		return;
	}
	settings->writable = WRITABLE_MEMORY;
	settings->writable_size = wishes->asks.writable_size;
}

int wishes_grant(struct wishes *wishes, struct container *container, int root, struct error *err)
{
	wishes->settings = *container->settings;
	if (permissions_read(&wishes->asks, root, err) < 0)
		return -1;
	container->asks = &wishes->asks;
	grant_choices(wishes, container);
	grant_network(wishes, container);
	grant_writable(wishes, container);
	if (!wishes->settings.devices && pick(container, wishes->asks.devices, "device",
					      may_have_device, &wishes->devices, err) < 0)
		return -1;
	if (wishes->devices)
		wishes->settings.devices = wishes->devices;
	/* Who has spoken of them themselves has said all. */
	if (!wishes->settings.security && pick(container, wishes->asks.system_calls, "system call",
					       may_have_call, &wishes->calls, err) < 0)
		return -1;
	for (char **name = wishes->calls; name && *name; name++)
		if (profile_allow_call(&container->security.profile, *name, err) < 0)
			return -1;
	container->settings = &wishes->settings;
	return 0;
}

void wishes_done(struct wishes *wishes)
{
	strings_free(wishes->devices);
	strings_free(wishes->calls);
	permissions_done(&wishes->asks);
	*wishes = (struct wishes){ .devices = NULL };
}

/* ---- mounts ---------------------------------------------------------------------------------- */

/* What is open counts, wherever links have led. */
static bool may_have_source(const struct container *container, int fd, struct error *why)
{
	char path[PATH_MAX];

	if (root_path(fd, path) < 0) {
		error_set(why, errno, "cannot tell where it is");
		return false;
	}
	if (policy_check_source(&container->conf->policy, container->rule, fd, why) < 0)
		return false;
	if (policy_matches(container->conf->image_mounts, path))
		return true;
	error_set(why, 0, "no davit.conf lists it in 'image-mounts'");
	error_remedy(why, "--container-mounts=%s", path);
	return false;
}

/* Returns a descriptor of the source, or -1 with `why` set. */
static int open_wish(const struct container *container, const struct mountspec *spec,
		     struct error *why)
{
	cleanup_free char *path = home_expand(spec->source, why);
	cleanup_close int fd = path ? open(path, O_PATH | O_CLOEXEC) : -1;

	if (!path)
		return -1;
	if (fd < 0)
		return error_set(why, errno, "cannot open it on this node");
	return may_have_source(container, fd, why) ? steal_fd(&fd) : -1;
}

static int append(struct mountlist *list, const struct mountspec *spec, int fd, struct error *err)
{
	char link[64];
	struct mountspec opened = *spec;
	const struct mountlist one = { .items = &opened, .count = 1 };

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (spec->kind == MOUNT_BIND)
		opened.source = link;
	return mountlist_append_copy(list, &one, err);
}

int wishes_list_mounts(struct container *container, struct mountlist *list, int *fds, size_t *count,
		       struct error *err)
{
	const struct mountlist *asked = &container->asks->mounts;
	bool is_told = false;

	for (size_t i = 0; i < asked->count; i++) {
		const struct mountspec *spec = &asked->items[i];
		bool is_bind = spec->kind == MOUNT_BIND;
		struct error why = ERROR_INIT;
		char what[256];
		int fd = -1;

		if (may(container, "mounts", &why) &&
		    (is_bind ? (fd = open_wish(container, spec, &why)) >= 0
			     : rule_allows(container, POLICY_MOUNTS, "tmpfs", &why))) {
			if (fd >= 0)
				fds[(*count)++] = fd;
			if (append(list, spec, fd, err) < 0)
				return -1;
			continue;
		}
		snprintf(what, sizeof(what), "the mount of '%.200s'",
			 is_bind ? spec->source : spec->target);
		if (!is_told)
			note(container, what, &why);
		is_told = true;
	}
	return 0;
}
