/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_uring.c - what a ring may do, how CPUs share rings, and requests and answers in a buffer.
 *
 * The kernel's side is played here where lengths are to be wrong; that a server works with a kernel that
 * has this is a test of tests/integration.
 */
#include <liburing.h>

/* What the kernel says to serve(). */
static int submit_or_play(struct io_uring *io, unsigned int count);
static int peek_or_play(struct io_uring *io, struct io_uring_cqe **cqe);
static void see_or_play(struct io_uring *io, struct io_uring_cqe *cqe);

#define io_uring_submit_and_wait submit_or_play
#define io_uring_peek_cqe        peek_or_play
#define io_uring_cqe_seen        see_or_play
#include "images/uring.c"
#undef io_uring_submit_and_wait
#undef io_uring_peek_cqe
#undef io_uring_cqe_seen

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/unit.h"

static int channel;

/* NULL where this kernel has no io_uring for us. */
static struct uring *make(int queues, int most)
{
	struct error err = ERROR_INIT;
	struct uring *uring = uring_new(channel, queues, most, &err);

	if (!uring && err.errnum != ENOSYS && err.errnum != EPERM)
		fail_msg("%s", err.cause);
	return uring;
}

static int tried(struct io_uring *io, uint8_t opcode, uint8_t flags)
{
	static char path[] = "/dev/null";
	struct io_uring_sqe *sqe = io_uring_get_sqe(io);
	struct io_uring_cqe *cqe;
	int result;

	if (!sqe)
		abort();
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->flags = flags;
	sqe->fd = opcode == IORING_OP_OPENAT ? AT_FDCWD : 0;
	if (opcode == IORING_OP_OPENAT)
		sqe->addr = (uint64_t)(uintptr_t)path;
	/* A refused one ends the submission, with or without a completion. */
	(void)io_uring_submit(io);
	assert_int_equal(io_uring_wait_cqe(io, &cqe), 0);
	result = cqe->res;
	io_uring_cqe_seen(io, cqe);
	return result;
}

/* Whoever has taken over the server could put anything into a ring. */
static void a_ring_is_for_one_thing(void **state)
{
	struct uring *uring = make(2, 1);
	struct io_uring *io;
	int pair[2];

	(void)state;
	if (!uring)
		skip();
	io = &uring->rings[0].io;
	assert_int_equal(tried(io, IORING_OP_NOP, 0), -EACCES);
	assert_int_equal(tried(io, IORING_OP_NOP, IOSQE_FIXED_FILE), -EACCES);
	assert_int_equal(tried(io, IORING_OP_OPENAT, 0), -EACCES);
	assert_int_equal(tried(io, IORING_OP_SOCKET, 0), -EACCES);
	assert_int_equal(tried(io, IORING_OP_READ, IOSQE_FIXED_FILE), -EACCES);
	assert_int_equal(tried(io, IORING_OP_URING_CMD, 0), -EACCES);
	assert_int_equal(tried(io, IORING_OP_URING_CMD, IOSQE_FIXED_FILE | IOSQE_ASYNC), -EACCES);
	/* /dev/null knows no commands, or one that does nothing; but it is asked. */
	assert_int_not_equal(tried(io, IORING_OP_URING_CMD, IOSQE_FIXED_FILE), -EACCES);
	assert_int_equal(pipe(pair), 0);
	assert_true(set(io, IORING_REGISTER_FILES_UPDATE, pair, 1) < 0);
	assert_true(set(io, IORING_UNREGISTER_FILES, NULL, 0) < 0);
	assert_true(set(io, IORING_REGISTER_RESTRICTIONS, NULL, 0) < 0);
	close(pair[0]);
	close(pair[1]);
	uring_free(uring);
}

static void what_it_has_is_told(void **state)
{
	struct uring *uring = make(3, 2);
	size_t count = 0;
	const int *files;
	int first;

	(void)state;
	if (!uring)
		skip();
	files = uring_files(uring, &count);
	assert_in_range(count, 1, 2);
	for (size_t i = 0; i < count; i++)
		assert_true(fcntl(files[i], F_GETFD) == FD_CLOEXEC);
	assert_int_equal(uring_memory(uring), 3 * (4096 + CONTENT_MAX));
	first = files[0];
	uring_free(uring);
	assert_int_equal(fcntl(first, F_GETFD), -1);
	assert_null(uring_files(NULL, &count));
	assert_int_equal(count, 0);
	assert_int_equal(uring_memory(NULL), 0);
	uring_free(NULL);
}

/* Which ring each queue has, as digits, for `count` rings and the CPUs of `mask`. */
static const char *shared(int queues, size_t count, unsigned int mask, char *text)
{
	struct uring uring = { .queues = queues, .ring_count = count };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (int i = 0; i < 32; i++)
		if (mask & (1u << i))
			CPU_SET(i, &cpus);
	uring.slots = calloc((size_t)queues, sizeof(*uring.slots));
	uring.buffers = calloc((size_t)queues, BUFFER);
	assert_true(uring.slots && uring.buffers);
	assign(&uring, &cpus);
	for (int i = 0; i < queues; i++) {
		size_t ring = (size_t)(uring.slots[i].ring - uring.rings);

		text[i] = (char)('0' + ring);
		assert_int_equal(uring.slots[i].qid, i);
		assert_int_equal(!!CPU_ISSET(i, &uring.rings[ring].cpus), !!(mask & (1u << i)));
	}
	text[queues] = '\0';
	free(uring.slots);
	free(uring.buffers);
	return text;
}

static void cpus_share_rings(void **state)
{
	char text[33];

	(void)state;
	assert_string_equal(shared(1, 1, 1, text), "0");
	assert_string_equal(shared(4, 4, 0xf, text), "0123");
	assert_string_equal(shared(8, 2, 0xff, text), "00001111");
	assert_string_equal(shared(8, 3, 0xff, text), "00011122");
	/* of the job: 2, 3 and 6; all others go round */
	assert_string_equal(shared(8, 3, 0x4c, text), "01011221");
	assert_string_equal(shared(4, 1, 0x8, text), "0000");
}

/* A queue's place with a ring below it, if this kernel gives one. */
static struct uring *begin(struct slot **slot)
{
	struct uring *uring = make(1, 1);

	if (!uring)
		skip();
	*slot = &uring->slots[0];
	(*slot)->header->common.in = (struct fuse_in_header){ .opcode = FUSE_LOOKUP, .unique = 7 };
	(*slot)->header->entry.commit_id = 9;
	(*slot)->unique = 7;
	return uring;
}

static void lengths_are_checked(void **state)
{
	static const struct {
		size_t len, payload, operation; /* of the request, less its header */
		bool is_good;
	} cases[] = {
		{ 0, 0, 0, true },
		{ 4, 4, 0, true },
		{ 44, 4, 40, true },
		{ 128, 0, 128, true },
		{ CONTENT_MAX, CONTENT_MAX, 0, true },
		{ CONTENT_MAX + 128, CONTENT_MAX, 128, true },
		{ 129, 0, 0, false },
		{ 3, 4, 0, false },
		{ 0, UINT32_MAX, 0, false },
		{ CONTENT_MAX + 1, CONTENT_MAX + 1, 0, false },
		{ UINT32_MAX - 100, 0, 0, false },
	};
	struct slot *slot;
	struct uring *uring = begin(&slot);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct fuse_in_header *in = &slot->header->common.in;
		size_t size;
		char *request;

		memset(slot->header->operation, 'o', sizeof(slot->header->operation));
		slot->payload[0] = 'p';
		slot->header->common.in.len = (uint32_t)(sizeof(*in) + cases[i].len);
		slot->header->entry.payload_size = (uint32_t)cases[i].payload;
		request = assemble(slot, &size);
		if (!cases[i].is_good) {
			assert_null(request);
			continue;
		}
		assert_non_null(request);
		assert_int_equal(size, sizeof(*in) + cases[i].len);
		assert_memory_equal(request, in, sizeof(*in));
		for (size_t j = 0; j < cases[i].operation; j++)
			assert_int_equal(request[sizeof(*in) + j], 'o');
		assert_int_equal(request[sizeof(*in) + cases[i].operation], 'p');
	}
	uring_free(uring);
}

static void answers_go_back(void **state)
{
	static char text[CONTENT_MAX];
	struct fuse_out_header out = { .len = sizeof(out) + 5, .unique = 7 };
	struct iovec iov[] = { { &out, sizeof(out) }, { text, 2 }, { text + 2, 3 } };
	struct slot *slot;
	struct uring *uring = begin(&slot);

	(void)state;
	memcpy(text, "abcde", 5);
	/* another thread's; another request's, such as an interrupt's, which came by the channel */
	assert_false(uring_answer(iov, 3));
	current = slot;
	out.unique = 8;
	assert_false(uring_answer(iov, 3));
	out.unique = 7;
	assert_true(uring_answer(iov, 3));
	assert_memory_equal(slot->payload, "abcde", 5);
	assert_int_equal(slot->header->entry.payload_size, 5);
	assert_int_equal(slot->header->common.out.unique, 7);
	assert_int_equal(slot->header->common.out.error, 0);
	assert_int_equal(slot->commit_id, 9);
	assert_int_equal(slot->operation, CMD_COMMIT_FETCH);
	assert_int_equal(io_uring_sq_ready(&slot->ring->io), 1);
	/* it has been answered */
	assert_false(uring_answer(iov, 3));
	current = NULL;
	uring_free(uring);
}

static void an_answer_too_long_is_an_error(void **state)
{
	static char text[CONTENT_MAX];
	struct fuse_out_header out = { .len = sizeof(out), .unique = 7 };
	struct iovec iov[] = { { &out, sizeof(out) }, { text, CONTENT_MAX }, { text, 1 } };
	struct slot *slot;
	struct uring *uring = begin(&slot);

	(void)state;
	current = slot;
	assert_true(uring_answer(iov, 3));
	assert_int_equal(slot->header->common.out.error, -EIO);
	assert_int_equal(slot->header->entry.payload_size, 0);
	current = NULL;
	uring_free(uring);
}

/* An older kernel's FUSE_INIT, or one that has it switched off. */
static void it_is_used_only_where_offered(void **state)
{
	const struct fuse_init_in none = { .flags = FUSE_MAX_PAGES },
				  off = { .flags = FUSE_MAX_PAGES | FUSE_INIT_EXT },
				  no_ext = { .flags = FUSE_MAX_PAGES, .flags2 = OVER_IO_URING },
				  on = { .flags = FUSE_MAX_PAGES | FUSE_INIT_EXT,
					 .flags2 = OVER_IO_URING };
	struct fuse_init_out out = { .flags = FUSE_MAX_PAGES,
				     .max_write = 1 << 20,
				     .max_pages = 256 };
	const struct fuse_init_out same = out;
	struct slot *slot;
	static struct uring *uring; /* its thread may outlive this */

	(void)state;
	uring = begin(&slot);
	assert_false(uring_offer(uring, NULL, &none, &out));
	assert_false(uring_offer(uring, NULL, &off, &out));
	assert_false(uring_offer(uring, NULL, &no_ext, &out));
	assert_memory_equal(&out, &same, sizeof(out));
	assert_true(uring_offer(uring, NULL, &on, &out));
	assert_true((out.flags & FUSE_INIT_EXT) && out.flags2 == OVER_IO_URING);
	/* what the kernel may ask for fits into a buffer */
	assert_true(out.max_write <= CONTENT_MAX &&
		    out.max_pages * (size_t)sysconf(_SC_PAGESIZE) <= CONTENT_MAX);
	uring_begin(uring, false);
}

/* What is played: what submitting gives each time, and what then completes, of the ring's only slot. */
static struct {
	const int *submits, *results; /* 1 ends `submits`, with which the last of `results` comes */
	int said;
	struct slot *slot;
} play;
static struct io_uring_cqe played;

static int submit_or_play(struct io_uring *io, unsigned int count)
{
	(void)io;
	(void)count;
	if (play.said > 20)
		_exit(3);
	play.said++;
	return *play.submits == 1 ? 1 : *play.submits++;
}

static int peek_or_play(struct io_uring *io, struct io_uring_cqe **cqe)
{
	(void)io;
	if (*play.submits != 1)
		return -EAGAIN;
	played.user_data = (uint64_t)(uintptr_t)play.slot;
	played.res = *play.results;
	*cqe = &played;
	return 0;
}

/* As if what is in the ring had been taken. */
static void see_or_play(struct io_uring *io, struct io_uring_cqe *cqe)
{
	(void)cqe;
	io->sq.sqe_head = io->sq.sqe_tail = 0;
	*io->sq.khead = *io->sq.ktail = 0;
	if (play.results[1] != 1)
		play.results++;
}

/* How a thread ends to which the kernel says that: 0, it is over; or the signal of which the server dies; 3: it
 * goes on without an end. */
static int served(const int *submits, const int *results, bool is_registered)
{
	static const struct rlimit no_core = { 0, 0 };
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct uring *uring = begin(&play.slot);

		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)signal(SIGABRT, SIG_DFL);
		play.submits = submits;
		play.results = results;
		uring_begin(uring, true);
		if (is_registered) {
			play.slot->operation = CMD_COMMIT_FETCH;
			while (submit(play.slot->ring) < 0 || take(play.slot->ring))
				;
		} else {
			serve(play.slot->ring);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

/* A queue without its thread would let ranks wait for ever. */
static void no_queue_is_left_alone(void **state)
{
	static const int none[] = { 1 }, waits[] = { -EINTR, -EAGAIN, 0, -EBUSY, -ENOMEM, 1 },
			 broken[] = { -EBADR, 1 };
	static const struct {
		int results[3];
		int first, later; /* to the first command, and to one after that */
	} cases[] = {
		{ { -ENOTCONN, 1 }, 0, 0 },
		{ { -ECANCELED, 1 }, 0, 0 },
		{ { -EINTR, -ECONNABORTED, 1 }, 0, 0 },
		/* FUSE knows, and uses the channel */
		{ { -EINVAL, 1 }, 0, SIGABRT },
		{ { -ENOMEM, 1 }, 0, SIGABRT },
		/* by a security module */
		{ { -EACCES, 1 }, SIGABRT, SIGABRT },
		{ { -EPERM, 1 }, SIGABRT, SIGABRT },
	};
	struct slot *slot;

	(void)state;
	uring_free(begin(&slot));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(served(none, cases[i].results, false), cases[i].first);
		assert_int_equal(served(none, cases[i].results, true), cases[i].later);
		assert_int_equal(served(waits, cases[i].results, false), cases[i].first);
		assert_int_equal(served(broken, cases[i].results, false), SIGABRT);
	}
}

static int open_channel(void **state)
{
	(void)state;
	channel = open("/dev/null", O_RDWR | O_CLOEXEC);
	return channel < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_is_for_one_thing),
		cmocka_unit_test(what_it_has_is_told),
		cmocka_unit_test(cpus_share_rings),
		cmocka_unit_test(lengths_are_checked),
		cmocka_unit_test(answers_go_back),
		cmocka_unit_test(an_answer_too_long_is_an_error),
		cmocka_unit_test(it_is_used_only_where_offered),
		cmocka_unit_test(no_queue_is_left_alone),
	};

	return cmocka_run_group_tests_name("uring", tests, open_channel, NULL);
}
