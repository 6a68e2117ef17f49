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
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/affinity.h"
#include "common/fd.h"
#include "common/source.h"
#include "images/tracefile.h"
#include "launcher/running/entrance.h"
#include "launcher/mpi/place.h"
#include "launcher/net/network.h"
#include "launcher/overlay.h"
#include "launcher/running/process.h"
#include "launcher/recipe_make.h"
#include "launcher/site.h"
#include "launcher/slurm/service.h"
#include "launcher/stage/stage.h"
#include "launcher/userns.h"

/* A step on several nodes would write one file several times. */
static bool is_first_node(void)
{
	const char *node = getenv("SLURM_NODEID");

	return !node || strcmp(node, "0") == 0;
}

static int start_saver(struct site *site, struct error *err)
{
	int lifeline[2];

	if (!site->settings->save || !(site->container->builds || is_first_node()))
		return 0;
	if (pipe2(lifeline, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot create a pipe");
	site->saver = lifeline[0];
	site->way->lifeline = lifeline[1];
	return save_start(&site->container->save, site->settings->save, err);
}

static int make_recipe(struct site *site, struct error *err)
{
	bool guarded = (site->way->lifeline >= 0 && !site->container->builds) ||
		       (site->way->namespaces.what & UNSHARE_PID);

	site->way->recipe = recipe_make(site->container, &site->image, guarded, err);
	return site->way->recipe < 0 ? -1 : 0;
}

static int build(struct site *site, struct error *err)
{
	const struct settings *settings = site->settings;
	const struct userns_request userns = {
		.fd = site->container->userns,
		.remap_root = site_is_remapped(site),
		.subids = site_is_remapped(site) && site->container->conf->subids,
	};

	if (settings->writable == WRITABLE_DIR &&
	    (site->layer = overlay_prepare(settings->writable_dir, err)) < 0)
		return -1;
	if (settings->slurm == CHOICE_YES && (site->slurm = slurm_service_start(err)) < 0)
		return -1;
	if (userns_enter(&userns, err) < 0 || start_saver(site, err) < 0)
		return -1;
	return site_raise(site, err) < 0 ? -1 : make_recipe(site, err);
}

static struct grant_wish grant_wish(const struct site *site)
{
	return (struct grant_wish){ .settings = site->settings,
				    .conf = site->container->conf,
				    .handover = site->container->rendezvous->handover };
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
	const struct grant_wish wish = grant_wish(site);
	struct running_list list = { .items = NULL };
	struct entrance entrance = ENTRANCE_INIT;
	const struct running *running = NULL;
	int result = -1;

	if (running_list_read(&list, false, err) == 0)
		running = running_find(&list, &want);
	if (running && entrance_open(&entrance, running, err) == 0 &&
	    entrance_copy(&entrance, &site->way->namespaces, err) == 0 &&
	    entrance_pass(&entrance, err) == 0 &&
	    grant_enter(&site->container->grant, &wish, want.name, err) == 0) {
		site->container->host_mpi = place_has_host_mpi();
		result = security_make(&site->container->security,
				       container_has_fake_root(site->container), false, err);
		if (result == 0)
			result = make_recipe(site, err);
	} else if (!running) {
		error_set(err, 0, "container '%s' runs, but none of its processes can be found",
			  want.name);
	}
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

int site_decide(struct site *site, int root, struct error *err)
{
	struct container *container = site->container;
	struct grant_wish wish;

	if (root >= 0 && !container->ignores_wishes) {
		if (wishes_grant(&site->wishes, container, root, err) < 0)
			return error_wrap(err, "image '%s'", site->image.path);
		site->settings = container->settings;
	}
	wish = grant_wish(site);
	if (grant_make(&container->grant, &wish, err) < 0)
		return -1;
	notes_append(&container->notes, &container->grant.notes);
	return 0;
}

/* Is the image one that the policy allows, and the one that was looked at before the step began? */
static int admit_image(const struct site *site, struct error *err)
{
	const struct container *container = site->container;
	const struct handover *handover = container->rendezvous->handover;
	char path[PATH_MAX];
	struct stat st;

	if (!container->rule)
		return 0;
	/* A kept container brings its own. */
	if (handover->is_judged && handover->judged.has_image && !site->named.image &&
	    (fstat(site->image.fd, &st) < 0 || st.st_dev != handover->judged.device ||
	     st.st_ino != handover->judged.inode)) {
		error_set(err, 0, "image '%s' has been replaced while the step began",
			  site->image.path);
		return error_remedy(err, "start the step again");
	}
	return policy_check_image(&container->conf->policy, container->rule, &site->image, path,
				  err);
}

/* Gets an image from a registry, or where else it is to be imported from. Returns its path, or NULL with `err`
 * set. */
static const char *import_image(struct site *site, const char *name, struct error *err)
{
	const struct container *container = site->container;
	const struct imports_want want = { .source = name,
					   .pull = site->settings->pull,
					   .conf = container->conf,
					   .tell = container->tell };

	return imports_get(&want, &site->imported, err) < 0 ? NULL : site->imported.path;
}

/* Opens the image, which has to be what the site and the user say. */
static int open_image(struct site *site, const char *name, struct error *err)
{
	const struct container *container = site->container;

	site->require = policy_require(container->conf, container->rule, site->settings);
	if (image_open_required(&site->image, name, &site->require, err) < 0)
		return -1;
	return admit_image(site, err);
}

/* The image that was admitted is read from a copy from now on, if that is wanted. */
static int make_stage(struct site *site, struct error *err)
{
	const struct stage_request request = {
		.wanted = site->settings->stage,
		.conf = site->container->conf,
		.handover = site->container->rendezvous->handover,
		.notes = &site->container->notes,
	};

	return stage_image(&site->image, &request, err);
}

/* Where two containers would write to one file, the second does without. */
static int start_trace(struct site *site, struct error *err)
{
	const char *file = site->settings->trace;

	if (!file || site->image.kind == IMAGE_DIRECTORY || !is_first_node())
		return 0;
	site->trace = tracefile_create(file, &site->image, err);
	if (site->trace >= 0 || err->errnum != EBUSY)
		return site->trace < 0 ? -1 : 0;
	error_wrap(err, "no trace");
	notes_copy(&site->container->notes, err);
	*err = (struct error)ERROR_INIT;
	return 0;
}

/* Who wants a trace and cannot have one is told why. */
static void note_trace(struct site *site, bool runs)
{
	struct notes *notes = &site->container->notes;

	if (!site->settings->trace || !is_first_node())
		return;
	if (runs)
		error_set(
			notes_add(notes), 0,
			"no trace of this step: container '%s' runs already, and its image server "
			"belongs to the step that started it",
			site->settings->name);
	else if (site->image.kind == IMAGE_DIRECTORY)
		error_set(
			notes_add(notes), 0,
			"no trace: image '%s' is a directory, which the node's kernel reads without a "
			"server that could note what",
			site->image.path);
}

/* Who wants statistics and cannot have them is told why. */
static void note_stats(struct site *site, bool runs)
{
	struct notes *notes = &site->container->notes;

	if (site->settings->stats != CHOICE_YES)
		return;
	if (runs)
		error_set(notes_add(notes), 0,
			  "no statistics for this step: container '%s' runs already, and its image "
			  "is counted to the step that started it",
			  site->settings->name);
	else if (site->image.kind == IMAGE_DIRECTORY)
		error_set(notes_add(notes), 0,
			  "no statistics: image '%s' is a directory, which the node's kernel reads "
			  "without a server that could count",
			  site->image.path);
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
		error_set(err, 0,
			  "the job has no container '%s' on this node yet, and no image is given",
			  site->settings->name);
		return error_remedy(err, "--container=FILE as well");
	}
	if (runs && site->settings->digest) {
		error_set(
			err, 0,
			"container '%s' runs already: what it was made from cannot be checked now",
			site->settings->name);
		return error_remedy(err, "--container-digest for the step that starts it only");
	}
	if (source_is(image) && !(image = import_image(site, image, err)))
		return -1;
	if (open_image(site, image, err) < 0)
		return -1;
	if (!runs && make_stage(site, err) < 0)
		return -1;
	if (site->settings->name && !site->named.image &&
	    named_keep_image(&site->named,
			     site->imported.source ? site->imported.source : site->image.path,
			     err) < 0)
		return -1;
	if (security_decide(&site->container->security, site->settings->security,
			    container_narrow(site->container), err) < 0)
		return error_wrap(err, "--container-security");
	note_stats(site, runs);
	note_trace(site, runs);
	if (!runs)
		return start_trace(site, err) < 0 ? -1 : build(site, err);
	return site_decide(site, -1, err) < 0 ? -1 : enter_running(site, err);
}

/* What the innermost cause cannot know. */
static void explain(const struct site *site, struct error *err)
{
	const struct handover *handover = site->container->rendezvous->handover;
	uint32_t server = handover->server;

	if (err->errnum == EMFILE)
		error_remedy(err, "raise the limit of open files (ulimit -n)");
	if (err->errnum == EAGAIN)
		error_remedy(
			err,
			"raise the limit of processes (ulimit -u), or end some of yours on this node");
	if (err->errnum == ENOSYS)
		error_remedy(err, "a node with Linux 5.14 or newer");
	/* Without an image there is no server of ours: it was that of the image's own file system. */
	if (err->errnum == ENOTCONN && site->image.fd < 0) {
		error_remedy(err, "check the image's file system on this node, whose server died");
	} else if (err->errnum == ENOTCONN) {
		error_wrap(err, "the image server for '%s' died", site->image.path);
		error_remedy(
			err,
			"check the job's memory (was it killed for using too much?) and the node's log");
	}
	if (err->errnum == EIO && server == HANDOVER_SERVER_ALTERED) {
		error_wrap(err, "image '%s' is not what its digest says", site->image.path);
		error_remedy(err, "davit image verify %s; copy or make the image again",
			     site->image.path);
	}
	if (err->errnum == EIO && server == HANDOVER_SERVER_DAMAGED) {
		error_wrap(err, "image '%s' is damaged", site->image.path);
		error_remedy(err, "copy or make the image again");
	}
	if (err->errnum == EIO && server == HANDOVER_SERVER_UNREADABLE) {
		error_wrap(err, "image '%s' cannot be read (%s)", site->image.path,
			   strerror(handover->read_error));
		error_remedy(err, "check the image's file system, and run again");
	}
}

/* Keeps the process on the CPU where it is: it is going to talk to the image server, which begins on
 * the same one, and to wake another CPU for each word takes longer than the word. The binding that
 * Slurm gave the rank goes to `saved`. */
static void stay_here(struct affinity *saved)
{
	struct affinity one;
	int cpu = sched_getcpu();

	affinity_only(&one, cpu);
	if (affinity_get(0, saved) == 0 && affinity_has(saved, cpu))
		(void)affinity_use(&one);
}

/* Where they were not known, the set is empty, and the kernel refuses it. */
static void go_back(const struct affinity *saved)
{
	(void)affinity_use(saved);
}

static void clear(struct site *site)
{
	const int fds[] = { site->node,  site->layer, site->slurm, site->network,
			    site->watch, site->saver, site->trace };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	/* Other steps wait until this process has become its command: only then can they find it. A
	 * guard never does. */
	if (site->container->save.control >= 0 || site->way->recipe < 0)
		named_done(&site->named);
	plan_done(&site->plan);
	wishes_done(&site->wishes);
	grant_done(&site->container->grant);
	security_done(&site->container->security);
	image_done(&site->image);
	imported_done(&site->imported);
}

int container_build(struct container *container, struct way *way, struct error *err)
{
	struct site site = { .container = container,
			     .settings = container->settings,
			     .way = way,
			     .imported = IMPORTED_INIT,
			     .image = IMAGE_INIT,
			     .named = { .busy = -1 },
			     .node = -1,
			     .layer = -1,
			     .slurm = -1,
			     .network = -1,
			     .watch = -1,
			     .saver = -1,
			     .trace = -1 };
	const struct settings *settings = container->settings;
	struct affinity binding;
	int result;

	stay_here(&binding);
	result = build_or_enter(&site, err);
	go_back(&binding);
	if (result < 0)
		explain(&site, err);
	clear(&site);
	container->settings = settings;
	container->asks = NULL;
	return result;
}
