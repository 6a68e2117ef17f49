/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * site.c - see site.h: from a user namespace to the container's root directory.
 *
 * A squashfs has an image server; where it is to be written to, or an overlay is asked for, a layer lies
 * over it. A directory always has a layer, since nothing may be created in it, and no server.
 */
#include "launcher/site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/room.h"
#include "common/syscalls.h"
#include "images/serve.h"
#include "launcher/devices/dev.h"
#include "launcher/devices/equip.h"
#include "launcher/devices/providers.h"
#include "launcher/fakeroot.h"
#include "launcher/identity.h"
#include "launcher/mpi/place.h"
#include "launcher/net/network.h"
#include "launcher/overlay.h"
#include "launcher/root.h"
#include "launcher/server.h"
#include "launcher/slurm/service.h"

/* What is not to be written to still needs mount points. */
#define POINTS_SIZE "1m"

/* Of the memory that the job has left, the cache may be this part. */
#define CACHE_SHARE 4

static int fill(struct site *site, struct root *root, struct error *err)
{
	const struct conf *conf = site->container->conf;
	const struct namespaces *namespaces = &site->way->namespaces;
	bool in_place = site_is_remapped(site) && site->settings->writable > WRITABLE_NO;

	if (namespaces_mount_kernel(namespaces, root, err) < 0 || dev_mount(root, err) < 0 ||
	    namespaces_mount_ipc(namespaces, root, err) < 0 ||
	    identity_mount(root, in_place, err) < 0)
		return -1;
	if (container_has_fake_root(site->container) && fakeroot_mount(root, err) < 0)
		return -1;
	for (size_t i = 0; i < conf->template_count && !site->container->builds; i++)
		if (root_put_file(root, conf->templates[i].path, conf->templates[i].content, err) <
		    0)
			return -1;
	if (site->slurm >= 0 && slurm_service_mount(root, steal_fd(&site->slurm), err) < 0)
		return -1;
	if (site->network >= 0 && (network_connect(site->network, namespaces, root->dev, err) < 0 ||
				   network_mount_names(root, err) < 0))
		return -1;
	if (plan_place(&site->plan, root, err) < 0 ||
	    equip(&site->container->grant, root, &site->container->notes, err) < 0 ||
	    (site->container->grant.has_nic &&
	     providers_place(conf, site->node, root, &site->container->notes, err) < 0) ||
	    place_host_mpi(site->container, &site->image, site->node, root, err) < 0)
		return -1;
	if (security_make(&site->container->security, container_has_fake_root(site->container),
			  true, err) < 0 ||
	    dev_add_file(root, FILTER_FILE, site->container->security.filter.data,
			 site->container->security.filter.len, err) < 0)
		return -1;
	return dev_seal(root, err);
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

/* Where a cache takes nearly all memory of a job, the kernel rather takes away the pages of programs, over and
 * over, than kill somebody: ranks would hardly get on. */
static size_t choose_cache(size_t wanted)
{
	uint64_t share;

	if (wanted <= IMAGE_CACHE_DEFAULT)
		return wanted ? wanted : IMAGE_CACHE_DEFAULT;
	share = room_in_own_cgroups() / CACHE_SHARE;
	if (share >= wanted)
		return wanted;
	return share > IMAGE_CACHE_DEFAULT ? (size_t)share : IMAGE_CACHE_DEFAULT;
}

static int start_server(struct site *site, int channel, struct error *err)
{
	const struct server server = { .image = &site->image,
				       .channel = channel,
				       .watch = site->watch,
				       .held = site->layer,
				       .imported = site->imported.hold,
				       .trace = site->trace,
				       .cache_size = choose_cache(site->settings->image_cache),
				       .transport = site->settings->image_transport,
				       .tells = site->settings->stats == CHOICE_YES,
				       .rendezvous = site->container->rendezvous };

	return server_start(&server, err);
}

/* The keeper of the network is forked while the caller is in the node's. */
static int enter_namespaces(struct site *site, struct error *err)
{
	const struct unshare *unshare = &site->settings->unshare;

	if ((unshare->what & UNSHARE_SLIRP) && (site->network = network_start(unshare, err)) < 0)
		return -1;
	if (namespaces_create(unshare->what, &site->way->namespaces, err) < 0)
		return -1;
	site->node = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return site->node < 0 ? error_set(err, errno, "cannot open '/'") : 0;
}

static int open_layer(const struct site *site, struct error *err)
{
	const struct settings *settings = site->settings;
	const char *size = settings->writable_size ? settings->writable_size
						   : site->container->conf->writable_size;

	return overlay_open(site->layer, settings->writable > WRITABLE_NO ? size : POINTS_SIZE,
			    err);
}

/* A named container has one even for a step that may only read. */
static bool has_layer(const struct site *site)
{
	return site->settings->writable > WRITABLE_NO || site->layer >= 0;
}

/* Only the last word once the image has said what it wants: that may make it writable. */
static bool has_overlay(const struct site *site)
{
	return has_layer(site) || site->settings->image_overlay == CHOICE_YES;
}

/* Mounts the image, with a server behind it. Returns the detached mount. */
static int mount_squashfs(struct site *site, struct error *err)
{
	cleanup_close int channel = image_channel(err), go = -1, tree = -1, layer = -1;

	if (channel < 0)
		return error_wrap(err, "cannot mount image '%s'", site->image.path);
	go = start_server(site, channel, err);
	if (go < 0 || namespaces_create_mount(err) < 0)
		return -1;
	tree = image_mount(&site->image, channel, err);
	if (tree < 0 || (has_layer(site) && (layer = open_layer(site, err)) < 0))
		return -1;
	/* From now on the image can be asked what it wants. Who asks must not hold the server's end: were the
	 * server killed, nobody would be told. */
	close(steal_fd(&channel));
	server_go(steal_fd(&go), layer);
	if (site_decide(site, tree, err) < 0 || enter_namespaces(site, err) < 0)
		return -1;
	if (!has_overlay(site))
		return steal_fd(&tree);
	if (layer < 0 && (layer = open_layer(site, err)) < 0)
		return -1;
	/* The plan comes first: with something attached there, "/" is the node's no more. */
	if (plan_make(&site->plan, site->container, err) < 0 || image_seal(tree, err) < 0 ||
	    root_attach_below(tree, err) < 0 || overlay_attach(site->layer, layer, err) < 0)
		return -1;
	return overlay_mount(tree, layer, NULL, err); /* all in the image is the user's */
}

/* A directory needs no server; but where it is written to, a keeper in the server's place holds the
 * lock on the layer. */
static int start_keeper(struct site *site, struct error *err)
{
	site->watch = inotify_init1(IN_CLOEXEC);
	if (site->watch < 0)
		return error_set(err, errno, "cannot watch for the container's end");
	return start_server(site, -1, err);
}

static int keeper_go(const struct site *site, int go, int root, int layer, struct error *err)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", root);
	if (inotify_add_watch(site->watch, link, IN_DELETE_SELF) < 0)
		return error_set(err, errno, "cannot watch for the container's end");
	server_go(go, layer);
	return 0;
}

/* Puts the layer over the directory, with all that is going to be mounted in mind. */
static int mount_over(struct site *site, int lower, int layer, struct error *err)
{
	struct mountlist points = { .items = NULL };
	int tree = -1;

	if (mountlist_append_copy(&points, &site->plan.list, err) == 0 &&
	    place_list_points(site->container, &site->image, site->node, lower, &points, err) == 0)
		tree = overlay_mount(lower, layer, &points, err);
	mountlist_done(&points);
	return tree;
}

/* Nothing may be created in the directory, so there is always a layer over it. */
static int mount_directory(struct site *site, struct error *err)
{
	cleanup_close int go = -1, lower = -1, tree = -1, layer = -1;

	if (site_decide(site, site->image.fd, err) < 0)
		return -1;
	if (has_layer(site) && (go = start_keeper(site, err)) < 0)
		return -1;
	if (namespaces_create_mount(err) < 0 || enter_namespaces(site, err) < 0 ||
	    plan_make(&site->plan, site->container, err) < 0 ||
	    (lower = root_reopen(site->image.fd, err)) < 0 || (layer = open_layer(site, err)) < 0 ||
	    overlay_attach(site->layer, layer, err) < 0)
		return -1;
	tree = mount_over(site, lower, layer, err);
	if (tree < 0)
		return error_wrap(err, "directory '%s'", site->image.path);
	if (go >= 0 && keeper_go(site, steal_fd(&go), tree, layer, err) < 0)
		return -1;
	return steal_fd(&tree);
}

int site_raise(struct site *site, struct error *err)
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
