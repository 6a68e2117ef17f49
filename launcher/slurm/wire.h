/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire.h - what client.c and service.c say to each other.
 *
 * One connection for each command. The client sends a struct slurm_request together with its
 * standard input, output and error (SCM_RIGHTS), and the strings. From then on each byte it sends
 * is the number of a signal for the command. The service answers once, with the command's wait
 * status (waitpid(2)) as an int, and closes. Whoever finds the connection closed before knows that
 * the other one died.
 */
#ifndef DAVIT_SLURM_WIRE_H
#define DAVIT_SLURM_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define SLURM_DIRECTORY "/dev/davit" /* in the container */
#define SLURM_SOCKET    "slurm"      /* in this directory */

#define SLURM_REQUEST_MAGIC 0x44567331u /* "DVs1" */
#define SLURM_REQUEST_MAX   (4u << 20)  /* bytes of strings */

struct slurm_request {
	uint32_t magic;
	uint32_t umask;
	uint32_t ignored; /* bit N - 1: signal N is ignored */
	uint32_t argc;    /* at least 1; argv[0] tells which command */
	uint32_t envc;
	uint32_t size; /* bytes of the strings, each with its NUL: the working directory ("" where
			* the client has none), the arguments, the environment */
};

#define SLURM_COMMANDS 17

extern const char *const slurm_commands[SLURM_COMMANDS]; /* Slurm's client commands */

/* The index in slurm_commands of what `path` (argv[0]) names, or -1. */
int slurm_wire_command(const char *path);

/* Is `sig` one that the client passes on to the command? */
int slurm_wire_passes(int sig);

/* Points strings[] at the `count` NUL-terminated strings of which `text` consists. Returns -1 where
 * there are more or fewer in its `size` bytes, or the last one has no end. */
int slurm_wire_split(char *text, size_t size, char **strings, size_t count);

#endif
