/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * commands.h - the subcommands of `davit`.
 *
 * Each gets its own arguments (argv[0] is its name) and returns the exit code of the process, or
 * becomes the application and does not return.
 */
#ifndef DAVIT_COMMANDS_H
#define DAVIT_COMMANDS_H

/* join FD -- COMMAND...: one rank of a job step; started by the plugin. */
int join_main(int argc, char **argv);

/* The same for Slurm before 23.11: `how` is the value of $DAVIT_JOIN, argv that of the rank. */
int join_from_env(const char *how, int argc, char **argv);

/* run [OPTION]... IMAGE [--] COMMAND...: a container without Slurm. */
int run_main(int argc, char **argv);

/* oci-run ENVFILE -- COMMAND...: Slurm's OCI runtime, see oci.conf. */
int oci_run_main(int argc, char **argv);

#endif
