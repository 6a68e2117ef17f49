/* SPDX-License-Identifier: BSD-3-Clause */
/* survey_text.c - see survey.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/node.h"
#include "launcher/devices/survey.h"

/* Texts from the kernel and from files of the admin's: no control characters to a terminal. */
static void put(const char *text)
{
	cleanup_free char *copy = strdup(text ? text : "-");

	if (copy)
		error_scrub(copy);
	fputs(copy ? copy : "?", stdout);
}

static void put_place(const struct survey *survey, const char *pci)
{
	cleanup_free char *place =
		survey->grant.topology ? topology_place(survey->grant.topology, pci) : NULL;

	if (!pci[0])
		return;
	printf("\n        at %s", pci);
	if (place) {
		fputs(": ", stdout);
		put(place);
	}
}

static void print_gpus(const struct survey *survey)
{
	const struct gpulist *gpus = &survey->grant.gpus;

	puts(gpus->count ? "GPUs:" : "GPUs: none");
	for (size_t i = 0; i < gpus->count; i++) {
		const struct gpu *gpu = &gpus->items[i];
		unsigned int number;

		if (survey_has_gpu(survey, gpu, &number))
			printf("  * %u: ", number);
		else
			fputs("    ", stdout);
		printf("%s", gpu_vendor_name(gpu->vendor));
		if (gpu->model) {
			fputs(", ", stdout);
			put(gpu->model);
		}
		for (char **file = gpu->nodes; *file; file++) {
			fputs(" ", stdout);
			put(*file);
		}
		put_place(survey, gpu->pci);
		putchar('\n');
	}
}

static void print_nearest(const struct survey *survey, const struct nic *nic)
{
	const struct gpulist *gpus = &survey->grant.gpus;
	bool is_first = true;

	for (size_t i = 0; i < gpus->count; i++)
		if (survey_is_nearest(survey, &gpus->items[i], nic)) {
			printf("%s%s", is_first ? "\n        nearest to " : ", ",
			       gpus->items[i].nodes[0]);
			is_first = false;
		}
}

static void print_nics(const struct survey *survey)
{
	const struct niclist *nics = &survey->grant.nics;

	puts(nics->count ? "Adapters:" : "Adapters: none");
	for (size_t i = 0; i < nics->count; i++) {
		const struct nic *nic = &nics->items[i];

		printf("  %s ", survey_has_nic(survey, nic) ? "*" : " ");
		put(nic->name);
		printf(": %s", nic_kind_name(nic->kind));
		if (nic->port)
			printf(", port %u", nic->port);
		if (nic->netdev) {
			fputs(", ", stdout);
			put(nic->netdev);
		}
		for (char **file = nic->nodes; file && *file; file++) {
			fputs(" ", stdout);
			put(*file);
		}
		put_place(survey, nic->pci);
		print_nearest(survey, nic);
		putchar('\n');
	}
}

static void print_cdi(const struct survey *survey)
{
	const struct cdi *cdi = &survey->grant.cdi;

	puts(cdi->spec_count ? "CDI:" : "CDI: no specifications");
	for (size_t i = 0; i < cdi->spec_count; i++) {
		const struct cdi_spec *spec = &cdi->specs[i];

		fputs("    ", stdout);
		put(spec->file);
		printf(": %s=", spec->kind);
		for (size_t j = 0; j < spec->device_count; j++)
			printf("%s%s", j > 0 ? "," : "", spec->devices[j].name);
		putchar('\n');
	}
}

static void print_grant(const struct survey *survey)
{
	const struct grant *grant = &survey->grant;

	if (!survey->is_granted) {
		puts("A container would not start, see below.");
		return;
	}
	puts(grant->mounts.count ? "In a container:" : "In a container: no devices");
	for (size_t i = 0; i < grant->mounts.count; i++) {
		const struct mountspec *spec = &grant->mounts.items[i];

		fputs("    ", stdout);
		put(spec->target);
		if (strcmp(spec->source, spec->target) != 0) {
			fputs(" from ", stdout);
			put(spec->source);
		}
		putchar('\n');
	}
	for (size_t i = 0; i < grant->library_count; i++) {
		fputs("    ", stdout);
		put(grant->libraries[i].soname);
		fputs(" from ", stdout);
		put(grant->libraries[i].path);
		putchar('\n');
	}
}

void survey_print(const struct survey *survey)
{
	char node[NODE_NAME_MAX];

	node_name(node);
	error_scrub(node);
	print_gpus(survey);
	print_nics(survey);
	print_cdi(survey);
	print_grant(survey);
	if (survey->problem_count == 0)
		puts("Nothing is wrong.");
	for (size_t i = 0; i < survey->problem_count; i++) {
		char text[3 * ERROR_TEXT_MAX];

		(void)error_format(&survey->problems[i], node, text, sizeof(text));
		fputs(text, stdout);
	}
}
