/* SPDX-License-Identifier: BSD-3-Clause */
/* rendezvous.c - see rendezvous.h. */
#include "launcher/rendezvous.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common/fd.h"

/* The order of the descriptors in the message. */
enum {
	FD_USER,
	FD_MOUNT,
	FD_COUNT
};

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
	void *page = mmap(NULL, sizeof(struct handover), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return error_set(err, errno, "cannot get a shared page");
	*rendezvous = (struct rendezvous){ .memfd = -1, .handover = page };
	return 0;
}

int rendezvous_open(struct rendezvous *rendezvous, int memfd, struct error *err)
{
	struct handover *handover = handover_map(memfd, err);

	if (!handover)
		return -1;
	rendezvous->memfd = memfd;
	rendezvous->handover = handover;
	const int fds[] = { memfd, handover->userns_fd, handover->send_fd, handover->recv_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] > STDERR_FILENO && fcntl(fds[i], F_SETFD, FD_CLOEXEC) < 0)
			return error_set(err, errno, "descriptor %d from the plugin", fds[i]);
	return 0;
}

static int unlock(struct rendezvous *rendezvous)
{
	set_lock(rendezvous->memfd, F_UNLCK, F_SETLK);
	return 0;
}

int rendezvous_elect(struct rendezvous *rendezvous, struct error *err)
{
	const struct handover *handover = rendezvous->handover;

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

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(FD_COUNT * sizeof(int))];
};

static int send_fds(int socket, const int *fds)
{
	union control control = { .space = "" };
	char byte = 'n';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.space,
			      .msg_controllen = sizeof(control.space) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(FD_COUNT * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, FD_COUNT * sizeof(int));
	return sendmsg(socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int peek_fds(int socket, int *fds)
{
	union control control = { .space = "" };
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.space,
			      .msg_controllen = sizeof(control.space) };
	struct cmsghdr *cmsg;

	if (recvmsg(socket, &msg, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(FD_COUNT * sizeof(int))) {
		errno = EPROTO;
		return -1;
	}
	memcpy(fds, CMSG_DATA(cmsg), FD_COUNT * sizeof(int));
	return 0;
}

/* Takes away what a builder left that died after it had sent: ranks look at the first message. */
static void drain(int socket)
{
	char byte;

	while (recv(socket, &byte, 1, MSG_DONTWAIT) >= 0)
		;
}

int rendezvous_publish(struct rendezvous *rendezvous, struct error *err)
{
	cleanup_close int user = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	cleanup_close int mount = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	const int fds[FD_COUNT] = { [FD_USER] = user, [FD_MOUNT] = mount };

	if (user < 0 || mount < 0)
		return error_set(err, errno,
				 "cannot open the container's namespaces in /proc/self/ns");
	drain(rendezvous->handover->recv_fd);
	if (send_fds(rendezvous->handover->send_fd, fds) < 0)
		return error_set(err, errno, "cannot hand the container to the other ranks");
	settle(rendezvous, HANDOVER_READY);
	return 0;
}

void rendezvous_fail(struct rendezvous *rendezvous, int exit_code)
{
	rendezvous->handover->exit_code = (uint32_t)exit_code;
	settle(rendezvous, HANDOVER_FAILED);
}

int rendezvous_failure(const struct rendezvous *rendezvous)
{
	uint32_t code = rendezvous->handover->exit_code;

	if (rendezvous->handover->state != HANDOVER_FAILED)
		return 0;
	return code > 0 && code < 256 ? (int)code : EXIT_SETUP;
}

int rendezvous_join(struct rendezvous *rendezvous, struct error *err)
{
	int fds[FD_COUNT] = { -1, -1 };
	int result = 0;

	if (peek_fds(rendezvous->handover->recv_fd, fds) < 0)
		return error_set(err, errno, "cannot receive the container from the first rank");
	/* The user namespace first: it gives the right to enter the other. */
	if (setns(fds[FD_USER], CLONE_NEWUSER) < 0 || setns(fds[FD_MOUNT], CLONE_NEWNS) < 0)
		result = error_set(err, errno, "cannot enter the container of the first rank");
	for (int i = 0; i < FD_COUNT; i++)
		close(fds[i]);
	return result;
}

bool rendezvous_may_report(const struct rendezvous *rendezvous)
{
	return __atomic_exchange_n(&rendezvous->handover->reported, 1, __ATOMIC_ACQ_REL) == 0;
}
