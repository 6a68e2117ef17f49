/* SPDX-License-Identifier: BSD-3-Clause */
/* guard.c - see guard.h. */
#include "launcher/guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/helper.h"
#include "launcher/narrow.h"
#include "launcher/proctitle.h"

/* In the child. The guard may be dead already, so `parent`, a pidfd of it, is looked at as well;
 * its pid says nothing in another PID namespace. */
static void die_with(int parent)
{
	struct pollfd ended = { .fd = parent, .events = POLLIN };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (poll(&ended, 1, 0) > 0)
		(void)raise(SIGKILL);
}

/* The application's stdio must end with the application, for whoever reads it to the end. */
static void let_go(const struct guard *guard)
{
	struct error ignored = ERROR_INIT;

	helper_close_others(guard->keep, GUARD_KEEP);
	if (guard->works_later)
		return;
	(void)helper_null_stdio(guard->speaks_later ? STDOUT_FILENO : STDERR_FILENO);
	(void)narrow(NARROW_HELPER, &ignored);
	proctitle_set("davit-guard", "davit: guard");
}

/* What came from kill(2) was for the application. What came from the kernel, a terminal's for
 * example, it got itself. */
static void pass_on(const siginfo_t *info, pid_t child)
{
	if (info->si_code <= 0)
		(void)kill(child, info->si_signo);
}

/* Takes signals one by one, all of which are blocked, until the child has ended. */
static int watch(const struct guard *guard, pid_t child, const sigset_t *all)
{
	siginfo_t info;
	int status;

	for (;;) {
		if (sigwaitinfo(all, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			if (guard->forward)
				pass_on(&info, child);
			continue;
		}
		while (waitpid(child, &status, WNOHANG | WUNTRACED) > 0) {
			if (!WIFSTOPPED(status))
				return status;
			/* A shell with job control waits for this process. In a step nobody does, and
			 * nobody would continue it. */
			if (guard->forward)
				(void)raise(SIGSTOP);
		}
	}
}

int guard_fork(const struct guard *guard, int *status, struct error *err)
{
	cleanup_close int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	sighandler_t handler;
	sigset_t all, before;
	pid_t pid;

	if (self < 0)
		return error_set(err, errno, "cannot open a pidfd");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	/* Where it is ignored, nobody can be waited for. */
	handler = signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (pid > 0) {
		close(steal_fd(&self));
		let_go(guard);
		*status = watch(guard, pid, &all);
		return 1;
	}
	if (pid == 0)
		die_with(self);
	(void)signal(SIGCHLD, handler);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return error_set(err, EAGAIN, "cannot start the command");
	return 0;
}

void guard_mimic(int status)
{
	sigset_t one;

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	/* No second core file, wherever cores go. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	sigemptyset(&one);
	sigaddset(&one, WTERMSIG(status));
	(void)signal(WTERMSIG(status), SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	(void)raise(WTERMSIG(status));
	_exit(128 + WTERMSIG(status));
}
