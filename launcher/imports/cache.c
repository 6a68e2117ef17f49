/* SPDX-License-Identifier: BSD-3-Clause */
/* cache.c - see cache.h. */
#include "launcher/imports/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/conf/conf.h"
#include "launcher/conf/templates.h"

static const char *const parts[] = { "refs", "jobs", "locks" };

static char *refuse_place(const char *what, const char *path, struct error *err)
{
	error_set(err, 0, "%s: '%s' is not an absolute path", what, path);
	error_remedy(err, "the path of a directory of yours that all nodes have");
	return NULL;
}

static char *below(const char *base, const char *path, struct error *err)
{
	char *full = NULL;

	if (asprintf(&full, "%s%s", base, path) >= 0)
		return full;
	error_set(err, ENOMEM, "cannot look for the import cache");
	return NULL;
}

char *import_cache_locate(const struct conf *conf, struct error *err)
{
	const char *variable = getenv(IMPORT_CACHE_VARIABLE);
	const char *base = getenv("XDG_CACHE_HOME");
	char *path;

	if (variable && variable[0]) {
		if (variable[0] != '/')
			return refuse_place(IMPORT_CACHE_VARIABLE, variable, err);
		return below(variable, "", err);
	}
	if (conf->import_cache) {
		path = template_expand(conf->import_cache, err);
		if (!path || path[0] == '/')
			return path;
		(void)refuse_place("'import-cache'", path, err);
		free(path);
		return NULL;
	}
	if (base && base[0] == '/')
		return below(base, "/davit/images", err);
	base = getenv("HOME");
	if (base && base[0] == '/')
		return below(base, "/.cache/davit/images", err);
	error_set(err, 0, "there is no place for imported images: HOME is not set");
	error_remedy(err, "export " IMPORT_CACHE_VARIABLE "=DIR");
	return NULL;
}

/* Makes the directories of the path that are missing, for the user alone. */
static int make_directories(char *path)
{
	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST && access(path, F_OK) < 0) {
			*at = '/';
			return -1;
		}
		*at = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

static int check(const struct import_cache *cache, int dir, const char *name, struct error *err)
{
	const char *slash = name[0] ? "/" : "";
	struct stat st;

	if (fstat(dir, &st) < 0)
		return error_set(err, errno, "cannot look at the import cache '%s'", cache->path);
	if (st.st_uid != geteuid()) {
		error_set(err, 0, "the import cache '%s%s%s' belongs to somebody else", cache->path,
			  slash, name);
		return error_remedy(err, IMPORT_CACHE_VARIABLE
				    "=DIR, or 'import-cache' of davit.conf(5): one of your own");
	}
	if (!(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	error_set(err, 0, "others may write to the import cache '%s%s%s'", cache->path, slash,
		  name);
	return error_remedy(err, "chmod go-w %s%s%s, after a look at what is in there", cache->path,
			    slash, name);
}

/* Images are opened by their path. In a directory like /tmp somebody else may have made the first part of it,
 * and could put another cache there at any time. */
static int check_above(const struct import_cache *cache, char *path, struct error *err)
{
	struct stat above, st;

	for (char *at = path; *at;) {
		char *begin, saved;

		at = strchrnul(at + 1, '/');
		saved = *at;
		*at = '\0';
		begin = strrchr(path, '/');
		if (lstat(path, &st) < 0)
			return error_set(err, errno, "cannot look at '%s'", path);
		*begin = '\0';
		if (stat(path[0] ? path : "/", &above) < 0)
			above.st_mode = 0;
		*begin = '/';
		if ((above.st_mode & S_IWOTH) &&
		    (!(above.st_mode & S_ISVTX) || (st.st_uid != 0 && st.st_uid != geteuid()))) {
			error_set(err, 0,
				  "the import cache '%s' lies in '%s', which others may replace",
				  cache->path, path);
			return error_remedy(err, IMPORT_CACHE_VARIABLE
					    "=DIR, or 'import-cache' of davit.conf(5): one of "
					    "your own");
		}
		*at = saved;
	}
	return 0;
}

/* As it is written, and as it really is. */
static int check_path(const struct import_cache *cache, struct error *err)
{
	cleanup_free char *written = strdup(cache->path), *real = realpath(cache->path, NULL);

	if (!written || !real)
		return error_set(err, errno, "cannot look at the import cache '%s'", cache->path);
	return check_above(cache, written, err) < 0 ? -1 : check_above(cache, real, err);
}

static int open_part(const struct import_cache *cache, const char *name, struct error *err)
{
	cleanup_close int dir = -1;

	if (mkdirat(cache->dir, name, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot write to the import cache '%s'", cache->path);
	dir = openat(cache->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return error_set(err, errno, "cannot open '%s/%s' of the import cache", cache->path,
				 name);
	return check(cache, dir, name, err);
}

int import_cache_open(struct import_cache *cache, const struct conf *conf, struct error *err)
{
	*cache = (struct import_cache){ .dir = -1, .max = conf->import_cache_max };
	cache->path = import_cache_locate(conf, err);
	if (!cache->path)
		return -1;
	if (make_directories(cache->path) == 0)
		cache->dir = open(cache->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cache->dir < 0) {
		error_set(err, errno, "cannot make the import cache '%s'", cache->path);
		return error_remedy(
			err, IMPORT_CACHE_VARIABLE
			"=DIR, or 'import-cache' of davit.conf(5): a directory that you "
			"may write to");
	}
	if (check(cache, cache->dir, "", err) < 0 || check_path(cache, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (open_part(cache, parts[i], err) < 0)
			return -1;
	return 0;
}

void import_cache_done(struct import_cache *cache)
{
	if (cache->dir >= 0)
		close(cache->dir);
	free(cache->path);
	*cache = (struct import_cache)IMPORT_CACHE_INIT;
}

void import_cache_refresh(const struct import_cache *cache, const char *part)
{
	cleanup_close int dir = openat(cache->dir, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0)
		(void)futimens(dir, NULL);
}

char *import_cache_path(const struct import_cache *cache, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", cache->path, name) < 0 ? NULL : path;
}

void import_key(const char *digest, char key[IMPORT_KEY_SIZE])
{
	struct utsname system;

	if (uname(&system) < 0)
		strcpy(system.machine, "unknown");
	snprintf(key, IMPORT_KEY_SIZE, "%s.%.24s", strchr(digest, ':') + 1, system.machine);
}

void import_file(const char *key, char name[IMPORT_FILE_SIZE])
{
	snprintf(name, IMPORT_FILE_SIZE, IMPORT_FILE_FRONT "%s" IMPORT_FILE_END, key);
}
