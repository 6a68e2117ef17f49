/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor.h - `davit doctor`: is this node fit for Davit, and if not, what would make it so?
 *
 * A check is a function that looks at one thing and fills a result. It changes nothing that outlives
 * it, executes no program, and runs in a process of its own (doctor_main.c), so that one that hangs or
 * dies is one line of the report and no more.
 *
 * doctor_main.c   the command, and the table of checks
 * doctor_print.c  results for people and for programs
 * result.c        filling a result
 * check_kernel.c  what the kernel's files say
 * check_try.c     what the kernel does: each way into a container is tried
 * check_slurm.c   Slurm's side
 * check_site.c    Davit's own files, and what else containers want
 * facts.c         the formats of the files that are looked at
 * look.c          reading and judging files
 */
#ifndef DAVIT_DOCTOR_H
#define DAVIT_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/* From good to bad, but for the last. */
enum status {
	STATUS_OK,
	STATUS_WARN, /* something does not work, or not as well as it could */
	STATUS_FAIL, /* containers do not work, or are not safe */
	STATUS_SKIP, /* cannot be told from here */
};

/* Crosses a pipe as it is. */
struct result {
	enum status status;
	char found[ERROR_TEXT_MAX];
	char remedy[ERROR_TEXT_MAX]; /* "" where there is none */
	bool is_dropped;             /* what was said last */
};

/* Says what was found; it begins as "nothing", STATUS_OK. The worst status wins: what is worse
 * replaces what was said, what is as bad is added to it, and what is better is dropped. (A skip counts
 * as better than a warning, and as worse than well.) */
void result_add(struct result *result, enum status status, const char *fmt, ...) ERROR_PRINTF(3, 4);

/* What to do about what was said last, unless that was dropped. */
void result_remedy(struct result *result, const char *fmt, ...) ERROR_PRINTF(2, 3);

/* The same for an error, with its remedy. */
void result_add_error(struct result *result, enum status status, const struct error *err);

const char *status_name(enum status status);

struct check {
	const char *name; /* stable: programs know it */
	void (*look)(struct result *result);
};

/* check_kernel.c */
void check_kernel(struct result *result);
void check_limits(struct result *result);
void check_unprivileged(struct result *result);
void check_apparmor(struct result *result);
void check_selinux(struct result *result);
void check_seccomp(struct result *result);
void check_ptrace(struct result *result);
void check_cgroup(struct result *result);
void check_io_uring(struct result *result);

/* check_try.c: as root, with the rights of nobody */
void check_user_namespace(struct result *result);
void check_mount_namespace(struct result *result);
void check_fuse_device(struct result *result);
void check_fuse_mount(struct result *result);
void check_overlay(struct result *result);

/* check_slurm.c */
void check_slurm(struct result *result);
void check_plugstack(struct result *result);
void check_plugin_version(struct result *result);
void check_oci_conf(struct result *result);
void check_pmi(struct result *result);

/* check_site.c */
void check_davit_conf(struct result *result);
void check_files(struct result *result);
void check_helpers(struct result *result);
void check_devices(struct result *result);
void check_memlock(struct result *result);
void check_state_dir(struct result *result);

/* doctor_print.c. `results` are those of `checks`, in order. */
void doctor_print(const struct check *checks, const struct result *results, size_t count);

/* Returns 0, or -1 with `err` set. */
int doctor_print_json(const struct check *checks, const struct result *results, size_t count,
		      struct error *err);

#endif
