/* SPDX-License-Identifier: BSD-3-Clause */
/* stock.c - see stock.h. */
#include "launcher/imports/stock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/imports/record.h"
#include "launcher/imports/turn.h"

#define OLD_SECONDS ((time_t)90 * 24 * 3600)  /* no job lasts so long */
#define UNFINISHED  IMPORT_FILE_END ".davit-" /* see common/newfile.c */

/* What belongs to an image, and goes with it. */
static const char *const beside[] = { "", ".verity", ".sig" };

static DIR *open_part(const struct import_cache *cache, const char *part)
{
	int fd = openat(cache->dir, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* Takes sha256-KEY`end`... apart, where KEY is HEX.ARCH. */
static bool take_key(const char *name, const char *end, bool is_all, char key[IMPORT_KEY_SIZE])
{
	const size_t front = strlen(IMPORT_FILE_FRONT), hex = 2 * (size_t)DIGEST_BYTES;
	const char *stop = strstr(name, end);
	size_t len;

	if (strncmp(name, IMPORT_FILE_FRONT, front) != 0 || !stop || (is_all && stop[strlen(end)]))
		return false;
	len = (size_t)(stop - name) - front;
	if (len <= hex + 1 || len >= IMPORT_KEY_SIZE || name[front + hex] != '.' ||
	    strspn(name + front, "0123456789abcdef") != hex)
		return false;
	memcpy(key, name + front, len);
	key[len] = '\0';
	return true;
}

static void use_name(const char *key, char name[IMPORT_KEY_SIZE + 16])
{
	snprintf(name, IMPORT_KEY_SIZE + 16, STOCK_USE_FRONT "%s", key);
}

static int add(struct stock *stock, const struct import_cache *cache, const char *name,
	       const char *key, struct error *err)
{
	char lock[IMPORT_KEY_SIZE + 32] = "locks/";
	struct stored *items, *item;
	struct stat st;

	if (fstatat(cache->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0; /* it has just been removed */
	items = reallocarray(stock->items, stock->count + 1, sizeof(*items));
	if (!items)
		return error_set(err, ENOMEM, "cannot list the import cache");
	stock->items = items;
	item = &items[stock->count];
	*item = (struct stored){ .size = (uint64_t)st.st_size, .imported = st.st_mtime };
	item->sources = calloc(1, sizeof(*item->sources));
	if (!item->sources)
		return error_set(err, ENOMEM, "cannot list the import cache");
	strcpy(item->key, key);
	snprintf(item->digest, sizeof(item->digest), "sha256:%.*s", 2 * DIGEST_BYTES, key);
	use_name(key, lock + strlen(lock));
	item->used = fstatat(cache->dir, lock, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mtime
									      : item->imported;
	stock->count++;
	stock->size += item->size;
	return 0;
}

static int add_source(struct stored *item, const char *source)
{
	size_t count = 0;
	char **sources;

	while (item->sources[count])
		count++;
	sources = reallocarray(item->sources, count + 2, sizeof(*sources));
	if (!sources)
		return -1;
	item->sources = sources;
	sources[count] = strdup(source);
	sources[count + 1] = NULL;
	return sources[count] ? 0 : -1;
}

/* A record, under the name that it has to have. */
static int read_ref(const struct import_cache *cache, const char *entry, struct record *record,
		    struct error *err)
{
	char path[RECORD_NAME_SIZE], right[RECORD_NAME_SIZE];

	if (snprintf(path, sizeof(path), "refs/%s", entry) >= (int)sizeof(path) ||
	    record_read(cache, path, record) == 0)
		return 0;
	if (record_name(record->source, right, err) < 0) {
		record_done(record);
		return -1;
	}
	if (strcmp(path, right) == 0)
		return 1;
	record_done(record);
	return 0;
}

static int add_ref(struct stock *stock, const struct record *record, struct error *err)
{
	for (size_t i = 0; i < stock->count; i++)
		if (strcmp(stock->items[i].digest, record->digest) == 0 &&
		    add_source(&stock->items[i], record->source) < 0)
			return error_set(err, ENOMEM, "cannot list the import cache");
	return 0;
}

static int read_refs(struct stock *stock, const struct import_cache *cache, struct error *err)
{
	DIR *dir = open_part(cache, "refs");
	const struct dirent *entry;
	int result = 0;

	if (!dir)
		return error_set(err, errno, "cannot list the import cache '%s'", cache->path);
	while (result == 0 && (entry = readdir(dir))) {
		struct record record = { .source = NULL };

		result = read_ref(cache, entry->d_name, &record, err);
		if (result > 0)
			result = add_ref(stock, &record, err);
		record_done(&record);
	}
	closedir(dir);
	return result;
}

static int compare(const void *a, const void *b)
{
	const struct stored *one = a, *other = b;

	if (one->used != other->used)
		return one->used < other->used ? 1 : -1;
	return strcmp(one->key, other->key);
}

int stock_read(struct stock *stock, const struct import_cache *cache, struct error *err)
{
	DIR *dir = open_part(cache, ".");
	const struct dirent *entry;
	char key[IMPORT_KEY_SIZE];
	int result = 0;

	*stock = (struct stock){ .items = NULL };
	if (!dir)
		return error_set(err, errno, "cannot list the import cache '%s'", cache->path);
	while (result == 0 && (entry = readdir(dir)))
		if (take_key(entry->d_name, IMPORT_FILE_END, true, key))
			result = add(stock, cache, entry->d_name, key, err);
	closedir(dir);
	if (result < 0)
		return -1;
	if (stock->count > 0)
		qsort(stock->items, stock->count, sizeof(*stock->items), compare);
	return read_refs(stock, cache, err);
}

void stock_done(struct stock *stock)
{
	for (size_t i = 0; i < stock->count; i++)
		strings_free(stock->items[i].sources);
	free(stock->items);
	*stock = (struct stock){ .items = NULL };
}

/* The same digest may be there for another architecture. */
static bool is_last(const struct import_cache *cache, const char *digest)
{
	DIR *dir = open_part(cache, ".");
	const struct dirent *entry;
	char key[IMPORT_KEY_SIZE];
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = take_key(entry->d_name, IMPORT_FILE_END, true, key) &&
			strncmp(key, strchr(digest, ':') + 1, 2 * DIGEST_BYTES) == 0;
	if (dir)
		closedir(dir);
	return !found;
}

static void forget_sources(const struct import_cache *cache, const struct stored *stored)
{
	struct error ignored = ERROR_INIT;
	char name[RECORD_NAME_SIZE], digest[DIGEST_TEXT_SIZE];

	for (char **source = stored->sources; *source; source++)
		if (record_name(*source, name, &ignored) == 0 &&
		    record_find(cache, name, *source, digest) &&
		    strcmp(digest, stored->digest) == 0)
			(void)unlinkat(cache->dir, name, 0);
}

int stock_remove(const struct import_cache *cache, const struct stored *stored, struct error *err)
{
	char lock[IMPORT_KEY_SIZE + 16], path[IMPORT_KEY_SIZE + 32], file[IMPORT_FILE_SIZE];
	cleanup_close int alone = -1;

	use_name(stored->key, lock);
	alone = lock_alone(cache, lock, err);
	if (alone < 0 && err->errnum == EBUSY) {
		error_set(err, 0, "a container uses image '%s'",
			  stored->sources[0] ? stored->sources[0] : stored->digest);
		err->errnum = EBUSY;
		return error_remedy(err, "wait for its end; davit ps tells on its node");
	}
	if (alone < 0)
		return -1;
	import_file(stored->key, file);
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", file, beside[i]);
		if (unlinkat(cache->dir, path, 0) < 0 && errno != ENOENT)
			return error_set(err, errno, "cannot remove '%s/%s'", cache->path, path);
	}
	if (is_last(cache, stored->digest))
		forget_sources(cache, stored);
	snprintf(path, sizeof(path), "locks/%s", lock);
	(void)unlinkat(cache->dir, path, 0);
	return 0;
}

int stock_shrink(const struct import_cache *cache, uint64_t max, struct stock_freed *freed,
		 struct error *err)
{
	struct stock stock;
	int result = stock_read(&stock, cache, err);
	bool is_read = result == 0;

	for (size_t i = stock.count; is_read && stock.size > max && i-- > 0;) {
		const struct stored *item = &stock.items[i];
		struct error failure = ERROR_INIT;

		if (stock_remove(cache, item, &failure) == 0) {
			stock.size -= item->size;
			if (freed)
				freed->count++, freed->size += item->size;
		} else if (failure.errnum != EBUSY && result == 0) {
			*err = failure;
			result = -1;
		}
	}
	stock_done(&stock);
	return result;
}

static void clear_one(const struct import_cache *cache, const char *name, const char *key)
{
	struct error ignored = ERROR_INIT;
	char lock[IMPORT_KEY_SIZE + 16];
	cleanup_close int turn = -1;

	snprintf(lock, sizeof(lock), "import.%s", key);
	turn = lock_alone(cache, lock, &ignored);
	if (turn >= 0)
		(void)unlinkat(cache->dir, name, 0);
}

void stock_clear_unfinished(const struct import_cache *cache, const char *key)
{
	DIR *dir = open_part(cache, ".");
	const struct dirent *entry;
	char found[IMPORT_KEY_SIZE];

	while (dir && (entry = readdir(dir))) {
		if (!take_key(entry->d_name, UNFINISHED, false, found))
			continue;
		if (!key)
			clear_one(cache, entry->d_name, found);
		else if (strcmp(key, found) == 0)
			(void)unlinkat(cache->dir, entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

static bool is_old(const struct import_cache *cache, const char *path)
{
	struct stat st;

	return fstatat(cache->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       time(NULL) - st.st_mtime > OLD_SECONDS;
}

/* An image's lock tells when that was used, so it stays as long as the image. */
static bool has_image(const struct import_cache *cache, const char *lock)
{
	const char *key = strchr(lock, '.');
	char file[IMPORT_FILE_SIZE];

	if (!key || strlen(key) >= IMPORT_KEY_SIZE)
		return false;
	import_file(key + 1, file);
	return faccessat(cache->dir, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void stock_clear_old(const struct import_cache *cache)
{
	static const char *const parts[] = { "jobs", "locks" };

	for (size_t i = 0; i < 2; i++) {
		DIR *dir = open_part(cache, parts[i]);
		const struct dirent *entry;
		char path[IMPORT_KEY_SIZE + 32];

		while (dir && (entry = readdir(dir))) {
			if (snprintf(path, sizeof(path), "%s/%s", parts[i], entry->d_name) >=
				    (int)sizeof(path) ||
			    !is_old(cache, path))
				continue;
			if (i == 0)
				(void)unlinkat(cache->dir, path, 0);
			else if (!has_image(cache, entry->d_name))
				turn_forget(cache, entry->d_name);
		}
		if (dir)
			closedir(dir);
	}
}
