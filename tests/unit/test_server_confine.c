/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_server_confine.c - what the image server may still call, and what ends it.
 *
 * Each call is tried in a child of its own with the filter. What is not allowed must end that child
 * by SIGSYS: an error alone would let whoever controls it try the next one.
 */
#include "launcher/server_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/fdpass.h"
#include "tests/unit/unit.h"

static struct server_files files;
#define CACHE ((size_t)16 << 20)

static int other;

/* What ends in a signal is meant to here. */
static void enter_filter(void)
{
	const struct rlimit no_core = { 0, 0 };
	struct error err = ERROR_INIT;

	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || server_filter(&files, &err) < 0)
		_exit(255);
}

/* Returns the status of a child that ran `check` behind the filter; 0 if that returned 0. */
static int in_child(int (*check)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		enter_filter();
		_exit(check());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#define assert_allowed(check) assert_int_equal(in_child(check), 0)

#define CHECK(what)                      \
	do {                             \
		if (!(what))             \
			return __LINE__; \
	} while (0)

static int uses_files(void)
{
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	int fds[FDPASS_MAX];
	struct statfs st;

	CHECK(pread(files.image, &byte, 1, 0) == 1);
	CHECK(write(files.channel, "x", 1) == 1 && writev(files.channel, &iov, 1) == 1);
	CHECK(read(files.channel, &byte, 1) == 1);
	CHECK(write(files.answer, "x", 1) == 1 && read(files.question, &byte, 1) == 1);
	CHECK(fdpass_receive(files.go, &byte, 1, fds, 0) == 1 && fds[0] >= 0);
	CHECK(fstatfs(fds[0], &st) == 0 && close(fds[0]) == 0);
	CHECK(dup2(STDIN_FILENO, STDERR_FILENO) == STDERR_FILENO);
	return 0;
}

/* No ring in fact: what matters is that the call is let through to it. */
static int uses_rings(void)
{
	for (size_t i = 0; i < files.ring_count; i++)
		CHECK(syscall(SYS_io_uring_enter, files.rings[i], 0, 0, 0, NULL, 0) < 0 &&
		      errno != 0);
	return 0;
}

static int uses_memory(void)
{
	char *some = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *more = malloc(8 << 20);

	CHECK(some != MAP_FAILED && more);
	CHECK(madvise(some, 1 << 20, MADV_HUGEPAGE) == 0 || 1);
	CHECK(mprotect(some, 4096, PROT_READ) == 0 && munmap(some, 1 << 20) == 0);
	more = realloc(more, 64 << 20);
	CHECK(more);
	free(more);
	return 0;
}

static void *in_thread(void *data)
{
	struct pollfd poller = { .fd = files.channel, .events = POLLIN };
	cpu_set_t cpus;
	char *text = malloc(1000);

	if (text && sched_getaffinity(0, sizeof(cpus), &cpus) == 0 &&
	    sched_setaffinity(0, sizeof(cpus), &cpus) == 0 && poll(&poller, 1, 0) >= 0)
		*(int *)data = 1;
	free(text);
	return NULL;
}

static int uses_threads(void)
{
	pthread_t threads[4];
	int done[4] = { 0 };

	for (size_t i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, in_thread, &done[i]) == 0);
	for (size_t i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0 && done[i]);
	return 0;
}

static void what_serving_takes_works(void **state)
{
	(void)state;
	if (!server_filter_is_wanted()) /* sanitizers add calls of their own */
		return;
	assert_allowed(uses_files);
	assert_allowed(uses_rings);
	assert_allowed(uses_memory);
	assert_allowed(uses_threads);
}

/* A call and its arguments; without the filter each of them would return. */
struct call {
	const char *what;
	long number;
	long args[6];
};

static int made(const struct call *call)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		enter_filter();
		syscall(call->number, call->args[0], call->args[1], call->args[2], call->args[3],
			call->args[4], call->args[5]);
		syscall(SYS_exit_group, 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void all_else_ends_it(void **state)
{
	char text[] = "/etc/passwd", byte[1];
	struct iovec iov = { .iov_base = byte, .iov_len = 1 };
	const long none = -1;
	const long fork_flags = SIGCHLD, vm_only = CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD;
	const long new_user = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			      CLONE_SYSVSEM | CLONE_NEWUSER;
	const struct call calls[] = {
		{ "openat", SYS_openat, { AT_FDCWD, (long)text, O_RDONLY } },
		{ "readlinkat", SYS_readlinkat, { AT_FDCWD, (long)text, (long)byte, 1 } },
		{ "newfstatat", SYS_newfstatat, { AT_FDCWD, (long)text, (long)text } },
		{ "socket", SYS_socket, { AF_UNIX, SOCK_STREAM, 0 } },
		{ "socket", SYS_socket, { AF_INET, SOCK_STREAM, 0 } },
		{ "connect", SYS_connect, { 0, (long)text, 0 } },
		{ "sendmsg", SYS_sendmsg, { files.go, 0, 0 } },
		{ "execve", SYS_execve, { (long)text, 0, 0 } },
		{ "execveat", SYS_execveat, { files.image, (long)"", 0, 0, AT_EMPTY_PATH } },
		{ "clone, a process", SYS_clone, { fork_flags } },
		{ "clone, a process in the same memory", SYS_clone, { vm_only } },
		{ "clone, a thread in a user namespace", SYS_clone, { new_user } },
		{ "unshare", SYS_unshare, { CLONE_NEWUSER } },
		{ "setns", SYS_setns, { other, 0 } },
		{ "ptrace", SYS_ptrace, { 0, 0, 0, 0 } },
		{ "process_vm_readv", SYS_process_vm_readv, { getppid(), 0, 0, 0, 0, 0 } },
		{ "kill", SYS_kill, { getppid(), 0 } },
		{ "tgkill, another process", SYS_tgkill, { getppid(), getppid(), SIGABRT } },
		{ "setuid", SYS_setuid, { getuid() } },
		{ "capset", SYS_capset, { 0, 0 } },
		{ "prctl, dumpable", SYS_prctl, { PR_SET_DUMPABLE, 1 } },
		{ "seccomp", SYS_seccomp, { 0, 0, 0 } },
		{ "bpf", SYS_bpf, { 0, 0, 0 } },
		{ "ioctl", SYS_ioctl, { files.channel, 0, 0 } },
		{ "fcntl", SYS_fcntl, { files.image, F_GETFD } },
		{ "prlimit64", SYS_prlimit64, { 0, RLIMIT_NOFILE, 0, 0 } },
		{ "sched_setaffinity, another process",
		  SYS_sched_setaffinity,
		  { getppid(), 8, (long)byte } },
		{ "memfd_create", SYS_memfd_create, { (long)text, 0 } },
		{ "mmap of a file", SYS_mmap, { 0, 4096, PROT_READ, MAP_PRIVATE, files.image, 0 } },
		{ "mmap, executable",
		  SYS_mmap,
		  { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, none, 0 } },
		{ "mprotect, executable", SYS_mprotect, { (long)text & -4096, 4096, PROT_EXEC } },
		{ "pkey_mprotect", SYS_pkey_mprotect, { (long)text & -4096, 4096, 1, 0 } },
		{ "read of the image", SYS_read, { files.image, (long)byte, 1 } },
		{ "read of another file", SYS_read, { other, (long)byte, 0 } },
		{ "pread64 of another file", SYS_pread64, { other, (long)byte, 1, 0 } },
		{ "write to another file", SYS_write, { other, (long)byte, 0 } },
		{ "write to the image", SYS_write, { files.image, (long)byte, 0 } },
		{ "writev to another file", SYS_writev, { other, (long)&iov, 0 } },
		{ "recvmsg of another file", SYS_recvmsg, { other, 0, 0 } },
		{ "dup3 onto the image", SYS_dup3, { 0, files.image, 0 } },
		{ "io_uring_setup", SYS_io_uring_setup, { 1, 0 } },
		{ "io_uring_enter of another file", SYS_io_uring_enter, { other, 0, 0, 0, 0, 0 } },
		{ "io_uring_register", SYS_io_uring_register, { files.rings[0], 0, 0, 0 } },
		{ "a call that does not exist", 100000, { 0 } },
#ifdef __x86_64__
		{ "open", SYS_open, { (long)text, O_RDONLY } },
		{ "fork", SYS_fork, { 0 } },
		{ "dup2 onto the image", SYS_dup2, { 0, files.image } },
		{ "getpid of x32", 0x40000000 + SYS_getpid, { 0 } },
#endif
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		int status = made(&calls[i]);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("%s: status %d", calls[i].what, status);
	}
}

/* glibc takes clone() then, whose flags the filter sees. */
static void clone3_seems_not_to_exist(void **state)
{
	const struct call call = { "clone3", SYS_clone3, { 0, 0 } };
	int status = made(&call);

	(void)state;
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static int dies_by_abort(void)
{
	abort();
}

static void abort_is_seen_as_such(void **state)
{
	int status = in_child(dies_by_abort);

	(void)state;
	assert_true(WIFSIGNALED(status));
	if (server_filter_is_wanted())
		assert_int_equal(WTERMSIG(status), SIGABRT);
}

static int has_limits(void)
{
	struct rlimit limit;

	server_limit(other, CACHE);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max == (rlim_t)other + 2 &&
	      limit.rlim_cur == limit.rlim_max);
	CHECK(dup(0) == other + 1 && dup(0) < 0);
	CHECK(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
	if (!server_filter_is_wanted())
		return 0;
	CHECK(getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur == SERVER_MEMORY + CACHE);
	CHECK(mmap(NULL, SERVER_MEMORY + CACHE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0) == MAP_FAILED);
	return 0;
}

static void limits_are_for_good(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(has_limits());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int open_files(void **state)
{
	static int rings[2];
	int channel[2], ask[2], go[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	if (null < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, go) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ask) < 0)
		return -1;
	/* What is written to one end waits in the other for all children. */
	if (write(channel[1], "abc", 3) != 3 || write(ask[1], "abc", 3) != 3 ||
	    fdpass_send(go[1], "x", 1, &null, 1) < 0)
		return -1;
	files = (struct server_files){ .go = go[0],
				       .image = open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
				       .channel = channel[0],
				       .watch = -1,
				       .question = ask[0],
				       .answer = dup(ask[0]),
				       .rings = rings,
				       .ring_count = COUNT_OF(rings) };
	for (size_t i = 0; i < COUNT_OF(rings); i++)
		rings[i] = dup(null);
	other = open("/dev/null", O_RDWR | O_CLOEXEC);
	return files.image < 0 || other < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_serving_takes_works),
		cmocka_unit_test(all_else_ends_it),
		cmocka_unit_test(clone3_seems_not_to_exist),
		cmocka_unit_test(abort_is_seen_as_such),
		cmocka_unit_test(limits_are_for_good),
	};

	return cmocka_run_group_tests_name("server_confine", tests, open_files, NULL);
}
