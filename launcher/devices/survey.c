/* SPDX-License-Identifier: BSD-3-Clause */
/* survey.c - see survey.h. */
#include "launcher/devices/survey.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

/* Takes a copy. Returns 0, or -1 when out of memory. */
static int add(struct survey *survey, const struct error *problem)
{
	struct error *bigger =
		realloc(survey->problems, (survey->problem_count + 1) * sizeof(*bigger));

	if (!bigger)
		return -1;
	survey->problems = bigger;
	bigger[survey->problem_count++] = *problem;
	return 0;
}

bool survey_has_gpu(const struct survey *survey, const struct gpu *gpu, unsigned int *number)
{
	for (size_t i = 0; i < survey->grant.granted_count; i++)
		if (survey->grant.granted[i] == gpu) {
			*number = survey->grant.numbers[i];
			return true;
		}
	return false;
}

bool survey_has_nic(const struct survey *survey, const struct nic *nic)
{
	return nic->nodes && nic->nodes[0] && grant_has_mount(&survey->grant, nic->nodes[0]);
}

bool survey_is_nearest(const struct survey *survey, const struct gpu *gpu, const struct nic *nic)
{
	unsigned int distance = survey->grant.topology ? topology_distance(survey->grant.topology,
									   gpu->pci, nic->pci)
						       : UINT_MAX;

	if (distance == UINT_MAX)
		return false;
	for (size_t i = 0; i < survey->grant.nics.count; i++)
		if (topology_distance(survey->grant.topology, gpu->pci,
				      survey->grant.nics.items[i].pci) < distance)
			return false;
	return true;
}

/* ---- what is wrong --------------------------------------------------------------------------- */

static int check_file(struct survey *survey, const char *name, const char *file)
{
	struct error problem = ERROR_INIT;

	if (!file || access(file, R_OK | W_OK) == 0)
		return 0;
	error_set(&problem, errno, "%s: '%s'", name, file);
	if (problem.errnum == ENOENT)
		error_remedy(&problem, "load its driver, or have it make the device file");
	else if (problem.errnum == EPERM)
		error_remedy(&problem,
			     "ask Slurm for it: the device cgroup of this process is without");
	else
		error_remedy(&problem, "another mode for the file, or the user in its group");
	return add(survey, &problem);
}

static int check_gpus(struct survey *survey)
{
	const struct gpulist *gpus = &survey->grant.gpus;

	for (size_t i = 0; i < gpus->count; i++)
		if (check_file(survey, gpu_vendor_name(gpus->items[i].vendor),
			       gpus->items[i].nodes[0]) < 0)
			return -1;
	return 0;
}

static int check_nics(struct survey *survey)
{
	const struct niclist *nics = &survey->grant.nics;

	for (size_t i = 0; i < nics->count; i++) {
		const struct nic *nic = &nics->items[i];
		struct error problem = ERROR_INIT;

		if (nic->port) {
			for (char **file = nic->nodes; file && *file; file++)
				if (check_file(survey, nic->name, *file) < 0)
					return -1;
			continue;
		}
		error_set(&problem, 0, "%s has no active port: no container gets it", nic->name);
		error_remedy(&problem, "%s",
			     nic->kind == NIC_INFINIBAND
				     ? "look at cable and subnet manager (ibstat)"
				     : "look at cable and network device (ip link)");
		if (add(survey, &problem) < 0)
			return -1;
	}
	return 0;
}

static bool has_kind(const struct niclist *nics, enum nic_kind first, enum nic_kind last)
{
	for (size_t i = 0; i < nics->count; i++)
		if (nics->items[i].kind >= first && nics->items[i].kind <= last)
			return true;
	return false;
}

/* Without it, data of a GPU goes through memory. */
static int check_peers(struct survey *survey)
{
	const struct gpulist *gpus = &survey->grant.gpus;
	struct error problem = ERROR_INIT;

	if (gpus->count == 0 || gpus->items[0].vendor != GPU_NVIDIA ||
	    !has_kind(&survey->grant.nics, NIC_INFINIBAND, NIC_ROCE) ||
	    access("/sys/module/nvidia_peermem", F_OK) == 0)
		return 0;
	error_set(&problem, 0,
		  "the kernel module nvidia_peermem is not loaded: adapters may not reach GPUs");
	error_remedy(&problem, "modprobe nvidia_peermem, unless the driver has dma-buf for that");
	return add(survey, &problem);
}

static int find_problems(struct survey *survey)
{
	const struct grant *grant = &survey->grant;

	for (size_t i = 0; i < grant->notes.count; i++)
		if (add(survey, &grant->notes.items[i]) < 0)
			return -1;
	for (size_t i = 0; i < grant->cdi.error_count; i++)
		if (add(survey, &grant->cdi.errors[i]) < 0)
			return -1;
	return check_gpus(survey) < 0 || check_nics(survey) < 0 ? -1 : check_peers(survey);
}

int survey_make(struct survey *survey, const struct grant_wish *wish, struct error *err)
{
	struct error why = ERROR_INIT;

	*survey = (struct survey){ .is_granted = true };
	if (grant_make(&survey->grant, wish, &why) < 0) {
		survey->is_granted = false;
		if (why.errnum == ENOMEM || add(survey, &why) < 0)
			return error_set(err, ENOMEM, "cannot look at the devices");
	}
	/* What is there is shown whatever may be had of it. */
	if ((survey->grant.gpus.count == 0 && gpulist_find(&survey->grant.gpus, "", err) < 0) ||
	    (survey->grant.nics.count == 0 && niclist_find(&survey->grant.nics, "", err) < 0) ||
	    grant_load_cdi(&survey->grant, wish, err) < 0)
		return -1;
	why = (struct error)ERROR_INIT;
	if (!survey->grant.topology)
		survey->grant.topology = topology_load(wish->conf->topology_file, &why);
	if ((!survey->grant.topology && add(survey, &why) < 0) || find_problems(survey) < 0)
		return error_set(err, ENOMEM, "cannot look at the devices");
	return 0;
}

void survey_done(struct survey *survey)
{
	grant_done(&survey->grant);
	free(survey->problems);
	*survey = (struct survey){ .problems = NULL };
}
