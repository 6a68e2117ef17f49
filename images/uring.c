/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uring.c - see uring.h.
 *
 * libfuse has this, too (3.18), where it was built with it, which that of Debian 13 and 14 is not. But it makes its
 * rings when the mount begins, for all CPUs of the node, with whatever they may do; and it reads their
 * number below /sys, where a server sees no file. So libfuse decodes requests and encodes answers here, and
 * what carries them is Davit's own.
 *
 * The kernel waits with all requests until each queue has a buffer, those of CPUs that the job does not have
 * included. A buffer costs no memory until a request comes by it. There is one for each queue: its thread
 * answers one request at a time, and gets the next with the call that gives the answer.
 *
 * Forgets and interrupts still come through the channel. So would all else, if the kernel could not
 * use a buffer.
 */
#define FUSE_USE_VERSION 32
#include "images/uring.h"

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <liburing.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "images/content.h"
#include "images/stats.h"

/* Of Linux's uapi/linux/fuse.h, which the headers of older kernels lack. */
#define OVER_IO_URING    (1u << (41 - 32)) /* in flags2 of FUSE_INIT */
#define CMD_REGISTER     1
#define CMD_COMMIT_FETCH 2

struct command {
	uint64_t flags;
	uint64_t commit_id;
	uint16_t qid;
	uint8_t padding[6];
};

struct header {
	union {
		struct fuse_in_header in;
		struct fuse_out_header out;
		char space[128];
	} common;
	char operation[128]; /* what follows in a request of a channel, but for the payload */
	struct {
		uint64_t flags;
		uint64_t commit_id;
		uint32_t payload_size;
		uint32_t padding;
		uint64_t reserved;
	} entry;
};

/* In a buffer the header is at the beginning. The payload has room before it to put the rest of the request there, as
 * libfuse wants it. */
#define ROOM   ((size_t)4096)
#define BUFFER (ROOM + CONTENT_MAX)

#define PAUSE 1000 /* microseconds */

/* One for each queue. */
struct slot {
	struct ring *ring;
	struct header *header;
	char *payload;
	struct iovec iov[2];
	uint64_t unique; /* of the request in it; 0: none that waits for an answer */
	uint64_t commit_id;
	uint32_t operation; /* what the kernel was told last */
	uint16_t qid;
};

struct ring {
	struct io_uring io;
	struct uring *uring;
	cpu_set_t cpus;
	unsigned int slots;
};

struct uring {
	struct fuse_session *session;
	sem_t begin;
	bool is_used;
	char *buffers;
	struct slot *slots;
	int queues;
	size_t ring_count, made;
	struct ring rings[URING_RINGS_MAX];
	int files[URING_RINGS_MAX];
};

static _Thread_local struct slot *current; /* that the thread has a request of */

/* Some liburing (2.3) has these in its header alone. */
static int set(const struct io_uring *io, unsigned int what, const void *data, unsigned int count)
{
	return syscall(SYS_io_uring_register, io->ring_fd, what, data, count) < 0 ? -errno : 0;
}

static int restrict_ring(const struct io_uring *io, int channel)
{
	const struct io_uring_restriction only[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_URING_CMD },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_FIXED_FILE },
	};
	int result = set(io, IORING_REGISTER_FILES, &channel, 1);

	if (result == 0)
		result =
			set(io, IORING_REGISTER_RESTRICTIONS, only, sizeof(only) / sizeof(only[0]));
	return result == 0 ? set(io, IORING_REGISTER_ENABLE_RINGS, NULL, 0) : result;
}

static int make_ring(struct ring *ring, int channel)
{
	struct io_uring_params params = { .flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SQE128 };
	int result = io_uring_queue_init_params(ring->slots, &ring->io, &params);

	if (result < 0)
		return result;
	ring->uring->files[ring->uring->made++] = ring->io.ring_fd;
	return restrict_ring(&ring->io, channel);
}

/* Neighbours share a ring where there are more CPUs than rings. Those that the server may not use go round. */
static void assign(struct uring *uring, const cpu_set_t *cpus)
{
	size_t count = (size_t)CPU_COUNT(cpus), seen = 0;

	for (int i = 0; i < uring->queues; i++) {
		struct slot *slot = &uring->slots[i];
		bool is_ours = CPU_ISSET(i, cpus);
		size_t ring = is_ours ? seen++ * uring->ring_count / count
				      : (size_t)i % uring->ring_count;

		slot->ring = &uring->rings[ring];
		slot->ring->slots++;
		if (is_ours)
			CPU_SET(i, &slot->ring->cpus);
		slot->qid = (uint16_t)i;
		slot->header = (struct header *)(void *)(uring->buffers + (size_t)i * BUFFER);
		slot->payload = uring->buffers + (size_t)i * BUFFER + ROOM;
		slot->iov[0] = (struct iovec){ slot->header, sizeof(*slot->header) };
		slot->iov[1] = (struct iovec){ slot->payload, CONTENT_MAX };
	}
}

static int fill(struct uring *uring, int channel, int queues, int most)
{
	cpu_set_t cpus;
	int result = 0, count;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return -errno;
	count = CPU_COUNT(&cpus);
	count = most < count ? most : count;
	count = count < URING_RINGS_MAX ? count : URING_RINGS_MAX;
	uring->ring_count = (size_t)(count < 1 ? 1 : count);
	uring->queues = queues;
	uring->slots = calloc((size_t)queues, sizeof(*uring->slots));
	uring->buffers = mmap(NULL, (size_t)queues * BUFFER, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!uring->slots || uring->buffers == MAP_FAILED)
		return -ENOMEM;
	assign(uring, &cpus);
	for (size_t i = 0; i < uring->ring_count && result == 0; i++) {
		uring->rings[i].uring = uring;
		result = make_ring(&uring->rings[i], channel);
	}
	return result;
}

/* The kernel counts what a ring takes, two pages, as memory that the user has locked: all of the user's rings, and
 * those that have just been closed for a moment more. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_MEMLOCK, &limit);
	}
}

struct uring *uring_new(int channel, int queues, int most, struct error *err)
{
	struct uring *uring = calloc(1, sizeof(*uring));
	int result = -ENOMEM;

	raise_limit();
	if (uring) {
		uring->buffers = MAP_FAILED;
		(void)sem_init(&uring->begin, 0, 0);
		result = fill(uring, channel, queues, most);
	}
	if (result == 0)
		return uring;
	uring_free(uring);
	if (result == -ENOMEM)
		error_set(err, 0,
			  "cannot make a ring: too little memory may be locked (ulimit -l)");
	else
		error_set(err, -result, "cannot make a ring");
	return NULL;
}

void uring_free(struct uring *uring)
{
	if (!uring)
		return;
	for (size_t i = 0; i < uring->made; i++)
		io_uring_queue_exit(&uring->rings[i].io);
	if (uring->buffers != MAP_FAILED)
		munmap(uring->buffers, (size_t)uring->queues * BUFFER);
	free(uring->slots);
	free(uring);
}

const int *uring_files(const struct uring *uring, size_t *count)
{
	*count = uring ? uring->made : 0;
	return uring ? uring->files : NULL;
}

size_t uring_memory(const struct uring *uring)
{
	return uring ? (size_t)uring->queues * BUFFER : 0;
}

/* There is a place for each slot of the ring, and a slot has one command at a time. */
static void queue(struct slot *slot, uint32_t operation)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&slot->ring->io);
	struct command *command;

	if (!sqe)
		abort();
	memset(sqe, 0, 2 * sizeof(*sqe));
	command = (struct command *)(void *)sqe->cmd;
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->cmd_op = operation;
	sqe->user_data = (uint64_t)(uintptr_t)slot;
	if (operation == CMD_REGISTER) {
		sqe->addr = (uint64_t)(uintptr_t)slot->iov;
		sqe->len = 2;
	}
	command->commit_id = slot->commit_id;
	command->qid = slot->qid;
	slot->operation = operation;
}

/* Gives back what is in the slot: an error without an answer, or the answer that is there. */
static void commit(struct slot *slot, size_t size)
{
	slot->header->entry.payload_size = (uint32_t)size;
	slot->unique = 0;
	slot->commit_id = slot->header->entry.commit_id;
	queue(slot, CMD_COMMIT_FETCH);
}

static void fail(struct slot *slot, int error)
{
	slot->header->common.out = (struct fuse_out_header){ .len = sizeof(struct fuse_out_header),
							     .error = -error,
							     .unique = slot->unique };
	commit(slot, 0);
}

bool uring_answer(const struct iovec *iov, int count)
{
	const struct fuse_out_header *out = iov[0].iov_base;
	struct slot *slot = current;
	size_t size = 0;

	if (!slot || iov[0].iov_len != sizeof(*out) || out->unique != slot->unique)
		return false;
	for (int i = 1; i < count; i++) {
		if (iov[i].iov_len > CONTENT_MAX - size) {
			fail(slot, EIO);
			return true;
		}
		memcpy(slot->payload + size, iov[i].iov_base, iov[i].iov_len);
		size += iov[i].iov_len;
	}
	slot->header->common.out = *out;
	commit(slot, size);
	return true;
}

/* The request as it would have come through the channel, in place. NULL if it makes no sense. */
static char *assemble(const struct slot *slot, size_t *size)
{
	const struct fuse_in_header *in = &slot->header->common.in;
	size_t payload = slot->header->entry.payload_size, operation;
	char *begin;

	*size = in->len;
	if (payload > CONTENT_MAX || in->len < sizeof(*in) + payload)
		return NULL;
	operation = in->len - sizeof(*in) - payload;
	if (operation > sizeof(slot->header->operation))
		return NULL;
	begin = slot->payload - operation - sizeof(*in);
	memcpy(begin, in, sizeof(*in));
	memcpy(begin + sizeof(*in), slot->header->operation, operation);
	return begin;
}

static void process(struct slot *slot)
{
	struct fuse_buf buf = { .mem = assemble(slot, &buf.size) };

	slot->unique = slot->header->common.in.unique;
	stats_add(STAT_RINGS, 1);
	if (buf.mem) {
		current = slot;
		fuse_session_process_buf(slot->ring->uring->session, &buf);
		current = NULL;
	}
	if (slot->unique != 0)
		fail(slot, EIO);
}

static bool is_end(int result)
{
	return result == -ENOTCONN || result == -ECONNABORTED || result == -ECANCELED;
}

/* Where FUSE could not register a queue, the kernel uses the channel. But a security module refuses before
 * FUSE hears of it: then the kernel waits for that queue, and all who use the mount do. */
static bool is_fatal(const struct slot *slot, int result)
{
	if (slot->operation == CMD_REGISTER)
		return result == -EACCES || result == -EPERM;
	return !is_end(result);
}

/* Takes one completion. Returns false when there is nothing more to come. */
static bool take(struct ring *ring)
{
	struct io_uring_cqe *cqe;
	struct slot *slot;
	int result;

	if (io_uring_peek_cqe(&ring->io, &cqe) < 0)
		return true;
	slot = (struct slot *)(uintptr_t)cqe->user_data;
	result = cqe->res;
	io_uring_cqe_seen(&ring->io, cqe);
	if (result == 0)
		process(slot);
	else if (result == -EINTR || result == -EAGAIN)
		queue(slot, slot->operation);
	else if (is_fatal(slot, result))
		abort(); /* nobody would answer that queue any more */
	else
		return false;
	return true;
}

/* Waits for a completion, too. What is not submitted stays in the ring for the next time: so without memory for it
 * somebody may have more in a moment. With a thread that ends otherwise, whoever asks its queues would wait for
 * ever; a server that dies is an error, which is told. */
static int submit(struct ring *ring)
{
	int result = io_uring_submit_and_wait(&ring->io, 1);

	if (result == -EAGAIN || result == -EBUSY || result == -ENOMEM)
		(void)usleep(PAUSE);
	else if (result < 0 && result != -EINTR)
		abort();
	return result;
}

static void *serve(void *data)
{
	struct ring *ring = data;
	struct uring *uring = ring->uring;

	if (CPU_COUNT(&ring->cpus) > 0)
		(void)sched_setaffinity(0, sizeof(ring->cpus), &ring->cpus);
	while (sem_wait(&uring->begin) < 0)
		;
	if (!uring->is_used)
		return NULL;
	for (int i = 0; i < uring->queues; i++)
		if (uring->slots[i].ring == ring)
			queue(&uring->slots[i], CMD_REGISTER);
	while (submit(ring) < 0 || take(ring))
		;
	return NULL;
}

bool uring_offer(struct uring *uring, struct fuse_session *session, const struct fuse_init_in *in,
		 struct fuse_init_out *out)
{
	pthread_t thread;

	if (!(in->flags & FUSE_INIT_EXT) || !(in->flags2 & OVER_IO_URING) ||
	    !(out->flags & FUSE_MAX_PAGES))
		return false;
	uring->session = session;
	for (size_t i = 0; i < uring->ring_count; i++)
		if (pthread_create(&thread, NULL, serve, &uring->rings[i]) != 0) {
			uring_begin(uring, false);
			return false;
		}
	out->flags |= FUSE_INIT_EXT;
	out->flags2 |= OVER_IO_URING;
	out->max_write = CONTENT_MAX;
	out->max_pages = (uint16_t)(CONTENT_MAX / sysconf(_SC_PAGESIZE));
	return true;
}

void uring_begin(struct uring *uring, bool is_answered)
{
	uring->is_used = is_answered;
	for (size_t i = 0; i < uring->ring_count; i++)
		(void)sem_post(&uring->begin);
}
