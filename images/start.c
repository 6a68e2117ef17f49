/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * start.c - see start.h.
 *
 * The bytes are not checked by a digest here, nor counted: whoever uses them reads them once more.
 */
#include "images/start.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

#define PAD        4096u
#define PIECE      ((size_t)1 << 20) /* bytes of one read */
#define TABLES_MAX ((uint64_t)16 << 20)

struct record {
	char magic[16];
	uint64_t end; /* little endian */
};

static const char magic[16] = "davit-start 1\n";

int start_write(int fd, uint64_t used, uint64_t end, struct error *err)
{
	struct record record = { .end = htole64(end) };
	uint64_t size = (used + sizeof(record) + PAD - 1) / PAD * PAD;

	memcpy(record.magic, magic, sizeof(magic));
	if (ftruncate(fd, (off_t)size) < 0 ||
	    pwrite(fd, &record, sizeof(record), (off_t)used) != (ssize_t)sizeof(record))
		return error_set(err, errno, "cannot note where the start ends");
	return 0;
}

uint64_t start_read(int fd, off_t offset, uint64_t used)
{
	struct record record;

	if (pread(fd, &record, sizeof(record), offset + (off_t)used) != (ssize_t)sizeof(record) ||
	    memcmp(record.magic, magic, sizeof(magic)) != 0 || le64toh(record.end) > used)
		return 0;
	return le64toh(record.end);
}

struct job {
	int fd;
	off_t offset;
	uint64_t tables, used;
};

static void fetch(const struct job *job, uint64_t from, uint64_t to, char *buf)
{
	while (from < to) {
		size_t size = to - from < PIECE ? (size_t)(to - from) : PIECE;
		ssize_t got = pread(job->fd, buf, size, job->offset + (off_t)from);

		if (got <= 0)
			return;
		from += (uint64_t)got;
	}
}

static void *work(void *data)
{
	cleanup_free struct job *job = data;
	cleanup_free char *buf = malloc(PIECE);
	uint64_t end = start_read(job->fd, job->offset, job->used);

	if (!buf || end == 0)
		return NULL;
	if (job->used - job->tables <= TABLES_MAX)
		fetch(job, job->tables, job->used, buf);
	fetch(job, 0, end < START_MAX ? end : START_MAX, buf);
	return NULL;
}

void start_fetch(int fd, off_t offset, uint64_t tables, uint64_t used)
{
	struct job *job = malloc(sizeof(*job));
	pthread_t thread;

	if (!job)
		return;
	*job = (struct job){ .fd = fd, .offset = offset, .tables = tables, .used = used };
	if (pthread_create(&thread, NULL, work, job) == 0)
		pthread_detach(thread);
	else
		free(job);
}
