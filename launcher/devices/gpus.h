/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gpus.h - the GPUs of a node, as the kernel shows them to everybody.
 *
 * NVIDIA: /proc/driver/nvidia/gpus/PCI/information and /dev/nvidiaN; AMD and Intel:
 * /sys/class/drm/renderDN and cardN with the vendor of their PCI device, AMD's only with the amdgpu driver. Nothing is
 * opened but text files: to open a GPU may take seconds.
 */
#ifndef DAVIT_DEVICES_GPUS_H
#define DAVIT_DEVICES_GPUS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

enum gpu_vendor {
	GPU_NVIDIA,
	GPU_AMD,
	GPU_INTEL
};

#define PCI_ADDRESS_MAX 16 /* "0000:3b:00.0" */

struct gpu {
	enum gpu_vendor vendor;
	unsigned int minor; /* N of /dev/nvidiaN, of renderDN: 128 and up */
	char **nodes; /* its device files: first the one that programs open, then others (cardN); ends with NULL */
	char *uuid;                /* "GPU-...", or NULL where it is not known */
	char *model;               /* "NVIDIA H100 80GB HBM3", or NULL */
	char pci[PCI_ADDRESS_MAX]; /* "DOMAIN:BUS:DEVICE.FUNCTION" in lower case; "" where it is not known */
};

struct gpulist {
	struct gpu *items; /* by vendor, then by minor */
	size_t count;
};

/* Finds them. `root` is in front of each path that is read: "" on a node, a directory in tests; the
 * paths in the result are without it. A GPU counts also where its device file is missing (its driver knows it); a
 * /dev/nvidiaN counts also where the driver's /proc is not there. Returns 0, or -1 with `err` set when
 * out of memory. gpulist_done is due in each case. */
int gpulist_find(struct gpulist *list, const char *root, struct error *err);
void gpulist_done(struct gpulist *list);

/* "NVIDIA", "AMD", "Intel" */
const char *gpu_vendor_name(enum gpu_vendor vendor);

/* The files that each container with a GPU of this vendor needs besides (nvidiactl, nvidia-uvm,
 * nvidia-uvm-tools, nvidia-modeset; kfd), those that exist below `root`: a fresh list that ends with
 * NULL, for strings_free. For NVIDIA also the capabilities of MIG (/dev/nvidia-caps/...) and IMEX
 * channels (the directory /dev/nvidia-caps-imex-channels). NULL with `err` set when out of memory. */
char **gpu_common_nodes(enum gpu_vendor vendor, const char *root, struct error *err);

/* The version of NVIDIA's kernel module ("550.54.15"), from /proc/driver/nvidia/version or
 * /sys/module/nvidia/version, in a fresh string; NULL where there is none. */
char *gpu_nvidia_version(const char *root);

#endif
