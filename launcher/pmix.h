/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pmix.h - what Slurm's PMIx server has for the ranks of a step, besides the variables PMIX_*.
 *
 * The server's own directory is in PMIX_SERVER_TMPDIR. There is a second one, for the ranks' session
 * directories, whose name the server tells MPI libraries by its protocol alone:
 * spmix_appdir_UID_JOB.STEP in TmpFS of slurm.conf, or where mpi.conf or a variable says.
 */
#ifndef DAVIT_PMIX_H
#define DAVIT_PMIX_H

#include <stdbool.h>

/* The ranks' directory on this node, to be freed by the caller, or NULL where there is none (no PMIx,
 * or it cannot be found). */
char *pmix_ranks_dir(void);

/* Does the server want clients to prove by munge who they are? */
bool pmix_uses_munge(void);

/* The value of `key` in the lines "Key=Value ..." of Slurm's configuration file `path` and those that
 * it includes, to be freed by the caller; the last one counts. NULL where there is none. */
char *pmix_slurm_conf(const char *path, const char *key);

#endif
