/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * profile_file.h - a profile as Docker and the OCI's runtime-spec have it, in JSON.
 *
 * What is there must be known and of its type: a word that is passed over would be a call that is not
 * refused. Rules on conditions (includes, excludes) count as they do in Docker, with the capabilities
 * that the container's processes have.
 */
#ifndef DAVIT_SECURITY_PROFILE_FILE_H
#define DAVIT_SECURITY_PROFILE_FILE_H

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define PROFILE_FILE_MAX   ((size_t)1 << 20) /* bytes */
#define PROFILE_RULES_MAX  4096
#define PROFILE_ARGS_MAX   6
#define PROFILE_ARCHES_MAX 16

struct profile_rule {
	int call;
	uint32_t action; /* SCMP_ACT_* */
	unsigned int arg_count;
	struct scmp_arg_cmp args[PROFILE_ARGS_MAX]; /* all of them */
};

struct profile_file {
	uint32_t action; /* for all other calls */
	struct profile_rule *rules;
	size_t count;
	uint32_t arches[PROFILE_ARCHES_MAX]; /* SCMP_ARCH_*, beside the native one */
	size_t arch_count;
	unsigned int flags; /* SECCOMP_FILTER_FLAG_* */
};

/* What the conditions of rules are about. */
struct profile_facts {
	bool (*has_capability)(const char *name, const void *data); /* CAP_... */
	const void *data;
};

/* Reads `len` bytes. Returns NULL with `err` set: what is wrong and where in the text; the caller
 * names the file. */
struct profile_file *profile_file_parse(const char *text, size_t len,
					const struct profile_facts *facts, struct error *err);

/* The same of a file, which is opened as whoever calls. */
struct profile_file *profile_file_read(const char *path, const struct profile_facts *facts,
				       struct error *err);

void profile_file_free(struct profile_file *file);

#endif
