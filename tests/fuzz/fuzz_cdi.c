/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_cdi.c - any bytes as a CDI specification, and as the name of a device.
 *
 * What is refused is told with its file and line. What is taken is as cdi.h says, and each of its
 * devices is found by its name and by no other.
 */
/* link: launcher/devices/cdi.c launcher/devices/cdi_parse.c launcher/devices/cdi_edits.c launcher/devices/cdi_fields.c launcher/conf/yaml.c launcher/mpi/rooted.c common/devicespec.c common/mountspec.c common/nearest.c common/error.c common/fd.c -lyaml */
#include "tests/fuzz/fuzz.h"

#include <limits.h>
#include <stdio.h>

#include "common/devicespec.h"
#include "common/fd.h"
#include "launcher/devices/cdi.h"

static void check_path(const char *path)
{
	assert(path && path[0] == '/' && strlen(path) < PATH_MAX);
	assert(!strstr(path, "//") && !strstr(path, "/../") && !strstr(path, "/./"));
	assert(!path[1] || path[strlen(path) - 1] != '/');
	for (const char *c = path; *c; c++)
		assert((unsigned char)*c >= ' ' && *c != 127);
}

static void check_variables(char **env)
{
	for (; env && *env; env++)
		assert(strchr(*env, '=') && (*env)[0] != '=');
}

static void check_edits(const struct cdi_edits *edits)
{
	check_variables(edits->env);
	for (size_t i = 0; i < edits->node_count; i++) {
		const char *permissions = edits->nodes[i].permissions;

		check_path(edits->nodes[i].path);
		check_path(edits->nodes[i].host_path);
		assert(!permissions ||
		       (permissions[0] && strspn(permissions, "rwm") == strlen(permissions)));
	}
	for (size_t i = 0; i < edits->mount_count; i++) {
		check_path(edits->mounts[i].host_path);
		check_path(edits->mounts[i].container_path);
	}
	for (size_t i = 0; i < edits->hook_count; i++) {
		assert(edits->hooks[i].name && edits->hooks[i].line > 0);
		check_path(edits->hooks[i].path);
		assert(edits->hooks[i].args && edits->hooks[i].args[0]);
		check_variables(edits->hooks[i].env);
	}
	for (size_t i = 0; i < edits->gid_count; i++)
		assert(edits->gids[i] != 0);
}

static void check_spec(struct cdi_spec *spec)
{
	const struct cdi cdi = { .specs = spec, .spec_count = 1 };
	struct error err = ERROR_INIT;

	assert(strcmp(spec->file, "file") == 0 && spec->device_count > 0);
	check_edits(&spec->edits);
	for (size_t i = 0; i < spec->device_count; i++) {
		const struct cdi_spec *from = NULL;
		cleanup_free char *name = NULL;

		check_edits(&spec->devices[i].edits);
		assert(spec->devices[i].line > 0);
		assert(asprintf(&name, "%s=%s", spec->kind, spec->devices[i].name) > 0);
		assert(device_check_name(name, &err) == 0);
		assert(cdi_find(&cdi, name, &from, &err) == &spec->devices[i] && from == spec);
		name[strlen(name) - 1] = '-';
		assert(!cdi_find(&cdi, name, &from, &err));
		fuzz_check_error(-1, &err);
		err = (struct error)ERROR_INIT;
	}
	assert(!cdi_find(&cdi, "no.such/kind=0", &(const struct cdi_spec *){ NULL }, &err));
	fuzz_check_error(-1, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct error err = ERROR_INIT;
	struct cdi_spec spec;
	int result;

	result = device_check_name(text, &err);
	fuzz_check_error(result, &err);
	err = (struct error)ERROR_INIT;
	result = cdi_spec_parse(&spec, "file", text, size, &err);
	fuzz_check_error(result, &err);
	if (result == 0)
		check_spec(&spec);
	else
		assert(strncmp(err.cause, "file:", strlen("file:")) == 0);
	cdi_spec_done(&spec);
	free(text);
	return 0;
}
