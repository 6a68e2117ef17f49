/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor_main.c - `davit doctor`: see doctor.h.
 *
 * A check's process sends its finding through a pipe; one that does not in time is killed with all
 * that it has started, and not waited for, since the kernel may keep it.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/node.h"
#include "launcher/commands.h"
#include "launcher/doctor/doctor.h"
#include "launcher/report.h"

#define LIMIT_MS 10000 /* for a check */
#define IS_WRONG 1     /* exit code */

/* clang-format off */
static const struct check {
	const char *name; /* for programs: it stays as it is */
	void (*look)(struct finding *finding);
} checks[] = {
	{ "kernel",          check_kernel },
	{ "root-directory",  check_root_directory },
	{ "namespace-limits", check_namespace_settings },
	{ "user-namespace",  check_user_namespace },
	{ "mount-namespace", check_mount_namespace },
	{ "fuse",            check_fuse },
	{ "overlay",         check_overlay },
	{ "seccomp",         check_seccomp },
	{ "ptrace",          check_ptrace },
	{ "apparmor",        check_apparmor },
	{ "selinux",         check_selinux },
	{ "files",           check_files },
	{ "config",          check_config },
	{ "state-dir",       check_state_dir },
	{ "slurm-version",   check_slurm_version },
	{ "plugstack",       check_plugstack },
	{ "oci-conf",        check_oci_conf },
	{ "cgroups",         check_cgroups },
	{ "slurm-cgroup",    check_slurm_cgroup },
	{ "mpi",             check_mpi },
	{ "devices",         check_devices },
	{ "limits",          check_limits },
	{ "programs",        check_programs },
};
/* clang-format on */

#define CHECKS (sizeof(checks) / sizeof(checks[0]))

static const char *const words[] = { [DOCTOR_SKIP] = "skip",
				     [DOCTOR_OK] = "ok",
				     [DOCTOR_WARN] = "warn",
				     [DOCTOR_FAIL] = "fail" };

static void print_help(void)
{
	puts("Usage: davit doctor [--json] [--quiet]\n"
	     "Tell whether this node is as Davit needs it, and what to do where it is not. Nothing is\n"
	     "changed. Started by root, it looks into more, and tries as nobody what users do.\n\n"
	     "  --json\n        for programs\n"
	     "  --quiet\n        only what is not as it should be\n"
	     "  -h, --help\n        show this text\n\n"
	     "The exit code is 0 if nothing failed, else 1; 125 where an option is refused.");
}

/* ---- looking --------------------------------------------------------------------------------- */

static _Noreturn void look(const struct check *check, int out)
{
	struct finding finding = { .state = DOCTOR_SKIP };

	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Where it is ignored, nobody can be waited for. */
	(void)signal(SIGCHLD, SIG_DFL);
	check->look(&finding);
	_exit(fd_write_all(out, &finding, sizeof(finding)) < 0);
}

static long long now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000ll + time.tv_nsec / 1000000;
}

/* Reads a finding in time. Returns 1, 0 when there is none, -1 when time is up. */
static int receive(int in, struct finding *finding)
{
	long long end = now_ms() + LIMIT_MS, left;
	size_t len = 0;

	while (len < sizeof(*finding)) {
		struct pollfd poller = { .fd = in, .events = POLLIN };
		ssize_t more;

		left = end - now_ms();
		if (left <= 0 || poll(&poller, 1, (int)left) == 0)
			return -1;
		more = read(in, (char *)finding + len, sizeof(*finding) - len);
		if (more == 0 || (more < 0 && errno != EINTR))
			return 0;
		len += more > 0 ? (size_t)more : 0;
	}
	return 1;
}

static void run_check(const struct check *check, struct finding *finding)
{
	int ends[2], result;
	pid_t pid;

	*finding = (struct finding){ .state = DOCTOR_SKIP };
	if (pipe2(ends, O_CLOEXEC) < 0) {
		finding_add(finding, DOCTOR_FAIL, NULL, "cannot look: %s", strerror(errno));
		return;
	}
	pid = fork();
	if (pid == 0)
		look(check, ends[1]);
	close(ends[1]);
	if (pid > 0)
		(void)setpgid(pid, pid);
	result = pid < 0 ? 0 : receive(ends[0], finding);
	close(ends[0]);
	if (result <= 0) {
		*finding = (struct finding){ .state = DOCTOR_SKIP };
		finding_add(finding, DOCTOR_FAIL, NULL,
			    result < 0 ? "no answer within %d seconds" : "the check has died",
			    LIMIT_MS / 1000);
	}
	if (pid > 0 && result <= 0)
		(void)kill(-pid, SIGKILL);
	if (pid > 0)
		(void)waitpid(pid, NULL, result < 0 ? WNOHANG : 0);
}

/* ---- telling --------------------------------------------------------------------------------- */

static bool has_colours(void)
{
	const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(none && none[0]) && terminal &&
	       strcmp(terminal, "dumb") != 0;
}

static void print_finding(const struct check *check, const struct finding *finding,
			  bool is_coloured)
{
	static const char *const colours[] = { [DOCTOR_SKIP] = "2",
					       [DOCTOR_OK] = "32",
					       [DOCTOR_WARN] = "33",
					       [DOCTOR_FAIL] = "1;31" };

	if (is_coloured)
		printf("\033[%sm%-4s\033[0m", colours[finding->state], words[finding->state]);
	else
		printf("%-4s", words[finding->state]);
	printf("  %-16s  %s\n", check->name, finding->found);
	if (finding->remedy[0] && finding->state != DOCTOR_OK)
		printf("      try: %s\n", finding->remedy);
}

static void count(const struct finding *findings, unsigned int counts[4])
{
	for (size_t i = 0; i < CHECKS; i++)
		counts[findings[i].state]++;
}

static void print_all(const char *node, const struct finding *findings, bool is_quiet)
{
	bool is_coloured = has_colours();
	unsigned int counts[4] = { 0 };

	for (size_t i = 0; i < CHECKS; i++)
		if (!is_quiet || findings[i].state >= DOCTOR_WARN)
			print_finding(&checks[i], &findings[i], is_coloured);
	count(findings, counts);
	printf("%s: %u ok, %u warnings, %u failed, %u skipped\n", node, counts[DOCTOR_OK],
	       counts[DOCTOR_WARN], counts[DOCTOR_FAIL], counts[DOCTOR_SKIP]);
}

/* Paths may be no UTF-8, which JSON cannot have. */
static json_t *text(const char *value)
{
	json_t *json = value[0] ? json_string(value) : json_null();

	return json ? json : json_string("?");
}

static int print_json(const char *node, const struct finding *findings, struct error *err)
{
	json_t *root = json_object(), *list = json_array(), *summary = json_object();
	unsigned int counts[4] = { 0 };
	int result;

	for (size_t i = 0; i < CHECKS; i++) {
		json_t *item = json_object();

		json_object_set_new(item, "name", text(checks[i].name));
		json_object_set_new(item, "status", text(words[findings[i].state]));
		json_object_set_new(item, "found", text(findings[i].found));
		json_object_set_new(item, "remedy", text(findings[i].remedy));
		json_array_append_new(list, item);
	}
	count(findings, counts);
	for (size_t i = 0; i < 4; i++)
		json_object_set_new(summary, words[i], json_integer(counts[i]));
	json_object_set_new(root, "node", text(node));
	json_object_set_new(root, "version", text(PACKAGE_VERSION));
	json_object_set_new(root, "uid", json_integer((json_int_t)geteuid()));
	json_object_set_new(root, "checks", list);
	json_object_set_new(root, "summary", summary);
	result = json_dumpf(root, stdout, JSON_INDENT(2));
	json_decref(root);
	if (result < 0)
		return error_set(err, ENOMEM, "cannot write JSON");
	putchar('\n');
	return 0;
}

/* Returns 1 when help was asked for, else 0, or -1 with `err` set. */
static int parse(int argc, char **argv, bool *as_json, bool *is_quiet, struct error *err)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			*as_json = true;
		} else if (strcmp(argv[i], "--quiet") == 0) {
			*is_quiet = true;
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			return 1;
		} else {
			error_set(err, 0, "unexpected argument '%s'", argv[i]);
			return error_remedy(err, "davit doctor --help");
		}
	}
	return 0;
}

int doctor_main(int argc, char **argv)
{
	struct finding findings[CHECKS];
	struct error err = ERROR_INIT;
	char node[NODE_NAME_MAX];
	bool as_json = false, is_quiet = false, is_wrong = false;
	int result = parse(argc, argv, &as_json, &is_quiet, &err);

	if (result > 0)
		print_help();
	for (size_t i = 0; result == 0 && i < CHECKS; i++) {
		run_check(&checks[i], &findings[i]);
		is_wrong |= findings[i].state == DOCTOR_FAIL;
	}
	node_name(node);
	error_scrub(node);
	if (result == 0 && as_json)
		result = print_json(node, findings, &err);
	else if (result == 0)
		print_all(node, findings, is_quiet);
	if (result >= 0 && fflush(stdout) != 0)
		result = error_set(&err, errno, "cannot write");
	if (result >= 0)
		return is_wrong ? IS_WRONG : 0;
	report(&err);
	return err.code;
}
