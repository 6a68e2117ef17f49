/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fetch.c - bases from registries, by way of the user's import cache; see build.h.
 *
 * A process of its own does it, so that a signal ends it at once. What it sends back keeps the image in the
 * cache until the build ends.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/build/build.h"
#include "launcher/conf/request.h"
#include "launcher/fdpass.h"
#include "launcher/imports/imports.h"
#include "launcher/report.h"

/* What comes back. */
struct fetched {
	bool is_there;
	struct error err;
	char path[PATH_MAX];
};

/* That an earlier import has to do is worth a word in any case. */
static void tell_failure(const struct error *note)
{
	if (strncmp(note->cause, "uses ", strlen("uses ")) == 0)
		report(note);
}

/* What the site says, unless the user does. */
static int choose_pull(const struct conf *conf, const char *wanted, enum pull *pull,
		       struct error *err)
{
	const char *of_site = choices_value(&conf->choices, "pull");
	static struct settings settings;
	static struct choices choices;

	if ((wanted || of_site) &&
	    (choices_set(&choices, "pull", wanted ? wanted : of_site,
			 wanted ? "davit image build" : "davit.conf", err) < 0 ||
	     choices_apply(&choices, &settings, err) < 0))
		return -1;
	*pull = settings.pull;
	return 0;
}

static int fetch(const struct build *build, const char *source, struct fetched *fetched, int *hold)
{
	static struct conf conf;
	struct imports_want want = { .source = source,
				     .conf = &conf,
				     .tell = build->is_quiet ? tell_failure : report };
	struct imported imported;

	/* skopeo's own way; no name of an option is in between. */
	if (build->authfile && setenv("REGISTRY_AUTH_FILE", build->authfile, 1) < 0)
		return error_set(&fetched->err, errno, "cannot keep --authfile");
	if (conf_load(&conf, &fetched->err) < 0 ||
	    choose_pull(&conf, build->pull, &want.pull, &fetched->err) < 0 ||
	    imports_get(&want, &imported, &fetched->err) < 0)
		return -1;
	if (strlen(imported.path) >= sizeof(fetched->path))
		return error_set(&fetched->err, ENAMETOOLONG, "'%s'", imported.path);
	strcpy(fetched->path, imported.path);
	*hold = imported.hold;
	return 0;
}

static _Noreturn void fetch_main(const struct build *build, const char *source, int control,
				 pid_t parent)
{
	static struct fetched fetched = { .err = ERROR_INIT };
	int hold = -1;

	child_release_signals();
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() == parent) {
		fetched.is_there = fetch(build, source, &fetched, &hold) == 0;
		(void)fdpass_send(control, &fetched, sizeof(fetched), &hold, hold >= 0 ? 1 : 0);
	}
	_exit(0);
}

static int take(int control, struct stage *stage, struct error *err)
{
	static struct fetched fetched;
	int fds[FDPASS_MAX];

	if (child_wait(control, err) < 0)
		return -1;
	if (fdpass_receive(control, &fetched, sizeof(fetched), fds, 0) != sizeof(fetched)) {
		error_set(err, 0, "the process that imports images died");
		return error_remedy(err, "check this node's memory, and its log");
	}
	if (!fetched.is_there) {
		*err = fetched.err;
		return -1;
	}
	stage->hold = fds[0];
	free(stage->base);
	stage->base = strdup(fetched.path);
	return stage->base ? 0 : error_set(err, ENOMEM, "cannot keep a path");
}

int fetch_base(const struct build *build, struct stage *stage, const char *source,
	       struct error *err)
{
	pid_t parent = getpid(), pid;
	int pair[2], status, result;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "cannot create a socket pair");
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		fetch_main(build, source, pair[1], parent);
	}
	close(pair[1]);
	result = pid > 0 ? take(pair[0], stage, err)
			 : error_set(err, errno, "cannot start a process for the import");
	close(pair[0]);
	if (pid > 0) {
		(void)kill(pid, SIGTERM);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	return result;
}
