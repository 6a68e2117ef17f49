/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * locale.c - see locale.h.
 *
 * glibc has a locale as a directory, or in an archive of all; in both under its name with the codeset
 * in small letters and digits only (en_US.UTF-8 is en_US.utf8). The image may be hostile: whatever
 * is odd is as good as missing.
 */
#include "launcher/env/locale.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"

#define LOCALES      "usr/lib/locale"
#define NAME_LEN_MAX 255           /* as in glibc */
#define NAMES_MAX    (1024 * 1024) /* bytes of all names in an archive; Debian's full one has 8 KiB */

/* How an archive begins: struct locarhead of glibc, the same since 2.3. */
struct archive {
	uint32_t magic, serial;
	uint32_t names_offset, names_used, names_size;
	uint32_t strings_offset, strings_used, strings_size;
};

#define ARCHIVE_MAGIC 0xde020109u

/* Writes `name` with its codeset as glibc looks for it. */
static void normalise(const char *name, char *out)
{
	size_t language = strcspn(name, ".@"), codeset = 0;
	bool has_letters = false;

	memcpy(out, name, language);
	out += language;
	name += language;
	if (*name == '.') {
		codeset = strcspn(name, "@");
		*out++ = *name;
	}
	for (size_t i = 1; i < codeset; i++)
		has_letters |= isalpha((unsigned char)name[i]) != 0;
	if (codeset > 1 && !has_letters)
		out = stpcpy(out, "iso");
	for (size_t i = 1; i < codeset; i++)
		if (isalnum((unsigned char)name[i]))
			*out++ = (char)tolower((unsigned char)name[i]);
	stpcpy(out, name + codeset);
}

static bool is_musl(int root)
{
	cleanup_close int fd = openat(root, "lib", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool found = false;

	if (!dir)
		return false;
	steal_fd(&fd);
	while (!found && (entry = readdir(dir)))
		found = strncmp(entry->d_name, "ld-musl-", strlen("ld-musl-")) == 0;
	closedir(dir);
	return found;
}

static bool has_directory(int root, const char *name)
{
	char path[sizeof(LOCALES) + NAME_LEN_MAX + 16];
	struct stat st;

	snprintf(path, sizeof(path), LOCALES "/%s", name);
	return fstatat(root, path, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* Is it one of the NUL-terminated names that the archive has one behind the other? */
static bool is_archived(int root, const char *name)
{
	cleanup_close int fd = openat(root, LOCALES "/locale-archive",
				      O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	cleanup_free char *names = NULL;
	struct archive head;
	struct stat st;
	ssize_t len;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    head.magic != ARCHIVE_MAGIC || head.strings_used > NAMES_MAX)
		return false;
	names = malloc(head.strings_used + 1);
	len = names ? pread(fd, names, head.strings_used, head.strings_offset) : -1;
	if (len < 0)
		return false;
	names[len] = '\0';
	for (const char *at = names; at < names + len; at += strlen(at) + 1)
		if (strcmp(at, name) == 0)
			return true;
	return false;
}

bool locale_exists(int root, const char *name)
{
	char normal[NAME_LEN_MAX + sizeof("iso")];

	if (strlen(name) > NAME_LEN_MAX || strchr(name, '/') || name[0] == '.')
		return false;
	normalise(name, normal);
	if (strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0 || strcmp(normal, "C.utf8") == 0)
		return true;
	return has_directory(root, normal) || has_directory(root, name) ||
	       is_archived(root, normal) || is_musl(root);
}
