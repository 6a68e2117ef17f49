/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * squat.c - what others may try where the ranks of mpirun meet (launcher/meeting).
 *
 * squat deaf NAME	binds the abstract name and does not listen
 * squat silent NAME	listens, and never says a word
 * squat host NAME	plays the host, with descriptors of its own making
 * squat guest NAME	plays a guest; prints how many descriptors it was given
 *
 * All but the last print "here" and stay until they are killed.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FDS_MAX 8

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

static socklen_t make_address(struct sockaddr_un *address, const char *name)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	strncpy(address->sun_path + 1, name, sizeof(address->sun_path) - 2);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static void give(int sock, const uint64_t *numbers)
{
	int fds[3] = { memfd_create("squat", MFD_ALLOW_SEALING), sock, sock };
	union control control = { .space = "" };
	struct iovec iov = { (void *)(uintptr_t)numbers, 16 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.space,
			      .msg_controllen = CMSG_SPACE(sizeof(fds)) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	(void)sendmsg(sock, &msg, MSG_NOSIGNAL);
	close(fds[0]);
}

static void play_host(int listener)
{
	for (;;) {
		uint64_t numbers[2] = { 7, 0 };
		int sock = accept(listener, NULL, NULL);

		(void)send(sock, numbers, sizeof(numbers), MSG_NOSIGNAL);
		if (recv(sock, numbers, sizeof(numbers), 0) == sizeof(numbers))
			give(sock, numbers);
		close(sock);
	}
}

static void play_guest(int sock)
{
	union control control = { .space = "" };
	uint64_t numbers[2] = { 0, 0 };
	struct iovec iov = { numbers, sizeof(numbers) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.space,
			      .msg_controllen = sizeof(control.space) };
	const struct cmsghdr *cmsg = NULL;

	if (recv(sock, numbers, sizeof(numbers), 0) == sizeof(numbers) &&
	    send(sock, numbers, sizeof(numbers), MSG_NOSIGNAL) == sizeof(numbers) &&
	    recvmsg(sock, &msg, 0) > 0)
		cmsg = CMSG_FIRSTHDR(&msg);
	printf("given %zu\n", cmsg ? (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0);
}

int main(int argc, char **argv)
{
	int sock = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct sockaddr_un address;
	socklen_t len;

	if (argc < 3 || sock < 0)
		errx(2, "usage: squat deaf|silent|host|guest NAME");
	len = make_address(&address, argv[2]);
	if (strcmp(argv[1], "guest") == 0) {
		if (connect(sock, (struct sockaddr *)&address, len) < 0)
			err(1, "connect");
		play_guest(sock);
		return 0;
	}
	if (bind(sock, (struct sockaddr *)&address, len) < 0)
		err(1, "bind");
	if (strcmp(argv[1], "deaf") != 0 && listen(sock, 100) < 0)
		err(1, "listen");
	puts("here");
	fflush(stdout);
	if (strcmp(argv[1], "host") == 0)
		play_host(sock);
	pause();
	return 0;
}
