/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cdi_parse.c - from the text of a CDI specification to struct cdi_spec; see cdi.h.
 *
 * The rules are those of SPEC.md, of schema/defs.json and of the reference implementation, which is
 * in Go: what that one refuses is refused here, and paths have to be absolute, too. The version
 * comes first, since it decides which fields there are.
 */
#include "launcher/devices/cdi_parse.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/devicespec.h"
#include "common/fd.h"

/* ---- devices ------------------------------------------------------------ */

/* A device has to change something; the reference implementation says so. */
static int read_device_edits(const struct cdi_reader *reader, const struct cdi_place *place,
			     void *to, struct error *err)
{
	if (cdi_read_edits(reader, place, to, err) < 0)
		return -1;
	for (const struct yaml_node *node = place->node->children; node; node = node->next)
		if (node->children ||
		    (node->kind == YAML_MAP && strcasecmp(node->key, "intelRdt") == 0))
			return 0;
	error_set(err, 0, "no edits");
	error_remedy(err, "at least one of the fields, such as 'deviceNodes'");
	return cdi_refuse(reader, place, err);
}

static int read_device_name(const struct cdi_reader *reader, const struct cdi_place *place,
			    void *to, struct error *err)
{
	cleanup_free char *full = NULL;
	const char *name = place->node->text;

	if (cdi_read_text(reader, place, to, err) < 0)
		return -1;
	if (asprintf(&full, "vendor/class=%s", name) < 0) {
		full = NULL;
		return cdi_out_of_memory(reader, err);
	}
	if (device_check_name(full, err) < 0) {
		error_set(err, 0, "'%s' is not a name of a device", name);
		error_remedy(err, "letters and digits, and '_', '-', '.' and ':' between them");
		return cdi_refuse(reader, place, err);
	}
	if (name[0] >= '0' && name[0] <= '9' && reader->version < CDI_VERSION(0, 5))
		return cdi_refuse_older(reader, place, CDI_VERSION(0, 5), err);
	return 0;
}

static const struct cdi_field device_fields[] = {
	{ "name", read_device_name, offsetof(struct cdi_device, name), 0, "NAME" },
	{ "annotations", cdi_check_annotations, 0, CDI_VERSION(0, 6), NULL },
	{ "containerEdits", read_device_edits, offsetof(struct cdi_device, edits), 0,
	  "{deviceNodes: [{path: /dev/NAME}]}" },
};

static int read_device(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		       struct error *err)
{
	struct cdi_device *device = to;

	device->line = place->node->line;
	return cdi_read_map(reader, place, device_fields, COUNT_OF(device_fields), device, err);
}

static int read_devices(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
			struct error *err)
{
	struct cdi_spec *spec = to;

	spec->devices = cdi_new_items(reader, place, sizeof(*spec->devices), err);
	if (!spec->devices || cdi_read_items(reader, place, spec->devices, sizeof(*spec->devices),
					     &spec->device_count, read_device, err) < 0)
		return -1;
	if (spec->device_count == 0) {
		error_set(err, 0, "not one device");
		error_remedy(err, "at least one, with 'name' and 'containerEdits'");
		return cdi_refuse(reader, place, err);
	}
	for (size_t i = 0; i < spec->device_count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(spec->devices[i].name, spec->devices[j].name) == 0) {
				error_set(err, 0,
					  "two devices are called '%s', in lines %zu and %zu",
					  spec->devices[i].name, spec->devices[j].line,
					  spec->devices[i].line);
				error_remedy(err, "a name of its own for each");
				return cdi_refuse(reader, place, err);
			}
	return 0;
}

/* ---- the file ----------------------------------------------------------- */

static int read_kind(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
		     struct error *err)
{
	const char *kind = place->node->text;

	if (cdi_read_text(reader, place, to, err) < 0)
		return -1;
	if (!device_is_kind(kind)) {
		error_set(err, 0, "'%s' is not VENDOR/CLASS", kind);
		error_remedy(err, "a vendor and a class, such as nvidia.com/gpu");
		return cdi_refuse(reader, place, err);
	}
	if (strchr(strchr(kind, '/'), '.') && reader->version < CDI_VERSION(0, 6))
		return cdi_refuse_older(reader, place, CDI_VERSION(0, 6), err);
	return 0;
}

static const struct cdi_field spec_fields[] = {
	{ "cdiVersion", cdi_check_text, 0, 0, "0.6.0" },
	{ "kind", read_kind, offsetof(struct cdi_spec, kind), 0, "VENDOR/CLASS" },
	{ "annotations", cdi_check_annotations, 0, CDI_VERSION(0, 6), NULL },
	{ "devices", read_devices, 0, 0, "[{name: NAME, containerEdits: ...}]" },
	{ "containerEdits", cdi_read_edits, offsetof(struct cdi_spec, edits), 0, NULL },
};

/* Reads "MAJOR.MINOR.PATCH", maybe with a "v" in front; 0 if it is no such thing. A patch changes
 * no field. */
static unsigned int parse_version(const char *text)
{
	unsigned int numbers[3] = { 0 };

	text += text[0] == 'v';
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		size_t len = strspn(text, "0123456789");

		if (len == 0 || len > 3 || text[len] != (i + 1 < COUNT_OF(numbers) ? '.' : '\0'))
			return 0;
		numbers[i] = (unsigned int)strtoul(text, NULL, 10);
		text += len + 1;
	}
	return CDI_VERSION(numbers[0], numbers[1]);
}

/* Finds the version before all else is read. Where there is none, reading the fields will tell. */
static int read_version(struct cdi_reader *reader, const struct cdi_place *root, struct error *err)
{
	static const unsigned int known[] = { CDI_VERSION(0, 3), CDI_VERSION(0, 4),
					      CDI_VERSION(0, 5), CDI_VERSION(0, 6),
					      CDI_VERSION(0, 7), CDI_VERSION(0, 8),
					      CDI_VERSION(1, 0), CDI_VERSION(1, 1) };
	const struct yaml_node *node = root->node->children;
	struct cdi_place place = { .in = root };

	while (node && strcasecmp(node->key, "cdiVersion") != 0)
		node = node->next;
	if (!node || node->kind != YAML_TEXT || !node->text[0]) {
		reader->version = UINT32_MAX;
		return 0;
	}
	place.node = node;
	place.name = node->key;
	reader->version = parse_version(node->text);
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (reader->version == known[i])
			return 0;
	error_set(err, 0, "'%s' is not a version from 0.3.0 to 1.1.0", node->text);
	error_remedy(err, "one of them, in which the file is written, such as 0.6.0");
	return cdi_refuse(reader, &place, err);
}

int cdi_spec_parse(struct cdi_spec *spec, const char *file, const char *text, size_t len,
		   struct error *err)
{
	struct cdi_reader reader = { .file = file };
	struct cdi_place root = { .in = NULL };
	struct yaml_node *tree;
	int result;

	*spec = (struct cdi_spec){ .file = strdup(file) };
	if (!spec->file)
		return cdi_out_of_memory(&reader, err);
	tree = yaml_tree_parse(file, text, len, err);
	if (!tree)
		return -1;
	root.node = tree;
	result = read_version(&reader, &root, err);
	if (result == 0)
		result =
			cdi_read_map(&reader, &root, spec_fields, COUNT_OF(spec_fields), spec, err);
	yaml_tree_free(tree);
	return result;
}

void cdi_spec_done(struct cdi_spec *spec)
{
	for (size_t i = 0; i < spec->device_count; i++) {
		free(spec->devices[i].name);
		cdi_edits_done(&spec->devices[i].edits);
	}
	free(spec->devices);
	free(spec->file);
	free(spec->kind);
	cdi_edits_done(&spec->edits);
	*spec = (struct cdi_spec){ .file = NULL };
}
