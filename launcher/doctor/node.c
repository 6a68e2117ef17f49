/* SPDX-License-Identifier: BSD-3-Clause */
/* node.c - devices, limits and the programs that some options need: see doctor.h. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "launcher/conf/request.h"
#include "launcher/devices/survey.h"
#include "launcher/doctor/doctor.h"

#define FILES_FEW 1024

void check_devices(struct finding *finding)
{
	struct request request = { .conf.state_dir = NULL };
	const struct grant_wish wish = { .settings = &request.settings, .conf = &request.conf };
	struct survey survey = { .problem_count = 0 };
	struct error err = ERROR_INIT;

	/* As nobody, root too sees what users may open. */
	if (become_nobody() < 0 || request_begin(&request, &err) < 0 ||
	    request_end(&request, &err) < 0) {
		finding_add(finding, DOCTOR_SKIP, NULL, "davit.conf cannot be used");
		request_done(&request);
		return;
	}
	request.settings.nic = NIC_ALL;
	if (survey_make(&survey, &wish, &err) < 0)
		finding_error(finding, DOCTOR_WARN, &err);
	for (size_t i = 0; i < survey.problem_count; i++)
		finding_error(finding, DOCTOR_WARN, &survey.problems[i]);
	finding_add(finding, DOCTOR_OK, NULL, "%zu GPUs, %zu adapters; davit devices tells more",
		    survey.grant.gpus.count, survey.grant.nics.count);
	survey_done(&survey);
	request_done(&request);
}

void check_limits(struct finding *finding)
{
	struct rlimit files, memory;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || getrlimit(RLIMIT_MEMLOCK, &memory) < 0)
		finding_add(finding, DOCTOR_SKIP, NULL, "cannot read limits");
	else if (files.rlim_max < FILES_FEW)
		finding_add(finding, DOCTOR_WARN, "LimitNOFILE= of slurmd", "only %llu open files",
			    (unsigned long long)files.rlim_max);
	else if (access("/sys/class/infiniband", F_OK) == 0 && memory.rlim_max != RLIM_INFINITY)
		finding_add(
			finding, DOCTOR_WARN,
			"LimitMEMLOCK=infinity for slurmd, PropagateResourceLimitsExcept=MEMLOCK",
			"there are RDMA adapters, but only %llu KiB of memory may be locked here",
			(unsigned long long)memory.rlim_max / 1024);
	else
		finding_add(finding, DOCTOR_OK, NULL, "%llu open files",
			    (unsigned long long)files.rlim_max);
}

void check_programs(struct finding *finding)
{
	static const struct {
		const char *name, *other, *remedy; /* `other` does as well, or NULL */
	} needed[] = {
		{ "mksquashfs", NULL, "install squashfs-tools, for --container-save" },
		{ "slirp4netns", "pasta",
		  "install slirp4netns or passt, for --container-unshare=net:slirp" },
		{ "newuidmap", NULL, "install uidmap (shadow-utils), for remap-root with subids" },
		{ "newgidmap", NULL, "install uidmap (shadow-utils), for remap-root with subids" },
	};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!program_find(needed[i].name, path, sizeof(path)) &&
		    !(needed[i].other && program_find(needed[i].other, path, sizeof(path))))
			finding_add(finding, DOCTOR_WARN, needed[i].remedy, "there is no %s",
				    needed[i].name);
	finding_add(finding, DOCTOR_OK, NULL, "those that options need are installed");
}
