/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slurm_liar.c - sends the service for Slurm's commands what no honest client would, and prints
 * "refused" or "believed" for each lie.
 *
 * slurm_liar PID: root, who is not the user, enters the container of PID and tells the truth.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../../launcher/slurm/wire.h"

#define HONEST                                        \
	{                                             \
		SLURM_REQUEST_MAGIC, 022, 0, 2, 1, 20 \
	}

static const char strings[] = "/\0squeue\0--help\0A=B"; /* 20 bytes */

static const struct lie {
	const char *name;
	struct slurm_request head;
	size_t head_len, strings_len;
	int fds;
} lies[] = {
	{ "nothing", HONEST, 0, 0, 0 },
	{ "half a head", HONEST, 8, 0, 3 },
	{ "no descriptors", HONEST, 24, 20, 0 },
	{ "one descriptor", HONEST, 24, 20, 1 },
	{ "many descriptors", HONEST, 24, 20, 100 },
	{ "wrong magic", { 1, 022, 0, 2, 1, 20 }, 24, 20, 3 },
	{ "no arguments", { SLURM_REQUEST_MAGIC, 022, 0, 0, 3, 20 }, 24, 20, 3 },
	{ "too many arguments", { SLURM_REQUEST_MAGIC, 022, 0, 3, 1, 20 }, 24, 20, 3 },
	{ "too few arguments", { SLURM_REQUEST_MAGIC, 022, 0, 1, 1, 20 }, 24, 20, 3 },
	{ "huge count", { SLURM_REQUEST_MAGIC, 022, 0, 0xffffffff, 0xffffffff, 20 }, 24, 20, 3 },
	{ "huge size", { SLURM_REQUEST_MAGIC, 022, 0, 2, 1, 0xffffffff }, 24, 20, 3 },
	{ "empty", { SLURM_REQUEST_MAGIC, 022, 0, 2, 1, 0 }, 24, 0, 3 },
	{ "strings cut short", HONEST, 24, 10, 3 },
	{ "no final NUL", { SLURM_REQUEST_MAGIC, 022, 0, 2, 1, 19 }, 24, 19, 3 },
	{ "the truth", HONEST, 24, 20, 3 },
};

static void send_head(int sock, const struct lie *lie)
{
	union {
		char buf[CMSG_SPACE(100 * sizeof(int))];
		struct cmsghdr align;
	} control = { .buf = "" };
	struct iovec iov = { (void *)&lie->head, lie->head_len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (lie->head_len == 0)
		return;
	if (lie->fds > 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(lie->fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(lie->fds * sizeof(int));
		for (int i = 0; i < lie->fds; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &(int){ STDERR_FILENO },
			       sizeof(int));
	}
	sendmsg(sock, &msg, MSG_NOSIGNAL);
}

static const char *tell(const struct lie *lie)
{
	const struct sockaddr_un address = { AF_UNIX, SLURM_DIRECTORY "/" SLURM_SOCKET };
	int sock = socket(AF_UNIX, SOCK_STREAM, 0), status;
	const char *answer;

	if (connect(sock, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return "unreachable";
	send_head(sock, lie);
	send(sock, strings, lie->strings_len, MSG_NOSIGNAL);
	if (lie->strings_len < lie->head.size)
		shutdown(sock, SHUT_WR);
	answer = recv(sock, &status, sizeof(status), 0) == sizeof(status) ? "believed" : "refused";
	close(sock);
	return answer;
}

static int open_namespace(const char *pid, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, what);
	return open(path, O_RDONLY);
}

int main(int argc, char **argv)
{
	const size_t count = sizeof(lies) / sizeof(lies[0]);
	int user, mounts;

	if (argc > 1) {
		user = open_namespace(argv[1], "user");
		mounts = open_namespace(argv[1], "mnt");
		if (setns(user, CLONE_NEWUSER) < 0 || setns(mounts, CLONE_NEWNS) < 0)
			return 1;
		puts(tell(&lies[count - 1]));
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		printf("%s: %s\n", lies[i].name, tell(&lies[i]));
	return 0;
}
