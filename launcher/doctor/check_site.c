/* SPDX-License-Identifier: BSD-3-Clause */
/* check_site.c - see doctor.h: Davit's own files, and what else containers want of a node. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/conf/conf.h"
#include "launcher/conf/request.h"
#include "launcher/devices/survey.h"
#include "launcher/doctor/look.h"
#include "launcher/doctor/slurm_files.h"

#define MIB            ((unsigned long long)1 << 20)
#define SPACE_FEW      (1024 * MIB) /* for the writable layers of containers with a name */
#define MEMLOCK_ENOUGH (1024 * MIB)
#define SITE_CONF      DAVIT_SYSCONFDIR "/davit.conf"

void check_davit_conf(struct result *result)
{
	struct conf conf = { .host_only = NULL };
	struct error err = ERROR_INIT;

	if (conf_load(&conf, &err) < 0)
		result_add_error(result, STATUS_FAIL, &err);
	else
		result_add(result, STATUS_OK, "%s%s%s%s",
			   conf.trees[CONF_SITE] ? conf.paths[CONF_SITE] : "no " SITE_CONF,
			   conf.trees[CONF_SITE] ? "" : ": defaults",
			   conf.trees[CONF_USER] ? ", " : "",
			   conf.trees[CONF_USER] ? conf.paths[CONF_USER] : "");
	conf_done(&conf);
}

/* Whoever can write to one of these can have root or any user run something else. */
void check_files(struct result *result)
{
	struct slurm_files files;
	struct plugstack plugstack;
	const char *paths[6] = { DAVIT_BINDIR "/davit", DAVIT_PKGLIBDIR "/spank_davit.so" };
	size_t count = 2;

	slurm_files_find(&files);
	slurm_files_plugstack(&files, &plugstack);
	if (access(SITE_CONF, F_OK) == 0)
		paths[count++] = SITE_CONF;
	if (plugstack.lines > 0) {
		paths[count++] = plugstack.file;
		if (strcmp(plugstack.plugin, paths[1]) != 0)
			paths[1] = plugstack.plugin;
		if (strncmp(plugstack.arguments, "launcher=/", strlen("launcher=/")) == 0)
			paths[count++] = plugstack.arguments + strlen("launcher=");
	}
	for (size_t i = 0; i < count; i++)
		(void)look_is_roots(result, paths[i]);
	result_add(result, STATUS_OK, "launcher, plugin and configuration are root's alone");
}

void check_helpers(struct result *result)
{
	struct conf conf = { .host_only = NULL };
	struct error err = ERROR_INIT;
	bool has_subids = conf_load(&conf, &err) == 0 && conf.subids;

	conf_done(&conf);
	if (has_subids && (!look_has_program("newuidmap") || !look_has_program("newgidmap"))) {
		result_add(result, STATUS_FAIL,
			   "davit.conf has 'subids', and there is no newuidmap or newgidmap");
		result_remedy(result, "install uidmap (Debian) or shadow-utils (RHEL)");
	}
	if (!look_has_program("slirp4netns") && !look_has_program("pasta")) {
		result_add(result, STATUS_WARN,
			   "no slirp4netns or pasta: --container-unshare=net:slirp does not work");
		result_remedy(result, "install slirp4netns or passt");
	}
	if (!look_has_program("mksquashfs")) {
		result_add(result, STATUS_WARN, "no mksquashfs: --container-save does not work");
		result_remedy(result, "install squashfs-tools");
	}
	if (access(DAVIT_PKGLIBEXECDIR "/davit-slurm", X_OK) < 0) {
		result_add(result, STATUS_WARN, "no davit-slurm: --container-slurm does not work");
		result_remedy(result,
			      "build Davit where a static C library is (RHEL: glibc-static)");
	}
	result_add(result, STATUS_OK, "all there");
}

void check_devices(struct result *result)
{
	struct request request = { .conf.state_dir = NULL };
	struct error err = ERROR_INIT;
	struct survey survey = { .problems = NULL };

	if (request_begin(&request, &err) < 0 || request_end(&request, &err) < 0) {
		result_add(result, STATUS_SKIP, "not looked at: %s", err.cause);
	} else {
		const struct grant_wish wish = { .settings = &request.settings,
						 .conf = &request.conf };
		cleanup_free char *driver = gpu_nvidia_version("");

		if (survey_make(&survey, &wish, &err) < 0)
			result_add(result, STATUS_SKIP, "not looked at: %s", err.cause);
		for (size_t i = 0; i < survey.problem_count; i++)
			result_add_error(result, STATUS_WARN, &survey.problems[i]);
		result_add(result, STATUS_OK, "GPUs: %zu, adapters: %zu%s%s",
			   survey.grant.gpus.count, survey.grant.nics.count,
			   driver ? ", NVIDIA's driver " : "", driver ? driver : "");
		survey_done(&survey);
	}
	request_done(&request);
}

void check_memlock(struct result *result)
{
	struct niclist nics = { .items = NULL };
	struct error err = ERROR_INIT;
	struct rlimit limit;
	bool has_nic = niclist_find(&nics, "", &err) == 0 && nics.count > 0;

	niclist_done(&nics);
	if (!has_nic) {
		result_add(result, STATUS_OK, "no adapter that needs locked memory");
	} else if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0) {
		result_add(result, STATUS_SKIP, "%s", strerror(errno));
	} else if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= MEMLOCK_ENOUGH) {
		result_add(result, STATUS_OK, "enough memory can be locked");
	} else {
		result_add(
			result, STATUS_WARN,
			"this process may lock %llu KiB of memory, and RDMA needs as much as its "
			"buffers take",
			(unsigned long long)limit.rlim_cur / 1024);
		result_remedy(result,
			      "LimitMEMLOCK=infinity of slurmd, and "
			      "PropagateResourceLimitsExcept=MEMLOCK in slurm.conf; then srun "
			      "davit doctor tells what steps have");
	}
}

void check_state_dir(struct result *result)
{
	struct conf conf = { .host_only = NULL };
	struct error err = ERROR_INIT;
	struct statvfs space;
	const char *directory;
	struct stat st;

	if (conf_load(&conf, &err) < 0) {
		result_add(result, STATUS_SKIP, "davit.conf cannot be read");
		conf_done(&conf);
		return;
	}
	directory = conf.state_dir;
	if (stat(directory, &st) < 0 || statvfs(directory, &space) < 0) {
		result_add(result, STATUS_FAIL, "'%s': %s", directory, strerror(errno));
		result_remedy(result,
			      "make it, with mode 1777, or another 'state-dir' in davit.conf");
	} else if (!S_ISDIR(st.st_mode) || (st.st_mode & 01777) != 01777) {
		result_add(result, STATUS_WARN,
			   "'%s' is not a directory of mode 1777: "
			   "--container-name may not work",
			   directory);
		result_remedy(result, "chmod 1777 '%s'", directory);
	} else {
		unsigned long long left = (unsigned long long)space.f_bavail * space.f_frsize;

		if (left < SPACE_FEW) {
			result_add(result, STATUS_WARN,
				   "'%s' has %llu MiB left for --container-name", directory,
				   left / MIB);
			result_remedy(result,
				      "free space there, or another 'state-dir' in davit.conf");
		}
		result_add(result, STATUS_OK, "'%s' has %llu MiB left", directory, left / MIB);
	}
	conf_done(&conf);
}
