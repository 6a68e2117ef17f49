/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * network.c - see network.h.
 *
 * The keeper gets the container's network namespace over a socket, looks at all that may fail, so
 * that it can be told by its name, has the program started (uplink.h) and answers the builder. Then
 * it waits for the end of either. It sees the container's end by inotify(7), which tells when a file
 * system is gone without keeping it.
 */
#include "launcher/net/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/fdpass.h"
#include "launcher/helper.h"
#include "launcher/proctitle.h"
#include "launcher/net/resolver.h"
#include "launcher/net/uplink.h"

#define RESOLV_CONF_MAX (64u << 10)
#define PORT_WAITS      20
#define PORT_WAIT_MS    50

/* In the order of the message that brings them. */
enum {
	FD_NET,
	FD_MOUNT,
	FD_API, /* a tmpfs */
	FD_COUNT
};

struct keeper {
	const struct unshare *unshare;
	int fds[FDPASS_MAX];
	int watch;    /* inotify(7) on the container's mount */
	int messages; /* what the program says; ends with it */
};

/* ---- what may fail ------------------------------------------------------- */

static int check_tun(struct error *err)
{
	cleanup_close int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (tun >= 0)
		return 0;
	error_set(err, errno, "cannot open '/dev/net/tun' for the container's network");
	return error_remedy(err, errno == EACCES || errno == EPERM
					 ? "ask your admin for mode 0666 on /dev/net/tun"
					 : "ask your admin to load the kernel module tun");
}

static bool can_listen(uint16_t port)
{
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	const int on = 1;

	return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	       bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0 && listen(fd, 1) == 0;
}

/* The container of the step before may be about to end still, and nothing tells when a port gets
 * free. */
static int check_port(uint16_t port, struct error *err)
{
	for (int waits = 0; !can_listen(port); waits++) {
		if (errno == EADDRINUSE && waits < PORT_WAITS) {
			(void)poll(NULL, 0, PORT_WAIT_MS);
			continue;
		}
		error_set(err, errno, "cannot publish port %u on this node", port);
		if (errno == EADDRINUSE)
			return error_remedy(
				err, "another port: some process of this node has it (ss -ltn)");
		if (errno == EACCES)
			return error_remedy(err, "a port from 1024 on; the others are root's");
		return -1;
	}
	return 0;
}

static int check(const struct unshare *unshare, struct error *err)
{
	for (size_t i = 0; i < unshare->port_count; i++)
		if (check_port(unshare->ports[i].host, err) < 0)
			return -1;
	return check_tun(err);
}

/* ---- the keeper ---------------------------------------------------------- */

static int watch_mount(struct keeper *keeper, struct error *err)
{
	keeper->watch = helper_watch_end(keeper->fds[FD_MOUNT]);
	if (keeper->watch >= 0) {
		close(keeper->fds[FD_MOUNT]);
		return 0;
	}
	error_set(err, errno, "cannot watch the container's mounts");
	if (errno == EMFILE || errno == ENOSPC)
		error_remedy(
			err,
			"ask your admin to raise fs.inotify.max_user_instances and max_user_watches");
	return -1;
}

static int connect_out(struct keeper *keeper, struct error *err)
{
	const struct uplink uplink = { .ports = keeper->unshare->ports,
				       .port_count = keeper->unshare->port_count,
				       .net = keeper->fds[FD_NET],
				       .api = keeper->fds[FD_API] };

	if (check(keeper->unshare, err) < 0 || watch_mount(keeper, err) < 0)
		return -1;
	keeper->messages = uplink_start(&uplink, err);
	return keeper->messages < 0 ? -1 : 0;
}

/* Until the container or the program has ended. The other one's end follows: the kernel kills the
 * program after its init. What it says meanwhile nobody hears. */
static void keep(const struct keeper *keeper)
{
	struct pollfd events[] = { { .fd = keeper->watch, .events = POLLIN },
				   { .fd = keeper->messages, .events = POLLIN } };
	char buffer[4096];

	for (;;) {
		if (poll(events, 2, -1) < 0)
			continue;
		if (events[0].revents)
			return;
		if (events[1].revents && read(keeper->messages, buffer, sizeof(buffer)) <= 0)
			return;
	}
}

/* What the keeper is forked with. */
struct start {
	const struct unshare *unshare;
	int talk;
};

static void keeper_main(void *arg)
{
	const struct start *start = arg;
	struct keeper keeper = { .unshare = start->unshare };
	struct error err = ERROR_INIT;
	char byte;
	int result;

	setsid();
	helper_ignore_signals();
	helper_close_others(&start->talk, 1);
	if (helper_null_stdio(STDERR_FILENO) < 0 || chdir("/") < 0)
		_exit(EXIT_SETUP);
	proctitle_set("davit-network", "davit: network");
	if (fdpass_receive(start->talk, &byte, 1, keeper.fds, 0) != 1)
		_exit(0);
	result = connect_out(&keeper, &err);
	/* It has no rights any more, since the program has to see its files, but all of the node's
	 * files in sight: from now on nobody may look into it. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		_exit(EXIT_SETUP);
	if (send(start->talk, &err, sizeof(err), MSG_NOSIGNAL) < 0 || result < 0)
		_exit(EXIT_SETUP);
	helper_close_others((const int[]){ keeper.watch, keeper.messages }, 2);
	keep(&keeper);
	_exit(0);
}

/* ---- the builder's side -------------------------------------------------- */

static int enter_pid_namespace(void *arg)
{
	(void)arg;
	/* A change of user namespace may have made /proc/self root's. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	/* Its mounts are the node's and its own, so that it never keeps the container's. */
	return unshare(CLONE_NEWPID | CLONE_NEWNS);
}

int network_start(const struct unshare *unshare, struct error *err)
{
	cleanup_close int here = -1, there = -1;
	struct start start = { .unshare = unshare };
	int talk[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) < 0)
		return error_set(err, errno, "cannot start the keeper of the network");
	here = talk[0];
	there = talk[1];
	start.talk = there;
	if (helper_start(enter_pid_namespace, keeper_main, &start) < 0) {
		error_set(err, errno, "cannot start the keeper of the network");
		if (errno == ENOSPC)
			error_remedy(err, "ask your admin to raise user.max_pid_namespaces");
		return -1;
	}
	return steal_fd(&here);
}

int network_connect(int network, const struct namespaces *namespaces, int mount, struct error *err)
{
	cleanup_close int api = root_tmpfs("64k", "0700", err);
	const int fds[FD_COUNT] = {
		[FD_NET] = namespaces->fds[NAMESPACE_NET], [FD_MOUNT] = mount, [FD_API] = api
	};
	struct error answer;
	ssize_t len;

	if (api < 0)
		return -1;
	if (fdpass_send(network, "n", 1, fds, FD_COUNT) < 0)
		return error_set(err, errno, "cannot connect the container's network");
	do
		len = recv(network, &answer, sizeof(answer), 0);
	while (len < 0 && errno == EINTR);
	if (len != (ssize_t)sizeof(answer))
		return error_set(err, 0, "the keeper of the container's network was killed");
	if (!answer.cause[0])
		return 0;
	*err = answer;
	errno = err->errnum;
	return -1;
}

int network_mount_names(struct root *root, struct error *err)
{
	cleanup_close int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC);
	cleanup_free char *text = fd < 0 ? NULL : fd_read_all(fd, RESOLV_CONF_MAX, NULL);
	cleanup_free char *better = text ? resolver_replace(text, UPLINK_DNS) : NULL;

	return better ? root_put_file(root, "/etc/resolv.conf", better, err) : 0;
}
