/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * elf_symbols.c - see elf_file.h: the symbols of an ELF file, sorted, and looked up.
 *
 * Names may overlap in a hostile file, so that a small one has very long names by the million; it is
 * the sum of their lengths that is bounded, and with it the time to sort them.
 */
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/mpi/elf_reading.h"

#define SYMBOLS_MAX  (64ul * 1024 * 1024) /* bytes */
#define TEXT_LEN_MAX 255

/* The symbols' table in the file; count 0: it has none. */
static int find_symbols(struct reading *reading, uint64_t *offset, size_t *count)
{
	Elf_Scn *section = NULL;
	GElf_Shdr head;
	uint64_t size;

	*count = 0;
	if (!reading->symbols)
		return 0;
	if (!reading_find(reading, reading->symbols, offset, &size))
		return reading_damaged(reading, "its symbols");
	errno = 0;
	while ((section = elf_nextscn(reading->elf, section))) {
		if (!gelf_getshdr(section, &head))
			return reading_failed(reading, errno, "its sections");
		if (head.sh_type != SHT_DYNSYM || head.sh_offset != *offset)
			continue;
		if (head.sh_size > size || head.sh_size > SYMBOLS_MAX)
			return reading_damaged(reading, "too many symbols");
		*count = head.sh_size / gelf_fsize(reading->elf, ELF_T_SYM, 1, EV_CURRENT);
		return 0;
	}
	return reading_damaged(reading, "no section says how many symbols it has");
}

static Elf_Data *read_table(struct reading *reading, uint64_t offset, size_t count, Elf_Type type)
{
	size_t size = count * gelf_fsize(reading->elf, type, 1, EV_CURRENT);

	return elf_getdata_rawchunk(reading->elf, (int64_t)offset, size, type);
}

/* The numbers of the symbols' versions; NULL if it has none, too. */
static int read_indices(struct reading *reading, size_t count, Elf_Data **indices)
{
	uint64_t offset, size;

	*indices = NULL;
	if (!reading->symbol_indices)
		return 0;
	if (!reading_find(reading, reading->symbol_indices, &offset, &size) ||
	    size / sizeof(GElf_Versym) < count)
		return reading_damaged(reading, "the versions of its symbols");
	errno = 0;
	*indices = read_table(reading, offset, count, ELF_T_HALF);
	return *indices ? 0 : reading_failed(reading, errno, "the versions of its symbols");
}

static bool is_visible(const GElf_Sym *symbol)
{
	int binding = GELF_ST_BIND(symbol->st_info);
	int visibility = GELF_ST_VISIBILITY(symbol->st_other);

	return (binding == STB_GLOBAL || binding == STB_WEAK || binding == STB_GNU_UNIQUE) &&
	       (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

static int compare_symbols(const void *a, const void *b)
{
	const struct elf_symbol *left = a, *right = b;
	int order = left->name == right->name ? 0 : strcmp(left->name, right->name);

	if (order == 0 && left->version != right->version)
		order = strcmp(left->version, right->version);
	return order;
}

static void sort_symbols(struct elf_symbols *symbols)
{
	size_t kept = 0;

	if (symbols->count == 0)
		return;
	qsort(symbols->items, symbols->count, sizeof(*symbols->items), compare_symbols);
	for (size_t i = 1; i < symbols->count; i++) {
		if (compare_symbols(&symbols->items[kept], &symbols->items[i]) != 0)
			symbols->items[++kept] = symbols->items[i];
		else if (!symbols->items[i].is_weak)
			symbols->items[kept].is_weak = false;
	}
	symbols->count = kept + 1;
}

/* Takes the symbol into one of the lists; *budget is what the names may still have in bytes. */
static int keep_symbol(struct reading *reading, const GElf_Sym *symbol, unsigned int index,
		       size_t *budget)
{
	struct elf_file *out = reading->out;
	bool is_import = symbol->st_shndx == SHN_UNDEF;
	struct elf_symbols *to = is_import ? &out->imports : &out->exports;
	const char *version = reading->index_names[index & ELF_INDEX_MASK], *name;
	size_t len;

	if (symbol->st_name >= reading->strings_size)
		return reading_damaged(reading, "the name of a symbol");
	name = out->strings + symbol->st_name;
	len = strnlen(name, *budget);
	if (version)
		len += strlen(version);
	if (len >= *budget)
		return reading_damaged(reading, "the names of its symbols");
	*budget -= len;
	if (reading_grow(reading, &to->items, to->count, sizeof(*to->items)) < 0)
		return -1;
	to->items[to->count++] = (struct elf_symbol){
		.name = name,
		.version = version ? version : "",
		.is_weak = is_import && GELF_ST_BIND(symbol->st_info) == STB_WEAK,
	};
	return 0;
}

int reading_symbols(struct reading *reading)
{
	size_t count, budget = ELF_STRINGS_MAX;
	Elf_Data *table, *indices;
	uint64_t offset;

	if (find_symbols(reading, &offset, &count) < 0 ||
	    read_indices(reading, count, &indices) < 0)
		return -1;
	errno = 0;
	table = count ? read_table(reading, offset, count, ELF_T_SYM) : NULL;
	if (count && !table)
		return reading_failed(reading, errno, "its symbols");
	/* The first one is always empty. */
	for (size_t i = 1; i < count; i++) {
		GElf_Versym index = VER_NDX_GLOBAL;
		GElf_Sym symbol;

		if (!gelf_getsym(table, (int)i, &symbol) ||
		    (indices && !gelf_getversym(indices, (int)i, &index)))
			return reading_damaged(reading, "its symbols");
		if (!is_visible(&symbol) || (index & ELF_INDEX_MASK) == VER_NDX_LOCAL)
			continue;
		if (keep_symbol(reading, &symbol, index, &budget) < 0)
			return -1;
	}
	sort_symbols(&reading->out->exports);
	sort_symbols(&reading->out->imports);
	return 0;
}

/* The first that is not before `name` with `version`. */
static size_t lower_bound(const struct elf_symbols *symbols, const char *name, const char *version)
{
	const struct elf_symbol key = { .name = name, .version = version };
	size_t low = 0, high = symbols->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_symbols(&symbols->items[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool elf_symbols_have(const struct elf_symbols *symbols, const char *name, const char *version)
{
	size_t at = lower_bound(symbols, name, "");
	const struct elf_symbol *found;

	if (at == symbols->count || strcmp(symbols->items[at].name, name) != 0)
		return false;
	/* One without a version comes first. */
	if (!version[0] || !symbols->items[at].version[0])
		return true;
	at = lower_bound(symbols, name, version);
	found = &symbols->items[at];
	return at < symbols->count && strcmp(found->name, name) == 0 &&
	       strcmp(found->version, version) == 0;
}

/* Where the symbol `name` is defined. */
static bool find_symbol(struct reading *reading, const char *name, GElf_Sym *symbol)
{
	Elf_Data *table;
	uint64_t offset;
	size_t count;

	if (find_symbols(reading, &offset, &count) < 0 || count == 0)
		return false;
	table = read_table(reading, offset, count, ELF_T_SYM);
	for (size_t i = 1; table && i < count; i++)
		if (gelf_getsym(table, (int)i, symbol) && symbol->st_shndx != SHN_UNDEF &&
		    is_visible(symbol) && symbol->st_name < reading->strings_size &&
		    strcmp(reading->out->strings + symbol->st_name, name) == 0)
			return true;
	return false;
}

ssize_t elf_file_bytes(int fd, const char *name, void *out, size_t size)
{
	struct error ignored = ERROR_INIT;
	struct elf_file elf = { .strings = NULL };
	struct reading reading = { .fd = fd, .out = &elf, .err = &ignored };
	uint64_t offset, there;
	ssize_t result = -1;
	GElf_Sym symbol;

	if (reading_begin(&reading) == 0 && reading_head(&reading) == 0 &&
	    find_symbol(&reading, name, &symbol) &&
	    reading_find(&reading, symbol.st_value, &offset, &there)) {
		if (symbol.st_size && symbol.st_size < there)
			there = symbol.st_size;
		if (size > there)
			size = there;
		if (reading_bytes(&reading, out, size, offset) == 0)
			result = (ssize_t)size;
	}
	reading_end(&reading);
	elf_file_done(&elf);
	return result;
}

char *elf_file_text(int fd, const char *name)
{
	char text[TEXT_LEN_MAX + 1] = "";

	return elf_file_bytes(fd, name, text, TEXT_LEN_MAX) < 0 ? NULL : strdup(text);
}
