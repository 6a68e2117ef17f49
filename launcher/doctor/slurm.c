/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slurm.c - Slurm's version and configuration: see doctor.h.
 *
 * Files are read where Slurm's commands on this node would look; where there are none, nothing can
 * be told, and that is no fault of the node's.
 */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/devices/slurmconf.h"
#include "launcher/doctor/doctor.h"

#define OCI_FIRST  2302 /* these versions of Slurm need oci.conf: spank_davit(8) */
#define OCI_LAST   2605
#define DEPTH_MAX  4
#define OUTPUT_MAX 8192

/* ---- where things are ------------------------------------------------------------------------ */

/* The directory of slurm.conf. False where there is none. */
static bool find_directory(char directory[PATH_MAX])
{
	static const char *const usual[] = { DAVIT_SLURM_PREFIX "/etc", "/etc/slurm",
					     "/etc/slurm-llnl",         "/run/slurm/conf",
					     "/usr/local/etc",          "/opt/slurm/etc" };
	const char *conf = getenv("SLURM_CONF");
	const char *slash = conf ? strrchr(conf, '/') : NULL;
	char file[PATH_MAX + 16];

	if (conf && conf[0] == '/' && slash > conf && slash - conf < PATH_MAX) {
		snprintf(directory, PATH_MAX, "%.*s", (int)(slash - conf), conf);
		return access(conf, F_OK) == 0;
	}
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		snprintf(directory, PATH_MAX, "%s", usual[i]);
		snprintf(file, sizeof(file), "%s/slurm.conf", directory);
		if (usual[i][0] == '/' && access(file, F_OK) == 0)
			return true;
	}
	return false;
}

/* Reads one of Slurm's files. Leaves a word why where it cannot. */
static char *read_conf(struct finding *finding, const char *name, size_t *len)
{
	char directory[PATH_MAX];
	char *text;

	if (!find_directory(directory)) {
		finding_add(finding, DOCTOR_SKIP, NULL, "no slurm.conf was found");
		return NULL;
	}
	text = slurmconf_read(directory, name, len);
	if (!text)
		finding_add(finding, DOCTOR_SKIP, NULL, "cannot read '%s/%s': %s", directory, name,
			    strerror(errno));
	return text;
}

/* A fresh copy of the value of `key`, the last that counts; NULL where it has none. */
static char *conf_value(const char *text, size_t len, const char *wanted)
{
	cleanup_free char *copy = slurmconf_copy(text, len);
	char *at = copy, *line, *result = NULL;

	while (copy && (line = slurmconf_line(&at))) {
		char *key, *value;

		while (slurmconf_pair(&line, &key, &value))
			if (strcasecmp(key, wanted) == 0) {
				free(result);
				result = strdup(value);
			}
	}
	return result;
}

/* ---- the version ----------------------------------------------------------------------------- */

/* -1 where that cannot be told. */
static int slurm_version(char *text, size_t size)
{
	static const char *const names[] = { "srun", "scontrol", "slurmd" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char option[] = "--version";
		char *argv[] = { path, i == 2 ? (char[]){ "-V" } : option, NULL };

		if (program_find(names[i], path, sizeof(path)) &&
		    program_run(argv, text, size) == 0) {
			text[strcspn(text, "\n")] = '\0';
			return version_parse(text);
		}
	}
	return -1;
}

void check_slurm_version(struct finding *finding)
{
	char text[256];
	int built = version_parse(DAVIT_SLURM_VERSION), version = slurm_version(text, sizeof(text));

	if (version < 0)
		finding_add(finding, DOCTOR_SKIP, NULL, "no command of Slurm's was found here");
	else if (built >= 0 && version != built)
		finding_add(finding, DOCTOR_FAIL, "build Davit again with this Slurm's headers",
			    "this is %s, but the plugin is built for " DAVIT_SLURM_VERSION, text);
	else
		finding_add(finding, DOCTOR_OK, NULL,
			    "%s; the plugin is built for " DAVIT_SLURM_VERSION, text);
}

/* ---- plugstack.conf -------------------------------------------------------------------------- */

struct stack {
	const char *directory; /* of slurm.conf */
	const char *plugin_dir;
	unsigned int count; /* of lines that name the plugin */
};

static void judge_plugin(struct finding *finding, struct stack *stack, const char *file,
			 const char *arguments)
{
	char path[PATH_MAX], why[PATH_MAX + 64];
	const char *launcher = strstr(arguments, "launcher=");

	stack->count++;
	snprintf(path, sizeof(path), "%s%s%s", file[0] == '/' ? "" : stack->plugin_dir,
		 file[0] == '/' ? "" : "/", file);
	if (!path_is_roots(path, why, sizeof(why)))
		finding_add(finding, DOCTOR_FAIL, "the right path in plugstack.conf, owned by root",
			    "%s", why);
	if (arguments[0] && (launcher != arguments || strpbrk(arguments, " \t")))
		finding_add(finding, DOCTOR_FAIL, "launcher=PATH is the only argument",
			    "plugstack.conf has the arguments '%s'", arguments);
	else if (launcher && !path_is_roots(launcher + strlen("launcher="), why, sizeof(why)))
		finding_add(finding, DOCTOR_FAIL, "launcher=" DAVIT_BINDIR "/davit", "%s", why);
	else
		finding_add(finding, DOCTOR_OK, NULL, "'%s'%s%s", path,
			    arguments[0] ? " with " : "", arguments);
}

static void read_stack(struct finding *finding, struct stack *stack, const char *file, int depth);

/* "include PATTERN" */
static void include(struct finding *finding, struct stack *stack, const char *line, int depth)
{
	char pattern[PATH_MAX], path[2 * PATH_MAX + 1];
	glob_t found;

	if (depth == DEPTH_MAX || sscanf(line, " include %4095s", pattern) != 1)
		return;
	snprintf(path, sizeof(path), "%s%s%s", pattern[0] == '/' ? "" : stack->directory,
		 pattern[0] == '/' ? "" : "/", pattern);
	if (glob(path, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		read_stack(finding, stack, found.gl_pathv[i], depth + 1);
	globfree(&found);
}

static void read_stack(struct finding *finding, struct stack *stack, const char *file, int depth)
{
	FILE *lines = fopen(file, "re");
	cleanup_free char *line = NULL;
	size_t size = 0;

	while (lines && getline(&line, &size, lines) >= 0) {
		const char *path, *arguments;

		include(finding, stack, line, depth);
		if (plugstack_parse(line, &path, &arguments))
			judge_plugin(finding, stack, path, arguments);
	}
	if (lines)
		fclose(lines);
}

void check_plugstack(struct finding *finding)
{
	size_t len;
	cleanup_free char *text = read_conf(finding, "slurm.conf", &len);
	cleanup_free char *named = text ? conf_value(text, len, "PlugStackConfig") : NULL;
	cleanup_free char *plugin_dir = text ? conf_value(text, len, "PluginDir") : NULL;
	char directory[PATH_MAX], path[PATH_MAX + 32];
	struct stack stack = { .directory = directory,
			       .plugin_dir = plugin_dir ? plugin_dir : "/usr/lib/slurm" };

	if (!text || !find_directory(directory))
		return;
	snprintf(path, sizeof(path), "%s/plugstack.conf", directory);
	if (access(named ? named : path, R_OK) < 0)
		finding_add(finding, DOCTOR_FAIL, "see " DAVIT_PKGDATADIR "/plugstack.conf",
			    "cannot read '%s': %s", named ? named : path, strerror(errno));
	read_stack(finding, &stack, named ? named : path, 0);
	if (stack.count == 0)
		finding_add(finding, DOCTOR_FAIL,
			    "add the line in " DAVIT_PKGDATADIR "/plugstack.conf",
			    "'%s' does not name spank_davit.so", named ? named : path);
	else if (stack.count > 1)
		finding_add(finding, DOCTOR_FAIL, "leave one of them",
			    "plugstack.conf names spank_davit.so %u times", stack.count);
}

/* ---- others ---------------------------------------------------------------------------------- */

void check_oci_conf(struct finding *finding)
{
	char text[256], directory[PATH_MAX], path[PATH_MAX + 16];
	int version = slurm_version(text, sizeof(text));
	bool is_wanted = version >= OCI_FIRST && version <= OCI_LAST;
	cleanup_free char *conf = NULL, *copy = NULL;
	const char *wrong;
	size_t len;

	if (version < 0 || !find_directory(directory)) {
		finding_add(finding, DOCTOR_SKIP, NULL,
			    "Slurm's version or its configuration is not known");
		return;
	}
	snprintf(path, sizeof(path), "%s/oci.conf", directory);
	if (access(path, F_OK) < 0) {
		if (is_wanted)
			finding_add(finding, DOCTOR_FAIL,
				    "copy " DAVIT_PKGDATADIR "/oci.conf there",
				    "there is no '%s': --container fails with --mpi=pmix", path);
		else
			finding_add(finding, DOCTOR_OK, NULL,
				    "there is none, and this Slurm wants none");
		return;
	}
	conf = slurmconf_read(directory, "oci.conf", &len);
	copy = conf ? slurmconf_copy(conf, len) : NULL;
	wrong = copy ? oci_conf_judge(copy, DAVIT_BINDIR "/davit") : NULL;
	if (!copy)
		finding_add(finding, DOCTOR_FAIL, NULL, "cannot read '%s': %s", path,
			    strerror(errno));
	else if (!is_wanted)
		finding_add(finding, DOCTOR_FAIL, "remove it", "'%s' is not for this Slurm", path);
	else if (wrong)
		finding_add(finding, DOCTOR_FAIL, "copy " DAVIT_PKGDATADIR "/oci.conf there",
			    "'%s': %s", path, wrong);
	else
		finding_add(finding, DOCTOR_OK, NULL, "'%s' starts this Davit", path);
}

void check_slurm_cgroup(struct finding *finding)
{
	size_t len;
	cleanup_free char *text = read_conf(finding, "cgroup.conf", &len);
	cleanup_free char *devices = text ? conf_value(text, len, "ConstrainDevices") : NULL;
	cleanup_free char *memory = text ? conf_value(text, len, "ConstrainRAMSpace") : NULL;

	if (!text)
		return;
	finding_add(finding, DOCTOR_OK, NULL, "ConstrainDevices=%s, ConstrainRAMSpace=%s",
		    devices ? devices : "no", memory ? memory : "no");
}

void check_mpi(struct finding *finding)
{
	char path[PATH_MAX], text[OUTPUT_MAX], option[] = "--mpi=list";
	char *argv[] = { path, option, NULL };

	if (!program_find("srun", path, sizeof(path)) ||
	    program_run(argv, text, sizeof(text)) < 0) {
		finding_add(finding, DOCTOR_SKIP, NULL, "srun was not found here");
		return;
	}
	if (!strstr(text, "none")) /* which each Slurm has */
		finding_add(finding, DOCTOR_SKIP, NULL, "srun --mpi=list does not tell");
	else if (strstr(text, "pmix"))
		finding_add(finding, DOCTOR_OK, NULL, "PMIx%s",
			    strstr(text, "pmi2") ? " and PMI-2" : "");
	else
		finding_add(finding, DOCTOR_WARN, "Slurm's plugin for PMIx, if jobs use Open MPI",
			    "no PMIx%s", strstr(text, "pmi2") ? ", only PMI-2" : "");
}
