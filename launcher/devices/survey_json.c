/* SPDX-License-Identifier: BSD-3-Clause */
/* survey_json.c - see survey.h. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/fd.h"
#include "common/node.h"
#include "launcher/devices/survey.h"

/* Paths may be no UTF-8, which JSON cannot have. */
static json_t *text(const char *value)
{
	json_t *json = value ? json_string(value) : json_null();

	return json ? json : json_string("?");
}

static json_t *list(char *const *values)
{
	json_t *array = json_array();

	for (; values && *values; values++)
		json_array_append_new(array, text(*values));
	return array;
}

static void set_place(const struct survey *survey, json_t *object, const char *pci)
{
	cleanup_free char *place =
		survey->grant.topology ? topology_place(survey->grant.topology, pci) : NULL;

	json_object_set_new(object, "pci", text(pci[0] ? pci : NULL));
	json_object_set_new(object, "place", text(place));
}

static json_t *make_gpu(const struct survey *survey, const struct gpu *gpu)
{
	json_t *object = json_object();
	unsigned int number;
	bool is_granted = survey_has_gpu(survey, gpu, &number);

	json_object_set_new(object, "vendor", text(gpu_vendor_name(gpu->vendor)));
	json_object_set_new(object, "model", text(gpu->model));
	json_object_set_new(object, "uuid", text(gpu->uuid));
	json_object_set_new(object, "files", list(gpu->nodes));
	set_place(survey, object, gpu->pci);
	json_object_set_new(object, "granted", json_boolean(is_granted));
	if (is_granted)
		json_object_set_new(object, "number", json_integer(number));
	return object;
}

static json_t *make_nic(const struct survey *survey, const struct nic *nic)
{
	const struct gpulist *gpus = &survey->grant.gpus;
	json_t *object = json_object(), *nearest = json_array();

	json_object_set_new(object, "name", text(nic->name));
	json_object_set_new(object, "kind", text(nic_kind_name(nic->kind)));
	json_object_set_new(object, "driver", text(nic->driver));
	json_object_set_new(object, "port", nic->port ? json_integer(nic->port) : json_null());
	json_object_set_new(object, "netdev", text(nic->netdev));
	json_object_set_new(object, "files", list(nic->nodes));
	set_place(survey, object, nic->pci);
	for (size_t i = 0; i < gpus->count; i++)
		if (survey_is_nearest(survey, &gpus->items[i], nic))
			json_array_append_new(nearest, text(gpus->items[i].nodes[0]));
	json_object_set_new(object, "nearest_to", nearest);
	json_object_set_new(object, "granted", json_boolean(survey_has_nic(survey, nic)));
	return object;
}

static json_t *make_spec(const struct cdi_spec *spec)
{
	json_t *object = json_object(), *names = json_array();

	json_object_set_new(object, "file", text(spec->file));
	json_object_set_new(object, "kind", text(spec->kind));
	for (size_t i = 0; i < spec->device_count; i++)
		json_array_append_new(names, text(spec->devices[i].name));
	json_object_set_new(object, "devices", names);
	return object;
}

static json_t *make_pair(const char *first, const char *first_value, const char *second,
			 const char *second_value)
{
	json_t *object = json_object();

	json_object_set_new(object, first, text(first_value));
	json_object_set_new(object, second, text(second_value));
	return object;
}

static json_t *make_grant(const struct survey *survey)
{
	const struct grant *grant = &survey->grant;
	json_t *object = json_object(), *mounts = json_array(), *libraries = json_array();

	for (size_t i = 0; i < grant->mounts.count; i++)
		json_array_append_new(mounts, make_pair("source", grant->mounts.items[i].source,
							"target", grant->mounts.items[i].target));
	for (size_t i = 0; i < grant->library_count; i++)
		json_array_append_new(libraries, make_pair("soname", grant->libraries[i].soname,
							   "path", grant->libraries[i].path));
	json_object_set_new(object, "possible", json_boolean(survey->is_granted));
	json_object_set_new(object, "mounts", mounts);
	json_object_set_new(object, "libraries", libraries);
	return object;
}

static json_t *make_all(const struct survey *survey)
{
	json_t *all = json_object(), *gpus = json_array(), *nics = json_array();
	json_t *cdi = json_array(), *problems = json_array();
	char node[NODE_NAME_MAX];

	node_name(node);
	for (size_t i = 0; i < survey->grant.gpus.count; i++)
		json_array_append_new(gpus, make_gpu(survey, &survey->grant.gpus.items[i]));
	for (size_t i = 0; i < survey->grant.nics.count; i++)
		json_array_append_new(nics, make_nic(survey, &survey->grant.nics.items[i]));
	for (size_t i = 0; i < survey->grant.cdi.spec_count; i++)
		json_array_append_new(cdi, make_spec(&survey->grant.cdi.specs[i]));
	for (size_t i = 0; i < survey->problem_count; i++)
		json_array_append_new(problems,
				      make_pair("cause", survey->problems[i].cause, "remedy",
						survey->problems[i].remedy[0]
							? survey->problems[i].remedy
							: NULL));
	json_object_set_new(all, "node", text(node));
	json_object_set_new(all, "gpus", gpus);
	json_object_set_new(all, "adapters", nics);
	json_object_set_new(all, "cdi", cdi);
	json_object_set_new(all, "container", make_grant(survey));
	json_object_set_new(all, "problems", problems);
	return all;
}

int survey_print_json(const struct survey *survey, struct error *err)
{
	json_t *all = make_all(survey);
	int result = all ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;

	json_decref(all);
	if (result == 0 && putchar('\n') != EOF)
		return 0;
	return error_set(err, errno, "cannot write");
}
