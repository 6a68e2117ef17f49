/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * elf_versions.c - the versions of symbols that an ELF file needs of its libraries, and those that it defines.
 *
 * Both are chains, in which each link says how far away the next one is: what has no end ends at a bound. Whoever
 * wants symbols, too, is told which number each version has.
 */
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/mpi/elf_reading.h"

#define VERSIONS_MAX (64ul * 1024) /* bytes; libc.so.6 has 1500 of definitions */
#define NEEDS_MAX    4096          /* versions of other libraries */

/* At most `max` bytes at `address`, decoded. */
static Elf_Data *data_at(struct reading *reading, uint64_t address, uint64_t max, Elf_Type type)
{
	uint64_t offset, size;

	if (!reading_find(reading, address, &offset, &size))
		return NULL;
	return elf_getdata_rawchunk(reading->elf, (int64_t)offset, size < max ? size : max, type);
}

static void note_index(struct reading *reading, unsigned int index, const char *name)
{
	if (reading->index_names)
		reading->index_names[index & ELF_INDEX_MASK] = name;
}

static int read_need(struct reading *reading, Elf_Data *data, size_t at, const GElf_Verneed *from)
{
	struct elf_file *out = reading->out;
	const char *library = reading_name(reading, from->vn_file);

	if (!library)
		return -1;
	at += from->vn_aux;
	for (unsigned int i = 0; i < from->vn_cnt; i++) {
		GElf_Vernaux version;
		const char *name;

		if (at > VERSIONS_MAX || !gelf_getvernaux(data, (int)at, &version) ||
		    out->need_count == NEEDS_MAX)
			return reading_damaged(reading, "the versions that it needs");
		name = reading_name(reading, version.vna_name);
		if (!name ||
		    reading_grow(reading, &out->needs, out->need_count, sizeof(*out->needs)) < 0)
			return -1;
		out->needs[out->need_count++] =
			(struct elf_need){ .library = library,
					   .version = name,
					   .is_weak = version.vna_flags & VER_FLG_WEAK };
		note_index(reading, version.vna_other, name);
		if (version.vna_next == 0)
			break;
		at += version.vna_next;
	}
	return 0;
}

int reading_needs(struct reading *reading)
{
	Elf_Data *data = data_at(reading, reading->needs, VERSIONS_MAX, ELF_T_VNEED);
	size_t at = 0;

	for (;;) {
		GElf_Verneed from;

		if (!data || at > VERSIONS_MAX || !gelf_getverneed(data, (int)at, &from))
			return reading_damaged(reading, "the versions that it needs");
		if (read_need(reading, data, at, &from) < 0)
			return -1;
		if (from.vn_next == 0)
			return 0;
		at += from.vn_next;
	}
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int reading_definitions(struct reading *reading)
{
	Elf_Data *data = data_at(reading, reading->definitions, VERSIONS_MAX, ELF_T_VDEF);
	struct elf_file *out = reading->out;
	size_t at = 0, count = 0, kept = 0;

	for (;;) {
		GElf_Verdef version;
		GElf_Verdaux first;
		char *name;

		if (!data || at > VERSIONS_MAX || !gelf_getverdef(data, (int)at, &version) ||
		    version.vd_aux > VERSIONS_MAX || count == NEEDS_MAX ||
		    !gelf_getverdaux(data, (int)(at + version.vd_aux), &first))
			return reading_damaged(reading, "the versions that it defines");
		name = reading_name(reading, first.vda_name);
		if (!name ||
		    reading_grow(reading, &out->versions, count + 1, sizeof(*out->versions)) < 0)
			return -1;
		if (!(version.vd_flags & VER_FLG_BASE)) {
			out->versions[count++] = name;
			note_index(reading, version.vd_ndx, name);
		}
		if (version.vd_next == 0)
			break;
		at += version.vd_next;
	}
	qsort(out->versions, count, sizeof(*out->versions), compare_texts);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || strcmp(out->versions[i], out->versions[kept - 1]) != 0)
			out->versions[kept++] = out->versions[i];
	out->versions[kept] = NULL;
	return 0;
}
