/* SPDX-License-Identifier: BSD-3-Clause */
/* child.c - see build.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/build/build.h"

static int signals = -1; /* a signalfd, as long as they are held */
static sigset_t before;

void child_hold_signals(void)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGHUP);
	sigprocmask(SIG_BLOCK, &held, &before);
	signals = signalfd(-1, &held, SFD_CLOEXEC);
}

void child_release_signals(void)
{
	sigprocmask(SIG_SETMASK, &before, NULL);
}

int child_wait(int fd, struct error *err)
{
	struct pollfd fds[2] = { { .fd = fd, .events = POLLIN },
				 { .fd = signals, .events = POLLIN } };
	struct signalfd_siginfo info;

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (!fds[1].revents || read(signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	error_set(err, 0, "interrupted by a signal (%s)", strsignal((int)info.ssi_signo));
	err->code = 128 + (int)info.ssi_signo;
	return -1;
}

static _Noreturn void become(const char *const *argv, enum child_output output, pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	child_release_signals();
	if (getppid() == parent && dup2(null, STDIN_FILENO) == 0 &&
	    (output == CHILD_ALL || dup2(null, STDOUT_FILENO) >= 0) &&
	    (output != CHILD_NOTHING || dup2(null, STDERR_FILENO) >= 0))
		execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(EXIT_NOT_FOUND);
}

int child_run(const char *const *argv, enum child_output output, struct error *err)
{
	cleanup_close int end = -1;
	pid_t parent = getpid(), pid = fork();
	int status = 0, result = 0;

	if (pid == 0)
		become(argv, output, parent);
	if (pid < 0)
		return error_set(err, errno, "cannot start '%s'", argv[0]);
	end = (int)syscall(SYS_pidfd_open, pid, 0);
	if (end >= 0)
		result = child_wait(end, err);
	if (result < 0)
		(void)kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return result < 0 ? -1 : status;
}
