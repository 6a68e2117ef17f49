/* SPDX-License-Identifier: BSD-3-Clause */
/* test_handover.c - the memfd between plugin and launcher, honest and forged. */
#include "common/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define TEXT     "image=/a.sqfs\0mounts=/a,/b\0"
#define TEXT_LEN (sizeof(TEXT) - 1)

static const struct handover sample = {
	.magic = HANDOVER_MAGIC,
	.text_len = TEXT_LEN,
	.userns_fd = 5,
	.send_fd = 6,
	.recv_fd = -1,
	.is_batch = 1,
};

static int create(const struct handover *header, const char *text)
{
	struct error err = ERROR_INIT;
	int fd = handover_create(header, text, &err);

	assert_true(fd >= 0);
	assert_cause(&err, "");
	return fd;
}

/* A memfd with these bytes and seals, as somebody else might make it. */
static int forge(const void *bytes, size_t len, int seals)
{
	int fd = memfd_create("forged", MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void unmap(struct handover *handover)
{
	munmap(handover, sizeof(*handover) + handover->text_len);
}

static void arrives_whole(void **state)
{
	struct error err = ERROR_INIT;
	int fd = create(&sample, TEXT);
	struct handover *handover = handover_map(fd, &err);

	(void)state;
	assert_non_null(handover);
	assert_memory_equal(handover, &sample, sizeof(sample));
	assert_memory_equal(handover_text(handover), TEXT, TEXT_LEN);
	assert_string_equal(handover_text(handover) + strlen("image=/a.sqfs") + 1, "mounts=/a,/b");
	unmap(handover);
	close(fd);
}

/* What the server has counted is there only where it says so, and comes as anybody may have written it. */
static void counts(void **state)
{
	struct handover copy = { .magic = HANDOVER_MAGIC };
	uint64_t values[STAT_COUNT];

	(void)state;
	copy.stats.lanes[0][STAT_HITS] = 1;
	copy.stats.lanes[7][STAT_HITS] = 2;
	copy.stats.lanes[3][STAT_READ] = UINT64_MAX;
	copy.stats.lanes[4][STAT_READ] = UINT64_MAX;
	assert_false(handover_stats(&copy, values));
	copy.counts = HANDOVER_COUNTS;
	assert_true(handover_stats(&copy, values));
	assert_int_equal(values[STAT_HITS], 3);
	assert_true(values[STAT_READ] == STATS_MAX);
	copy.counts = UINT32_MAX;
	assert_true(handover_stats(&copy, values));
}

static void variables(void **state)
{
	static const char with[] = "image=a\0gpus=$A=1\0$A=\0$AB=2=3\0$A=again";
	const struct handover header = { .magic = HANDOVER_MAGIC, .text_len = sizeof(with) };
	struct error err = ERROR_INIT;
	int fd = handover_create(&header, with, &err);
	struct handover *handover = handover_map(fd, &err);

	(void)state;
	assert_non_null(handover);
	assert_string_equal(handover_variable(handover, "A"), "");
	assert_string_equal(handover_variable(handover, "AB"), "2=3");
	assert_null(handover_variable(handover, ""));
	assert_null(handover_variable(handover, "B"));
	assert_null(handover_variable(handover, "image"));
	unmap(handover);
	close(fd);
}

static void without_text(void **state)
{
	const struct handover header = { .magic = HANDOVER_MAGIC };
	struct error err = ERROR_INIT;
	int fd = create(&header, "");
	struct handover *handover = handover_map(fd, &err);

	(void)state;
	assert_non_null(handover);
	assert_int_equal(handover->text_len, 0);
	unmap(handover);
	close(fd);
}

static void survives_exec(void **state)
{
	int fd = create(&sample, TEXT);

	(void)state;
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	close(fd);
}

static void size_is_sealed(void **state)
{
	int fd = create(&sample, TEXT);
	int seals = fcntl(fd, F_GET_SEALS);

	(void)state;
	assert_int_equal(seals, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 1 << 20), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(lseek(fd, 0, SEEK_END), sizeof(sample) + TEXT_LEN);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1); /* the ranks must write */
	assert_int_equal(errno, EPERM);
	close(fd);
}

static bool is_untouched(int fd)
{
	struct handover copy;

	return handover_read(fd, &copy) && copy.state == HANDOVER_EMPTY;
}

static void mappings_are_shared(void **state)
{
	struct error err = ERROR_INIT;
	int fd = create(&sample, TEXT);
	struct handover *one = handover_map(fd, &err), *two = handover_map(fd, &err);

	(void)state;
	assert_non_null(one);
	assert_non_null(two);
	assert_true(is_untouched(fd));
	one->state = HANDOVER_READY;
	assert_int_equal(two->state, HANDOVER_READY);
	assert_false(is_untouched(fd));
	one->state = HANDOVER_FAILED;
	assert_false(is_untouched(fd));
	unmap(one);
	unmap(two);
	close(fd);
}

static void too_much_text(void **state)
{
	struct handover header = sample;
	struct error err = ERROR_INIT;
	char *text = calloc(1, (1 << 20) + 1);

	(void)state;
	assert_non_null(text);
	header.text_len = (1 << 20) + 1;
	assert_int_equal(handover_create(&header, text, &err), -1);
	assert_contains(err.cause, "container options of 1048577 bytes: Argument list too long");
	header.text_len = UINT32_MAX;
	assert_int_equal(handover_create(&header, text, &err), -1);
	header.text_len = 1 << 20;
	close(create(&header, text));
	free(text);
}

static void assert_not_ours(int fd)
{
	struct error err = ERROR_INIT;

	assert_null(handover_map(fd, &err));
	assert_contains(err.cause, "does not come from Davit's plugin");
	assert_contains(err.remedy, "plugin and launcher from one build");
	assert_int_equal(err.code, EXIT_SETUP);
}

static void assert_other_version(int fd)
{
	struct error err = ERROR_INIT;

	assert_null(handover_map(fd, &err));
	assert_contains(err.cause, "the plugin and the launcher are of different versions");
	assert_contains(err.remedy, "plugin and launcher from one build");
	close(fd);
}

static void strange_descriptors(void **state)
{
	int null = open("/dev/null", O_RDWR), file, ends[2], bare;
	char path[] = "/tmp/davit-handover.XXXXXX";

	(void)state;
	assert_not_ours(-1);
	assert_false(is_untouched(-1));
	assert_not_ours(1000000);
	assert_not_ours(null);
	assert_false(is_untouched(null));
	close(null);

	assert_int_equal(pipe(ends), 0);
	assert_not_ours(ends[0]);
	close(ends[0]);
	close(ends[1]);

	file = mkstemp(path); /* could be truncated under us */
	assert_true(file >= 0);
	unlink(path);
	assert_int_equal(write(file, &sample, sizeof(sample)), sizeof(sample));
	assert_int_equal(write(file, TEXT, TEXT_LEN), TEXT_LEN);
	assert_not_ours(file);
	close(file);

	bare = forge(&sample, sizeof(sample), F_SEAL_GROW); /* may shrink */
	assert_not_ours(bare);
	close(bare);
}

static void short_memfds(void **state)
{
	int fd = forge(&sample, 0, F_SEAL_SHRINK);

	(void)state;
	assert_not_ours(fd);
	assert_false(is_untouched(fd));
	close(fd);
	fd = forge(&sample, sizeof(sample) - 1, F_SEAL_SHRINK);
	assert_not_ours(fd);
	assert_false(is_untouched(fd));
	close(fd);
}

static void other_layouts(void **state)
{
	struct {
		struct handover header;
		char text[16];
	} forged = { .header = sample };
	const size_t header = sizeof(forged.header);

	(void)state;
	forged.header.magic = 0;
	forged.header.text_len = sizeof(forged.text);
	assert_other_version(forge(&forged, sizeof(forged), F_SEAL_SHRINK));
	forged.header.magic = HANDOVER_MAGIC + 1;
	assert_other_version(forge(&forged, sizeof(forged), F_SEAL_SHRINK));

	forged.header.magic = HANDOVER_MAGIC;
	forged.header.text_len = sizeof(forged.text) + 1; /* promises more than there is */
	assert_other_version(forge(&forged, sizeof(forged), F_SEAL_SHRINK));
	forged.header.text_len = UINT32_MAX;
	assert_other_version(forge(&forged, sizeof(forged), F_SEAL_SHRINK));
	forged.header.text_len = (uint32_t)-header; /* wraps to nothing */
	assert_other_version(forge(&forged, header, F_SEAL_SHRINK));
	forged.header.text_len = 1; /* less than there is */
	assert_other_version(forge(&forged, sizeof(forged), F_SEAL_SHRINK));

	forged.header.text_len = sizeof(forged.text);
	memset(forged.text, 'x', sizeof(forged.text)); /* no NUL at the end */
	assert_other_version(forge(&forged, sizeof(forged), F_SEAL_SHRINK));
}

static void can_grow_behind_us(void **state)
{
	struct error err = ERROR_INIT;
	int fd = forge(&sample, sizeof(sample), F_SEAL_SHRINK);
	struct handover *handover;

	(void)state;
	assert_int_equal(pwrite(fd, TEXT, TEXT_LEN, sizeof(sample)), TEXT_LEN);
	handover = handover_map(fd, &err); /* harmless: what is mapped stays */
	assert_non_null(handover);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_memory_equal(handover_text(handover), TEXT, TEXT_LEN);
	unmap(handover);
	assert_other_version(fd);
}

/* A child that holds the server's lock until its stdin, *end, is closed. */
static pid_t hold_lock(int fd, enum handover_lock byte, int *end)
{
	int ready[2], go[2];
	char told;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct flock lock = { .l_type = F_WRLCK, .l_start = byte, .l_len = 1 };

		close(go[1]);
		if (fcntl(fd, F_SETLK, &lock) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		(void)!read(go[0], &told, 1);
		_exit(0);
	}
	close(ready[1]);
	close(go[0]);
	assert_int_equal(read(ready[0], &told, 1), 1);
	close(ready[0]);
	*end = go[1];
	return pid;
}

static enum handover_server server(int fd)
{
	struct handover copy;

	assert_true(handover_read(fd, &copy));
	return handover_server(fd, &copy);
}

static void server_lives_and_dies(void **state)
{
	struct error err = ERROR_INIT;
	int fd = create(&sample, TEXT), end;
	struct handover *handover = handover_map(fd, &err);
	pid_t pid;

	(void)state;
	assert_non_null(handover);
	assert_int_equal(server(fd), HANDOVER_SERVER_NONE);

	pid = hold_lock(fd, HANDOVER_LOCK_SERVER, &end);
	handover->server = HANDOVER_SERVER_RUNS;
	assert_int_equal(server(fd), HANDOVER_SERVER_RUNS);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(server(fd), HANDOVER_SERVER_DIED);
	close(end);

	handover->server = HANDOVER_SERVER_ENDED;
	assert_int_equal(server(fd), HANDOVER_SERVER_ENDED);
	handover->server = HANDOVER_SERVER_DAMAGED;
	assert_int_equal(server(fd), HANDOVER_SERVER_DAMAGED);
	handover->server = HANDOVER_SERVER_ALTERED;
	assert_int_equal(server(fd), HANDOVER_SERVER_ALTERED);
	handover->server = HANDOVER_SERVER_UNREADABLE;
	assert_int_equal(server(fd), HANDOVER_SERVER_UNREADABLE);
	handover->server = HANDOVER_SERVER_DIED; /* nobody says that of itself */
	assert_int_equal(server(fd), HANDOVER_SERVER_NONE);
	handover->server = 77;
	assert_int_equal(server(fd), HANDOVER_SERVER_NONE);
	unmap(handover);
	close(fd);
}

/* The server ends between the plugin's look at the memfd and its look at the lock. */
static void server_signs_out_meanwhile(void **state)
{
	struct error err = ERROR_INIT;
	int fd = create(&sample, TEXT);
	struct handover *handover = handover_map(fd, &err);
	struct handover copy;

	(void)state;
	assert_non_null(handover);
	handover->server = HANDOVER_SERVER_RUNS;
	assert_true(handover_read(fd, &copy));
	handover->server = HANDOVER_SERVER_ENDED;
	assert_int_equal(handover_server(fd, &copy), HANDOVER_SERVER_ENDED);
	unmap(handover);
	close(fd);
}

static void builder_is_no_server(void **state)
{
	struct error err = ERROR_INIT;
	int fd = create(&sample, TEXT), end;
	struct handover *handover = handover_map(fd, &err);
	pid_t pid;

	(void)state;
	assert_non_null(handover);
	handover->server = HANDOVER_SERVER_RUNS;
	pid = hold_lock(fd, HANDOVER_LOCK_BUILD, &end);
	assert_int_equal(server(fd), HANDOVER_SERVER_DIED);
	close(end);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	unmap(handover);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrives_whole),
		cmocka_unit_test(variables),
		cmocka_unit_test(counts),
		cmocka_unit_test(without_text),
		cmocka_unit_test(survives_exec),
		cmocka_unit_test(size_is_sealed),
		cmocka_unit_test(mappings_are_shared),
		cmocka_unit_test(too_much_text),
		cmocka_unit_test(strange_descriptors),
		cmocka_unit_test(short_memfds),
		cmocka_unit_test(other_layouts),
		cmocka_unit_test(can_grow_behind_us),
		cmocka_unit_test(server_lives_and_dies),
		cmocka_unit_test(server_signs_out_meanwhile),
		cmocka_unit_test(builder_is_no_server),
	};

	return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
