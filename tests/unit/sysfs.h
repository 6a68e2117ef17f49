/* SPDX-License-Identifier: BSD-3-Clause */
/* sysfs.h - a /sys of a test's own, as the kernel lays it out: classes are links to devices. */
#ifndef DAVIT_TESTS_SYSFS_H
#define DAVIT_TESTS_SYSFS_H

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common/error.h"
#include "tests/unit/tree.h"

#define FORMAT(path, format)                                                                  \
	do {                                                                                  \
		va_list args;                                                                 \
                                                                                              \
		va_start(args, format);                                                       \
		assert_true(vsnprintf(path, sizeof(path), format, args) < (int)sizeof(path)); \
		va_end(args);                                                                 \
	} while (0)

static inline ERROR_PRINTF(2, 3) void put_at(const char *text, const char *format, ...)
{
	char path[PATH_MAX];

	FORMAT(path, format);
	put(path, text);
}

static inline ERROR_PRINTF(2, 3) void link_at(const char *target, const char *format, ...)
{
	char path[PATH_MAX];

	FORMAT(path, format);
	(void)unlink(path);
	put(path, "");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(target, path), 0);
}

/* A PCI device below the root complex, with what it says of itself. */
static inline void put_pci(const char *root, const char *pci, const char *vendor,
			   const char *driver)
{
	char target[PATH_MAX];

	put_at(vendor, "%s/sys/devices/pci0000:00/%s/vendor", root, pci);
	snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", driver);
	link_at(target, "%s/sys/devices/pci0000:00/%s/driver", root, pci);
	snprintf(target, sizeof(target), "../../../devices/pci0000:00/%s", pci);
	link_at(target, "%s/sys/bus/pci/devices/%s", root, pci);
}

/* The device `name` of a class, below the device `parent`, which is relative to /sys/devices. */
static inline void put_class(const char *root, const char *parent, const char *class,
			     const char *name)
{
	char target[PATH_MAX];
	const char *slash = strrchr(parent, '/');

	put_at("", "%s/sys/devices/%s/%s/%s/uevent", root, parent, class, name);
	snprintf(target, sizeof(target), "../../../%s", slash ? slash + 1 : parent);
	link_at(target, "%s/sys/devices/%s/%s/%s/device", root, parent, class, name);
	snprintf(target, sizeof(target), "../../devices/%s/%s/%s", parent, class, name);
	link_at(target, "%s/sys/class/%s/%s", root, class, name);
}

/* The strings with blanks between them. */
static inline const char *joined(char *const *strings)
{
	static char text[4096];

	text[0] = '\0';
	for (; *strings; strings++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			 text[0] ? " " : "", *strings);
	return text;
}

#endif
