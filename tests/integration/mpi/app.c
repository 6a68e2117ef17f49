/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * app.c - an MPI program that shows whether its ranks reach each other.
 *
 * Each rank sends 1 MiB around a ring of all ranks, and all of them add up what they have seen. Prints
 *	rank R of N on HOST: sum S, LIBRARY
 * with S the same everywhere if all is well. With an argument it then waits until a file of that name
 * exists. With APP_SKIPS_FINALIZE it ends without MPI_Finalize.
 */
#include <mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT (1 << 17)

static void ring(int rank, int size, long *data, long *seen)
{
	int next = (rank + 1) % size, before = (rank + size - 1) % size;

	for (int i = 0; i < COUNT; i++)
		data[i] = (long)rank * COUNT + i;
	for (int step = 0; step < size; step++) {
		long *from = data + (step % 2 ? COUNT : 0), *to = data + (step % 2 ? 0 : COUNT);

		MPI_Sendrecv(from, COUNT, MPI_LONG, next, step, to, COUNT, MPI_LONG, before, step,
			     MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		*seen += to[step % COUNT];
	}
}

int main(int argc, char **argv)
{
	char library[MPI_MAX_LIBRARY_VERSION_STRING], host[MPI_MAX_PROCESSOR_NAME];
	long *data, seen = 0, sum = 0;
	int rank, size, len;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Get_library_version(library, &len);
	MPI_Get_processor_name(host, &len);
	library[strcspn(library, ",\n")] = '\0';
	data = malloc(2 * COUNT * sizeof(*data));
	if (!data)
		MPI_Abort(MPI_COMM_WORLD, 1);
	ring(rank, size, data, &seen);
	MPI_Allreduce(&seen, &sum, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
	printf("rank %d of %d on %s: sum %ld, %s\n", rank, size, host, sum, library);
	fflush(stdout);
	while (argc > 1 && access(argv[1], F_OK) < 0)
		usleep(10000);
	free(data);
	MPI_Barrier(MPI_COMM_WORLD);
	if (!getenv("APP_SKIPS_FINALIZE"))
		MPI_Finalize();
	return 0;
}
