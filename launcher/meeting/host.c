/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host.c - see host.h.
 *
 * What a guest gets is the say about what the other ranks will enter. So nobody in a container gets
 * it, though that is the same user's and can reach the socket: a guest has to be outside, where the
 * host is.
 *
 * The host keeps the container, by the message in the socket. So it ends with the last rank that has
 * come; or with the daemon, for then no more will come. Only where something has failed it waits for
 * all ranks of the node: those who come late shall not try and complain again.
 */
#include "launcher/meeting/host.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/fdpass.h"
#include "launcher/helper.h"
#include "launcher/meeting/siblings.h"
#include "launcher/proctitle.h"

struct guest {
	int fd;    /* the connection, -1 when the guest is in */
	int pidfd; /* -1 when the guest is gone */
	pid_t pid;
	uint64_t number;
};

/* In poll(2): these, then two for each guest. */
enum {
	POLL_LISTENER,
	POLL_DAEMON,
	POLL_GUESTS
};

struct meeting {
	const struct host *host;
	struct guest *guests;
	struct pollfd *polls;
	size_t count;
	unsigned int came;
};

static int add_guest(struct meeting *meeting, const struct guest *guest)
{
	size_t count = meeting->count + 1;
	struct guest *guests = realloc(meeting->guests, count * sizeof(*guests));
	struct pollfd *polls;

	if (!guests)
		return -1;
	meeting->guests = guests;
	polls = realloc(meeting->polls, (POLL_GUESTS + 2 * count) * sizeof(*polls));
	if (!polls)
		return -1;
	meeting->polls = polls;
	meeting->guests[meeting->count++] = *guest;
	return 0;
}

static void close_guest(struct guest *guest)
{
	if (guest->fd >= 0)
		close(guest->fd);
	if (guest->pidfd >= 0)
		close(guest->pidfd);
	guest->fd = -1;
	guest->pidfd = -1;
}

/* Somebody has connected. Returns -1 if the meeting cannot go on. */
static int receive(struct meeting *meeting)
{
	struct guest guest = { .fd = accept4(meeting->host->listener, NULL, NULL, SOCK_CLOEXEC),
			       .pidfd = -1 };
	struct greeting greeting = { .guest = 0 };
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (guest.fd < 0)
		return errno == ECONNABORTED || errno == EINTR ? 0 : -1;
	if (getsockopt(guest.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    peer.uid == geteuid())
		guest.pidfd = siblings_open(peer.pid);
	guest.pid = peer.pid;
	if (guest.pidfd >= 0 &&
	    getrandom(&guest.number, sizeof(guest.number), 0) == sizeof(guest.number)) {
		greeting.host = guest.number;
		if (fdpass_send(guest.fd, &greeting, sizeof(greeting), NULL, 0) == 0 &&
		    add_guest(meeting, &guest) == 0)
			return 0;
	}
	close_guest(&guest);
	return 0;
}

/* Hears a guest out, who is in then, or gone. */
static void answer(struct meeting *meeting, struct guest *guest)
{
	const struct host *host = meeting->host;
	const int given[HOST_GIVES] = { host->memfd, host->send_fd, host->recv_fd };
	struct greeting greeting;
	int fds[FDPASS_MAX];
	struct ucred from;
	ssize_t len = fdpass_receive_from(guest->fd, &greeting, sizeof(greeting), fds, MSG_DONTWAIT,
					  &from);
	bool is_sure = len == sizeof(greeting) && from.pid == guest->pid && from.uid == geteuid() &&
		       greeting.host == guest->number && !siblings_has_ended(guest->pidfd);

	for (size_t i = 0; len >= 0 && i < FDPASS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (!is_sure ||
	    fdpass_send(guest->fd, &greeting, sizeof(greeting), given, HOST_GIVES) < 0) {
		close_guest(guest);
		return;
	}
	close(guest->fd);
	guest->fd = -1;
	meeting->came++;
}

static void fill_polls(struct meeting *meeting)
{
	struct pollfd *polls = meeting->polls;

	polls[POLL_LISTENER] = (struct pollfd){ .fd = meeting->host->listener, .events = POLLIN };
	polls[POLL_DAEMON] = (struct pollfd){ .fd = meeting->host->daemon, .events = POLLIN };
	for (size_t i = 0; i < meeting->count; i++) {
		struct pollfd *of_guest = polls + POLL_GUESTS + 2 * i;

		of_guest[0] = (struct pollfd){ .fd = meeting->guests[i].fd, .events = POLLIN };
		of_guest[1] = (struct pollfd){ .fd = meeting->guests[i].pidfd, .events = POLLIN };
	}
}

static void forget_gone(struct meeting *meeting)
{
	size_t left = 0;

	for (size_t i = 0; i < meeting->count; i++)
		if (meeting->guests[i].pidfd >= 0)
			meeting->guests[left++] = meeting->guests[i];
	meeting->count = left;
}

static bool has_failed(const struct handover *handover)
{
	return handover->state == HANDOVER_FAILED || handover->reported;
}

static bool is_over(const struct meeting *meeting)
{
	return meeting->count == 0 &&
	       (meeting->came >= meeting->host->count || !has_failed(meeting->host->handover));
}

static void hold(struct meeting *meeting)
{
	do {
		size_t count = meeting->count;

		fill_polls(meeting);
		if (poll(meeting->polls, POLL_GUESTS + 2 * count, -1) < 0 ||
		    meeting->polls[POLL_DAEMON].revents)
			return;
		for (size_t i = 0; i < count; i++) {
			const struct pollfd *of_guest = meeting->polls + POLL_GUESTS + 2 * i;

			if (of_guest[0].revents)
				answer(meeting, &meeting->guests[i]);
			if (of_guest[1].revents)
				close_guest(&meeting->guests[i]);
		}
		if (meeting->polls[POLL_LISTENER].revents && receive(meeting) < 0)
			return;
		forget_gone(meeting);
	} while (!is_over(meeting));
}

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int between(void *arg)
{
	(void)arg;
	return helper_null_stdio(STDERR_FILENO) < 0 || chdir("/") < 0 ? -1 : 0;
}

static void host_main(void *arg)
{
	const struct host *host = arg;
	const int keep[] = { host->listener, host->memfd, host->send_fd,
			     host->recv_fd,  host->first, host->daemon };
	const struct guest first = { .fd = -1, .pidfd = host->first };
	struct meeting meeting = { .host = host, .came = 1 };

	setsid();
	helper_ignore_signals();
	helper_close_others(keep, sizeof(keep) / sizeof(keep[0]));
	helper_use_all_cpus();
	raise_limit();
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	proctitle_set("davit-meeting", "davit: meeting of the ranks of this node");
	if (add_guest(&meeting, &first) == 0)
		hold(&meeting);
	_exit(0);
}

int host_start(const struct host *host)
{
	return helper_start(between, host_main, (void *)(uintptr_t)host);
}
