/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * save.c - see save.h.
 *
 * The new image has no name while it is being written, where the file system can do that
 * (O_TMPFILE): whatever kills the saver, nothing is left.
 */
#include "launcher/save.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/home.h"
#include "common/newfile.h"
#include "images/import/pack.h"
#include "images/import/tool.h"
#include "launcher/fdpass.h"
#include "launcher/helper.h"
#include "launcher/proctitle.h"
#include "launcher/report.h"
#include "launcher/running/process.h"

#define KILL_MS   5000 /* for a killed process to end */
#define HUNTS_MAX 100  /* for what forks faster than it is killed */

/* Files whose modes shut their owner out belong into the image as well. */
static void keep_override(void)
{
	static const cap_value_t needed[] = { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH };
	cap_t caps = cap_get_proc();

	if (!caps || cap_set_flag(caps, CAP_INHERITABLE, 2, needed, CAP_SET) < 0 ||
	    cap_set_proc(caps) < 0)
		return;
	for (size_t i = 0; i < 2; i++)
		(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (unsigned long)needed[i], 0, 0);
	cap_free(caps);
}

static _Noreturn void exec_tool(const struct save *save, const char *tool, int root, int target)
{
	char source[64], file[64], level[16];
	bool terminal = isatty(STDERR_FILENO) && !save->is_quiet;
	const char *argv[] = { "mksquashfs",
			       source,
			       file,
			       "-noappend",
			       "-all-root",
			       "-comp",
			       "zstd",
			       "-Xcompression-level",
			       level,
			       "-exit-on-error",
			       terminal ? "-progress" : "-no-progress",
			       "-quiet",
			       save->is_quick ? "-noI" : NULL,
			       "-noD",
			       "-noF",
			       "-noX",
			       NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Descriptors for a program that must find them: without close-on-exec. */
	snprintf(level, sizeof(level), "%d", PACK_ZSTD_LEVEL);
	snprintf(source, sizeof(source), "/proc/self/fd/%d/.", dup(root));
	snprintf(file, sizeof(file), "/proc/self/fd/%d", dup(target));
	if (dup2(null, STDIN_FILENO) < 0 ||
	    dup2(terminal ? STDERR_FILENO : null, STDOUT_FILENO) < 0)
		_exit(EXIT_SETUP);
	keep_override();
	helper_default_signals();
	execv(tool, (char *const *)(uintptr_t)argv);
	_exit(EXIT_NOT_EXEC);
}

/* Ends the tool where who waits for the image has gone. Returns true then. */
static bool has_gone(pid_t tool, int control)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, tool, 0);
	struct pollfd fds[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = control } };

	while (pidfd >= 0 && poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (pidfd < 0 || fds[0].revents)
		return false;
	(void)kill(tool, SIGKILL);
	return true;
}

/* Returns 1 where nobody waits for it any more. */
static int run_tool(const struct save *save, const char *tool, int root, int target,
		    struct error *err)
{
	bool is_in_vain;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		exec_tool(save, tool, root, target);
	if (pid < 0)
		return error_set(err, errno, "cannot start mksquashfs");
	is_in_vain = save->waits && has_gone(pid, save->control);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (is_in_vain)
		return 1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	error_set(err, 0, "mksquashfs ended with %s %d", WIFEXITED(status) ? "code" : "signal",
		  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return error_remedy(err, "its own message is above; mostly a full file system or quota");
}

struct hunt {
	ino_t inside; /* a mount namespace */
	pid_t guard;  /* the one process in there that has to stay */
	bool found;
};

static int kill_inside(int proc, pid_t pid, void *data)
{
	struct hunt *hunt = data;
	cleanup_close int pidfd = -1;
	struct pollfd end;
	struct stat ns;

	if (pid == hunt->guard || fstatat(proc, "ns/mnt", &ns, 0) < 0 || ns.st_ino != hunt->inside)
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return 0;
	hunt->found = true;
	end = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	(void)kill(pid, SIGKILL);
	(void)poll(&end, 1, KILL_MS);
	return 0;
}

/* The ranks have ended. What they have left behind could change files while they are being read, and
 * put links in their place. */
int save_end_others(ino_t inside, pid_t spared, struct error *err)
{
	struct hunt hunt = { .inside = inside, .guard = spared, .found = true };

	for (int i = 0; i < HUNTS_MAX && hunt.found; i++) {
		hunt.found = false;
		(void)process_each(kill_inside, &hunt);
	}
	return hunt.found ? error_set(err, 0, "processes of the container do not end") : 0;
}

/* Waits for the container and its end. Returns 1 when there is nothing to save after all. */
static int wait_for_ranks(const struct save *save, int *root, struct error *err)
{
	int fds[FDPASS_MAX];
	ino_t inside;
	char byte;
	ssize_t len = fdpass_receive(save->control, &inside, sizeof(inside), fds, 0);

	if (len <= 0)
		return len == 0 ? 1 : error_set(err, errno, "cannot receive the container");
	*root = fds[0];
	while ((len = read(fds[1], &byte, 1)) < 0 && errno == EINTR)
		;
	close(fds[1]);
	if (save_end_others(inside, getppid(), err) < 0)
		return -1;
	return save->waits && len == 0 ? 1 : 0;
}

static int write_image(const struct save *save, const char *tool, struct newfile *target,
		       struct error *err)
{
	cleanup_close int root = -1;
	int result = wait_for_ranks(save, &root, err);

	if (result != 0)
		return result;
	result = run_tool(save, tool, root, target->fd, err);
	if (result == 0)
		result = newfile_name(target, err);
	return result < 0 ? error_wrap(err, "cannot save the container to '%s'", target->path)
			  : result;
}

/* The title is written over the environment, of which mksquashfs wants one variable. */
static void keep_epoch(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");

	if (epoch)
		(void)setenv("SOURCE_DATE_EPOCH", epoch, 1);
}

static _Noreturn void saver_main(const struct save *save, const char *tool, struct newfile *target)
{
	struct error err = ERROR_INIT;
	const int keep[] = { save->control, target->fd, target->dir };
	char code = 0;

	/* Above all not the other end of the lifeline. */
	helper_close_others(keep, 3);
	helper_ignore_signals();
	helper_use_all_cpus();
	keep_epoch();
	proctitle_set("davit-save", "davit: saves the container when it has ended");
	if (write_image(save, tool, target, &err) < 0) {
		report(&err);
		code = EXIT_SETUP;
	}
	newfile_done(target);
	(void)send(save->control, &code, 1, MSG_NOSIGNAL);
	_exit(code);
}

int save_start(struct save *save, const char *name, struct error *err)
{
	cleanup_free char *file = home_expand(name, err);
	const char *tool = file ? tool_find(false, err) : NULL;
	cleanup_close int saver = -1;
	struct newfile target = NEWFILE_INIT;
	int pair[2], result = 0;
	pid_t pid;

	if (!tool || newfile_open(&target, file, 0666, err) < 0) {
		newfile_done(&target);
		return error_wrap(err, "cannot save the container to '%s'", name);
	}
	target.keeps = save->keeps;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		newfile_done(&target);
		return error_set(err, errno, "cannot create a socket pair");
	}
	saver = pair[1];
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		save->control = steal_fd(&saver);
		saver_main(save, tool, &target);
	}
	save->control = pair[0];
	if (pid < 0)
		result = error_set(err, errno, "cannot start the process that saves the container");
	else
		target.unnamed = true; /* the saver's: not to be removed from here */
	newfile_done(&target);
	return result;
}

int save_set_root(const struct save *save, int root, int lifeline, struct error *err)
{
	const int fds[] = { root, lifeline };
	struct stat inside;

	if (stat("/proc/self/ns/mnt", &inside) < 0 ||
	    fdpass_send(save->control, &inside.st_ino, sizeof(inside.st_ino), fds, 2) < 0)
		return error_set(err, errno, "cannot reach the process that saves the container");
	return 0;
}

int save_finish(struct save *save, int lifeline)
{
	char code = EXIT_SETUP;

	close(lifeline);
	if (recv(save->control, &code, 1, 0) != 1)
		return EXIT_SETUP;
	return code;
}

int save_confirm(struct save *save, int lifeline)
{
	if (write(lifeline, "", 1) != 1) {
		close(lifeline);
		return EXIT_SETUP;
	}
	return save_finish(save, lifeline);
}
