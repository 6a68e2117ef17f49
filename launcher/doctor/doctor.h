/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor.h - `davit doctor`: is this node as Davit needs it?
 *
 * A check is a function that fills a finding, and a line in the table of doctor_main.c. Each runs in
 * a process of its own with a limit of time: it may enter namespaces, give up privileges, or hang.
 * No check changes the node. Started by root, what stands for a user is tried as nobody.
 *
 * doctor_main.c  the command: runs the checks, shows what they found
 * kernel.c       the kernel and its settings       tries.c  what a container takes, by trying
 * files.c        Davit's files, davit.conf         slurm.c  Slurm and its configuration
 * node.c         devices, limits, programs         facts.c  reading and parsing for all
 */
#ifndef DAVIT_DOCTOR_H
#define DAVIT_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

enum doctor_state {
	DOCTOR_SKIP,
	DOCTOR_OK,
	DOCTOR_WARN,
	DOCTOR_FAIL
}; /* each worse than the last */

struct finding {
	enum doctor_state state;
	char found[ERROR_TEXT_MAX];
	char remedy[ERROR_TEXT_MAX];
};

/* ---- what a check says; the worst counts, of equals the first ---- */

/* The remedy may be NULL. */
void finding_add(struct finding *finding, enum doctor_state state, const char *remedy,
		 const char *fmt, ...) ERROR_PRINTF(4, 5);
/* What the rest of Davit says about it. */
void finding_error(struct finding *finding, enum doctor_state state, const struct error *err);

/* ---- the checks ---- */

void check_kernel(struct finding *finding);
void check_root_directory(struct finding *finding);
void check_namespace_settings(struct finding *finding);
void check_seccomp(struct finding *finding);
void check_ptrace(struct finding *finding);
void check_apparmor(struct finding *finding);
void check_selinux(struct finding *finding);
void check_cgroups(struct finding *finding);

void check_user_namespace(struct finding *finding);
void check_mount_namespace(struct finding *finding);
void check_fuse(struct finding *finding);
void check_overlay(struct finding *finding);

void check_files(struct finding *finding);
void check_config(struct finding *finding);
void check_state_dir(struct finding *finding);

void check_slurm_version(struct finding *finding);
void check_plugstack(struct finding *finding);
void check_oci_conf(struct finding *finding);
void check_slurm_cgroup(struct finding *finding);
void check_mpi(struct finding *finding);

void check_devices(struct finding *finding);
void check_limits(struct finding *finding);
void check_programs(struct finding *finding);

/* ---- facts.c ---- */

/* "slurm-wlm 22.05.8" is 2205, "6.18.44-fc" is 618: the first number with a dot in the text, its
 * first part times 100 and its second. -1 where there is none. */
int version_parse(const char *text);

/* Reads a small file into `text`, without the newline at its end. False where it cannot be read. */
bool fact_read(const char *path, char *text, size_t size);

/* The number in a file of /proc or /sys; -1 where there is none. */
long fact_number(const char *path);

/* May all of `path`, which is absolute, be changed by root alone? If not, the first part that may be
 * is named in `why`. Sticky directories count as safe. Missing parts are errors, too. */
bool path_is_roots(const char *path, char *why, size_t size);

/* Takes a line of plugstack.conf(5) apart, which is changed. True if it loads spank_davit.so: its
 * path and arguments, which may be "". */
bool plugstack_parse(char *line, const char **path, const char **arguments);

/* What is wrong with an oci.conf, a copy of whose text is given, for Davit in `launcher`; NULL if
 * nothing is. */
const char *oci_conf_judge(char *copy, const char *launcher);

/* Finds a program in the system's directories, never by $PATH, into `path`. For root, it has to be
 * root's. */
bool program_find(const char *name, char *path, size_t size);

/* Runs it, for root as nobody, with an environment of its own, and reads what it says to standard
 * output and error, at most `size` - 1 bytes. Returns its exit code, or -1. */
int program_run(char *const argv[], char *text, size_t size);

/* The process gives up being root. Returns 0, or -1 with errno set. */
int become_nobody(void);

#endif
