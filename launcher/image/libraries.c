/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libraries.c - see libraries.h.
 *
 * The reader of ELF files wants a descriptor, so a file of a squashfs is copied to memory first.
 */
#include "launcher/image/libraries.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "launcher/image/json_text.h"
#include "launcher/machine.h"
#include "launcher/mpi/mpi.h"

#define FILES_MAX 256 /* that are opened: no image has a tenth of it */
#define LARGEST   ((off_t)256 << 20)
#define PIECE     ((size_t)1 << 20)

/* Where the version of GPU libraries is in their names. */
static const char *const gpu_names[] = { "libcudart.so.*", "libcuda.so.*", "libcuda.so",
					 "libnccl.so.*", "libamdhip64.so.*" };

/* Any of these tells what processor an image is for, where it has no C library. */
static const char *const programs[] = { "/bin/sh", "/bin/busybox", "/usr/bin/env" };

/* ---- opening ----------------------------------------------------------------------------------- */

static int copy_to_memory(const struct direct *direct, const char *path)
{
	cleanup_close int fd = memfd_create("davit-library", MFD_CLOEXEC);
	cleanup_free char *buf = malloc(PIECE);
	struct direct_place place;
	size_t got = 1;
	off_t at = 0;

	if (fd < 0 || !buf || direct_find(direct, path, true, &place))
		return -1;
	while (got > 0) {
		if (at > LARGEST || direct_read(direct, place.inode, at, buf, PIECE, &got) ||
		    fd_write_all(fd, buf, got) < 0)
			return -1;
		at += (off_t)got;
	}
	return steal_fd(&fd);
}

/* -1 where it cannot be read. */
static int open_file(struct libraries *libraries, const char *path)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (libraries->files++ >= FILES_MAX)
		return -1;
	if (libraries->opened->direct.squash)
		return copy_to_memory(&libraries->opened->direct, path);
	fd = open_in_root(libraries->opened->image.fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	return steal_fd(&fd);
}

/* ---- what they are ----------------------------------------------------------------------------- */

static void add(json_t *list, const char *name, const char *version, const char *path)
{
	json_t *object = json_object();

	json_object_set_new(object, "name", json_text(name));
	if (version && *version)
		json_object_set_new(object, "version", json_text(version));
	json_set_text(object, "path", path);
	json_array_append_new(list, object);
}

/* Returns whether it is a program or library at all. */
static bool see_machine(struct libraries *libraries, int fd)
{
	char head[MACHINE_HEAD];
	const char *name;

	if (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    memcmp(head, ELFMAG, SELFMAG) != 0)
		return false;
	name = machine_name(head);
	for (size_t i = 0; i < json_array_size(libraries->machines); i++)
		if (strcmp(json_string_value(json_array_get(libraries->machines, i)), name) == 0)
			return true;
	json_array_append_new(libraries->machines, json_string(name));
	return true;
}

/* The newest "GLIBC_2.N" that it defines: N, or 0. */
static unsigned long newest(const struct elf_file *elf)
{
	unsigned long most = 0;

	for (char **version = elf->versions; version && *version; version++)
		if (strncmp(*version, "GLIBC_2.", strlen("GLIBC_2.")) == 0) {
			unsigned long n = strtoul(*version + strlen("GLIBC_2."), NULL, 10);

			most = n > most ? n : most;
		}
	return most;
}

static void see_glibc(struct libraries *libraries, const char *path)
{
	cleanup_close int fd = open_file(libraries, path);
	struct error ignored = ERROR_INIT;
	struct elf_file elf;
	char version[32];

	if (fd < 0 || elf_file_read(&elf, fd, ELF_HEAD, &ignored) < 0)
		return;
	(void)see_machine(libraries, fd);
	snprintf(version, sizeof(version), "2.%lu", newest(&elf));
	if (newest(&elf) > 0)
		add(libraries->libc, "glibc", version, path);
	elf_file_done(&elf);
}

static void see_musl(struct libraries *libraries, const char *path)
{
	cleanup_close int fd = open_file(libraries, path);

	if (fd >= 0 && see_machine(libraries, fd))
		add(libraries->libc, "musl", NULL, path);
}

static void see_mpi(struct libraries *libraries, const char *path)
{
	cleanup_close int fd = open_file(libraries, path);
	cleanup_free char *copy = strdup(path);
	struct library library = { .path = copy, .real = copy };
	struct error ignored = ERROR_INIT;
	struct mpi mpi = { .library = &library };
	char name[128];

	if (fd < 0 || !copy || elf_file_read(&library.elf, fd, ELF_SYMBOLS, &ignored) < 0)
		return;
	if (mpi_identify(&mpi, fd)) {
		mpi_describe(&mpi, name, sizeof(name));
		add(libraries->mpi, name, NULL, path);
	}
	free(mpi.version);
	elf_file_done(&library.elf);
}

static void see_gpu(struct libraries *libraries, const char *path, const char *base)
{
	const char *dot = strstr(base, ".so");
	cleanup_free char *name = strndup(base, (size_t)(dot - base));
	const char *version = dot[3] == '.' ? dot + 4 : NULL;

	if (name)
		add(libraries->cuda, name, strstr(path, "/stubs/") ? "stub" : version, path);
}

void libraries_see(struct libraries *libraries, const char *path, const struct stat *st)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	/* Links would only tell the same again; but musl's has a name by which it is known. */
	if (fnmatch("ld-musl-*.so.1", base, 0) == 0)
		see_musl(libraries, path);
	if (!S_ISREG(st->st_mode))
		return;
	if (strcmp(base, "libc.so.6") == 0 || fnmatch("libc-2.*.so", base, 0) == 0)
		see_glibc(libraries, path);
	else if (mpi_is_name(path))
		see_mpi(libraries, path);
	for (size_t i = 0; i < sizeof(gpu_names) / sizeof(gpu_names[0]); i++)
		if (fnmatch(gpu_names[i], base, 0) == 0) {
			see_gpu(libraries, path, base);
			break;
		}
}

void libraries_init(struct libraries *libraries, const struct opened *opened)
{
	*libraries = (struct libraries){ .opened = opened,
					 .machines = json_array(),
					 .libc = json_array(),
					 .mpi = json_array(),
					 .cuda = json_array() };
}

static void tell(json_t *object, const char *key, json_t *list)
{
	if (json_array_size(list) > 0)
		json_object_set(object, key, list);
	json_decref(list);
}

void libraries_tell(struct libraries *libraries, json_t *object)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		cleanup_close int fd = -1;

		if (json_array_size(libraries->machines) > 0)
			break;
		fd = open_file(libraries, programs[i]);
		if (fd >= 0)
			(void)see_machine(libraries, fd);
	}
	tell(object, "architecture", libraries->machines);
	tell(object, "libc", libraries->libc);
	tell(object, "mpi", libraries->mpi);
	tell(object, "gpu-libraries", libraries->cuda);
}
