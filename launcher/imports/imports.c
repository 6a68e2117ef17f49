/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * imports.c - see imports.h.
 *
 * First the digest: what the job has settled, else what the registry says. Then the file of that digest. Who
 * shares its lock before looking whether it is there knows that nobody removes it.
 */
#include "launcher/imports/imports.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/home.h"
#include "common/source.h"
#include "launcher/imports/ask.h"
#include "launcher/imports/cache.h"
#include "launcher/imports/record.h"
#include "launcher/imports/stock.h"
#include "launcher/imports/turn.h"

#define TOUCH_SECONDS 60 /* a thousand nodes need not all write down that an image is used */

struct work {
	const struct imports_want *want;
	struct import_cache cache;
	char *source; /* by which the cache knows it */
	char ref[RECORD_NAME_SIZE];
	char digest[DIGEST_TEXT_SIZE];
	char key[IMPORT_KEY_SIZE], file[IMPORT_FILE_SIZE];
	bool is_news; /* the record of the source is to be written */
};

/* Paths are those of the job's directory, on whatever node. */
static char *absolute(const char *source, struct error *err)
{
	const char *path = strchr(source, ':') + 1;
	cleanup_free char *home = home_expand(path, err);
	char cwd[PATH_MAX], *full = NULL;

	if (!home)
		return NULL;
	if (home[0] == '/')
		cwd[0] = '\0';
	else if (!getcwd(cwd, sizeof(cwd)))
		return error_set(err, errno, "image '%s': where is that?", source), NULL;
	if (asprintf(&full, "%.*s%s%s%s", (int)(path - source), source, cwd, cwd[0] ? "/" : "",
		     home) < 0)
		return error_set(err, ENOMEM, "cannot keep the image's name"), NULL;
	if (source_check(full, err) == 0)
		return full;
	free(full);
	return NULL;
}

char *imports_name(const char *source, struct error *err)
{
	return source_is_path(source) ? absolute(source, err) : source_canonical(source, err);
}

static void name_files(struct work *work)
{
	import_key(work->digest, work->key);
	import_file(work->key, work->file);
}

static bool is_there(const struct work *work)
{
	struct stat st;

	return fstatat(work->cache.dir, work->file, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_size > 0;
}

static int refuse_never(const struct work *work, struct error *err)
{
	error_set(err, 0,
		  "image '%s' is not in the import cache '%s', and pull=never forbids to ask",
		  work->source, work->cache.path);
	return error_remedy(err, "davit image cache pull %s where it may be asked", work->source);
}

/* The registry is not to be asked, or does not answer: the image that it had last. */
static int use_known(struct work *work, const char *known, const struct error *why)
{
	struct error note = ERROR_INIT;

	memcpy(work->digest, known, DIGEST_TEXT_SIZE);
	if (!why || !work->want->tell)
		return 0;
	error_set(&note, 0, "uses the image '%s' as it was imported earlier: %s", work->source,
		  why->cause);
	if (why->remedy[0])
		error_remedy(&note, "%s", why->remedy);
	work->want->tell(&note);
	return 0;
}

static int wrap(const struct work *work, struct error *err)
{
	return strncmp(err->cause, "cannot import ", strlen("cannot import ")) == 0
		       ? -1
		       : error_wrap(err, "cannot import '%s'", work->source);
}

/* Asks, or uses what is known, as the user wants it. */
static int find_out(struct work *work, struct error *err)
{
	enum pull pull = work->want->pull ? work->want->pull : PULL_NEWER;
	char known[DIGEST_TEXT_SIZE];
	bool has = record_find(&work->cache, work->ref, work->source, known);

	if (has) {
		memcpy(work->digest, known, sizeof(known));
		name_files(work);
		has = is_there(work);
	}
	if (has && (pull == PULL_MISSING || pull == PULL_NEVER))
		return use_known(work, known, NULL);
	if (pull == PULL_NEVER)
		return refuse_never(work, err);
	if (ask_digest(work->source, work->digest, err) == 0) {
		work->is_news = true;
		return 0;
	}
	if (!has || pull == PULL_ALWAYS || !source_is_registry(work->source))
		return wrap(work, err);
	return use_known(work, known, err);
}

/* The turn is the caller's. NFS remembers for a while that a file was not there, and looks again where its
 * directory has been changed. */
static int settle_first(struct work *work, const char *record, struct error *err)
{
	import_cache_refresh(&work->cache, "jobs");
	if (record_find_job(&work->cache, record, work->source, work->digest))
		return 0;
	if (find_out(work, err) < 0)
		return -1;
	return record_write(&work->cache, record, work->source, work->digest, err);
}

/* What the job has settled; the first of its processes does. */
static int settle_in_job(struct work *work, const char *record, struct error *err)
{
	const struct turn_waiting waiting = { .what = work->source, .tell = work->want->tell };
	const char *name = strchr(record, '/') + 1;
	struct turn turn;
	int result = 0;

	while (result == 0) {
		if (record_find_job(&work->cache, record, work->source, work->digest))
			return 0;
		result = turn_begin(&turn, &work->cache, name, &waiting, err);
	}
	if (result < 0)
		return -1;
	result = settle_first(work, record, err);
	turn_end(&turn, result < 0 ? err : NULL);
	turn_forget(&work->cache, name); /* who waits has it open, and who comes finds the record */
	return result;
}

static int settle(struct work *work, struct error *err)
{
	const char *digest = source_digest(work->source);
	char record[RECORD_NAME_SIZE];
	struct error none = ERROR_INIT;
	int in_job;

	if (record_name(work->source, work->ref, err) < 0)
		return -1;
	if (digest) {
		memcpy(work->digest, digest, DIGEST_TEXT_SIZE);
		return 0;
	}
	in_job = record_name_job(work->source, record, err);
	if (in_job < 0)
		return -1;
	if (in_job ? settle_in_job(work, record, err) < 0 : find_out(work, err) < 0)
		return -1;
	*err = none;
	return 0;
}

static void tell_begin(const struct work *work)
{
	struct error note = ERROR_INIT;

	if (!work->want->tell)
		return;
	error_set(&note, 0, "imports '%s'", work->source);
	work->want->tell(&note);
}

static int import(struct work *work, struct error *err)
{
	cleanup_free char *path = import_cache_path(&work->cache, work->file);

	if (!path)
		return error_set(err, ENOMEM, "cannot import an image");
	stock_clear_unfinished(&work->cache, work->key);
	tell_begin(work);
	if (ask_import(work->source, work->digest, path, err) < 0)
		return wrap(work, err);
	if (!is_there(work))
		return error_set(err, 0, "cannot import '%s': '%s' did not come into being",
				 work->source, path);
	work->is_news = true;
	return 0;
}

static int fetch(struct work *work, struct error *err)
{
	const struct turn_waiting waiting = { .what = work->source, .tell = work->want->tell };
	char name[IMPORT_KEY_SIZE + 16];
	struct turn turn;
	int result = 0;

	snprintf(name, sizeof(name), "import.%s", work->key);
	while (result == 0 && !is_there(work)) {
		if (work->want->pull == PULL_NEVER)
			return refuse_never(work, err);
		result = turn_begin(&turn, &work->cache, name, &waiting, err);
		import_cache_refresh(&work->cache, ".");
		if (result <= 0)
			continue;
		result = is_there(work) ? 0 : import(work, err);
		turn_end(&turn, result < 0 ? err : NULL);
	}
	return result;
}

/* The time of the lock tells when its image was used. */
static void touch(int hold)
{
	struct stat st;

	if (fstat(hold, &st) < 0 || time(NULL) - st.st_mtime >= TOUCH_SECONDS || st.st_size == 0)
		(void)!pwrite(hold, "used\n", 5, 0);
}

/* The image is there: a cache that stays larger than it should be is no reason to do without it. */
static void shrink(const struct work *work)
{
	struct error err = ERROR_INIT;

	if (stock_shrink(&work->cache, work->cache.max, NULL, &err) == 0 || !work->want->tell)
		return;
	error_wrap(&err, "the import cache '%s' stays larger than it should be", work->cache.path);
	work->want->tell(&err);
}

static int get(struct work *work, struct imported *imported, struct error *err)
{
	char name[IMPORT_KEY_SIZE + 16];

	work->source = imports_name(work->want->source, err);
	if (!work->source || import_cache_open(&work->cache, work->want->conf, err) < 0 ||
	    settle(work, err) < 0)
		return -1;
	name_files(work);
	snprintf(name, sizeof(name), STOCK_USE_FRONT "%s", work->key);
	imported->hold = lock_share(&work->cache, name, err);
	if (imported->hold < 0 || fetch(work, err) < 0)
		return -1;
	touch(imported->hold);
	imported->path = import_cache_path(&work->cache, work->file);
	imported->source = source_pinned(work->source, work->digest);
	if (!imported->path || !imported->source)
		return error_set(err, ENOMEM, "cannot keep the image's path");
	if (!work->is_news)
		return 0;
	if (record_write(&work->cache, work->ref, work->source, work->digest, err) < 0)
		return -1;
	stock_clear_old(&work->cache);
	shrink(work);
	return 0;
}

int imports_get(const struct imports_want *want, struct imported *imported, struct error *err)
{
	struct work work = { .want = want, .cache = IMPORT_CACHE_INIT };
	int result;

	*imported = (struct imported)IMPORTED_INIT;
	result = get(&work, imported, err);
	import_cache_done(&work.cache);
	free(work.source);
	return result;
}

void imported_done(struct imported *imported)
{
	if (imported->hold >= 0)
		close(imported->hold);
	free(imported->path);
	free(imported->source);
	*imported = (struct imported)IMPORTED_INIT;
}
