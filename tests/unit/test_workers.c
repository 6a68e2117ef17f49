/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_workers.c - how many threads answer the kernel.
 *
 * In the place of libfuse: a request is a byte in a pipe, and the end of the pipe is the end of the
 * file system. All requests are from one process.
 */
#define FUSE_USE_VERSION 32
#include "images/workers.h"

#include <dirent.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "images/cpus.h"
#include "tests/unit/unit.h"

#define REQUESTS 90 /* fewer than it takes until the first thread leaves the builder's CPU */
#define ENOUGH   10 /* of them, to know that they have to wait */
#define PATIENCE 30 /* seconds until a thread that does not come is a failure */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t came;
	int in, out; /* the pipe */
	int answered;
	int threads; /* that have answered something */
	int most;    /* threads of the process at a time */
	bool serial; /* who gets an answer asks again at once */
	pid_t client;
	int requests; /* of one who asks again */
	int near;     /* the only CPU that the thread of the last answer might use, or -1 */
} kernel = { .lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER };

static __thread bool known;

static void ask(void)
{
	/* Not cmocka's checks, here and below: those are for one thread. */
	if (write(kernel.in, "r", 1) != 1)
		abort();
}

static void hang_up(void)
{
	close(kernel.in);
}

int fuse_session_receive_buf(struct fuse_session *session, struct fuse_buf *buf)
{
	struct fuse_in_header head = { .pid = (uint32_t)kernel.client };
	char byte;

	(void)session;
	if (!buf->mem)
		buf->mem = malloc(sizeof(head));
	memcpy(buf->mem, &head, sizeof(head));
	return (int)read(kernel.out, &byte, 1);
}

static int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int count = 0;

	if (!dir)
		abort();
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static int only_cpu(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) != 1)
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			return cpu;
	return -1;
}

/* Where a second thread is due, the later ones take until it has come. */
void fuse_session_process_buf(struct fuse_session *session, const struct fuse_buf *buf)
{
	(void)session;
	(void)buf;
	pthread_mutex_lock(&kernel.lock);
	kernel.threads += !known;
	known = true;
	pthread_cond_broadcast(&kernel.came);
	kernel.answered++;
	kernel.near = only_cpu();
	if (count_threads() > kernel.most)
		kernel.most = count_threads();
	while (!kernel.serial && kernel.answered >= ENOUGH && kernel.threads < 2)
		pthread_cond_wait(&kernel.came, &kernel.lock);
	if (kernel.serial && kernel.answered < kernel.requests)
		ask();
	else if (kernel.serial)
		hang_up();
	pthread_mutex_unlock(&kernel.lock);
}

static int cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

static void begin(bool serial)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	kernel.out = ends[0];
	kernel.in = ends[1];
	kernel.answered = kernel.threads = 0;
	kernel.most = count_threads();
	kernel.serial = serial;
	kernel.client = getpid();
	kernel.requests = REQUESTS;
	known = false;
	alarm(PATIENCE);
}

static void end(void)
{
	alarm(0);
	close(kernel.out);
}

/* As a container's builder does: its next request is there before the server looks again. */
static void one_who_asks_again_needs_one_thread(void **state)
{
	int before;

	(void)state;
	begin(true);
	before = kernel.most;
	ask();
	cpus_remember();
	workers_run(NULL, kernel.out, -1, 2);
	assert_int_equal(kernel.answered, REQUESTS);
	assert_int_equal(kernel.most, before);
	end();
}

static void requests_that_wait_call_for_another(void **state)
{
	(void)state;
	if (cpus() < 2)
		skip();
	begin(false);
	for (int i = 0; i < REQUESTS; i++)
		ask();
	hang_up();
	cpus_remember();
	workers_run(NULL, kernel.out, -1, 2);
	pthread_mutex_lock(&kernel.lock);
	assert_true(kernel.threads >= 2);
	pthread_mutex_unlock(&kernel.lock);
	end();
}

static void but_not_beyond_the_limit(void **state)
{
	int before;

	(void)state;
	begin(false);
	kernel.threads = 2; /* so that nobody waits for a second one */
	before = kernel.most;
	for (int i = 0; i < REQUESTS; i++)
		ask();
	hang_up();
	cpus_remember();
	workers_run(NULL, kernel.out, -1, 1);
	assert_int_equal(kernel.answered, REQUESTS);
	assert_int_equal(kernel.most, before);
	end();
}

/* Returns its number. */
static pid_t start_client(int cpu)
{
	pid_t pid = fork();
	cpu_set_t one;

	if (pid == 0) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (cpu >= 0 && sched_setaffinity(0, sizeof(one), &one) < 0)
			abort();
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	assert_true(pid > 0 && waitpid(pid, NULL, WUNTRACED) == pid);
	return pid;
}

static int last_cpu(void)
{
	cpu_set_t set;
	int cpu = CPU_SETSIZE - 1;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	while (!CPU_ISSET(cpu, &set))
		cpu--;
	return cpu;
}

/* Where the thread is after many requests of a process that is bound to `cpu`, or to none if -1. */
static int near_after(int cpu, int requests)
{
	pid_t client = start_client(cpu); /* before the pipe, which it must not hold */

	begin(true);
	kernel.client = client;
	kernel.requests = requests;
	ask();
	cpus_remember();
	/* One thread: another one might have come a moment ago, and not know yet for whom. */
	workers_run(NULL, kernel.out, -1, 1);
	end();
	kill(client, SIGKILL);
	waitpid(client, NULL, 0);
	return kernel.near;
}

static void a_thread_goes_where_its_client_is_bound(void **state)
{
	cpu_set_t all;

	(void)state;
	if (cpus() < 2)
		skip();
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(near_after(last_cpu(), 200), last_cpu());
	/* no longer than it works for that one */
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(near_after(-1, 200), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* first: threads of the others are never joined, and might read from its pipe */
		cmocka_unit_test(a_thread_goes_where_its_client_is_bound),
		cmocka_unit_test(but_not_beyond_the_limit),
		cmocka_unit_test(one_who_asks_again_needs_one_thread),
		cmocka_unit_test(requests_that_wait_call_for_another),
	};

	return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
