/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * child.h - programs that slurmstepd starts as the user, but out of the user's reach.
 *
 * They are executed with the user's effective id and root's real one. Such a process can be neither
 * traced nor read by the user, and the loader ignores LD_PRELOAD and its like. The user can still end
 * or stop it, so whoever waits for it waits with a limit.
 */
#ifndef DAVIT_PLUGIN_CHILD_H
#define DAVIT_PLUGIN_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct child_user {
	uid_t uid;
	gid_t gid, *groups; /* Slurm's, not to be freed */
	int count;
};

/* Forks, and executes `program` as that user; `fds` become its descriptors 0 to count - 1, /dev/null where one
 * is -1, and it gets no other. Returns the pid, or -1 with errno. */
pid_t child_start(const struct child_user *user, const char *program, char *const *argv,
		  char *const *env, const int *fds, int count);

#define CHILD_ANSWER_MS 30000 /* for the image's file system, mostly */

/* Waits until `fd` can be read, its other end is closed, or, of a pidfd, the process has ended; no longer than
 * that. */
bool child_answers(int fd, int milliseconds);

/* Kills it, and waits for its end, but not for ever: it may hang in a file system. */
void child_end(pid_t pid);

#endif
