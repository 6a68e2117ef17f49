/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * container.c - see container.h.
 *
 * The order matters. The image is opened and checked before anything is created, and the processes
 * that stay on the node's side are forked as long as this one is there. The user namespace comes
 * next, since it gives the right to all that follows. The image server is forked before there is a
 * mount namespace, so that it cannot keep the mount alive; it gets ready while the mount is made. The
 * sources of all mounts are opened as long as "/" is the node's alone. Then the root is put together,
 * on requests that the server already answers. Whatever fails, the caller exits, the namespaces
 * vanish with it, and the server follows them.
 */

#include "launcher/container.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "images/serve.h"
#include "launcher/devices.h"
#include "launcher/entrance.h"
#include "launcher/fakeroot.h"
#include "launcher/identity.h"
#include "launcher/named.h"
#include "launcher/network.h"
#include "launcher/overlay.h"
#include "launcher/plan.h"
#include "launcher/process.h"
#include "launcher/recipe_make.h"
#include "launcher/root.h"
#include "launcher/server.h"
#include "launcher/slurm_service.h"
#include "launcher/userns.h"

/* A directory that is not to be written to still needs mount points. */
#define POINTS_SIZE "1m"

/* What exists while a container is being built. */
struct site {
	struct container *container;
	const struct settings *settings;
	struct way *way;
	struct image image;
	struct named named;
	struct plan plan;
	int layer;   /* directory that takes what is written, or -1 */
	int slurm;   /* slurm_service_start() */
	int network; /* network_start() */
	int watch;   /* inotify for the end of a container without an image server */
	int saver;   /* read by the saver: the other end of the lifeline */
};

static bool is_remapped(const struct site *site)
{
	return site->settings->remap_root == CHOICE_YES;
}

static int fill(struct site *site, struct root *root, struct error *err)
{
	const struct conf *conf = site->container->conf;
	const struct namespaces *namespaces = &site->way->namespaces;
	bool in_place = is_remapped(site) && site->settings->writable > WRITABLE_NO;

	if (namespaces_mount_kernel(namespaces, root, err) < 0 || devices_mount(root, err) < 0 ||
	    namespaces_mount_ipc(namespaces, root, err) < 0 || identity_mount(root, in_place, err) < 0)
		return -1;
	if (is_remapped(site) && !conf->subids && fakeroot_mount(root, err) < 0)
		return -1;
	for (size_t i = 0; i < conf->template_count; i++)
		if (root_put_file(root, conf->templates[i].path, conf->templates[i].content, err) <
		    0)
			return -1;
	if (site->slurm >= 0 && slurm_service_mount(root, steal_fd(&site->slurm), err) < 0)
		return -1;
	if (site->network >= 0 &&
	    (network_connect(site->network, namespaces, root->dev, err) < 0 ||
	     network_mount_names(root, err) < 0))
		return -1;
	return plan_place(&site->plan, root, err) < 0 ? -1 : devices_seal(root, err);
}

/* Puts everything on top of the mount `tree`, and lets the saver have that as it is. */
static int furnish(struct site *site, int tree, struct root *root, struct error *err)
{
	cleanup_close int bare = -1;
	mode_t mask = umask(022);
	int result = fill(site, root, err);

	umask(mask);
	if (result < 0)
		return -1;
	if (site->settings->writable <= WRITABLE_NO && image_seal(root->fd, err) < 0)
		return -1;
	if (site->container->save.control < 0)
		return 0;
	bare = open_tree(tree, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (bare < 0)
		return error_set(err, errno, "cannot copy the container's root mount");
	return save_set_root(&site->container->save, bare, site->saver, err);
}

/* ---- the root ------------------------------------------------------------ */

/* What the node keeps beside the container. */
static int start_server(struct site *site, int channel, struct error *err)
{
	const struct server server = { .image = &site->image,
				       .channel = channel,
				       .watch = site->watch,
				       .held = { site->layer, -1 },
				       .rendezvous = site->container->rendezvous };

	return server_start(&server, err);
}

static int enter_namespaces(struct site *site, struct error *err)
{
	return namespaces_create(site->settings->unshare.what, &site->way->namespaces, err);
}

static int open_layer(const struct site *site, struct error *err)
{
	const struct settings *settings = site->settings;
	const char *size = settings->writable_size ? settings->writable_size
						   : site->container->conf->writable_size;

	return overlay_open(site->layer, settings->writable > WRITABLE_NO ? size : POINTS_SIZE,
			    err);
}

/* Lets the server begin, who answers for what is written to memory. */
static void go_on(const struct site *site, int go, int layer)
{
	bool in_memory = site->settings->writable == WRITABLE_MEMORY && site->layer < 0;

	server_go(go, in_memory ? layer : -1);
}

/* Mounts the image, with a server behind it. Returns the detached mount. */
static int mount_squashfs(struct site *site, struct error *err)
{
	cleanup_close int channel = image_channel(err), go = -1, tree = -1, layer = -1;

	if (channel < 0)
		return error_wrap(err, "cannot mount image '%s'", site->image.path);
	go = start_server(site, channel, err);
	if (go < 0 || enter_namespaces(site, err) < 0)
		return -1;
	tree = image_mount(&site->image, channel, err);
	if (tree < 0)
		return -1;
	if (site->settings->writable <= WRITABLE_NO) {
		server_go(steal_fd(&go), -1);
		return steal_fd(&tree);
	}
	if (image_seal(tree, err) < 0 || root_attach_below(tree, err) < 0)
		return -1;
	layer = open_layer(site, err);
	if (layer < 0)
		return -1;
	go_on(site, steal_fd(&go), layer);
	return overlay_mount(tree, layer, NULL, err); /* all in the image is the user's */
}

/* Nothing may be created in the directory, so there is always a layer over it. A keeper in the
 * server's place holds the lock on the layer. */
static int mount_directory(struct site *site, struct error *err)
{
	cleanup_close int go = -1, lower = -1, tree = -1, layer = -1;
	char link[64];

	site->watch = inotify_init1(IN_CLOEXEC);
	if (site->watch < 0)
		return error_set(err, errno, "cannot watch for the container's end");
	if (site->settings->writable > WRITABLE_NO && (go = start_server(site, -1, err)) < 0)
		return -1;
	if (enter_namespaces(site, err) < 0 || plan_make(&site->plan, site->container, err) < 0 ||
	    (lower = root_reopen(site->image.fd, err)) < 0 || (layer = open_layer(site, err)) < 0)
		return -1;
	tree = overlay_mount(lower, layer, &site->plan.list, err);
	if (tree < 0)
		return error_wrap(err, "directory '%s'", site->image.path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", tree);
	if (inotify_add_watch(site->watch, link, IN_DELETE_SELF) < 0)
		return error_set(err, errno, "cannot watch for the container's end");
	if (go >= 0)
		go_on(site, steal_fd(&go), layer);
	return steal_fd(&tree);
}

static int raise_root(struct site *site, struct error *err)
{
	cleanup_close int tree = site->image.kind == IMAGE_DIRECTORY ? mount_directory(site, err)
								     : mount_squashfs(site, err);
	struct root root;
	int result = -1;

	if (tree < 0 || (!site->plan.trees && plan_make(&site->plan, site->container, err) < 0))
		return -1;
	if (root_init(&root, tree, err) == 0 && furnish(site, tree, &root, err) == 0)
		result = root_enter(tree, err);
	root_done(&root);
	return result;
}

/* ---- what comes before and after ----------------------------------------- */

/* A step on several nodes would write one file several times. */
static bool saves(const struct settings *settings)
{
	const char *node = getenv("SLURM_NODEID");

	return settings->save && (!node || strcmp(node, "0") == 0);
}

static int start_saver(struct site *site, struct error *err)
{
	int lifeline[2];

	if (!saves(site->settings))
		return 0;
	if (pipe2(lifeline, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot create a pipe");
	site->saver = lifeline[0];
	site->way->lifeline = lifeline[1];
	return save_start(&site->container->save, site->settings->save, err);
}

static int make_recipe(struct site *site, struct error *err)
{
	bool guarded = site->way->lifeline >= 0 || (site->way->namespaces.what & UNSHARE_PID);

	site->way->recipe = recipe_make(site->container, &site->image, guarded, err);
	return site->way->recipe < 0 ? -1 : 0;
}

static int build(struct site *site, struct error *err)
{
	const struct settings *settings = site->settings;
	const struct userns_request userns = {
		.fd = site->container->userns,
		.remap_root = is_remapped(site),
		.subids = is_remapped(site) && site->container->conf->subids,
	};

	if (settings->writable == WRITABLE_DIR &&
	    (site->layer = overlay_prepare(settings->writable_dir, err)) < 0)
		return -1;
	if (settings->slurm == CHOICE_YES && (site->slurm = slurm_service_start(err)) < 0)
		return -1;
	if (userns_enter(&userns, err) < 0 || start_saver(site, err) < 0)
		return -1;
	if ((settings->unshare.what & UNSHARE_SLIRP) &&
	    (site->network = network_start(&settings->unshare, err)) < 0)
		return -1;
	return raise_root(site, err) < 0 ? -1 : make_recipe(site, err);
}

static uint32_t own_job(void)
{
	const char *job = getenv("SLURM_JOB_ID");

	return job ? (uint32_t)strtoul(job, NULL, 10) : 0;
}

/* Enters the container of that name in which another step of the job runs. */
static int enter_running(struct site *site, struct error *err)
{
	const struct running_want want = { .job = own_job(),
					   .step = STEP_NONE,
					   .name = site->settings->name };
	struct running_list list = { .items = NULL };
	struct entrance entrance = ENTRANCE_INIT;
	const struct running *running = NULL;
	int result = -1;

	if (running_list_read(&list, false, err) == 0)
		running = running_find(&list, &want);
	if (running && entrance_open(&entrance, running, err) == 0 &&
	    entrance_copy(&entrance, &site->way->namespaces, err) == 0 &&
	    entrance_pass(&entrance, err) == 0)
		result = make_recipe(site, err);
	else if (!running)
		error_set(err, 0, "container '%s' runs, but none of its processes can be found",
			  want.name);
	entrance_done(&entrance);
	running_list_done(&list);
	return result;
}

/* Returns 1 to enter a container that runs, 0 to build one on what is kept, -1 with `err` set. */
static int find_named(struct site *site, struct error *err)
{
	const struct settings *settings = site->settings;
	bool is_busy;

	if (named_open(&site->named, settings, site->container->conf->state_dir, err) < 0)
		return -1;
	if (site->named.image && settings->name_mode == NAME_CREATE) {
		error_set(err, 0, "the job has a container '%s' already on this node",
			  settings->name);
		return error_remedy(err, "another name, or '%s' alone to use it", settings->name);
	}
	site->layer = overlay_prepare(site->named.dir, err);
	is_busy = site->layer < 0 && err->errnum == EBUSY;
	if (is_busy && settings->name_mode != NAME_NO_EXEC)
		return 1;
	if (is_busy) {
		error_set(err, 0, "container '%s' of the job runs already on this node",
			  settings->name);
		return error_remedy(err, "another name, or '%s' alone to enter it", settings->name);
	}
	if (site->layer < 0)
		return -1;
	if (settings->name_mode != NAME_EXEC)
		return 0;
	error_set(err, 0, "no container '%s' of the job runs on this node", settings->name);
	return error_remedy(err, "'%s' alone starts one", settings->name);
}

static int build_or_enter(struct site *site, struct error *err)
{
	const char *image = site->settings->image;
	int runs = site->settings->name ? find_named(site, err) : 0;

	if (runs < 0)
		return -1;
	if (site->named.image)
		image = site->named.image;
	if (!image) {
		error_set(err, 0, "the job has no container '%s' on this node yet, and no image is given",
			  site->settings->name);
		return error_remedy(err, "--container=FILE as well");
	}
	if (image_open(&site->image, image, err) < 0)
		return -1;
	if (site->settings->name && !site->named.image &&
	    named_keep_image(&site->named, site->image.path, err) < 0)
		return -1;
	return runs ? enter_running(site, err) : build(site, err);
}

/* What the innermost cause cannot know. */
static void explain(const struct site *site, struct error *err)
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
		error_wrap(err, "the image server for '%s' died", site->image.path);
		error_remedy(
			err,
			"check the job's memory (was it killed for using too much?) and the node's log");
	}
	if (err->errnum == EIO &&
	    site->container->rendezvous->handover->server == HANDOVER_SERVER_DAMAGED) {
		error_wrap(err, "image '%s' is damaged or cannot be read",
			   site->image.path);
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

static void clear(struct site *site)
{
	const int fds[] = { site->layer, site->slurm, site->network, site->watch, site->saver };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	/* Other steps wait until this process has become its command: only then can they find it. A
	 * guard never does. */
	if (site->container->save.control >= 0 || site->way->recipe < 0)
		named_done(&site->named);
	plan_done(&site->plan);
	image_done(&site->image);
}

int container_build(struct container *container, struct way *way, struct error *err)
{
	struct site site = { .container = container,
			     .settings = container->settings,
			     .way = way,
			     .image = IMAGE_INIT,
			     .named = { .busy = -1 },
			     .layer = -1,
			     .slurm = -1,
			     .network = -1,
			     .watch = -1,
			     .saver = -1 };
	cpu_set_t binding;
	int result;

	stay_here(&binding);
	result = build_or_enter(&site, err);
	go_back(&binding);
	if (result < 0)
		explain(&site, err);
	clear(&site);
	return result;
}
