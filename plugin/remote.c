/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * remote.c - see remote.h.
 *
 * Root's part: a user namespace, a memfd, a socket pair, all anonymous. No byte of the user's is
 * interpreted here; the options are copied as text. Everything else is the launcher's, as the user.
 */
#include "plugin/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/handover.h"
#include "common/settings.h"
#include "plugin/audit.h"
#include "plugin/components.h"
#include "plugin/epilog.h"
#include "plugin/explain.h"
#include "plugin/judge.h"
#include "plugin/options.h"
#include "plugin/report.h"
#include "plugin/stats.h"
#include "plugin/userns.h"

#ifndef SLURM_BATCH_SCRIPT
#define SLURM_BATCH_SCRIPT 0xfffffffb
#endif
#ifndef SLURM_EXTERN_CONT
#define SLURM_EXTERN_CONT 0xfffffffc
#endif

static int memfd = -1; /* of this step, -1 without a container */
static int userns = -1;
static int sockets[2] = { -1, -1 };
/* Two pipes, since a socket would bring whatever the user sends along, and to close that may take as
 * long as the user likes (SO_LINGER). */
static int question[2] = { -1, -1 }, answer[2] = { -1, -1 };
static uint32_t forked;
static bool told;
static bool is_mistaken; /* Slurm thinks that this component of a step is in a container */
static bool failed;      /* to prepare the container, for this reason: */
static struct error failure = ERROR_INIT;
static struct verdict verdict = { .audit = 1 };
static bool noted;         /* that it begins */
static bool started;       /* and so it ends */
static int worst;          /* wait status of a rank */
static unsigned int ended; /* ranks */

static spank_t current; /* for get_variable() */

static char *get_variable(const char *name)
{
	static char value[4096];
	spank_err_t result = spank_getenv(current, name, value, sizeof(value));

	/* One that is too long is refused by the launcher. */
	return result == ESPANK_SUCCESS || result == ESPANK_NOSPACE ? value : NULL;
}

static const char *find_in_environment(const char *option)
{
	char variable[SETTINGS_VARIABLE_MAX];

	return settings_getenv(settings_find(option), get_variable, variable);
}

/* The image of the step: our option, else Slurm's, which reaches us only as a variable; or one that
 * the launcher will find in the step's environment, or that a container's name stands for. Sets
 * `wanted` if any. */
static int find_image(spank_t spank, bool *wanted, struct error *err)
{
	char image[4096];
	spank_err_t result;

	*wanted = true;
	if (options_value("image"))
		return 0;
	result = spank_getenv(spank, "SLURM_CONTAINER", image, sizeof(image));
	if (result == ESPANK_NOSPACE)
		return error_set(err, ENAMETOOLONG, "SLURM_CONTAINER");
	if (result == ESPANK_SUCCESS && image[0])
		return options_set("image", image, err);
	*wanted = options_value("name") || find_in_environment("image") ||
		  find_in_environment("name");
	return 0;
}

static int make_userns(spank_t spank, struct error *err)
{
	gid_t *groups = NULL;
	int count = 0;
	uid_t uid;
	gid_t gid;

	if (spank_get_item(spank, S_JOB_UID, &uid) != ESPANK_SUCCESS ||
	    spank_get_item(spank, S_JOB_GID, &gid) != ESPANK_SUCCESS ||
	    spank_get_item(spank, S_JOB_SUPPLEMENTARY_GIDS, &groups, &count) != ESPANK_SUCCESS)
		return error_set(err, 0, "Slurm does not tell the user and groups of the job");
	return userns_create(uid, gid, groups, count, err);
}

/* The options, and what Slurm gives the step on this node. It will narrow some of that for each rank,
 * but what is in the container is for all of them. */
static char *make_text(size_t *len)
{
	size_t options_len = 0;
	cleanup_free char *options = options_text(&options_len);
	char *text = NULL;
	FILE *out = options ? open_memstream(&text, len) : NULL;

	if (!out)
		return NULL;
	fwrite(options, options_len, 1, out);
	for (const char *const *name = handover_variables; *name; name++) {
		const char *value = get_variable(*name);

		if (value)
			fprintf(out, "%c%s=%s%c", HANDOVER_VARIABLE, *name, value, '\0');
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static int make_handover(uint32_t step, struct error *err)
{
	size_t len = 0;
	cleanup_free char *text = make_text(&len);
	struct handover header = {
		.magic = HANDOVER_MAGIC,
		.text_len = (uint32_t)len,
		.userns_fd = userns,
		.send_fd = sockets[0],
		.recv_fd = sockets[1],
		.question_fd = question[0],
		.answer_fd = answer[1],
		.is_step = true,
		.is_batch = step == SLURM_BATCH_SCRIPT,
	};

	if (!text)
		return error_set(err, ENOMEM, "cannot hand the options over");
	memfd = handover_create(&header, text, err);
	return memfd < 0 ? -1 : 0;
}

/* An end that stays here, and never blocks. */
static int keep_end(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -1 : 0;
}

static int prepare(spank_t spank, struct error *err)
{
	struct error ignored = ERROR_INIT;
	uint32_t step = 0;
	bool wanted;

	current = spank;
	if (spank_get_item(spank, S_JOB_STEPID, &step) != ESPANK_SUCCESS ||
	    step == SLURM_EXTERN_CONT)
		return 0;
	if (components_choose(spank, &is_mistaken, err) < 0 || find_image(spank, &wanted, err) < 0)
		return -1;
	if (!wanted)
		return 0;
	if ((options_value("name") || find_in_environment("name")) && epilog_note(spank, err) < 0)
		return -1;
	/* Without one the launcher tries by itself, and tells the user why if that fails, too. */
	userns = make_userns(spank, &ignored);
	if (userns < 0)
		slurm_debug("davit: %s", ignored.cause);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) < 0 || pipe(question) < 0 ||
	    pipe(answer) < 0 || keep_end(question[1]) < 0 || keep_end(answer[0]) < 0)
		return error_set(err, errno, "cannot create a socket pair");
	return make_handover(step, err);
}

void remote_prepare(spank_t spank)
{
	failed = prepare(spank, &failure) < 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A step that may have no container gets nothing to make one with. */
static void withhold(void)
{
	close_fd(&userns);
	close_fd(&sockets[0]);
	close_fd(&sockets[1]);
}

void remote_judge(spank_t spank, const char *launcher)
{
	if (memfd < 0 || failed)
		return;
	failed = judge_ask(spank, launcher, memfd, &verdict, &failure) < 0;
	if (!failed && verdict.kind == VERDICT_ALLOWED &&
	    handover_judge(memfd, &verdict.judged) < 0) {
		failed = true;
		error_set(&failure, errno, "cannot hand over what davit.conf allows");
	} else if (!failed && verdict.kind != VERDICT_ALLOWED) {
		failed = true;
		error_set(&failure, 0, "%s", verdict.cause);
		if (verdict.remedy[0])
			error_remedy(&failure, "%s", verdict.remedy);
	}
	if (failed)
		withhold();
}

void remote_privileged(void)
{
	/* Slurm may have called the hook above in a process that shares memory, but no descriptors. */
	if (failed)
		withhold();
}

/* Tells of a failure to prepare, once per node: a rank's first hook is the first one whose messages
 * reach the user. The launcher is started all the same, and ends the rank, since with `optional` in
 * plugstack.conf an error of a hook does not keep the command from running on the node. */
static void tell_failure(spank_t spank)
{
	int task = 0;

	if (failed && spank_get_item(spank, S_TASK_ID, &task) == ESPANK_SUCCESS && task == 0)
		report(&failure);
}

#if HAVE_DECL_SPANK_PREPEND_TASK_ARGV
/* For Slurm's OCI path, see handover.h. In the rank's process, so the step's own array may change. */
static int encode_quotes(spank_t spank, struct error *err)
{
	char **argv = NULL;
	int argc = 0;

	if (spank_get_item(spank, S_JOB_ARGV, &argc, &argv) != ESPANK_SUCCESS)
		return error_set(err, 0, "Slurm does not tell the command");
	for (int i = 0; i < argc; i++) {
		char *encoded = strchr(argv[i], '\'') ? handover_encode_arg(argv[i]) : argv[i];

		if (!encoded)
			return error_set(err, ENOMEM, "cannot start the launcher");
		argv[i] = encoded;
	}
	return 0;
}

static int prepend_words(spank_t spank, const char *launcher, const char *command, const char *arg,
			 struct error *err)
{
	const char *argv[] = { launcher, command, arg, "--" };

	if (encode_quotes(spank, err) < 0)
		return -1;
	if (spank_prepend_task_argv(spank, 4, argv) != ESPANK_SUCCESS)
		return error_set(err, 0, "Slurm refuses to start the launcher '%s'", launcher);
	return 0;
}

static int prepend(spank_t spank, const char *launcher, const char *fd, struct error *err)
{
	return prepend_words(spank, launcher, "join", fd, err);
}

/* The command runs on the node, but by way of oci.conf. */
static int undo_oci(spank_t spank, const char *launcher, struct error *err)
{
	return prepend_words(spank, launcher, "oci-run", "-", err);
}
#else
static int undo_oci(spank_t spank, const char *launcher, struct error *err)
{
	(void)spank;
	(void)launcher;
	(void)err;
	return 0; /* Slurm before 23.02 is not to have an oci.conf of ours */
}

/* The array that slurmstepd will exec cannot grow, so argv[0] travels in the environment. */
static int prepend(spank_t spank, const char *launcher, const char *fd, struct error *err)
{
	cleanup_free char *how = NULL;
	char **argv = NULL;
	int argc = 0;

	if (spank_get_item(spank, S_JOB_ARGV, &argc, &argv) != ESPANK_SUCCESS || argc < 1)
		return error_set(err, 0, "Slurm does not tell the command");
	if (asprintf(&how, "%s:%s", fd, argv[0]) < 0)
		return error_set(err, ENOMEM, "cannot start the launcher");
	if (spank_setenv(spank, HANDOVER_ENV, how, 1) != ESPANK_SUCCESS)
		return error_set(err, 0, "Slurm refuses to set %s", HANDOVER_ENV);
	argv[0] = strdup(launcher);
	return argv[0] ? 0 : error_set(err, ENOMEM, "cannot start the launcher");
}
#endif

int remote_task(spank_t spank, const char *launcher, struct error *err)
{
	char fd[16] = HANDOVER_NONE;

	if (memfd < 0 && !failed)
		return is_mistaken ? undo_oci(spank, launcher, err) : 0;
	tell_failure(spank);
	if (!failed)
		snprintf(fd, sizeof(fd), "%d", memfd);
	return prepend(spank, launcher, fd, err);
}

/* Only the judge reads davit.conf, and as it answers, this process may not be root in full. */
static void note_for_epilog(spank_t spank)
{
	struct error err = ERROR_INIT;

	if (verdict.keeps && !failed && epilog_note(spank, &err) < 0)
		slurm_info("davit: %s", err.cause);
}

static void note_begin(spank_t spank)
{
	noted = true;
	note_for_epilog(spank);
	if (!verdict.audit)
		return;
	started = !failed;
	if (failed)
		audit_denied(spank, &verdict, failure.cause);
	else
		audit_start(spank, &verdict);
}

void remote_forked(spank_t spank)
{
	uint32_t count = 0;

	if ((memfd >= 0 || failed) && !noted)
		note_begin(spank);
	if (memfd < 0 || spank_get_item(spank, S_JOB_LOCAL_TASK_COUNT, &count) != ESPANK_SUCCESS ||
	    ++forked < count)
		return;
	close_fd(&userns);
	close_fd(&sockets[0]);
	close_fd(&sockets[1]);
	close_fd(&answer[1]); /* but not question[0]: no SIGPIPE, ever */
}

int remote_exited(spank_t spank, struct error *err)
{
	const char *image = options_value("image");
	struct explain_step step = { .memfd = memfd,
				     .question = question[1],
				     .answer = &answer[0],
				     .image = image ? image : "of the step" };
	int status = 0;

	if (memfd < 0 || spank_get_item(spank, S_TASK_EXIT_STATUS, &status) != ESPANK_SUCCESS)
		return 0;
	ended++;
	/* A signal is worse than a code. */
	if (WIFSIGNALED(status) ? !WIFSIGNALED(worst) : !WIFSIGNALED(worst) && status > worst)
		worst = status;
	if (told || failed || explain_exit(&step, status, err) == 0)
		return 0;
	told = true;
	return -1;
}

/* Hooks that come later do not reach the user. */
void remote_tell_stats(spank_t spank)
{
	const char *image = options_value("image");
	uint32_t count = 0;

	if (ended > 0 && !failed &&
	    spank_get_item(spank, S_JOB_LOCAL_TASK_COUNT, &count) == ESPANK_SUCCESS &&
	    ended == count)
		stats_report(memfd, image ? image : verdict.image);
}

void remote_end(spank_t spank)
{
	struct counted counted;

	if (started)
		audit_end(spank, &verdict, worst, ended,
			  stats_read(memfd, &counted) ? &counted : NULL);
}
