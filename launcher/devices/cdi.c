/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cdi.c - see cdi.h: which files there are, and which device in them is meant.
 *
 * As the reference implementation has it: all that end in .yaml or .json, without subdirectories.
 * Whatever else is in those directories, nothing blocks, and what is too much is told.
 */
#include "launcher/devices/cdi.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/devicespec.h"
#include "common/fd.h"
#include "common/nearest.h"
#include "launcher/conf/yaml.h"
#include "launcher/mpi/rooted.h"

#define FILES_MAX   1000        /* in all directories */
#define BYTES_MAX   (16u << 20) /* the same */
#define NAMES_MAX   10000       /* that are read of one directory */
#define NEAREST_MAX 1000        /* devices that are compared with a wrong name */

struct loading {
	struct cdi *cdi;
	int root;
	size_t files, bytes; /* so far */
};

static int out_of_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot read the CDI specifications");
}

/* Keeps the error of a file. Returns 0, or -1 with `err` set. */
static int keep_error(struct cdi *cdi, const struct error *of_file, struct error *err)
{
	struct error *bigger;

	if (of_file->errnum == ENOMEM)
		return out_of_memory(err);
	bigger = realloc(cdi->errors, (cdi->error_count + 1) * sizeof(*bigger));
	if (!bigger)
		return out_of_memory(err);
	cdi->errors = bigger;
	bigger[cdi->error_count++] = *of_file;
	return 0;
}

static int keep_spec(struct cdi *cdi, struct cdi_spec *spec, struct error *err)
{
	struct cdi_spec *bigger = realloc(cdi->specs, (cdi->spec_count + 1) * sizeof(*bigger));

	if (!bigger) {
		cdi_spec_done(spec);
		return out_of_memory(err);
	}
	cdi->specs = bigger;
	bigger[cdi->spec_count++] = *spec;
	return 0;
}

static int refuse_file(struct loading *loading, const char *path, int errnum, const char *why,
		       const char *remedy, struct error *err)
{
	struct error of_file = ERROR_INIT;

	error_set(&of_file, errnum, "cannot read '%s'%s", path, why);
	error_remedy(&of_file, "%s", remedy);
	return keep_error(loading->cdi, &of_file, err);
}

static int refuse_unread(struct loading *loading, const char *path, struct error *err)
{
	int errnum = errno;

	if (errnum == ENOEXEC)
		return rooted_has_directory(loading->root, path)
			       ? 0
			       : refuse_file(loading, path, 0, ": it is not a regular file",
					     "remove it, or ask your admin", err);
	if (errnum == EFBIG)
		return refuse_file(loading, path, errnum, "", "a specification of at most 1 MiB",
				   err);
	return refuse_file(loading, path, errnum, "",
			   errnum == EACCES ? "ask your admin for mode 0644" : "ask your admin",
			   err);
}

static int load_file(struct loading *loading, size_t directory, const char *path, struct error *err)
{
	struct error of_file = ERROR_INIT;
	cleanup_free char *text = NULL;
	struct cdi_spec spec;
	size_t len;

	if (loading->bytes > BYTES_MAX)
		return refuse_file(loading, path, 0, ": more than 16 MiB of specifications",
				   "fewer or smaller files", err);
	text = rooted_read(loading->root, path, YAML_SIZE_MAX, &len);
	if (!text)
		return refuse_unread(loading, path, err);
	loading->bytes += len;
	if (cdi_spec_parse(&spec, path, text, len, &of_file) < 0) {
		cdi_spec_done(&spec);
		return keep_error(loading->cdi, &of_file, err);
	}
	spec.directory = directory;
	return keep_spec(loading->cdi, &spec, err);
}

static bool is_spec(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".json") == 0);
}

static int compare_names(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;

	return strcmp(*left, *right);
}

/* The sorted names of all specifications in a directory; NULL without memory. */
static char **list_specs(DIR *dir, size_t *count)
{
	char **names = calloc(NAMES_MAX + 1, sizeof(*names));
	const struct dirent *entry;

	*count = 0;
	for (size_t i = 0; names && i < NAMES_MAX && (entry = readdir(dir)); i++) {
		if (!is_spec(entry->d_name))
			continue;
		names[*count] = strdup(entry->d_name);
		if (!names[(*count)++]) {
			strings_free(names);
			return NULL;
		}
	}
	if (names)
		qsort(names, *count, sizeof(*names), compare_names);
	return names;
}

static int load_directory(struct loading *loading, size_t number, const char *directory,
			  struct error *err)
{
	DIR *dir = rooted_list(loading->root, directory);
	size_t count;
	char **names;
	int result = 0;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return refuse_file(loading, directory, errno, "", "ask your admin", err);
	names = list_specs(dir, &count);
	closedir(dir);
	if (!names)
		return out_of_memory(err);
	for (size_t i = 0; i < count && result == 0; i++) {
		cleanup_free char *path = path_join(directory, names[i]);

		if (!path) {
			result = out_of_memory(err);
		} else if (loading->files++ < FILES_MAX) {
			result = load_file(loading, number, path, err);
		} else {
			result = refuse_file(loading, path, 0, ": more than 1000 specifications",
					     "fewer files", err);
			break;
		}
	}
	strings_free(names);
	return result;
}

int cdi_load(struct cdi *cdi, const char *const directories[], struct error *err)
{
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct loading loading = { .cdi = cdi, .root = root };

	*cdi = (struct cdi){ .specs = NULL };
	if (root < 0)
		return error_set(err, errno, "cannot open '/'");
	for (size_t i = 0; directories[i]; i++)
		if (load_directory(&loading, i, directories[i], err) < 0)
			return -1;
	return 0;
}

void cdi_done(struct cdi *cdi)
{
	for (size_t i = 0; i < cdi->spec_count; i++)
		cdi_spec_done(&cdi->specs[i]);
	free(cdi->specs);
	free(cdi->errors);
	*cdi = (struct cdi){ .specs = NULL };
}

/* ---- finding ------------------------------------------------------------- */

/* Of a name that was asked for: how much of it is known. */
enum known {
	KNOWN_NOTHING,
	KNOWN_VENDOR,
	KNOWN_KIND
};

/* *spec becomes one of that kind, where there is one. */
static enum known find_known(const struct cdi *cdi, const char *name, const struct cdi_spec **spec)
{
	size_t kind = strcspn(name, "="), vendor = strcspn(name, "/");
	enum known known = KNOWN_NOTHING;

	for (size_t i = 0; i < cdi->spec_count; i++) {
		const char *other = cdi->specs[i].kind;

		*spec = &cdi->specs[i];
		if (strncmp(other, name, kind) == 0 && !other[kind])
			return KNOWN_KIND;
		if (strncmp(other, name, vendor + 1) == 0)
			known = KNOWN_VENDOR;
	}
	return known;
}

/* The nearest of all devices, in a fresh string; NULL where none is near enough. */
static char *find_nearest(const struct cdi *cdi, const char *name)
{
	cleanup_free char *best = NULL;
	size_t left = NEAREST_MAX;

	for (size_t i = 0; i < cdi->spec_count; i++)
		for (size_t j = 0; j < cdi->specs[i].device_count && left > 0; j++, left--) {
			cleanup_free char *full = NULL;
			const char *words[2] = { best ? best : "" };

			if (asprintf(&full, "%s=%s", cdi->specs[i].kind,
				     cdi->specs[i].devices[j].name) < 0) {
				full = NULL;
				return NULL;
			}
			words[1] = full;
			if (word_nearest(name, words, 2) == full) {
				free(best);
				best = steal_ptr(&full);
			}
		}
	return steal_ptr(&best);
}

static void name_cause(const struct cdi *cdi, const char *name, enum known known, struct error *err)
{
	int kind = (int)strcspn(name, "="), vendor = (int)strcspn(name, "/");
	const char *refused = cdi->error_count > 0 ? cdi->errors[0].cause : "";
	const char *also = cdi->error_count > 0 ? "; refused was " : "";

	if (known == KNOWN_KIND)
		error_set(err, 0, "there is no device '%s': none of '%.*s' is called '%s'%s%s",
			  name, kind, name, name + kind + 1, also, refused);
	else if (known == KNOWN_VENDOR)
		error_set(err, 0, "there is no device '%s': '%.*s' has no class '%.*s'%s%s", name,
			  vendor, name, kind - vendor - 1, name + vendor + 1, also, refused);
	else
		error_set(err, 0, "there is no device '%s': no CDI specification is of '%.*s'%s%s",
			  name, vendor, name, also, refused);
}

static void refuse_unknown(const struct cdi *cdi, const char *name, struct error *err)
{
	cleanup_free char *nearest = find_nearest(cdi, name);
	const struct cdi_spec *spec = NULL;
	enum known known = find_known(cdi, name, &spec);

	name_cause(cdi, name, known, err);
	if (nearest)
		error_remedy(err, "'%s'", nearest);
	else if (cdi->error_count > 0 && cdi->errors[0].remedy[0])
		error_remedy(err, "%s", cdi->errors[0].remedy);
	else if (known == KNOWN_KIND)
		error_remedy(err, "'%s=%s', for one", spec->kind, spec->devices[0].name);
	else
		error_remedy(err, "ask your admin; the vendor's program writes the specification, "
				  "as 'nvidia-ctk cdi generate' does");
}

static const struct cdi_device *find_in_spec(const struct cdi_spec *spec, const char *name)
{
	size_t kind = strlen(spec->kind);

	if (strncmp(spec->kind, name, kind) != 0 || name[kind] != '=')
		return NULL;
	for (size_t i = 0; i < spec->device_count; i++)
		if (strcmp(spec->devices[i].name, name + kind + 1) == 0)
			return &spec->devices[i];
	return NULL;
}

const struct cdi_device *cdi_find(const struct cdi *cdi, const char *name,
				  const struct cdi_spec **spec, struct error *err)
{
	const struct cdi_device *found = NULL;

	if (device_check_name(name, err) < 0)
		return NULL;
	/* The last directory comes first. */
	for (size_t i = cdi->spec_count; i-- > 0;) {
		const struct cdi_device *device = find_in_spec(&cdi->specs[i], name);

		if (found && cdi->specs[i].directory != (*spec)->directory)
			break;
		if (device && found) {
			error_set(err, 0, "the device '%s' is in two files: '%s' and '%s'", name,
				  cdi->specs[i].file, (*spec)->file);
			error_remedy(err, "ask your admin to remove one of them");
			return NULL;
		}
		if (device) {
			found = device;
			*spec = &cdi->specs[i];
		}
	}
	if (!found)
		refuse_unknown(cdi, name, err);
	return found;
}
