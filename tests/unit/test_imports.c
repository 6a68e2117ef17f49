/* SPDX-License-Identifier: BSD-3-Clause */
/* test_imports.c - the import cache without a registry: its place, records, locks, and what is removed. */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "launcher/conf/conf.h"
#include "launcher/imports/ask.h"
#include "launcher/imports/record.h"
#include "launcher/imports/stock.h"
#include "launcher/imports/program.h"
#include "launcher/imports/turn.h"
#include "tests/unit/unit.h"
#include "tests/unit/tree.h"

#define HEX_A  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEX_C  "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define SOURCE "docker://h.example/x:1"

static struct import_cache cache;

static int setup(void **state)
{
	struct conf conf = { .import_cache_max = 1000 };
	struct error err = ERROR_INIT;
	char path[PATH_MAX + 16];

	if (tree_setup(state) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/a/b", tree);
	setenv(IMPORT_CACHE_VARIABLE, path, 1);
	unsetenv("SLURM_JOB_ID");
	unsetenv("SLURM_CLUSTER_NAME");
	return import_cache_open(&cache, &conf, &err);
}

static int teardown(void **state)
{
	import_cache_done(&cache);
	return tree_teardown(state);
}

static void place(void **state)
{
	struct conf conf = { .import_cache = NULL };
	struct error err = ERROR_INIT;
	char *path;

	(void)state;
	setenv(IMPORT_CACHE_VARIABLE, "relative", 1);
	assert_null(import_cache_locate(&conf, &err));
	assert_cause(&err, "DAVIT_IMPORT_CACHE: 'relative' is not an absolute path");
	unsetenv(IMPORT_CACHE_VARIABLE);
	setenv("HOME", "/home/x", 1);
	setenv("XDG_CACHE_HOME", "relative", 1); /* counts as not set: the XDG's own rule */
	path = import_cache_locate(&conf, &err);
	assert_string_equal(path, "/home/x/.cache/davit/images");
	free(path);
	setenv("XDG_CACHE_HOME", "/c", 1);
	path = import_cache_locate(&conf, &err);
	assert_string_equal(path, "/c/davit/images");
	free(path);
	conf.import_cache = (char *)(uintptr_t) "%h/%%/images";
	path = import_cache_locate(&conf, &err);
	assert_string_equal(path, "/home/x/%/images");
	free(path);
	conf.import_cache = NULL;
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	assert_null(import_cache_locate(&conf, &err));
	assert_cause(&err, "there is no place for imported images: HOME is not set");
}

static void others_may_not_write(void **state)
{
	struct conf conf = { .import_cache_max = 1000 };
	struct import_cache again;
	struct error err = ERROR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(stat("a/b", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(chmod("a/b", 0770), 0);
	assert_int_equal(import_cache_open(&again, &conf, &err), -1);
	assert_contains(err.cause, "others may write to the import cache '");
	assert_contains(err.remedy, "chmod go-w ");
	import_cache_done(&again);
	assert_int_equal(chmod("a/b", 0755), 0);
	assert_int_equal(chmod("a/b/locks", 0702), 0);
	assert_int_equal(import_cache_open(&again, &conf, &err), -1);
	assert_contains(err.cause, "a/b/locks'");
	import_cache_done(&again);
	assert_int_equal(rmdir("a/b/locks"), 0);
	assert_int_equal(symlink("/tmp", "a/b/locks"), 0);
	assert_int_equal(import_cache_open(&again, &conf, &err), -1);
	assert_contains(err.cause, "cannot open '");
	import_cache_done(&again);
}

static int open_at(const char *path, struct error *err)
{
	struct conf conf = { .import_cache_max = 1000 };
	struct import_cache at;
	char full[PATH_MAX + 64];
	int result;

	snprintf(full, sizeof(full), "%s/%s", tree, path);
	setenv(IMPORT_CACHE_VARIABLE, full, 1);
	*err = (struct error)ERROR_INIT;
	result = import_cache_open(&at, &conf, err);
	import_cache_done(&at);
	return result;
}

/* As in /tmp: whose the first part of the path is could replace all that is below. */
static void others_may_not_replace(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(mkdir("shared", 0700), 0);
	assert_int_equal(chmod("shared", 01777), 0);
	assert_int_equal(open_at("shared/mine/cache", &err), 0);
	assert_int_equal(symlink("shared/mine/cache", "link"), 0);
	assert_int_equal(open_at("link", &err), 0);
	assert_int_equal(chmod("shared", 0777), 0);
	assert_int_equal(open_at("shared/mine/cache", &err), -1);
	assert_contains(err.cause, "shared/mine', which others may replace");
	assert_int_equal(open_at("link", &err), -1);
	assert_contains(err.cause, "shared/mine', which others may replace");
	assert_int_equal(chmod("shared", 01777), 0);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown("shared/mine", 65534, 65534), 0);
	assert_int_equal(open_at("shared/mine/cache", &err), -1);
	assert_contains(err.cause, "shared/mine', which others may replace");
	assert_contains(err.remedy, IMPORT_CACHE_VARIABLE "=DIR");
	assert_int_equal(open_at("link", &err), -1);
}

static void records(void **state)
{
	char name[RECORD_NAME_SIZE], digest[DIGEST_TEXT_SIZE];
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(record_name(SOURCE, name, &err), 0);
	assert_int_equal(record_find(&cache, name, SOURCE, digest), 0);
	assert_int_equal(record_write(&cache, name, SOURCE, "sha256:" HEX_A, &err), 0);
	assert_int_equal(record_find(&cache, name, SOURCE, digest), 1);
	assert_string_equal(digest, "sha256:" HEX_A);
	assert_int_equal(record_find(&cache, name, "docker://h.example/x:2", digest), 0);
	assert_int_equal(record_write(&cache, name, SOURCE, "sha256:" HEX_B, &err), 0);
	assert_int_equal(record_find(&cache, name, SOURCE, digest), 1);
	assert_string_equal(digest, "sha256:" HEX_B);
}

/* What is not as it should be is as if it were not there. */
static void damaged_records(void **state)
{
	static const char *const texts[] = {
		"",
		"source " SOURCE "\n",
		"source " SOURCE "\ndigest sha256:" HEX_A,
		"source " SOURCE "\ndigest sha256:" HEX_A "\nmore\n",
		"source " SOURCE "\ndigest sha256:AA" HEX_A "\n",
		"source " SOURCE "\ndigest sha256:aa\n",
		"source /etc/passwd\ndigest sha256:" HEX_A "\n",
		"source docker://UP\ndigest sha256:" HEX_A "\n",
		"digest sha256:" HEX_A "\nsource " SOURCE "\n",
		"source \ndigest sha256:" HEX_A "\n",
	};
	const char zero[] = "source " SOURCE "\0\ndigest sha256:" HEX_A "\n";
	char name[RECORD_NAME_SIZE], digest[DIGEST_TEXT_SIZE], path[PATH_MAX];
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(record_name(SOURCE, name, &err), 0);
	snprintf(path, sizeof(path), "a/b/%s", name);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		put(path, texts[i]);
		if (record_find(&cache, name, SOURCE, digest) != 0)
			fail_msg("taken: %s", texts[i]);
	}
	put_bytes(path, zero, sizeof(zero) - 1);
	assert_int_equal(record_find(&cache, name, SOURCE, digest), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(record_find(&cache, name, SOURCE, digest), 0);
	assert_int_equal(record_write(&cache, name, SOURCE, "sha256:" HEX_A, &err), 0);
	assert_int_equal(record_find(&cache, name, SOURCE, digest), 1);
}

static void records_of_jobs(void **state)
{
	static const char *const none[] = { "", "x", "1x", "-1", "1/2", "123456789012345678901" };
	char one[RECORD_NAME_SIZE], other[RECORD_NAME_SIZE];
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(record_name_job(SOURCE, one, &err), 0);
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		setenv("SLURM_JOB_ID", none[i], 1);
		assert_int_equal(record_name_job(SOURCE, one, &err), 0);
	}
	setenv("SLURM_JOB_ID", "17", 1);
	assert_int_equal(record_name_job(SOURCE, one, &err), 1);
	assert_int_equal(strncmp(one, "jobs/17.", 8), 0);
	setenv("SLURM_CLUSTER_NAME", "blue", 1);
	assert_int_equal(record_name_job(SOURCE, other, &err), 1);
	assert_string_not_equal(one, other);
}

/* Job numbers begin anew when the controller has lost its state. */
static void records_of_earlier_jobs(void **state)
{
	const struct timespec old[] = { { .tv_sec = 50000 }, { .tv_sec = 50000 } };
	char name[RECORD_NAME_SIZE], path[RECORD_NAME_SIZE + 8], digest[DIGEST_TEXT_SIZE];
	struct error err = ERROR_INIT;

	(void)state;
	setenv("SLURM_JOB_ID", "17", 1);
	assert_int_equal(record_name_job(SOURCE, name, &err), 1);
	assert_int_equal(record_write(&cache, name, SOURCE, "sha256:" HEX_A, &err), 0);
	snprintf(path, sizeof(path), "a/b/%s", name);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	unsetenv("SLURM_JOB_START_TIME");
	assert_int_equal(record_find_job(&cache, name, SOURCE, digest), 1);
	setenv("SLURM_JOB_START_TIME", "9999999999999999999999", 1);
	assert_int_equal(record_find_job(&cache, name, SOURCE, digest), 1);
	setenv("SLURM_JOB_START_TIME", "50000", 1);
	assert_int_equal(record_find_job(&cache, name, SOURCE, digest), 1);
	setenv("SLURM_JOB_START_TIME", "50100", 1); /* a clock that is behind */
	assert_int_equal(record_find_job(&cache, name, SOURCE, digest), 1);
	setenv("SLURM_JOB_START_TIME", "60000", 1);
	assert_int_equal(record_find_job(&cache, name, SOURCE, digest), 0);
	assert_int_equal(record_find(&cache, name, SOURCE, digest), 1);
	unsetenv("SLURM_JOB_START_TIME");
}

static void put_image(const char *hex, const char *text, time_t used)
{
	const struct timespec times[] = { { .tv_sec = used }, { .tv_sec = used } };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "a/b/sha256-%s.x86_64.sqfs", hex);
	put(path, text);
	snprintf(path, sizeof(path), "a/b/locks/use.%s.x86_64", hex);
	put(path, "used\n");
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool has_image(const char *hex)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "a/b/sha256-%s.x86_64.sqfs", hex);
	return access(path, F_OK) == 0;
}

static void listing(void **state)
{
	struct error err = ERROR_INIT;
	char name[RECORD_NAME_SIZE];
	struct stock stock;

	(void)state;
	put_image(HEX_A, "12345", 1000);
	put_image(HEX_B, "123", 2000);
	put("a/b/sha256-" HEX_C ".sqfs", "no architecture");
	put("a/b/sha256-" HEX_C ".x86_64.sqfs.davit-7", "unfinished");
	put("a/b/other", "");
	put("a/b/refs/stray", "source " SOURCE "\ndigest sha256:" HEX_B "\n");
	assert_int_equal(record_name(SOURCE, name, &err), 0);
	assert_int_equal(record_write(&cache, name, SOURCE, "sha256:" HEX_A, &err), 0);
	assert_int_equal(stock_read(&stock, &cache, &err), 0);
	assert_int_equal(stock.count, 2);
	assert_int_equal(stock.size, 8);
	assert_string_equal(stock.items[0].key, HEX_B ".x86_64");
	assert_null(stock.items[0].sources[0]);
	assert_string_equal(stock.items[1].digest, "sha256:" HEX_A);
	assert_int_equal(stock.items[1].used, 1000);
	assert_string_equal(stock.items[1].sources[0], SOURCE);
	assert_null(stock.items[1].sources[1]);
	stock_done(&stock);
}

static void shrinking(void **state)
{
	struct stock_freed freed = { .count = 0 };
	struct error err = ERROR_INIT;
	char name[RECORD_NAME_SIZE], digest[DIGEST_TEXT_SIZE];
	int hold;

	(void)state;
	put_image(HEX_A, "1234567890", 1000);
	put("a/b/sha256-" HEX_A ".x86_64.sqfs.verity", "seal");
	put_image(HEX_B, "1234567890", 2000);
	put_image(HEX_C, "1234567890", 3000);
	assert_int_equal(record_name(SOURCE, name, &err), 0);
	assert_int_equal(record_write(&cache, name, SOURCE, "sha256:" HEX_B, &err), 0);
	hold = lock_share(&cache, "use." HEX_A ".x86_64", &err);
	assert_true(hold >= 0);
	assert_int_equal(stock_shrink(&cache, 30, &freed, &err), 0);
	assert_int_equal(freed.count, 0);
	/* The one that was used longest ago is in use now. */
	assert_int_equal(stock_shrink(&cache, 20, &freed, &err), 0);
	assert_int_equal(freed.count, 1);
	assert_int_equal(freed.size, 10);
	assert_true(has_image(HEX_A));
	assert_false(has_image(HEX_B));
	assert_true(has_image(HEX_C));
	assert_int_equal(record_find(&cache, name, SOURCE, digest), 0);
	close(hold);
	assert_int_equal(stock_shrink(&cache, 0, NULL, &err), 0);
	assert_false(has_image(HEX_A));
	assert_false(has_image(HEX_C));
	assert_int_equal(access("a/b/sha256-" HEX_A ".x86_64.sqfs.verity", F_OK), -1);
	assert_int_equal(access("a/b/locks/use." HEX_A ".x86_64", F_OK), -1);
}

static void shrinking_what_it_can(void **state)
{
	const struct timespec old[] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct stock_freed freed = { .count = 0 };
	struct error err = ERROR_INIT;

	(void)state;
	put_image(HEX_A, "1234567890", 1000);
	put_image(HEX_B, "1234567890", 2000);
	put_image(HEX_C, "1234567890", 3000);
	(void)unlink("a/b/locks/use." HEX_A ".x86_64");
	assert_int_equal(mkdir("a/b/locks/use." HEX_A ".x86_64", 0700), 0);
	assert_int_equal(utimensat(AT_FDCWD, "a/b/locks/use." HEX_A ".x86_64", old, 0), 0);
	/* That one cannot be removed, and it is the first to go: another goes, and it is told. */
	assert_int_equal(stock_shrink(&cache, 29, &freed, &err), -1);
	assert_non_null(strstr(err.cause, "use." HEX_A));
	assert_int_equal(freed.count, 1);
	assert_true(has_image(HEX_A));
	assert_false(has_image(HEX_B));
	assert_true(has_image(HEX_C));
	assert_int_equal(rmdir("a/b/locks/use." HEX_A ".x86_64"), 0);
	err = (struct error)ERROR_INIT;
	assert_int_equal(stock_shrink(&cache, 0, NULL, &err), 0);
}

static void clearing(void **state)
{
	const struct timespec old[] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct turn turn;
	struct turn_waiting waiting = { .what = "x" };
	struct error err = ERROR_INIT;

	(void)state;
	put("a/b/sha256-" HEX_A ".x86_64.sqfs.davit-7", "");
	put("a/b/sha256-" HEX_B ".x86_64.sqfs.davit-7", "");
	put("a/b/jobs/1.x", "");
	put("a/b/jobs/2.x", "");
	put("a/b/locks/1.x", "");
	put_image(HEX_C, "1", 1000);
	assert_int_equal(utimensat(AT_FDCWD, "a/b/jobs/1.x", old, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, "a/b/locks/1.x", old, 0), 0);
	assert_int_equal(turn_begin(&turn, &cache, "import." HEX_A ".x86_64", &waiting, &err), 1);
	stock_clear_unfinished(&cache, NULL);
	assert_int_equal(access("a/b/sha256-" HEX_A ".x86_64.sqfs.davit-7", F_OK), 0);
	assert_int_equal(access("a/b/sha256-" HEX_B ".x86_64.sqfs.davit-7", F_OK), -1);
	stock_clear_unfinished(&cache, HEX_A ".x86_64");
	assert_int_equal(access("a/b/sha256-" HEX_A ".x86_64.sqfs.davit-7", F_OK), -1);
	turn_end(&turn, NULL);
	stock_clear_old(&cache);
	assert_int_equal(access("a/b/jobs/1.x", F_OK), -1);
	assert_int_equal(access("a/b/jobs/2.x", F_OK), 0);
	assert_int_equal(access("a/b/locks/1.x", F_OK), -1);
	assert_int_equal(access("a/b/locks/use." HEX_C ".x86_64", F_OK), 0);
}

/* A child takes the turn, says so, and ends it in one of several ways. */
static pid_t start_other(char how)
{
	struct turn_waiting waiting = { .what = "x" };
	struct error err = ERROR_INIT, failure = ERROR_INIT;
	struct turn turn;
	int begun[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(begun), 0);
	pid = fork();
	if (pid == 0) {
		byte = turn_begin(&turn, &cache, "t", &waiting, &err) == 1 ? 'y' : 'n';
		(void)!write(begun[1], &byte, 1);
		usleep(200000);
		error_set(&failure, 0, "no such image");
		error_remedy(&failure, "another one");
		if (how != 'k')
			turn_end(&turn, how == 'f' ? &failure : NULL);
		_exit(0);
	}
	assert_int_equal(read(begun[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	close(begun[0]);
	close(begun[1]);
	return pid;
}

/* Who clears up takes the lock without a word. What failed last week is no answer then. */
static void old_failure(void **state)
{
	struct turn_waiting waiting = { .what = "x" };
	struct error err = ERROR_INIT;
	struct turn turn;
	int begun[2];
	char byte;
	pid_t pid = start_other('f');

	(void)state;
	waitpid(pid, NULL, 0);
	assert_int_equal(pipe(begun), 0);
	pid = fork();
	if (pid == 0) {
		byte = lock_alone(&cache, "t", &err) >= 0 ? 'y' : 'n';
		(void)!write(begun[1], &byte, 1);
		usleep(200000);
		_exit(0);
	}
	assert_int_equal(read(begun[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(turn_begin(&turn, &cache, "t", &waiting, &err), 0);
	waitpid(pid, NULL, 0);
	assert_int_equal(turn_begin(&turn, &cache, "t", &waiting, &err), 1);
	turn_end(&turn, NULL);
	close(begun[0]);
	close(begun[1]);
}

static void turns(void **state)
{
	struct turn_waiting waiting = { .what = "x" };
	struct error err = ERROR_INIT;
	struct turn turn;
	pid_t pid = start_other('d');

	(void)state;
	assert_int_equal(turn_begin(&turn, &cache, "t", &waiting, &err), 0);
	waitpid(pid, NULL, 0);
	pid = start_other('f');
	assert_int_equal(turn_begin(&turn, &cache, "t", &waiting, &err), -1);
	assert_cause(&err, "no such image");
	assert_remedy(&err, "another one");
	waitpid(pid, NULL, 0);
	/* Nobody has been waiting for that failure: it is old, and this is another try. */
	assert_int_equal(turn_begin(&turn, &cache, "t", &waiting, &err), 1);
	turn_end(&turn, NULL);
	pid = start_other('k');
	assert_int_equal(turn_begin(&turn, &cache, "t", &waiting, &err), 0);
	waitpid(pid, NULL, 0);
	assert_int_equal(turn_begin(&turn, &cache, "t", &waiting, &err), 1);
	turn_end(&turn, NULL);
}

static void tools(void **state)
{
	static const char *const says[] = { "sh", "-c", "echo out; echo err >&2; exit 3", NULL };
	static const char *const much[] = { "sh", "-c", "exec yes", NULL };
	static const char *const loud[] = { "sh", "-c", "yes | head -c 100000 >&2; echo end >&2",
					    NULL };
	static const char *const deaf[] = { "sh", "-c", "trap '' TERM; exec sleep 60", NULL };
	static const char *const none[] = { "/none/such", NULL };
	struct error err = ERROR_INIT;
	struct program program;

	(void)state;
	assert_int_equal(program_run(&program, says, 0, &err), 0);
	assert_string_equal(program.out, "out\n");
	assert_string_equal(program.said, "err\n");
	assert_int_equal(program.code, 3);
	program_done(&program);
	assert_int_equal(program_run(&program, much, 0, &err), 0);
	assert_true(program.too_much);
	program_done(&program);
	assert_int_equal(program_run(&program, loud, 0, &err), 0);
	assert_int_equal(strlen(program.said), PROGRAM_SAY_MAX);
	assert_contains(program.said, "y\nend\n");
	program_done(&program);
	assert_int_equal(program_run(&program, none, 0, &err), -1);
	assert_int_equal(err.errnum, ENOENT);
	program_done(&program);
	assert_int_equal(program_run(&program, says, 60, &err), 0);
	program_done(&program);
	assert_int_equal(program_run(&program, deaf, 1, &err), -1);
	assert_int_equal(err.errnum, ETIMEDOUT);
	program_done(&program);
}

static void reasons(void **state)
{
	static const struct {
		const char *said, *cause, *remedy;
	} all[] = {
		{ "time=\"x\" level=fatal msg=\"Error parsing image name \\\"docker://timeout\\\": "
		  "reading \\\"it\\\": manifest unknown\"\n",
		  "the registry has no such image (reading \"it\": manifest unknown)",
		  "check the name and the tag" },
		{ "a line\ntime=\"x\" msg=\"unauthorized: authentication required\"",
		  "the registry wants a login, or there is no such image "
		  "(unauthorized: authentication required)",
		  "skopeo login h.example:80, and check the name" },
		{ "dial tcp: connect: connection refused\n",
		  "the registry does not answer (dial tcp: connect: connection refused)",
		  "again, when this node reaches h.example:80; a proxy is taken from $https_proxy" },
		{ "server gave HTTP response to HTTPS client",
		  "the registry does without TLS (server gave HTTP response to HTTPS client)",
		  "in containers-registries.conf(5): insecure = true for h.example:80" },
		{ "tls: failed to verify certificate: x509: unknown authority",
		  "the registry's certificate cannot be trusted "
		  "(tls: failed to verify certificate: x509: unknown authority)",
		  "ask your admin for its authority in /etc/containers/certs.d/h.example:80" },
		{ "unexpected EOF", "the registry has broken the connection off (unexpected EOF)",
		  "again, when this node reaches h.example:80; a proxy is taken from $https_proxy" },
		{ "", "skopeo failed without a word", "" },
		{ "\n\n", "skopeo failed without a word", "" },
		{ "what?\n", "what?", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct error err = ERROR_INIT;

		assert_int_equal(ask_explain("docker://h.example:80/x:y", all[i].said, &err), -1);
		assert_cause(&err, all[i].cause);
		assert_remedy(&err, all[i].remedy);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(place),
		TEST(others_may_not_write),
		TEST(others_may_not_replace),
		TEST(records),
		TEST(damaged_records),
		TEST(listing),
		TEST(records_of_jobs),
		TEST(records_of_earlier_jobs),
		TEST(clearing),
		TEST(shrinking),
		TEST(shrinking_what_it_can),
		TEST(turns),
		TEST(old_failure),
		TEST(tools),
		TEST(reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
