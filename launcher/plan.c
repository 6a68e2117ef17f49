/* SPDX-License-Identifier: BSD-3-Clause */
/* plan.c - see plan.h. */
#include "launcher/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/home.h"
#include "launcher/conf/conf.h"
#include "launcher/permissions/wishes.h"
#include "launcher/pmix.h"

#define MUNGE_DIR "/run/munge" /* where libmunge looks for its daemon */

/* What belongs to the image: the job's working directory is not brought along from there, for it
 * would hide the image's own files. */
static const char *const image_dirs[] = { "/bin",   "/boot",   "/dev",  "/etc",  "/lib", "/lib32",
					  "/lib64", "/libx32", "/proc", "/sbin", "/sys", "/usr" };

static bool is_of_image(const char *path)
{
	if (strcmp(path, "/") == 0)
		return true;
	for (size_t i = 0; i < sizeof(image_dirs) / sizeof(image_dirs[0]); i++)
		if (path_is_below(path, image_dirs[i]))
			return true;
	return false;
}

static bool covers(const struct mountlist *list, const char *path)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].kind != MOUNT_UMOUNT &&
		    path_is_below(path, list->items[i].target))
			return true;
	return false;
}

static bool is_unmounted(const struct mountlist *asked, const char *path)
{
	for (size_t i = 0; i < asked->count; i++)
		if (asked->items[i].kind == MOUNT_UMOUNT &&
		    strcmp(asked->items[i].target, path) == 0)
			return true;
	return false;
}

/* Adds a directory of the node that nobody has asked for, unless a mount that was asked for is there
 * or above: then that is what is to be seen. An "umount:" finds its mount all the same. */
static int add(struct mountlist *list, const struct mountlist *asked, const char *path,
	       struct error *err)
{
	cleanup_free char *target = path ? path_normalise(path) : NULL;

	if (!target || is_of_image(target) || covers(list, target) ||
	    (covers(asked, target) && !is_unmounted(asked, target)))
		return 0;
	return mountlist_add_bind(list, target, true, err);
}

/* Appends those that the image gets. */
static int list_wishes(struct plan *plan, struct container *container, struct mountlist *list,
		       struct error *err)
{
	if (!container->asks || container->asks->mounts.count == 0)
		return 0;
	plan->sources = calloc(container->asks->mounts.count, sizeof(plan->sources[0]));
	if (!plan->sources)
		return error_set(err, ENOMEM, "cannot keep the mounts");
	return wishes_list_mounts(container, list, plan->sources, &plan->source_count, err);
}

/* Devices, default ones, then those that the image asks for, those of the site, those of the user;
 * parents first. */
static int list_mounts(struct plan *plan, struct container *container, struct error *err)
{
	struct mountlist *list = &plan->list;
	const struct settings *settings = container->settings;
	const char *home = getenv("HOME");
	bool without_home = settings->mount_home == CHOICE_NO;
	bool at_home = home && container->cwd && strcmp(home, container->cwd) == 0;
	const char *tmpdir = getenv("TMPDIR");
	bool tmp_at_home = home && tmpdir && path_is_below(tmpdir, home);
	cleanup_free char *ranks_dir = pmix_ranks_dir();
	const char *const own[] = {
		"/tmp",
		without_home ? NULL : home,
		container->without_cwd || (without_home && at_home) ? NULL : container->cwd,
		container->conf->least_privilege || (without_home && tmp_at_home) ? NULL : tmpdir,
		getenv("PMIX_SERVER_TMPDIR"), /* where Slurm's PMIx server has its files */
		ranks_dir,
		pmix_uses_munge() ? MUNGE_DIR : NULL,
		/* where programs of CUDA's Multi-Process Service meet; the usual one is in /tmp */
		container->grant.granted_count > 0 ? getenv("CUDA_MPS_PIPE_DIRECTORY") : NULL,
		container->script,
	};
	struct mountlist asked = { .items = NULL };
	int result = -1;

	if (container->builds)
		return 0;
	if (list_wishes(plan, container, &asked, err) < 0 ||
	    mountlist_append_copy(&asked, &container->conf->mounts, err) < 0 ||
	    mountlist_append_copy(&asked, &settings->mounts, err) < 0)
		goto out;
	if (mountlist_append_copy(list, &container->grant.mounts, err) < 0)
		goto out;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (add(list, &asked, own[i], err) < 0)
			goto out;
	if (mountlist_append_copy(list, &asked, err) < 0 || mountlist_apply_umounts(list, err) < 0)
		goto out;
	mountlist_sort(list);
	result = 0;
out:
	mountlist_done(&asked);
	return result;
}

/* Where a policy says which sources users may choose, what it has looked at is what is mounted. */
static int open_source(const struct container *container, const struct mountspec *spec,
		       struct error *err)
{
	const struct policy_rule *rule = container->rule;
	struct mountspec seen = *spec;
	cleanup_free char *path = NULL;
	cleanup_close int fd = -1;
	char link[64];

	if (!rule || !rule->lists[POLICY_MOUNTS] || !spec->is_users || spec->kind != MOUNT_BIND)
		return root_open_source(spec, err);
	path = home_expand(spec->source, err);
	if (!path)
		return -1;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0) {
		error_set(err, errno, "cannot mount '%s'", path);
		return error_remedy(err, "check the path and that its file system is mounted here");
	}
	if (policy_check_source(&container->conf->policy, rule, fd, err) < 0)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	seen.source = link;
	return root_open_source(&seen, err);
}

/* Each mount is an open file for a while; the limit is meant for the application. */
static void raise_limit(struct rlimit *files)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, files) < 0)
		return;
	most = *files;
	most.rlim_cur = most.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &most);
}

int plan_make(struct plan *plan, struct container *container, struct error *err)
{
	if (list_mounts(plan, container, err) < 0)
		return -1;
	raise_limit(&plan->files);
	plan->trees = malloc((plan->list.count + 1) * sizeof(plan->trees[0]));
	if (!plan->trees)
		return error_set(err, ENOMEM, "cannot keep the mounts");
	for (size_t i = 0; i < plan->list.count; i++)
		plan->trees[i] = -1;
	for (size_t i = 0; i < plan->list.count; i++) {
		const struct mountspec *spec = &plan->list.items[i];

		plan->trees[i] = open_source(container, spec, err);
		if (plan->trees[i] < 0 && !spec->optional)
			return -1;
	}
	return 0;
}

int plan_place(const struct plan *plan, struct root *root, struct error *err)
{
	for (size_t i = 0; i < plan->list.count; i++) {
		const struct mountspec *spec = &plan->list.items[i];

		if (plan->trees[i] < 0 || root_place(root, plan->trees[i], spec, err) == 0)
			continue;
		if (!spec->is_dispensable)
			return -1;
		*err = (struct error)ERROR_INIT;
	}
	return 0;
}

void plan_done(struct plan *plan)
{
	for (size_t i = 0; plan->trees && i < plan->list.count; i++)
		if (plan->trees[i] >= 0)
			close(plan->trees[i]);
	if (plan->files.rlim_max > 0)
		(void)setrlimit(RLIMIT_NOFILE, &plan->files);
	for (size_t i = 0; i < plan->source_count; i++)
		close(plan->sources[i]);
	free(plan->sources);
	free(plan->trees);
	mountlist_done(&plan->list);
}
