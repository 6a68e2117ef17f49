/* SPDX-License-Identifier: BSD-3-Clause */
/* slurm_wire.c - see slurm_wire.h. Part of the launcher and of the static davit-slurm. */
#include "launcher/slurm_wire.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *const slurm_commands[SLURM_COMMANDS] = { "srun",   "sbatch",   "salloc",  "squeue",
						     "sinfo",  "scontrol", "sacct",   "scancel",
						     "sstat",  "sbcast",   "sattach", "sprio",
						     "sshare", "sacctmgr", "sreport", "strigger",
						     "sdiag" };

int slurm_wire_command(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	for (int i = 0; i < SLURM_COMMANDS; i++)
		if (strcmp(slurm_commands[i], name) == 0)
			return i;
	return -1;
}

int slurm_wire_passes(int sig)
{
	switch (sig) {
	case SIGHUP:
	case SIGINT:
	case SIGQUIT:
	case SIGUSR1:
	case SIGUSR2:
	case SIGALRM:
	case SIGTERM:
	case SIGCONT:
	case SIGTSTP:
	case SIGWINCH:
		return 1;
	default:
		return 0;
	}
}

int slurm_wire_split(char *text, size_t size, char **strings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strnlen(text, size);

		if (len == size)
			return -1;
		strings[i] = text;
		text += len + 1;
		size -= len + 1;
	}
	return size == 0 ? 0 : -1;
}

union control {
	char buf[CMSG_SPACE(SLURM_WIRE_FDS * sizeof(int))];
	struct cmsghdr align;
};

int slurm_wire_send(int sock, const void *data, size_t len, const int *fds, size_t count)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	union control control = { .buf = "" };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	/* A message of a few bytes is never cut in two. */
	errno = EPROTO;
	return (size_t)n == len ? 0 : -1;
}

/* Takes the descriptors of a message, as many as there are. */
static size_t take(struct msghdr *msg, int *fds)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	size_t count;

	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
		return 0;
	count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(cmsg), count * sizeof(int));
	return count;
}

int slurm_wire_receive(int sock, void *data, size_t len, int *fds, size_t count)
{
	struct iovec iov = { .iov_base = data, .iov_len = len };
	union control control = { .buf = "" };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	int taken[SLURM_WIRE_FDS];
	size_t got;
	ssize_t n;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	got = take(&msg, taken);
	if ((size_t)n == len && got == count && !(msg.msg_flags & MSG_CTRUNC)) {
		memcpy(fds, taken, count * sizeof(int));
		return 0;
	}
	for (size_t i = 0; i < got; i++)
		close(taken[i]);
	errno = EPROTO;
	return -1;
}
