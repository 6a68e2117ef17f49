/* SPDX-License-Identifier: BSD-3-Clause */
/* child.c - see child.h. Between fork and exec there is only what may be called there. */
#include "plugin/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"

#define KILL_MS 2000
#define FDS_MAX 8
#define ROOM    16 /* descriptors from here on are in nobody's way */

static int keep_descriptors(const int *fds, int count)
{
	int null = open("/dev/null", O_RDWR), moved[FDS_MAX];

	for (int i = 0; i < count; i++)
		moved[i] = fcntl(fds[i] < 0 ? null : fds[i], F_DUPFD, ROOM);
	for (int i = 0; i < count; i++)
		if (dup2(moved[i], i) < 0)
			return -1;
	return close_range((unsigned int)count, ~0u, 0);
}

static int take_ids(const struct child_user *user)
{
	const uid_t same = (uid_t)-1;

	/* Slurm's hooks may run with the user's effective id already. */
	return setresuid(same, 0, same) < 0 || setgroups((size_t)user->count, user->groups) < 0 ||
			       setresgid(user->gid, user->gid, user->gid) < 0 ||
			       setresuid(0, user->uid, 0) < 0
		       ? -1
		       : 0;
}

pid_t child_start(const struct child_user *user, const char *program, char *const *argv,
		  char *const *env, const int *fds, int count)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (keep_descriptors(fds, count) < 0 || take_ids(user) < 0)
		_exit(EXIT_SETUP);
	execve(program, argv, env);
	_exit(EXIT_NOT_EXEC);
}

bool child_answers(int fd, int milliseconds)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int ready;

	do
		ready = poll(&wait, 1, milliseconds);
	while (ready < 0 && errno == EINTR);
	return ready == 1;
}

void child_end(pid_t pid)
{
	cleanup_close int child = (int)syscall(SYS_pidfd_open, pid, 0);

	(void)kill(pid, SIGKILL);
	if (child >= 0 && !child_answers(child, KILL_MS))
		return; /* slurmstepd takes the status of children that it does not know */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
