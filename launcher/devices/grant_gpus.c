/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grant_gpus.c - see grant.h: which of the node's GPUs are in the container.
 *
 * Slurm counts by gres.conf, so a number stands for a device file there. With AutoDetect it sorts the
 * devices by itself, those of the file or those that there are, and so does this. Parts of a GPU (MIG)
 * that are detected have numbers of their own, which cannot be told from outside of NVIDIA's library:
 * there the device cgroup says what the step has.
 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/devices/gresconf.h"
#include "launcher/devices/grant.h"
#include "launcher/devices/share.h"
#include "launcher/devices/sysfs.h"
#include "launcher/meeting/siblings.h"

/* What the plugin has handed over outweighs the rank's environment, for it holds for all ranks. */
static const char *get_variable(void *context, const char *name)
{
	const struct handover *handover = context;

	for (const char *const *known = handover_variables; handover && *known; known++)
		if (strcmp(*known, name) == 0)
			return handover_variable(handover, name);
	return getenv(name);
}

static const struct gpu *find_by_file(const struct gpulist *gpus, const char *file)
{
	for (size_t i = 0; i < gpus->count; i++)
		for (char **node = gpus->items[i].nodes; *node; node++)
			if (strcmp(*node, file) == 0)
				return &gpus->items[i];
	return NULL;
}

/* Puts a GPU into the list, which is in the order of the devices. One can have several numbers: parts of
 * it that Slurm gives separately. */
static void grant_gpu(struct grant *grant, const struct gpu *gpu, unsigned int number)
{
	size_t at = grant->granted_count;

	for (size_t i = 0; i < grant->granted_count; i++)
		if (grant->granted[i] == gpu)
			return;
	for (; at > 0 && grant->granted[at - 1] > gpu; at--) {
		grant->granted[at] = grant->granted[at - 1];
		grant->numbers[at] = grant->numbers[at - 1];
	}
	grant->granted[at] = gpu;
	grant->numbers[at] = number;
	grant->granted_count++;
}

static int compare_pci(const void *a, const void *b)
{
	const struct gpu *const *first = a, *const *second = b;

	return pci_compare((*first)->pci, (*second)->pci);
}

/* The GPU that Slurm has detected as this one; NULL: there are not so many. */
static const struct gpu *find_detected(const struct grant *grant, const struct gresconf *gres,
				       unsigned int number)
{
	cleanup_free const struct gpu **all = calloc(grant->gpus.count + 1, sizeof(*all));
	size_t count = 0;

	for (size_t i = 0; all && i < grant->gpus.count; i++) {
		bool is_listed = gres->count == 0;

		for (size_t j = 0; j < gres->count && !is_listed; j++)
			is_listed =
				find_by_file(&grant->gpus, gres->files[j]) == &grant->gpus.items[i];
		if (is_listed)
			all[count++] = &grant->gpus.items[i];
	}
	if (gres->detects_by_pci && count > 1)
		qsort(all, count, sizeof(*all), compare_pci);
	return number < count ? all[number] : NULL;
}

/* The GPU of this number as Slurm counts; NULL: none that is known. */
static const struct gpu *find_number(const struct grant *grant, const struct gresconf *gres,
				     unsigned int number)
{
	if (gres->autodetects || gres->count == 0)
		return find_detected(grant, gres, number);
	return number < gres->count ? find_by_file(&grant->gpus, gres->files[number]) : NULL;
}

static int refuse_number(const struct grant *grant, const struct gresconf *gres,
			 unsigned int number, struct error *err)
{
	error_set(err, 0, "the node has no GPU %u: there are %zu", number,
		  gres->count ? gres->count : grant->gpus.count);
	return error_remedy(
		err,
		gres->count ? "`davit devices` shows those that there are"
			    : "tell your admin if Slurm has given it: the driver does not show it");
}

static int grant_number(struct grant *grant, const struct gresconf *gres, unsigned int number,
			struct error *err)
{
	const struct gpu *gpu = find_number(grant, gres, number);
	const char *file = number < gres->count ? gres->files[number] : NULL;

	if (gpu) {
		grant_gpu(grant, gpu, number);
		return 0;
	}
	if (!file || gres->autodetects)
		return refuse_number(grant, gres, number, err);
	/* What is no GPU to us is one to the site: it is there as it is. */
	if (access(file, F_OK) == 0)
		return grant_mount(grant, file, file, 0, err);
	error_set(err, errno, "cannot use GPU %u of this step, '%s'", number, file);
	return error_remedy(
		err, "tell your admin: gres.conf names a device file that the node does not have");
}

/* Has Slurm detected parts of GPUs? */
static bool has_parts(const struct gresconf *gres)
{
	glob_t found;
	bool is_found = gres->autodetects && glob("/proc/driver/nvidia/capabilities/gpu*/mig/gi*",
						  GLOB_NOSORT, NULL, &found) == 0;

	if (is_found)
		globfree(&found);
	return is_found;
}

/* Each has the first of its numbers; its place among all where Slurm does not count it. */
static void count_all(struct grant *grant, const struct gresconf *gres)
{
	for (unsigned int i = 0; i < grant->gpus.count; i++)
		grant->counted[i] = i;
	for (unsigned int i = (unsigned int)(grant->gpus.count + gres->count); i-- > 0;) {
		const struct gpu *gpu = find_number(grant, gres, i);

		if (gpu)
			grant->counted[gpu - grant->gpus.items] = i;
	}
}

/* All that the user may open: the device cgroup counts, too, but not that of one rank of several. */
static void grant_all(struct grant *grant)
{
	bool has_siblings = siblings_count(getenv) > 1;

	for (size_t i = 0; i < grant->gpus.count; i++) {
		const struct gpu *gpu = &grant->gpus.items[i];

		if (access(gpu->nodes[0], R_OK | W_OK) == 0 || (errno == EPERM && has_siblings))
			grant_gpu(grant, gpu, grant->counted[i]);
	}
}

static int grant_numbers(struct grant *grant, const struct gresconf *gres,
			 const struct numbers *numbers, struct error *err)
{
	for (size_t i = 0; i < numbers->count; i++)
		if (grant_number(grant, gres, numbers->items[i], err) < 0)
			return -1;
	return 0;
}

/* Is there a number of Slurm's for which gres.conf, as it can be read here, has no device? */
static bool has_unknown(const struct grant *grant, const struct gresconf *gres,
			const struct numbers *numbers)
{
	for (size_t i = 0; i < numbers->count; i++)
		if (!find_number(grant, gres, numbers->items[i]) &&
		    (gres->autodetects || numbers->items[i] >= gres->count))
			return true;
	return false;
}

/* Then it is better to let the user open what the device cgroup allows than to fail. */
static int grant_slurms(struct grant *grant, const struct gresconf *gres,
			const struct numbers *numbers, struct error *err)
{
	struct error *note;

	if (!has_parts(gres) && !has_unknown(grant, gres, numbers))
		return grant_numbers(grant, gres, numbers, err);
	grant_all(grant);
	if (has_parts(gres))
		return 0;
	note = notes_add(&grant->notes);
	error_set(
		note, 0,
		"Slurm gave the step other GPUs than gres.conf has here: all that opens is there");
	error_remedy(note, "tell your admin: gres.conf is not the same on all nodes");
	return 0;
}

/* The user's list is one of what the step has. */
static int check_list(const struct numbers *list, const struct share *share, struct error *err)
{
	if (share->kind == SHARE_NONE) {
		error_set(err, 0, "GPUs were asked for, and Slurm gave the step none");
		return error_remedy(err, "--gres=gpu:N or --gpus=N as well");
	}
	for (size_t i = 0; share->kind == SHARE_LIST && i < list->count; i++) {
		if (numbers_have(&share->numbers, list->items[i]))
			continue;
		error_set(err, 0, "GPU %u is not one of those that Slurm gave the step",
			  list->items[i]);
		return error_remedy(err, "--container-gpus=auto, or those in SLURM_STEP_GPUS");
	}
	return 0;
}

static int choose(struct grant *grant, const struct settings *settings, const struct share *share,
		  const struct gresconf *gres, struct error *err)
{
	if (settings->gpus == GPUS_LIST)
		return check_list(&settings->gpu_numbers, share, err) < 0
			       ? -1
			       : grant_numbers(grant, gres, &settings->gpu_numbers, err);
	if (settings->gpus == GPUS_ALL || share->kind == SHARE_ALL)
		grant_all(grant);
	else if (share->kind == SHARE_LIST)
		return grant_slurms(grant, gres, &share->numbers, err);
	return 0;
}

static int make_room(struct grant *grant, struct error *err)
{
	grant->granted = calloc(grant->gpus.count + 1, sizeof(*grant->granted));
	grant->numbers = calloc(grant->gpus.count + 1, sizeof(*grant->numbers));
	grant->counted = calloc(grant->gpus.count + 1, sizeof(*grant->counted));
	return grant->granted && grant->numbers && grant->counted
		       ? 0
		       : error_set(err, ENOMEM, "cannot keep the GPUs");
}

int grant_find_gpus(struct grant *grant, const struct grant_wish *wish, struct error *err)
{
	const struct handover *handover =
		wish->handover && wish->handover->is_step ? wish->handover : NULL;
	struct gresconf gres = { .files = NULL };
	struct share share = { .kind = SHARE_NONE };
	int result = share_read(&share, get_variable, (void *)(uintptr_t)handover, !handover, err);
	bool is_due = share.kind != SHARE_NONE || wish->settings->gpus >= GPUS_ALL;

	if (result == 0 && is_due) {
		result = -1;
		if (gpulist_find(&grant->gpus, "", err) == 0 && make_room(grant, err) == 0 &&
		    gresconf_load(&gres, "gpu", err) == 0) {
			count_all(grant, &gres);
			result = choose(grant, wish->settings, &share, &gres, err);
		}
	}
	gresconf_done(&gres);
	share_done(&share);
	return result;
}

/* Are the GPUs of this step in the container that the process is in, which another one runs? */
static int check_entered(const struct grant *grant, const char *name, struct error *err)
{
	for (size_t i = 0; i < grant->granted_count; i++) {
		if (access(grant->granted[i]->nodes[0], F_OK) == 0)
			continue;
		error_set(err, 0,
			  "GPU %u of this step is not in the container '%s' that another one runs",
			  grant->numbers[i], name);
		return error_remedy(err, "another name, or the same GPUs for both steps");
	}
	return 0;
}

int grant_regard_container(struct grant *grant, const char *name, struct error *err)
{
	if (check_entered(grant, name, err) < 0)
		return -1;
	grant->granted_count = 0;
	for (size_t i = 0; i < grant->gpus.count; i++)
		if (access(grant->gpus.items[i].nodes[0], F_OK) == 0)
			grant_gpu(grant, &grant->gpus.items[i], grant->counted[i]);
	return 0;
}
