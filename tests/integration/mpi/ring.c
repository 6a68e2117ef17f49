/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring.c - does MPI work between these ranks?
 *
 * A token goes around the ring, and a sum over all ranks is compared. Rank 0 prints "size N sum S
 * LIBRARY", where N ranks make the sum 0 + 1 + ... + N-1; each rank "rank R on NODE".
 */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	char library[MPI_MAX_LIBRARY_VERSION_STRING], node[MPI_MAX_PROCESSOR_NAME];
	int rank, size, len, sum, token = 0;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Get_processor_name(node, &len);
	MPI_Get_library_version(library, &len);
	library[strcspn(library, "\n,")] = '\0';
	if (rank > 0)
		MPI_Recv(&token, 1, MPI_INT, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	token++;
	if (size > 1)
		MPI_Send(&token, 1, MPI_INT, (rank + 1) % size, 0, MPI_COMM_WORLD);
	if (rank == 0 && size > 1)
		MPI_Recv(&token, 1, MPI_INT, size - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	if (rank == 0 && token != size)
		MPI_Abort(MPI_COMM_WORLD, 1);
	printf("rank %d on %s\n", rank, node);
	if (rank == 0)
		printf("size %d sum %d %s\n", size, sum, library);
	MPI_Finalize();
	return 0;
}
