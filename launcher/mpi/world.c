/* SPDX-License-Identifier: BSD-3-Clause */
/* world.c - see world.h: what a world is, and one library in it. world_find.c finds one,
 * world_places.c goes through its directories. */
#include "launcher/mpi/world.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/mpi/rooted.h"

#define CACHE_MAX     (16ul * 1024 * 1024) /* bytes; 1000 libraries take 64 KiB */
#define MUSL_PATH_MAX (64ul * 1024)

static int out_of_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot look for libraries");
}

/* How Debian calls the machine; "": not known. */
static const char *triplet(uint8_t class, uint16_t machine)
{
	switch (machine) {
	case EM_X86_64:
		return class == ELFCLASS64 ? "x86_64-linux-gnu" : "x86_64-linux-gnux32";
	case EM_386:
		return "i386-linux-gnu";
	case EM_AARCH64:
		return "aarch64-linux-gnu";
	case EM_PPC64:
		return "powerpc64le-linux-gnu";
	case EM_S390:
		return "s390x-linux-gnu";
	case EM_RISCV:
		return "riscv64-linux-gnu";
	case EM_ARM:
		return "arm-linux-gnueabihf";
	default:
		return "";
	}
}

/* The name of musl's loader, in a fresh string; NULL: there is none. */
static char *find_musl(int root)
{
	DIR *dir = rooted_list(root, "/lib");
	const struct dirent *entry;
	char *found = NULL;
	int left = ENTRIES_MAX;

	while (dir && !found && left-- > 0 && (entry = readdir(dir)))
		if (fnmatch("ld-musl-*.so.1", entry->d_name, 0) == 0)
			found = strdup(entry->d_name);
	if (dir)
		closedir(dir);
	return found;
}

/* musl has its directories in /etc/ld-musl-ARCH.path. */
static int find_musl_standard(struct world *world, const char *loader, struct paths *standard,
			      struct error *err)
{
	cleanup_free char *path = NULL, *text = NULL;

	if (asprintf(&path, "/etc/%.*s.path", (int)(strlen(loader) - strlen(".so.1")), loader) < 0)
		return out_of_memory(err);
	text = rooted_read(world->root, path, MUSL_PATH_MAX, NULL);
	return paths_add_text(standard, text ? text : "/lib:/usr/local/lib:/usr/lib", ":\n", err);
}

/* Those of Debian, Red Hat and SUSE, and of the rest; each ld.so knows some of them. */
static int find_glibc_standard(const struct world *world, struct paths *standard, struct error *err)
{
	const char *debian = triplet(world->class, world->machine);
	cleanup_free char *text = NULL;
	int len;

	if (debian[0])
		len = asprintf(&text, "/lib/%s:/usr/lib/%s:", debian, debian);
	else
		len = asprintf(&text, "%s", "");
	if (len < 0)
		return out_of_memory(err);
	if (paths_add_text(standard, text, ":", err) < 0 ||
	    (world->class == ELFCLASS64 &&
	     paths_add_text(standard, "/lib64:/usr/lib64", ":", err) < 0))
		return -1;
	return paths_add_text(standard, "/lib:/usr/lib", ":", err);
}

/* What $LIB stands for differs from one distribution to the other. */
static char *find_lib(const struct world *world)
{
	const char *debian = triplet(world->class, world->machine);
	char *path;

	if (debian[0]) {
		if (asprintf(&path, "/usr/lib/%s", debian) < 0)
			return NULL;
		if (rooted_has_directory(world->root, path)) {
			memmove(path, path + strlen("/usr/"), strlen(path) - strlen("/usr/") + 1);
			return path;
		}
		free(path);
	}
	if (world->class == ELFCLASS64 && rooted_has_directory(world->root, "/usr/lib64"))
		return strdup("lib64");
	return strdup("lib");
}

void world_read_cache(int root, struct ldcache *cache)
{
	struct error ignored = ERROR_INIT;
	size_t len;
	cleanup_free char *text = rooted_read(root, LDCACHE_PATH, CACHE_MAX, &len);

	if (!text || ldcache_parse(cache, text, len, &ignored) < 0)
		*cache = (struct ldcache){ .count = 0 };
}

/* musl's loader may be there beside glibc. A libc.so.6 may also be a link to musl. */
static bool has_glibc(const struct world *world, char *const *directories)
{
	for (; *directories; directories++) {
		cleanup_free char *path = path_join(*directories, "libc.so.6");
		cleanup_free char *real = path ? rooted_real(world->root, path) : NULL;

		if (real && !strstr(real, "musl"))
			return true;
	}
	return false;
}

int world_init(struct world *world, int root, const char *name, const char *library_path,
	       uint8_t class, uint16_t machine, struct error *err)
{
	cleanup_free char *musl = NULL;
	struct paths extra = { .count = 0 }, standard = { .count = 0 };
	int result;

	*world = (struct world){
		.root = root,
		.name = name,
		.class = class,
		.machine = machine,
		.flags = ldcache_flags(class, machine),
		.memory = calloc(1, sizeof(*world->memory)),
	};
	world_read_cache(world->root, &world->cache);
	world->lib = find_lib(world);
	result = world->lib && world->memory ? find_glibc_standard(world, &standard, err)
					     : out_of_memory(err);
	if (result == 0 && world->cache.count == 0 && !has_glibc(world, standard.items))
		musl = find_musl(root);
	world->is_musl = musl != NULL;
	if (result == 0 && musl) {
		strings_free(standard.items);
		standard = (struct paths){ .count = 0 };
		result = find_musl_standard(world, musl, &standard, err);
	}
	if (result == 0 && library_path)
		result = paths_add_text(&extra, library_path, world->is_musl ? ":\n" : ":;", err);
	world->extra = extra.items ? extra.items : calloc(1, sizeof(*extra.items));
	world->standard = standard.items ? standard.items : calloc(1, sizeof(*standard.items));
	if (result == 0 && (!world->extra || !world->standard))
		result = out_of_memory(err);
	if (result < 0)
		world_done(world);
	return result;
}

void world_done(struct world *world)
{
	ldcache_done(&world->cache);
	strings_free(world->extra);
	strings_free(world->standard);
	free(world->lib);
	if (world->memory) {
		free(world->memory->directory);
		free(world->memory->real);
	}
	free(world->memory);
	*world = (struct world){ .root = -1 };
}

const char *library_name(const struct library *library)
{
	return library->elf.soname ? library->elf.soname : strrchr(library->path, '/') + 1;
}

void library_free(struct library *library)
{
	if (!library)
		return;
	elf_file_done(&library->elf);
	free(library->path);
	free(library->real);
	free(library);
}

bool world_can_run(const struct world *world, const struct library *library)
{
	return library->elf.machine == world->machine && library->elf.class == world->class;
}

char *world_real(const struct world *world, const char *path)
{
	struct world_memory *memory = world->memory;
	const char *last = strrchr(path, '/');
	cleanup_free char *directory = last ? strndup(path, (size_t)(last - path + 1)) : NULL;
	char *real;

	if (!directory)
		return rooted_real(world->root, path);
	if (!memory->directory || strcmp(memory->directory, directory) != 0) {
		real = rooted_real(world->root, directory);
		if (!real)
			return NULL;
		free(memory->directory);
		free(memory->real);
		memory->directory = steal_ptr(&directory);
		memory->real = real;
	}
	return rooted_real_below(world->root, memory->real, last + 1);
}

static int fill_library(const struct world *world, struct library *library, const char *path,
			enum elf_part part, struct error *err)
{
	cleanup_close int fd = rooted_open(world->root, path);
	struct stat st;

	if (fd < 0 && errno == ENOEXEC) {
		error_set(err, 0, "not a regular file");
		err->errnum = ENOEXEC;
		return -1;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot open it");
	library->dev = st.st_dev;
	library->ino = st.st_ino;
	library->path = strdup(path);
	if (!library->path)
		return out_of_memory(err);
	library->real = world_real(world, path);
	if (!library->real)
		return error_set(err, errno, "cannot resolve its path");
	return elf_file_read(&library->elf, fd, part, err);
}

struct library *world_open(const struct world *world, const char *path, enum elf_part part,
			   struct error *err)
{
	struct library *library = calloc(1, sizeof(*library));

	if (!library) {
		out_of_memory(err);
		return NULL;
	}
	if (fill_library(world, library, path, part, err) < 0) {
		error_wrap(err, "'%s' of the %s", path, world->name);
		library_free(library);
		return NULL;
	}
	return library;
}
