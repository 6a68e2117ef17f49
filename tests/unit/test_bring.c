/* SPDX-License-Identifier: BSD-3-Clause */
/* test_bring.c - what comes along with the node's MPI, between a small image and a small node. */
#include "tests/unit/unit.h"

#include <elf.h>
#include <errno.h>

#include "launcher/mpi/bring.h"
#include "tests/unit/compile.h"

#define MPI      "int MPI_Init(void) { return 0; } int ompi_mpi_comm_world;"
#define VERSION  "char ompi_version_string[] = \"4.1.4\";"
#define USES(x)  "int " x "(void); int use_" x "(void) { return " x "(); }"
#define HAS(x)   "int " x "(void) { return 0; }"
#define IMAGE    "image/usr/lib/"
#define NODE     "node/usr/lib/"
#define NOT_HERE (-1)

static struct elf_file self; /* of this machine */
static struct world image, node;
static struct mpi_list of_image, of_node;
static struct bring bring;
static struct error err;

/* Makes the library at `path`, whose file name is its soname, of `source`; `links` are files and flags. */
static void make_library(const char *path, const char *source, const char *links)
{
	cleanup_free char *flags = NULL;

	put(path, "");
	assert_true(asprintf(&flags, "-nostdlib -shared -o %s -Wl,-soname,%s -Wl,--no-as-needed %s",
			     path, strrchr(path, '/') + 1, links) > 0);
	compile(source, flags);
}

/* The same with symbols that have the versions that `map` tells. */
static void make_versioned(const char *path, const char *source, const char *map)
{
	put("map", map);
	make_library(path, source, "-Wl,--version-script=map");
}

static void clear(void)
{
	bring_done(&bring);
	mpi_list_done(&of_image);
	mpi_list_done(&of_node);
	if (image.name) {
		close(image.root);
		close(node.root);
	}
	world_done(&image);
	world_done(&node);
}

/* An image with an MPI that needs nothing, and a node without. */
static int begin(void **state)
{
	(void)state;
	command("rm -rf image node");
	make_library(IMAGE "libmpi.so.40", MPI VERSION, "");
	put(NODE "empty", "");
	return 0;
}

static int end(void **state)
{
	(void)state;
	clear();
	return 0;
}

static void open_world(struct world *world, const char *path)
{
	int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(root >= 0);
	assert_int_equal(world_init(world, root, path, NULL, self.class, self.machine, &err), 0);
}

/* Pairs each MPI library of the image with the node's one. */
static void pair_all(const char *const more[])
{
	clear();
	err = (struct error)ERROR_INIT;
	open_world(&image, "image");
	open_world(&node, "node");
	assert_int_equal(mpi_list_find(&of_image, &image, NULL, more, &err), 0);
	assert_int_equal(mpi_list_find(&of_node, &node, NULL, NULL, &err), 0);
	assert_int_equal(of_node.count, 1);
	bring = (struct bring){ .image = &image, .node = &node };
	for (size_t i = 0; i < of_image.count; i++)
		assert_int_equal(
			bring_add_pair(&bring, &of_image.items[i], &of_node.items[0], &err), 0);
}

static void decide(void)
{
	pair_all(NULL);
	if (bring_decide(&bring, &err) < 0)
		fail_msg("%s", err.cause);
}

static void assert_refused(const char *cause)
{
	pair_all(NULL);
	assert_int_equal(bring_decide(&bring, &err), -1);
	assert_cause(&err, cause);
	assert_contains(err.remedy, "--container-mpi=image");
}

static const struct bring_library *item(const char *soname)
{
	for (size_t i = 0; i < bring.count; i++)
		if (strcmp(bring.items[i].soname, soname) == 0)
			return &bring.items[i];
	return NULL;
}

static int from(const char *soname)
{
	return item(soname) ? (int)item(soname)->from : NOT_HERE;
}

/* ---- one library ----------------------------------------------------------------------------- */

static void nothing_needed(void **state)
{
	(void)state;
	make_library(NODE "libmpi.so.40", MPI, "");
	decide();
	assert_int_equal(bring.count, 1);
	assert_int_equal(from("libmpi.so.40"), BRING_NODE);
	assert_string_equal(bring.items[0].replaced->real, "/usr/lib/libmpi.so.40");
	assert_string_equal(bring.items[0].node->real, "/usr/lib/libmpi.so.40");
}

/* What the node's own name is counts for others of the node. */
static void another_name(void **state)
{
	(void)state;
	make_library(NODE "libmpi_cray.so.40", MPI, "");
	decide();
	assert_int_equal(from("libmpi_cray.so.40"), BRING_NODE);
	assert_int_equal(from("libmpi.so.40"), NOT_HERE);
}

static void image_lacks_it(void **state)
{
	(void)state;
	make_library(NODE "libx.so.1", HAS("x"), "");
	make_library(NODE "libmpi.so.40", MPI USES("x"), NODE "libx.so.1");
	decide();
	assert_int_equal(from("libx.so.1"), BRING_NODE);
	assert_null(item("libx.so.1")->image);
	assert_true(item("libx.so.1")->is_required);
}

static void node_lacks_it(void **state)
{
	(void)state;
	make_library(NODE "libx.so.1", HAS("x"), "");
	make_library(NODE "libmpi.so.40", MPI USES("x"), NODE "libx.so.1");
	command("rm " NODE "libx.so.1");
	pair_all(NULL);
	assert_int_equal(bring_decide(&bring, &err), -1);
	assert_cause(&err,
		     "the node's '/usr/lib/libmpi.so.40': the node has no library 'libx.so.1'");
}

static void image_suffices(void **state)
{
	(void)state;
	make_library(IMAGE "libx.so.1", HAS("x") HAS("own"), "");
	make_library(NODE "libx.so.1", HAS("x") HAS("more"), "");
	make_library(NODE "libmpi.so.40", MPI USES("x"), NODE "libx.so.1");
	decide();
	assert_int_equal(from("libx.so.1"), BRING_IMAGE);
}

/* A symbol that may be missing is no reason. */
static void weak_symbols(void **state)
{
	(void)state;
	make_library(IMAGE "libx.so.1", HAS("x"), "");
	make_library(NODE "libx.so.1", HAS("x") HAS("more"), "");
	make_library(NODE "libmpi.so.40",
		     MPI USES("x") "__attribute__((weak)) int more(void);"
				   "int f(void) { return more ? more() : 0; }",
		     NODE "libx.so.1");
	decide();
	assert_int_equal(from("libx.so.1"), BRING_IMAGE);
}

static void node_covers(void **state)
{
	(void)state;
	make_library(IMAGE "libx.so.1", HAS("x"), "");
	make_library(NODE "libx.so.1", HAS("x") HAS("more"), "");
	make_library(NODE "libmpi.so.40", MPI USES("more"), NODE "libx.so.1");
	decide();
	assert_int_equal(from("libx.so.1"), BRING_NODE);
	assert_string_equal(item("libx.so.1")->image->real, "/usr/lib/libx.so.1");
}

static void each_has_something(void **state)
{
	(void)state;
	make_library(IMAGE "libx.so.1", HAS("x") HAS("own"), "");
	make_library(NODE "libx.so.1", HAS("x") HAS("more"), "");
	make_library(NODE "libmpi.so.40", MPI USES("more"), NODE "libx.so.1");
	assert_refused("the node's '/usr/lib/libmpi.so.40' needs 'more' of 'libx.so.1', which the "
		       "image's lacks; and the node's lacks 'own' of the image's");
}

/* Of a library with versions only they count. */
static void versions(void **state)
{
	(void)state;
	make_versioned(NODE "libx.so.1", HAS("x") HAS("y"), "X_1 { x; }; X_2 { y; };");
	make_library(NODE "libmpi.so.40", MPI USES("y"), NODE "libx.so.1");
	make_versioned(IMAGE "libx.so.1", HAS("x") HAS("own"), "X_1 { x; own; };");
	decide();
	assert_int_equal(from("libx.so.1"), BRING_NODE);
	make_versioned(IMAGE "libx.so.1", HAS("x") HAS("own"), "X_1 { x; }; X_9 { own; };");
	assert_refused("the node's '/usr/lib/libmpi.so.40' needs 'X_2' of 'libx.so.1', which the "
		       "image's lacks; and the node's lacks 'X_9' of the image's");
}

/* The loader looks for versions before symbols. */
static void a_version_that_is_missing(void **state)
{
	(void)state;
	make_versioned(NODE "libx.so.1", HAS("x") HAS("y"), "X_1 { x; }; X_2 { y; };");
	make_library(NODE "libmpi.so.40", MPI USES("y"), NODE "libx.so.1");
	make_versioned(IMAGE "libx.so.1", HAS("x") HAS("y"), "X_1 { x; };");
	decide();
	assert_int_equal(from("libx.so.1"), BRING_NODE);
	/* Without any versions it is taken for all. */
	make_library(IMAGE "libx.so.1", HAS("x") HAS("y"), "");
	decide();
	assert_int_equal(from("libx.so.1"), BRING_IMAGE);
}

/* A library whose inner interface has no names. */
static void families_come_together(void **state)
{
	(void)state;
	make_library(IMAGE "libopen-pal.so.40", HAS("x") HAS("own"), "");
	make_library(NODE "libopen-pal.so.40", HAS("x"), "");
	make_library(NODE "libmpi.so.40", MPI USES("x"), NODE "libopen-pal.so.40");
	decide();
	assert_int_equal(from("libopen-pal.so.40"), BRING_NODE);
}

/* ---- several --------------------------------------------------------------------------------- */

/* libx is enough for libmpi, but not for liby, which comes later. */
static void a_decision_that_changes(void **state)
{
	(void)state;
	make_library(NODE "libdeep.so.1", HAS("deep"), "");
	make_library(NODE "libx.so.1", HAS("x") HAS("more") USES("deep"), NODE "libdeep.so.1");
	make_library(NODE "liby.so.1", HAS("y") USES("more"), NODE "libx.so.1");
	make_library(NODE "libmpi.so.40", MPI USES("x") USES("y"),
		     NODE "libx.so.1 " NODE "liby.so.1");
	make_library(IMAGE "libx.so.1", HAS("x"), "");
	decide();
	assert_int_equal(from("liby.so.1"), BRING_NODE);
	assert_int_equal(from("libx.so.1"), BRING_NODE);
	assert_int_equal(from("libdeep.so.1"), BRING_NODE);
	/* Where it does not change, nothing of it is looked at. */
	make_library(IMAGE "libx.so.1", HAS("x") HAS("more"), "");
	decide();
	assert_int_equal(from("libx.so.1"), BRING_IMAGE);
	assert_int_equal(from("libdeep.so.1"), NOT_HERE);
}

/* ---- the C library --------------------------------------------------------------------------- */

static void make_libc(void)
{
	make_versioned(NODE "libc.so.6", HAS("old") HAS("new"),
		       "GLIBC_2.9 { old; }; GLIBC_2.36 { new; };");
	make_versioned(IMAGE "libc.so.6", HAS("old"), "GLIBC_2.9 { old; }; GLIBC_2.10 {};");
}

static void the_c_library_suffices(void **state)
{
	(void)state;
	make_libc();
	make_library(NODE "libmpi.so.40", MPI USES("old"), NODE "libc.so.6");
	decide();
	assert_int_equal(bring.count, 1);
}

static void the_c_library_is_too_old(void **state)
{
	(void)state;
	make_libc();
	make_library(NODE "libx.so.1", HAS("x") USES("new"), NODE "libc.so.6");
	make_library(NODE "libmpi.so.40", MPI USES("x"), NODE "libx.so.1");
	assert_refused("the node's '/usr/lib/libx.so.1' needs GLIBC_2.36 of the C library, and the "
		       "image's has at most GLIBC_2.10");
	/* It does not matter if the image's is used. */
	make_library(IMAGE "libx.so.1", HAS("x"), "");
	decide();
	assert_int_equal(from("libx.so.1"), BRING_IMAGE);
}

static void no_c_library(void **state)
{
	(void)state;
	make_libc();
	command("rm " IMAGE "libc.so.6");
	make_library(NODE "libmpi.so.40", MPI USES("old"), NODE "libc.so.6");
	assert_refused("the node's '/usr/lib/libmpi.so.40' needs 'libc.so.6' of the C library, "
		       "which the image lacks");
}

/* ---- bindings for other languages ------------------------------------------------------------ */

/* In both worlds, the node's with `links`. */
static void make_binding(const char *name, const char *source, const char *links)
{
	cleanup_free char *here = NULL, *there = NULL, *all = NULL;

	assert_true(asprintf(&here, IMAGE "%s", name) > 0 &&
		    asprintf(&there, NODE "%s", name) > 0 &&
		    asprintf(&all, NODE "libmpi.so.40 %s", links) > 0);
	make_library(here, "", IMAGE "libmpi.so.40");
	make_library(there, source, all);
}

static void bindings_come_along(void **state)
{
	(void)state;
	make_library(NODE "libmpi.so.40", MPI, "");
	make_binding("libmpi_f.so.40", "", "");
	make_library(IMAGE "libmpi_none.so.40", "", IMAGE "libmpi.so.40");
	decide();
	assert_int_equal(from("libmpi_f.so.40"), BRING_NODE);
	assert_false(item("libmpi_f.so.40")->is_required);
	assert_int_equal(from("libmpi_none.so.40"), NOT_HERE);
}

/* One that cannot come stays the image's, whatever its family does later. */
static void a_binding_that_cannot_come(void **state)
{
	(void)state;
	make_libc();
	make_library(NODE "libopen-pal.so.40", HAS("pal"), "");
	make_library(NODE "libopen-rte.so.40", HAS("rte") USES("pal"), NODE "libopen-pal.so.40");
	make_library(NODE "libmpi.so.40", MPI USES("rte"), NODE "libopen-rte.so.40");
	make_library(IMAGE "libopen-pal.so.40", HAS("pal"), "");
	make_library(IMAGE "libopen-rte.so.40", HAS("rte"), "");
	make_binding("libmpi_f.so.40", USES("new"), NODE "libc.so.6");
	decide();
	assert_int_equal(from("libopen-rte.so.40"), BRING_NODE);
	assert_int_equal(from("libopen-pal.so.40"), BRING_NODE);
	assert_int_equal(from("libmpi_f.so.40"), BRING_IMAGE);
}

/* And so does one that has come to rely on it. */
static void a_binding_of_a_binding(void **state)
{
	(void)state;
	make_libc();
	make_library(NODE "libmpi.so.40", MPI, "");
	make_library(NODE "libneeded.so.1", HAS("f") USES("new"), NODE "libc.so.6");
	make_binding("libmpi_a.so.40", USES("f"), NODE "libneeded.so.1");
	make_binding("libmpi_b.so.40", "", "");
	decide();
	assert_int_equal(from("libneeded.so.1"), BRING_NOTHING);
	assert_int_equal(from("libmpi_a.so.40"), BRING_IMAGE);
	assert_int_equal(from("libmpi_b.so.40"), BRING_NODE);
}

/* What a binding has done without, and is required by MPI itself, as turns out later. */
static void required_after_all(void **state)
{
	(void)state;
	make_libc();
	make_library(NODE "libneeded.so.1", HAS("f") USES("new"), NODE "libc.so.6");
	make_library(NODE "liblate.so.1", HAS("late") USES("f"), NODE "libneeded.so.1");
	make_library(NODE "libfirst.so.1", HAS("first") USES("late"), NODE "liblate.so.1");
	make_library(NODE "libmpi.so.40", MPI USES("first"), NODE "libfirst.so.1");
	make_binding("libmpi_a.so.40", USES("f"), NODE "libneeded.so.1");
	assert_refused("the node's '/usr/lib/libneeded.so.1' needs GLIBC_2.36 of the C library, "
		       "and the image's has at most GLIBC_2.10");
}

/* Names that an image has made up lead nowhere on the node. */
static void odd_bindings(void **state)
{
	cleanup_close int fd = -1;

	(void)state;
	make_library(NODE "libmpi.so.40", MPI, "");
	make_library("node/home/private.so", "", "");
	make_library(NODE "libother.so.1", "", "");
	make_library(NODE "libmpi_foreign.so.40", "", "");
	put(IMAGE "libmpi_path.so.40", "");
	compile("", "-nostdlib -shared -Wl,-soname,/home/private.so -Wl,--no-as-needed "
		    "-o " IMAGE "libmpi_path.so.40 " IMAGE "libmpi.so.40");
	put(IMAGE "libmpi_other.so.40", "");
	compile("", "-nostdlib -shared -Wl,-soname,libother.so.1 -Wl,--no-as-needed "
		    "-o " IMAGE "libmpi_other.so.40 " IMAGE "libmpi.so.40");
	make_library(IMAGE "libmpi_foreign.so.40", "", IMAGE "libmpi.so.40");
	fd = open(IMAGE "libmpi_foreign.so.40", O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\xff\xfe", 2, offsetof(Elf64_Ehdr, e_machine)), 2);
	decide();
	assert_int_equal(bring.count, 1);
}

/* Beside the image's MPI, where the loader does not look. */
static void bindings_in_a_directory_of_their_own(void **state)
{
	const char *const more[] = { "/opt/*/lib", NULL };

	(void)state;
	command("rm " IMAGE "libmpi.so.40");
	make_library("image/opt/mpi/lib/libmpi.so.40", MPI VERSION, "");
	make_library("image/opt/mpi/lib/libmpi_f.so.40", "", "image/opt/mpi/lib/libmpi.so.40");
	make_library(NODE "libmpi.so.40", MPI, "");
	make_library(NODE "libmpi_f.so.40", "", NODE "libmpi.so.40");
	pair_all(more);
	assert_int_equal(bring_decide(&bring, &err), 0);
	assert_int_equal(from("libmpi_f.so.40"), BRING_NODE);
	assert_string_equal(item("libmpi_f.so.40")->image->real, "/opt/mpi/lib/libmpi_f.so.40");
	assert_string_equal(bring_hidden(&bring, "libopen-pal.so.40")[0], "/opt/mpi/lib");
	assert_null(bring_hidden(&bring, "libhwloc.so.15"));
}

/* The image's loader follows the RUNPATH of the node's library. */
static void a_runpath_counts_in_the_image(void **state)
{
	(void)state;
	make_library("node/opt/a/libx.so.1", HAS("x") HAS("more"), "");
	make_library(NODE "libmpi.so.40", MPI USES("more"),
		     "node/opt/a/libx.so.1 -Wl,--enable-new-dtags -Wl,-rpath,/opt/a");
	make_library("image/opt/a/libx.so.1", HAS("x"), "");
	decide();
	assert_int_equal(from("libx.so.1"), BRING_NODE);
	assert_string_equal(item("libx.so.1")->image->real, "/opt/a/libx.so.1");
}

/* $ORIGIN is where the library will be. */
static void an_origin_in_the_image(void **state)
{
	(void)state;
	command("rm " IMAGE "libmpi.so.40");
	make_library("image/lib/libmpi.so.40", MPI VERSION, "");
	make_library(NODE "deep/libx.so.1", HAS("x"), "");
	make_library(NODE "libmpi.so.40", MPI USES("x"),
		     NODE "deep/libx.so.1 -Wl,--enable-new-dtags -Wl,-rpath,'$ORIGIN/deep'");
	make_library(IMAGE "deep/libx.so.1", HAS("x"), "");
	decide();
	assert_null(item("libx.so.1")->image);
	make_library("image/lib/deep/libx.so.1", HAS("x"), "");
	decide();
	assert_int_equal(from("libx.so.1"), BRING_IMAGE);
}

/* ---- components ------------------------------------------------------------------------------ */

static void components(void **state)
{
	(void)state;
	make_libc();
	make_library(NODE "libx.so.1", HAS("x"), "");
	make_library(NODE "libgood.so.1", HAS("good"), "");
	make_library(NODE "libopen-pal.so.40", HAS("pal"), "");
	make_library(NODE "libmpi.so.40", MPI USES("pal"), NODE "libopen-pal.so.40");
	make_library(NODE "openmpi/mca_good.so", USES("good"), NODE "libgood.so.1");
	make_library(NODE "openmpi/mca_new.so", USES("new"), NODE "libc.so.6");
	make_library(NODE "openmpi/mca_gone.so", USES("x"), NODE "libx.so.1");
	put(NODE "openmpi/mca_text.so", "no library");
	put("node/etc/openmpi/openmpi-mca-params.conf", "");
	put("node/usr/share/openmpi/help.txt", "");
	command("rm " NODE "libx.so.1");
	decide();
	assert_int_equal(bring.directory_count, 3);
	assert_string_equal(bring.directories[0], "/usr/lib/openmpi");
	assert_string_equal(bring.directories[1], "/usr/share/openmpi");
	assert_string_equal(bring.directories[2], "/etc/openmpi");
	assert_int_equal(from("/usr/lib/openmpi/mca_good.so"), BRING_NODE);
	assert_int_equal(from("libgood.so.1"), BRING_NODE);
	assert_false(item("libgood.so.1")->is_required);
	assert_int_equal(from("/usr/lib/openmpi/mca_new.so"), BRING_NOTHING);
	assert_int_equal(from("/usr/lib/openmpi/mca_gone.so"), BRING_NOTHING);
	assert_int_equal(from("/usr/lib/openmpi/mca_text.so"), NOT_HERE);
}

/* The directories that the site names. */
static void directories(void **state)
{
	(void)state;
	make_library(NODE "libmpi.so.40", MPI, "");
	make_library("node/opt/extra/component.so", "", "");
	pair_all(NULL);
	assert_int_equal(bring_add_directory(&bring, "/opt/none", &err), 0);
	assert_int_equal(bring_add_directory(&bring, "/opt/extra", &err), 0);
	assert_int_equal(bring_add_directory(&bring, "/opt/extra", &err), 0);
	assert_int_equal(bring_decide(&bring, &err), 0);
	assert_int_equal(bring.directory_count, 1);
	assert_int_equal(bring.count, 2);
	assert_int_equal(from("/opt/extra/component.so"), BRING_NODE);
}

static int setup(void **state)
{
	return elf_file_read_own(&self, &err) < 0 ? -1 : tree_setup(state);
}

static int teardown(void **state)
{
	elf_file_done(&self);
	return tree_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_needed),
		TEST(another_name),
		TEST(image_lacks_it),
		TEST(node_lacks_it),
		TEST(image_suffices),
		TEST(weak_symbols),
		TEST(node_covers),
		TEST(each_has_something),
		TEST(versions),
		TEST(a_version_that_is_missing),
		TEST(families_come_together),
		TEST(a_decision_that_changes),
		TEST(the_c_library_suffices),
		TEST(the_c_library_is_too_old),
		TEST(no_c_library),
		TEST(bindings_come_along),
		TEST(a_binding_that_cannot_come),
		TEST(a_binding_of_a_binding),
		TEST(required_after_all),
		TEST(odd_bindings),
		TEST(bindings_in_a_directory_of_their_own),
		TEST(a_runpath_counts_in_the_image),
		TEST(an_origin_in_the_image),
		TEST(components),
		TEST(directories),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
