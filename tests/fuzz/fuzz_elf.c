/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_elf.c - any bytes as an ELF file.
 *
 * Reading ends with an error, or with lists that are sorted, without doubles and ended as elf_file.h
 * says; what a head has does not depend on whether the symbols are read, too.
 */
/* link: launcher/mpi/elf_file.c launcher/mpi/elf_symbols.c launcher/mpi/elf_versions.c common/error.c -lelf */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "launcher/mpi/elf_file.h"

static void check_symbols(const struct elf_symbols *symbols)
{
	for (size_t i = 0; i < symbols->count; i++) {
		const struct elf_symbol *symbol = &symbols->items[i];

		assert(symbol->name && symbol->version);
		assert(elf_symbols_have(symbols, symbol->name, symbol->version));
		assert(elf_symbols_have(symbols, symbol->name, ""));
		if (i > 0) {
			int order = strcmp(symbol[-1].name, symbol->name);

			assert(order < 0 ||
			       (order == 0 && strcmp(symbol[-1].version, symbol->version) < 0));
		}
	}
}

static size_t check_head(const struct elf_file *elf)
{
	size_t count = 0, bytes = 0;

	for (char **name = elf->needed; *name; name++, count++)
		bytes += strlen(*name);
	for (char **name = elf->versions; *name; name++, count++) {
		bytes += strlen(*name);
		assert(name == elf->versions || strcmp(name[-1], *name) < 0);
	}
	for (size_t i = 0; i < elf->need_count; i++)
		bytes += strlen(elf->needs[i].library) + strlen(elf->needs[i].version);
	bytes += elf->soname ? strlen(elf->soname) : 0;
	bytes += elf->rpath ? strlen(elf->rpath) : 0;
	bytes += elf->runpath ? strlen(elf->runpath) : 0;
	assert(!elf->rpath || !elf->runpath);
	return bytes + count + elf->need_count;
}

static int read_part(struct elf_file *elf, int fd, enum elf_part part)
{
	struct error err = ERROR_INIT;
	int result = elf_file_read(elf, fd, part, &err);

	fuzz_check_error(result, &err);
	assert(result == 0 || err.errnum == ENOEXEC || err.errnum == ENOMEM);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_file head, whole;
	static int fd = -1;
	char *text;

	if (fd < 0)
		fd = memfd_create("elf", MFD_CLOEXEC);
	assert(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	if (read_part(&head, fd, ELF_HEAD) == 0) {
		size_t sum = check_head(&head);

		if (read_part(&whole, fd, ELF_SYMBOLS) == 0) {
			assert(check_head(&whole) == sum);
			check_symbols(&whole.exports);
			check_symbols(&whole.imports);
			elf_file_done(&whole);
		}
		elf_file_done(&head);
	} else {
		assert(read_part(&whole, fd, ELF_SYMBOLS) < 0);
	}
	text = elf_file_text(fd, "text");
	assert(!text || strlen(text) <= 255);
	free(text);
	return 0;
}
