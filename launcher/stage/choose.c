/* SPDX-License-Identifier: BSD-3-Clause */
/* choose.c - see choose.h. */
#include "launcher/stage/choose.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/devices/hostlist.h"

enum stage_choice stage_choose(const struct stage_facts *facts)
{
	if (facts->is_directory || facts->is_local || facts->size < STAGE_SMALL ||
	    facts->nodes < STAGE_NODES)
		return STAGE_SHARED;
	if (facts->size <= facts->memory / 4)
		return STAGE_MEMORY;
	return facts->size <= facts->disk / 2 ? STAGE_LOCAL : STAGE_SHARED;
}

/* FNV-1a. All else in the key has to be the same before this counts. */
static uint64_t hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325u;

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 0x100000001b3u;
	return value;
}

static uint64_t nanoseconds(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

void stage_key(char key[STAGE_KEY_MAX], const char *digest, const char *path, const struct stat *st)
{
	const char *hex = strchr(digest, ':');

	if (digest[0])
		snprintf(key, STAGE_KEY_MAX, "d-%s", hex ? hex + 1 : digest);
	else
		snprintf(key, STAGE_KEY_MAX, "s-%jx-%jx-%" PRIx64 "-%" PRIx64 "-%" PRIx64,
			 (uintmax_t)st->st_ino, (uintmax_t)st->st_size, nanoseconds(&st->st_mtim),
			 nanoseconds(&st->st_ctim), hash(path));
}

bool stage_nodes_among(const char *nodes, const char *others)
{
	struct names names = { .items = NULL };
	struct error ignored = ERROR_INIT;
	bool among = hostlist_expand(&names, nodes, &ignored) == 0;

	for (size_t i = 0; among && i < names.count; i++)
		among = hostlist_has(others, names.items[i]);
	strings_free(names.items);
	return among;
}
