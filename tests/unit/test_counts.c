/* SPDX-License-Identifier: BSD-3-Clause */
/* test_counts.c - finding the counts of an image server among the open files of whatever process. */
#include "launcher/running/counts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/handover.h"
#include "launcher/running/process.h"
#include "tests/unit/unit.h"

static int proc = -1; /* this very process */

static int make_memfd(const void *data, size_t len)
{
	int fd = memfd_create("davit", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, data, len), 0);
	return fd;
}

static void finds_them(void **state)
{
	struct handover handover = { .magic = HANDOVER_MAGIC, .counts = HANDOVER_COUNTS };
	uint64_t values[STAT_COUNT];
	char staged[HANDOVER_STAGED_MAX];
	int fd;

	(void)state;
	handover_note_staged(&handover, "/tmp/copy");
	handover.stats.lanes[1][STAT_READ] = 7;
	handover.stats.lanes[STATS_LANES - 1][STAT_READ] = 8;
	fd = make_memfd(&handover, sizeof(handover));
	assert_true(counts_read(proc, values, staged));
	assert_int_equal(values[STAT_READ], 15);
	assert_int_equal(values[STAT_HITS], 0);
	assert_string_equal(staged, "/tmp/copy");
	close(fd);
	assert_false(counts_read(proc, values, staged));
}

/* Hostile numbers come out as numbers that everybody can show. */
static void any_numbers(void **state)
{
	struct handover handover;
	uint64_t values[STAT_COUNT];
	char staged[HANDOVER_STAGED_MAX];
	int fd;

	(void)state;
	memset(&handover, 0xff, sizeof(handover));
	handover.magic = HANDOVER_MAGIC;
	fd = make_memfd(&handover, sizeof(handover));
	assert_true(counts_read(proc, values, staged));
	for (size_t i = 0; i < STAT_COUNT; i++)
		assert_true(values[i] == STATS_MAX);
	assert_int_equal(strlen(staged), HANDOVER_STAGED_MAX - 1); /* without an end of its own */
	close(fd);
}

static void no_counts(void **state)
{
	struct handover handover = { .magic = HANDOVER_MAGIC + 1, .counts = HANDOVER_COUNTS };
	uint64_t values[STAT_COUNT];
	char staged[HANDOVER_STAGED_MAX];
	int fds[4];

	(void)state;
	fds[0] = make_memfd(&handover, sizeof(handover));
	handover.magic = HANDOVER_MAGIC;
	fds[1] = make_memfd(&handover, sizeof(handover) - 1);
	fds[2] = make_memfd("", 0);
	handover.counts = HANDOVER_COUNTS_NOT;
	fds[3] = make_memfd(&handover, sizeof(handover));
	assert_false(counts_read(proc, values, staged));
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		close(fds[i]);
}

/* To open a FIFO for reading would wait for a writer; a file is not to be opened, whatever is in it
 * and however it is called. */
static void opens_nothing_else(void **state)
{
	static char dir[] = "/tmp/davit-counts.XXXXXX";
	const struct handover handover = { .magic = HANDOVER_MAGIC, .counts = HANDOVER_COUNTS };
	char fifo[64], file[64];
	uint64_t values[STAT_COUNT];
	char staged[HANDOVER_STAGED_MAX];
	int pipe_fd, file_fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(fifo, sizeof(fifo), "%s/memfd:davit", dir);
	snprintf(file, sizeof(file), "%s/memfd:davit (deleted)", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	pipe_fd = open(fifo, O_PATH | O_CLOEXEC);
	file_fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(pipe_fd >= 0 && file_fd >= 0);
	assert_int_equal(fd_write_all(file_fd, &handover, sizeof(handover)), 0);
	alarm(10);
	assert_false(counts_read(proc, values, staged));
	alarm(0);
	close(pipe_fd);
	close(file_fd);
	unlink(fifo);
	unlink(file);
	rmdir(dir);
}

static void looks_at_a_few_only(void **state)
{
	const struct handover handover = { .magic = HANDOVER_MAGIC, .counts = HANDOVER_COUNTS };
	uint64_t values[STAT_COUNT];
	char staged[HANDOVER_STAGED_MAX];
	int fds[100], fd;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd = make_memfd(&handover, sizeof(handover));
	assert_false(counts_read(proc, values, staged));
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		close(fds[i]);
	assert_true(counts_read(proc, values, staged));
	close(fd);
}

static void nobody_there(void **state)
{
	cleanup_close int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t values[STAT_COUNT];
	char staged[HANDOVER_STAGED_MAX];

	(void)state;
	assert_false(counts_read(-1, values, staged));
	assert_false(counts_read(dir, values, staged));
}

static int set_up(void **state)
{
	(void)state;
	proc = process_open(getpid());
	return proc < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_them),          cmocka_unit_test(any_numbers),
		cmocka_unit_test(no_counts),           cmocka_unit_test(opens_nothing_else),
		cmocka_unit_test(looks_at_a_few_only), cmocka_unit_test(nobody_there),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
