/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uplink.c - see uplink.h.
 *
 * The program needs rights in the user namespace: they are made ambient, and there are no others.
 * It gets files by paths in /proc/PID/fd of the caller: pasta closes what it inherits.
 *
 * slirp4netns publishes ports when it is asked over a socket, which lies in a tmpfs without a name.
 * pasta is told in its arguments.
 */
#include "launcher/net/uplink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/narrow.h"

#define GUEST     "10.0.2.100" /* slirp4netns gives the container this address */
#define WORDS_MAX 32

static const char *const places[] = { "/usr/bin", "/usr/local/bin", "/bin" };

/* What the program needs in the user namespace: to enter the network namespace and set up an
 * interface there, and to shut itself in. */
static const cap_value_t rights[] = { CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_BIND_SERVICE };

struct start {
	const struct uplink *uplink;
	char proc[64];   /* /proc/PID/fd of the caller, as the program finds it */
	int ready[2];    /* a pipe where the program says that it is */
	int messages[2]; /* its standard error */
	int gate[2];     /* closed when it may start */
};

struct program {
	const char *name;
	/* Fills the arguments after the name, with room for WORDS_MAX; strings stay allocated: an
	 * execve is next. */
	void (*fill)(const struct start *start, char **argv);
	bool asks; /* ports are published through its socket */
};

/* ---- the programs -------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void push(char ***argv, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (vasprintf((*argv)++, fmt, args) < 0)
		_exit(EXIT_SETUP);
	va_end(args);
}

static void fill_slirp(const struct start *start, char **argv)
{
	push(&argv, "--configure");
	push(&argv, "--mtu=65520");
	push(&argv, "--disable-host-loopback");
	push(&argv, "--enable-seccomp");
	push(&argv, "--ready-fd=%d", start->ready[1]);
	if (start->uplink->port_count > 0)
		push(&argv, "--api-socket=%s/%d/sock", start->proc, start->uplink->api);
	push(&argv, "--netns-type=path");
	push(&argv, "%s/%d", start->proc, start->uplink->net);
	push(&argv, "tap0");
}

/* HOST:CONTAINER,... */
static char *list_ports(const struct uplink *uplink)
{
	char *list = NULL;
	size_t len;
	FILE *out = open_memstream(&list, &len);

	if (!out)
		_exit(EXIT_SETUP);
	for (size_t i = 0; i < uplink->port_count; i++)
		fprintf(out, "%s%u:%u", i ? "," : "", uplink->ports[i].host,
			uplink->ports[i].container);
	if (fclose(out) != 0)
		_exit(EXIT_SETUP);
	return list;
}

static void fill_pasta(const struct start *start, char **argv)
{
	push(&argv, "--foreground");
	push(&argv, "--quiet");
	push(&argv, "--config-net");
	push(&argv, "--no-map-gw");
	push(&argv, "--dns-forward=%s", UPLINK_DNS);
	push(&argv, "--tcp-ports=%s",
	     start->uplink->port_count > 0 ? list_ports(start->uplink) : "none");
	push(&argv, "--udp-ports=none");
	push(&argv, "--tcp-ns=none");
	push(&argv, "--udp-ns=none");
	push(&argv, "--pid=%s/%d", start->proc, start->ready[1]);
	push(&argv, "--netns=%s/%d", start->proc, start->uplink->net);
}

static const struct program programs[] = {
	{ "slirp4netns", fill_slirp, true },
	{ "pasta", fill_pasta, false },
};

/* Finds the first that is installed; its path goes to `path`. */
static const struct program *find_program(char *path, size_t size, struct error *err)
{
	const size_t place_count = sizeof(places) / sizeof(places[0]);

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		for (size_t k = 0; k < place_count; k++) {
			snprintf(path, size, "%s/%s", places[k], programs[i].name);
			if (access(path, X_OK) == 0)
				return &programs[i];
		}
	error_set(err, 0,
		  "neither slirp4netns nor pasta is installed, for the container's network");
	error_remedy(
		err,
		"ask your admin to install slirp4netns or passt, or --container-unshare=net for loopback only");
	return NULL;
}

/* ---- starting the program ------------------------------------------------ */

/* Leaves nothing but `rights`, and those to whatever is executed. */
static int keep_rights(void)
{
	const int count = sizeof(rights) / sizeof(rights[0]);
	cap_t caps = cap_init();
	int result = -1;

	if (caps && cap_set_flag(caps, CAP_PERMITTED, count, rights, CAP_SET) == 0 &&
	    cap_set_flag(caps, CAP_EFFECTIVE, count, rights, CAP_SET) == 0 &&
	    cap_set_flag(caps, CAP_INHERITABLE, count, rights, CAP_SET) == 0)
		result = cap_set_proc(caps);
	for (int i = 0; result == 0 && i < count; i++)
		result = cap_set_ambient(rights[i], CAP_SET);
	if (caps)
		cap_free(caps);
	return result;
}

static _Noreturn void execute(const struct program *program, const char *path,
			      const struct start *start)
{
	char *argv[WORDS_MAX] = { (char *)(uintptr_t)program->name };
	char *const environment[] = { NULL };
	char byte;

	/* As long as the keeper has rights, its /proc/PID/fd is closed to an access(2). */
	close(start->gate[1]);
	if (read(start->gate[0], &byte, 1) != 0 || keep_rights() < 0)
		_exit(EXIT_SETUP);
	program->fill(start, argv + 1);
	/* pasta takes an ignored SIGPIPE for an error. The others stay ignored. */
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(start->messages[1], STDERR_FILENO) < 0 || fcntl(start->ready[1], F_SETFD, 0) < 0)
		_exit(EXIT_SETUP);
	execve(path, argv, environment);
	dprintf(STDERR_FILENO, "cannot execute '%s': %s\n", path, strerror(errno));
	_exit(EXIT_SETUP);
}

/* The program ended early: what it said is the reason. */
static int explain_end(const struct program *program, int messages, struct error *err)
{
	cleanup_free char *text = fd_read_all(messages, 64 << 10, NULL);
	size_t len = text ? strlen(text) : 0;

	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n')
			text[i] = ';';
	error_set(err, 0, "cannot connect the container's network: %s: %s", program->name,
		  len > 0 ? text : "it ended without a word");
	return error_remedy(
		err, "--container-unshare=net for loopback only, or tell your admin: %s fails",
		program->name);
}

static int await_ready(const struct program *program, const struct start *start, struct error *err)
{
	struct pollfd events[] = { { .fd = start->ready[0], .events = POLLIN },
				   { .fd = start->messages[0], .events = 0 } };

	/* Of the program's end there must be no other. */
	close(start->messages[1]);
	while (poll(events, 2, -1) < 0)
		;
	return events[0].revents ? 0 : explain_end(program, start->messages[0], err);
}

/* ---- publishing ports through slirp4netns -------------------------------- */

static int ask(const char *socket_path, const char *question, char *answer, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = 0;
	ssize_t part;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fd_write_all(fd, question, strlen(question)) < 0 || shutdown(fd, SHUT_WR) < 0)
		return -1;
	while (len < size - 1 && (part = read(fd, answer + len, size - 1 - len)) > 0)
		len += (size_t)part;
	answer[len] = '\0';
	return 0;
}

static int publish(const struct start *start, struct error *err)
{
	char path[96], question[256], answer[512];

	snprintf(path, sizeof(path), "%s/%d/sock", start->proc, start->uplink->api);
	for (size_t i = 0; i < start->uplink->port_count; i++) {
		const struct port *port = &start->uplink->ports[i];

		snprintf(question, sizeof(question),
			 "{\"execute\":\"add_hostfwd\",\"arguments\":{\"proto\":\"tcp\","
			 "\"host_addr\":\"0.0.0.0\",\"host_port\":%u,"
			 "\"guest_addr\":\"" GUEST "\",\"guest_port\":%u}}",
			 port->host, port->container);
		if (ask(path, question, answer, sizeof(answer)) < 0)
			return error_set(err, errno, "cannot ask slirp4netns for port %u",
					 port->host);
		if (!strstr(answer, "\"return\"")) {
			error_set(err, 0, "cannot publish port %u on this node: slirp4netns: %s",
				  port->host, answer);
			return error_remedy(err, "another port");
		}
	}
	return 0;
}

/* ---- both ---------------------------------------------------------------- */

static int prepare(struct start *start, struct error *err)
{
	char self[32] = "";

	/* Not getpid(): /proc is of another PID namespace. */
	if (readlink("/proc/self", self, sizeof(self) - 1) < 0)
		return error_set(err, errno, "cannot read '/proc/self'");
	snprintf(start->proc, sizeof(start->proc), "/proc/%s/fd", self);
	if (pipe2(start->ready, O_CLOEXEC) < 0 || pipe2(start->messages, O_CLOEXEC) < 0 ||
	    pipe2(start->gate, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot start the container's network");
	return 0;
}

int uplink_start(const struct uplink *uplink, struct error *err)
{
	struct start start = { .uplink = uplink };
	const struct program *program;
	char path[64];
	pid_t pid;

	program = find_program(path, sizeof(path), err);
	if (!program || prepare(&start, err) < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return error_set(err, EAGAIN, "cannot start %s", program->name);
	if (pid == 0)
		execute(program, path, &start);
	if (narrow(NARROW_USER, err) < 0)
		return -1;
	close(start.gate[1]);
	if (await_ready(program, &start, err) < 0)
		return -1;
	if (program->asks && publish(&start, err) < 0)
		return -1;
	return start.messages[0];
}
