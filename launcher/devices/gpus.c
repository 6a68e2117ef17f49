/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gpus.c - see gpus.h.
 *
 * The number of a render node says nothing about where its GPU is, so everything goes by the PCI
 * device that a node belongs to. A GPU of AMD's that is split into partitions has a render node for
 * each: that of the first belongs to the PCI device, the others to platform devices "amdgpu_xcp_N",
 * and only the topology of kfd tells which GPU they are of.
 */
#include "launcher/devices/gpus.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/devices/sysfs.h"

#define NVIDIA_PROC "/proc/driver/nvidia/gpus"
#define DRM         "/sys/class/drm"
#define KFD         "/sys/class/kfd/kfd/topology/nodes"

#define IMEX_CHANNELS "/dev/nvidia-caps-imex-channels"
#define NVIDIA_MINORS 254 /* then come nvidia-modeset and nvidiactl */

static int out_of_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot look for GPUs");
}

const char *gpu_vendor_name(enum gpu_vendor vendor)
{
	static const char *const names[] = { "NVIDIA", "AMD", "Intel" };

	return names[vendor];
}

/* Returns the new GPU, or NULL with `err` set. */
static struct gpu *add_gpu(struct gpulist *list, enum gpu_vendor vendor, unsigned int minor,
			   struct error *err)
{
	struct gpu *bigger = realloc(list->items, (list->count + 1) * sizeof(*bigger));

	if (!bigger) {
		out_of_memory(err);
		return NULL;
	}
	list->items = bigger;
	bigger[list->count] = (struct gpu){ .vendor = vendor, .minor = minor };
	return &bigger[list->count++];
}

static int keep(char **kept, const char *value, struct error *err)
{
	*kept = strdup(value);
	return *kept ? 0 : out_of_memory(err);
}

/* Adds the nodes below /dev/dri of the device whose directory "drm" that is, but for `main`. With
 * several render nodes there, nothing tells whose the cards are. */
static int add_dri_nodes(struct names *nodes, const char *root, const char *directory,
			 const char *main, struct error *err)
{
	struct names names = { .items = NULL };
	unsigned int number, renders = 0;
	int result = sysfs_list(&names, err, root, "%s", directory);

	for (size_t i = 0; i < names.count; i++)
		renders += name_number(names.items[i], "renderD", &number);
	for (size_t i = 0; i < names.count && result == 0 && renders <= 1; i++)
		if (strcmp(names.items[i], main) != 0 &&
		    (name_number(names.items[i], "card", &number) ||
		     name_number(names.items[i], "renderD", &number)))
			result = names_add(nodes, err, "/dev/dri/%s", names.items[i]);
	strings_free(names.items);
	return result;
}

/* ---- NVIDIA ---------------------------------------------------------------------------------- */

/* The value of a line "KEY: VALUE". */
static bool find_field(const char *text, const char *key, char value[SYSFS_LINE_MAX])
{
	size_t key_len = strlen(key);

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		size_t len = strcspn(text, "\n"), skip;

		if (strncmp(text, key, key_len) != 0 || text[key_len] != ':')
			continue;
		skip = key_len + 1 + strspn(text + key_len + 1, " \t");
		while (len > skip && isspace((unsigned char)text[len - 1]))
			len--;
		if (len <= skip || len - skip >= SYSFS_LINE_MAX)
			return false;
		memcpy(value, text + skip, len - skip);
		value[len - skip] = '\0';
		return true;
	}
	return false;
}

static int fill_nvidia(struct gpu *gpu, const char *root, struct error *err)
{
	struct names nodes = { .items = NULL };
	char drm[64];
	int result = names_add(&nodes, err, "/dev/nvidia%u", gpu->minor);

	snprintf(drm, sizeof(drm), "/sys/bus/pci/devices/%s/drm", gpu->pci);
	if (result == 0 && gpu->pci[0])
		result = add_dri_nodes(&nodes, root, drm, "", err);
	gpu->nodes = nodes.items;
	return result;
}

/* What the driver says of the GPU in the directory `name`. Sets *is_known where it says
 * something. */
static int add_nvidia(struct gpulist *list, const char *root, const char *name, bool *is_known,
		      struct error *err)
{
	char text[SYSFS_TEXT_MAX], value[SYSFS_LINE_MAX];
	unsigned int minor;
	struct gpu *gpu;

	if (!sysfs_text(text, root, NVIDIA_PROC "/%s/information", name) ||
	    !find_field(text, "Device Minor", value) || !name_number(value, "", &minor))
		return 0;
	*is_known = true;
	/* Nobody can use it: NVreg_ExcludedGpus, of the module. */
	if ((find_field(text, "GPU Excluded", value) || find_field(text, "Blacklisted", value)) &&
	    strcmp(value, "Yes") == 0)
		return 0;
	gpu = add_gpu(list, GPU_NVIDIA, minor, err);
	if (!gpu)
		return -1;
	if (!find_field(text, "Bus Location", value) || !pci_parse(value, gpu->pci))
		(void)pci_parse(name, gpu->pci);
	/* It is all question marks before the GPU is used for the first time. */
	if (find_field(text, "GPU UUID", value) && !strchr(value, '?') &&
	    keep(&gpu->uuid, value, err) < 0)
		return -1;
	if (find_field(text, "Model", value) && strcmp(value, "Unknown") != 0 &&
	    keep(&gpu->model, value, err) < 0)
		return -1;
	return fill_nvidia(gpu, root, err);
}

/* Without the driver's /proc, as in some sandboxes, there are only the device files. Most nodes without
 * it have none at all, and no file for the driver itself. */
static int add_nvidia_nodes(struct gpulist *list, const char *root, struct error *err)
{
	if (!sysfs_has_file(root, "/dev/nvidiactl"))
		return 0;
	for (unsigned int minor = 0; minor < NVIDIA_MINORS; minor++) {
		char path[32];
		struct gpu *gpu;

		snprintf(path, sizeof(path), "/dev/nvidia%u", minor);
		if (!sysfs_has_file(root, path))
			continue;
		gpu = add_gpu(list, GPU_NVIDIA, minor, err);
		if (!gpu || fill_nvidia(gpu, root, err) < 0)
			return -1;
	}
	return 0;
}

static int find_nvidia(struct gpulist *list, const char *root, struct error *err)
{
	struct names names = { .items = NULL };
	bool is_known = false;
	int result = sysfs_list(&names, err, root, NVIDIA_PROC);

	for (size_t i = 0; i < names.count && result == 0; i++)
		result = add_nvidia(list, root, names.items[i], &is_known, err);
	strings_free(names.items);
	return result < 0 || is_known ? result : add_nvidia_nodes(list, root, err);
}

/* ---- AMD and Intel --------------------------------------------------------------------------- */

/* Servers have a chip for their console, and virtual machines a card, which are no GPUs for us. */
static bool find_vendor(const char *root, const char *name, enum gpu_vendor *vendor)
{
	char id[SYSFS_LINE_MAX], driver[SYSFS_LINE_MAX], device[SYSFS_LINE_MAX];

	if (sysfs_link(device, root, DRM "/%s/device", name) &&
	    strncmp(device, "amdgpu_xcp", strlen("amdgpu_xcp")) == 0) {
		*vendor = GPU_AMD;
		return true;
	}
	if (!sysfs_line(id, root, DRM "/%s/device/vendor", name) ||
	    !sysfs_link(driver, root, DRM "/%s/device/driver", name))
		return false;
	*vendor = strcmp(id, "0x1002") == 0 ? GPU_AMD : GPU_INTEL;
	if (*vendor == GPU_AMD)
		return strcmp(driver, "amdgpu") == 0;
	return strcmp(id, "0x8086") == 0 &&
	       (strcmp(driver, "i915") == 0 || strcmp(driver, "xe") == 0);
}

static int add_render_node(struct gpulist *list, const char *root, const char *name,
			   unsigned int minor, struct error *err)
{
	enum gpu_vendor vendor;
	struct names nodes = { .items = NULL };
	char value[SYSFS_LINE_MAX], uuid[SYSFS_LINE_MAX + 4], drm[64];
	struct gpu *gpu;
	int result;

	if (!find_vendor(root, name, &vendor))
		return 0;
	gpu = add_gpu(list, vendor, minor, err);
	if (!gpu)
		return -1;
	sysfs_pci(gpu->pci, root, DRM "/%s/device", name);
	snprintf(drm, sizeof(drm), DRM "/%s/device/drm", name);
	result = names_add(&nodes, err, "/dev/dri/%s", name);
	if (result == 0)
		result = add_dri_nodes(&nodes, root, drm, name, err);
	gpu->nodes = nodes.items;
	if (result == 0 && sysfs_line(value, root, DRM "/%s/device/product_name", name))
		result = keep(&gpu->model, value, err);
	/* ROCR_VISIBLE_DEVICES takes it in this form. */
	if (result == 0 && vendor == GPU_AMD &&
	    sysfs_line(value, root, DRM "/%s/device/unique_id", name) &&
	    value[strspn(value, "0")] != '\0') {
		snprintf(uuid, sizeof(uuid), "GPU-%s", value);
		result = keep(&gpu->uuid, uuid, err);
	}
	return result;
}

/* The number behind a name that a line of kfd's properties begins with; all of them have 32
 * bits. */
static bool find_property(const char *text, const char *name, uint32_t *value)
{
	size_t len = strlen(name);

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (strncmp(text, name, len) == 0 && text[len] == ' ' &&
		    isdigit((unsigned char)text[len + 1])) {
			unsigned long number = strtoul(text + len, NULL, 10);

			*value = (uint32_t)number;
			return number <= UINT32_MAX;
		}
	return false;
}

/* Kernels put the partition's number into bits 31 to 28, or in place of the function, which is 0
 * for such a GPU. */
static void place_partition(struct gpulist *list, const char *text)
{
	uint32_t minor, location, domain = 0;
	char address[64];

	if (!find_property(text, "drm_render_minor", &minor) ||
	    !find_property(text, "location_id", &location) || location == 0)
		return;
	(void)find_property(text, "domain", &domain);
	snprintf(address, sizeof(address), "%x:%02x:%02x.%x", domain, (location >> 8) & 0xff,
		 (location >> 3) & 0x1f, location >> 28 ? location & 7 : 0);
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].vendor == GPU_AMD && list->items[i].minor == minor &&
		    !list->items[i].pci[0])
			(void)pci_parse(address, list->items[i].pci);
}

static int place_partitions(struct gpulist *list, const char *root, struct error *err)
{
	struct names names = { .items = NULL };
	bool is_due = false;
	int result = 0;

	for (size_t i = 0; i < list->count; i++)
		is_due = is_due || (list->items[i].vendor == GPU_AMD && !list->items[i].pci[0]);
	if (is_due)
		result = sysfs_list(&names, err, root, KFD);
	for (size_t i = 0; i < names.count; i++) {
		char text[SYSFS_TEXT_MAX];

		if (sysfs_text(text, root, KFD "/%s/properties", names.items[i]))
			place_partition(list, text);
	}
	strings_free(names.items);
	return result;
}

static int find_drm(struct gpulist *list, const char *root, struct error *err)
{
	struct names names = { .items = NULL };
	int result = sysfs_list(&names, err, root, DRM);

	for (size_t i = 0; i < names.count && result == 0; i++) {
		unsigned int minor;

		if (name_number(names.items[i], "renderD", &minor))
			result = add_render_node(list, root, names.items[i], minor, err);
	}
	strings_free(names.items);
	return result < 0 ? -1 : place_partitions(list, root, err);
}

/* ---- All ------------------------------------------------------------------------------------- */

static int compare_gpus(const void *a, const void *b)
{
	const struct gpu *x = a, *y = b;

	if (x->vendor != y->vendor)
		return x->vendor < y->vendor ? -1 : 1;
	return x->minor < y->minor ? -1 : x->minor > y->minor;
}

int gpulist_find(struct gpulist *list, const char *root, struct error *err)
{
	*list = (struct gpulist){ .items = NULL };
	if (find_nvidia(list, root, err) < 0 || find_drm(list, root, err) < 0)
		return -1;
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), compare_gpus);
	return 0;
}

void gpulist_done(struct gpulist *list)
{
	for (size_t i = 0; i < list->count; i++) {
		strings_free(list->items[i].nodes);
		free(list->items[i].uuid);
		free(list->items[i].model);
	}
	free(list->items);
	*list = (struct gpulist){ .items = NULL };
}

/* Adds the files of a directory that are called PREFIX and a number. */
static int add_numbered(struct names *nodes, const char *root, const char *directory,
			const char *prefix, struct error *err)
{
	struct names names = { .items = NULL };
	int result = sysfs_list(&names, err, root, "%s", directory);

	for (size_t i = 0; i < names.count && result == 0; i++) {
		unsigned int number;
		char path[128];

		if (!name_number(names.items[i], prefix, &number))
			continue;
		snprintf(path, sizeof(path), "%s/%s%u", directory, prefix, number);
		if (sysfs_has_file(root, path))
			result = names_add(nodes, err, "%s", path);
	}
	strings_free(names.items);
	return result;
}

/* There may be 2048 channels: they come as one. */
static int add_channels(struct names *nodes, const char *root, struct error *err)
{
	struct names channels = { .items = NULL };
	int result = sysfs_list(&channels, err, root, IMEX_CHANNELS);

	if (result == 0 && channels.count > 0)
		result = names_add(nodes, err, "%s", IMEX_CHANNELS);
	strings_free(channels.items);
	return result;
}

char **gpu_common_nodes(enum gpu_vendor vendor, const char *root, struct error *err)
{
	static const struct {
		enum gpu_vendor vendor;
		const char *path;
	} files[] = {
		{ GPU_NVIDIA, "/dev/nvidiactl" },
		{ GPU_NVIDIA, "/dev/nvidia-uvm" },
		{ GPU_NVIDIA, "/dev/nvidia-uvm-tools" },
		{ GPU_NVIDIA, "/dev/nvidia-modeset" },
		{ GPU_AMD, "/dev/kfd" },
	};
	struct names nodes = { .items = NULL };
	int result = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && result == 0; i++)
		if (files[i].vendor == vendor && sysfs_has_file(root, files[i].path))
			result = names_add(&nodes, err, "%s", files[i].path);
	if (result == 0 && vendor == GPU_NVIDIA)
		result = add_numbered(&nodes, root, "/dev/nvidia-caps", "nvidia-cap", err);
	if (result == 0 && vendor == GPU_NVIDIA)
		result = add_channels(&nodes, root, err);
	if (result == 0)
		return names_take(&nodes, err);
	strings_free(nodes.items);
	return NULL;
}

/* Digits and dots, as in "550.54.15". */
static bool is_version(const char *word)
{
	return isdigit((unsigned char)word[0]) && strchr(word, '.') &&
	       word[strspn(word, "0123456789.")] == '\0';
}

char *gpu_nvidia_version(const char *root)
{
	char line[SYSFS_LINE_MAX], *save = NULL;

	/* "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 ..." */
	if (sysfs_line(line, root, "/proc/driver/nvidia/version") &&
	    strncmp(line, "NVRM version:", strlen("NVRM version:")) == 0)
		for (char *word = strtok_r(line, " \t", &save); word;
		     word = strtok_r(NULL, " \t", &save))
			if (is_version(word))
				return strdup(word);
	if (sysfs_line(line, root, "/sys/module/nvidia/version") && is_version(line))
		return strdup(line);
	return NULL;
}
