/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - see server.h.
 *
 * The server outlives the rank that forks it and serves all ranks of the node, so it must inherit
 * nothing of that one rank's: not its terminal and signals, its CPU, its soft limits, its open
 * files. It stays in the job's cgroups, so its memory and CPU time are the job's.
 *
 * It reads an image that anybody may have written. So it sees no file at all (its root directory is
 * that of a dead process in /proc), has no capability and cannot get one. It is forked before the
 * container's mount namespace exists, so it never keeps the file system alive that it serves.
 */
#include "launcher/server.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/serve.h"
#include "launcher/narrow.h"
#include "launcher/proctitle.h"
#include "launcher/report.h"

/* Whatever is sent to all processes of a step is meant for the ranks; the server ends after them. */
static void ignore_signals(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGSEGV && sig != SIGBUS && sig != SIGFPE && sig != SIGILL &&
		    sig != SIGABRT && sig != SIGCHLD)
			(void)signal(sig, SIG_IGN);
}

static void raise_limits(void)
{
	const int limits[] = { RLIMIT_CPU, RLIMIT_AS, RLIMIT_DATA };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit limit;

		if (getrlimit((__rlimit_resource_t)limits[i], &limit) == 0) {
			limit.rlim_cur = limit.rlim_max;
			(void)setrlimit((__rlimit_resource_t)limits[i], &limit);
		}
	}
}

/* All CPUs that the job's cpuset allows: the kernel takes the others away. */
static void reset_affinity(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	(void)sched_setaffinity(0, sizeof(all), &all);
}

static bool is_kept(int fd, const int *keep, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

/* Closes every descriptor above 2 but those to keep; -1 stands for none. */
static void close_others(const int *keep, size_t count)
{
	int last = STDERR_FILENO;

	for (size_t i = 0; i < count; i++)
		if (keep[i] > last)
			last = keep[i];
	for (int fd = STDERR_FILENO + 1; fd < last; fd++)
		if (!is_kept(fd, keep, count))
			close(fd);
	(void)close_range((unsigned int)last + 1, ~0u, 0);
}

/* Standard error stays until the server is ready, for report(). */
static int redirect_stdio(void)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ? -1 : 0;
}

/* Called in a process that is about to die: its directory in /proc is empty then, and nothing can be
 * found in it any more. The server inherits it as its root, and so sees no file at all. */
static int enter_dead_end(void)
{
	/* A change of user namespace may have made /proc/self root's. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return chroot("/proc/self/fdinfo") < 0 || chdir("/") < 0 ? -1 : 0;
}

/* Shows in the memfd that the server runs. The lock tells those who look whether that still holds;
 * a server that nobody can see is no reason to fail. */
static void sign_in(const struct rendezvous *rendezvous)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = HANDOVER_LOCK_SERVER, .l_len = 1
	};

	if (fcntl(rendezvous->memfd, F_SETLK, &lock) == 0)
		rendezvous->handover->server = HANDOVER_SERVER_RUNS;
}

static void sign_out(const struct rendezvous *rendezvous)
{
	if (rendezvous->handover->server == HANDOVER_SERVER_RUNS)
		rendezvous->handover->server = HANDOVER_SERVER_ENDED;
}

static void set_title(const char *path)
{
	cleanup_free char *title = NULL;

	if (asprintf(&title, "davit: image server: %s", path) < 0)
		title = NULL;
	proctitle_set(title ? title : "davit: image server");
}

/* Everything that can be done before the mount exists. */
static int get_ready(const struct image *image, int go, int channel,
		     const struct rendezvous *rendezvous, struct error *err)
{
	const int keep[] = { image->fd, go, channel, rendezvous->memfd };

	setsid();
	ignore_signals();
	raise_limits();
	reset_affinity();
	close_others(keep, sizeof(keep) / sizeof(keep[0]));
	sign_in(rendezvous);
	if (narrow(err) < 0)
		return -1;
	set_title(image->path);
	return 0;
}

static struct handover *handover; /* where the server leaves word */

/* The rank's standard error must be free to close when the rank is done with it. From now on there
 * is nothing to tell but damage, and the plugin tells that. */
static void let_go(void)
{
	(void)dup2(STDIN_FILENO, STDERR_FILENO);
}

static void note_damage(void)
{
	handover->server = HANDOVER_SERVER_DAMAGED;
}

static _Noreturn void server_main(const struct image *image, int go, int channel,
				  const struct rendezvous *rendezvous)
{
	const struct image_server server = { .image = image,
					     .channel = channel,
					     .cpu = sched_getcpu(),
					     .uid = geteuid(),
					     .gid = getegid(),
					     .ready = let_go,
					     .damaged = note_damage };
	struct error err = ERROR_INIT;
	int result;
	char byte;

	handover = rendezvous->handover;
	result = get_ready(image, go, channel, rendezvous, &err);
	if (result == 0 && read(go, &byte, 1) == 1)
		result = image_serve(&server, &err);
	sign_out(rendezvous);
	if (result < 0) {
		error_wrap(&err, "the image server for '%s' ended", image->path);
		if (rendezvous_may_report(rendezvous))
			report(&err);
		_exit(EXIT_SETUP);
	}
	_exit(0);
}

/* In the process between: a mother for the server who dies at once. */
static _Noreturn void start(const struct image *image, const int *go, int channel,
			    const struct rendezvous *rendezvous)
{
	pid_t pid;

	close(go[1]);
	if (redirect_stdio() < 0 || enter_dead_end() < 0)
		_exit(errno);
	pid = fork();
	if (pid == 0)
		server_main(image, go[0], channel, rendezvous);
	_exit(pid < 0 ? errno : 0);
}

int server_start(const struct image *image, int channel, const struct rendezvous *rendezvous,
		 struct error *err)
{
	cleanup_close int read_end = -1, write_end = -1;
	sighandler_t handler;
	int go[2], status = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) < 0)
		return error_set(err, errno, "cannot start the image server");
	read_end = go[0];
	write_end = go[1];
	/* Where it is ignored, nobody can be waited for. */
	handler = signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (pid == 0)
		start(image, go, channel, rendezvous);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)signal(SIGCHLD, handler);
	if (pid < 0)
		return error_set(err, EAGAIN, "cannot start the image server");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(err, WIFEXITED(status) ? WEXITSTATUS(status) : EINTR,
				 "cannot start the image server");
	return steal_fd(&write_end);
}

void server_go(int go)
{
	/* Where the server is dead, the first look into the mount tells. */
	(void)send(go, "", 1, MSG_NOSIGNAL);
	close(go);
}
