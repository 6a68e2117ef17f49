/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * container.c - see container.h.
 *
 * The order matters. The image is opened and checked before anything is created. The user namespace
 * comes next, since it gives the right to all that follows. The image server is forked before there
 * is a mount namespace, so that it cannot keep the mount alive; it gets ready while the mount is
 * made. The sources of all mounts are opened as long as "/" is the node's alone. Then the root is
 * put together, on requests that the server already answers. Whatever fails, the caller exits, the
 * namespaces vanish with it, and the server follows them.
 */

#include "launcher/container.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "images/serve.h"
#include "launcher/devices.h"
#include "launcher/identity.h"
#include "launcher/root.h"
#include "launcher/server.h"
#include "launcher/userns.h"

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

/* The mounts of a container, with their sources opened. */
struct plan {
	struct mountlist list;
	int *trees; /* for each mount, -1 where an optional source cannot be had */
};

static void plan_done(struct plan *plan)
{
	for (size_t i = 0; plan->trees && i < plan->list.count; i++)
		if (plan->trees[i] >= 0)
			close(plan->trees[i]);
	free(plan->trees);
	mountlist_done(&plan->list);
}

static bool covers(const struct mountlist *list, const char *path)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].kind != MOUNT_UMOUNT &&
		    path_is_below(path, list->items[i].target))
			return true;
	return false;
}

static bool is_unmounted(const struct mountlist *users, const char *path)
{
	for (size_t i = 0; i < users->count; i++)
		if (users->items[i].kind == MOUNT_UMOUNT &&
		    strcmp(users->items[i].target, path) == 0)
			return true;
	return false;
}

/* Adds a directory of the node that nobody has asked for, unless a mount of the user's is there or
 * above: then that is what the user wants to see. An "umount:" finds its mount all the same. */
static int add(struct mountlist *list, const struct mountlist *users, const char *path,
	       struct error *err)
{
	cleanup_free char *target = path ? path_normalise(path) : NULL;

	if (!target || is_of_image(target) || covers(list, target) ||
	    (covers(users, target) && !is_unmounted(users, target)))
		return 0;
	return mountlist_add_bind(list, target, true, err);
}

/* The mounts that nobody has to ask for, then those of the user, parents first. */
static int list_mounts(const struct container *container, struct mountlist *list, struct error *err)
{
	const struct mountlist *users = &container->settings->mounts;
	const char *const own[] = {
		"/tmp",
		getenv("HOME"),
		container->cwd,
		getenv("PMIX_SERVER_TMPDIR"), /* where Slurm's PMIx server has its sockets */
		container->script,
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (add(list, users, own[i], err) < 0)
			return -1;
	if (mountlist_append_copy(list, users, err) < 0 || mountlist_apply_umounts(list, err) < 0)
		return -1;
	mountlist_sort(list);
	return 0;
}

static int plan_mounts(const struct container *container, struct plan *plan, struct error *err)
{
	if (list_mounts(container, &plan->list, err) < 0)
		return -1;
	plan->trees = malloc((plan->list.count + 1) * sizeof(plan->trees[0]));
	if (!plan->trees)
		return error_set(err, ENOMEM, "cannot keep the mounts");
	for (size_t i = 0; i < plan->list.count; i++)
		plan->trees[i] = -1;
	for (size_t i = 0; i < plan->list.count; i++) {
		const struct mountspec *spec = &plan->list.items[i];

		plan->trees[i] = root_open_source(spec, err);
		if (plan->trees[i] < 0 && !spec->optional)
			return -1;
	}
	return 0;
}

static int place_mounts(struct root *root, const struct plan *plan, struct error *err)
{
	for (size_t i = 0; i < plan->list.count; i++)
		if (plan->trees[i] >= 0 &&
		    root_place(root, plan->trees[i], &plan->list.items[i], err) < 0)
			return -1;
	return 0;
}

/* The kernel's own file systems: a fresh one would need namespaces that ranks share with the node. */
static int mount_kernel(struct root *root, struct error *err)
{
	if (root_bind(root, "/proc", "/proc", false, err) < 0)
		return -1;
	return root_bind(root, "/sys", "/sys", false, err);
}

static int fill_root(struct root *root, const struct plan *plan, struct error *err)
{
	mode_t mask = umask(022);
	int result = -1;

	if (mount_kernel(root, err) == 0 && devices_mount(root, err) == 0 &&
	    identity_mount(root, err) == 0 && place_mounts(root, plan, err) == 0 &&
	    devices_seal(root, err) == 0)
		result = image_seal(root->fd, err);
	umask(mask);
	return result;
}

/* Mounts the image, with a server behind it. Returns the detached mount. */
static int mount_image(const struct container *container, const struct image *image,
		       struct error *err)
{
	cleanup_close int channel = image_channel(err), go = -1, tree = -1;

	if (channel < 0)
		return error_wrap(err, "cannot mount image '%s'", image->path);
	go = server_start(image, channel, container->rendezvous, err);
	if (go < 0)
		return -1;
	if (unshare(CLONE_NEWNS) < 0)
		return error_set(err, errno, "cannot create a mount namespace");
	/* What the node mounts and unmounts from now on happens here too, never the reverse. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_set(err, errno, "cannot make the mounts private");
	tree = image_mount(image, channel, err);
	if (tree < 0)
		return -1;
	server_go(steal_fd(&go));
	return steal_fd(&tree);
}

static int build(const struct container *container, const struct image *image, struct plan *plan,
		 struct error *err)
{
	cleanup_close int tree = -1;
	struct root root;
	int result = -1;

	if (userns_enter(container->userns, err) < 0)
		return -1;
	tree = mount_image(container, image, err);
	if (tree < 0 || plan_mounts(container, plan, err) < 0)
		return -1;
	if (root_init(&root, tree, err) == 0 && fill_root(&root, plan, err) == 0)
		result = root_enter(tree, err);
	root_done(&root);
	return result;
}

int container_cwd(const struct settings *settings, char *cwd, size_t size, struct error *err)
{
	if (getcwd(cwd, size))
		return 0;
	if (settings->workdir) {
		snprintf(cwd, size, "/");
		return 0;
	}
	error_set(err, errno, "cannot tell the working directory");
	return error_remedy(err, "--container-workdir=/");
}

/* What the innermost cause cannot know. */
static void explain(const struct container *container, struct error *err)
{
	if (err->errnum == EMFILE)
		error_remedy(err, "raise the limit of open files (ulimit -n)");
	if (err->errnum == EAGAIN)
		error_remedy(
			err,
			"raise the limit of processes (ulimit -u), or end some of yours on this node");
	if (err->errnum == ENOSYS)
		error_remedy(err, "a node with Linux 5.14 or newer");
	if (err->errnum == ENOTCONN) {
		error_wrap(err, "the image server for '%s' died", container->settings->image);
		error_remedy(
			err,
			"check the job's memory (was it killed for using too much?) and the node's log");
	}
	if (err->errnum == EIO &&
	    container->rendezvous->handover->server == HANDOVER_SERVER_DAMAGED) {
		error_wrap(err, "image '%s' is damaged or cannot be read",
			   container->settings->image);
		error_remedy(err, "check its file system; copy or make the image again");
	}
}

/* Keeps the process on the CPU where it is: it is going to talk to the image server, which begins on
 * the same one, and to wake another CPU for each word takes longer than the word. The binding that
 * Slurm gave the rank goes to `saved`. */
static void stay_here(cpu_set_t *saved)
{
	cpu_set_t one;
	int cpu = sched_getcpu();

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof(*saved), saved) < 0)
		CPU_ZERO(saved);
	else if (cpu >= 0 && CPU_ISSET(cpu, saved))
		CPU_SET(cpu, &one);
	if (CPU_COUNT(&one) > 0)
		(void)sched_setaffinity(0, sizeof(one), &one);
}

static void go_back(const cpu_set_t *saved)
{
	if (CPU_COUNT(saved) > 0)
		(void)sched_setaffinity(0, sizeof(*saved), saved);
}

int container_build(const struct container *container, struct error *err)
{
	struct image image = IMAGE_INIT;
	cpu_set_t binding;
	struct plan plan = { .trees = NULL };
	int result = image_open(&image, container->settings->image, err);

	stay_here(&binding);
	if (result == 0)
		result = build(container, &image, &plan, err);
	go_back(&binding);
	if (result < 0)
		explain(container, err);
	plan_done(&plan);
	image_done(&image);
	return result;
}
