/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_security.c - the table of system calls, what its manual says of it, and what the kernel makes
 * of the filters.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/fakeroot.h"
#include "launcher/security/calls.h"
#include "launcher/security/compile.h"
#include "launcher/security/profile.h"
#include "launcher/security/profile_file.h"
#include "launcher/security/table.h"
#include "tests/unit/unit.h"

#define ODD_ERRNO EDOTDOT /* that no call returns by itself */

int root_put_file(struct root *root, const char *path, const char *text, struct error *err)
{
	(void)root;
	(void)path;
	(void)text;
	(void)err;
	return 0;
}

/* ---- the table ---- */

static void names_are_good(void **state)
{
	(void)state;
	for (const struct call_group *group = call_groups; group->name; group++) {
		cleanup_free char *calls = strdup(group->calls);
		char *rest = calls, *call;

		assert_true(group->reason[0]);
		for (const struct call_group *other = group + 1; other->name; other++)
			assert_string_not_equal(group->name, other->name);
		while (calls[0] && (call = strsep(&rest, " "))) {
			assert_in_range(strlen(call), 1, 40);
			if (call_number(call) == CALL_UNKNOWN)
				fail_msg("no call is called '%s'", call);
			/* a call that is called as a group is that group's */
			for (const struct call_group *other = call_groups; other->name; other++)
				if (strcmp(call, other->name) == 0)
					assert_ptr_equal(other, group);
		}
	}
	for (const struct family *family = families; family->name; family++) {
		assert_in_range(family->number, 0, FAMILIES - 1);
		assert_memory_equal(family->name, "AF_", 3);
	}
}

/* The manual has each line of the table, and no others. */
static void manual_has_the_table(void **state)
{
	cleanup_close int fd = open(TEST_DOC "/davit-seccomp.7", O_RDONLY | O_CLOEXEC);
	cleanup_free char *text = fd_read_all(fd, 1 << 20, NULL);
	size_t count = 0, found = 0;

	(void)state;
	assert_non_null(text);
	for (const struct call_group *group = call_groups; group->name; group++, count++) {
		cleanup_free char *entry = NULL;

		assert_true(asprintf(&entry, ".It Cm %s Pq %s\n%s%s%s\n", group->name,
				     group->is_refused ? "refused" : "allowed", group->calls,
				     group->calls[0] ? "\n.br\n" : "", group->reason) > 0);
		assert_contains(text, entry);
	}
	for (const struct family *family = families; family->name; family++, count++) {
		cleanup_free char *entry = NULL;

		assert_true(asprintf(&entry, ".It Cm %s Pq %d, %s\n%s\n", family->name,
				     family->number, family->is_refused ? "refused" : "allowed",
				     family->reason) > 0);
		assert_contains(text, entry);
	}
	for (const char *at = text; (at = strstr(at, "\n.It Cm ")); at++)
		found++;
	assert_int_equal(found, count);
}

/* ---- filters ---- */

/* Loads the filter of `profile` in a child and makes the checks there. Returns its status: the line
 * of a check that failed, or 0. */
static int in_child(const struct profile *profile, int (*checks)(const struct profile *profile))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct error err = ERROR_INIT;
		struct filter filter;

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    profile_compile(profile, false, &filter, &err) < 0 ||
		    filter_load(filter.data, filter.len, &err) < 0) {
			fprintf(stderr, "%s\n", err.cause);
			_exit(255);
		}
		_exit(checks(profile) & 255);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -status;
}

#define CHECK(what)                                                      \
	do {                                                             \
		if (!(what)) {                                           \
			fprintf(stderr, "%s: errno %d\n", #what, errno); \
			return __LINE__;                                 \
		}                                                        \
	} while (0)

static int each_is_odd(const struct profile *profile)
{
	for (size_t i = 0; i < profile->count; i++) {
		const struct refusal *refusal = &profile->refused[i];

		if (refusal->call < 0 || refusal->part == PART_NAMESPACES)
			continue;
		errno = 0;
		if (syscall(refusal->call, -1, -1, -1, -1, -1, -1) != -1 || errno != ODD_ERRNO) {
			fprintf(stderr, "call %d: errno %d\n", refusal->call, errno);
			return 1;
		}
	}
	CHECK(syscall(SYS_unshare, CLONE_NEWUTS) == -1 && errno == ODD_ERRNO);
	CHECK(syscall(SYS_unshare, CLONE_NEWTIME | CLONE_FILES) == -1 && errno == ODD_ERRNO);
	CHECK(syscall(SYS_unshare, CLONE_FILES) == 0);
	CHECK(syscall(SYS_kcmp, -1, -1, KCMP_VM, 0, 0) == -1 && errno == ESRCH);
	CHECK(syscall(SYS_kcmp, -1, -1, 1L << 32 | KCMP_FILES, 0, 0) == -1 && errno == ODD_ERRNO);
	CHECK(syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0) == -1 && errno == ODD_ERRNO);
	return 0;
}

static void refused_calls_are_refused(void **state)
{
	struct error err = ERROR_INIT;
	struct profile profile;
	size_t there = 0;

	(void)state;
	assert_int_equal(profile_init_default(&profile, &err), 0);
	for (size_t i = 0; i < profile.count; i++) {
		profile.refused[i].errnum = ODD_ERRNO;
		there += profile.refused[i].call >= 0;
	}
	assert_in_range(there, 40, 80);
	assert_int_equal(in_child(&profile, each_is_odd), 0);
	profile_done(&profile);
	/* all of the table */
	assert_int_equal(profile_init_default(&profile, &err), 0);
	assert_int_equal(profile_deny(&profile, "all", &err), 0);
	for (size_t i = 0; i < profile.count; i++)
		profile.refused[i].errnum = ODD_ERRNO;
	assert_int_equal(in_child(&profile, each_is_odd), 0);
	profile_done(&profile);
}

static int each_family(const struct profile *profile)
{
	for (int i = 0; i < FAMILIES; i++) {
		bool is_refused = profile->families >> i & 1;
		int fd;

		/* EPERM comes from a lack of rights, too, so only one way round tells */
		errno = 0;
		fd = socket(i, SOCK_DGRAM, 0);
		CHECK(!is_refused || (fd < 0 && errno == EPERM));
		errno = 0;
		fd = (int)syscall(SYS_socket, (long)i | 1L << 40, SOCK_DGRAM, 0);
		CHECK(!is_refused || (fd < 0 && errno == EPERM));
	}
	CHECK(socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 && socket(AF_INET, SOCK_DGRAM, 0) >= 0);
	errno = 0;
	CHECK(socket(39, SOCK_DGRAM, 0) < 0 && errno == EAFNOSUPPORT); /* NFC, as SOCK_DGRAM */
	return 0;
}

static void families_are_refused(void **state)
{
	struct error err = ERROR_INIT;
	struct profile profile;

	(void)state;
	assert_int_equal(profile_init_default(&profile, &err), 0);
	assert_true(profile.families >> AF_NFC & 1 && profile.families >> 63 & 1);
	assert_false(profile.families >> AF_NETLINK & 1);
	profile.families &= ~(UINT64_C(1) << AF_NFC);
	assert_int_equal(in_child(&profile, each_family), 0);
	profile_done(&profile);
}

/* ---- changes ---- */

static void changes_follow_each_other(void **state)
{
	struct error err = ERROR_INIT;
	struct profile profile;
	int bpf = call_number("bpf");

	(void)state;
	assert_int_equal(profile_init_default(&profile, &err), 0);
	assert_non_null(profile_find(&profile, bpf));
	assert_true(profile_refuses_namespaces(&profile));
	assert_int_equal(profile_allow(&profile, "bpf", &err), 0);
	assert_null(profile_find(&profile, bpf));
	assert_int_equal(profile_allow(&profile, "bpf", &err), 0);
	assert_int_equal(profile_deny(&profile, "bpf", &err), 0);
	assert_int_equal(profile_deny(&profile, "all", &err), 0);
	assert_int_equal(profile_find(&profile, bpf)->errnum, EPERM);
	assert_int_equal(profile_find(&profile, call_number("clone3"))->errnum, ENOSYS);
	assert_int_equal(profile_find(&profile, call_number("clone"))->part, PART_NAMESPACES);
	assert_int_equal(profile_allow(&profile, "namespaces", &err), 0);
	assert_false(profile_refuses_namespaces(&profile));
	assert_null(profile_find(&profile, call_number("setns")));
	/* by name it is the whole call */
	assert_int_equal(profile_deny(&profile, "unshare", &err), 0);
	assert_int_equal(profile_find(&profile, call_number("unshare"))->part, PART_ALL);
	assert_int_equal(profile_find(&profile, call_number("kcmp"))->part, PART_NOT_VM);
	assert_true(profile.foreign);
	assert_int_equal(profile_allow(&profile, "foreign", &err), 0);
	assert_false(profile.foreign);
	assert_int_equal(profile_allow(&profile, "AF_VSOCK", &err), 0);
	assert_false(profile.families >> AF_VSOCK & 1);
	assert_int_equal(profile_deny(&profile, "AF_INET", &err), 0);
	assert_true(profile.families >> AF_INET & 1);
	profile_done(&profile);
}

static void unknown_names(void **state)
{
	static const struct {
		const char *name, *remedy;
	} bad[] = {
		{ "perf_event_opne", "perf_event_open" },
		{ "AF_VSOKC", "AF_VSOCK" },
		{ "keyrings", "keyring" },
		{ "", "a name of davit-seccomp(7)" },
		{ "no such thing at all", "a name of davit-seccomp(7)" },
	};
	struct profile profile;

	(void)state;
	profile_init_open(&profile);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct error err = ERROR_INIT;

		assert_int_equal(profile_allow(&profile, bad[i].name, &err), -1);
		assert_contains(err.cause, bad[i].name);
		assert_remedy(&err, bad[i].remedy);
		assert_int_equal(profile_deny(&profile, bad[i].name, &err), -1);
	}
	assert_int_equal(profile.count, 0);
	profile_done(&profile);
}

/* ---- files ---- */

static bool is_held(const char *name, const void *data)
{
	return strcmp(name, data) == 0;
}

static struct profile_file *parse(const char *text, const char *capability, struct error *err)
{
	const struct profile_facts facts = { .has_capability = is_held, .data = capability };

	return profile_file_parse(text, strlen(text), &facts, err);
}

static void conditions_count(void **state)
{
	static const char text[] =
		"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": ["
		"{\"names\": [\"bpf\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"caps\": [\"CAP_A\"]}},"
		"{\"names\": [\"kcmp\"], \"action\": \"SCMP_ACT_ALLOW\", \"excludes\": {\"caps\": [\"CAP_A\"]}},"
		"{\"names\": [\"acct\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"caps\": [\"CAP_A\", \"CAP_B\"]}},"
		"{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"minKernel\": \"5.0\"}},"
		"{\"names\": [\"write\"], \"action\": \"SCMP_ACT_ALLOW\", \"excludes\": {\"minKernel\": \"5.0\"}},"
		"{\"names\": [\"ioctl\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 1},"
		"{\"names\": [\"not_yet_a_call\"], \"action\": \"SCMP_ACT_ALLOW\"}]}";
	struct error err = ERROR_INIT;
	struct profile_file *file = parse(text, "CAP_A", &err);

	(void)state;
	assert_non_null(file);
	assert_int_equal(file->action, SCMP_ACT_ERRNO(EPERM));
	assert_int_equal(file->count, 2);
	assert_int_equal(file->rules[0].call, call_number("bpf"));
	assert_int_equal(file->rules[1].call, call_number("read"));
	profile_file_free(file);
	file = parse(text, "CAP_B", &err);
	assert_int_equal(file->count, 2);
	assert_int_equal(file->rules[0].call, call_number("kcmp"));
	profile_file_free(file);
}

/* One index twice is two rules; two indices are one. */
static void arguments(void **state)
{
	static const char text[] =
		"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": ["
		"{\"names\": [\"bpf\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 99, \"args\": ["
		"{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"},"
		"{\"index\": 0, \"value\": 2, \"op\": \"SCMP_CMP_EQ\"}]},"
		"{\"names\": [\"kcmp\"], \"action\": \"SCMP_ACT_KILL\", \"args\": ["
		"{\"index\": 0, \"value\": 240, \"valueTwo\": 16, \"op\": \"SCMP_CMP_MASKED_EQ\"},"
		"{\"index\": 5, \"value\": 2, \"op\": \"SCMP_CMP_GT\"}]}]}";
	struct error err = ERROR_INIT;
	struct profile_file *file = parse(text, "", &err);

	(void)state;
	assert_non_null(file);
	assert_int_equal(file->count, 3);
	assert_int_equal(file->rules[1].arg_count, 1);
	assert_int_equal(file->rules[1].args[0].datum_a, 2);
	assert_int_equal(file->rules[1].action, SCMP_ACT_ERRNO(99));
	assert_int_equal(file->rules[2].arg_count, 2);
	assert_int_equal(file->rules[2].args[0].datum_b, 16);
	profile_file_free(file);
}

static void too_many_rules(void **state)
{
	cleanup_free char *text = NULL;
	struct error err = ERROR_INIT;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	fputs("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"action\": \"SCMP_ACT_ERRNO\", \"names\": [",
	      out);
	for (int i = 0; i <= PROFILE_RULES_MAX; i++)
		fputs("\"bpf\",", out);
	fputs("\"bpf\"]}]}", out);
	fclose(out);
	assert_null(parse(text, "", &err));
	assert_cause(&err, "syscalls[0]: more than 4096 rules");
}

/* There is a comparison that tells x32's calls, on any kernel. */
static void x32_is_told(void **state)
{
	struct error err = ERROR_INIT;
	struct profile profile;
	struct filter filter;
	struct sock_filter code;
	size_t found = 0;

	(void)state;
	if (seccomp_arch_native() != SCMP_ARCH_X86_64)
		return;
	assert_int_equal(profile_init_default(&profile, &err), 0);
	assert_int_equal(profile_compile(&profile, false, &filter, &err), 0);
	for (size_t at = sizeof(struct filter_head); at < filter.len; at += sizeof(code)) {
		memcpy(&code, filter.data + at, sizeof(code));
		found += code.code == (BPF_JMP | BPF_JGE | BPF_K) && code.k == 0x40000000;
	}
	assert_int_equal(found, 1);
	filter_done(&filter);
	profile_done(&profile);
}

/* What a process finds in the container's /dev must not hurt it. */
static void broken_blocks(void **state)
{
	struct filter_head head = { .magic = 0 };
	struct error err = ERROR_INIT;
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_filter *const programs[] = { &code, NULL };
	struct filter filter;

	(void)state;
	head.counts[FILTER_OWN] = 1;
	assert_int_equal(filter_pack(&filter, &head, programs, &err), 0);
	for (size_t len = 0; len < filter.len; len++)
		assert_int_equal(filter_load(filter.data, len, &err), -1);
	assert_cause(&err, "the container's filter of system calls makes no sense");
	filter.data[0] ^= 1;
	assert_int_equal(filter_load(filter.data, filter.len, &err), -1);
	filter_done(&filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_good),
		cmocka_unit_test(manual_has_the_table),
		cmocka_unit_test(refused_calls_are_refused),
		cmocka_unit_test(families_are_refused),
		cmocka_unit_test(changes_follow_each_other),
		cmocka_unit_test(unknown_names),
		cmocka_unit_test(conditions_count),
		cmocka_unit_test(arguments),
		cmocka_unit_test(too_many_rules),
		cmocka_unit_test(x32_is_told),
		cmocka_unit_test(broken_blocks),
	};

	return cmocka_run_group_tests_name("security", tests, NULL, NULL);
}
