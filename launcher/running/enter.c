/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * enter.c - `davit enter`: a command, or a shell, in the container of a step that runs.
 *
 * It finds the container among the processes of this node (running.h), goes through the door
 * (entrance.h), and becomes the command just as a rank does: without any privilege.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/command.h"
#include "launcher/commands.h"
#include "launcher/conf/request.h"
#include "launcher/running/entrance.h"
#include "launcher/guard.h"
#include "launcher/running/process.h"
#include "launcher/report.h"
#include "launcher/running/running.h"
#include "launcher/security/security.h"

static void print_help(void)
{
	puts("Usage: davit enter JOBID[.STEP] [COMMAND [ARGUMENT]...]\n"
	     "Run a command, or a shell, in the container of a job that runs on this node.\n\n"
	     "STEP is a number, 'batch' or 'interactive'; it is needed where several steps of the job\n"
	     "have containers here. The command gets the environment and the working directory of the\n"
	     "step's first rank on the node. From elsewhere:\n\n"
	     "  srun --overlap --jobid=JOBID --pty davit enter JOBID\n\n"
	     "davit ps lists the containers of this node. The exit code is that of the command; 125:\n"
	     "the container could not be entered, 126: the command cannot be executed, 127: it was not\n"
	     "found. See davit(1).");
}

static int usage(struct error *err)
{
	return error_remedy(err, "davit enter --help");
}

/* "JOBID[.STEP]" */
static int parse_want(const char *text, struct running_want *want, struct error *err)
{
	cleanup_free char *job = strdup(text);
	char *dot = job ? strchr(job, '.') : NULL;

	if (!job)
		return error_set(err, ENOMEM, "cannot read the arguments");
	if (dot)
		*dot = '\0';
	*want = (struct running_want){ .step = STEP_NONE };
	if (number_parse(job, &want->job) && want->job > 0 &&
	    (!dot || step_parse(dot + 1, &want->step)))
		return 0;
	error_set(err, 0, "'%s' is not JOBID[.STEP]", text);
	return usage(err);
}

/* "7" or "7.batch" */
static const char *want_text(const struct running_want *want, char *text, size_t size)
{
	char step[16];

	snprintf(text, size, "%u%s%s", want->job, want->step == STEP_NONE ? "" : ".",
		 want->step == STEP_NONE ? "" : step_format(want->step, step, sizeof(step)));
	return text;
}

/* ---- Why there is nothing to enter. */

struct search {
	const struct running_want *want;
	bool found;
	uid_t user; /* of its tasks, 0 as long as there is none */
};

/* The user of a child of process `pid`; 0 if it has none. */
static uid_t child_user(int proc, pid_t pid)
{
	cleanup_close int child = -1;
	cleanup_free char *children = NULL;
	char name[48];
	uint32_t first = 0;
	struct stat st;

	snprintf(name, sizeof(name), "task/%d/children", pid);
	children = process_read(proc, name);
	if (children)
		children[strcspn(children, " ")] = '\0';
	if (children && number_parse(children, &first))
		child = process_open((pid_t)first);
	return child >= 0 && fstat(child, &st) == 0 ? st.st_uid : 0;
}

static int visit(int proc, pid_t pid, void *data)
{
	struct search *search = data;
	const struct running_want *want = search->want;
	uint32_t job, step;

	if (!process_is_stepd(proc, &job, &step) || job != want->job ||
	    (want->step != STEP_NONE && step != want->step))
		return 0;
	search->found = true;
	search->user = child_user(proc, pid);
	return search->user != 0;
}

/* In a user namespace the containers outside of it are out of reach. */
static bool is_contained(void)
{
	cleanup_free char *map = process_read(AT_FDCWD, "/proc/self/uid_map");

	return map && !strstr(map, " 4294967295\n");
}

static int explain_none(const struct running_want *want, struct error *err)
{
	struct search search = { .want = want };
	char text[48];

	want_text(want, text, sizeof(text));
	if (is_contained()) {
		error_set(err, 0, "job '%s' cannot be found from inside a container", text);
		return error_remedy(err, "davit enter outside of any container");
	}
	(void)process_each(visit, &search);
	if (!search.found) {
		error_set(err, 0, "no container of job '%s' runs on this node", text);
		return error_remedy(
			err,
			"davit ps, for those of this node; srun --overlap --jobid=%u --pty davit enter %s",
			want->job, text);
	}
	if (search.user != 0 && search.user != geteuid()) {
		error_set(err, 0, "job '%s' is not yours", text);
		return error_remedy(err, geteuid() == 0 ? "davit enter as the job's user"
							: "davit ps, for those that are");
	}
	error_set(err, 0, "job '%s' runs on this node, but not in a container", text);
	return error_remedy(err, "srun --container=IMAGE starts a step in one");
}

/* ---- Which one. */

static int explain_several(const struct running_list *list, const struct running_want *want,
			   struct error *err)
{
	uint32_t last = STEP_NONE;
	char steps[512] = "", text[16];
	size_t len = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct running *running = &list->items[i];

		if (!running_matches(running, want) || running->step == last)
			continue;
		last = running->step;
		if (len < sizeof(steps))
			len += (size_t)snprintf(steps + len, sizeof(steps) - len, "%s%u.%s",
						len ? ", " : "", want->job,
						step_format(last, text, sizeof(text)));
	}
	error_set(err, 0, "several steps of job '%u' have containers on this node", want->job);
	return error_remedy(err, "one of %s", steps);
}

/* Of several in one step, that of the lowest rank. */
static const struct running *choose(const struct running_list *list,
				    const struct running_want *want, struct error *err)
{
	const struct running *first = running_find(list, want);

	if (!first) {
		explain_none(want, err);
		return NULL;
	}
	for (size_t i = 0; i < list->count; i++)
		if (running_matches(&list->items[i], want) && list->items[i].step != first->step &&
		    list->items[i].mount_ns != first->mount_ns) {
			explain_several(list, want, err);
			return NULL;
		}
	return first;
}

/* ---- The environment and the command. */

/* What the rank alone may use: its wires to the process manager. */
static bool is_of_rank(const char *variable)
{
	return strncmp(variable, "PMI_", 4) == 0 || strncmp(variable, "PMIX_", 5) == 0;
}

/* The rank's environment takes the place of ours, but for what belongs to the terminal. */
static int load_environment(struct entrance *entrance, struct error *err)
{
	static const char *const ours[] = { "TERM", "COLORTERM", "LINES", "COLUMNS" };
	const char *values[sizeof(ours) / sizeof(ours[0])];
	size_t count = 0;
	char **env;

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		values[i] = getenv(ours[i]);
	for (size_t i = 0; i < entrance->env_len; i++)
		count += entrance->env[i] == '\0';
	env = calloc(count + 2, sizeof(*env));
	if (!env)
		return error_set(err, ENOMEM, "cannot keep the environment");
	count = 0;
	for (char *at = entrance->env; at < entrance->env + entrance->env_len; at += strlen(at) + 1)
		if (*at && !is_of_rank(at))
			env[count++] = at;
	environ = env;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if ((values[i] ? setenv(ours[i], values[i], 1) : unsetenv(ours[i])) < 0)
			return error_set(err, errno, "cannot set '%s'", ours[i]);
	if (setenv(RUNNING_ENV_ENTERED, "1", 1) < 0)
		return error_set(err, errno, "cannot set '%s'", RUNNING_ENV_ENTERED);
	return 0;
}

/* The user's shell, if the image has it, or another one. Returns 0, or -1 with `err` set if there is
 * none. */
static int find_shell(const char *job, char *shell, size_t size, struct error *err)
{
	const char *const shells[] = { getenv("SHELL"), "/bin/bash", "/bin/sh" };

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		snprintf(shell, size, "%s", shells[i] ? shells[i] : "");
		if (shell[0] == '/' && access(shell, X_OK) == 0)
			return 0;
	}
	err->code = EXIT_NOT_FOUND;
	error_set(err, 0, "the image has no shell, neither '/bin/bash' nor '/bin/sh'");
	return error_remedy(err, "davit enter %s COMMAND, a program that the image has", job);
}

/* Slurm signals each process of a step; anybody else only the one that is known. */
static bool is_task(void)
{
	cleanup_close int parent = process_open(getppid());
	uint32_t job, step;

	return parent >= 0 && process_is_stepd(parent, &job, &step);
}

/* Among the container's processes is only who was born there. */
static int be_born(bool forward, struct error *err)
{
	const struct guard guard = { .forward = forward, .keep = { -1, -1, -1 } };
	int status, result = guard_fork(&guard, &status, err);

	if (result > 0)
		guard_mimic(status);
	return result;
}

static int enter(const char *job, char **argv, struct entrance *entrance, struct error *err)
{
	char shell[PATH_MAX], *shell_argv[] = { shell, NULL };
	cleanup_filter struct filter filter = { .data = NULL };
	bool forward = !is_task();

	if (load_environment(entrance, err) < 0 || entrance_pass(entrance, err) < 0 ||
	    security_of_container(&filter, entrance->narrow, err) < 0 ||
	    (entrance->new_pids && be_born(forward, err) < 0))
		return -1;
	if (!argv[0]) {
		if (find_shell(job, shell, sizeof(shell), err) < 0)
			return -1;
		argv = shell_argv;
	}
	return command_exec(argv, chdir(entrance->cwd) == 0 ? entrance->cwd : "/", entrance->narrow,
			    &filter, err);
}

static int find_and_enter(const char *job, char **argv, struct error *err)
{
	struct running_list list = { .items = NULL };
	struct entrance entrance = ENTRANCE_INIT;
	const struct running *running;
	struct running_want want = { .job = 0 };
	int result = -1;

	if (parse_want(job, &want, err) < 0 || running_list_read(&list, false, err) < 0)
		return -1;
	running = choose(&list, &want, err);
	if (running && entrance_open(&entrance, running, err) == 0)
		result = enter(job, argv, &entrance, err);
	entrance_done(&entrance);
	running_list_done(&list);
	return result;
}

int enter_main(int argc, char **argv)
{
	struct error err = ERROR_INIT;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		print_help();
		return 0;
	}
	if (argc < 2) {
		error_set(&err, 0, "no job given");
		usage(&err);
	} else {
		bool has_dashes = argc > 2 && strcmp(argv[2], "--") == 0;

		if (request_judge_enter(&err) == 0)
			find_and_enter(argv[1], argv + (has_dashes ? 3 : 2), &err);
	}
	report(&err);
	return err.code;
}
