/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker.c - see build.h.
 *
 * The worker is to the container what a rank is, but it never becomes a command: it keeps its
 * capabilities in the user namespace, is out of reach for what runs beside it (narrow.h), and follows no
 * path of the image's but as copy.h does. The layer is in memory, or in a directory that build.c removes,
 * and goes with the worker; only a saver that was told to makes a file of it.
 */
#include "launcher/build/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/settings.h"
#include "common/syscalls.h"
#include "images/build/copy.h"
#include "images/oci.h"
#include "launcher/conf/request.h"
#include "launcher/container.h"
#include "launcher/fdpass.h"
#include "launcher/proctitle.h"
#include "launcher/report.h"

#define CONFIG_DIR     "/.davit"
#define CONFIG_FILE    "config.json"
#define LINE_MAX_SHOWN 100

/* What comes back from a worker. */
struct outcome {
	struct error err; /* no cause: all is well, or has been told */
	int code;         /* 0: all is well */
};

/* ---- the container --------------------------------------------------------------------------- */

/* Options that a site may have chosen for all containers, and that make no difference to the image. */
static const char *const of_site[] = { "image-cache", "security", "unshare" };

/* Where the layer is no memory, each stage has a directory of its own. */
static char *make_layer(const struct worker *worker)
{
	char *path;

	if (!build_has_layer(worker->build) ||
	    asprintf(&path, "%s/layer%zu", worker->build->directory, worker->index) < 0)
		return NULL;
	return path;
}

static int choose(struct request *request, const struct worker *worker, const char *save,
		  struct error *err)
{
	const struct build *build = worker->build;
	cleanup_free char *layer = make_layer(worker);
	const char *const values[][2] = {
		{ "image", worker->stage->base },
		{ "writable", layer             ? layer
			      : build->writable ? build->writable
						: "yes" },
		{ "save", save },
		{ "remap-root", "yes" },
		{ "mount-home", "no" },
		{ "entrypoint", "no" },
		{ "gpus", "none" },
	};

	if (build_has_layer(build) && !layer)
		return error_set(err, ENOMEM, "cannot keep a path");
	for (size_t i = 0; i < sizeof(of_site) / sizeof(of_site[0]); i++) {
		const char *value = choices_value(&request->conf.choices, of_site[i]);

		if (value &&
		    choices_set(&request->choices, of_site[i], value, "davit.conf", err) < 0)
			return -1;
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (values[i][1] && choices_set(&request->choices, values[i][0], values[i][1],
						"davit image build", err) < 0)
			return -1;
	if (conf_check(&request->conf, &request->choices, err) < 0 ||
	    choices_apply(&request->choices, &request->settings, err) < 0)
		return -1;
	/* This process would be outside of it, and what it kills is looked for inside. */
	request->settings.unshare.what &= ~UNSHARE_PID;
	return request_judge(request, NULL, err);
}

/* Instructions of the base for who builds on it. */
static void note_triggers(const struct worker *worker)
{
	const json_t *triggers = json_object_get(worker->spec.config, "OnBuild");
	const char *first = json_string_value(json_array_get(triggers, 0));
	struct error note = ERROR_INIT;

	if (!first)
		return;
	error_set(&note, 0, "the base has %zu ONBUILD, which %s not carried out",
		  json_array_size(triggers), json_array_size(triggers) == 1 ? "is" : "are");
	error_remedy(&note, "%s: into the file, if it is wanted", first);
	(void)containerfile_blame(&worker->build->file, worker->stage->from, &note);
	report(&note);
}

/* What the base says of itself. */
static int read_base(struct worker *worker, const struct image *image, struct error *err)
{
	cleanup_close int fd = -1;
	cleanup_free char *text = NULL;
	struct image_config says;
	int result;

	if (image_config_read(&says, worker->root, image, err) < 0)
		return -1;
	if (says.origin && strcmp(says.origin, CONFIG_DIR "/" CONFIG_FILE) == 0) {
		fd = open_in_root(worker->root, CONFIG_DIR "/" CONFIG_FILE, O_RDONLY | O_NONBLOCK);
		text = fd_read_regular(fd, OCI_CONFIG_MAX, NULL);
	}
	result = spec_begin(&worker->spec, &says, text, err);
	image_config_done(&says);
	if (result < 0)
		return -1;
	note_triggers(worker);
	return step_renew_variables(worker, err);
}

static int begin(struct worker *worker, struct request *request, const struct image *image,
		 struct error *err)
{
	static struct way way = WAY_INIT;
	static struct rendezvous rendezvous;
	static struct filter filter;
	struct container container = { .settings = &request->settings,
				       .conf = &request->conf,
				       .has_command = true,
				       .userns = -1,
				       .rendezvous = &rendezvous,
				       .save = worker->save,
				       .builds = true,
				       .ignores_wishes = true };

	container.rule = request->rule;
	if (rendezvous_alone(&rendezvous, err) < 0 || container_build(&container, &way, err) < 0)
		return -1;
	worker->save = container.save;
	worker->lifeline = way.lifeline;
	if (narrow_hide(err) < 0 || filter_read(&filter, err) < 0)
		return -1;
	worker->filter = &filter;
	worker->root = open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (worker->root < 0)
		return error_set(err, errno, "cannot copy the container's root mount");
	return read_base(worker, image, err);
}

/* ---- the steps ------------------------------------------------------------------------------- */

static void show(const struct worker *worker, const struct instruction *step, size_t number)
{
	const struct stage *stage = worker->stage;
	size_t len = strcspn(step->text, "\n");
	char text[LINE_MAX_SHOWN + 1];

	if (worker->build->is_quiet)
		return;
	snprintf(text, sizeof(text), "%.*s", (int)(len > LINE_MAX_SHOWN ? LINE_MAX_SHOWN : len),
		 step->text);
	error_scrub(text);
	dprintf(STDOUT_FILENO, "[%s%s%zu/%zu] %s %s%s\n", stage->name ? stage->name : "",
		stage->name ? " " : "", number, stage->end - stage->first + 1,
		containerfile_verb(step->verb), text, len > LINE_MAX_SHOWN ? "..." : "");
}

/* Is there no room left in the layer? */
static bool is_full(void)
{
	struct statvfs st;

	return statvfs("/", &st) == 0 && st.f_blocks > 0 && st.f_bavail == 0;
}

static int blame(const struct worker *worker, const struct instruction *step, struct error *err)
{
	if (err->errnum == ENOSPC || is_full()) {
		error_wrap(err, "the layer that takes what is written is full");
		error_remedy(err, "--writable=DIR, on a local file system with more room, or "
				  "--writable=size=SIZE");
	}
	return containerfile_blame(&worker->build->file, step, err);
}

static int carry_out(struct worker *worker, struct error *err)
{
	const struct containerfile *file = &worker->build->file;
	const struct stage *stage = worker->stage;

	for (size_t i = stage->first; i < stage->end; i++) {
		const struct instruction *step = &file->items[i];

		show(worker, step, i - stage->first + 2);
		if (step_do(worker, step, err) < 0)
			return blame(worker, step, err);
	}
	return 0;
}

/* Files that were mounted from the node have left empty ones in the layer, for lack of others. */
static void remove_points(void)
{
	static const char *const points[][2] = {
		{ "/etc", "passwd" },        { "/etc", "group" },
		{ "/etc", "hosts" },         { "/etc", "resolv.conf" },
		{ "/etc", "nsswitch.conf" }, { "/etc/apt/apt.conf.d", "99davit" },
	};
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		cleanup_close int dir = open_in_root(root, points[i][0], O_PATH | O_DIRECTORY);
		const char *name = points[i][1];

		if (dir < 0 || fchdir(dir) < 0)
			continue;
		(void)umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW);
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    st.st_size == 0)
			(void)unlinkat(dir, name, 0);
	}
}

static int write_config(struct worker *worker, struct error *err)
{
	cleanup_free char *text = NULL;

	if (!worker->spec.is_changed)
		return 0;
	text = spec_write(&worker->spec, err);
	if (!text)
		return -1;
	return copy_put_file(worker->root, CONFIG_DIR, CONFIG_FILE, text, err);
}

/* Returns the code with which to end silently, or -1 with `err` set. */
static int work(struct worker *worker, const char *save, struct error *err)
{
	static struct request request;
	struct image image = IMAGE_INIT; /* to be looked at before the node is out of reach */

	if (worker->stage->from->verb == VERB_FROM)
		show(worker, worker->stage->from, 1);
	if (conf_load(&request.conf, err) < 0 || choose(&request, worker, save, err) < 0 ||
	    image_open(&image, worker->stage->base, err) < 0 ||
	    begin(worker, &request, &image, err) < 0)
		return containerfile_blame(&worker->build->file, worker->stage->from, err);
	image_done(&image);
	(void)umask(022);
	if (carry_out(worker, err) < 0)
		return -1;
	remove_points();
	if (write_config(worker, err) < 0)
		return -1;
	return save ? save_confirm(&worker->save, worker->lifeline) : 0;
}

/* ---- the process ----------------------------------------------------------------------------- */

/* Its files are wanted until the other end is closed. */
static void stay(int control)
{
	struct pollfd end = { .fd = control };

	while (poll(&end, 1, -1) < 0 && errno == EINTR)
		;
}

static _Noreturn void worker_main(struct build *build, size_t index, const char *save, int control,
				  pid_t parent)
{
	static struct worker worker;
	struct outcome outcome = { .err = ERROR_INIT };
	struct stage *stage = &build->stages[index];

	child_release_signals();
	worker = (struct worker){ .build = build,
				  .stage = stage,
				  .index = index,
				  .root = -1,
				  .lifeline = -1,
				  .save = { .control = -1,
					    .waits = true,
					    .keeps = !build->replaces,
					    .is_quick = index != build->last,
					    .is_quiet = build->is_quiet } };
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() != parent)
		_exit(EXIT_SETUP);
	outcome.code = work(&worker, save, &outcome.err);
	if (outcome.code < 0)
		outcome.code = outcome.err.code;
	else /* what is optional may have left something */
		outcome.err = (struct error)ERROR_INIT;
	(void)fdpass_send(control, &outcome, sizeof(outcome), &worker.root,
			  outcome.code == 0 && stage->is_source ? 1 : 0);
	if (outcome.code == 0 && stage->is_source)
		stay(control);
	_exit(outcome.code);
}

int worker_start(struct build *build, size_t index, const char *save, struct error *err)
{
	struct stage *stage = &build->stages[index];
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "cannot create a socket pair");
	stage->pid = fork();
	if (stage->pid == 0) {
		close(pair[0]);
		worker_main(build, index, save, pair[1], parent);
	}
	close(pair[1]);
	stage->control = pair[0];
	if (stage->pid > 0)
		return 0;
	stage->pid = 0;
	return error_set(err, errno, "cannot start a process for the stage");
}

int worker_wait(struct build *build, size_t index, struct error *err)
{
	struct stage *stage = &build->stages[index];
	struct outcome outcome;
	int fds[FDPASS_MAX];
	ssize_t len;

	if (child_wait(stage->control, err) < 0)
		return -1;
	len = fdpass_receive(stage->control, &outcome, sizeof(outcome), fds, 0);
	if (len != sizeof(outcome)) {
		error_set(err, 0, "the process that built the image died");
		return error_remedy(err, "check this node's memory, and its log");
	}
	stage->root = fds[0];
	if (outcome.code == 0)
		return 0;
	*err = outcome.err;
	err->code = outcome.code;
	return -1;
}

void worker_end(struct stage *stage)
{
	int status;

	if (stage->control >= 0)
		close(steal_fd(&stage->control));
	if (stage->root >= 0)
		close(steal_fd(&stage->root));
	if (stage->pid <= 0)
		return;
	(void)kill(stage->pid, SIGTERM);
	while (waitpid(stage->pid, &status, 0) < 0 && errno == EINTR)
		;
	stage->pid = 0;
}
