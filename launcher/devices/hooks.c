/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hooks.c - see hooks.h.
 *
 * The bundle is a directory in Davit's own /dev, for as long as the hooks run. A hook reaches it, and the
 * container's root, through this process's descriptors.
 */
#include "launcher/devices/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"

#define BUNDLE   "davit-bundle" /* in /dev */
#define CONFIG   BUNDLE "/config.json"
#define LIMIT_MS 30000

static int put_text(int dir, const char *name, const char *text)
{
	cleanup_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return fd < 0 ? -1 : fd_write_all(fd, text, strlen(text));
}

/* Makes the bundle, and a file with the state that each hook reads. Returns that, or -1. */
static int make_bundle(const struct root *root, struct error *err)
{
	char config[256], state[256];
	int fd = -1;

	snprintf(config, sizeof(config),
		 "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/proc/%d/fd/%d\"}}", getpid(),
		 root->fd);
	snprintf(state, sizeof(state),
		 "{\"ociVersion\":\"1.0.2\",\"id\":\"davit-%d\",\"status\":\"created\",\"pid\":%d,"
		 "\"bundle\":\"/proc/%d/fd/%d/" BUNDLE "\"}",
		 getpid(), getpid(), getpid(), root->dev);
	if (mkdirat(root->dev, BUNDLE, 0755) == 0 && put_text(root->dev, CONFIG, config) == 0)
		fd = memfd_create("davit-state", MFD_CLOEXEC);
	if (fd >= 0 && fd_write_all(fd, state, strlen(state)) == 0)
		return fd;
	error_set(err, errno, "cannot make a bundle for CDI's hooks");
	if (fd >= 0)
		close(fd);
	return -1;
}

static void remove_bundle(const struct root *root)
{
	(void)unlinkat(root->dev, CONFIG, 0);
	(void)unlinkat(root->dev, BUNDLE, AT_REMOVEDIR);
}

/* Hooks expect to be root in the container's user namespace: all that this process may do there is
 * theirs, too. */
static int keep_capabilities(void)
{
	cap_t caps = cap_get_proc();
	int result = caps ? 0 : -1;

	for (cap_value_t cap = 0; result == 0 && cap < cap_max_bits(); cap++) {
		cap_flag_value_t is_set = CAP_CLEAR;

		if (cap_get_flag(caps, cap, CAP_PERMITTED, &is_set) == 0 && is_set == CAP_SET)
			result = cap_set_flag(caps, CAP_INHERITABLE, 1, &cap, CAP_SET);
	}
	if (result == 0)
		result = cap_set_proc(caps);
	for (cap_value_t cap = 0; result == 0 && cap < cap_max_bits(); cap++) {
		cap_flag_value_t is_set = CAP_CLEAR;

		if (cap_get_flag(caps, cap, CAP_PERMITTED, &is_set) == 0 && is_set == CAP_SET)
			result = cap_set_ambient(cap, CAP_SET);
	}
	cap_free(caps);
	return result;
}

static void become(const struct cdi_hook *hook, int state)
{
	static char *no_env[] = { NULL };

	/* What it leaves running ends with it. */
	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || keep_capabilities() < 0 ||
	    lseek(state, 0, SEEK_SET) < 0 || dup2(state, STDIN_FILENO) < 0 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(EXIT_SETUP);
	execve(hook->path, hook->args, hook->env ? hook->env : no_env);
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXEC);
}

/* Returns the status, or -1 with errno set: ETIME where it had to be ended. */
static int wait_for(pid_t child)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd poller = { .fd = pidfd, .events = POLLIN };
	bool is_late = pidfd >= 0 && poll(&poller, 1, LIMIT_MS) == 0;
	int status;

	if (is_late)
		(void)kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	(void)kill(-child, SIGKILL);
	errno = ETIME;
	return is_late ? -1 : status;
}

static int run(const struct cdi_hook *hook, int state, struct error *err)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return error_set(err, errno, "cannot run the hook '%s'", hook->path);
	if (child == 0)
		become(hook, state);
	status = wait_for(child);
	if (status == 0)
		return 0;
	if (status < 0)
		error_set(err, errno, "the hook '%s' does not end", hook->path);
	else if (WIFEXITED(status))
		error_set(err, 0, "the hook '%s' failed with code %d", hook->path,
			  WEXITSTATUS(status));
	else
		error_set(err, 0, "the hook '%s' was ended by signal %d", hook->path,
			  WTERMSIG(status));
	return error_remedy(err,
			    "tell your admin: CDI's file or 'cdi-hooks' in davit.conf is wrong");
}

int hooks_run(const struct grant *grant, struct root *root, struct error *err)
{
	cleanup_close int state = -1;
	int result = 0;

	if (grant->hook_count == 0)
		return 0;
	state = make_bundle(root, err);
	if (state < 0)
		return -1;
	for (size_t i = 0; i < grant->hook_count && result == 0; i++)
		result = run(grant->hooks[i], state, err);
	remove_bundle(root);
	return result;
}
