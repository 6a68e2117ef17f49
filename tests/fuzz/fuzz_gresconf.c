/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_gresconf.c - any bytes as a gres.conf, as a slurm.conf and as a list of names.
 *
 * What is read is bounded, the same each time, and not changed by a comment; a name that a list
 * stands for is found in it.
 */
/* link: launcher/devices/gresconf.c launcher/devices/slurmconf.c launcher/devices/hostlist.c launcher/devices/sysfs.c common/error.c common/fd.c */
#include "tests/fuzz/fuzz.h"

#include "common/fd.h"
#include "launcher/devices/gresconf.h"
#include "launcher/devices/hostlist.h"
#include "launcher/devices/slurmconf.h"

#define SOME 64 /* names of a list that are searched: to search all takes too long */

static struct gresconf parse(const char *text, size_t len, const char *node)
{
	struct error err = ERROR_INIT;
	struct gresconf conf;
	int result = gresconf_parse(&conf, text, len, "gpu", node, &err);

	fuzz_check_error(result, &err);
	assert(result == 0 && conf.count <= NAMES_MAX);
	for (size_t i = 0; i < conf.count; i++)
		assert(conf.files[i][0]);
	assert(!conf.files || !conf.files[conf.count]);
	assert(conf.autodetects || !conf.detects_by_pci);
	return conf;
}

static void check_same(const struct gresconf *conf, const struct gresconf *other)
{
	assert(conf->count == other->count && conf->autodetects == other->autodetects);
	for (size_t i = 0; i < conf->count; i++)
		assert(strcmp(conf->files[i], other->files[i]) == 0);
}

static void check_gresconf(const char *text, size_t size, const char *node)
{
	static const char comment[] = "# AutoDetect=nvml Name=gpu File=/dev/x\n";
	struct gresconf conf = parse(text, size, node), other = parse(text, size, node);
	char *longer = malloc(sizeof(comment) + size);

	assert(longer);
	check_same(&conf, &other);
	gresconf_done(&other);
	memcpy(longer, comment, sizeof(comment) - 1);
	memcpy(longer + sizeof(comment) - 1, text, size);
	other = parse(longer, sizeof(comment) - 1 + size, node);
	check_same(&conf, &other);
	gresconf_done(&other);
	gresconf_done(&conf);
	free(longer);
}

static void check_slurmconf(const char *text, size_t size)
{
	char *copy = slurmconf_copy(text, size);
	const char *gres;

	assert(copy);
	gres = slurmconf_gres(copy, "n1");
	assert(!gres || (gres >= copy && gres + strlen(gres) <= copy + size));
	free(copy);
}

static void check_list(const char *list)
{
	struct names names = { .items = NULL };
	struct error err = ERROR_INIT;

	assert(hostlist_expand(&names, list, &err) == 0 && names.count <= NAMES_MAX);
	for (size_t i = 0; i < names.count && i < SOME; i++)
		assert(names.items[i][0]);
	/* With many brackets a search may be given up. */
	for (size_t i = 0; i < names.count && i < SOME && !strstr(list, "]["); i++)
		assert(strlen(names.items[i]) > 1000 || hostlist_has(list, names.items[i]));
	strings_free(names.items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *list = fuzz_string(data, size);

	assert(text);
	if (size > 0)
		memcpy(text, data, size);
	check_gresconf(text, size, "n1");
	check_gresconf(text, size, NULL);
	check_slurmconf(text, size);
	check_list(list);
	free(text);
	free(list);
	return 0;
}
