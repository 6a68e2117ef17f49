/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sysfs.h - short files, links and directories of the kernel's, and lists of names.
 *
 * A path is printf's format with its values behind it; `root` is in front of it: "" on a node, a
 * directory in tests. Nothing but regular files is opened, nothing blocks, everything is bounded.
 */
#ifndef DAVIT_DEVICES_SYSFS_H
#define DAVIT_DEVICES_SYSFS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "launcher/devices/gpus.h"

#define SYSFS_LINE_MAX 256
#define SYSFS_TEXT_MAX 4096
#define NAMES_MAX      4096 /* of a list; what is too much is left out */

struct names {
	char **items; /* ends with NULL; NULL as long as nothing was added; for strings_free */
	size_t count;
};

/* Adds a name that is formatted. Returns 0, or -1 with `err` set when out of memory. */
int names_add(struct names *names, struct error *err, const char *format, ...) ERROR_PRINTF(3, 4);

/* Takes the items away, a list without any where there are none. NULL with `err` set when out of
 * memory. */
char **names_take(struct names *names, struct error *err);

/* Adds the names in a directory, in the order of strverscmp(3) and without "." and "..". No such
 * directory is no error. Returns 0, or -1 with `err` set when out of memory. */
int sysfs_list(struct names *names, struct error *err, const char *root, const char *path, ...)
	ERROR_PRINTF(4, 5);

/* The first line of a file, without blanks around it. False where there is none or it is empty. */
bool sysfs_line(char line[SYSFS_LINE_MAX], const char *root, const char *path, ...)
	ERROR_PRINTF(3, 4);

/* The beginning of a file of several lines. */
bool sysfs_text(char text[SYSFS_TEXT_MAX], const char *root, const char *path, ...)
	ERROR_PRINTF(3, 4);

/* The last name of what a symbolic link leads to. */
bool sysfs_link(char name[SYSFS_LINE_MAX], const char *root, const char *path, ...)
	ERROR_PRINTF(3, 4);

/* The address of the PCI device that a directory of a device is, or that is the nearest above
 * it; "" where there is none. */
void sysfs_pci(char pci[PCI_ADDRESS_MAX], const char *root, const char *path, ...)
	ERROR_PRINTF(3, 4);

/* Is there anything but a directory? Whether it is a device is for who mounts it to see. */
bool sysfs_has_file(const char *root, const char *path);

/* "DOMAIN:BUS:DEVICE.FUNCTION" in lower case and with a domain of four digits where that is enough;
 * false, and "", for anything else. */
bool pci_parse(const char *text, char pci[PCI_ADDRESS_MAX]);

/* Compares two of these, as strcmp(3) does. */
int pci_compare(const char *a, const char *b);

/* The number in a name such as "renderD128", behind `prefix`; false for any other name. */
bool name_number(const char *name, const char *prefix, unsigned int *number);

#endif
