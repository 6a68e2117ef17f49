/* SPDX-License-Identifier: BSD-3-Clause */
/* test_trace.c - what is noted of reads, the file with it, and the mark at the end of an image. */
#include "images/trace.h"

#include <errno.h>
#include <pthread.h>

#include "images/start.h"
#include "images/tracefile.h"
#include "tests/unit/unit.h"

#include "tests/unit/tree.h"

#define HEAD  "davit-trace 1 bytes=1000 made=2000 inodes=30\n"
#define PIECE ((off_t)TRACE_PIECE)

static struct error err;
static struct trace_list list;

static void put_trace(const char *text)
{
	put_bytes("t", text, strlen(text));
}

static void read_good(void)
{
	err = (struct error)ERROR_INIT;
	if (trace_list_read(&list, "t", &err) < 0)
		fail_msg("%s", err.cause);
}

static void assert_line(size_t i, const char *path, int piece)
{
	assert_true(i < list.count);
	assert_string_equal(list.lines[i].path, path);
	assert_int_equal(list.lines[i].is_whole, piece < 0);
	if (piece >= 0)
		assert_int_equal(list.lines[i].piece, piece);
}

static void open_seed(struct image *image, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", TEST_SEEDS, name);
	*image = (struct image)IMAGE_INIT;
	if (image_open(image, path, &err) < 0)
		fail_msg("%s", err.cause);
}

/* ---- the file ------------------------------------------------------------ */

static void lines_come_back(void **state)
{
	static const char *const paths[] = { "/a",           "/a b/\xc3\xa4",
					     "/new\nline",   "/tab\tand\x7f",
					     "/back\\slash", "/\xff\xfe",
					     "/ \\x41" };
	struct image image;
	int fd;

	(void)state;
	open_seed(&image, "gzip");
	(void)unlink("t");
	fd = tracefile_create("t", &image, &err);
	assert_true(fd >= 0);
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		assert_int_equal(tracefile_put(fd, paths[i], i, i % 2), 0);
	read_good();
	assert_int_equal(list.count, COUNT_OF(paths));
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		assert_line(i, paths[i], i % 2 ? -1 : (int)i);
	assert_int_equal(list.image.inodes, 13);
	assert_string_equal(list.image.digest, "");
	trace_list_done(&list);
	close(fd);
	image_done(&image);
}

static void the_longest_path_fits(void **state)
{
	char path[PATH_MAX];
	int fd = open("t", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	(void)state;
	for (size_t i = 0; i < sizeof(path) - 1; i++)
		path[i] = i % 200 ? '\n' : '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(write(fd, HEAD, strlen(HEAD)), strlen(HEAD));
	(void)lseek(fd, 0, SEEK_END);
	assert_int_equal(tracefile_put(fd, path, UINT64_MAX / TRACE_PIECE, false), 0);
	read_good();
	assert_int_equal(list.count, 1);
	assert_string_equal(list.lines[0].path, path);
	trace_list_done(&list);
	close(fd);
}

static void what_was_cut_off_is_passed_over(void **state)
{
	(void)state;
	put_trace(HEAD "/a\n/b\t7\n/not writ");
	read_good();
	assert_int_equal(list.count, 2);
	assert_line(0, "/a", -1);
	assert_line(1, "/b", 7);
	assert_int_equal(list.image.bytes, 1000);
	assert_int_equal(list.image.made, 2000);
	trace_list_done(&list);
	put_trace(HEAD);
	read_good();
	assert_int_equal(list.count, 0);
	trace_list_done(&list);
}

static void others_are_no_traces(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"hsqs",
		"/a\n",
		"davit-trace 1 bytes=1 made=2 inodes=3",
		"davit-trace 2 bytes=1\n",
		"davit-trace 1 bytes=1 made=2\n",
		"davit-trace 1 bytes=x made=2 inodes=3\n",
		"davit-trace 1 bytes=1 made=4294967296 inodes=3\n",
		"davit-trace 1 bytes=99999999999999999999 made=2 inodes=3\n",
		"davit-trace 1 bytes=-1 made=2 inodes=3\n",
		"davit-trace 1 bytes=1 made=2 inodes=3 digest=md5:0\n",
		"davit-trace 1 bytes=1 made=2 inodes=3 more=1\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		put_trace(texts[i]);
		if (trace_list_read(&list, "t", &err) == 0)
			fail_msg("'%s' is taken for a trace", texts[i]);
		assert_cause(&err, "'t' is no trace: its first line is not one of 'davit-trace 1'");
		assert_remedy(&err, "davit run --trace=FILE IMAGE COMMAND writes one");
		trace_list_done(&list);
	}
}

static void bad_lines_are_told_by_their_number(void **state)
{
	static const char *const lines[] = {
		"",         "a",
		"/",        "/a/",
		"//a",      "/a//b",
		"/.",       "/..",
		"/a/../b",  "/a/./b",
		"../a",     "/a\\",
		"/a\\x",    "/a\\x4",
		"/a\\xzz",  "/a\\n",
		"/a\\x00",  "/a\t",
		"/a\tx",    "/a\t-1",
		"/a\t1 ",   "/a\t99999999999999999999",
		"/a\tb\t1", "/a\x01",
		"/a\x7f",   "/a\r",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		char text[256];

		snprintf(text, sizeof(text), HEAD "/good\n%s\n/good\n", lines[i]);
		put_trace(text);
		if (trace_list_read(&list, "t", &err) == 0)
			fail_msg("'%s' is taken for a line", lines[i]);
		assert_cause(&err, "'t', line 3: not the path of a file in an image");
		assert_remedy(&err, "trace the command once more");
		trace_list_done(&list);
	}
}

static void names_have_an_end(void **state)
{
	char text[2 * PATH_MAX] = HEAD "/";

	(void)state;
	memset(text + strlen(text), 'a', NAME_MAX + 1);
	strcat(text, "\n");
	put_trace(text);
	assert_int_equal(trace_list_read(&list, "t", &err), -1);
	assert_cause(&err, "'t', line 2: not the path of a file in an image");
	trace_list_done(&list);
	put_bytes("t", HEAD "/a\n\0/b\n", sizeof(HEAD "/a\n\0/b\n") - 1);
	assert_int_equal(trace_list_read(&list, "t", &err), -1);
	assert_cause(&err, "the trace 't' has a byte 0 in it");
	trace_list_done(&list);
	assert_int_equal(trace_list_read(&list, "missing", &err), -1);
	assert_contains(err.cause, "cannot read the trace 'missing': No such file");
	trace_list_done(&list);
	assert_int_equal(trace_list_read(&list, ".", &err), -1);
	assert_contains(err.cause, "cannot read the trace '.'");
	trace_list_done(&list);
}

static void only_a_trace_is_replaced(void **state)
{
	struct image image;
	int fd, other;

	(void)state;
	open_seed(&image, "gzip");
	put_trace("precious");
	assert_int_equal(tracefile_create("t", &image, &err), -1);
	assert_cause(&err, "'t' exists, and is no trace that could be replaced");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(tracefile_create("fifo", &image, &err), -1);
	assert_cause(&err, "'fifo' is no file");
	assert_int_equal(tracefile_create("none/t", &image, &err), -1);
	assert_contains(err.cause, "cannot write the trace 'none/t': No such file");
	put_trace(HEAD "/old\n");
	fd = tracefile_create("t", &image, &err);
	assert_true(fd >= 0);
	read_good();
	assert_int_equal(list.count, 0);
	trace_list_done(&list);
	other = tracefile_create("t", &image, &err);
	assert_int_equal(other, -1);
	assert_int_equal(err.errnum, EBUSY);
	assert_cause(&err, "another container is being traced to 't'");
	close(fd);
	fd = tracefile_create("t", &image, &err);
	assert_true(fd >= 0);
	close(fd);
	image_done(&image);
}

static void images_are_told_apart(void **state)
{
	struct trace_image a = { .bytes = 1, .made = 2, .inodes = 3 }, b = a;

	(void)state;
	assert_true(trace_is_same(&a, &b));
	b.made++;
	assert_false(trace_is_same(&a, &b));
	strcpy(a.digest, "sha256:1");
	assert_false(trace_is_same(&a, &b));
	strcpy(b.digest, "sha256:1");
	assert_true(trace_is_same(&a, &b));
	b = a;
	strcpy(b.digest, "sha256:2");
	assert_false(trace_is_same(&a, &b));
}

/* ---- the server's side --------------------------------------------------- */

static struct trace *trace;
static int fd = -1;

static int begin(void **state)
{
	(void)state;
	fd = open("t", O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	trace = trace_new(fd);
	return trace && write(fd, HEAD, strlen(HEAD)) > 0 ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	trace_free(trace);
	trace_list_done(&list);
	close(fd);
	return 0;
}

static void first_reads_are_noted(void **state)
{
	(void)state;
	trace_name(trace, TRACE_ROOT, "dir", 10);
	trace_name(trace, 10, "small", 11);
	trace_name(trace, TRACE_ROOT, "big", 12);
	trace_name(trace, TRACE_ROOT, "other name", 11);
	trace_name(trace, 13, "of nobody", 14);
	trace_read(trace, 12, PIECE, 1, 9 * PIECE);
	trace_read(trace, 11, 0, 100, 50);
	trace_read(trace, 11, 0, 100, 50);
	trace_read(trace, 12, 0, (size_t)PIECE * 2 + 1, 9 * PIECE);
	trace_read(trace, 14, 0, 1, 1);
	trace_read(trace, 15, 0, 1, 1);
	/* nothing is read there */
	trace_read(trace, 12, 9 * PIECE, 1, 9 * PIECE);
	trace_read(trace, 12, 3 * PIECE, 0, 9 * PIECE);
	trace_read(trace, 12, -1, 10, 9 * PIECE);
	trace_read(trace, 12, 9 * PIECE - 1, SIZE_MAX, 9 * PIECE);
	read_good();
	assert_int_equal(list.count, 5);
	assert_line(0, "/big", 1);
	assert_line(1, "/dir/small", -1);
	assert_line(2, "/big", 0);
	assert_line(3, "/big", 2);
	assert_line(4, "/big", 8);
}

/* A hostile image may have them. */
static void directories_in_themselves_end(void **state)
{
	char name[256];

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	trace_name(trace, 20, "a", 20);
	trace_name(trace, 20, "file", 21);
	trace_name(trace, TRACE_ROOT, name, 100);
	for (uint64_t i = 101; i < 120; i++)
		trace_name(trace, i - 1, name, i);
	trace_read(trace, 21, 0, 1, 1);
	trace_read(trace, 119, 0, 1, 1);
	trace_read(trace, 114, 0, 1, 1);
	read_good();
	assert_int_equal(list.count, 1);
	assert_int_equal(strlen(list.lines[0].path), 15 * 256);
}

static void a_full_disk_ends_it(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct trace *other = trace_new(full);

	(void)state;
	trace_name(other, TRACE_ROOT, "a", 2);
	for (off_t i = 0; i < 10; i++)
		trace_read(other, 2, i * PIECE, 1, 10 * PIECE);
	trace_free(other);
	close(full);
}

#define THREADS 4
#define FILES   200

static void *read_all(void *data)
{
	(void)data;
	for (uint64_t i = 0; i < FILES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", (int)i);
		trace_name(trace, TRACE_ROOT, name, i + 2);
		trace_read(trace, i + 2, 0, 1, 1);
	}
	return NULL;
}

static void threads_note_each_file_once(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	read_good();
	assert_int_equal(list.count, FILES);
}

/* ---- the mark ------------------------------------------------------------ */

static void the_mark_is_found_again(void **state)
{
	static const char zeros[8192];
	struct stat st;
	int file = open("i", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(write(file, zeros, 8192), 8192);
	assert_int_equal(start_read(file, 0, 8000), 0);
	assert_int_equal(start_write(file, 8000, 5000, &err), 0);
	assert_int_equal(fstat(file, &st), 0);
	assert_int_equal(st.st_size, 8192);
	assert_int_equal(start_read(file, 0, 8000), 5000);
	assert_int_equal(start_read(file, 100, 7900), 5000);
	assert_int_equal(start_read(file, 0, 7999), 0);
	/* there is no room for it */
	assert_int_equal(start_write(file, 8190, 8190, &err), 0);
	assert_int_equal(fstat(file, &st), 0);
	assert_int_equal(st.st_size, 12288);
	assert_int_equal(start_read(file, 0, 8190), 8190);
	/* one that cannot be */
	assert_int_equal(start_write(file, 8190, 8191, &err), 0);
	assert_int_equal(start_read(file, 0, 8190), 0);
	/* cut off */
	assert_int_equal(ftruncate(file, 8195), 0);
	assert_int_equal(start_read(file, 0, 8190), 0);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_back),
		cmocka_unit_test(the_longest_path_fits),
		cmocka_unit_test(what_was_cut_off_is_passed_over),
		cmocka_unit_test(others_are_no_traces),
		cmocka_unit_test(bad_lines_are_told_by_their_number),
		cmocka_unit_test(names_have_an_end),
		cmocka_unit_test(only_a_trace_is_replaced),
		cmocka_unit_test(images_are_told_apart),
		cmocka_unit_test_setup_teardown(first_reads_are_noted, begin, end),
		cmocka_unit_test_setup_teardown(directories_in_themselves_end, begin, end),
		cmocka_unit_test_setup_teardown(a_full_disk_ends_it, begin, end),
		cmocka_unit_test_setup_teardown(threads_note_each_file_once, begin, end),
		cmocka_unit_test(the_mark_is_found_again),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
