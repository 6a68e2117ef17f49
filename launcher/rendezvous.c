/* SPDX-License-Identifier: BSD-3-Clause */
/* rendezvous.c - see rendezvous.h. */
#include "launcher/rendezvous.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "launcher/fdpass.h"
#include "launcher/report.h"

static int set_lock(int memfd, short type, int command)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = HANDOVER_LOCK_BUILD, .l_len = 1
	};
	int result;

	do
		result = fcntl(memfd, command, &lock);
	while (result < 0 && errno == EINTR);
	return result;
}

int rendezvous_alone(struct rendezvous *rendezvous, struct error *err)
{
	const struct handover header = { .magic = HANDOVER_MAGIC,
					 .question_fd = -1,
					 .answer_fd = -1 };
	int page = handover_create(&header, "", err);
	struct handover *handover = page < 0 ? NULL : handover_map(page, err);

	if (!handover || fcntl(page, F_SETFD, FD_CLOEXEC) < 0)
		return error_wrap(err, "cannot get a shared page");
	*rendezvous = (struct rendezvous){
		.memfd = -1, .page = page, .handover = handover, .send_fd = -1, .recv_fd = -1
	};
	return 0;
}

int rendezvous_open(struct rendezvous *rendezvous, int memfd, struct error *err)
{
	struct handover *handover = handover_map(memfd, err);

	if (!handover)
		return -1;
	*rendezvous = (struct rendezvous){ .memfd = memfd,
					   .page = memfd,
					   .handover = handover,
					   .send_fd = handover->send_fd,
					   .recv_fd = handover->recv_fd };
	const int fds[] = { memfd,
			    handover->userns_fd,
			    handover->send_fd,
			    handover->recv_fd,
			    handover->question_fd,
			    handover->answer_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] > STDERR_FILENO && fcntl(fds[i], F_SETFD, FD_CLOEXEC) < 0)
			return error_set(err, errno, "descriptor %d from the plugin", fds[i]);
	return 0;
}

int rendezvous_take(struct rendezvous *rendezvous, int memfd, int send_fd, int recv_fd,
		    struct error *err)
{
	struct handover *handover = handover_map(memfd, err);

	if (!handover)
		return -1;
	*rendezvous = (struct rendezvous){ .memfd = memfd,
					   .page = memfd,
					   .handover = handover,
					   .send_fd = send_fd,
					   .recv_fd = recv_fd };
	return 0;
}

static int unlock(struct rendezvous *rendezvous)
{
	set_lock(rendezvous->memfd, F_UNLCK, F_SETLK);
	return 0;
}

/* Returns 1 if the caller shall build the container; it holds the lock then until it calls publish()
 * or fail(), or dies. Returns 0 when the container is there or has failed, -1 with `err` set if the
 * lock cannot be had. */
static int elect(struct rendezvous *rendezvous, struct error *err)
{
	const struct handover *handover = rendezvous->handover;

	if (rendezvous->memfd < 0)
		return 1;
	if (set_lock(rendezvous->memfd, F_WRLCK, F_SETLK) < 0) {
		if (errno != EAGAIN && errno != EACCES)
			goto failed;
		/* Not the first: sleep until nobody builds. All are woken at once then. */
		if (set_lock(rendezvous->memfd, F_RDLCK, F_SETLKW) < 0)
			goto failed;
		if (handover->state != HANDOVER_EMPTY)
			return unlock(rendezvous);
		/* The builder died. Queue for its place, one by one. */
		unlock(rendezvous);
		if (set_lock(rendezvous->memfd, F_WRLCK, F_SETLKW) < 0)
			goto failed;
	}
	return handover->state == HANDOVER_EMPTY ? 1 : unlock(rendezvous);
failed:
	return error_set(err, errno, "cannot lock the rendezvous of the ranks");
}

static void settle(struct rendezvous *rendezvous, enum handover_state state)
{
	__atomic_store_n(&rendezvous->handover->state, (uint32_t)state, __ATOMIC_RELEASE);
	unlock(rendezvous);
}

/* All descriptors of a way: those of the namespaces, then these. */
enum {
	FD_PIDS = NAMESPACE_COUNT, /* namespaces.lifeline */
	FD_RECIPE,
	FD_LIFELINE,
	FD_COUNT
};

static int *fd_of(struct way *way, int i)
{
	switch (i) {
	case FD_PIDS:
		return &way->namespaces.lifeline;
	case FD_RECIPE:
		return &way->recipe;
	case FD_LIFELINE:
		return &way->lifeline;
	default:
		return &way->namespaces.fds[i];
	}
}

/* What the message says beside the descriptors. */
struct note {
	uint32_t present; /* which of them follow: a bit for each */
	uint32_t what;    /* namespaces.what */
};

_Static_assert(FD_COUNT <= FDPASS_MAX, "all descriptors of a way in one message");

static int send_way(int socket, struct way *way)
{
	struct note note = { .what = way->namespaces.what };
	int fds[FD_COUNT];
	size_t count = 0;

	for (int i = 0; i < FD_COUNT; i++)
		if (*fd_of(way, i) >= 0) {
			note.present |= 1u << i;
			fds[count++] = *fd_of(way, i);
		}
	return fdpass_send(socket, &note, sizeof(note), fds, count);
}

static int peek_way(int socket, struct way *way)
{
	struct note note;
	int fds[FDPASS_MAX];
	size_t count = 0;

	if (fdpass_receive(socket, &note, sizeof(note), fds, MSG_PEEK | MSG_DONTWAIT) !=
	    (ssize_t)sizeof(note)) {
		errno = errno ? errno : EPROTO;
		return -1;
	}
	for (int i = 0; i < FD_COUNT; i++)
		if (note.present & (1u << i))
			*fd_of(way, i) = fds[count++];
	way->namespaces.what = note.what;
	return 0;
}

/* Takes away what a builder left that died after it had sent: ranks look at the first message. */
static void drain(int socket)
{
	char byte;

	while (recv(socket, &byte, 1, MSG_DONTWAIT) >= 0)
		;
}

/* Hands the way in to the others. */
static int publish(struct rendezvous *rendezvous, struct way *way, struct error *err)
{
	if (rendezvous->memfd < 0)
		return 0;
	drain(rendezvous->recv_fd);
	if (send_way(rendezvous->send_fd, way) < 0)
		return error_set(err, errno, "cannot hand the container to the other ranks");
	settle(rendezvous, HANDOVER_READY);
	return 0;
}

/* Tells the others to leave with `exit_code`, silently. */
static void fail(struct rendezvous *rendezvous, int exit_code)
{
	if (rendezvous->memfd < 0)
		return;
	rendezvous->handover->exit_code = (uint32_t)exit_code;
	settle(rendezvous, HANDOVER_FAILED);
}

/* The code to leave with, or 0 if the container was built. */
static int failure(const struct rendezvous *rendezvous)
{
	uint32_t code = rendezvous->handover->exit_code;

	if (rendezvous->handover->state != HANDOVER_FAILED)
		return 0;
	return code > 0 && code < 256 ? (int)code : EXIT_SETUP;
}

int rendezvous_enter(struct rendezvous *rendezvous, struct way *way,
		     int (*build)(void *arg, struct error *err), void *arg, struct error *err)
{
	int role = elect(rendezvous, err), code;

	if (role < 0)
		return -1;
	if (role > 0) {
		if (build(arg, err) == 0 && publish(rendezvous, way, err) == 0)
			return 0;
		/* mpirun ends this rank as soon as another has ended. */
		if (rendezvous_may_report(rendezvous))
			report(err);
		fail(rendezvous, err->code);
		return err->code;
	}
	code = failure(rendezvous);
	if (code)
		return code;
	if (peek_way(rendezvous->recv_fd, way) < 0)
		return error_set(err, errno, "cannot receive the container from the first rank");
	return namespaces_enter(&way->namespaces, err);
}

bool rendezvous_may_report(const struct rendezvous *rendezvous)
{
	return __atomic_exchange_n(&rendezvous->handover->reported, 1, __ATOMIC_ACQ_REL) == 0;
}

void rendezvous_report(struct rendezvous *rendezvous, const struct error *err)
{
	(void)set_lock(rendezvous->memfd, F_WRLCK, F_SETLKW);
	if (rendezvous_may_report(rendezvous))
		report(err);
	unlock(rendezvous);
}
