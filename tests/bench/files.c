/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * files.c - warm files: through a container, and through its bare FUSE mount
 *
 *	files PID ROUNDS
 *
 * Enters the user and mount namespace of the process PID, which runs in a container of ours, and
 * forks twice. One child stays where an application is: in the container's root, with all that is
 * mounted in it. For the other the very same mount is cloned without anything that is mounted on it
 * (open_tree(2), not recursive), detached from every mount namespace, and made its root directory.
 * So both ask the same image server for the same files by the same absolute paths, with the same
 * caches; what differs is what Davit put around the image, and nothing else.
 *
 * The children work in turns, and who begins changes each round. Prints for each kind of work
 * "NAME CONTAINER BARE", medians in microseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "median.h"

#define FILES_MAX  4000
#define READ_MAX   (48 << 20) /* bytes a round */
#define WARM_UP    3
#define WORK_COUNT 3

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif

static const char *const work_names[WORK_COUNT] = { "stat", "open", "read" };

static char *files[FILES_MAX];
static size_t file_count, read_count; /* the first read_count are read */
static off_t read_size;
static dev_t image;

struct child {
	int in, out;
	double *times[WORK_COUNT];
};

static void die(const char *what)
{
	fprintf(stderr, "files: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int collect(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode) || st->st_dev != image)
		return 0;
	files[file_count] = strdup(path);
	if (!files[file_count++])
		die("strdup");
	if (read_size + st->st_size <= READ_MAX && read_count == file_count - 1) {
		read_size += st->st_size;
		read_count = file_count;
	}
	return file_count == FILES_MAX;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void read_file(const char *path)
{
	static char buf[128 << 10];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		die(path);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	if (n < 0)
		die(path);
	close(fd);
}

static double do_work(int work)
{
	size_t count = work == 2 ? read_count : file_count;
	double start = now();

	for (size_t i = 0; i < count; i++) {
		if (work == 0) {
			struct stat st;

			if (stat(files[i], &st) < 0)
				die(files[i]);
		} else if (work == 1) {
			int fd = open(files[i], O_RDONLY | O_CLOEXEC);

			if (fd < 0)
				die(files[i]);
			close(fd);
		} else {
			read_file(files[i]);
		}
	}
	return now() - start;
}

static void child_main(int tree, int in, int out)
{
	char work;

	if (tree >= 0 && (fchdir(tree) < 0 || chroot(".") < 0 || chdir("/") < 0))
		die("cannot enter the bare mount");
	while (read(in, &work, 1) == 1) {
		double took = do_work(work);

		if (write(out, &took, sizeof(took)) != (ssize_t)sizeof(took))
			die("pipe");
	}
	exit(0);
}

static void start(struct child *child, int tree, int rounds)
{
	int to[2], from[2];
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		close(to[1]);
		close(from[0]);
		child_main(tree, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	child->in = to[1];
	child->out = from[0];
	for (int i = 0; i < WORK_COUNT; i++)
		child->times[i] = calloc((size_t)rounds, sizeof(double));
}

static double let_work(const struct child *child, char work)
{
	double took;

	if (write(child->in, &work, 1) != 1 ||
	    read(child->out, &took, sizeof(took)) != (ssize_t)sizeof(took))
		die("a child ended");
	return took;
}

static void enter(const char *pid)
{
	static const char *const names[] = { "user", "mnt" };
	int fds[2];

	for (int i = 0; i < 2; i++) { /* both, before /proc is another one */
		char path[64];

		snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, names[i]);
		fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0)
			die(path);
	}
	for (int i = 0; i < 2; i++)
		if (setns(fds[i], 0) < 0)
			die("setns");
}

int main(int argc, char **argv)
{
	struct child children[2]; /* in the container, at the bare mount */
	int rounds = argc == 3 ? atoi(argv[2]) : 0;
	struct stat st;
	int tree;

	if (rounds <= 0) {
		fprintf(stderr, "usage: files PID ROUNDS\n");
		return 2;
	}
	enter(argv[1]);
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | O_CLOEXEC);
	if (tree < 0)
		die("open_tree");
	if (stat("/usr", &st) < 0)
		die("/usr");
	image = st.st_dev;
	(void)nftw("/usr", collect, 32, FTW_PHYS | FTW_MOUNT);
	if (file_count < 100)
		die("no files in the image");
	start(&children[0], -1, rounds);
	start(&children[1], tree, rounds);
	for (int round = -WARM_UP; round < rounds; round++)
		for (char work = 0; work < WORK_COUNT; work++)
			for (int i = 0; i < 2; i++) {
				struct child *child = &children[(i + round + WARM_UP) % 2];
				double took = let_work(child, work);

				if (round >= 0)
					child->times[(int)work][round] = took;
			}
	for (int work = 0; work < WORK_COUNT; work++)
		printf("%s %.0f %.0f\n", work_names[work], median(children[0].times[work], rounds),
		       median(children[1].times[work], rounds));
	printf("files %zu %zu %lld\n", file_count, read_count, (long long)read_size);
	return 0;
}
