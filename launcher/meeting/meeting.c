/* SPDX-License-Identifier: BSD-3-Clause */
/* meeting.c - see meeting.h. */
#include "launcher/meeting/meeting.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/handover.h"
#include "launcher/fdpass.h"
#include "launcher/meeting/host.h"
#include "launcher/meeting/siblings.h"

#define NAMES_MAX 3
#define TRIES_MAX 200 /* with a millisecond between two */
#define ANSWER_S  2   /* for a host to answer: it has nothing else to do */

enum outcome {
	MET,
	TAKEN,   /* the name is somebody else's */
	NOT_YET, /* or no longer: to be tried again */
	FAILED,
};

struct attendance {
	const char *wish;
	size_t len;
	unsigned int count;
	pid_t daemon;
	uint64_t hash;
	struct rendezvous *rendezvous;
};

/* ---- the name ------------------------------------------------------------ */

/* FNV-1a. Those whose wishes have the same hash find out and take another name. */
static void add_bytes(uint64_t *hash, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ bytes[i]) * UINT64_C(0x100000001b3);
}

static void make_hash(struct attendance *attendance)
{
	static const char *const spaces[] = { "/proc/self/ns/user", "/proc/self/ns/mnt",
					      "/proc/self/ns/pid" };
	struct stat st;

	attendance->hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
		if (stat(spaces[i], &st) == 0)
			add_bytes(&attendance->hash, &st.st_ino, sizeof(st.st_ino));
	add_bytes(&attendance->hash, &attendance->daemon, sizeof(attendance->daemon));
	add_bytes(&attendance->hash, attendance->wish, attendance->len);
}

/* Returns the length of the address. */
static socklen_t make_address(const struct attendance *attendance, int name,
			      struct sockaddr_un *address)
{
	char *path = address->sun_path;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(path + 1, sizeof(address->sun_path) - 1,
					    "davit.%u.%016llx.%d", geteuid(),
					    (unsigned long long)attendance->hash, name));
}

/* ---- the first ----------------------------------------------------------- */

static enum outcome begin(const struct attendance *attendance, int listener)
{
	const struct handover header = { .magic = HANDOVER_MAGIC,
					 .text_len = (uint32_t)attendance->len,
					 .userns_fd = -1,
					 .send_fd = -1,
					 .recv_fd = -1,
					 .question_fd = -1,
					 .answer_fd = -1 };
	struct error ignored = ERROR_INIT;
	cleanup_close int memfd = handover_create(&header, attendance->wish, &ignored);
	cleanup_close int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	cleanup_close int daemon = (int)syscall(SYS_pidfd_open, attendance->daemon, 0);
	struct rendezvous *rendezvous = attendance->rendezvous;
	int pair[2] = { -1, -1 };
	bool is_made = memfd >= 0 && self >= 0 &&
		       socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0;
	const struct host host = { .listener = listener,
				   .memfd = memfd,
				   .send_fd = pair[0],
				   .recv_fd = pair[1],
				   .first = self,
				   .daemon = daemon,
				   .handover = is_made ? handover_map(memfd, &ignored) : NULL,
				   .count = attendance->count };

	if (!host.handover || host_start(&host) < 0) {
		close(pair[0]);
		close(pair[1]);
		return FAILED;
	}
	return rendezvous_take(rendezvous, steal_fd(&memfd), pair[0], pair[1], &ignored) < 0
		       ? FAILED
		       : MET;
}

/* ---- the others ---------------------------------------------------------- */

static enum outcome receive(int sock, struct greeting *greeting, int *fds, struct ucred *from)
{
	ssize_t len = fdpass_receive_from(sock, greeting, sizeof(*greeting), fds, 0, from);

	if (len == 0 || (len < 0 && errno == ECONNRESET))
		return NOT_YET;
	return len == sizeof(*greeting) ? MET : TAKEN;
}

static bool is_own_user(int sock)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

/* Believes what the host has sent if it is for the same wish. */
static enum outcome take(const struct attendance *attendance, int *fds)
{
	struct rendezvous *rendezvous = attendance->rendezvous;
	struct error ignored = ERROR_INIT;

	if (fds[HOST_GIVES - 1] < 0 ||
	    rendezvous_take(rendezvous, fds[0], fds[1], fds[2], &ignored) < 0)
		return TAKEN;
	if (rendezvous->handover->text_len == attendance->len &&
	    memcmp(handover_text(rendezvous->handover), attendance->wish, attendance->len) == 0)
		return MET;
	return TAKEN;
}

static enum outcome introduce(const struct attendance *attendance, int sock)
{
	struct greeting greeting, answer;
	struct ucred from, again;
	int fds[FDPASS_MAX];
	cleanup_close int host = -1;
	enum outcome outcome = receive(sock, &greeting, fds, &from);

	if (outcome != MET)
		return outcome;
	host = siblings_open(from.pid);
	if (host < 0 || from.uid != geteuid())
		return TAKEN;
	if (getrandom(&greeting.guest, sizeof(greeting.guest), 0) != sizeof(greeting.guest) ||
	    fdpass_send(sock, &greeting, sizeof(greeting), NULL, 0) < 0)
		return NOT_YET;
	outcome = receive(sock, &answer, fds, &again);
	if (outcome != MET)
		return outcome;
	if (again.pid != from.pid || answer.guest != greeting.guest || siblings_has_ended(host))
		return TAKEN;
	return take(attendance, fds);
}

/* ---- both ---------------------------------------------------------------- */

static enum outcome try_name(const struct attendance *attendance, int name)
{
	const int on = 1;
	const struct timeval patience = { .tv_sec = ANSWER_S };
	struct sockaddr_un address;
	socklen_t len = make_address(attendance, name, &address);
	cleanup_close int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return FAILED;
	if (bind(sock, (struct sockaddr *)&address, len) == 0)
		return listen(sock, SOMAXCONN) < 0 ? FAILED : begin(attendance, sock);
	if (errno != EADDRINUSE ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return FAILED;
	if (connect(sock, (struct sockaddr *)&address, len) < 0)
		return errno == ECONNREFUSED ? NOT_YET : TAKEN;
	return is_own_user(sock) ? introduce(attendance, sock) : TAKEN;
}

/* A name is bound before somebody listens there, and the kernel has nothing to wait for that. */
static enum outcome insist(const struct attendance *attendance, int name)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	enum outcome outcome = try_name(attendance, name);

	for (int i = 0; i < TRIES_MAX && outcome == NOT_YET; i++) {
		nanosleep(&pause, NULL);
		outcome = try_name(attendance, name);
	}
	return outcome;
}

int meeting_attend(struct rendezvous *rendezvous, const char *wish, size_t len, unsigned int count,
		   struct error *err)
{
	struct attendance attendance = { .wish = wish,
					 .len = len,
					 .count = count,
					 .daemon = siblings_daemon(),
					 .rendezvous = rendezvous };
	struct sockaddr_un address;

	make_hash(&attendance);
	for (int name = 0; name < NAMES_MAX; name++) {
		enum outcome outcome = insist(&attendance, name);

		if (outcome == MET || outcome == FAILED)
			return outcome == MET;
	}
	make_address(&attendance, 0, &address);
	error_set(
		err, 0,
		"the ranks cannot meet, so each has a container of its own: somebody else holds the socket '@%s'",
		address.sun_path + 1);
	error_remedy(err, "ask your admin whose it is (ss -xlp)");
	return 0;
}
