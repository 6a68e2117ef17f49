/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * container.c - see container.h.
 *
 * The order matters. The image is opened and checked before anything is created. The user namespace
 * comes next, since it gives the right to all that follows. The image server is forked before there
 * is a mount namespace, so that it cannot keep the mount alive; it gets ready while the mount is
 * made. Then the root is put together, on requests that the server already answers. Whatever fails,
 * the caller exits, the namespaces vanish with it, and the server follows them.
 */

#include "launcher/container.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
static const char *const image_dirs[] = { "/bin",   "/boot", "/dev",  "/etc", "/lib", "/lib32", "/lib64",
					  "/libx32", "/proc", "/sbin", "/sys", "/usr" };

static bool is_of_image(const char *path)
{
	if (strcmp(path, "/") == 0)
		return true;
	for (size_t i = 0; i < sizeof(image_dirs) / sizeof(image_dirs[0]); i++)
		if (path_is_below(path, image_dirs[i]))
			return true;
	return false;
}

static int add(struct mountlist *list, const char *path, struct error *err)
{
	if (!path || path[0] != '/' || strstr(path, "/..") || is_of_image(path))
		return 0;
	return mountlist_add_bind(list, path, true, err);
}

static bool covers(const struct mountlist *list, const char *path)
{
	for (size_t i = 0; i < list->count; i++)
		if (path_is_below(path, list->items[i].target))
			return true;
	return false;
}

/* The mounts that nobody has to ask for, then those of the user, parents first. */
static int plan_mounts(const struct container *container, struct mountlist *plan, struct error *err)
{
	const struct mountlist *users = &container->settings->mounts;

	if (add(plan, "/tmp", err) < 0 || add(plan, getenv("HOME"), err) < 0)
		return -1;
	if (!covers(plan, container->cwd) && add(plan, container->cwd, err) < 0)
		return -1;
	/* Slurm's PMIx server leaves its sockets here; it is in no user's directory. */
	if (add(plan, getenv("PMIX_SERVER_TMPDIR"), err) < 0 || add(plan, container->script, err) < 0)
		return -1;
	if (mountlist_append_copy(plan, users, err) < 0 || mountlist_apply_umounts(plan, err) < 0)
		return -1;
	mountlist_sort(plan);
	return 0;
}

static int mount_all(struct root *root, const struct mountlist *plan, struct error *err)
{
	for (size_t i = 0; i < plan->count; i++)
		if (root_mount(root, &plan->items[i], err) < 0)
			return -1;
	return 0;
}

/* The kernel's own file systems: a fresh one would need namespaces that ranks share with the node. */
static int mount_kernel(struct root *root, struct error *err)
{
	struct mountlist list = { .items = NULL };
	int result = -1;

	if (mountlist_add_bind(&list, "/proc", false, err) == 0 &&
	    mountlist_add_bind(&list, "/sys", false, err) == 0)
		result = mount_all(root, &list, err);
	mountlist_done(&list);
	return result;
}

static int fill_root(struct root *root, const struct container *container, struct error *err)
{
	struct mountlist plan = { .items = NULL };
	mode_t mask = umask(022);
	int result = -1;

	if (mount_kernel(root, err) == 0 && devices_mount(root, err) == 0 &&
	    identity_mount(root, err) == 0 && plan_mounts(container, &plan, err) == 0 &&
	    mount_all(root, &plan, err) == 0 && devices_seal(root, err) == 0)
		result = image_seal(root->fd, err);
	mountlist_done(&plan);
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

static int build(const struct container *container, struct image *image, struct error *err)
{
	cleanup_close int tree = -1;
	struct root root;
	int result = -1;

	if (image_open(image, container->settings->image, err) < 0 ||
	    userns_enter(container->userns, err) < 0)
		return -1;
	tree = mount_image(container, image, err);
	if (tree < 0)
		return -1;
	if (root_init(&root, tree, err) == 0 && fill_root(&root, container, err) == 0)
		result = root_enter(tree, err);
	root_done(&root);
	return result;
}

int container_build(const struct container *container, struct error *err)
{
	struct image image = IMAGE_INIT;
	int result = build(container, &image, err);

	if (result < 0 && err->errnum == ENOSYS)
		error_remedy(err, "a node with Linux 5.14 or newer");
	image_done(&image);
	return result;
}
