/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mpi_advice.h - an MPI library and a step that do not speak the same language.
 *
 * The ranks of a program find each other with Slurm's help: by PMIx or by PMI-2 (PMI-1 alike),
 * whichever `srun --mpi` has started. A library that does not know what the step has makes of each
 * rank a program of its own, of one rank, and mostly says nothing.
 */
#ifndef DAVIT_MPI_ADVICE_H
#define DAVIT_MPI_ADVICE_H

#include <stdbool.h>

#include "common/error.h"

/* To be called by a rank in the container, with its environment, just before it becomes `command`.
 * Looks, in the first rank of a step of several, whether the command is linked with an MPI library
 * that cannot speak what the step has; by files only, nothing of the image is run; or whether the container keeps them apart. Returns 0 where all
 * is well or nothing can be told; -1 with `err` set to what is wrong and what to do. */
int mpi_advice(const char *command, const char *workdir, bool own_network, struct error *err);

#endif
