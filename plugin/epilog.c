/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * epilog.c - see epilog.h.
 *
 * slurmd runs it in a process of its own. Root looks at no file of a user's here: the child becomes
 * the user in full before it executes the launcher, which knows where to look. The user could stop
 * that process, so there is an end to waiting.
 */
#include "plugin/epilog.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "plugin/child.h"

#define NOTES   "/run/davit" /* root's, a file for each job that keeps something */
#define WAIT_MS 60000        /* for the launcher */
#define KILL_MS 2000         /* for its end */

static int make_path(spank_t spank, char *path, size_t size, uint32_t *job, struct error *err)
{
	if (spank_get_item(spank, S_JOB_ID, job) != ESPANK_SUCCESS)
		return error_set(err, 0, "Slurm does not tell the job");
	snprintf(path, size, NOTES "/%u", *job);
	return 0;
}

/* The components of a heterogeneous job have job ids of their own, but all ranks see that of the
 * first, after which is named what they keep. So it is in the note. */
static int write_note(spank_t spank, int note)
{
	char number[16];

	if (spank_getenv(spank, "SLURM_JOB_ID", number, sizeof(number)) != ESPANK_SUCCESS ||
	    number[strspn(number, "0123456789")])
		return 0; /* forged; then nothing can be named after it, either */
	/* An older note may be longer. Another step of the job may read or write the same meanwhile, so it is
	 * never empty. */
	return pwrite(note, number, strlen(number), 0) < 0 ? -1
							   : ftruncate(note, (off_t)strlen(number));
}

static uint32_t read_note(const char *path, uint32_t job)
{
	cleanup_close int note = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char number[16] = "";

	if (note < 0 || pread(note, number, sizeof(number) - 1, 0) <= 0)
		return job;
	return (uint32_t)strtoul(number, NULL, 10);
}

int epilog_note(spank_t spank, struct error *err)
{
	cleanup_close int note = -1;
	uint32_t job;
	char path[64];

	if (make_path(spank, path, sizeof(path), &job, err) < 0)
		return -1;
	if (mkdir(NOTES, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot create '%s'", NOTES);
	note = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (note < 0 || write_note(spank, note) < 0)
		return error_set(err, errno, "cannot create '%s'", path);
	return 0;
}

static _Noreturn void become_launcher(const char *launcher, const struct passwd *user, uint32_t job)
{
	const char *node = getenv("SLURMD_NODENAME"); /* slurmd's own word */
	char number[16], name[300];
	char *const argv[] = { (char *)(uintptr_t) "davit", (char *)(uintptr_t) "forget", number,
			       NULL };
	char *const env[] = { (char *)(uintptr_t) "PATH=/usr/bin:/bin", node ? name : NULL, NULL };
	int null = open("/dev/null", O_RDWR);

	/* Whose process it is can take its descriptors: none of slurmd's goes along. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			_exit(EXIT_SETUP);
	if (close_range(STDERR_FILENO + 1, ~0u, 0) < 0)
		_exit(EXIT_SETUP);
	snprintf(number, sizeof(number), "%u", job);
	if (node)
		snprintf(name, sizeof(name), "SLURMD_NODENAME=%s", node);
	if (setgroups(1, &user->pw_gid) < 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0 || chdir("/") < 0)
		_exit(EXIT_SETUP);
	execve(launcher, argv, env);
	_exit(EXIT_NOT_EXEC);
}

/* Returns the wait status, or -1 if the child had to be killed. Even that may have to wait, for a file
 * system that hangs; then this process ends without it. */
static int wait_for(pid_t pid)
{
	cleanup_close int child = (int)syscall(SYS_pidfd_open, pid, 0);
	int status = 0;

	if (!child_answers(child, WAIT_MS)) {
		(void)kill(pid, SIGKILL);
		(void)child_answers(child, KILL_MS);
		(void)waitpid(pid, &status, WNOHANG);
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int epilog_forget(spank_t spank, const char *launcher, struct error *err)
{
	const struct passwd *user;
	uint32_t job;
	char path[64];
	uid_t uid;
	int status;
	pid_t pid;

	if (make_path(spank, path, sizeof(path), &job, err) < 0)
		return -1;
	job = read_note(path, job);
	if (unlink(path) < 0)
		return 0;
	if (spank_get_item(spank, S_JOB_UID, &uid) != ESPANK_SUCCESS)
		return error_set(err, 0, "Slurm does not tell the job's user");
	user = getpwuid(uid);
	if (!user)
		return error_set(err, errno, "cannot tell who user %u is", uid);
	pid = fork();
	if (pid == 0)
		become_launcher(launcher, user, job);
	if (pid < 0)
		return error_set(err, errno, "cannot start '%s forget'", launcher);
	status = wait_for(pid);
	if (status < 0)
		return error_set(err, ETIMEDOUT, "'%s forget %u' was killed", launcher, job);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(err, 0, "'%s forget %u' failed", launcher, job);
	return 0;
}
