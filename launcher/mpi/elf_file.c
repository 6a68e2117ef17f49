/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * elf_file.c - see elf_file.h.
 *
 * All is found by the program headers and the dynamic segment, as ld.so finds it: no need to fetch the
 * section headers, which are at the far end of the file, for a head. Only the number of symbols has to
 * be taken from them, since the hash table of a program without exports does not tell it.
 * Sizes are bounded before anything is read or allocated.
 */
#include "launcher/mpi/elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/mpi/elf_reading.h"

#define SEGMENTS_MAX 512
#define DYNAMIC_MAX  (64ul * 1024) /* bytes; more than 4000 entries */
#define NAME_MAX_LEN 4096          /* of a library or version; a symbol's may be longer */

int reading_damaged(struct reading *reading, const char *what)
{
	error_set(reading->err, 0, "damaged ELF file: %s", what);
	reading->err->errnum = ENOEXEC;
	return -1;
}

static int not_ours(struct error *err, const char *what)
{
	error_set(err, 0, "%s", what);
	err->errnum = ENOEXEC;
	return -1;
}

int reading_no_memory(struct reading *reading)
{
	return error_set(reading->err, ENOMEM, "cannot read an ELF file");
}

/* libelf fails without saying whether the file is damaged or cannot be read at all. */
int reading_failed(struct reading *reading, int errnum, const char *what)
{
	if (errnum == EIO || errnum == ENOMEM || errnum == ENOTCONN || errnum == EACCES)
		return error_set(reading->err, errnum, "cannot read an ELF file");
	return reading_damaged(reading, what);
}

/* Reads all `len` bytes. */
int reading_bytes(struct reading *reading, void *out, size_t len, uint64_t offset)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n =
			pread(reading->fd, (char *)out + have, len - have, (off_t)(offset + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(reading->err, errno, "cannot read an ELF file");
		if (n == 0)
			return reading_damaged(reading, "it is truncated");
		have += (size_t)n;
	}
	return 0;
}

/* Where `address` is in the file, and how many bytes follow there; false if it is not in the file. */
bool reading_find(const struct reading *reading, uint64_t address, uint64_t *offset, uint64_t *size)
{
	for (size_t i = 0; i < reading->load_count; i++) {
		const struct segment *load = &reading->loads[i];

		if (address < load->address || address - load->address >= load->size)
			continue;
		*offset = load->offset + (address - load->address);
		*size = load->size - (address - load->address);
		return *offset >= load->offset && *offset <= INT64_MAX;
	}
	return false;
}

/* The first look, before libelf's: it allocates as many sections as the file pretends to have. */
static int check_header(struct reading *reading)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr head32;
		Elf64_Ehdr head64;
	} head = { .ident = { 0 } };
	const unsigned char native =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	struct stat st;
	ssize_t len;
	bool is_huge;

	if (fstat(reading->fd, &st) < 0)
		return error_set(reading->err, errno, "cannot read an ELF file");
	if (!S_ISREG(st.st_mode))
		return not_ours(reading->err, "not a regular file");
	len = pread(reading->fd, &head, sizeof(head), 0);
	if (len < 0)
		return error_set(reading->err, errno, "cannot read an ELF file");
	if (len < (ssize_t)sizeof(head.head32) || memcmp(head.ident, ELFMAG, SELFMAG) != 0)
		return not_ours(reading->err, "not an ELF file");
	if (head.ident[EI_DATA] != native)
		return not_ours(reading->err, "an ELF file of another byte order");
	if (head.ident[EI_CLASS] == ELFCLASS32)
		is_huge = head.head32.e_shnum == 0 && head.head32.e_shoff != 0;
	else
		is_huge = head.head64.e_shnum == 0 && head.head64.e_shoff != 0;
	return is_huge ? reading_damaged(reading, "too many sections") : 0;
}

static int read_segments(struct reading *reading)
{
	GElf_Ehdr head;

	if (!gelf_getehdr(reading->elf, &head) ||
	    (head.e_ident[EI_CLASS] != ELFCLASS32 && head.e_ident[EI_CLASS] != ELFCLASS64))
		return reading_failed(reading, errno, "its header");
	if (head.e_type != ET_EXEC && head.e_type != ET_DYN)
		return not_ours(reading->err, "neither a program nor a shared library");
	reading->out->machine = head.e_machine;
	reading->out->class = head.e_ident[EI_CLASS];
	if (head.e_phnum > SEGMENTS_MAX)
		return reading_damaged(reading, "too many segments");
	reading->loads = calloc(head.e_phnum + 1u, sizeof(*reading->loads));
	if (!reading->loads)
		return reading_no_memory(reading);
	for (int i = 0; i < head.e_phnum; i++) {
		GElf_Phdr segment;
		struct segment *to = NULL;

		if (!gelf_getphdr(reading->elf, i, &segment))
			return reading_failed(reading, errno, "its segments");
		if (segment.p_type == PT_LOAD)
			to = &reading->loads[reading->load_count++];
		else if (segment.p_type == PT_DYNAMIC)
			to = &reading->dynamic;
		if (to)
			*to = (struct segment){ .address = segment.p_vaddr,
						.offset = segment.p_offset,
						.size = segment.p_filesz };
	}
	return 0;
}

static void note_address(struct reading *reading, const GElf_Dyn *entry)
{
	switch (entry->d_tag) {
	case DT_STRTAB:
		reading->strings = entry->d_un.d_ptr;
		break;
	case DT_STRSZ:
		reading->strings_size = entry->d_un.d_val;
		break;
	case DT_SYMTAB:
		reading->symbols = entry->d_un.d_ptr;
		break;
	case DT_VERSYM:
		reading->symbol_indices = entry->d_un.d_ptr;
		break;
	case DT_VERNEED:
		reading->needs = entry->d_un.d_ptr;
		break;
	case DT_VERDEF:
		reading->definitions = entry->d_un.d_ptr;
		break;
	}
}

/* The entries of the dynamic segment, up to the one that ends them, and the strings. */
static int read_dynamic(struct reading *reading)
{
	uint64_t offset, size;
	GElf_Dyn entry;

	if (reading->dynamic.size > DYNAMIC_MAX || reading->dynamic.offset > INT64_MAX)
		return reading_damaged(reading, "its dynamic segment is too large");
	errno = 0;
	reading->entries = elf_getdata_rawchunk(reading->elf, (int64_t)reading->dynamic.offset,
						reading->dynamic.size, ELF_T_DYN);
	if (!reading->entries)
		return reading_failed(reading, errno, "its dynamic segment");
	while (gelf_getdyn(reading->entries, (int)reading->entry_count, &entry) &&
	       entry.d_tag != DT_NULL) {
		note_address(reading, &entry);
		reading->entry_count++;
	}
	if (reading->entry_count == 0)
		return 0;
	if (reading->strings_size > ELF_STRINGS_MAX ||
	    !reading_find(reading, reading->strings, &offset, &size) ||
	    size < reading->strings_size)
		return reading_damaged(reading, "its strings");
	reading->out->strings = malloc(reading->strings_size + 1);
	if (!reading->out->strings)
		return reading_no_memory(reading);
	reading->out->strings[reading->strings_size] = '\0';
	return reading_bytes(reading, reading->out->strings, reading->strings_size, offset);
}

char *reading_name(struct reading *reading, uint64_t offset)
{
	char *name = NULL;

	if (reading->out->strings && offset < reading->strings_size)
		name = reading->out->strings + offset;
	if (!name || strnlen(name, NAME_MAX_LEN + 1) > NAME_MAX_LEN) {
		reading_damaged(reading, "the name of a library or version");
		return NULL;
	}
	return name;
}

static int read_libraries(struct reading *reading)
{
	struct elf_file *out = reading->out;
	size_t count = 0;

	out->needed = calloc(reading->entry_count + 1, sizeof(*out->needed));
	out->versions = calloc(1, sizeof(*out->versions));
	if (!out->needed || !out->versions)
		return reading_no_memory(reading);
	for (size_t i = 0; i < reading->entry_count; i++) {
		char **to = NULL;
		GElf_Dyn entry;

		if (!gelf_getdyn(reading->entries, (int)i, &entry))
			return reading_damaged(reading, "its dynamic segment");
		if (entry.d_tag == DT_NEEDED)
			to = &out->needed[count++];
		else if (entry.d_tag == DT_SONAME)
			to = &out->soname;
		else if (entry.d_tag == DT_RPATH)
			to = &out->rpath;
		else if (entry.d_tag == DT_RUNPATH)
			to = &out->runpath;
		if (!to)
			continue;
		/* A path may be longer than a name. */
		if (to == &out->rpath || to == &out->runpath)
			*to = entry.d_un.d_val < reading->strings_size
				      ? out->strings + entry.d_un.d_val
				      : NULL;
		else if (!(*to = reading_name(reading, entry.d_un.d_val)))
			return -1;
	}
	if (out->runpath)
		out->rpath = NULL;
	return 0;
}

/* Makes room for one more in an array of `count` items that grows in powers of two. */
int reading_grow(struct reading *reading, void *array, size_t count, size_t size)
{
	void *bigger;

	if (count > 0 && (count & (count - 1)) != 0)
		return 0;
	bigger = realloc(*(void **)array, (count ? 2 * count : 1) * size);
	if (!bigger)
		return reading_no_memory(reading);
	*(void **)array = bigger;
	return 0;
}

int reading_head(struct reading *reading)
{
	if (read_segments(reading) < 0)
		return -1;
	if (reading->dynamic.size && read_dynamic(reading) < 0)
		return -1;
	if (read_libraries(reading) < 0)
		return -1;
	if (reading->needs && reading_needs(reading) < 0)
		return -1;
	if (reading->definitions && reading_definitions(reading) < 0)
		return -1;
	return 0;
}

int reading_begin(struct reading *reading)
{
	if (check_header(reading) < 0)
		return -1;
	(void)elf_version(EV_CURRENT);
	errno = 0;
	reading->elf = elf_begin(reading->fd, ELF_C_READ, NULL);
	return reading->elf ? 0 : reading_failed(reading, errno, "its header");
}

void reading_end(struct reading *reading)
{
	elf_end(reading->elf);
	free(reading->loads);
	free(reading->index_names);
}

static int want_indices(struct reading *reading)
{
	reading->index_names = calloc(ELF_INDEX_MASK + 1, sizeof(*reading->index_names));
	return reading->index_names ? 0 : reading_no_memory(reading);
}

int elf_file_read(struct elf_file *elf, int fd, enum elf_part part, struct error *err)
{
	struct reading reading = { .fd = fd, .out = elf, .err = err };
	int result;

	*elf = (struct elf_file){ .machine = EM_NONE };
	result = reading_begin(&reading);
	if (result == 0 && part == ELF_SYMBOLS)
		result = want_indices(&reading);
	if (result == 0)
		result = reading_head(&reading);
	if (result == 0 && part == ELF_SYMBOLS)
		result = reading_symbols(&reading);
	reading_end(&reading);
	if (result < 0)
		elf_file_done(elf);
	return result;
}

int elf_file_read_own(struct elf_file *elf, struct error *err)
{
	cleanup_close int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, errno, "cannot open '/proc/self/exe'");
	return elf_file_read(elf, fd, ELF_HEAD, err);
}

void elf_file_done(struct elf_file *elf)
{
	free(elf->needed);
	free(elf->versions);
	free(elf->needs);
	free(elf->exports.items);
	free(elf->imports.items);
	free(elf->strings);
	*elf = (struct elf_file){ .machine = EM_NONE };
}
