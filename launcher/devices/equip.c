/* SPDX-License-Identifier: BSD-3-Clause */
/* equip.c - see equip.h. */
#include "launcher/devices/equip.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "launcher/devices/hooks.h"
#include "launcher/mpi/elf_file.h"
#include "launcher/mpi/loader.h"
#include "launcher/mpi/world.h"

#define OTHERS EQUIP_DIRECTORY "/other" /* for programs of another class: 32 bits */
#define COMPAT "/usr/local/cuda/compat" /* where images have a newer libcuda */

struct equipment {
	const struct grant *grant;
	struct root *root;
	struct notes *notes;
	struct ldcache cache; /* the image's, and what is added */
	size_t added;
};

static int no_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot equip the container for its devices");
}

static int add_to_cache(struct equipment *equipment, const char *soname, const char *path,
			uint32_t flags, struct error *err)
{
	equipment->added++;
	return ldcache_add(&equipment->cache, soname, path, flags, err);
}

static int mount_at(struct root *root, const char *source, const char *target, struct error *err)
{
	const struct mountspec spec = { .kind = MOUNT_BIND,
					.create = CREATE_AUTO,
					.attr_set = MOUNT_ATTR_RDONLY,
					.source = (char *)(uintptr_t)source,
					.target = (char *)(uintptr_t)target };
	cleanup_close int tree = root_open_source(&spec, err);

	return tree < 0 ? -1 : root_place(root, tree, &spec, err);
}

/* ---- the driver's libraries ------------------------------------------------------------------ */

static int make_directories(const struct root *root, struct error *err)
{
	static const char *const paths[] = { EQUIP_DIRECTORY, OTHERS };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (mkdirat(root->dev, paths[i] + strlen("/dev/"), 0755) < 0 && errno != EEXIST)
			return error_set(err, errno, "cannot make '%s' in the container", paths[i]);
	return 0;
}

/* Some programs ask for libcuda.so, which systems for development have. */
static int add_short_name(struct equipment *equipment, const struct grant_library *library,
			  const char *directory, struct error *err)
{
	size_t len = strlen(library->soname);
	cleanup_free char *name = NULL, *path = NULL;

	if (len < 6 || strcmp(library->soname + len - 5, ".so.1") != 0)
		return 0;
	name = strndup(library->soname, len - 2);
	path = name ? path_join(directory, name) : NULL;
	if (!path)
		return no_memory(err);
	if (symlinkat(library->soname, equipment->root->dev, path + strlen("/dev/")) < 0 &&
	    errno != EEXIST)
		return error_set(err, errno, "cannot make the link '%s'", path);
	return add_to_cache(equipment, name, path, library->flags, err);
}

static int add_libraries(struct equipment *equipment, uint32_t own_flags, struct error *err)
{
	const struct grant *grant = equipment->grant;

	if (grant->library_count == 0)
		return 0;
	if (!root_has_dev(equipment->root)) {
		struct error *note = notes_add(equipment->notes);

		error_set(
			note, 0,
			"no place for the libraries of the GPUs' driver: something is mounted at '/dev'");
		error_remedy(note, "without that mount");
		return 0;
	}
	if (make_directories(equipment->root, err) < 0)
		return -1;
	for (size_t i = 0; i < grant->library_count; i++) {
		const struct grant_library *library = &grant->libraries[i];
		const char *directory = library->flags == own_flags ? EQUIP_DIRECTORY : OTHERS;
		cleanup_free char *path = path_join(directory, library->soname);

		if (!path)
			return no_memory(err);
		if (mount_at(equipment->root, library->path, path, err) < 0 ||
		    add_to_cache(equipment, library->soname, path, library->flags, err) < 0 ||
		    add_short_name(equipment, library, directory, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- what CDI's hooks are for ---------------------------------------------------------------- */

/* Mounts the file that `target` names once more, at `path`. A link cannot be made in an image; to who
 * reads it this is the same. Returns 1, 0 where it leads nowhere yet or has no place, or -1 with `err`
 * set. */
static int link_file(struct root *root, const char *target, const char *path, struct error *err)
{
	cleanup_free char *directory = strndup(path, (size_t)(strrchr(path, '/') - path));
	cleanup_free char *whole = NULL;
	cleanup_close int fd = -1, tree = -1;
	struct error ignored = ERROR_INIT;
	struct stat st;

	if (!directory)
		return no_memory(err);
	whole = target[0] == '/' ? strdup(target)
				 : path_join(directory[0] ? directory : "/", target);
	if (!whole)
		return no_memory(err);
	fd = open_in_root(root->fd, whole, O_PATH);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	tree = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return error_set(err, errno, "cannot mount '%s' once more", whole);
	/* What an image has in the way there is its own loss. */
	return root_attach(root, tree, path, &ignored) == 0;
}

/* A link may lead to one that comes later. What leads nowhere in the end is left out. */
static int add_links(struct equipment *equipment, struct error *err)
{
	const struct grant *grant = equipment->grant;
	cleanup_free bool *done = calloc(grant->link_count + 1, sizeof(*done));
	bool is_progress = done;

	while (is_progress) {
		is_progress = false;
		for (size_t i = 0; i < grant->link_count; i++) {
			int made = done[i] ? 0
					   : link_file(equipment->root, grant->links[i].target,
						       grant->links[i].path, err);

			if (made < 0)
				return error_wrap(err, "link '%s'", grant->links[i].path);
			done[i] |= made;
			is_progress |= made;
		}
	}
	return done ? 0 : no_memory(err);
}

/* Is the mount a library in one of the folders that the loader has to look into? */
static bool is_in_folder(const struct grant *grant, const struct mountspec *spec)
{
	const char *last = strrchr(spec->target, '/');

	if (fnmatch("*.so*", last + 1, 0) != 0)
		return false;
	for (size_t i = 0; i < grant->folders.count; i++)
		if (strncmp(spec->target, grant->folders.items[i], (size_t)(last - spec->target)) ==
			    0 &&
		    !grant->folders.items[i][last - spec->target])
			return true;
	return false;
}

static int add_by_file(struct equipment *equipment, int fd, const char *path, struct error *err)
{
	cleanup_free char *directory = strndup(path, (size_t)(strrchr(path, '/') - path));
	cleanup_free char *other = NULL;
	struct error ignored = ERROR_INIT;
	struct elf_file elf;
	uint32_t flags;
	int result = 0;

	if (!directory)
		return no_memory(err);
	if (elf_file_read(&elf, fd, ELF_HEAD, &ignored) < 0)
		return 0;
	flags = ldcache_flags(elf.class, elf.machine);
	if (elf.soname && flags && !strchr(elf.soname, '/')) {
		other = path_join(directory, elf.soname);
		if (!other)
			result = no_memory(err);
		else if (strcmp(other, path) != 0)
			result = link_file(equipment->root, path, other, err);
		if (result >= 0)
			result = add_to_cache(equipment, elf.soname, other, flags, err);
	}
	elf_file_done(&elf);
	return result < 0 ? -1 : 0;
}

static int add_folders(struct equipment *equipment, struct error *err)
{
	const struct mountlist *mounts = &equipment->grant->mounts;

	for (size_t i = 0; i < mounts->count; i++) {
		const struct mountspec *spec = &mounts->items[i];
		cleanup_close int fd = -1;

		if (!is_in_folder(equipment->grant, spec))
			continue;
		fd = rooted_open(equipment->root->fd, spec->target);
		if (fd >= 0 && add_by_file(equipment, fd, spec->target, err) < 0)
			return -1;
	}
	return 0;
}

/* The first number of a version. */
static unsigned long major_of(const char *version)
{
	return strtoul(version, NULL, 10);
}

/* The version of the image's own libcuda for older drivers: that of the file which is there; 0: none. */
static unsigned long find_compat(const struct root *root)
{
	static const char prefix[] = "libcuda.so.";
	DIR *dir = rooted_list(root->fd, COMPAT);
	const struct dirent *entry;
	unsigned long version = 0;
	int left = 1024;

	while (dir && left-- > 0 && (entry = readdir(dir)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    major_of(entry->d_name + strlen(prefix)) > version)
			version = major_of(entry->d_name + strlen(prefix));
	if (dir)
		closedir(dir);
	return version;
}

/* CUDA in an image can be newer than the driver if the image has libraries for that. */
static int add_compat(struct equipment *equipment, uint32_t flags, struct error *err)
{
	static const char *const sonames[] = { "libcuda.so.1", "libcudadebugger.so.1",
					       "libnvidia-ptxjitcompiler.so.1",
					       "libnvidia-nvvm.so.4" };
	const char *driver = equipment->grant->compat_for;

	if (!driver || find_compat(equipment->root) <= major_of(driver))
		return 0;
	for (size_t i = 0; i < sizeof(sonames) / sizeof(sonames[0]); i++) {
		cleanup_free char *path = path_join(COMPAT, sonames[i]);
		cleanup_close int fd = path ? rooted_open(equipment->root->fd, path) : -1;

		if (fd >= 0 && add_to_cache(equipment, sonames[i], path, flags, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* The flags of libraries for programs like this one. */
static uint32_t find_own_flags(void)
{
	struct error ignored = ERROR_INIT;
	struct elf_file elf;
	uint32_t flags = 0;

	if (elf_file_read_own(&elf, &ignored) == 0) {
		flags = ldcache_flags(elf.class, elf.machine);
		elf_file_done(&elf);
	}
	return flags;
}

static int add_all(struct equipment *equipment, struct error *err)
{
	uint32_t own_flags = find_own_flags();
	struct error why = ERROR_INIT;

	world_read_cache(equipment->root->fd, &equipment->cache);
	/* Links lead to the sonames that are found in folders. */
	if (add_libraries(equipment, own_flags, err) < 0 || add_folders(equipment, err) < 0 ||
	    add_links(equipment, err) < 0 || add_compat(equipment, own_flags, err) < 0)
		return -1;
	if (equipment->added > 0 && loader_write(equipment->root, &equipment->cache, &why) < 0) {
		error_wrap(&why, "programs will not find the libraries of the GPUs' driver");
		notes_copy(equipment->notes, &why);
	}
	return 0;
}

int equip(const struct grant *grant, struct root *root, struct notes *notes, struct error *err)
{
	struct equipment equipment = { .grant = grant, .root = root, .notes = notes };
	int result = 0;

	if (grant->library_count > 0 || grant->link_count > 0 || grant->folders.count > 0 ||
	    grant->compat_for)
		result = add_all(&equipment, err);
	ldcache_done(&equipment.cache);
	return result < 0 ? -1 : hooks_run(grant, root, err);
}
