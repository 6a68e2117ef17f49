/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * record.h - what a source stands for: its digest, in one small file that is replaced as a whole.
 *
 * The file's name is made of a hash of the source, its time tells when that was asked. What is not just as it
 * should be counts as not there, and is written anew.
 */
#ifndef DAVIT_IMPORTS_RECORD_H
#define DAVIT_IMPORTS_RECORD_H

#include <time.h>

#include "launcher/imports/cache.h"

struct record {
	char *source;
	char digest[DIGEST_TEXT_SIZE];
	time_t when;
};

#define RECORD_NAME_SIZE 128

/* The name of the record of a source, "refs/HASH". Returns 0, or -1 with `err` set: without libcrypto. */
int record_name(const char *source, char name[RECORD_NAME_SIZE], struct error *err);

/* That of the record in this job, "jobs/JOB.HASH". Returns 1, 0 where there is no job, or -1 with `err` set. */
int record_name_job(const char *source, char name[RECORD_NAME_SIZE], struct error *err);

/* Reads a record. Returns 1, or 0 where there is none that can be used; then nothing is to be freed. */
int record_read(const struct import_cache *cache, const char *name, struct record *record);

/* The same, where it has to be about this source. */
int record_find(const struct import_cache *cache, const char *name, const char *source,
		char digest[DIGEST_TEXT_SIZE]);

/* The same for the record of this job: one from before the job began is that of an earlier job, whose number has
 * been given again. */
int record_find_job(const struct import_cache *cache, const char *name, const char *source,
		    char digest[DIGEST_TEXT_SIZE]);

int record_write(const struct import_cache *cache, const char *name, const char *source,
		 const char *digest, struct error *err);

/* Takes the text of a record apart, for record_read(). Returns 1 or 0, as above. */
int record_parse(char *text, size_t len, struct record *record);

void record_done(struct record *record);

#endif
