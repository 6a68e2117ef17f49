/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bare.c - what a container's image looks like by itself, with nothing mounted over it.
 *
 * bare			prints its pid and stays until it is killed; to be run in a container
 * bare PID PROGRAM ...	runs a static program, as the user whose container process PID is in, in
 *			the root of its image, out of the container's reach otherwise
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TREE_CLONE   1 /* OPEN_TREE_CLONE */
#define TREE_CLOEXEC O_CLOEXEC

static int open_namespace(const char *pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static void stay(void)
{
	printf("%d\n", (int)getpid());
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv, char **environment)
{
	int user, mount, program, root;

	if (argc < 3)
		stay();
	user = open_namespace(argv[1], "user");
	mount = open_namespace(argv[1], "mnt");
	program = open(argv[2], O_PATH | O_CLOEXEC);
	if (program < 0)
		err(1, "%s", argv[2]);
	if (setns(user, CLONE_NEWUSER) < 0 || setns(mount, CLONE_NEWNS) < 0)
		err(1, "setns");
	/* A copy of the one mount, without those on it. */
	root = (int)syscall(SYS_open_tree, AT_FDCWD, "/", TREE_CLONE | TREE_CLOEXEC);
	if (root < 0 || fchdir(root) < 0)
		err(1, "the root of %s", argv[1]);
	syscall(SYS_execveat, program, "", argv + 2, environment, AT_EMPTY_PATH);
	err(1, "%s", argv[2]);
}
