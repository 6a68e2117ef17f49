/* SPDX-License-Identifier: BSD-3-Clause */
/* workers.c - see workers.h. */
#define FUSE_USE_VERSION 32
#include "images/workers.h"

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "images/cpus.h"

/* A thread is worth its price when this many requests in a row had to wait for one. */
#define BUSY 3

/* Until this many requests the first thread stays where it was told to begin: a container and its
 * first program are started by one request after the other, each of which waits for its answer, and
 * to wake a sleeping CPU each time takes longer than the answer. */
#define START_REQUESTS 100

/* So many requests in a row from one process make it worth while to look where that runs. */
#define STREAK 16

/* Who a thread has been working for. */
struct client {
	uint32_t pid;
	unsigned int streak;
	bool is_near; /* the thread stays on the CPU to which that process is bound */
};

static struct {
	struct fuse_session *session;
	int channel;
	int max;
	atomic_int count;
	atomic_int idle; /* wait for requests */
} workers;

static void *work(void *data);

/* A rank is mostly bound to one CPU. To answer it from there saves waking another one, which takes longer
 * than most answers; and while it waits, its CPU has nothing else to do. */
static void stay_near(struct client *client, uint32_t pid)
{
	if (pid != client->pid || pid == 0) {
		if (client->is_near)
			cpus_use_all();
		*client = (struct client){ .pid = pid };
		return;
	}
	if (++client->streak % STREAK == 0 && !client->is_near)
		client->is_near = cpus_use_only(cpus_find_only((pid_t)pid));
}

static bool more_to_do(void)
{
	struct pollfd poller = { .fd = workers.channel, .events = POLLIN };

	return poll(&poller, 1, 0) > 0 && (poller.revents & POLLIN);
}

/* A thread that cannot be had makes the server slower, no more. */
static void call_for_help(void)
{
	pthread_t thread;

	if (atomic_fetch_add(&workers.count, 1) >= workers.max ||
	    pthread_create(&thread, NULL, work, &workers) != 0)
		atomic_fetch_sub(&workers.count, 1);
}

/* Asks for another thread when requests keep waiting for this one: `waited` of them in a row have. */
static void look_around(int *waited)
{
	if (atomic_load(&workers.count) == workers.max)
		return;
	*waited = atomic_load(&workers.idle) == 0 && more_to_do() ? *waited + 1 : 0;
	if (*waited == BUSY)
		call_for_help();
}

static void *work(void *data)
{
	struct fuse_buf buf = { .mem = NULL };
	struct client client = { .pid = 0 };
	int n, waited = 0;
	int starting = data ? 0 : START_REQUESTS;
	uint32_t pid;

	if (data)
		cpus_use_all();
	do {
		atomic_fetch_add(&workers.idle, 1);
		n = fuse_session_receive_buf(workers.session, &buf);
		atomic_fetch_sub(&workers.idle, 1);
		if (n <= 0)
			continue;
		/* On one CPU who gets an answer runs at once, and may ask again before the answer has
		 * returned here. So what waits is somebody else's only before the answer. */
		if (starting > 0)
			look_around(&waited);
		pid = ((const struct fuse_in_header *)buf.mem)->pid;
		fuse_session_process_buf(workers.session, &buf);
		if (starting == 0) {
			look_around(&waited);
			stay_near(&client, pid);
		} else if (--starting == 0) {
			cpus_use_all();
		}
	} while (n > 0 || n == -EINTR);
	free(buf.mem);
	return NULL;
}

void workers_run(struct fuse_session *session, int channel, int cpu, int max)
{
	(void)cpus_use_only(cpu);
	workers.session = session;
	workers.channel = channel;
	workers.max = max < 1 ? 1 : max < WORKERS_MAX ? max : WORKERS_MAX;
	atomic_store(&workers.count, 1);
	work(NULL);
}
