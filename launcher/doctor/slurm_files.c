/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slurm_files.c - see slurm_files.h.
 *
 * Each of Slurm's plugins tells its version in a variable, which is read and not run: `sinfo -V` would
 * be a program found through the caller's PATH, and may wait for the controller.
 */
#include "launcher/doctor/slurm_files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/devices/slurmconf.h"
#include "launcher/doctor/facts.h"
#include "launcher/doctor/look.h"

#define PLUGSTACK_MAX (1u << 20) /* bytes of a file */
#define FILES_MAX     256
#define DEPTH_MAX     8

#define PYXIS "spank_pyxis.so"
#define DAVIT "spank_davit.so"

/* One of these is in every Slurm. */
static const char *const witnesses[] = { "select_cons_tres.so", "proctrack_linuxproc.so",
					 "proctrack_cgroup.so", "auth_munge.so", "mpi_pmi2.so" };

static uint32_t version_in(const char *directory)
{
	char path[PATH_MAX];
	uint32_t version = 0;

	for (size_t i = 0; i < sizeof(witnesses) / sizeof(witnesses[0]) && version == 0; i++)
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, witnesses[i]) <
		    sizeof(path))
			version = look_plugin_version(path);
	return version;
}

/* Takes the first directory that has plugins. */
static bool try_plugins(struct slurm_files *files, const char *directory)
{
	uint32_t version = version_in(directory);

	if (version == 0)
		return false;
	snprintf(files->plugins, sizeof(files->plugins), "%s", directory);
	files->version = version;
	return true;
}

static void find_plugins(struct slurm_files *files, char *configured)
{
	static const char *const usual[] = { SLURM_BUILT_PREFIX "/lib/slurm",
					     SLURM_BUILT_PREFIX "/lib64/slurm",
					     "/usr/lib64/slurm",
					     "/usr/lib/slurm",
					     "/usr/local/lib/slurm",
					     "/usr/lib/*-linux-gnu/slurm-wlm",
					     "/usr/lib/*-linux-gnu/slurm",
					     "/opt/slurm/lib/slurm" };
	char *rest = NULL;

	for (char *at = configured ? strtok_r(configured, ":", &rest) : NULL; at;
	     at = strtok_r(NULL, ":", &rest))
		if (try_plugins(files, at))
			return;
	for (size_t i = 0; !configured && i < sizeof(usual) / sizeof(usual[0]); i++) {
		glob_t found;
		bool is_there = false;

		if (glob(usual[i], 0, NULL, &found) == 0)
			is_there = try_plugins(files, found.gl_pathv[0]);
		globfree(&found);
		if (is_there)
			return;
	}
}

static void set_path(char *to, const char *directory, const char *name)
{
	int len = snprintf(to, PATH_MAX, "%s%s%s", name[0] == '/' ? "" : directory,
			   name[0] == '/' ? "" : "/", name);

	if (len < 0 || len >= PATH_MAX)
		to[0] = '\0';
}

static void read_conf(struct slurm_files *files, const char *text, size_t len)
{
	cleanup_free char *copy = slurmconf_copy(text, len), *configured = NULL;
	char *at = copy, *line, *key, *value;

	set_path(files->plugstack, files->directory, "plugstack.conf");
	while (copy && (line = slurmconf_line(&at)))
		while (slurmconf_pair(&line, &key, &value)) {
			if (strcasecmp(key, "PlugStackConfig") == 0) {
				set_path(files->plugstack, files->directory, value);
			} else if (strcasecmp(key, "PluginDir") == 0) {
				free(configured);
				configured = strdup(value);
			} else if (strcasecmp(key, "MpiDefault") == 0) {
				snprintf(files->mpi_default, sizeof(files->mpi_default), "%s",
					 value);
			}
		}
	find_plugins(files, configured);
}

void slurm_files_find(struct slurm_files *files)
{
	const char *file = getenv("SLURM_CONF"), *slash = file ? strrchr(file, '/') : NULL;
	const char *const directories[] = { "/run/slurm/conf", "/etc/slurm", "/etc/slurm-llnl" };
	bool is_told = slash && slash > file && slash - file < PATH_MAX;
	size_t count = is_told ? 1 : sizeof(directories) / sizeof(directories[0]);

	*files = (struct slurm_files){ .version = 0 };
	for (size_t i = 0; i < count; i++) {
		cleanup_free char *text = NULL;
		size_t len;

		if (is_told)
			snprintf(files->directory, PATH_MAX, "%.*s", (int)(slash - file), file);
		else
			snprintf(files->directory, PATH_MAX, "%s", directories[i]);
		text = slurmconf_read(files->directory, is_told ? slash + 1 : "slurm.conf", &len);
		if (text) {
			read_conf(files, text, len);
			files->reason = 0;
			return;
		}
		if (files->reason == 0 || files->reason == ENOENT)
			files->reason = errno;
	}
	files->directory[0] = '\0';
	find_plugins(files, NULL);
}

/* ---- plugstack.conf -------------------------------------------------------------------------- */

struct walk {
	const struct slurm_files *files;
	struct plugstack *out;
	unsigned int file_count;
};

static char *read_text(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	return fd_read_regular(fd, PLUGSTACK_MAX, NULL);
}

static bool has_name(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash ? slash + 1 : path, name) == 0;
}

static void take_plugin(struct walk *walk, const struct plugstack_line *line, const char *file,
			unsigned int number)
{
	struct plugstack *out = walk->out;

	out->others += has_name(line->path, PYXIS);
	if (!has_name(line->path, DAVIT))
		return;
	out->lines++;
	out->is_required = line->kind == PLUGSTACK_REQUIRED;
	out->line = number;
	set_path(out->plugin, walk->files->plugins, line->path);
	snprintf(out->arguments, PATH_MAX, "%s", line->arguments);
	snprintf(out->file, PATH_MAX, "%s", file);
}

static void walk_file(struct walk *walk, const char *file, int depth);

static void walk_pattern(struct walk *walk, const char *file, const char *pattern, int depth)
{
	char directory[PATH_MAX], path[PATH_MAX];
	glob_t found;

	snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(file, '/') - file), file);
	set_path(path, directory, pattern);
	if (depth < DEPTH_MAX && glob(path, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			walk_file(walk, found.gl_pathv[i], depth + 1);
		globfree(&found);
	}
}

static void walk_file(struct walk *walk, const char *file, int depth)
{
	cleanup_free char *text = NULL;
	unsigned int number = 0;
	char *rest;

	if (walk->file_count++ < FILES_MAX)
		text = read_text(file);
	else
		errno = E2BIG;
	rest = text;
	if (!text && !walk->out->unreadable[0]) {
		walk->out->reason = errno;
		snprintf(walk->out->unreadable, PATH_MAX, "%s", file);
	}
	while (rest) {
		char *at = strsep(&rest, "\n");
		struct plugstack_line line = facts_plugstack(at);

		number++;
		if (line.kind == PLUGSTACK_INCLUDE)
			walk_pattern(walk, file, line.path, depth);
		else if (line.kind == PLUGSTACK_REQUIRED || line.kind == PLUGSTACK_OPTIONAL)
			take_plugin(walk, &line, file, number);
		else if (line.kind == PLUGSTACK_WRONG &&
			 snprintf(walk->out->wrong, PATH_MAX, "%s:%u", file, number) >= PATH_MAX)
			walk->out->wrong[0] = '\0';
	}
}

void slurm_files_plugstack(const struct slurm_files *files, struct plugstack *plugstack)
{
	struct walk walk = { .files = files, .out = plugstack };

	*plugstack = (struct plugstack){ .lines = 0 };
	if (files->plugstack[0])
		walk_file(&walk, files->plugstack, 0);
}
