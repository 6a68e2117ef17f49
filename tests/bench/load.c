/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * load.c - work on the files of a mounted image, and how long it takes
 *
 *	load [-n PASSES] [-j READERS] [-p PID] [-w] [-b] WORK DIR LIST
 *	load ready DIR COMMAND...
 *
 * LIST has a line "SIZE PATH" for each regular file that the work is to be done on; paths are
 * relative to DIR. WORK is one of
 *
 *	names   every directory below DIR is read; one file system only
 *	stat    the same, and lstat of each entry
 *	open    the same, and open, fstat and close of each regular file
 *	paths   open by its whole path, fstat and close of each file of the list
 *	cat     every directory below DIR is read; then each file of the list, by READERS threads, each of
 *	        which has its own part of the list
 *	random  4 KiB of a file, 2000 times, the same in each run; a further pass takes other pages
 *	        of the same files
 *	import  READERS processes at once, each chroot(2) to DIR and python3 -c 'import numpy, scipy'
 *
 * Prints for each pass "MS CPU": the time it took, and the processor time that the process PID, a
 * server of files, has used meanwhile with all its threads, in ms. -w says "ready", and waits for a
 * line on standard input before each pass. -b binds it to one CPU, as Slurm does with ranks.
 *
 * `ready` prints how long it takes, in ms, until the COMMAND has mounted something at DIR and a name
 * in it has been read. The command says that the mount is there by ending, or by closing its
 * standard output; it may go on then.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX   100000
#define RANDOM_MANY 2000
#define READERS_MAX 64
#define PAGE        4096
#define IMPORT      "import numpy, scipy"

struct file {
	char *path;
	long long size;
};

static struct file files[FILES_MAX];
static size_t file_count;
static struct file *chosen[RANDOM_MANY];
static long long first_page[RANDOM_MANY];
static int readers = 1, root = -1;
static const char *dir;
static dev_t device;
static atomic_size_t next_reader;

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double milliseconds(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		die("clock");
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void read_list(const char *path)
{
	FILE *list = fopen(path, "re");
	char *line = NULL, *name;
	size_t room = 0;
	ssize_t len;

	if (!list)
		die(path);
	while (file_count < FILES_MAX && (len = getline(&line, &room, list)) > 0) {
		line[len - 1] = '\0';
		files[file_count].size = strtoll(line, &name, 10);
		files[file_count].path = strdup(name + 1);
		if (!files[file_count++].path)
			die("strdup");
	}
	free(line);
	fclose(list);
}

/* ---- the works ----------------------------------------------------------- */

enum visit {
	VISIT_NAME,
	VISIT_STAT,
	VISIT_OPEN
};

static void visit(int parent, const struct dirent *entry, enum visit how)
{
	struct stat st;

	if (how == VISIT_STAT && fstatat(parent, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		die(entry->d_name);
	if (how == VISIT_OPEN && entry->d_type == DT_REG) {
		int fd = openat(parent, entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0 || fstat(fd, &st) < 0)
			die(entry->d_name);
		close(fd);
	}
}

static void walk(int parent, const char *name, enum visit how)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat st;

	if (!stream || fstat(fd, &st) < 0)
		die(name);
	while (st.st_dev == device && (entry = readdir(stream))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		visit(fd, entry, how);
		if (entry->d_type == DT_DIR)
			walk(fd, entry->d_name, how);
	}
	closedir(stream);
}

static void do_names(int pass)
{
	(void)pass;
	walk(root, ".", VISIT_NAME);
}

static void do_stat(int pass)
{
	(void)pass;
	walk(root, ".", VISIT_STAT);
}

static int open_file(const struct file *file)
{
	int fd = openat(root, file->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(file->path);
	return fd;
}

static void do_open(int pass)
{
	(void)pass;
	walk(root, ".", VISIT_OPEN);
}

static void do_paths(int pass)
{
	(void)pass;
	for (size_t i = 0; i < file_count; i++) {
		int fd = open_file(&files[i]);
		struct stat st;

		if (fstat(fd, &st) < 0)
			die(files[i].path);
		close(fd);
	}
}

static void *read_files(void *unused)
{
	char buf[128 << 10];
	size_t part = (file_count + (size_t)readers - 1) / (size_t)readers;
	size_t first = atomic_fetch_add(&next_reader, 1) * part;

	(void)unused;
	for (size_t i = first; i < first + part && i < file_count; i++) {
		int fd = open_file(&files[i]);
		long long sum = 0;
		ssize_t n;

		while ((n = read(fd, buf, sizeof(buf))) > 0)
			sum += n;
		if (n < 0 || sum != files[i].size)
			die(files[i].path);
		close(fd);
	}
	return NULL;
}

static void do_cat(int pass)
{
	pthread_t threads[READERS_MAX];

	(void)pass;
	walk(root, ".", VISIT_NAME);
	atomic_store(&next_reader, 0);
	for (int i = 0; i < readers; i++)
		if ((errno = pthread_create(&threads[i], NULL, read_files, NULL)))
			die("pthread_create");
	for (int i = 0; i < readers; i++)
		pthread_join(threads[i], NULL);
}

/* The same numbers in each run (xorshift). */
static uint64_t draw(void)
{
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static void choose_pages(void)
{
	for (int i = 0; i < RANDOM_MANY && file_count > 0; i++) {
		do
			chosen[i] = &files[draw() % file_count];
		while (chosen[i]->size < 2 * PAGE);
		first_page[i] = (long long)(draw() % (uint64_t)(chosen[i]->size / PAGE));
	}
}

static void do_random(int pass)
{
	for (int i = 0; i < RANDOM_MANY; i++) {
		/* a third of the file further, at least one page */
		long long pages = chosen[i]->size / PAGE, step = pages / 3 > 0 ? pages / 3 : 1;
		off_t at = (first_page[i] + pass * step) % pages * PAGE;
		char buf[PAGE];
		int fd = open_file(chosen[i]);

		if (pread(fd, buf, PAGE, at) != PAGE)
			die(chosen[i]->path);
		close(fd);
	}
}

static void run_python(int null)
{
	static char name[] = "python3", option[] = "-c", code[] = IMPORT;
	static char path[] = "PATH=/usr/bin:/bin", keep[] = "PYTHONDONTWRITEBYTECODE=1";
	char *argv[] = { name, option, code, NULL }, *env[] = { path, keep, NULL };

	if (dup2(null, 0) < 0 || dup2(null, 1) < 0)
		die("dup2");
	if (strcmp(dir, "/") != 0 && (chroot(dir) < 0 || chdir("/") < 0))
		die(dir);
	execve("/usr/bin/python3", argv, env);
	die("/usr/bin/python3");
}

static void do_import(int pass)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), status;

	(void)pass;
	fflush(stdout);
	for (int i = 0; i < readers; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0)
			run_python(null);
	}
	for (int i = 0; i < readers; i++)
		if (wait(&status) < 0 || status != 0) {
			fprintf(stderr, "load: python3 failed: status %#x\n", (unsigned)status);
			exit(1);
		}
	close(null);
}

static const struct work {
	const char *name;
	void (*run)(int pass);
} works[] = {
	{ "names", do_names },   { "stat", do_stat }, { "open", do_open },
	{ "paths", do_paths },   { "cat", do_cat },   { "random", do_random },
	{ "import", do_import },
};

static const struct work *find_work(const char *name)
{
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(works[i].name, name) == 0)
			return &works[i];
	return NULL;
}

/* ---- mounting ------------------------------------------------------------ */

static int measure_ready(const char *mount, char **command)
{
	double start = milliseconds(CLOCK_MONOTONIC);
	int ends[2];
	char buf[64];
	DIR *stream;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die("pipe or fork");
	if (pid == 0) {
		if (dup2(ends[1], STDOUT_FILENO) >= 0)
			execvp(command[0], command);
		die(command[0]);
	}
	close(ends[1]);
	while (read(ends[0], buf, sizeof(buf)) > 0)
		;
	stream = opendir(mount);
	if (!stream || !readdir(stream))
		die(mount);
	printf("%.3f\n", milliseconds(CLOCK_MONOTONIC) - start);
	return 0;
}

/* ---- main ---------------------------------------------------------------- */

static void measure(const struct work *work, int passes, bool is_waiting, clockid_t *server)
{
	if (is_waiting && (puts("ready") < 0 || fflush(stdout) != 0))
		die("standard output");
	for (int pass = 0; pass < passes; pass++) {
		double start, used = 0, took;

		if (is_waiting && getchar() == EOF)
			exit(0);
		if (server)
			used = milliseconds(*server);
		start = milliseconds(CLOCK_MONOTONIC);
		work->run(pass);
		took = milliseconds(CLOCK_MONOTONIC) - start;
		printf("%.3f %.3f\n", took, server ? milliseconds(*server) - used : 0);
		fflush(stdout);
	}
}

/* The first CPU that it may use. */
static void bind_to_one(void)
{
	cpu_set_t all, one;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		die("sched_getaffinity");
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		die("sched_setaffinity");
}

int main(int argc, char **argv)
{
	int passes = 1, option;
	bool is_waiting = false;
	const struct work *work;
	clockid_t clock, *server = NULL;
	struct stat st;

	if (argc > 3 && strcmp(argv[1], "ready") == 0)
		return measure_ready(argv[2], argv + 3);
	while ((option = getopt(argc, argv, "n:j:p:wb")) != -1) {
		if (option == 'n')
			passes = atoi(optarg);
		else if (option == 'j')
			readers = atoi(optarg);
		else if (option == 'w')
			is_waiting = true;
		else if (option == 'b')
			bind_to_one();
		else if (option == 'p' && clock_getcpuclockid(atoi(optarg), &clock) == 0)
			server = &clock;
		else
			return 2;
	}
	work = optind == argc - 3 ? find_work(argv[optind]) : NULL;
	if (!work || readers < 1 || readers > READERS_MAX) {
		fprintf(stderr,
			"usage: load [-n PASSES] [-j READERS] [-p PID] [-w] [-b] WORK DIR LIST\n"
			"       load ready DIR COMMAND...\n");
		return 2;
	}
	dir = argv[optind + 1];
	read_list(argv[optind + 2]);
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || fstat(root, &st) < 0)
		die(dir);
	device = st.st_dev;
	if (work->run == do_random)
		choose_pages();
	measure(work, passes, is_waiting, server);
	return 0;
}
