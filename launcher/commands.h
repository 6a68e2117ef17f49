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

/* image COMMAND [OPTION]... IMAGE: what concerns images as files; see launcher/image. */
int image_main(int argc, char **argv);

/* inspect IMAGE: what the image is and says about itself. */
int inspect_main(int argc, char **argv);

/* mpi-check IMAGE: whether the node's MPI can take the place of the image's, and why. */
int mpi_check_main(int argc, char **argv);

/* devices [--json] [OPTION]...: this node's devices, and what a container would get of them. */
int devices_main(int argc, char **argv);

/* doctor [--json]: whether this node is fit for Davit. */
int doctor_main(int argc, char **argv);

/* enter JOBID[.STEP] [COMMAND...]: a command in the container of a step that runs on this node. */
int enter_main(int argc, char **argv);

/* ps [OPTION]...: the containers that run on this node. */
int ps_main(int argc, char **argv);

/* config [OPTION]... or config --check FILE: what davit.conf comes to, and from where. */
int config_main(int argc, char **argv);

/* forget JOB: removes what the named containers of a job have kept; started by the plugin. */
int forget_main(int argc, char **argv);

/* judge: whether a step may have its container; started by the plugin. */
int judge_main(int argc, char **argv);

/* oci-run ENVFILE -- COMMAND...: Slurm's OCI runtime, see oci.conf. */
int oci_run_main(int argc, char **argv);

#endif
