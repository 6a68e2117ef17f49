/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * storm.c - reads here and there in the files of the working directory, with several threads at once.
 *
 * storm SEED THREADS COUNT <LIST
 *
 * LIST has paths with a NUL behind each, as find -print0 writes them. Each thread goes to COUNT of them:
 * a quarter to the same as the others at the same time, then to its own. It prints what it has seen, so
 * that the same in another file system can be compared: the attributes, a name beside that need not
 * exist, targets, how many names, and pieces of files, by pread(2) and mmap(2), around the borders of
 * blocks and the end. Nothing has been listed before.
 */
#define _GNU_SOURCE
#include "digest.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define READS 4 /* of each file */

struct thread {
	pthread_t id;
	uint64_t shared, own; /* random numbers, those of all threads and of this */
	bool at_random;       /* tells the kernel not to read ahead */
	size_t count;
	char *said, *buffer;
	size_t said_size;
	FILE *out;
};

static char **paths;
static size_t path_count, block_size;
static pthread_barrier_t start;

static uint64_t draw(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % below;
}

/* ---- files --------------------------------------------------------------------------------- */

static off_t draw_offset(struct thread *thread, off_t size)
{
	off_t near = (off_t)draw(&thread->own, 700) - 350, at = size + near;

	switch (draw(&thread->own, 4)) {
	case 0:
		at = (off_t)draw(&thread->own, (uint64_t)size / block_size + 1) *
			     (off_t)block_size +
		     near;
		break;
	case 1:
		at = (off_t)draw(&thread->own, (uint64_t)size / 4096 + 1) * 4096;
		break;
	case 2:
		at = (off_t)draw(&thread->own, (uint64_t)size + 1);
		break;
	default:
		break;
	}
	return at < 0 ? 0 : at;
}

static size_t draw_size(struct thread *thread)
{
	static const unsigned int kinds[] = { 16, 700, 4096, 20000 };
	uint64_t kind = draw(&thread->own, 5);

	return 1 + draw(&thread->own, kind < 4 ? kinds[kind] : 2 * block_size + 1);
}

static void read_some(struct thread *thread, int fd, off_t at, size_t size)
{
	size_t got = 0;
	ssize_t n = 0;

	while (got < size && (n = pread(fd, thread->buffer + got, size - got, at + (off_t)got)) > 0)
		got += (size_t)n;
	fprintf(thread->out, " %jd+%zu", (intmax_t)at, size);
	if (n < 0)
		fprintf(thread->out, " %s", strerrorname_np(errno));
	fprintf(thread->out, " %zu %016jx", got, (uintmax_t)digest(0, thread->buffer, got));
}

/* Up to the end of its last page, where there are zeros. */
static void map_some(struct thread *thread, int fd, off_t at, size_t size, off_t file_size)
{
	off_t first = at / 4096 * 4096, end = (file_size + 4095) / 4096 * 4096;
	char *map;

	if (at >= end)
		return;
	if ((off_t)size > end - at)
		size = (size_t)(end - at);
	map = mmap(NULL, size + (size_t)(at - first), PROT_READ, MAP_SHARED, fd, first);
	if (map == MAP_FAILED) {
		fprintf(thread->out, " mmap %s", strerrorname_np(errno));
		return;
	}
	fprintf(thread->out, " map %jd+%zu %016jx", (intmax_t)at, size,
		(uintmax_t)digest(0, map + (at - first), size));
	munmap(map, size + (size_t)(at - first));
}

static void visit_file(struct thread *thread, const char *path, off_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		fprintf(thread->out, " open %s", strerrorname_np(errno));
		return;
	}
	if (thread->at_random)
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	for (int i = 0; i < READS; i++) {
		off_t at = draw_offset(thread, size);

		if (draw(&thread->own, 3) == 0)
			map_some(thread, fd, at, draw_size(thread), size);
		else
			read_some(thread, fd, at, draw_size(thread));
	}
	close(fd);
}

/* ---- others -------------------------------------------------------------------------------- */

static void visit_dir(struct thread *thread, const char *path)
{
	DIR *dir = opendir(path);
	uint64_t sum = 0, count = 0;
	const struct dirent *entry;

	/* The container's own mount points may be there, too. */
	while (dir && strcmp(path, ".") != 0 && (entry = readdir(dir))) {
		sum += digest(entry->d_type, entry->d_name, strlen(entry->d_name));
		count++;
	}
	fprintf(thread->out, " %ju names %016jx", (uintmax_t)count, (uintmax_t)sum);
	if (dir)
		closedir(dir);
}

static void visit_link(struct thread *thread, const char *path)
{
	ssize_t size = readlink(path, thread->buffer, 8192);

	if (size < 0)
		fprintf(thread->out, " readlink %s", strerrorname_np(errno));
	else
		fprintf(thread->out, " target %016jx",
			(uintmax_t)digest(0, thread->buffer, (size_t)size));
}

static bool say_stat(struct thread *thread, const char *path, struct stat *st)
{
	if (lstat(path, st) < 0) {
		fprintf(thread->out, " %s", strerrorname_np(errno));
		return false;
	}
	fprintf(thread->out, " %o %ju %jd %jd", st->st_mode, (uintmax_t)st->st_nlink,
		(intmax_t)st->st_size, (intmax_t)st->st_mtime);
	return true;
}

/* A name that is almost that of a file. */
static void visit_beside(struct thread *thread, const char *path)
{
	size_t size = strlen(path);
	char *name = malloc(size + 2);
	struct stat st;

	if (!name)
		err(2, "malloc");
	strcpy(name, path);
	switch (draw(&thread->own, 3)) {
	case 0:
		strcpy(name + size, "~");
		break;
	case 1:
		name[size - 1] = name[size - 1] == 'x' ? 'y' : 'x';
		break;
	default:
		name[size - 1] = '\0';
		break;
	}
	fprintf(thread->out, " beside");
	(void)say_stat(thread, name, &st);
	free(name);
}

static void visit(struct thread *thread, const char *path)
{
	struct stat st;

	print_name(thread->out, path);
	fprintf(thread->out, ":");
	if (draw(&thread->own, 2) && strcmp(path, ".") != 0)
		visit_beside(thread, path);
	if (say_stat(thread, path, &st)) {
		if (S_ISREG(st.st_mode))
			visit_file(thread, path, st.st_size);
		else if (S_ISDIR(st.st_mode))
			visit_dir(thread, path);
		else if (S_ISLNK(st.st_mode))
			visit_link(thread, path);
	}
	fprintf(thread->out, "\n");
}

static void *work(void *data)
{
	struct thread *thread = data;

	thread->out = open_memstream(&thread->said, &thread->said_size);
	thread->buffer = malloc(block_size * 2 + 20002);
	if (!thread->out || !thread->buffer)
		err(2, "malloc");
	pthread_barrier_wait(&start);
	for (size_t i = 0; i < thread->count; i++)
		visit(thread, paths[draw(i < thread->count / 4 ? &thread->shared : &thread->own,
					 path_count)]);
	fclose(thread->out);
	return NULL;
}

static void read_paths(void)
{
	char *path = NULL;
	size_t room = 0;

	while (getdelim(&path, &room, '\0', stdin) > 0) {
		if ((path_count & (path_count - 1)) == 0)
			paths = realloc(paths, (path_count ? path_count * 2 : 1) * sizeof(*paths));
		if (!paths)
			err(2, "realloc");
		paths[path_count++] = strdup(path);
	}
	if (path_count == 0)
		errx(2, "no paths");
}

int main(int argc, char **argv)
{
	struct statvfs fs;
	struct thread *threads;
	unsigned int count;

	if (argc != 4 || statvfs(".", &fs) < 0)
		errx(2, "usage: storm SEED THREADS COUNT <LIST");
	count = (unsigned int)atoi(argv[2]);
	block_size = fs.f_bsize;
	read_paths();
	threads = calloc(count, sizeof(*threads));
	if (!threads || pthread_barrier_init(&start, NULL, count) != 0)
		errx(2, "no threads");
	for (unsigned int i = 0; i < count; i++) {
		threads[i].shared = strtoull(argv[1], NULL, 10) * 2 + 1;
		threads[i].own = threads[i].shared ^ (i + 1) * 0x9e3779b97f4a7c15;
		threads[i].at_random = i % 2;
		threads[i].count = (size_t)atol(argv[3]);
		if (pthread_create(&threads[i].id, NULL, work, &threads[i]) != 0)
			errx(2, "no thread");
	}
	for (unsigned int i = 0; i < count; i++) {
		pthread_join(threads[i].id, NULL);
		printf("thread %u\n", i);
		fwrite(threads[i].said, 1, threads[i].said_size, stdout);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
