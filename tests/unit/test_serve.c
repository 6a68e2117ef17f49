/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_serve.c - what the image server agrees upon with the kernel.
 *
 * In the place of the kernel: the other end of a socket.
 */
#include "images/serve.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define OFFERED (FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_BIG_WRITES | FUSE_MAX_PAGES)

static void nothing(void)
{
}

static void serve(int channel, int spare)
{
	char path[] = TEST_SEEDS "/zstd";
	struct image image = { .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC) };
	struct image_server server = { .image = &image,
				       .channel = channel,
				       .spare = spare,
				       .cpu = -1,
				       .cpus = 1,
				       .ready = nothing,
				       .damaged = nothing };
	struct error err = ERROR_INIT;
	struct service *service = image_service_new(&server, &err);

	_exit(!service || image_serve(service, &err) < 0);
}

/* What the server wants of what it is offered. */
static uint32_t agree(bool has_spare)
{
	struct {
		struct fuse_in_header head;
		struct fuse_init_in init;
	} ask = { .head = { .len = sizeof(ask), .opcode = FUSE_INIT, .unique = 1 },
		  .init = { .major = 7, .minor = 31, .max_readahead = 131072, .flags = OFFERED } };
	struct {
		struct fuse_out_header head;
		struct fuse_init_out init;
	} answer = { .head = { .error = -1 } };
	int ends[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	pid = fork();
	if (pid == 0)
		serve(ends[1], has_spare ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1);
	close(ends[1]);
	assert_int_equal(send(ends[0], &ask, sizeof(ask), 0), sizeof(ask));
	assert_true(recv(ends[0], &answer, sizeof(answer), 0) > (ssize_t)sizeof(answer.head));
	close(ends[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(answer.head.error, 0);
	return answer.init.flags;
}

/* Otherwise a node may be left with processes that cannot be killed: see store.h. */
static void no_background_reads_where_blocks_are_stored(void **state)
{
	(void)state;
	assert_false(agree(true) & FUSE_ASYNC_READ);
	assert_true(agree(false) & FUSE_ASYNC_READ);
}

static void look_ups_side_by_side(void **state)
{
	(void)state;
	assert_true(agree(true) & FUSE_PARALLEL_DIROPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_background_reads_where_blocks_are_stored),
		cmocka_unit_test(look_ups_side_by_side),
	};

	return cmocka_run_group_tests_name("serve", tests, NULL, NULL);
}
