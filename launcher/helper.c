/* SPDX-License-Identifier: BSD-3-Clause */
/* helper.c - see helper.h. */
#include "launcher/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/affinity.h"
#include "common/fd.h"

void helper_ignore_signals(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGSEGV && sig != SIGBUS && sig != SIGFPE && sig != SIGILL &&
		    sig != SIGABRT && sig != SIGCHLD)
			(void)signal(sig, SIG_IGN);
}

void helper_default_signals(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
}

static bool is_kept(int fd, const int *keep, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

void helper_close_others(const int *keep, size_t count)
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

void helper_use_all_cpus(void)
{
	struct affinity all;

	affinity_fill(&all);
	(void)affinity_use(&all);
}

int helper_count_cpus(void)
{
	const char *text = getenv("SLURM_CPUS_ON_NODE");
	long of_job = text ? strtol(text, NULL, 10) : 0;
	int count = affinity_own_count();

	return of_job > 0 && of_job < count ? (int)of_job : count;
}

int helper_watch_end(int fd)
{
	cleanup_close int watch = inotify_init1(IN_CLOEXEC);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* Any event will do: the end of the file system is told in any case. */
	if (watch < 0 || inotify_add_watch(watch, path, IN_DELETE_SELF) < 0)
		return -1;
	return steal_fd(&watch);
}

int helper_null_stdio(int last)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; fd <= last; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return -1;
	return 0;
}

static _Noreturn void start(int (*between)(void *arg), void (*body)(void *arg), void *arg)
{
	pid_t pid;

	/* Nobody else would end it if it were stopped now and its parent killed. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	pid = between(arg) < 0 ? -1 : fork();

	if (pid == 0)
		body(arg);
	_exit(pid < 0 ? errno : 0);
}

int helper_start(int (*between)(void *arg), void (*body)(void *arg), void *arg)
{
	/* Where it is ignored, nobody can be waited for. */
	sighandler_t handler = signal(SIGCHLD, SIG_DFL);
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		start(between, body, arg);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)signal(SIGCHLD, handler);
	if (pid < 0)
		errno = EAGAIN;
	else if (!WIFEXITED(status))
		errno = EINTR;
	else
		errno = WEXITSTATUS(status);
	return pid < 0 || status != 0 ? -1 : 0;
}
