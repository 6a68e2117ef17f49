/* SPDX-License-Identifier: BSD-3-Clause */
/* program.c - see program.h. */
#include "launcher/imports/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/helper.h"

static _Noreturn void exec_program(const char *const *argv, pid_t parent, int out, int say,
				   int fail)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), reason;
	sigset_t none;

	/* It clears up after itself. A rank's binding and signals are not meant for it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	helper_default_signals();
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	helper_use_all_cpus();
	if (getppid() == parent && dup2(null, STDIN_FILENO) == STDIN_FILENO &&
	    dup2(out, STDOUT_FILENO) == STDOUT_FILENO && dup2(say, STDERR_FILENO) == STDERR_FILENO)
		execvp(argv[0], (char *const *)(uintptr_t)argv);
	reason = errno;
	(void)!write(fail, &reason, sizeof(reason));
	_exit(EXIT_NOT_EXEC);
}

/* Keeps the last PROGRAM_SAY_MAX bytes. */
static void keep_end(char *said, const char *more, size_t len)
{
	size_t have = strlen(said), drop;

	if (len > PROGRAM_SAY_MAX)
		more += len - PROGRAM_SAY_MAX, len = PROGRAM_SAY_MAX;
	drop = have + len > PROGRAM_SAY_MAX ? have + len - PROGRAM_SAY_MAX : 0;
	memmove(said, said + drop, have - drop);
	memcpy(said + have - drop, more, len);
	said[have - drop + len] = '\0';
}

static int keep(struct program *program, bool is_out, char *buf, size_t len)
{
	if (!is_out) {
		for (size_t i = 0; i < len; i++)
			buf[i] = buf[i] ? buf[i] : '?';
		keep_end(program->said, buf, len);
		return 0;
	}
	if (program->len + len > PROGRAM_OUT_MAX) {
		program->too_much = true;
		errno = EFBIG;
		return -1;
	}
	memcpy(program->out + program->len, buf, len);
	program->len += len;
	program->out[program->len] = '\0';
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now = { .tv_sec = 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until both are closed, or it lasts too long (ETIMEDOUT). Returns 0, or -1 with errno set. */
static int read_all(struct program *program, int out, int say, int seconds)
{
	int64_t end = now_ms() + (int64_t)seconds * 1000, left;
	struct pollfd fds[] = { { .fd = out, .events = POLLIN }, { .fd = say, .events = POLLIN } };
	char buf[16384];

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		left = seconds ? end - now_ms() : -1;
		if (seconds && left <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return -1;
		for (size_t i = 0; i < 2; i++) {
			ssize_t n = fds[i].revents ? read(fds[i].fd, buf, sizeof(buf)) : -2;

			if (n > 0 && keep(program, i == 0, buf, (size_t)n) < 0)
				return -1;
			if (n == 0 || (n == -1 && errno != EINTR))
				fds[i].fd = -1;
			fds[i].revents = 0;
		}
	}
	return 0;
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct pipes {
	int out[2], say[2], fail[2];
};

static void close_pipes(struct pipes *pipes)
{
	for (size_t i = 0; i < 2; i++) {
		const int fds[] = { pipes->out[i], pipes->say[i], pipes->fail[i] };

		for (size_t j = 0; j < 3; j++)
			if (fds[j] >= 0)
				close(fds[j]);
	}
}

static int run(struct program *program, const char *const *argv, int seconds, struct pipes *pipes,
	       struct error *err)
{
	pid_t parent = getpid(), pid = fork();
	int reason = 0, result;

	if (pid == 0)
		exec_program(argv, parent, pipes->out[1], pipes->say[1], pipes->fail[1]);
	if (pid < 0)
		return error_set(err, errno, "cannot start '%s'", argv[0]);
	close(steal_fd(&pipes->out[1]));
	close(steal_fd(&pipes->say[1]));
	close(steal_fd(&pipes->fail[1]));
	result = read_all(program, pipes->out[0], pipes->say[0], seconds);
	if (result < 0 && errno == ETIMEDOUT)
		error_set(err, errno, "'%s' has not ended in %d seconds", argv[0], seconds);
	else if (result < 0 && !program->too_much)
		error_set(err, errno, "cannot read what '%s' says", argv[0]);
	if (result < 0)
		(void)kill(pid, err->errnum == ETIMEDOUT ? SIGKILL : SIGTERM);
	program->code = wait_for(pid);
	if (read(pipes->fail[0], &reason, sizeof(reason)) == (ssize_t)sizeof(reason))
		return error_set(err, reason, "cannot start '%s'", argv[0]);
	return result < 0 && !program->too_much ? -1 : 0;
}

int program_run(struct program *program, const char *const *argv, int seconds, struct error *err)
{
	struct pipes pipes = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	/* Where it is ignored, nobody can be waited for. */
	sighandler_t handler = signal(SIGCHLD, SIG_DFL);
	int result = -1;

	*program = (struct program){ .out = calloc(1, PROGRAM_OUT_MAX + 1),
				     .said = calloc(1, PROGRAM_SAY_MAX + 1),
				     .code = -1 };
	if (!program->out || !program->said)
		error_set(err, ENOMEM, "cannot start '%s'", argv[0]);
	else if (pipe2(pipes.out, O_CLOEXEC) < 0 || pipe2(pipes.say, O_CLOEXEC) < 0 ||
		 pipe2(pipes.fail, O_CLOEXEC) < 0)
		error_set(err, errno, "cannot start '%s'", argv[0]);
	else
		result = run(program, argv, seconds, &pipes, err);
	close_pipes(&pipes);
	(void)signal(SIGCHLD, handler);
	return result;
}

void program_done(struct program *program)
{
	free(program->out);
	free(program->said);
	*program = (struct program){ .out = NULL };
}
