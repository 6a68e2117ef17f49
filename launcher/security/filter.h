/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * filter.h - filters of system calls, ready for the kernel.
 *
 * The builder makes them once per node (compile.h); each rank only loads them. They travel as one
 * block of bytes in the recipe, and lie in a file of the container's own /dev for `davit enter`.
 */
#ifndef DAVIT_FILTER_H
#define DAVIT_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define FILTER_FILE "/dev/davit-seccomp"
#define FILTER_MAX  ((size_t)128 << 10) /* bytes */

/* The last one that is loaded decides between two that both refuse a call. */
enum {
	FILTER_OWN,  /* the profile of table.h, what Davit pretends or protects */
	FILTER_USER, /* a profile from a file */
	FILTER_PROGRAMS
};

struct filter_head {
	uint32_t magic;
	uint32_t only_terminal; /* FILTER_OWN is for processes that have a terminal */
	uint32_t flags[FILTER_PROGRAMS];
	uint32_t counts[FILTER_PROGRAMS]; /* of instructions, which follow; 0: no such filter */
};

struct filter {
	unsigned char *data;
	size_t len;
};

/* Makes the block; `programs` of `head->counts` instructions. Returns 0, or -1 with `err` set. */
int filter_pack(struct filter *filter, const struct filter_head *head,
		struct sock_filter *const programs[FILTER_PROGRAMS], struct error *err);

/* Installs them in this process, for good and for all that it starts. Needs no_new_privs. Returns 0,
 * or -1 with `err` set, and then the process must end. */
int filter_load(const void *data, size_t len, struct error *err);

/* Reads the block of the container whose root directory is the process's. Returns 1, 0 where there is
 * none, or -1 with `err` set. */
int filter_read(struct filter *filter, struct error *err);

void filter_done(struct filter *filter);

#define cleanup_filter __attribute__((cleanup(filter_done)))

#endif
