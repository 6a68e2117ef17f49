/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_confine.c - see server_confine.h.
 *
 * The list is what libfuse, libsquashfuse, the decompressors and the C library call while requests are
 * answered, on glibc 2.36 and 2.41, x86_64 and aarch64, and what allocators of memory call that users
 * preload (jemalloc, tcmalloc, mimalloc). None of these calls names a file, starts a program or opens
 * anything. Where a number in a register tells it, only that use is allowed: each descriptor for its
 * purpose, memory that is neither a file's nor executable, threads but no processes.
 *
 * A call that is not in the list ends the process: either the list lacks something, which should not
 * go unseen, or somebody else is in control. The kernel notes it in its log (dmesg: type=1326, with
 * the number of the call), and the user is told that the image server died.
 */
#include "launcher/server_confine.h"

#include <errno.h>
#include <linux/sched.h>
#include <malloc.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* glibc names memory in /proc/PID/maps where a user's GLIBC_TUNABLES wants that. */
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* What pthread_create() makes. The rest of its flags is about where thread ids are stored. */
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define THREAD_IDS                                                                        \
	(CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | \
	 CLONE_DETACHED)

/* Those with whatever arguments. A line is a call; where an architecture lacks one, libseccomp passes
 * it over. */
static const int always[] = {
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fstatfs),
	SCMP_SYS(futex),
	SCMP_SYS(getcpu),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(gettid),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(nanosleep),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(sigaltstack),
};

/* Those with certain arguments. */
struct rule {
	int call;
	unsigned int count;
	struct scmp_arg_cmp args[2];
};

#define ARENAS 8          /* of malloc(3): more threads share them */
#define INT    UINT32_MAX /* the part of a register that the kernel looks at for an int */

static int add(scmp_filter_ctx filter, const struct rule *rule)
{
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->call, rule->count, rule->args);
}

static int add_narrow(scmp_filter_ctx filter)
{
	const struct rule rules[] = {
		/* clone3() hides its flags in memory; glibc takes clone() where it does not exist. */
		{ SCMP_SYS(clone),
		  1,
		  { SCMP_A0_64(SCMP_CMP_MASKED_EQ, ~(uint64_t)THREAD_IDS, THREAD) } },
		{ SCMP_SYS(dup2), 1, { SCMP_A1(SCMP_CMP_MASKED_EQ, INT, STDERR_FILENO) } },
		{ SCMP_SYS(dup3), 1, { SCMP_A1(SCMP_CMP_MASKED_EQ, INT, STDERR_FILENO) } },
		{ SCMP_SYS(mmap),
		  2,
		  { SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
		    SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS) } },
		{ SCMP_SYS(mprotect), 1, { SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) } },
		{ SCMP_SYS(prctl), 1, { SCMP_A0(SCMP_CMP_MASKED_EQ, INT, PR_SET_VMA) } },
		{ SCMP_SYS(prctl), 1, { SCMP_A0(SCMP_CMP_MASKED_EQ, INT, PR_SET_NAME) } },
		{ SCMP_SYS(sched_setaffinity), 1, { SCMP_A0(SCMP_CMP_MASKED_EQ, INT, 0) } },
		/* abort(3) */
		{ SCMP_SYS(tgkill),
		  2,
		  { SCMP_A0(SCMP_CMP_MASKED_EQ, INT, (uint64_t)getpid()),
		    SCMP_A2(SCMP_CMP_MASKED_EQ, INT, SIGABRT) } },
	};
	int result = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && result == 0; i++)
		result = add(filter, &rules[i]);
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return result;
}

static int add_files(scmp_filter_ctx filter, const struct server_files *files)
{
	const struct {
		int call;
		int fd;
	} uses[] = {
		{ SCMP_SYS(pread64), files->image },  { SCMP_SYS(pread64), files->seal },
		{ SCMP_SYS(read), files->channel },   { SCMP_SYS(read), files->question },
		{ SCMP_SYS(read), files->watch },     { SCMP_SYS(recvmsg), files->go },
		{ SCMP_SYS(write), STDERR_FILENO },   { SCMP_SYS(write), files->answer },
		{ SCMP_SYS(write), files->channel },  { SCMP_SYS(writev), STDERR_FILENO },
		{ SCMP_SYS(writev), files->channel },
	};
	int result = 0;

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]) && result == 0; i++) {
		const struct rule rule = { uses[i].call,
					   1,
					   { SCMP_A0(SCMP_CMP_EQ, (uint64_t)uses[i].fd) } };

		if (uses[i].fd >= 0)
			result = add(filter, &rule);
	}
	/* What a ring may do has been narrowed, see images/uring.c: this call hides it. */
	for (size_t i = 0; i < files->ring_count && result == 0; i++) {
		const struct rule rule = { SCMP_SYS(io_uring_enter),
					   1,
					   { SCMP_A0(SCMP_CMP_EQ, (uint64_t)files->rings[i]) } };

		result = add(filter, &rule);
	}
	return result;
}

static int fill(scmp_filter_ctx filter, const struct server_files *files)
{
	int result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	/* A binary tree: the kernel runs the filter for each number of a call when it takes it. */
	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]) && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, always[i], 0);
	if (result == 0)
		result = add_narrow(filter);
	return result ? result : add_files(filter, files);
}

int server_filter(const struct server_files *files, struct error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int result = filter ? fill(filter, files) : -ENOMEM;

	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	if (result < 0)
		return error_set(err, -result,
				 "cannot install the image server's filter of system calls");
	return 0;
}

bool server_filter_is_wanted(void)
{
	return !SANITIZED;
}

static void set_limit(int which, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)which, &limit) < 0)
		return;
	if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > most)
		limit.rlim_max = most;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit((__rlimit_resource_t)which, &limit);
}

void server_limit(int last, size_t more)
{
	/* Without a number given, glibc before 2.35 opens a file to count CPUs. */
	(void)mallopt(M_ARENA_MAX, ARENAS);
	/* A rank's soft limits are not the server's. */
	set_limit(RLIMIT_CPU, RLIM_INFINITY);
	set_limit(RLIMIT_AS, RLIM_INFINITY);
	set_limit(RLIMIT_CORE, 0);
	set_limit(RLIMIT_MSGQUEUE, 0);
	/* One more comes with the word to begin. */
	set_limit(RLIMIT_NOFILE, (rlim_t)last + 2);
	set_limit(RLIMIT_DATA, SANITIZED ? RLIM_INFINITY : SERVER_MEMORY + more);
}
