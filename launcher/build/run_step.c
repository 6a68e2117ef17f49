/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run_step.c - RUN.
 *
 * The environment is the image's and that of the instructions, not the caller's, so that the same file
 * makes the same image for everybody; but for the way to the network (proxies). There is no standard
 * input.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/build/worker.h"
#include "launcher/command.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int put(struct list *env, const char *name, const char *value)
{
	cleanup_free char *variable = NULL;

	if (asprintf(&variable, "%s=%s", name, value) < 0) {
		variable = NULL;
		return -1;
	}
	return list_set(env, variable);
}

static int make_environment(const struct worker *worker, struct list *env, struct error *err)
{
	static const char *const proxies[] = { "http_proxy",  "HTTP_PROXY", "https_proxy",
					       "HTTPS_PROXY", "ftp_proxy",  "FTP_PROXY",
					       "no_proxy",    "NO_PROXY",   "all_proxy",
					       "ALL_PROXY" };
	const struct list *given = &worker->build->given;
	int result = put(env, "PATH", DEFAULT_PATH) | put(env, "HOME", "/root");

	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++) {
		const char *value = list_get(given, proxies[i], strlen(proxies[i]));

		if (!value)
			value = getenv(proxies[i]);
		if (value)
			result |= put(env, proxies[i], value);
	}
	for (size_t i = 0; i < worker->variables.count; i++)
		result |= list_set(env, worker->variables.items[i]);
	return result < 0 ? error_set(err, ENOMEM, "cannot keep the environment") : 0;
}

/* In the child. What keeps it from being the command goes into the pipe `told`. */
static _Noreturn void become(const struct worker *worker, char **argv, pid_t parent, int told)
{
	struct error err = ERROR_INIT;
	const char *directory = spec_text(&worker->spec, "WorkingDir");
	struct list env = { .items = NULL };
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int result = make_environment(worker, &env, &err);
	sigset_t none;

	if (result == 0 && (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
			    (worker->build->is_quiet && dup2(null, STDOUT_FILENO) < 0)))
		result = error_set(&err, errno, "cannot open /dev/null");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (result == 0) {
		environ = env.items;
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (getppid() == parent)
			(void)command_exec(argv, directory && directory[0] ? directory : "/",
					   NARROW_ROOT, worker->filter, &err);
	}
	(void)fd_write_all(told, &err, sizeof(err));
	_exit(err.code);
}

/* Waits for the command, and for signals that are meant to end all. Returns its status. */
static int wait_for(pid_t pid, const sigset_t *held, int *interrupted)
{
	siginfo_t info;
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (sigwaitinfo(held, &info) < 0 || info.si_signo == SIGCHLD)
			continue;
		*interrupted = info.si_signo;
		(void)kill(pid, SIGKILL);
	}
	return status;
}

static int end_others(struct error *err)
{
	struct stat inside;

	if (stat("/proc/self/ns/mnt", &inside) < 0)
		return error_set(err, errno, "cannot look at the mount namespace");
	return save_end_others(inside.st_ino, getpid(), err);
}

static int judge(int status, int interrupted, struct error *err)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

	if (interrupted) {
		error_set(err, 0, "interrupted by a signal (%s)", strsignal(interrupted));
		code = 128 + interrupted;
	} else if (WIFSIGNALED(status)) {
		error_set(err, 0, "RUN ended with signal %d (%s)", WTERMSIG(status),
			  strsignal(WTERMSIG(status)));
	} else if (code) {
		error_set(err, 0, "RUN ended with code %d", code);
	} else {
		return 0;
	}
	err->code = code;
	return -1;
}

int run_step(const struct worker *worker, char **argv, struct error *err)
{
	cleanup_close int told = -1;
	int pipes[2], status = 0, interrupted = 0;
	sigset_t held, before;
	pid_t parent = getpid(), pid;
	struct error cause;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot create a pipe");
	told = pipes[0];
	sigemptyset(&held);
	sigaddset(&held, SIGCHLD);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGHUP);
	sigprocmask(SIG_BLOCK, &held, &before);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0); /* the user namespace has reset it */
	pid = fork();
	if (pid == 0)
		become(worker, argv, parent, pipes[1]);
	close(pipes[1]);
	if (pid > 0)
		status = wait_for(pid, &held, &interrupted);
	else
		error_set(err, errno, "cannot start the command");
	if (pid > 0 && end_others(err) < 0)
		pid = -1;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return -1;
	if (!interrupted && read(told, &cause, sizeof(cause)) == sizeof(cause)) {
		*err = cause;
		return -1;
	}
	return judge(status, interrupted, err);
}
