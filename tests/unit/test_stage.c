/* SPDX-License-Identifier: BSD-3-Clause */
/* test_stage.c - which copy of an image `auto` stands for, what it is called, how much room there is, and
 * which files are believed to be one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/room.h"
#include "launcher/stage/broadcast.h"
#include "launcher/stage/choose.h"
#include "launcher/stage/store.h"
#include "tests/unit/unit.h"

#define MIB ((uint64_t)1 << 20)

static char dir[] = "/tmp/test_stage.XXXXXX";

static void auto_chooses(void **state)
{
	static const struct {
		struct stage_facts facts;
		enum stage_choice choice;
	} cases[] = {
		/* directory, local, size, nodes, memory, disk */
		{ { false, false, 100 * MIB, 4, 400 * MIB, 0 }, STAGE_MEMORY },
		{ { false, false, 100 * MIB, 1000, 400 * MIB, 999 * MIB }, STAGE_MEMORY },
		{ { false, false, 100 * MIB, 4, 399 * MIB, 200 * MIB }, STAGE_LOCAL },
		{ { false, false, 100 * MIB, 4, 399 * MIB, 199 * MIB }, STAGE_SHARED },
		{ { false, false, 100 * MIB, 4, 0, 0 }, STAGE_SHARED },
		{ { false, false, 100 * MIB, 3, 400 * MIB, 400 * MIB }, STAGE_SHARED },
		{ { false, false, 64 * MIB, 4, 256 * MIB, 0 }, STAGE_MEMORY },
		{ { false, false, 64 * MIB - 1, 4, 400 * MIB, 400 * MIB }, STAGE_SHARED },
		{ { false, true, 100 * MIB, 4, 400 * MIB, 400 * MIB }, STAGE_SHARED },
		{ { true, false, 100 * MIB, 4, 400 * MIB, 400 * MIB }, STAGE_SHARED },
		{ { false, false, UINT64_MAX, 4, UINT64_MAX, UINT64_MAX }, STAGE_SHARED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (stage_choose(&cases[i].facts) != cases[i].choice)
			fail_msg("case %zu: %d", i, stage_choose(&cases[i].facts));
}

static void keys(void **state)
{
	const struct stat st = { .st_dev = 5,
				 .st_ino = 0x10,
				 .st_size = 0x1000,
				 .st_mtim = { 1, 2 },
				 .st_ctim = { 3, 4 } };
	char key[STAGE_KEY_MAX], other[STAGE_KEY_MAX], digest[80] = "sha256:";
	struct stat changed = st;

	(void)state;
	stage_key(key, "", "/img", &st);
	assert_string_equal(key, "s-10-1000-3b9aca02-b2d05e04-f2d4ed9c8de8fb7d");
	changed.st_dev = 6; /* another node's number for the same mount */
	stage_key(other, "", "/img", &changed);
	assert_string_equal(key, other);
	stage_key(other, "", "/img2", &st);
	assert_string_not_equal(key, other);
#define DIFFERS(field)                                  \
	do {                                            \
		changed = st;                           \
		changed.field++;                        \
		stage_key(other, "", "/img", &changed); \
		assert_string_not_equal(key, other);    \
	} while (0)
	DIFFERS(st_ino);
	DIFFERS(st_size);
	DIFFERS(st_mtim.tv_nsec);
	DIFFERS(st_ctim.tv_nsec);
	DIFFERS(st_ctim.tv_sec);
	memset(digest + 7, 'a', 64);
	stage_key(key, digest, "/img", &st);
	stage_key(other, digest, "/another", &changed); /* the digest says it all */
	assert_string_equal(key, other);
	assert_int_equal(strlen(key), 2 + 64);
	assert_null(strchr(key, '/'));
	assert_null(strchr(key, '.'));
}

static void nodes(void **state)
{
	(void)state;
	assert_true(stage_nodes_among("n1", "n1"));
	assert_true(stage_nodes_among("n[2-3]", "n[1-3]"));
	assert_true(stage_nodes_among("n[09-10]", "n[08-11],x"));
	assert_false(stage_nodes_among("n[1-4]", "n[1-3]"));
	assert_false(stage_nodes_among("n1,m1", "n[1-3]"));
	assert_false(stage_nodes_among("n1", ""));
}

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void make(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void cgroups(void **state)
{
	(void)state;
	make("cg");
	make("cg/job");
	make("cg/job/step");
	char root[64];

	snprintf(root, sizeof(root), "%s/cg", dir);
	assert_true(room_in_cgroups(root, "0::/job/step\n") == UINT64_MAX); /* no controller */
	put("cg/job/step/memory.max", "max\n");
	put("cg/job/step/memory.current", "10\n");
	assert_true(room_in_cgroups(root, "0::/job/step\n") == UINT64_MAX);
	put("cg/job/memory.max", "1000\n");
	put("cg/job/memory.current", "700\n");
	assert_true(room_in_cgroups(root, "0::/job/step\n") == 300);
	put("cg/job/memory.stat", "anon 5\ninactive_file 200\nactive_file 7\n");
	assert_true(room_in_cgroups(root, "1:cpu:/x\n0::/job/step\n") == 500);
	put("cg/job/step/memory.max", "20\n");
	assert_true(room_in_cgroups(root, "0::/job/step\n") == 10);
	put("cg/job/memory.current", "5000\n"); /* a limit that was lowered */
	assert_true(room_in_cgroups(root, "0::/job/step\n") == 0);
	assert_true(room_in_cgroups(root, "1:memory:/job\n") == UINT64_MAX);
	assert_true(room_in_cgroups(root, "") == UINT64_MAX);
	make("cg/memory");
	make("cg/memory/job");
	make("cg/memory/job/step");
	put("cg/memory/job/memory.limit_in_bytes", "1000\n");
	put("cg/memory/job/memory.usage_in_bytes", "700\n");
	put("cg/memory/job/memory.stat", "inactive_file 1\ntotal_inactive_file 200\n");
	put("cg/memory/job/step/memory.limit_in_bytes", "9223372036854771712\n"); /* none */
	put("cg/memory/job/step/memory.usage_in_bytes", "5\n");
	assert_true(room_in_cgroups(root, "9:cpu:/x\n7:memory:/job/step\n0::/other\n") == 500);
	assert_true(room_in_cgroups(root, "7:memory:/job/step\n0::/job\n") == 0);
	assert_true(room_in_cgroups(root, "0::/../../x\n") == UINT64_MAX);
}

/* Slurm's limits say nothing of what is taken, so they are the most that there can be. */
static void memory(void **state)
{
	int fd = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	(void)unsetenv("SLURM_MEM_PER_NODE");
	assert_true(room_in_memory(fd) <= room_on_disk(fd));
	assert_int_equal(setenv("SLURM_MEM_PER_NODE", "1", 1), 0);
	assert_true(room_in_memory(fd) <= MIB);
	assert_int_equal(unsetenv("SLURM_MEM_PER_NODE"), 0);
	assert_int_equal(setenv("SLURM_MEM_PER_CPU", "1", 1), 0);
	assert_int_equal(setenv("SLURM_CPUS_ON_NODE", "2", 1), 0);
	assert_true(room_in_memory(fd) <= 2 * MIB);
	(void)unsetenv("SLURM_MEM_PER_CPU");
	(void)unsetenv("SLURM_CPUS_ON_NODE");
	assert_true(room_is_local(fd));
	close(fd);
	fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_false(room_is_local(fd)); /* what is not known */
	close(fd);
}

/* A store in which the copy "7.key" of 5 bytes is wanted. */
static void open_store(struct store *store)
{
	struct error err = ERROR_INIT;

	assert_int_equal(store_open(store, dir, &err), 0);
	assert_int_equal(store_lock(store, "7", "0", "key", 5, &err), 0);
}

static int source(const char *text)
{
	char path[256];
	int fd;

	put("source", text);
	snprintf(path, sizeof(path), "%s/source", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void own_path(char path[256], const char *name)
{
	snprintf(path, 256, "%s/davit-%u/%s", dir, geteuid(), name);
}

static size_t count(void)
{
	char path[256];
	size_t entries = 0;
	const struct dirent *entry;
	DIR *list;

	own_path(path, "");
	list = opendir(path);
	while (list && (entry = readdir(list)))
		entries += entry->d_name[0] != '.';
	if (list)
		closedir(list);
	return entries;
}

static void copies_and_finds(void **state)
{
	struct store store = STORE_INIT;
	struct error err = ERROR_INIT;
	int from = source("bytes"), fd;
	char text[8] = "", path[256];
	struct stat st;

	(void)state;
	open_store(&store);
	assert_int_equal(store_find(&store), -1);
	own_path(path, "7.key.part"); /* of one that was killed */
	assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
	fd = store_copy(&store, from, "/img", &err);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, 8), 5);
	assert_string_equal(text, "bytes");
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0400);
	close(fd);
	assert_int_equal(count(), 2); /* copy and lock */
	fd = store_find(&store);
	assert_true(fd >= 0);
	close(fd);
	close(from);
	store_done(&store);
	assert_int_equal(store_forget(dir, "7", &err), 0);
	own_path(path, "");
	assert_int_equal(access(path, F_OK), -1);
}

/* What was changed, or is none, is not used and removed. */
static void altered(void **state)
{
	static const char *const how[] = { "chmod 600 %s",
					   "chmod 600 %s; echo more >>%s; chmod 400 %s",
					   "chmod 600 %s; printf other >%s; chmod 400 %s",
					   "ln %s $(dirname %s)/7.link",
					   "rm %s; ln -s ../source %s",
					   "rm %s; mkfifo -m 400 %s" };
	struct store store = STORE_INIT;
	struct error err = ERROR_INIT;
	int from = source("bytes");
	char path[256], command[1024];

	(void)state;
	open_store(&store);
	own_path(path, "7.key");
	for (size_t i = 0; i < COUNT_OF(how); i++) {
		int fd = store_copy(&store, from, "/img", &err);

		assert_true(fd >= 0);
		close(fd);
		fd = store_find(&store);
		assert_true(fd >= 0);
		close(fd);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(command, sizeof(command), how[i], path, path, path);
#pragma GCC diagnostic pop
		assert_int_equal(system(command), 0);
		if (store_find(&store) >= 0)
			fail_msg("believed after: %s", command);
		assert_int_equal(access(path, F_OK), -1);
	}
	close(from);
	store_done(&store);
	assert_int_equal(store_forget(dir, "7", &err), 0);
}

static void source_changes(void **state)
{
	struct store store = STORE_INIT;
	struct error err = ERROR_INIT;
	int from = source("more bytes");

	(void)state;
	open_store(&store); /* it had 5 bytes when it was looked at */
	assert_int_equal(store_copy(&store, from, "/img", &err), -1);
	assert_contains(err.cause, "image '/img' was changed while it was copied");
	assert_remedy(&err, "start again when nobody writes to it");
	assert_int_equal(count(), 1);
	close(from);
	from = source("few");
	assert_int_equal(store_copy(&store, from, "/img", &err), -1);
	assert_contains(err.cause, "image '/img' was changed while it was copied");
	close(from);
	store_done(&store);
	assert_int_equal(store_forget(dir, "7", &err), 0);
}

static void arrive(mode_t mode)
{
	char path[256];

	snprintf(path, sizeof(path), "davit-%u-7.0-key", geteuid());
	put(path, "bytes");
	snprintf(path, sizeof(path), "%s/davit-%u-7.0-key", dir, geteuid());
	assert_int_equal(chmod(path, mode), 0);
}

static void adopts(void **state)
{
	struct store store = STORE_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	open_store(&store);
	assert_int_equal(store_arrival(&store), -1);
	for (int moves = 0; moves < 2; moves++) {
		int arrival, fd;
		char text[8] = "";

		arrive(0700); /* as long as there is more to come */
		assert_int_equal(store_arrival(&store), -1);
		arrive(0400);
		arrival = store_arrival(&store);
		assert_true(arrival >= 0);
		fd = store_adopt(&store, arrival, moves, &err);
		close(arrival);
		assert_true(fd >= 0);
		assert_int_equal(read(fd, text, 8), 5);
		assert_string_equal(text, "bytes");
		close(fd);
		assert_int_equal(store_arrival(&store), -1);
		fd = store_find(&store);
		assert_true(fd >= 0);
		close(fd);
	}
	arrive(0400);
	store_drop_arrivals(&store);
	assert_int_equal(store_arrival(&store), -1);
	assert_null(store_nodes(&store));
	store_note_nodes(&store, "n[1-3]");
	char *noted = store_nodes(&store);

	assert_string_equal(noted, "n[1-3]");
	free(noted);
	store_done(&store);
	assert_int_equal(store_forget(dir, "7", &err), 0);
}

/* Whoever has the name could write to it for ever. */
static void squatted(void **state)
{
	struct store store = STORE_INIT;
	struct error err = ERROR_INIT;
	char path[256];

	(void)state;
	if (geteuid() != 0)
		skip();
	open_store(&store);
	arrive(0600);
	snprintf(path, sizeof(path), "%s/%s", dir, store.arrival);
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_int_equal(broadcast_await(&store, 1, &err), -1);
	assert_non_null(strstr(err.cause, "-7.0-key' is somebody else's"));
	assert_int_equal(unlink(path), 0);
	err = (struct error)ERROR_INIT;
	assert_int_equal(broadcast_await(&store, 1, &err), -1);
	assert_cause(&err, "nothing of it has come");
	store_done(&store);
	assert_int_equal(store_forget(dir, "7", &err), 0);
}

static void sweeps(void **state)
{
	const struct timespec old[2] = { { .tv_sec = time(NULL) - 25 * 3600 },
					 { .tv_sec = time(NULL) - 25 * 3600 } };
	struct store store = STORE_INIT;
	struct error err = ERROR_INIT;
	char path[256];

	(void)state;
	open_store(&store);
	static const char *const names[] = { "7.other",    "70.key",     "70.key.lock", "8.key",
					     "8.key.part", "8.key.lock", "9.key.part" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		own_path(path, names[i]);
		assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
	}
	own_path(path, "8.key.lock");
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	store_sweep(&store);
	/* Of this job, and of one that was here lately. */
	static const bool stays[] = { true, true, true, false, false, false, false };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		own_path(path, names[i]);
		if ((access(path, F_OK) == 0) != stays[i])
			fail_msg("%s is%s there", names[i], stays[i] ? " not" : "");
	}
	store_done(&store);
	assert_int_equal(store_forget(dir, "7", &err), 0);
	own_path(path, "70.key"); /* not of job 7 */
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(store_forget(dir, "70", &err), 0);
	own_path(path, "");
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(store_forget("/nonesuch", "70", &err), 0);
}

/* The epilog of another job of the user's removes the directory when it is empty, at any time. */
static void directory_goes(void **state)
{
	struct store store;
	struct error err = ERROR_INIT;
	int image = source("12345"), copy;
	char own[256];

	(void)state;
	own_path(own, "");
	assert_int_equal(store_open(&store, dir, &err), 0);
	assert_int_equal(rmdir(own), 0);
	assert_int_equal(store_lock(&store, "7", "0", "key", 5, &err), 0);
	copy = store_copy(&store, image, "image", &err);
	assert_true(copy >= 0);
	close(copy);
	store_done(&store);
	assert_int_equal(store_forget(dir, "7", &err), 0);

	assert_int_equal(store_open(&store, dir, &err), 0);
	assert_int_equal(rmdir(own), 0);
	store.size = 5;
	copy = store_copy_unnamed(&store, image, "image", &err);
	assert_true(copy >= 0);
	close(copy);
	close(image);
	store_done(&store);
	assert_int_equal(rmdir(own), 0);
}

static void refuses_places(void **state)
{
	struct store store = STORE_INIT;
	struct error err = ERROR_INIT;
	char path[256];

	(void)state;
	assert_int_equal(store_open(&store, "/nonesuch", &err), -1);
	assert_cause(&err, "cannot open '/nonesuch': No such file or directory");
	store_done(&store);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(store_open(&store, dir, &err), -1);
	assert_contains(err.cause, "others may rename or remove what lies in '");
	store_done(&store);
	assert_int_equal(chmod(dir, 01777), 0);
	own_path(path, "");
	path[strlen(path) - 1] = '\0';
	assert_int_equal(symlink("/tmp", path), 0);
	assert_int_equal(store_open(&store, dir, &err), -1);
	assert_contains(err.cause, "cannot open 'davit-");
	store_done(&store);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(store_open(&store, dir, &err), -1);
	assert_contains(err.cause, "belongs to somebody else, or others may write to it");
	store_done(&store);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(chmod(dir, 0700), 0);
}

static int begin(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auto_chooses),   cmocka_unit_test(keys),
		cmocka_unit_test(nodes),          cmocka_unit_test(cgroups),
		cmocka_unit_test(memory),         cmocka_unit_test(copies_and_finds),
		cmocka_unit_test(altered),        cmocka_unit_test(source_changes),
		cmocka_unit_test(adopts),         cmocka_unit_test(sweeps),
		cmocka_unit_test(directory_goes), cmocka_unit_test(refuses_places),
		cmocka_unit_test(squatted),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
