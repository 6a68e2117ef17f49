/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mpi.c - MPI libraries that are found, told apart and compared. */
#include "tests/unit/unit.h"

#include <elf.h>
#include <errno.h>

#include "launcher/mpi/mpi.h"
#include "tests/unit/compile.h"

#define INIT  "int MPI_Init(void) { return 0; } int PMPI_Init(void) { return 0; }"
#define SEND  "int MPI_Send(void) { return 0; } int PMPI_Send(void) { return 0; }"
#define OPEN  "int ompi_mpi_comm_world;"
#define IS(v) "char ompi_version_string[] = \"" v "\";"

static struct elf_file self; /* of this machine */
static struct world world;
static struct mpi_list list;
static struct error err;

/* A library in the directory "root". */
static void make_library(const char *path, const char *source, const char *soname)
{
	cleanup_free char *flags = NULL;

	put(path, "");
	assert_true(asprintf(&flags, "-nostdlib -shared -o %s %s%s", path,
			     soname ? "-Wl,-soname," : "", soname ? soname : "") > 0);
	compile(source, flags);
}

static void make_foreign(const char *path)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, "\xff\xfe", 2, offsetof(Elf64_Ehdr, e_machine)), 2);
}

static void clear(void)
{
	mpi_list_done(&list);
	if (world.name)
		close(world.root);
	world_done(&world);
}

static int begin(void **state)
{
	(void)state;
	command("rm -rf root && mkdir root");
	return 0;
}

static int end(void **state)
{
	(void)state;
	clear();
	return 0;
}

static int find_with(char *const *named, const char *const more[])
{
	int root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);

	clear();
	err = (struct error)ERROR_INIT;
	assert_int_equal(world_init(&world, root, "node", NULL, self.class, self.machine, &err), 0);
	return mpi_list_find(&list, &world, named, more, &err);
}

static void find(void)
{
	assert_int_equal(find_with(NULL, NULL), 0);
}

static const char *described(size_t i)
{
	static char text[128];

	assert_true(i < list.count);
	mpi_describe(&list.items[i], text, sizeof(text));
	return text;
}

/* ---- which it is ----------------------------------------------------------------------------- */

static void none(void **state)
{
	(void)state;
	find();
	assert_int_equal(list.count, 0);
}

static void open_mpi(void **state)
{
	(void)state;
	make_library("root/usr/lib/libmpi.so.40", INIT OPEN IS("4.1.4"), "libmpi.so.40");
	find();
	assert_string_equal(described(0), "Open MPI 4.1.4");
	assert_int_equal(list.items[0].family, MPI_FAMILY_OPEN);
	assert_int_equal(list.items[0].major, 4);
	make_library("root/usr/lib/libmpi.so.40", INIT OPEN, "libmpi.so.40");
	find();
	assert_string_equal(described(0), "Open MPI");
	assert_int_equal(list.items[0].major, 0);
}

/* libmpi.so.12 was Open MPI's once, too. */
static void mpich(void **state)
{
	(void)state;
	make_library("root/usr/lib/libmpi.so.12", INIT "char MPII_Version_string[] = \"4.0.2\";",
		     "libmpi.so.12");
	find();
	assert_string_equal(described(0), "MPICH 4.0.2 (ABI 12)");
	make_library("root/usr/lib/libmpi.so.12", INIT, NULL);
	find();
	assert_string_equal(described(0), "MPICH (ABI 12)");
	make_library("root/usr/lib/libmpi.so.12", INIT OPEN IS("1.10.7"), "libmpi.so.12");
	find();
	assert_string_equal(described(0), "Open MPI 1.10.7");
}

static void standard(void **state)
{
	(void)state;
	make_library("root/usr/lib/libmpi_abi.so.1", INIT OPEN, "libmpi_abi.so.1");
	find();
	assert_int_equal(list.items[0].family, MPI_FAMILY_STANDARD);
	assert_string_equal(described(0), "standard MPI ABI 1");
}

/* Bindings have no MPI_Init or another name, and some files only look like a library. */
static void what_is_none(void **state)
{
	(void)state;
	make_library("root/usr/lib/libmpi_cxx.so.40", INIT OPEN, "libmpi_cxx.so.40");
	make_library("root/usr/lib/libmpi.so.40", "int MPI_Send;", "libmpi.so.40");
	put("root/usr/lib/libmpi.so.41", "text");
	assert_int_equal(mkfifo("root/usr/lib/libmpi.so.42", 0666), 0);
	assert_int_equal(symlink("libmpi.so.43", "root/usr/lib/libmpi.so.43"), 0);
	find();
	assert_int_equal(list.count, 0);
}

/* One that is hidden is nobody's to call. */
static void hidden(void **state)
{
	(void)state;
	make_library("root/usr/lib/libmpi.so.40", "__attribute__((visibility(\"hidden\"))) " INIT,
		     "libmpi.so.40");
	find();
	assert_int_equal(list.count, 0);
}

/* ---- where it is ----------------------------------------------------------------------------- */

static void links_are_one_hard_links_are_two(void **state)
{
	(void)state;
	make_library("root/usr/lib/libmpi.so.40.1", INIT OPEN, "libmpi.so.40");
	assert_int_equal(symlink("libmpi.so.40.1", "root/usr/lib/libmpi.so.40"), 0);
	find();
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].library->real, "/usr/lib/libmpi.so.40.1");
	assert_int_equal(link("root/usr/lib/libmpi.so.40.1", "root/usr/lib/libmpi.so.39"), 0);
	find();
	assert_int_equal(list.count, 2);
}

static void named_come_first(void **state)
{
	char *const named[] = { CHARS("/opt/other/libanything.so"), NULL };
	char *const wrong[] = { CHARS("/opt/other/libm.so"), NULL };
	char *const gone[] = { CHARS("/opt/gone.so"), NULL };

	(void)state;
	make_library("root/usr/lib/libmpi.so.40", INIT OPEN IS("4.1.4"), "libmpi.so.40");
	make_library("root/opt/other/libanything.so", INIT OPEN IS("5.0.1"), "libmpi.so.40");
	make_library("root/opt/other/libm.so", "int sine;", "libm.so");
	assert_int_equal(find_with(named, NULL), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(described(0), "Open MPI 5.0.1");
	assert_int_equal(find_with(wrong, NULL), -1);
	assert_cause(&err, "'/opt/other/libm.so' is not an MPI library: it has no MPI_Init");
	assert_int_equal(find_with(gone, NULL), -1);
	assert_contains(err.cause, "'/opt/gone.so' of the node: cannot open it: No such file");
}

static void more_directories(void **state)
{
	const char *const more[] = { "/opt/*/lib", NULL };

	(void)state;
	make_library("root/opt/mpi/lib/libmpi.so.40", INIT OPEN, "libmpi.so.40");
	find();
	assert_int_equal(list.count, 0);
	assert_int_equal(find_with(NULL, more), 0);
	assert_int_equal(list.count, 1);
}

/* Of an image with thousands of them not all are read. */
static void far_too_many(void **state)
{
	(void)state;
	make_library("root/usr/lib/one", INIT OPEN, "libmpi.so.40");
	command("cd root/usr/lib && for i in $(seq 1000); do ln one libmpi.so.$i; done");
	find();
	assert_int_equal(list.count, 256);
}

/* ---- what fits ------------------------------------------------------------------------------- */

/* Compares /usr/lib/libmpi.so.FROM with ...TO. */
static enum mpi_fit fit(const char *from, const char *to)
{
	const struct mpi *ours = NULL, *theirs = NULL;

	find();
	for (size_t i = 0; i < list.count; i++) {
		const char *number = strrchr(list.items[i].library->path, '.') + 1;

		if (strcmp(number, from) == 0)
			ours = &list.items[i];
		if (strcmp(number, to) == 0)
			theirs = &list.items[i];
	}
	assert_non_null(ours);
	assert_non_null(theirs);
	return mpi_fit(ours, theirs, &err);
}

static void same_release(void **state)
{
	(void)state;
	make_library("root/usr/lib/libmpi.so.1", INIT OPEN IS("4.0.3"), "libmpi.so.40");
	make_library("root/usr/lib/libmpi.so.2", INIT SEND OPEN IS("4.1.4"), "libmpi.so.40");
	assert_int_equal(fit("1", "2"), MPI_FIT_ALL);
	assert_string_equal(err.cause, "");
	assert_int_equal(fit("2", "1"), MPI_FIT_PART);
	assert_cause(&err, "Open MPI 4.0.3 lacks 1 function of Open MPI 4.1.4: MPI_Send");
}

static void other_release(void **state)
{
	(void)state;
	make_library("root/usr/lib/libmpi.so.1", INIT OPEN IS("4.1.4"), "libmpi.so.40");
	make_library("root/usr/lib/libmpi.so.2", INIT OPEN IS("5.0.0"), "libmpi.so.40");
	assert_int_equal(fit("1", "2"), MPI_FIT_NONE);
	assert_cause(&err, "Open MPI 4.1.4 and Open MPI 5.0.0 are different major releases");
	make_library("root/usr/lib/libmpi.so.1", INIT OPEN, "libmpi.so.40");
	assert_int_equal(fit("1", "2"), MPI_FIT_NONE);
	assert_cause(&err, "the release of Open MPI in '/usr/lib/libmpi.so.1' cannot be told");
}

static void other_family(void **state)
{
	(void)state;
	make_library("root/usr/lib/libmpi.so.1", INIT OPEN IS("4.1.4"), "libmpi.so.40");
	make_library("root/usr/lib/libmpi.so.2", INIT, "libmpi.so.4");
	assert_int_equal(fit("1", "2"), MPI_FIT_NONE);
	assert_cause(&err, "the ABI of Open MPI is not that of MPICH");
}

static void other_machine(void **state)
{
	(void)state;
	make_library("root/usr/lib/libmpi.so.1", INIT OPEN IS("4.1.4"), "libmpi.so.40");
	make_library("root/usr/lib/libmpi.so.2", INIT OPEN IS("4.1.4"), "libmpi.so.40");
	make_foreign("root/usr/lib/libmpi.so.2");
	assert_int_equal(fit("1", "2"), MPI_FIT_NONE);
	assert_cause(&err, "Open MPI 4.1.4 and Open MPI 4.1.4 are for different processors");
}

/* Extensions and what is between MPI and its Fortran do not count; handles of Open MPI do. */
static void what_counts(void **state)
{
	(void)state;
	make_library("root/usr/lib/libmpi.so.1",
		     INIT OPEN IS("4.1.4") "int MPIX_Query, MPI_F08_status, ompi_comm, opal_x;",
		     "libmpi.so.40");
	make_library("root/usr/lib/libmpi.so.2", INIT OPEN IS("4.1.4"), "libmpi.so.40");
	assert_int_equal(fit("1", "2"), MPI_FIT_ALL);
	make_library("root/usr/lib/libmpi.so.1",
		     INIT OPEN IS("4.1.4") "int MPI_A, MPI_B, MPI_C, MPI_D, ompi_mpi_op_x;",
		     "libmpi.so.40");
	assert_int_equal(fit("1", "2"), MPI_FIT_PART);
	assert_cause(
		&err,
		"Open MPI 4.1.4 lacks 5 functions of Open MPI 4.1.4: MPI_A, MPI_B, MPI_C, ...");
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
		TEST(none),
		TEST(open_mpi),
		TEST(mpich),
		TEST(standard),
		TEST(what_is_none),
		TEST(hidden),
		TEST(links_are_one_hard_links_are_two),
		TEST(named_come_first),
		TEST(more_directories),
		TEST(far_too_many),
		TEST(same_release),
		TEST(other_release),
		TEST(other_family),
		TEST(other_machine),
		TEST(what_counts),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
