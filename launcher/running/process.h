/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * process.h - what /proc tells about a process of anybody's.
 *
 * `proc` is an open directory /proc/PID: it stays that process's, whatever becomes of the pid. The
 * texts belong to users, who may show anything; they are bounded, not scrubbed.
 */
#ifndef DAVIT_PROCESS_H
#define DAVIT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Slurm's own numbers for steps that have none (slurm.h). */
#define STEP_INTERACTIVE 0xfffffffau
#define STEP_BATCH       0xfffffffbu
#define STEP_EXTERN      0xfffffffcu
#define STEP_NONE        0xffffffffu

/* Opens the directory of `pid` in /proc. Returns -1 with errno set where it is gone. */
int process_open(pid_t pid);

/* Calls `visit` for each process there is, until one call returns other than 0, and returns that;
 * or 0; or -1 with errno set if /proc cannot be read. */
int process_each(int (*visit)(int proc, pid_t pid, void *data), void *data);

/* Reads a small file, with a NUL behind it. The caller frees it. NULL with errno set on failure. */
char *process_read(int proc, const char *name);

/* The number behind `field`, which includes its colon, in a file of lines; 0 if it is not there. */
uint64_t process_field(int proc, const char *name, const char *field);

/* What the process was started with: variables that end in NUL each, as far as it has not written
 * over them. The caller frees it. NULL with errno set on failure. */
char *process_environment(int proc, size_t *len);

/* The value of `name` in such an environment, or NULL. */
const char *process_variable(const char *env, size_t len, const char *name);

/* Is it a slurmstepd? If so, of which step? Users cannot forge that. */
bool process_is_stepd(int proc, uint32_t *job, uint32_t *step);

/* Finds the slurmstepd that a process descends from. */
bool process_find_stepd(int proc, uint32_t *job, uint32_t *step);

/* "7", "batch", "interactive", "extern", or "-" for STEP_NONE. */
const char *step_format(uint32_t step, char *text, size_t size);

/* The reverse, but for "-". */
bool step_parse(const char *text, uint32_t *step);

/* Digits alone, at most UINT32_MAX. */
bool number_parse(const char *text, uint32_t *value);

#endif
