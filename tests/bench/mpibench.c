/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mpibench.c - how fast messages between ranks are, and how long MPI_Init takes
 *
 *	mpibench MS TEST...
 *
 *	latency    a message there and back, halved: 1 B to 4 MB, in us
 *	bandwidth  many messages one way before an answer, all pairs together, in MB/s
 *	allreduce  MPI_Allreduce of doubles (sum): 8 B to 1 MB, in us
 *	barrier    MPI_Barrier, in us
 *	init       MPI_Init alone ("init"), and from $BENCH_START (seconds since 1970) until main is
 *	           reached ("main") and until MPI_Init returns ("ready"); the last rank's, in ms
 *
 * Of n ranks rank i talks to rank i + n/2, all pairs at once. For each size, iterations are doubled
 * until a batch takes MS / BATCHES milliseconds, which warms up as well; then BATCHES batches are
 * run, each as slow as its slowest rank, and their median counts. Rank 0 prints "TEST BYTES VALUE".
 */
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCHES      10
#define LARGEST      (4 << 20)
#define WINDOW       64
#define WINDOW_LARGE 16 /* lest 64 times 4 MB take the time of all others */
#define LARGE        (256 << 10)
#define ITERATIONS   (1 << 24)

static int rank, ranks;
static char *out, *in;

/* Each does its thing so many times. */
typedef void work_function(int size, int iterations);

static int partner(void)
{
	return (rank + ranks / 2) % ranks;
}

static bool is_first(void)
{
	return rank < ranks / 2;
}

static void ping_pong(int size, int iterations)
{
	int other = partner();

	for (int i = 0; i < iterations; i++) {
		if (is_first())
			MPI_Send(out, size, MPI_CHAR, other, 0, MPI_COMM_WORLD);
		MPI_Recv(in, size, MPI_CHAR, other, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		if (!is_first())
			MPI_Send(out, size, MPI_CHAR, other, 0, MPI_COMM_WORLD);
	}
}

static int window_of(int size)
{
	return size > LARGE ? WINDOW_LARGE : WINDOW;
}

static void stream(int size, int iterations)
{
	int other = partner(), window = window_of(size);
	MPI_Request requests[WINDOW];
	char answer = 0;

	for (int i = 0; i < iterations; i++) {
		for (int k = 0; k < window; k++)
			if (is_first())
				MPI_Isend(out, size, MPI_CHAR, other, 0, MPI_COMM_WORLD,
					  &requests[k]);
			else
				MPI_Irecv(in, size, MPI_CHAR, other, 0, MPI_COMM_WORLD,
					  &requests[k]);
		MPI_Waitall(window, requests, MPI_STATUSES_IGNORE);
		if (is_first())
			MPI_Recv(&answer, 1, MPI_CHAR, other, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		else
			MPI_Send(&answer, 1, MPI_CHAR, other, 1, MPI_COMM_WORLD);
	}
}

static void allreduce(int size, int iterations)
{
	for (int i = 0; i < iterations; i++)
		MPI_Allreduce(out, in, size / (int)sizeof(double), MPI_DOUBLE, MPI_SUM,
			      MPI_COMM_WORLD);
}

static void barrier(int size, int iterations)
{
	(void)size;
	for (int i = 0; i < iterations; i++)
		MPI_Barrier(MPI_COMM_WORLD);
}

/* What is printed, from the seconds of one iteration. */
typedef double value_function(int size, double seconds);

static double half_us(int size, double seconds)
{
	(void)size;
	return seconds * 1e6 / 2;
}

static double us(int size, double seconds)
{
	(void)size;
	return seconds * 1e6;
}

static double mb_per_second(int size, double seconds)
{
	return (double)size * window_of(size) * (ranks / 2) / seconds / 1e6;
}

static const struct test {
	const char *name;
	int low, high; /* bytes */
	work_function *work;
	value_function *value;
} tests[] = {
	{ "latency", 1, LARGEST, ping_pong, half_us },
	{ "bandwidth", 1, LARGEST, stream, mb_per_second },
	{ "allreduce", 8, 1 << 20, allreduce, us },
	{ "barrier", 0, 0, barrier, us },
};

/* Seconds that a batch takes, until the slowest rank is through; the same on all ranks. */
static double batch(const struct test *test, int size, int iterations)
{
	double start, took, slowest;

	MPI_Barrier(MPI_COMM_WORLD);
	start = MPI_Wtime();
	test->work(size, iterations);
	took = MPI_Wtime() - start;
	MPI_Allreduce(&took, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
	return slowest;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static void run(const struct test *test, double seconds)
{
	for (int size = test->low; size <= test->high; size = size ? size * 2 : 1) {
		double times[BATCHES];
		int iterations = 1;

		while (batch(test, size, iterations) < seconds / BATCHES && iterations < ITERATIONS)
			iterations *= 2;
		for (int i = 0; i < BATCHES; i++)
			times[i] = batch(test, size, iterations) / iterations;
		qsort(times, BATCHES, sizeof(*times), compare);
		if (rank == 0)
			printf("%s %d %.6g\n", test->name, size,
			       test->value(size,
					   (times[(BATCHES - 1) / 2] + times[BATCHES / 2]) / 2));
	}
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* of main's start and MPI_Init's end on this rank */
static void print_init(double reached, double ready)
{
	const char *text = getenv("BENCH_START");
	double start = text ? strtod(text, NULL) * 1e3 : reached;
	double mine[3] = { ready - reached, reached - start, ready - start }, last[3];

	MPI_Reduce(mine, last, 3, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
	if (rank == 0)
		printf("init 0 %.3f\nmain 0 %.3f\nready 0 %.3f\n", last[0], last[1], last[2]);
}

/* False if nothing has that name. */
static bool run_named(const char *name, double seconds)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		if (strcmp(tests[i].name, name) == 0) {
			run(&tests[i], seconds);
			return true;
		}
	return false;
}

static void *pages(void)
{
	void *memory = NULL;

	if (posix_memalign(&memory, 1 << 16, LARGEST) != 0) {
		fprintf(stderr, "mpibench: no memory\n");
		MPI_Abort(MPI_COMM_WORLD, 1);
	}
	memset(memory, 0, LARGEST);
	return memory;
}

int main(int argc, char **argv)
{
	double reached = now_ms(), ready, seconds = argc > 1 ? strtod(argv[1], NULL) / 1e3 : 0;

	MPI_Init(&argc, &argv);
	ready = now_ms();
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	if (ranks % 2 != 0 || argc < 3) {
		fprintf(stderr, "mpibench: MS TEST... for an even number of ranks\n");
		MPI_Abort(MPI_COMM_WORLD, 2);
	}
	out = pages();
	in = pages();
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "init") == 0)
			print_init(reached, ready);
		else if (!run_named(argv[i], seconds)) {
			fprintf(stderr, "mpibench: no test '%s'\n", argv[i]);
			MPI_Abort(MPI_COMM_WORLD, 2);
		}
	}
	free(out);
	free(in);
	MPI_Finalize();
	return 0;
}
