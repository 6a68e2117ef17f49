/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * epilog.c - see epilog.h.
 *
 * slurmd runs it in a process of its own. Root looks at no file here: the child becomes the user in
 * full before it executes the launcher, which knows where to look.
 */
#include "plugin/epilog.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void become_launcher(const char *launcher, uid_t uid, gid_t gid, uint32_t job)
{
	char number[16];
	char *const argv[] = { (char *)(uintptr_t) "davit", (char *)(uintptr_t) "forget", number,
			       NULL };
	char *const env[] = { (char *)(uintptr_t) "PATH=/usr/bin:/bin", NULL };

	snprintf(number, sizeof(number), "%u", job);
	if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0 || chdir("/") < 0)
		_exit(EXIT_SETUP);
	execve(launcher, argv, env);
	_exit(EXIT_NOT_EXEC);
}

int epilog_forget(spank_t spank, const char *launcher, struct error *err)
{
	const struct passwd *user;
	uint32_t job;
	uid_t uid;
	int status = 0;
	pid_t pid;

	if (spank_get_item(spank, S_JOB_ID, &job) != ESPANK_SUCCESS ||
	    spank_get_item(spank, S_JOB_UID, &uid) != ESPANK_SUCCESS)
		return error_set(err, 0, "Slurm does not tell the job and its user");
	user = getpwuid(uid);
	if (!user)
		return error_set(err, errno, "cannot tell who user %u is", uid);
	pid = fork();
	if (pid == 0)
		become_launcher(launcher, uid, user->pw_gid, job);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		return error_set(err, errno, "cannot start '%s forget'", launcher);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(err, 0, "'%s forget %u' failed", launcher, job);
	return 0;
}
