/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gresconf.c - see gresconf.h.
 *
 * The order of the devices is the one of slurmd's (Slurm's gres.c), as `slurmd -G` shows it: lines
 * that begin with Name= come before those that begin with NodeName=; then they are put into the
 * order of the types in slurm.conf's Gres=, where that has types, and what is more than is written
 * there goes. Where all devices are of one type that changes no number, so slurm.conf is not read.
 */
#include "launcher/devices/gresconf.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/fd.h"
#include "launcher/devices/hostlist.h"
#include "launcher/devices/slurmconf.h"
#include "launcher/devices/sysfs.h"

#define TYPES_MAX 256 /* in slurm.conf for one node */

/* What a line says; NULL for what it does not. */
struct line {
	const char *name, *type, *nodes, *file, *multiple, *autodetect;
	bool is_for_nodes; /* it begins with NodeName= */
};

struct devices {
	struct names files, types; /* in the same order; "" for no type */
};

struct reading {
	const char *name, *node;
	struct devices devices[2];  /* of lines that begin with Name=, with NodeName= */
	const char *global, *local; /* AutoDetect= */
};

static void devices_done(struct devices *devices)
{
	strings_free(devices->files.items);
	strings_free(devices->types.items);
	*devices = (struct devices){ .files = { .items = NULL } };
}

/* ---- gres.conf ------------------------------------------------------------------------------- */

static bool parse_line(char *text, struct line *line)
{
	char *key, *value;
	bool is_first = true;

	*line = (struct line){ .name = NULL };
	for (; slurmconf_pair(&text, &key, &value); is_first = false) {
		if (strcasecmp(key, "NodeName") == 0) {
			line->nodes = value;
			line->is_for_nodes |= is_first;
		} else if (strcasecmp(key, "Name") == 0) {
			line->name = value;
		} else if (strcasecmp(key, "AutoDetect") == 0) {
			line->autodetect = value;
		} else if (is_first) {
			return false;
		} else if (strcasecmp(key, "Type") == 0) {
			line->type = value;
		} else if (strcasecmp(key, "File") == 0 || strcasecmp(key, "Files") == 0) {
			line->file = value;
		} else if (strcasecmp(key, "MultipleFiles") == 0) {
			line->multiple = value;
		}
	}
	return !is_first;
}

static int add_devices(struct devices *devices, const struct line *line, struct error *err)
{
	struct names files = { .items = NULL };
	int result = hostlist_expand(&files, line->multiple ? line->multiple : line->file, err);

	if (line->multiple && files.count > 1)
		files.count = 1;
	for (size_t i = 0; i < files.count && result == 0; i++) {
		result = names_add(&devices->files, err, "%s", files.items[i]);
		if (result == 0)
			result =
				names_add(&devices->types, err, "%s", line->type ? line->type : "");
	}
	strings_free(files.items);
	return result;
}

static int take_line(struct reading *reading, char *text, struct error *err)
{
	struct line line;

	if (!parse_line(text, &line))
		return 0;
	if (line.nodes && !(reading->node && hostlist_has(line.nodes, reading->node)))
		return 0;
	/* Slurm does not heed it in a line with Name= alone. */
	if (line.autodetect && line.nodes)
		reading->local = line.autodetect;
	else if (line.autodetect && !line.name)
		reading->global = line.autodetect;
	if (!line.name || strcasecmp(line.name, reading->name) != 0 ||
	    (!line.file && !line.multiple))
		return 0;
	return add_devices(&reading->devices[line.is_for_nodes], &line, err);
}

/* Puts all devices of the second list behind those of the first. */
static int join_devices(struct devices *devices, const struct devices *more, struct error *err)
{
	for (size_t i = 0; i < more->files.count; i++)
		if (names_add(&devices->files, err, "%s", more->files.items[i]) < 0 ||
		    names_add(&devices->types, err, "%s", more->types.items[i]) < 0)
			return -1;
	return 0;
}

/* Reads the devices, and what is said of AutoDetect. */
static int read_devices(struct gresconf *conf, struct devices *devices, const char *text,
			size_t len, const char *name, const char *node, struct error *err)
{
	struct reading reading = { .name = name, .node = node };
	cleanup_free char *copy = slurmconf_copy(text, len);
	char *at = copy, *line;
	const char *autodetect;
	int result = 0;

	if (!copy)
		return error_set(err, ENOMEM, "cannot read gres.conf");
	while (result == 0 && (line = slurmconf_line(&at)))
		result = take_line(&reading, line, err);
	if (result == 0)
		result = join_devices(&reading.devices[0], &reading.devices[1], err);
	devices_done(&reading.devices[1]);
	*devices = reading.devices[0];
	autodetect = reading.local ? reading.local : reading.global;
	conf->autodetects = autodetect && strcasecmp(autodetect, "off") != 0;
	conf->detects_by_pci = conf->autodetects && strcasecmp(autodetect, "nvidia") != 0;
	return result;
}

static void keep_devices(struct gresconf *conf, struct devices *devices)
{
	conf->files = steal_ptr(&devices->files.items);
	conf->count = devices->files.count;
	devices->files.count = 0;
}

int gresconf_parse(struct gresconf *conf, const char *text, size_t len, const char *name,
		   const char *node, struct error *err)
{
	struct devices devices = { .files = { .items = NULL } };
	int result;

	*conf = (struct gresconf){ .files = NULL };
	result = read_devices(conf, &devices, text, len, name, node, err);
	if (result == 0)
		keep_devices(conf, &devices);
	devices_done(&devices);
	return result;
}

/* ---- slurm.conf ------------------------------------------------------------------------------ */

static bool has_types(const struct devices *devices)
{
	for (size_t i = 1; i < devices->types.count; i++)
		if (strcasecmp(devices->types.items[0], devices->types.items[i]) != 0)
			return true;
	return false;
}

/* Cuts a count off the end of "NAME[:TYPE][:COUNT]". One with a suffix (K, M, ...) is of no
 * devices. */
static unsigned long take_count(char *text)
{
	char *colon = strrchr(text, ':'), *rest;
	unsigned long count;

	if (!colon || !isdigit((unsigned char)colon[1]))
		return 1;
	count = strtoul(colon + 1, &rest, 10);
	if (rest[0] && (rest[1] || !strchr("kKmMgGtTpP", rest[0])))
		return 1;
	*colon = '\0';
	return rest[0] ? ULONG_MAX : count;
}

/* Takes the next "NAME[:TYPE][:no_consume][:COUNT][(S:SOCKETS)]" of a list, which it changes. */
static bool next_gres(char **at, char **name, char **type, unsigned long *count)
{
	char *from = *at, *end = from, *colon;
	bool is_inside = false;

	if (!*from)
		return false;
	for (; *end && (is_inside || *end != ','); end++)
		is_inside = *end == '(' || (is_inside && *end != ')');
	*at = *end ? end + 1 : end;
	*end = '\0';
	from[strcspn(from, "(")] = '\0';
	*count = take_count(from);
	*name = from;
	*type = NULL;
	colon = strchr(from, ':');
	if (!colon)
		return true;
	*colon = '\0';
	*type = colon + 1;
	(*type)[strcspn(*type, ":")] = '\0';
	return true;
}

/* Moves devices of a type, any if it is NULL, at most `count`. */
static void move_devices(struct devices *from, struct devices *to, const char *type,
			 unsigned long count)
{
	for (size_t i = 0; i < from->files.count && count > 0; i++) {
		if (!from->files.items[i] || (type && strcasecmp(from->types.items[i], type) != 0))
			continue;
		to->files.items[to->files.count++] = steal_ptr(&from->files.items[i]);
		count--;
	}
}

/* Puts the files into the order of slurm.conf's `gres`. Those that are not in it come last:
 * nothing has their numbers. */
static int sort_devices(struct devices *devices, const char *name, const char *gres,
			struct error *err)
{
	cleanup_free char *copy = strdup(gres);
	char *at = copy, *entry, *type;
	unsigned long count;
	struct devices sorted = { .files = { .items = calloc(devices->files.count + 1,
							     sizeof(char *)) } };

	if (!copy || !sorted.files.items) {
		free(sorted.files.items);
		return error_set(err, ENOMEM, "cannot read slurm.conf");
	}
	for (int i = 0; i < TYPES_MAX && next_gres(&at, &entry, &type, &count); i++)
		if (strcasecmp(entry, name) == 0)
			move_devices(devices, &sorted, type, count);
	move_devices(devices, &sorted, NULL, devices->files.count);
	free(devices->files.items);
	devices->files = sorted.files;
	return 0;
}

static int sort_by_slurmconf(struct devices *devices, const char *directory, const char *name,
			     const char *node, struct error *err)
{
	size_t len;
	cleanup_free char *text = slurmconf_read(directory, "slurm.conf", &len);
	cleanup_free char *copy = NULL;
	const char *gres;

	if (!text && errno != ENOMEM)
		return 0;
	copy = text ? slurmconf_copy(text, len) : NULL;
	if (!copy)
		return error_set(err, ENOMEM, "cannot read slurm.conf");
	gres = slurmconf_gres(copy, node);
	return gres ? sort_devices(devices, name, gres, err) : 0;
}

/* ---- The files of this node ------------------------------------------------------------------ */

static int load(struct gresconf *conf, const char *directory, const char *text, size_t len,
		const char *name, struct error *err)
{
	const char *node = getenv("SLURMD_NODENAME");
	struct devices devices = { .files = { .items = NULL } };
	int result;

	if (node && !node[0])
		node = NULL;
	result = read_devices(conf, &devices, text, len, name, node, err);
	if (result == 0 && node && has_types(&devices))
		result = sort_by_slurmconf(&devices, directory, name, node, err);
	if (result == 0)
		keep_devices(conf, &devices);
	devices_done(&devices);
	return result;
}

int gresconf_load(struct gresconf *conf, const char *name, struct error *err)
{
	const char *file = getenv("SLURM_CONF"), *slash = file ? strrchr(file, '/') : NULL;
	char beside[PATH_MAX] = "";
	const char *const directories[] = { beside, "/run/slurm/conf", "/etc/slurm" };

	*conf = (struct gresconf){ .files = NULL };
	if (slash && slash > file && slash - file < PATH_MAX)
		snprintf(beside, sizeof(beside), "%.*s", (int)(slash - file), file);
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		size_t len;
		cleanup_free char *text =
			directories[i][0] ? slurmconf_read(directories[i], "gres.conf", &len)
					  : NULL;

		if (text)
			return load(conf, directories[i], text, len, name, err);
		if (directories[i][0] && errno == ENOMEM)
			return error_set(err, ENOMEM, "cannot read gres.conf");
	}
	return 0;
}

void gresconf_done(struct gresconf *conf)
{
	strings_free(conf->files);
	*conf = (struct gresconf){ .files = NULL };
}
