/* SPDX-License-Identifier: BSD-3-Clause */
/* fdpass.c - see fdpass.h. */
#include "launcher/fdpass.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(FDPASS_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

int fdpass_send(int socket, const void *data, size_t len, const int *fds, size_t count)
{
	union control control = { .space = "" };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (count > 0) {
		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	}
	return sendmsg(socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len ? 0 : -1;
}

static void take_control(const struct cmsghdr *cmsg, int *fds, struct ucred *from)
{
	size_t len = cmsg->cmsg_len - CMSG_LEN(0);

	if (cmsg->cmsg_level != SOL_SOCKET)
		return;
	if (cmsg->cmsg_type == SCM_RIGHTS && len <= FDPASS_MAX * sizeof(int))
		memcpy(fds, CMSG_DATA(cmsg), len);
	if (cmsg->cmsg_type == SCM_CREDENTIALS && from && len == sizeof(*from))
		memcpy(from, CMSG_DATA(cmsg), len);
}

ssize_t fdpass_receive(int socket, void *data, size_t size, int *fds, int flags)
{
	return fdpass_receive_from(socket, data, size, fds, flags, NULL);
}

ssize_t fdpass_receive_from(int socket, void *data, size_t size, int *fds, int flags,
			    struct ucred *from)
{
	union control control = { .space = "" };
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.space,
			      /* no room for more descriptors than `fds` has */
			      .msg_controllen = CMSG_SPACE(FDPASS_MAX * sizeof(int)) +
						(from ? CMSG_SPACE(sizeof(*from)) : 0) };
	ssize_t len;

	if (from)
		*from = (struct ucred){ .pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	for (size_t i = 0; i < FDPASS_MAX; i++)
		fds[i] = -1;
	do
		len = recvmsg(socket, &msg, flags | MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return -1;
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		take_control(cmsg, fds, from);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		for (size_t i = 0; i < FDPASS_MAX; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		errno = EPROTO;
		return -1;
	}
	return len;
}
