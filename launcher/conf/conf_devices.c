/* SPDX-License-Identifier: BSD-3-Clause */
/* conf_devices.c - the part of davit.conf that is about devices. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/conf/conf_parse.h"

/* What belongs to the driver of a GPU: it must be of one version with the kernel's part, so it comes
 * from the node. Everything else of CUDA, ROCm and oneAPI is the image's. */
static const char *const gpu_libraries[] = {
	"libcuda.so.*",
	"libcudadebugger.so.*",
	"libnvidia-ml.so.*",
	"libnvidia-cfg.so.*",
	"libnvidia-ptxjitcompiler.so.*",
	"libnvidia-nvvm.so.*",
	"libnvidia-nvvm70.so.*",
	"libnvidia-gpucomp.so.*",
	"libnvidia-opencl.so.*",
	"libnvidia-allocator.so.*",
	"libnvidia-pkcs11*.so.*",
	"libnvidia-encode.so.*",
	"libnvidia-opticalflow.so.*",
	"libnvcuvid.so.*",
	"libnvoptix.so.*",
	"libnvidia-rtcore.so.*",
	"libnvidia-tls.so.*",
	"libnvidia-glsi.so.*",
	"libnvidia-glcore.so.*",
	"libnvidia-eglcore.so.*",
	"libnvidia-glvkspirv.so.*",
	"libEGL_nvidia.so.*",
	"libGLX_nvidia.so.*",
	"libGLESv[12]*_nvidia.so.*",
	NULL,
};

static const char *const gpu_programs[] = { "nvidia-smi", "nvidia-debugdump",
					    "nvidia-cuda-mps-control", "nvidia-cuda-mps-server",
					    NULL };

static const char *const gpu_files[] = {
	"/run/nvidia-persistenced/socket",
	"/run/nvidia-fabricmanager",
	"/etc/OpenCL/vendors/nvidia.icd",
	"/usr/share/nvidia/nvoptix.bin",
	"/usr/share/glvnd/egl_vendor.d/10_nvidia.json",
	"/usr/share/egl/egl_external_platform.d/10_nvidia_wayland.json",
	"/etc/vulkan/icd.d/nvidia_icd.json",
	"/usr/share/vulkan/icd.d/nvidia_icd.json",
	NULL,
};

/* As CDI's SPEC.md has it; the second one outweighs the first. */
static const char *const cdi_directories[] = { "/etc/cdi", "/var/run/cdi", NULL };

char **conf_copy(const char *const *words)
{
	size_t count = 0;
	char **all;

	while (words[count])
		count++;
	all = calloc(count + 1, sizeof(*all));
	for (size_t i = 0; all && i < count; i++) {
		all[i] = strdup(words[i]);
		if (!all[i]) {
			strings_free(all);
			return NULL;
		}
	}
	return all;
}

int conf_init_devices(struct conf *conf)
{
	conf->gpu_libraries = conf_copy(gpu_libraries);
	conf->gpu_programs = conf_copy(gpu_programs);
	conf->gpu_files = conf_copy(gpu_files);
	conf->cdi_directories = conf_copy(cdi_directories);
	return conf->gpu_libraries && conf->gpu_programs && conf->gpu_files && conf->cdi_directories
		       ? 0
		       : -1;
}

/* Replaces *words by a list of names of files, or patterns of them. */
static int read_names(const struct conf_reader *reader, const struct yaml_node *list, char ***words,
		      struct error *err)
{
	char **all;

	if (conf_expect(reader, list, YAML_LIST, err) < 0)
		return -1;
	for (const struct yaml_node *node = list->children; node; node = node->next) {
		if (conf_expect(reader, node, YAML_TEXT, err) < 0)
			return -1;
		if (node->text[0] && !strchr(node->text, '/'))
			continue;
		error_set(err, 0, "'%s': '%s' is not the name of a file", list->key, node->text);
		error_remedy(err, "a name without '/', or a pattern such as libcuda.so.*");
		return conf_refuse(reader, node, err);
	}
	all = conf_texts(reader, list, err);
	if (!all)
		return -1;
	strings_free(*words);
	*words = all;
	return 0;
}

/* Replaces *paths by a list of paths. */
static int read_paths(const struct conf_reader *reader, const struct yaml_node *list, char ***paths,
		      struct error *err)
{
	char **fresh = NULL;

	if (conf_read_paths(reader, list, &fresh, err) < 0)
		return -1;
	strings_free(*paths);
	*paths = fresh;
	return 0;
}

int conf_read_gpu_libraries(const struct conf_reader *reader, const struct yaml_node *list,
			    struct error *err)
{
	reader->conf->has_gpu_libraries = true;
	return read_names(reader, list, &reader->conf->gpu_libraries, err);
}

int conf_read_gpu_programs(const struct conf_reader *reader, const struct yaml_node *list,
			   struct error *err)
{
	return read_names(reader, list, &reader->conf->gpu_programs, err);
}

int conf_read_gpu_files(const struct conf_reader *reader, const struct yaml_node *list,
			struct error *err)
{
	return read_paths(reader, list, &reader->conf->gpu_files, err);
}

int conf_read_nic_libraries(const struct conf_reader *reader, const struct yaml_node *list,
			    struct error *err)
{
	return read_names(reader, list, &reader->conf->nic_libraries, err);
}

int conf_read_nic_files(const struct conf_reader *reader, const struct yaml_node *list,
			struct error *err)
{
	return read_paths(reader, list, &reader->conf->nic_files, err);
}

int conf_read_cdi_directories(const struct conf_reader *reader, const struct yaml_node *list,
			      struct error *err)
{
	return read_paths(reader, list, &reader->conf->cdi_directories, err);
}

int conf_read_cdi_hooks(const struct conf_reader *reader, const struct yaml_node *list,
			struct error *err)
{
	return read_paths(reader, list, &reader->conf->cdi_hooks, err);
}

int conf_read_topology_file(const struct conf_reader *reader, const struct yaml_node *node,
			    struct error *err)
{
	char *path;

	if (conf_expect(reader, node, YAML_TEXT, err) < 0)
		return -1;
	path = path_normalise(node->text);
	if (!path && errno == ENOMEM)
		return error_set(err, ENOMEM, "cannot read '%s'", reader->path);
	if (!path) {
		error_set(err, 0, "'topology-file': '%s' is not an absolute path without '..'",
			  node->text);
		error_remedy(err, "the path of a file that lstopo has written on each node");
		return conf_refuse(reader, node, err);
	}
	free(reader->conf->topology_file);
	reader->conf->topology_file = path;
	return 0;
}
