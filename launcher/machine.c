/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.c - see machine.h. */
#include "launcher/machine.h"

#include <elf.h>
#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

const char *machine_name(const char *head)
{
	uint16_t machine;

	memcpy(&machine, head + offsetof(Elf64_Ehdr, e_machine), sizeof(machine));
	machine = head[EI_DATA] == ELFDATA2MSB ? be16toh(machine) : le16toh(machine);
	switch (machine) {
	case EM_X86_64:
		return "x86_64";
	case EM_AARCH64:
		return "aarch64";
	case EM_386:
		return "i386";
	case EM_ARM:
		return "arm";
	case EM_PPC64:
		return "ppc64";
	case EM_RISCV:
		return "riscv";
	case EM_S390:
		return "s390";
	default:
		return "another machine";
	}
}
