/* SPDX-License-Identifier: BSD-3-Clause */
/* check_slurm.c - see doctor.h: Slurm's side. Without Slurm there is nothing to say here. */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/devices/slurmconf.h"
#include "launcher/doctor/facts.h"
#include "launcher/doctor/look.h"
#include "launcher/doctor/slurm_files.h"

#define OWN_PLUGIN DAVIT_PKGLIBDIR "/spank_davit.so"

/* The Slurm versions that need oci.conf: from, and up to. */
#define OCI_FIRST FACTS_VERSION(23, 2)
#define OCI_LAST  FACTS_VERSION(26, 5)

/* Returns false, and says so, where there is no slurm.conf. */
static bool find(struct result *result, struct slurm_files *files)
{
	slurm_files_find(files);
	if (files->directory[0])
		return true;
	result_add(result, STATUS_SKIP, "no slurm.conf: %s", strerror(files->reason));
	return false;
}

void check_slurm(struct result *result)
{
	struct slurm_files files;
	char name[FACTS_VERSION_MAX];

	if (!find(result, &files)) {
		result_remedy(result, "look where Slurm runs, or set SLURM_CONF to its slurm.conf");
		return;
	}
	if (files.version == 0) {
		result_add(result, STATUS_SKIP,
			   "%s/slurm.conf, but no plugin of Slurm's tells its version",
			   files.directory);
		result_remedy(result, "PluginDir in slurm.conf, if Slurm is installed here");
		return;
	}
	facts_slurm_name(files.version, name);
	if (files.version < FACTS_VERSION(21, 8)) {
		result_add(result, STATUS_WARN,
			   "Slurm %s has no --container, only --container-image", name);
		result_remedy(result, "Slurm 21.08 or later");
		return;
	}
	result_add(result, STATUS_OK, "Slurm %s, %s/slurm.conf", name, files.directory);
}

static void check_launcher(struct result *result, const struct plugstack *plugstack)
{
	const char *launcher = DAVIT_BINDIR "/davit";
	size_t key = strlen("launcher=");

	if (plugstack->arguments[0]) {
		if (strncmp(plugstack->arguments, "launcher=/", key + 1) != 0 ||
		    strpbrk(plugstack->arguments, " \t")) {
			result_add(result, STATUS_FAIL, "%s:%u: unknown argument in '%s'",
				   plugstack->file, plugstack->line, plugstack->arguments);
			result_remedy(result, "launcher=/absolute/path or nothing");
			return;
		}
		launcher = plugstack->arguments + key;
	}
	if (access(launcher, X_OK) < 0) {
		result_add(result, STATUS_FAIL, "the launcher '%s': %s", launcher, strerror(errno));
		result_remedy(result, "install Davit here, or launcher=PATH in %s:%u",
			      plugstack->file, plugstack->line);
	}
}

static void check_line(struct result *result, const struct plugstack *plugstack)
{
	if (plugstack->lines > 1) {
		result_add(result, STATUS_FAIL, "%u lines name spank_davit.so", plugstack->lines);
		result_remedy(result, "one of them, without %s:%u", plugstack->file,
			      plugstack->line);
	}
	if (plugstack->others > 0) {
		result_add(result, STATUS_FAIL, "pyxis has options of the same names");
		result_remedy(result, "one of the two plugins");
	}
	if (access(plugstack->plugin, R_OK) < 0) {
		result_add(result, STATUS_FAIL, "%s:%u: '%s': %s", plugstack->file, plugstack->line,
			   plugstack->plugin, strerror(errno));
		result_remedy(result, "%s, if that is this installation", OWN_PLUGIN);
	}
	check_launcher(result, plugstack);
	if (!plugstack->is_required) {
		result_add(result, STATUS_WARN,
			   "%s:%u says 'optional': where the plugin fails, steps run on the node",
			   plugstack->file, plugstack->line);
		result_remedy(result, "'required' there");
	}
	result_add(result, STATUS_OK, "%s:%u: %s%s%s", plugstack->file, plugstack->line,
		   plugstack->plugin, plugstack->arguments[0] ? " " : "", plugstack->arguments);
}

void check_plugstack(struct result *result)
{
	struct slurm_files files;
	struct plugstack plugstack;

	if (!find(result, &files))
		return;
	slurm_files_plugstack(&files, &plugstack);
	if (plugstack.unreadable[0] && plugstack.reason != ENOENT) {
		result_add(result, STATUS_SKIP, "cannot read '%s': %s", plugstack.unreadable,
			   strerror(plugstack.reason));
		result_remedy(result, "look as root");
		if (plugstack.lines == 0)
			return;
	}
	if (plugstack.wrong[0]) {
		result_add(result, STATUS_FAIL, "%s: no line for plugstack.conf", plugstack.wrong);
		result_remedy(result, "required PLUGIN, optional PLUGIN, or include FILES");
	}
	if (plugstack.lines == 0) {
		result_add(result, STATUS_FAIL, "%s does not name spank_davit.so", files.plugstack);
		result_remedy(result, "add the line: required %s", OWN_PLUGIN);
		return;
	}
	check_line(result, &plugstack);
}

void check_plugin_version(struct result *result)
{
	char built[FACTS_VERSION_MAX], there[FACTS_VERSION_MAX];
	struct slurm_files files;
	struct plugstack plugstack;
	const char *plugin = OWN_PLUGIN;
	uint32_t version;

	slurm_files_find(&files);
	slurm_files_plugstack(&files, &plugstack);
	if (plugstack.lines > 0)
		plugin = plugstack.plugin;
	version = look_plugin_version(plugin);
	if (version == 0) {
		result_add(result, STATUS_SKIP, "'%s' tells no version", plugin);
		return;
	}
	facts_slurm_name(version, built);
	if (FACTS_RELEASE(version) != FACTS_RELEASE(SLURM_BUILT_FOR)) {
		result_add(result, STATUS_FAIL, "'%s' is for Slurm %s, this davit for %s", plugin,
			   built, facts_slurm_name(SLURM_BUILT_FOR, there));
		result_remedy(result, "install both from one build");
	}
	if (files.version == 0) {
		result_add(result, STATUS_SKIP,
			   "built for Slurm %s; which one is here is not known", built);
		return;
	}
	facts_slurm_name(files.version, there);
	if (FACTS_RELEASE(version) != FACTS_RELEASE(files.version)) {
		result_add(result, STATUS_FAIL, "the plugin is built for Slurm %s, and here is %s",
			   built, there);
		result_remedy(result, "build Davit again, with the headers of this Slurm");
	}
	result_add(result, STATUS_OK, "built for Slurm %s, and here is %s", built, there);
}

/* ---- oci.conf -------------------------------------------------------------------------------- */

static void judge_oci(struct result *result, const char *path, char *text)
{
	struct oci_facts facts = facts_oci(text);
	cleanup_free char *launcher = facts.run ? facts_oci_launcher(facts.run) : NULL;

	if (!launcher || facts.has_runtime) {
		result_add(result, STATUS_FAIL,
			   "'%s' is not Davit's: it hands steps to another runtime", path);
		result_remedy(result, "%s/oci.conf in its place", DAVIT_PKGDATADIR);
		return;
	}
	if (access(launcher, X_OK) < 0) {
		result_add(result, STATUS_FAIL, "'%s' names '%s': %s", path, launcher,
			   strerror(errno));
		result_remedy(result, "%s/oci.conf in its place", DAVIT_PKGDATADIR);
	}
	if (!facts.ignores_config || !facts.has_null_env) {
		result_add(result, STATUS_FAIL, "'%s' lacks %s", path,
			   facts.ignores_config ? "CreateEnvFile=null"
						: "IgnoreFileConfigJson=true");
		result_remedy(result, "%s/oci.conf in its place", DAVIT_PKGDATADIR);
	}
	result_add(result, STATUS_OK, "'%s'", path);
}

void check_oci_conf(struct result *result)
{
	struct slurm_files files;
	char path[PATH_MAX + 16], name[FACTS_VERSION_MAX];
	cleanup_free char *text = NULL, *copy = NULL;
	size_t len;
	int reason;

	if (!find(result, &files))
		return;
	if (files.version == 0) {
		result_add(result, STATUS_SKIP, "Slurm's version is not known");
		return;
	}
	snprintf(path, sizeof(path), "%s/oci.conf", files.directory);
	text = slurmconf_read(files.directory, "oci.conf", &len);
	reason = errno;
	facts_slurm_name(files.version, name);
	if (!text && reason != ENOENT) {
		result_add(result, STATUS_SKIP, "cannot read '%s': %s", path, strerror(reason));
	} else if (FACTS_RELEASE(files.version) < OCI_FIRST) {
		result_add(result, text ? STATUS_WARN : STATUS_OK,
			   text ? "Slurm %s is to have none" : "none, as Slurm %s needs it", name);
		if (text)
			result_remedy(result, "remove '%s'", path);
	} else if (!text && FACTS_RELEASE(files.version) > OCI_LAST) {
		result_add(result, STATUS_OK, "none, and Slurm %s should do without", name);
	} else if (!text) {
		result_add(result, STATUS_FAIL,
			   "no '%s': with Slurm %s, --container and --mpi=pmix fail together", path,
			   name);
		result_remedy(result, "copy %s/oci.conf there", DAVIT_PKGDATADIR);
	} else {
		copy = slurmconf_copy(text, len);
		if (copy)
			judge_oci(result, path, copy);
	}
}

/* ---- MPI ------------------------------------------------------------------------------------- */

static bool has_plugin(const char *directory, const char *pattern)
{
	char path[PATH_MAX + 32];
	glob_t found;
	bool is_there;

	snprintf(path, sizeof(path), "%s/%s", directory, pattern);
	is_there = glob(path, 0, NULL, &found) == 0;
	globfree(&found);
	return is_there;
}

void check_pmi(struct result *result)
{
	struct slurm_files files;
	bool has_pmix, has_pmi2;

	slurm_files_find(&files);
	if (!files.plugins[0]) {
		result_add(result, STATUS_SKIP, "Slurm's plugins are not found");
		return;
	}
	has_pmix = has_plugin(files.plugins, "mpi_pmix*.so");
	has_pmi2 = has_plugin(files.plugins, "mpi_pmi2.so");
	if (!has_pmix) {
		result_add(result, STATUS_WARN, "Slurm has no --mpi=pmix, which Open MPI needs");
		result_remedy(result, "Slurm built with PMIx (Debian: slurm-wlm-basic-plugins)");
	}
	if (!has_pmi2) {
		result_add(result, STATUS_WARN, "Slurm has no --mpi=pmi2, which MPICH needs");
		result_remedy(result, "Slurm's plugin mpi_pmi2.so");
	}
	result_add(result, STATUS_OK, "pmix and pmi2; the default is %s",
		   files.mpi_default[0] ? files.mpi_default : "none");
}
