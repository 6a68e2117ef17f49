/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * profile_parse.h - between the files that read a profile: profile_file.c the whole, profile_when.c
 * conditions of rules, profile_json.c values.
 *
 * All functions return 0, or -1 with `err` set, if nothing else is said.
 */
#ifndef DAVIT_SECURITY_PROFILE_PARSE_H
#define DAVIT_SECURITY_PROFILE_PARSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "launcher/security/profile_file.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct json_word {
	const char *name;
	uint32_t value;
};

/* Is there nothing in `object`, which is called `where`, but these keys? */
int json_check_keys(json_t *object, const char *where, const char *const *keys, size_t count,
		    struct error *err);

/* A member that has to be of this type; *value is NULL where it is absent, or null. */
int json_get(json_t *object, const char *key, json_type type, json_t **value, struct error *err);

int json_get_number(json_t *object, const char *key, uint64_t max, uint64_t *number, bool *is_there,
		    struct error *err);

/* What the word in `key`, which must be there, stands for. */
int json_get_word(json_t *object, const char *key, const struct json_word *words, size_t count,
		  uint32_t *value, struct error *err);

/* Returns 1 where the rule counts on this node, 0 where it does not, or -1. */
int rule_counts(const struct profile_facts *facts, json_t *rule, struct error *err);

#endif
