/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - see server.h.
 *
 * The server outlives the rank that forks it and serves all ranks of the node, so it must inherit
 * nothing of that one rank's: not its terminal and signals, its CPU, its soft limits, its open
 * files. It stays in the job's cgroups, so its memory and CPU time are the job's.
 *
 * It reads an image that anybody may have written. So it sees no file at all (an empty root of its
 * own), has no capability and cannot get one. In that root the image is not mounted either, so the
 * server never keeps the file system alive that it serves.
 */
#include "launcher/server.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/serve.h"
#include "launcher/narrow.h"
#include "launcher/proctitle.h"
#include "launcher/report.h"
#include "launcher/root.h"

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

/* Closes every descriptor above 2 but these three; -1 stands for none. */
static void close_others(int a, int b, int c)
{
	unsigned int from = STDERR_FILENO + 1;

	for (;;) {
		int next = -1;

		if (a >= (int)from)
			next = a;
		if (b >= (int)from && (next < 0 || b < next))
			next = b;
		if (c >= (int)from && (next < 0 || c < next))
			next = c;
		if (next < 0)
			break;
		if ((unsigned int)next > from)
			(void)close_range(from, (unsigned int)next - 1, 0);
		from = (unsigned int)next + 1;
	}
	(void)close_range(from, ~0u, 0);
}

static int redirect_stdio(struct error *err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return error_set(err, errno, "cannot open /dev/null");
	return 0; /* standard error stays, for report() */
}

static int hide_files(struct error *err)
{
	cleanup_close int empty = -1;

	if (unshare(CLONE_NEWNS) < 0)
		return error_set(err, errno, "cannot create a mount namespace");
	empty = root_tmpfs("4k", "0555", err);
	if (empty < 0 || root_attach_over(empty, err) < 0)
		return -1;
	return root_enter(empty, err);
}

/* Shows in the memfd that the server runs. The lock tells those who look whether that still holds;
 * a server that nobody can see is no reason to fail. */
static void sign_in(const struct rendezvous *rendezvous)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			      .l_start = HANDOVER_LOCK_SERVER, .l_len = 1 };

	if (rendezvous && fcntl(rendezvous->memfd, F_SETLK, &lock) == 0)
		rendezvous->handover->server = HANDOVER_SERVER_RUNS;
}

static void sign_out(const struct rendezvous *rendezvous)
{
	if (rendezvous)
		rendezvous->handover->server = HANDOVER_SERVER_ENDED;
}

static void set_title(const char *path)
{
	cleanup_free char *title = NULL;

	if (asprintf(&title, "davit: image server: %s", path) < 0)
		title = NULL;
	proctitle_set(title ? title : "davit: image server");
}

static int serve(const struct image *image, int channel, const struct rendezvous *rendezvous,
		 struct error *err)
{
	const struct image_server server = { .image = image, .channel = channel, .uid = geteuid(),
					     .gid = getegid(), .report = report };

	sign_in(rendezvous);
	if (redirect_stdio(err) < 0 || hide_files(err) < 0 || narrow(err) < 0)
		return -1;
	set_title(image->path);
	return image_serve(&server, err);
}

static _Noreturn void server_main(const struct image *image, int channel,
				  const struct rendezvous *rendezvous)
{
	struct error err = ERROR_INIT;
	int result;

	setsid();
	ignore_signals();
	raise_limits();
	reset_affinity();
	close_others(image->fd, channel, rendezvous ? rendezvous->memfd : -1);
	result = serve(image, channel, rendezvous, &err);
	sign_out(rendezvous);
	if (result < 0) {
		error_wrap(&err, "the image server for '%s' ended", image->path);
		report(&err);
		_exit(EXIT_SETUP);
	}
	_exit(0);
}

int server_start(const struct image *image, int channel, const struct rendezvous *rendezvous,
		 struct error *err)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			server_main(image, channel, rendezvous);
		_exit(pid < 0 ? errno : 0);
	}
	if (pid < 0)
		return error_set(err, errno, "cannot start the image server");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_set(err, errno, "cannot start the image server");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(err, WIFEXITED(status) ? WEXITSTATUS(status) : EINTR,
				 "cannot start the image server");
	return 0;
}
