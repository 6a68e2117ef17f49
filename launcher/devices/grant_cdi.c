/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grant_cdi.c - see grant.h: devices by CDI specifications.
 *
 * A GPU of the step is found in a specification by its device file, not by its name: vendors number by
 * PCI addresses, UUIDs or something else, and Slurm by gres.conf.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "launcher/devices/grant.h"

static const char *const kinds[] = { [GPU_NVIDIA] = "nvidia.com/gpu",
				     [GPU_AMD] = "amd.com/gpu",
				     [GPU_INTEL] = "intel.com/gpu" };

int grant_load_cdi(struct grant *grant, const struct grant_wish *wish, struct error *err)
{
	if (grant->has_cdi)
		return 0;
	grant->has_cdi = true;
	return cdi_load(&grant->cdi, (const char *const *)wish->conf->cdi_directories, err);
}

/* ---- edits ----------------------------------------------------------------------------------- */

static bool has_word(char *const *words, const char *word)
{
	for (; words && *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static uint64_t mount_attributes(char *const *options)
{
	static const struct {
		const char *word;
		uint64_t attr;
	} words[] = { { "ro", MOUNT_ATTR_RDONLY },
		      { "nosuid", MOUNT_ATTR_NOSUID },
		      { "nodev", MOUNT_ATTR_NODEV },
		      { "noexec", MOUNT_ATTR_NOEXEC } };
	uint64_t attr = 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (has_word(options, words[i].word))
			attr |= words[i].attr;
	return attr;
}

static int refuse_file(const struct cdi_spec *spec, const char *path, struct error *err)
{
	int cause = errno;

	error_set(err, cause, "'%s' needs the node's '%s'", spec->file, path);
	if (cause == ENOENT)
		error_remedy(
			err,
			"tell your admin: the file is out of date, make it anew (such as `nvidia-ctk cdi generate`)");
	else
		error_remedy(err, "ask your admin for the group or the mode of '%s'", path);
	return -1;
}

static int add_node(struct grant *grant, const struct cdi_spec *spec, const struct cdi_node *node,
		    struct error *err)
{
	int mode = node->permissions && !strchr(node->permissions, 'w') ? R_OK : R_OK | W_OK;

	if (!grant_may_open(node->host_path, mode) &&
	    (errno != EACCES || strncmp(node->host_path, "/dev/nvidia-caps", 16) != 0))
		return refuse_file(spec, node->host_path, err);
	return grant_mount(grant, node->host_path, node->path, 0, err);
}

static bool has_group(gid_t wanted)
{
	gid_t groups[1024];
	int count = getgroups(sizeof(groups) / sizeof(groups[0]), groups);

	for (int i = 0; i < count; i++)
		if (groups[i] == wanted)
			return true;
	return wanted == getegid();
}

/* Nobody can become a member of a group without privilege; but who is one stays one. */
static void check_groups(struct grant *grant, const struct cdi_spec *spec,
			 const struct cdi_edits *edits)
{
	for (size_t i = 0; i < edits->gid_count; i++) {
		struct error *note;

		if (edits->gids[i] == 0 || has_group(edits->gids[i]))
			continue;
		note = notes_add(&grant->notes);
		error_set(note, 0, "'%s' wants the group %u, of which you are no member",
			  spec->file, (unsigned int)edits->gids[i]);
		error_remedy(note, "ask your admin to make you one if the device does not work");
	}
}

static bool is_bind(const struct cdi_mount *mount)
{
	return !mount->type || !mount->type[0] || strcmp(mount->type, "none") == 0 ||
	       strcmp(mount->type, "bind") == 0 || has_word(mount->options, "bind") ||
	       has_word(mount->options, "rbind");
}

static int add_mount(struct grant *grant, const struct cdi_spec *spec,
		     const struct cdi_mount *mount, struct error *err)
{
	if (!is_bind(mount)) {
		error_set(err, 0, "'%s' wants a file system of type '%s' at '%s'", spec->file,
			  mount->type, mount->container_path);
		return error_remedy(err, "tell your admin: Davit mounts files of the node only");
	}
	if (access(mount->host_path, F_OK) < 0)
		return refuse_file(spec, mount->host_path, err);
	return grant_mount(grant, mount->host_path, mount->container_path,
			   mount_attributes(mount->options), err);
}

static int apply(struct grant *grant, const struct grant_wish *wish, const struct cdi_spec *spec,
		 const struct cdi_edits *edits, struct error *err)
{
	for (size_t i = 0; i < edits->node_count; i++)
		if (add_node(grant, spec, &edits->nodes[i], err) < 0)
			return -1;
	for (size_t i = 0; i < edits->mount_count; i++)
		if (add_mount(grant, spec, &edits->mounts[i], err) < 0)
			return -1;
	for (char **env = edits->env; env && *env; env++)
		if (edits_add(&grant->env, EDIT_SET, *env, err) < 0)
			return error_wrap(err, "'%s'", spec->file);
	for (size_t i = 0; i < edits->hook_count; i++)
		if (grant_hook(grant, wish->conf, &edits->hooks[i], spec->file, err) < 0)
			return -1;
	check_groups(grant, spec, edits);
	return 0;
}

/* What holds for all devices of a file, once, and then what holds for this one. */
static int apply_device(struct grant *grant, const struct grant_wish *wish,
			const struct cdi_spec *spec, const struct cdi_device *device, bool is_first,
			struct error *err)
{
	if (is_first && apply(grant, wish, spec, &spec->edits, err) < 0)
		return -1;
	return apply(grant, wish, spec, &device->edits, err);
}

/* ---- GPUs ------------------------------------------------------------------------------------ */

/* Has the device this GPU's file, and no other GPU's? One with capabilities is a part of it (MIG), and
 * which part the step has cannot be told. */
static bool is_of_gpu(const struct cdi_device *device, const struct gpu *gpu,
		      const struct gpulist *gpus)
{
	bool has_it = false;

	for (size_t i = 0; i < device->edits.node_count; i++) {
		if (path_is_below(device->edits.nodes[i].host_path, "/dev/nvidia-caps"))
			return false;
		for (size_t j = 0; j < gpus->count; j++)
			if (strcmp(device->edits.nodes[i].host_path, gpus->items[j].nodes[0]) ==
			    0) {
				if (&gpus->items[j] != gpu)
					return false;
				has_it = true;
			}
	}
	return has_it;
}

static const struct cdi_device *find_gpu(const struct cdi_spec *spec, const struct gpu *gpu,
					 const struct gpulist *gpus)
{
	for (size_t i = 0; i < spec->device_count; i++)
		if (is_of_gpu(&spec->devices[i], gpu, gpus))
			return &spec->devices[i];
	return NULL;
}

static bool has_all(const struct grant *grant, const struct cdi_spec *spec, enum gpu_vendor vendor)
{
	for (size_t i = 0; i < grant->granted_count; i++)
		if (grant->granted[i]->vendor == vendor &&
		    !find_gpu(spec, grant->granted[i], &grant->gpus))
			return false;
	return true;
}

int grant_gpus_by_cdi(struct grant *grant, const struct grant_wish *wish, enum gpu_vendor vendor,
		      struct error *err)
{
	const struct cdi_spec *spec = NULL;
	bool is_first = true;

	if (grant_load_cdi(grant, wish, err) < 0)
		return -1;
	/* Later directories outweigh earlier ones. */
	for (size_t i = 0; i < grant->cdi.spec_count; i++)
		if (strcmp(grant->cdi.specs[i].kind, kinds[vendor]) == 0 &&
		    has_all(grant, &grant->cdi.specs[i], vendor))
			spec = &grant->cdi.specs[i];
	if (!spec)
		return 0;
	for (size_t i = 0; i < grant->granted_count; i++) {
		const struct gpu *gpu = grant->granted[i];

		if (gpu->vendor != vendor)
			continue;
		if (apply_device(grant, wish, spec, find_gpu(spec, gpu, &grant->gpus), is_first,
				 err) < 0)
			return -1;
		is_first = false;
	}
	return 1;
}

/* ---- by name --------------------------------------------------------------------------------- */

int grant_cdi_devices(struct grant *grant, const struct grant_wish *wish, char *const *names,
		      struct error *err)
{
	if (names && grant_load_cdi(grant, wish, err) < 0)
		return -1;
	for (char *const *name = names; name && *name; name++) {
		const struct cdi_spec *spec, *other;
		struct error ignored = ERROR_INIT;
		const struct cdi_device *device = cdi_find(&grant->cdi, *name, &spec, err);
		bool is_first = true;

		if (!device)
			return -1;
		for (char *const *earlier = names; earlier < name; earlier++)
			if (cdi_find(&grant->cdi, *earlier, &other, &ignored) && other == spec)
				is_first = false;
		if (apply_device(grant, wish, spec, device, is_first, err) < 0)
			return error_wrap(err, "device '%s'", *name);
	}
	return 0;
}
