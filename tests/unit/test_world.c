/* SPDX-License-Identifier: BSD-3-Clause */
/* test_world.c - libraries found in roots, as ld.so would find them there. */
#include "tests/unit/unit.h"

#include <elf.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "launcher/mpi/world.h"
#include "tests/unit/compile.h"

static struct world world;
static struct library *library;
static struct elf_file self; /* of this machine */
static struct error err;

static void copy(const char *from, const char *to)
{
	cleanup_close int fd = open(from, O_RDONLY | O_CLOEXEC);
	cleanup_free char *bytes = NULL;
	size_t len;

	assert_true(fd >= 0);
	bytes = fd_read_all(fd, 1 << 24, &len);
	assert_non_null(bytes);
	put_bytes(to, bytes, len);
}

/* A library of another machine. */
static void copy_foreign(const char *from, const char *to)
{
	cleanup_close int fd = -1;

	copy(from, to);
	fd = open(to, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\xff\xfe", 2, offsetof(Elf64_Ehdr, e_machine)), 2);
}

static void link_to(const char *target, const char *path)
{
	(void)unlink(path);
	put(path, "");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(target, path), 0);
}

static void put_socket(const char *path)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
}

static void close_world(void)
{
	library_free(library);
	library = NULL;
	if (world.name)
		close(world.root);
	world_done(&world);
}

static void open_world(const char *path, const char *library_path)
{
	int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	close_world();
	assert_true(root >= 0);
	err = (struct error)ERROR_INIT;
	assert_int_equal(
		world_init(&world, root, "image", library_path, self.class, self.machine, &err), 0);
}

static const char *found_for(const char *soname, const struct library *wanted_by)
{
	library_free(library);
	err = (struct error)ERROR_INIT;
	library = world_find(&world, soname, wanted_by, ELF_HEAD, &err);
	if (!library)
		return "(nothing)";
	assert_string_equal(err.cause, "");
	return library->path;
}

static const char *found(const char *soname)
{
	return found_for(soname, NULL);
}

static void put_cache(const char *path, const char *const entries[][2], uint32_t flags)
{
	struct ldcache cache = { .count = 0 };
	cleanup_free void *text = NULL;
	size_t len;

	for (; (*entries)[0]; entries++)
		assert_int_equal(ldcache_add(&cache, (*entries)[0], (*entries)[1], flags, &err), 0);
	text = ldcache_format(&cache, &len, &err);
	ldcache_done(&cache);
	assert_non_null(text);
	put_bytes(path, text, len);
}

static int setup(void **state)
{
	cleanup_close int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (tree_setup(state) < 0 || elf_file_read(&self, fd, ELF_HEAD, &err) < 0)
		return -1;
	compile("int x;", "-shared -o x.so -Wl,-soname,libx.so.1");
	return 0;
}

static int teardown(void **state)
{
	close_world();
	elf_file_done(&self);
	return tree_teardown(state);
}

static void default_directories(void **state)
{
	struct stat st;

	(void)state;
	copy("x.so", "default/usr/lib/libx.so.1.2");
	link_to("libx.so.1.2", "default/usr/lib/libx.so.1");
	link_to("usr/lib", "default/lib");
	open_world("default", NULL);
	assert_string_equal(found("libx.so.1"), "/lib/libx.so.1");
	assert_string_equal(library->real, "/usr/lib/libx.so.1.2");
	assert_string_equal(library->elf.soname, "libx.so.1");
	assert_int_equal(stat("default/usr/lib/libx.so.1.2", &st), 0);
	assert_int_equal(library->ino, st.st_ino);
	assert_int_equal(library->dev, st.st_dev);
	assert_false(world.is_musl);
	assert_string_equal(world.lib, "lib");
	assert_int_equal(world.cache.count, 0);
}

static void nothing_there(void **state)
{
	(void)state;
	(void)mkdir("none", 0755);
	open_world("none", NULL);
	assert_string_equal(found("libx.so.1"), "(nothing)");
	assert_int_equal(err.errnum, ENOENT);
	assert_cause(&err, "the image has no library 'libx.so.1'");
	assert_null(world_open(&world, "/usr/lib/libx.so.1", ELF_HEAD, &err));
	assert_int_equal(err.errnum, ENOENT);
	assert_cause(&err, "'/usr/lib/libx.so.1' of the image: cannot open it: "
			   "No such file or directory");
}

/* No link leads out, and ".." ends at the root. */
static void links_stay_inside(void **state)
{
	cleanup_free char *outside = NULL;

	(void)state;
	assert_true(asprintf(&outside, "%s/x.so", tree) > 0);
	link_to(outside, "inside/usr/lib/libout.so");
	link_to("../../../../../../opt/x.so", "inside/usr/lib/libup.so");
	link_to("/opt/./far/../x.so", "inside/usr/lib/libabs.so");
	link_to("libloop.so", "inside/usr/lib/libloop.so");
	copy("x.so", "inside/opt/x.so");
	(void)mkdir("inside/opt/far", 0755);
	open_world("inside", NULL);
	assert_string_equal(found("libout.so"), "(nothing)");
	assert_int_equal(err.errnum, ENOENT);
	assert_string_equal(found("libup.so"), "/usr/lib/libup.so");
	assert_string_equal(library->real, "/opt/x.so");
	assert_string_equal(found("libabs.so"), "/usr/lib/libabs.so");
	assert_string_equal(library->real, "/opt/x.so");
	assert_string_equal(found("libloop.so"), "(nothing)");
	assert_int_equal(err.errnum, ELOOP);
	assert_contains(err.cause, "'/usr/lib/libloop.so' of the image: cannot open it");
}

static void cache_comes_before_defaults(void **state)
{
	const char *const entries[][2] = { { "libx.so.1", "/opt/x/libx.so.1" },
					   { "libgone.so", "/opt/x/libgone.so" },
					   { NULL } };

	(void)state;
	copy("x.so", "cached/opt/x/libx.so.1");
	copy("x.so", "cached/usr/lib/libx.so.1");
	copy("x.so", "cached/usr/lib/libgone.so");
	put_cache("cached/etc/ld.so.cache", entries, ldcache_flags(self.class, self.machine));
	open_world("cached", NULL);
	assert_int_equal(world.cache.count, 2);
	assert_string_equal(found("libx.so.1"), "/opt/x/libx.so.1");
	/* What the cache has, but the root has no more. */
	assert_string_equal(found("libgone.so"), "/usr/lib/libgone.so");

	/* For another architecture. */
	put_cache("cached/etc/ld.so.cache", entries, 0x7003);
	open_world("cached", NULL);
	assert_int_equal(world.cache.count, 2);
	assert_string_equal(found("libx.so.1"), "/usr/lib/libx.so.1");

	put("cached/etc/ld.so.cache", "damaged");
	open_world("cached", NULL);
	assert_int_equal(world.cache.count, 0);
	assert_string_equal(found("libx.so.1"), "/usr/lib/libx.so.1");
}

/* LD_LIBRARY_PATH; what is relative has no meaning there. */
static void extra_directories_come_first(void **state)
{
	(void)state;
	copy("x.so", "extra/opt/a/libx.so.1");
	copy("x.so", "extra/opt/b/libx.so.1");
	copy("x.so", "extra/usr/lib/libx.so.1");
	open_world("extra", ":opt/b::/gone;/opt/a/:/opt/b:/opt/a");
	assert_string_equal(found("libx.so.1"), "/opt/a/libx.so.1");
	assert_string_equal(world.extra[0], "/gone");
	assert_string_equal(world.extra[1], "/opt/a");
	assert_string_equal(world.extra[2], "/opt/b");
	assert_null(world.extra[3]);
	open_world("extra", "");
	assert_string_equal(found("libx.so.1"), "/usr/lib/libx.so.1");
}

static struct library *opened(const char *path)
{
	struct library *one = world_open(&world, path, ELF_HEAD, &err);

	if (!one)
		fail_msg("%s", err.cause);
	return one;
}

static void paths_of_who_wants_it(void **state)
{
	struct library *user;

	(void)state;
	compile("int y;", "-shared -o run.so -Wl,-soname,librun.so -Wl,--enable-new-dtags "
			  "-Wl,-rpath,'/gone:$ORIGIN/../own:${ORIGIN}/$LIB'");
	compile("int y;", "-shared -o r.so -Wl,-soname,libr.so -Wl,--disable-new-dtags "
			  "-Wl,-rpath,/opt/rpath");
	copy("run.so", "wants/opt/lib/librun.so");
	copy("r.so", "wants/opt/lib/libr.so");
	copy("x.so", "wants/opt/own/libx.so.1");
	copy("x.so", "wants/opt/lib/lib64/libz.so.1");
	copy("x.so", "wants/opt/rpath/libx.so.1");
	copy("x.so", "wants/extra/libx.so.1");
	copy("x.so", "wants/usr/lib/libx.so.1");
	(void)mkdir("wants/usr/lib64", 0755);
	link_to("/opt/lib/librun.so", "wants/usr/lib/librun.so");

	open_world("wants", NULL);
	user = opened("/opt/lib/librun.so");
	assert_string_equal(found_for("libx.so.1", user), "/opt/lib/../own/libx.so.1");
	assert_string_equal(library->real, "/opt/own/libx.so.1");
	if (self.class == ELFCLASS64)
		assert_string_equal(found_for("libz.so.1", user), "/opt/lib/lib64/libz.so.1");
	library_free(user);
	/* $ORIGIN is where it was found, not where its link leads. */
	user = opened("/usr/lib/librun.so");
	assert_string_equal(found_for("libx.so.1", user), "/usr/lib/libx.so.1");
	library_free(user);

	/* LD_LIBRARY_PATH comes before a RUNPATH and after an RPATH. */
	open_world("wants", "/extra");
	user = opened("/opt/lib/librun.so");
	assert_string_equal(found_for("libx.so.1", user), "/extra/libx.so.1");
	library_free(user);
	user = opened("/opt/lib/libr.so");
	assert_string_equal(found_for("libx.so.1", user), "/opt/rpath/libx.so.1");
	library_free(user);
}

/* A program's $ORIGIN is that of the real file. */
static void origin_of_a_program(void **state)
{
	struct library *user;

	(void)state;
	compile("int main(void) { return 0; }", "-pie -o prog -Wl,-rpath,'$ORIGIN'");
	copy("prog", "program/opt/bin/prog");
	copy("x.so", "program/opt/bin/libx.so.1");
	link_to("/opt/bin/prog", "program/usr/bin/prog");
	open_world("program", NULL);
	user = opened("/usr/bin/prog");
	assert_string_equal(found_for("libx.so.1", user), "/opt/bin/libx.so.1");
	library_free(user);
}

static void a_path_as_soname(void **state)
{
	(void)state;
	copy("x.so", "path/opt/libx.so.1");
	open_world("path", NULL);
	assert_string_equal(found("/opt/libx.so.1"), "/opt/libx.so.1");
	assert_string_equal(found("opt/libx.so.1"), "(nothing)");
	assert_int_equal(err.errnum, ENOENT);
	assert_string_equal(found("/opt/liby.so.1"), "(nothing)");
	assert_int_equal(err.errnum, ENOENT);
}

static void others_are_passed_over(void **state)
{
	(void)state;
	copy_foreign("x.so", "other/a/libx.so.1");
	copy("x.so", "other/b/libx.so.1");
	copy_foreign("x.so", "other/a/liby.so.1");
	open_world("other", "/a:/b");
	assert_string_equal(found("libx.so.1"), "/b/libx.so.1");
	assert_string_equal(found("liby.so.1"), "(nothing)");
	assert_int_equal(err.errnum, ENOENT);
	/* Somebody who asks for the file gets it. */
	library = world_open(&world, "/a/libx.so.1", ELF_HEAD, &err);
	assert_non_null(library);
	assert_int_not_equal(library->elf.machine, self.machine);
}

/* Nothing in the way stops the search or blocks; it is told if there is no other. */
static void things_in_the_way(void **state)
{
	(void)state;
	copy("x.so", "way/d/libx.so.1");
	put("way/a/libx.so.1", "no library");
	put("way/a/liby.so.1", "no library");
	put("way/b/file", "");
	assert_int_equal(mkfifo("way/b/libx.so.1", 0666), 0);
	assert_int_equal(mkfifo("way/b/libz.so.1", 0666), 0);
	put_socket("way/b/libs.so.1");
	put("way/c/libx.so.1/file", "");
	open_world("way", "/a:/b:/c:/d");
	assert_string_equal(found("libx.so.1"), "/d/libx.so.1");
	assert_string_equal(found("liby.so.1"), "(nothing)");
	assert_int_equal(err.errnum, ENOEXEC);
	assert_cause(&err, "'/a/liby.so.1' of the image: not an ELF file");
	assert_string_equal(found("libz.so.1"), "(nothing)");
	assert_cause(&err, "'/b/libz.so.1' of the image: not a regular file");
	assert_string_equal(found("libs.so.1"), "(nothing)");
	assert_cause(&err, "'/b/libs.so.1' of the image: not a regular file");

	assert_int_equal(mkdir("fifo", 0755), 0);
	assert_int_equal(mkdir("fifo/etc", 0755), 0);
	assert_int_equal(mkfifo("fifo/etc/ld.so.cache", 0666), 0);
	open_world("fifo", NULL);
	assert_int_equal(world.cache.count, 0);
}

static void musl(void **state)
{
	(void)state;
	put("musl/lib/ld-musl-x86_64.so.1", "");
	copy("x.so", "musl/usr/local/lib/libx.so.1");
	copy("x.so", "musl/opt/lib/libx.so.1");
	open_world("musl", NULL);
	assert_true(world.is_musl);
	assert_string_equal(found("libx.so.1"), "/usr/local/lib/libx.so.1");
	put("musl/etc/ld-musl-x86_64.path", "/lib\n/opt/lib:/usr/lib\n");
	open_world("musl", NULL);
	assert_string_equal(found("libx.so.1"), "/opt/lib/libx.so.1");
	assert_string_equal(world.standard[0], "/lib");
	assert_string_equal(world.standard[2], "/usr/lib");
	assert_null(world.standard[3]);
}

/* musl may be installed on a system with glibc. */
static void musl_beside_glibc(void **state)
{
	const char *const entries[][2] = { { "libx.so.1", "/usr/lib/libx.so.1" }, { NULL } };

	(void)state;
	put("both/lib/ld-musl-x86_64.so.1", "");
	put_cache("both/etc/ld.so.cache", entries, 3);
	open_world("both", NULL);
	assert_false(world.is_musl);

	/* Without a cache the C library tells; it may be a link to the other. */
	put("bare/lib/ld-musl-x86_64.so.1", "");
	put("bare/usr/lib/libc.so.6", "");
	open_world("bare", NULL);
	assert_false(world.is_musl);
	link_to("/lib/ld-musl-x86_64.so.1", "bare/usr/lib/libc.so.6");
	open_world("bare", NULL);
	assert_true(world.is_musl);
}

static char seen[4096];

static int note(void *context, const char *path)
{
	size_t len = strlen(seen);

	snprintf(seen + len, sizeof(seen) - len, "%s ", path);
	(void)context;
	return 0;
}

static int stop(void *context, const char *path)
{
	note(context, path);
	return 7;
}

static void make_many(void)
{
	const char *const entries[][2] = { { "libm.so.2", "/cached/libm.so.2" }, { NULL } };

	put("many/extra/libm.so.1", "");
	put("many/cached/libm.so.2", "");
	put("many/usr/lib/libm.so.3", "");
	put("many/usr/lib/other.so.3", "");
	put("many/opt/a/lib/libm.so.4", "");
	put("many/opt/b/lib/libm.so.5", "");
	put("many/opt/.c/lib/libm.so.6", "");
	put("many/opt/file", "");
	link_to("usr/lib", "many/lib");
	put_cache("many/etc/ld.so.cache", entries, 3);
	open_world("many", "/extra");
}

static void every_directory(void **state)
{
	const char *const one[] = { "/opt/[a]/lib", "/opt/a/lib", "/gone/*", NULL };
	const char *const more[] = { "/opt/*/lib", "/", NULL };

	(void)state;
	make_many();
	seen[0] = '\0';
	assert_int_equal(world_each(&world, "libm.so.*", NULL, note, NULL, &err), 0);
	/* The directory with two paths comes once. */
	assert_string_equal(seen, "/extra/libm.so.1 /cached/libm.so.2 /lib/libm.so.3 ");
	seen[0] = '\0';
	assert_int_equal(world_each(&world, "libm.so.[2-9]", one, note, NULL, &err), 0);
	assert_string_equal(seen, "/cached/libm.so.2 /lib/libm.so.3 /opt/a/lib/libm.so.4 ");
	seen[0] = '\0';
	assert_int_equal(world_each(&world, "libm.so.[4-9]", more, note, NULL, &err), 0);
	assert_contains(seen, "/opt/a/lib/libm.so.4 ");
	assert_contains(seen, "/opt/b/lib/libm.so.5 ");
	assert_null(strstr(seen, "libm.so.6"));
	seen[0] = '\0';
	assert_int_equal(world_each(&world, "libm.so.*", NULL, stop, NULL, &err), 7);
	assert_string_equal(seen, "/extra/libm.so.1 ");
}

static void every_place(void **state)
{
	const char *const more[] = { "/opt/*/lib", NULL };
	char **places;

	(void)state;
	make_many();
	put("many/extra/libm.so.9", "");
	put("many/opt/a/lib/libm.so.9", "");
	put("many/usr/lib/libm.so.9/no-file", "");
	assert_int_equal(mkfifo("many/cached/libm.so.9", 0666), 0);
	places = world_places(&world, "libm.so.9", more, &err);
	assert_non_null(places);
	assert_string_equal(places[0], "/extra/libm.so.9");
	assert_string_equal(places[1], "/opt/a/lib/libm.so.9");
	assert_null(places[2]);
	strings_free(places);
	places = world_places(&world, "libm.so.10", more, &err);
	assert_non_null(places);
	assert_null(places[0]);
	strings_free(places);
}

/* Where it runs, a library is found where the dynamic linker finds it. */
static void the_node(void **state)
{
	(void)state;
	open_world("/", NULL);
	assert_string_not_equal(found("libc.so.6"), "(nothing)");
	assert_string_equal(library->elf.soname, "libc.so.6");
	assert_int_equal(library->real[0], '/');
	assert_int_equal(access(library->real, R_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_directories),
		cmocka_unit_test(nothing_there),
		cmocka_unit_test(links_stay_inside),
		cmocka_unit_test(cache_comes_before_defaults),
		cmocka_unit_test(extra_directories_come_first),
		cmocka_unit_test(paths_of_who_wants_it),
		cmocka_unit_test(origin_of_a_program),
		cmocka_unit_test(a_path_as_soname),
		cmocka_unit_test(others_are_passed_over),
		cmocka_unit_test(things_in_the_way),
		cmocka_unit_test(musl),
		cmocka_unit_test(musl_beside_glibc),
		cmocka_unit_test(every_directory),
		cmocka_unit_test(every_place),
		cmocka_unit_test(the_node),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
