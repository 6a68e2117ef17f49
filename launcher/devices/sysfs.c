/* SPDX-License-Identifier: BSD-3-Clause */
/* sysfs.c - see sysfs.h. */
#include "launcher/devices/sysfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

#define ENTRIES_MAX 65536 /* that are read of a directory */
#define NUMBER_MAX  65535u

static int out_of_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot look for devices");
}

int names_add(struct names *names, struct error *err, const char *format, ...)
{
	char **bigger, *name;
	va_list args;
	int len;

	if (names->count == NAMES_MAX)
		return 0;
	bigger = realloc(names->items, (names->count + 2) * sizeof(*bigger));
	if (!bigger)
		return out_of_memory(err);
	names->items = bigger;
	bigger[names->count] = NULL;
	va_start(args, format);
	len = vasprintf(&name, format, args);
	va_end(args);
	if (len < 0)
		return out_of_memory(err);
	bigger[names->count++] = name;
	bigger[names->count] = NULL;
	return 0;
}

char **names_take(struct names *names, struct error *err)
{
	char **items = names->items ? names->items : calloc(1, sizeof(*items));

	*names = (struct names){ .items = NULL };
	if (!items)
		out_of_memory(err);
	return items;
}

/* Puts the root in front. Returns false for what is too long to exist. */
static bool ERROR_PRINTF(3, 0)
	format_path(char path[PATH_MAX], const char *root, const char *format, va_list args)
{
	int prefix = snprintf(path, PATH_MAX, "%s", root), len;

	if (prefix < 0 || prefix >= PATH_MAX)
		return false;
	len = vsnprintf(path + prefix, (size_t)(PATH_MAX - prefix), format, args);
	return len >= 0 && len < PATH_MAX - prefix;
}

/* For a function with `root`, `path` and what belongs to `path`. */
#define FORMAT_PATH(full, fits)                               \
	do {                                                  \
		va_list args;                                 \
                                                              \
		va_start(args, path);                         \
		(fits) = format_path(full, root, path, args); \
		va_end(args);                                 \
	} while (0)

static int compare_names(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

int sysfs_list(struct names *names, struct error *err, const char *root, const char *path, ...)
{
	char full[PATH_MAX];
	bool fits;
	DIR *dir;
	const struct dirent *entry;
	size_t before = names->count;
	int result = 0;

	FORMAT_PATH(full, fits);
	dir = fits ? opendir(full) : NULL;
	if (!dir)
		return fits && errno == ENOMEM ? out_of_memory(err) : 0;
	for (size_t i = 0; i < ENTRIES_MAX && result == 0 && (entry = readdir(dir)); i++)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = names_add(names, err, "%s", entry->d_name);
	closedir(dir);
	if (names->count > before)
		qsort(names->items + before, names->count - before, sizeof(*names->items),
		      compare_names);
	return result;
}

/* Returns how much it read, 0 where there is nothing. */
static size_t read_file(const char *path, char *text, size_t size)
{
	cleanup_close int handle = open(path, O_PATH | O_CLOEXEC);
	cleanup_close int fd = -1;
	struct stat st;
	ssize_t n = 1;
	size_t len = 0;

	/* Opening a device may already do something. */
	if (handle < 0 || fstat(handle, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	while (fd >= 0 && n > 0 && len < size - 1) {
		n = read(fd, text + len, size - 1 - len);
		if (n > 0)
			len += (size_t)n;
	}
	text[len] = '\0';
	return len;
}

bool sysfs_text(char text[SYSFS_TEXT_MAX], const char *root, const char *path, ...)
{
	char full[PATH_MAX];
	bool fits;

	FORMAT_PATH(full, fits);
	return fits && read_file(full, text, SYSFS_TEXT_MAX) > 0;
}

bool sysfs_line(char line[SYSFS_LINE_MAX], const char *root, const char *path, ...)
{
	char full[PATH_MAX];
	bool fits;
	size_t len, skip;

	FORMAT_PATH(full, fits);
	if (!fits || read_file(full, line, SYSFS_LINE_MAX) == 0)
		return false;
	len = strcspn(line, "\n");
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		len--;
	line[len] = '\0';
	skip = strspn(line, " \t");
	memmove(line, line + skip, len - skip + 1);
	return line[0] != '\0';
}

bool sysfs_link(char name[SYSFS_LINE_MAX], const char *root, const char *path, ...)
{
	char full[PATH_MAX], target[PATH_MAX];
	const char *slash;
	bool fits;
	ssize_t len;
	int written;

	FORMAT_PATH(full, fits);
	len = fits ? readlink(full, target, sizeof(target) - 1) : -1;
	if (len < 0)
		return false;
	target[len] = '\0';
	slash = strrchr(target, '/');
	written = snprintf(name, SYSFS_LINE_MAX, "%s", slash ? slash + 1 : target);
	return written > 0 && written < SYSFS_LINE_MAX;
}

void sysfs_pci(char pci[PCI_ADDRESS_MAX], const char *root, const char *path, ...)
{
	char full[PATH_MAX], real[PATH_MAX];
	bool fits;
	char *slash;

	FORMAT_PATH(full, fits);
	pci[0] = '\0';
	if (!fits || !realpath(full, real))
		return;
	/* /sys/devices/pci0000:00/0000:00:01.0/0000:17:00.0/mlx5_core.sf.4 is one of
	 * 0000:17:00.0. */
	while ((slash = strrchr(real, '/')) && !pci_parse(slash + 1, pci))
		*slash = '\0';
}

bool sysfs_has_file(const char *root, const char *path)
{
	char full[PATH_MAX];
	struct stat st;
	int len = snprintf(full, sizeof(full), "%s%s", root, path);

	return len >= 0 && len < PATH_MAX && stat(full, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* Reads at most `max` hexadecimal digits that end in `end`. */
static bool parse_hex(const char **at, size_t max, char end, unsigned int *value)
{
	size_t len = strspn(*at, "0123456789abcdefABCDEF");

	if (len == 0 || len > max || (*at)[len] != end)
		return false;
	*value = (unsigned int)strtoul(*at, NULL, 16);
	*at += len + (end != '\0');
	return true;
}

bool pci_parse(const char *text, char pci[PCI_ADDRESS_MAX])
{
	unsigned int domain, bus, device, function;
	int len;

	pci[0] = '\0';
	if (!parse_hex(&text, 8, ':', &domain) || !parse_hex(&text, 2, ':', &bus) ||
	    !parse_hex(&text, 2, '.', &device) || !parse_hex(&text, 1, '\0', &function))
		return false;
	len = snprintf(pci, PCI_ADDRESS_MAX, "%04x:%02x:%02x.%x", domain, bus, device, function);
	if (len > 0 && len < PCI_ADDRESS_MAX)
		return true;
	pci[0] = '\0';
	return false;
}

bool name_number(const char *name, const char *prefix, unsigned int *number)
{
	size_t len = strlen(prefix);
	const char *digits = name + len;
	unsigned long value;

	if (strncmp(name, prefix, len) != 0 || !digits[0] || strlen(digits) > 5 ||
	    digits[strspn(digits, "0123456789")] || (digits[0] == '0' && digits[1]))
		return false;
	value = strtoul(digits, NULL, 10);
	*number = (unsigned int)value;
	return value <= NUMBER_MAX;
}

int pci_compare(const char *a, const char *b)
{
	size_t len = strlen(a), other = strlen(b);

	/* A domain of more than four digits is the larger number. */
	return len == other ? strcmp(a, b) : len < other ? -1 : 1;
}
