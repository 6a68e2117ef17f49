/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grant.c - see grant.h.
 *
 * Device files are not opened to see whether the user may: access(2) asks the modes and the device
 * cgroup alike, and to open a GPU may take seconds. What fails in a cgroup may still be another
 * rank's, so there it counts only where nobody but the cgroup says what the step has.
 */
#include "launcher/devices/grant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "launcher/devices/nearest.h"

#define MEMLOCK_ENOUGH ((rlim_t)1 << 30) /* bytes; libraries pin their buffers, and more */

static int add_mount(struct grant *grant, const char *source, const char *target, uint64_t attr_set,
		     bool is_dispensable, struct error *err)
{
	struct mountspec spec = { .kind = MOUNT_BIND,
				  .create = CREATE_AUTO,
				  .recursive = true,
				  .is_dispensable = is_dispensable,
				  .attr_set = attr_set,
				  .source = (char *)(uintptr_t)source,
				  .target = (char *)(uintptr_t)target };
	const struct mountlist one = { .items = &spec, .count = 1 };

	return grant_has_mount(grant, target) ? 0
					      : mountlist_append_copy(&grant->mounts, &one, err);
}

int grant_mount(struct grant *grant, const char *source, const char *target, uint64_t attr_set,
		struct error *err)
{
	return add_mount(grant, source, target, attr_set, false, err);
}

int grant_mount_if(struct grant *grant, const char *source, const char *target, uint64_t attr_set,
		   struct error *err)
{
	return add_mount(grant, source, target, attr_set, true, err);
}

bool grant_has_mount(const struct grant *grant, const char *target)
{
	for (size_t i = 0; i < grant->mounts.count; i++)
		if (strcmp(grant->mounts.items[i].target, target) == 0)
			return true;
	return false;
}

bool grant_may_open(const char *path, int mode)
{
	return access(path, mode) == 0 || errno == EPERM;
}

/* What is no device is good to have, no more. */
static bool is_device(const char *path)
{
	return path_is_below(path, "/dev");
}

static bool may_use(const char *path)
{
	struct stat st;
	int mode = R_OK;

	if (stat(path, &st) < 0)
		return false;
	/* The capabilities of MIG are files that are only read. */
	if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) &&
	    strncmp(path, "/dev/nvidia-caps", 16) != 0)
		mode |= W_OK;
	return grant_may_open(path, mode);
}

int grant_files(struct grant *grant, char *const *files, struct error *err)
{
	for (; files && *files; files++)
		if (may_use(*files) &&
		    add_mount(grant, *files, *files, 0, !is_device(*files), err) < 0)
			return -1;
	return 0;
}

/* ---- GPUs ------------------------------------------------------------------------------------ */

static bool has_vendor(const struct grant *grant, enum gpu_vendor vendor)
{
	for (size_t i = 0; i < grant->granted_count; i++)
		if (grant->granted[i]->vendor == vendor)
			return true;
	return false;
}

static int refuse_gpu(const struct gpu *gpu, unsigned int number, struct error *err)
{
	const char *file = gpu->nodes[0];
	int cause = errno;

	error_set(err, cause, "cannot use GPU %u of this step, '%s'", number, file);
	if (cause == ENOENT)
		error_remedy(
			err,
			"tell your admin: the driver has made no device file for it (nvidia-modprobe, udev)");
	if (cause == EACCES)
		error_remedy(err, "ask your admin for the group or the mode of '%s'", file);
	return -1;
}

/* The device files of those that are granted. */
static int add_gpu_files(struct grant *grant, enum gpu_vendor vendor, struct error *err)
{
	for (size_t i = 0; i < grant->granted_count; i++) {
		const struct gpu *gpu = grant->granted[i];

		if (gpu->vendor != vendor)
			continue;
		if (!grant_may_open(gpu->nodes[0], R_OK | W_OK))
			return refuse_gpu(gpu, grant->numbers[i], err);
		for (char **file = gpu->nodes; *file; file++)
			if (access(*file, F_OK) == 0 &&
			    grant_mount(grant, *file, *file, 0, err) < 0)
				return -1;
	}
	return 0;
}

static void note_uvm(struct grant *grant)
{
	struct error *note;

	if (access("/dev/nvidia-uvm", F_OK) == 0)
		return;
	note = notes_add(&grant->notes);
	error_set(note, errno, "CUDA will find no GPU: cannot use '/dev/nvidia-uvm'");
	error_remedy(note,
		     "tell your admin: nvidia-modprobe -u -c 0, each time the node has booted");
}

static int add_vendor(struct grant *grant, const struct grant_wish *wish, enum gpu_vendor vendor,
		      bool *by_driver, struct error *err)
{
	char **common;
	int result = grant_gpus_by_cdi(grant, wish, vendor, err);

	if (result != 0)
		return result < 0 ? -1 : 0;
	/* The built-in lists are of NVIDIA's. */
	*by_driver |= vendor == GPU_NVIDIA || wish->conf->has_gpu_libraries;
	common = gpu_common_nodes(vendor, "", err);
	if (!common)
		return -1;
	result = add_gpu_files(grant, vendor, err);
	if (result == 0)
		result = grant_files(grant, common, err);
	strings_free(common);
	if (result == 0 && vendor == GPU_NVIDIA)
		note_uvm(grant);
	return result;
}

static int add_gpus(struct grant *grant, const struct grant_wish *wish, struct error *err)
{
	bool by_driver = false;

	if (grant_find_gpus(grant, wish, err) < 0)
		return -1;
	for (enum gpu_vendor vendor = GPU_NVIDIA; vendor <= GPU_INTEL; vendor++)
		if (has_vendor(grant, vendor) &&
		    add_vendor(grant, wish, vendor, &by_driver, err) < 0)
			return -1;
	return by_driver ? grant_driver(grant, wish->conf, err) : 0;
}

/* ---- adapters -------------------------------------------------------------------------------- */

static void note_memlock(struct grant *grant)
{
	struct rlimit limit;
	struct error *note;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
	    limit.rlim_cur >= MEMLOCK_ENOUGH)
		return;
	note = notes_add(&grant->notes);
	error_set(
		note, 0,
		"processes may lock %llu KiB of memory, and RDMA needs as much as its buffers take",
		(unsigned long long)limit.rlim_cur / 1024);
	if (limit.rlim_max == RLIM_INFINITY)
		error_remedy(note, "ulimit -l unlimited");
	else
		error_remedy(
			note,
			"ask your admin for LimitMEMLOCK=infinity of slurmd, and PropagateResourceLimitsExcept=MEMLOCK in slurm.conf");
}

static int add_nics(struct grant *grant, const struct settings *settings, struct error *err)
{
	char **common;
	int result = 0;

	if (niclist_find(&grant->nics, "", err) < 0)
		return -1;
	if (grant->nics.count == 0)
		return 0;
	for (size_t i = 0; i < grant->nics.count && result == 0; i++) {
		const struct nic *nic = &grant->nics.items[i];

		result = nic->port ? grant_files(grant, nic->nodes, err) : 0;
		grant->has_nic |= nic->port && nic->nodes && nic->nodes[0] &&
				  grant_has_mount(grant, nic->nodes[0]);
	}
	if (result < 0 || !grant->has_nic)
		return result;
	/* Who has not spoken of adapters may not want RDMA at all. */
	if (settings->nic != NIC_UNSET)
		note_memlock(grant);
	common = nic_common_nodes("", err);
	result = common ? grant_files(grant, common, err) : -1;
	strings_free(common);
	return result;
}

/* ---- the ranks' choice ----------------------------------------------------------------------- */

/* Is there something to choose from? */
static bool has_choice(const struct grant *grant, const struct settings *settings)
{
	size_t active = 0;

	/* In a network of its own the adapters' interfaces are missing. */
	if (settings->nic != NIC_NEAREST || (settings->unshare.what & UNSHARE_NET))
		return false;
	for (size_t i = 0; i < grant->nics.count; i++)
		active += grant->nics.items[i].port > 0;
	return active > 1;
}

static int make_table(struct grant *grant, const struct grant_wish *wish, struct error *err)
{
	struct error why = ERROR_INIT;
	struct nearest_wish nearest = { .numbers = grant->numbers,
					.gpus = grant->granted,
					.gpu_count = grant->granted_count };

	if (has_choice(grant, wish->settings)) {
		if (!grant->topology)
			grant->topology = topology_load(wish->conf->topology_file, &why);
		notes_copy(&grant->notes, &why);
		nearest.nics = &grant->nics;
	} else if (grant->granted_count == 0 || grant->granted_count == grant->gpus.count) {
		return 0;
	}
	nearest.topology = grant->topology;
	grant->table = nearest_make(&nearest, err);
	return grant->table ? 0 : -1;
}

int grant_make(struct grant *grant, const struct grant_wish *wish, struct error *err)
{
	const struct settings *settings = wish->settings;

	if (settings->gpus != GPUS_NONE && add_gpus(grant, wish, err) < 0)
		return -1;
	if (settings->nic != NIC_NONE && add_nics(grant, settings, err) < 0)
		return -1;
	if (grant_cdi_devices(grant, wish, settings->devices, err) < 0)
		return -1;
	return make_table(grant, wish, err);
}

int grant_enter(struct grant *grant, const struct grant_wish *wish, const char *name,
		struct error *err)
{
	if (grant_regard_container(grant, name, err) < 0)
		return -1;
	free(grant->table);
	grant->table = NULL;
	return make_table(grant, wish, err);
}

void grant_done(struct grant *grant)
{
	mountlist_done(&grant->mounts);
	edits_done(&grant->env);
	for (size_t i = 0; i < grant->library_count; i++) {
		free(grant->libraries[i].soname);
		free(grant->libraries[i].path);
	}
	free(grant->libraries);
	for (size_t i = 0; i < grant->link_count; i++) {
		free(grant->links[i].target);
		free(grant->links[i].path);
	}
	free(grant->links);
	strings_free(grant->folders.items);
	free(grant->hooks);
	free(grant->compat_for);
	free(grant->table);
	free(grant->granted);
	free(grant->numbers);
	free(grant->counted);
	topology_free(grant->topology);
	gpulist_done(&grant->gpus);
	niclist_done(&grant->nics);
	cdi_done(&grant->cdi);
	*grant = (struct grant){ .table = NULL };
}
