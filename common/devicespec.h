/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * devicespec.h - what --container-device and --container-gpus ask for.
 *
 *	DEVICES = VENDOR/CLASS=NAME[,VENDOR/CLASS=NAME]...	names of the Container Device Interface
 *	NUMBERS = FIRST[-LAST][,FIRST[-LAST]]...
 */
#ifndef DAVIT_DEVICESPEC_H
#define DAVIT_DEVICESPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/* Is this the name of a device, VENDOR/CLASS=NAME? Returns 0, or -1 with `err` set. */
int device_check_name(const char *name, struct error *err);

/* Is this VENDOR/CLASS, the kind of a device? */
bool device_is_kind(const char *kind);

/* Returns the names as a fresh list that ends with NULL, for strings_free; NULL with `err` set. */
char **devicelist_parse(const char *text, struct error *err);

#define NUMBER_MAX 4095

struct numbers {
	unsigned int *items; /* ascending, no two alike */
	size_t count;
};

/* Reads "0,2-3". Returns 0, or -1 with `err` set and nothing to release. */
int numbers_parse(struct numbers *numbers, const char *text, struct error *err);
bool numbers_have(const struct numbers *numbers, unsigned int number);
void numbers_done(struct numbers *numbers);

#endif
