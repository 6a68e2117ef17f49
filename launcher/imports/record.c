/* SPDX-License-Identifier: BSD-3-Clause */
/* record.c - see record.h. */
#include "launcher/imports/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/newfile.h"
#include "common/source.h"
#include "images/crypto.h"

#define RECORD_MAX 8192 /* bytes of a file */
#define DIGITS_MAX 20   /* of a job's id */

#define TIME_DIGITS_MAX 12  /* of seconds since 1970 */
#define CLOCKS_DIFFER   300 /* seconds, between Slurm's controller and a file server, at most */

static int hash(const char *text, size_t len, char hex[DIGEST_TEXT_SIZE], struct error *err)
{
	if (crypto_open(err) < 0)
		return -1;
	if (crypto_digest(text, len, hex) < 0)
		return error_set(err, ENOMEM, "cannot look into the import cache");
	memmove(hex, strchr(hex, ':') + 1, 2 * DIGEST_BYTES + 1);
	return 0;
}

int record_name(const char *source, char name[RECORD_NAME_SIZE], struct error *err)
{
	char hex[DIGEST_TEXT_SIZE];

	if (hash(source, strlen(source), hex, err) < 0)
		return -1;
	snprintf(name, RECORD_NAME_SIZE, "refs/%s", hex);
	return 0;
}

int record_name_job(const char *source, char name[RECORD_NAME_SIZE], struct error *err)
{
	const char *job = getenv("SLURM_JOB_ID"), *cluster = getenv("SLURM_CLUSTER_NAME");
	cleanup_free char *both = NULL;
	char hex[DIGEST_TEXT_SIZE];
	size_t digits = job ? strspn(job, "0123456789") : 0;
	int len;

	if (digits == 0 || digits > DIGITS_MAX || job[digits])
		return 0;
	/* Clusters that share home directories count their jobs apart. */
	len = asprintf(&both, "%s\n%s", cluster ? cluster : "", source);
	if (len < 0) {
		both = NULL;
		return error_set(err, ENOMEM, "cannot look into the import cache");
	}
	if (hash(both, (size_t)len, hex, err) < 0)
		return -1;
	snprintf(name, RECORD_NAME_SIZE, "jobs/%s.%s", job, hex);
	return 1;
}

/* The value of a line, and the beginning of the next at *at; NULL where it is another line. */
static char *take_line(char **at, const char *key)
{
	size_t len = strlen(key);
	char *value = *at + len, *end;

	if (strncmp(*at, key, len) != 0)
		return NULL;
	end = strchr(value, '\n');
	if (!end)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return value;
}

int record_parse(char *text, size_t len, struct record *record)
{
	struct error bad = ERROR_INIT;
	char *at = text, *source, *digest;
	char checked[DIGEST_TEXT_SIZE];

	if (strlen(text) != len)
		return 0;
	source = take_line(&at, "source ");
	digest = source ? take_line(&at, "digest ") : NULL;
	if (!digest || *at || !source_is(source) || source_check(source, &bad) < 0 ||
	    digest_parse(digest, checked, &bad) < 0 || strcmp(digest, checked) != 0)
		return 0;
	record->source = strdup(source);
	if (!record->source)
		return 0;
	memcpy(record->digest, checked, sizeof(checked));
	return 1;
}

int record_read(const struct import_cache *cache, const char *name, struct record *record)
{
	cleanup_close int fd =
		openat(cache->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t len = 0;
	cleanup_free char *text = fd_read_regular(fd, RECORD_MAX, &len);
	struct stat st;

	if (!text || fstat(fd, &st) < 0)
		return 0;
	record->when = st.st_mtime;
	return record_parse(text, len, record);
}

static int find(const struct import_cache *cache, const char *name, const char *source,
		time_t since, char digest[DIGEST_TEXT_SIZE])
{
	struct record record;
	bool is_it;

	if (record_read(cache, name, &record) == 0)
		return 0;
	is_it = record.when >= since && strcmp(record.source, source) == 0;
	if (is_it)
		memcpy(digest, record.digest, DIGEST_TEXT_SIZE);
	record_done(&record);
	return is_it;
}

int record_find(const struct import_cache *cache, const char *name, const char *source,
		char digest[DIGEST_TEXT_SIZE])
{
	return find(cache, name, source, 0, digest);
}

/* Slurm since 23.02 tells when the job began. One that does not has no more than the job's number. */
int record_find_job(const struct import_cache *cache, const char *name, const char *source,
		    char digest[DIGEST_TEXT_SIZE])
{
	const char *start = getenv("SLURM_JOB_START_TIME");
	size_t digits = start ? strspn(start, "0123456789") : 0;
	bool is_number = digits > 0 && digits <= TIME_DIGITS_MAX && !start[digits];
	time_t since = is_number ? (time_t)strtoll(start, NULL, 10) - CLOCKS_DIFFER : 0;

	return find(cache, name, source, since, digest);
}

int record_write(const struct import_cache *cache, const char *name, const char *source,
		 const char *digest, struct error *err)
{
	cleanup_free char *path = import_cache_path(cache, name);
	struct newfile file = NEWFILE_INIT;
	int result = -1;

	if (!path)
		return error_set(err, ENOMEM, "cannot write to the import cache");
	if (newfile_open(&file, path, 0600, err) == 0) {
		if (dprintf(file.fd, "source %s\ndigest %s\n", source, digest) < 0)
			error_set(err, errno, "cannot write '%s'", path);
		else
			result = newfile_name(&file, err);
	}
	newfile_done(&file);
	return result < 0 ? error_wrap(err, "the import cache") : 0;
}

void record_done(struct record *record)
{
	free(record->source);
	record->source = NULL;
}
