/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * elf_file.h - what the dynamic linker would see in one ELF file.
 *
 * The file is only read, never run, and it may be a hostile image's: whatever is in it, reading ends
 * with a description or with an error. libelf does the decoding; nothing is mapped, since a mapped
 * file of an image kills who reads it when the image server is gone.
 */
#ifndef DAVIT_MPI_ELF_FILE_H
#define DAVIT_MPI_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

/* A symbol with its version: "" where it has none. */
struct elf_symbol {
	const char *name, *version;
	bool is_weak; /* an undefined one that may stay so */
};

struct elf_symbols {
	struct elf_symbol *items; /* sorted by name, then version; no two alike */
	size_t count;
};

/* A version that a file needs of a library. */
struct elf_need {
	const char *library; /* "libc.so.6" */
	const char *version; /* "GLIBC_2.34" */
	bool is_weak;
};

/* Strings live as long as the struct. */
struct elf_file {
	uint16_t machine; /* EM_... */
	uint8_t class;    /* ELFCLASS32, ELFCLASS64 */
	char *soname;     /* or NULL */
	char **needed;    /* DT_NEEDED, in order; ends with NULL */
	char *rpath;      /* DT_RPATH as written, or NULL; NULL, too, where there is a runpath */
	char *runpath;    /* DT_RUNPATH as written, or NULL */
	char **versions;  /* those that it defines, without the base one; sorted; ends with NULL */
	struct elf_need *needs;
	size_t need_count;
	struct elf_symbols exports; /* defined, global or weak, visible to others */
	struct elf_symbols imports; /* undefined */
	char *strings;              /* where all the names are */
};

enum elf_part {
	ELF_HEAD = 0,   /* all but the symbols: much less to read */
	ELF_SYMBOLS = 1 /* those, too */
};

/* Reads the shared object or dynamic executable `fd`. A static executable has no `needed`. Returns 0,
 * or -1 with `err` set and nothing to release; err->errnum is ENOEXEC where it is no ELF file of this
 * byte order or is damaged. */
int elf_file_read(struct elf_file *elf, int fd, enum elf_part part, struct error *err);

/* The head of this program's own file: programs of an image are for the processor that it is for. */
int elf_file_read_own(struct elf_file *elf, struct error *err);
void elf_file_done(struct elf_file *elf);

/* Is the symbol there? One with the version "" is found under any version, and one that is there
 * without a version answers for any, as ld.so has it. */
bool elf_symbols_have(const struct elf_symbols *symbols, const char *name, const char *version);

/* Reads what the symbol `name` of `fd` names, at most `size` bytes. Returns how many these are, -1 where
 * there is none. */
ssize_t elf_file_bytes(int fd, const char *name, void *out, size_t size);

/* The text in the character array that the symbol `name` of `fd` names, in a fresh string of at most
 * 255 bytes; NULL where there is none. */
char *elf_file_text(int fd, const char *name);

#endif
