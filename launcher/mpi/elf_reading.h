/* SPDX-License-Identifier: BSD-3-Clause */
/* elf_reading.h - an ELF file that is being read; for elf_file.c, elf_versions.c and elf_symbols.c only. */
#ifndef DAVIT_MPI_ELF_READING_H
#define DAVIT_MPI_ELF_READING_H

#include <gelf.h>
#include <libelf.h>

#include "launcher/mpi/elf_file.h"

#define ELF_STRINGS_MAX (64ul * 1024 * 1024) /* bytes; the largest libraries have a tenth of it */
#define ELF_INDEX_MASK  0x7fff /* of an entry of .gnu.version; the rest says "hidden" */

struct segment {
	uint64_t address, offset, size;
};

struct reading {
	int fd;
	Elf *elf;
	struct segment *loads; /* what is mapped from the file */
	size_t load_count;
	struct segment dynamic; /* size 0: there is none */
	Elf_Data *entries;      /* of the dynamic segment */
	size_t entry_count;
	uint64_t strings, strings_size;   /* address, bytes */
	uint64_t needs, definitions;      /* address of versions, 0: none */
	uint64_t symbols, symbol_indices; /* address, 0: none */
	const char **index_names;         /* by the number of a version; NULL: not wanted */
	struct elf_file *out;
	struct error *err;
};

/* Opens the file with libelf, after a look at its header; reading_end is due in any case. All return
 * 0, or -1 with the error set, if nothing else is said. */
int reading_begin(struct reading *reading);
void reading_end(struct reading *reading);

/* All but the symbols. */
int reading_head(struct reading *reading);

/* Of the head: the versions that it needs, and those that it defines. */
int reading_needs(struct reading *reading);
int reading_definitions(struct reading *reading);

int reading_symbols(struct reading *reading);

/* Where `address` is in the file, and how many bytes follow there; false if it is not in the file. */
bool reading_find(const struct reading *reading, uint64_t address, uint64_t *offset,
		  uint64_t *size);

/* Reads all `len` bytes at `offset` of the file. */
int reading_bytes(struct reading *reading, void *out, size_t len, uint64_t offset);

/* The name of a library or version, one of out->strings; NULL with the error set where there is none. */
char *reading_name(struct reading *reading, uint64_t offset);

/* Makes room for one more in an array of `count` items of `size` bytes, which grows in powers of 2. */
int reading_grow(struct reading *reading, void *array, size_t count, size_t size);

/* Set the error and return -1. libelf does not say whether a file is damaged or cannot be read: that
 * is told by `errnum`, from errno. */
int reading_damaged(struct reading *reading, const char *what);
int reading_failed(struct reading *reading, int errnum, const char *what);
int reading_no_memory(struct reading *reading);

#endif
