/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor_main.c - `davit doctor`: is this node fit?
 *
 * Each check runs in a child, which may enter namespaces and lose rights as it likes, and is given up
 * when it takes too long: a file system that does not answer must not keep the others from being
 * looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/commands.h"
#include "launcher/doctor/doctor.h"
#include "launcher/report.h"

#define IS_ILL   1     /* exit code */
#define PATIENCE 10000 /* milliseconds for a check */

/* clang-format off */
static const struct check checks[] = {
	{ "kernel",          check_kernel },
	{ "limits",          check_limits },
	{ "unprivileged",    check_unprivileged },
	{ "apparmor",        check_apparmor },
	{ "selinux",         check_selinux },
	{ "seccomp",         check_seccomp },
	{ "ptrace",          check_ptrace },
	{ "cgroup",          check_cgroup },
	{ "user-namespace",  check_user_namespace },
	{ "mount-namespace", check_mount_namespace },
	{ "fuse-device",     check_fuse_device },
	{ "fuse-mount",      check_fuse_mount },
	{ "io-uring",        check_io_uring },
	{ "overlay",         check_overlay },
	{ "slurm",           check_slurm },
	{ "plugstack",       check_plugstack },
	{ "plugin-version",  check_plugin_version },
	{ "oci-conf",        check_oci_conf },
	{ "pmi",             check_pmi },
	{ "davit-conf",      check_davit_conf },
	{ "files",           check_files },
	{ "helpers",         check_helpers },
	{ "devices",         check_devices },
	{ "memlock",         check_memlock },
	{ "state-dir",       check_state_dir },
};
/* clang-format on */

#define COUNT (sizeof(checks) / sizeof(checks[0]))

static void print_help(void)
{
	puts("Usage: davit doctor [--json]\n"
	     "Check whether this node is fit for Davit: kernel, namespaces, FUSE, security modules,\n"
	     "Slurm's configuration, Davit's files, devices. Nothing is changed and no program is\n"
	     "started. Root sees more, and tries what users may do as nobody.\n\n"
	     "  --json\n        for programs\n"
	     "  -h, --help\n        show this text\n\n"
	     "The exit code is 0 if nothing failed (there may be warnings), else 1; 125 for a wrong\n"
	     "command line. See davit(1).");
}

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Reads the whole result, or until time is up. */
static bool await_result(int fd, struct result *result)
{
	long long end = now() + PATIENCE;
	size_t have = 0;

	while (have < sizeof(*result)) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		long long left = end - now();
		ssize_t len;

		if (left <= 0)
			return false;
		if (poll(&ready, 1, (int)left) <= 0)
			continue;
		len = read(fd, (char *)result + have, sizeof(*result) - have);
		if (len == 0 || (len < 0 && errno != EINTR))
			return false;
		have += len > 0 ? (size_t)len : 0;
	}
	return true;
}

/* Gives a child up that does not even die: it waits in the kernel, for a file system perhaps. */
static void end_child(pid_t pid, bool has_answered)
{
	if (!has_answered)
		(void)kill(pid, SIGKILL);
	for (int i = 0; i < 2; i++) {
		if (waitpid(pid, NULL, has_answered ? 0 : WNOHANG) != 0)
			return;
		(void)poll(NULL, 0, 100);
	}
}

static _Noreturn void look(const struct check *check, int fd)
{
	struct result result = { .status = STATUS_OK };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Nothing of a library's gets between the lines. */
	if (null >= 0)
		(void)(dup2(null, STDOUT_FILENO) + dup2(null, STDERR_FILENO));
	check->look(&result);
	(void)fd_write_all(fd, &result, sizeof(result));
	_exit(0);
}

static void run_check(const struct check *check, struct result *result)
{
	bool has_answered = false;
	pid_t pid = -1;
	int pair[2];

	*result = (struct result){ .status = STATUS_OK };
	if (pipe2(pair, O_CLOEXEC) == 0) {
		pid = fork();
		if (pid == 0)
			look(check, pair[1]);
		close(pair[1]);
		has_answered = pid > 0 && await_result(pair[0], result);
		close(pair[0]);
	}
	if (pid > 0)
		end_child(pid, has_answered);
	if (has_answered)
		return;
	*result = (struct result){ .status = STATUS_OK };
	result_add(result, STATUS_FAIL,
		   "no answer: the check has died or took more than %d seconds", PATIENCE / 1000);
	result_remedy(result,
		      "look whether a file system of this node hangs, and at the kernel's log");
}

static int usage(const char *argument)
{
	struct error err = ERROR_INIT;

	error_set(&err, 0, "unexpected argument '%s'", argument);
	error_remedy(&err, "davit doctor --help");
	report(&err);
	return err.code;
}

static bool is_ill(const struct result *results)
{
	for (size_t i = 0; i < COUNT; i++)
		if (results[i].status == STATUS_FAIL)
			return true;
	return false;
}

int doctor_main(int argc, char **argv)
{
	static struct result results[COUNT];
	struct error err = ERROR_INIT;
	bool as_json = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
			print_help();
			return 0;
		}
		if (strcmp(argv[i], "--json") != 0)
			return usage(argv[i]);
		as_json = true;
	}
	(void)signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < COUNT; i++)
		run_check(&checks[i], &results[i]);
	if (as_json && doctor_print_json(checks, results, COUNT, &err) < 0) {
		report(&err);
		return err.code;
	}
	if (!as_json)
		doctor_print(checks, results, COUNT);
	if (fflush(stdout) != 0) {
		error_set(&err, errno, "cannot write");
		report(&err);
		return err.code;
	}
	return is_ill(results) ? IS_ILL : 0;
}
