/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scripts.c - see scripts.h.
 *
 * How does an environment come out of a shell that may be bash, dash or busybox, in an image that may
 * have nothing else, with newlines and quotes in values? Having sourced the scripts, the shell puts
 * another one in its place, which tells its pid and waits. The environment with which a process was
 * started is in /proc/PID/environ, as the kernel has put it there.
 */
#include "launcher/env/scripts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/narrow.h"

#define TIME_MAX    10 /* seconds */
#define ENVIRON_MAX ((size_t)2 * 1024 * 1024)
#define CHANNEL     9 /* in the shell: the highest that a redirection can name everywhere */

/* $0 is the directory. */
static char source[] = "for davit_script in \"$0\"/?*.sh; do\n"
		       "	[ ! -f \"$davit_script\" ] || . \"$davit_script\"\n"
		       "done\n"
		       "unset davit_script\n"
		       "exec /bin/sh -c 'echo $$ >&9; read davit_wait <&9'";

static int set_up_child(int channel, bool is_shown, const struct filter *filter, struct error *err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int high = fcntl(channel, F_DUPFD_CLOEXEC,
			 CHANNEL + 1); /* dup2() to itself would do nothing */

	if (null < 0 || high < 0 || dup2(high, CHANNEL) < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    (!is_shown && dup2(null, STDERR_FILENO) < 0) || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return error_set(err, errno, "cannot start a shell");
	/* A group of their own, so that all of them can be ended; and none outlives the builder. */
	(void)setpgid(0, 0);
	if (narrow(NARROW_USER, err) < 0)
		return -1;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return filter_load(filter->data, filter->len, err);
}

_Noreturn static void run_child(const char *dir, char *const *env, int channel, bool is_shown,
				const struct filter *filter)
{
	static char shell[] = "/bin/sh", option[] = "-c";
	char *const argv[] = { shell, option, source, strdup(dir), NULL };
	struct error err = ERROR_INIT;

	if (argv[3] && set_up_child(channel, is_shown, filter, &err) == 0)
		execve(argv[0], argv, env);
	_exit(EXIT_NOT_EXEC);
}

static int milliseconds_left(const struct timespec *end)
{
	struct timespec now;
	int64_t left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = (end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;
	return left > 0 ? (int)left : 0;
}

/* Waits for the line with the pid. Returns it, 0 if the shell ended without, or -1 with errno set:
 * ETIME if it took too long. */
static long read_pid(int channel)
{
	struct timespec end;
	char line[32] = "";
	size_t len = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += TIME_MAX;
	while (len < sizeof(line) - 1) {
		struct pollfd wait = { .fd = channel, .events = POLLIN };
		int ready = poll(&wait, 1, milliseconds_left(&end));
		ssize_t got = ready > 0 ? read(channel, line + len, sizeof(line) - 1 - len) : -1;

		if (ready == 0)
			errno = ETIME;
		else if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got;
		len += (size_t)got;
		if (line[len - 1] == '\n')
			return strtol(line, NULL, 10);
	}
	return 0;
}

/* Makes a list of strings that are one behind the other; `text` has one more NUL at its end. */
static char **make_list(const char *text, size_t len)
{
	size_t count = 0;
	char **list, *copy;

	for (size_t at = 0; at < len; at += strlen(text + at) + 1)
		count++;
	list = malloc((count + 1) * sizeof(*list) + len + 1);
	if (!list)
		return NULL;
	copy = memcpy(list + count + 1, text, len + 1);
	for (size_t i = 0; i < count; i++, copy += strlen(copy) + 1)
		list[i] = copy;
	list[count] = NULL;
	return list;
}

static char **read_environ(long pid, struct error *err)
{
	cleanup_close int fd = -1;
	cleanup_free char *text = NULL;
	char path[64], **list = NULL;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%ld/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		text = fd_read_all(fd, ENVIRON_MAX, &len);
	if (text)
		list = make_list(text, len);
	if (!list)
		error_set(err, errno, "cannot read the environment that they made");
	return list;
}

static void explain(int status, int cause, struct error *err)
{
	if (cause == ETIME)
		error_set(err, 0, "they were not done after %d seconds", TIME_MAX);
	else if (cause)
		error_set(err, cause, "cannot wait for them");
	else if (WIFSIGNALED(status))
		error_set(err, 0, "the shell died from signal %d", WTERMSIG(status));
	else
		error_set(err, 0, "the shell ended with exit code %d", WEXITSTATUS(status));
	error_remedy(err, "--container-entrypoint-log shows what they print");
}

char **scripts_source(const char *dir, char *const *env, bool is_shown, const struct filter *filter,
		      struct error *err)
{
	cleanup_close int ours = -1, theirs = -1;
	int pair[2], status = 0, cause;
	char **list = NULL;
	pid_t child;
	long pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error_set(err, errno, "cannot start a shell");
		return NULL;
	}
	ours = pair[0];
	theirs = pair[1];
	child = fork();
	if (child < 0) {
		error_set(err, errno, "cannot start a shell");
		return NULL;
	}
	if (child == 0)
		run_child(dir, env, theirs, is_shown, filter);
	close(steal_fd(&theirs));
	pid = read_pid(ours);
	cause = errno;
	if (pid > 0)
		list = read_environ(pid, err);
	kill(-child, SIGKILL);
	kill(child, SIGKILL); /* it may have left its group */
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (pid <= 0)
		explain(status, pid < 0 ? cause : 0, err);
	return list;
}
