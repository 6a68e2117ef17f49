/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * judge_main.c - `davit judge`: may this step have its container? Started by the plugin, see verdict.h.
 *
 * It reads what users write (options, variables, their davit.conf, the image's head), so it is the user;
 * and the user must not decide, so it cannot be traced or read by the user. It begins with root's real
 * id, for which the kernel makes it undumpable, and the loader deaf to LD_PRELOAD and the like; when
 * the real id is the user's, too, it stays undumpable by its own wish. Root is out of reach then.
 *
 * Where the site's davit.conf has no policy, everything is allowed, whatever else is wrong: the launcher
 * meets the same fault and tells it. But that there is none must be certain: the user may set limits
 * of resources for this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/digest.h"
#include "common/handover.h"
#include "common/source.h"
#include "common/verdict.h"
#include "images/image.h"
#include "launcher/commands.h"
#include "launcher/report.h"
#include "launcher/conf/request.h"
#include "launcher/imports/imports.h"

/* For good, and in this order: it is never both the user's and open to the user. All three ids have to be
 * the user's: FUSE lets nobody else look into a file system that the user has mounted. */
static int become_user(void)
{
	gid_t gid = getegid();
	uid_t uid = geteuid();

	(void)prctl(PR_SET_NAME, "davit-judge", 0, 0, 0);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return 0;
}

/* What it runs to import an image is found by the user's PATH, and is the user's: whoever has the socket could
 * answer the plugin, and whoever has the memfd could write to it. */
static int keep_to_itself(void)
{
	return fcntl(VERDICT_HANDOVER_FD, F_SETFD, FD_CLOEXEC) < 0 ||
			       fcntl(VERDICT_SOCKET_FD, F_SETFD, FD_CLOEXEC) < 0
		       ? -1
		       : 0;
}

static int ask_job(struct verdict_job *job, struct error *err)
{
	static const struct verdict question = { .magic = VERDICT_MAGIC, .kind = VERDICT_ASKS };

	if (send(VERDICT_SOCKET_FD, &question, sizeof(question), MSG_NOSIGNAL) !=
		    (ssize_t)sizeof(question) ||
	    recv(VERDICT_SOCKET_FD, job, sizeof(*job), 0) != (ssize_t)sizeof(*job))
		return error_set(err, errno,
				 "the plugin does not tell the account and partition of the job");
	return 0;
}

static int find_rule(const struct policy *policy, const struct policy_rule **rule,
		     struct error *err)
{
	struct verdict_job job = { .account = "", .partition = "" };
	const struct policy_who who = { .account = job.account, .partition = job.partition };

	if (policy_asks_job(policy) && ask_job(&job, err) < 0)
		return -1;
	return policy_find(policy, &who, rule, err) < 0 ? -1 : 0;
}

/* A kept container brings an image that no option names, by a link that is the user's. */
static int refuse_unnamed(const struct request *request, struct error *err)
{
	error_set(err, 0, "no image is given, and the rule says which ones may be used");
	policy_refuse(&request->conf.policy, request->rule, err);
	return error_remedy(err, "--container=FILE as well: the image of container '%s'",
			    request->settings.name ? request->settings.name : "");
}

static struct verdict alive = { .magic = VERDICT_MAGIC, .kind = VERDICT_IMPORTS };

static void tell_alive(int number)
{
	int reason = errno;

	(void)number;
	(void)send(VERDICT_SOCKET_FD, &alive, sizeof(alive), MSG_NOSIGNAL | MSG_DONTWAIT);
	errno = reason;
}

/* Where the rule looks at images, there has to be one to look at. That may take long, so the plugin is told
 * that this process lives. What comes is the user's file like any other, whoever has made it. */
static const char *import_image(const struct request *request, struct imported *imported,
				struct error *err)
{
	const struct imports_want want = { .source = request->settings.image,
					   .pull = request->settings.pull,
					   .conf = &request->conf };
	const struct itimerval often = { .it_interval.tv_sec = VERDICT_ALIVE_S,
					 .it_value.tv_sec = 1 };
	const struct itimerval never = { .it_value.tv_sec = 0 };
	struct sigaction action = { .sa_handler = tell_alive, .sa_flags = SA_RESTART };
	int result;

	sigaction(SIGALRM, &action, NULL);
	(void)setitimer(ITIMER_REAL, &often, NULL);
	result = imports_get(&want, imported, err);
	(void)setitimer(ITIMER_REAL, &never, NULL);
	return result < 0 ? NULL : imported->path;
}

static int look_at_file(const struct request *request, const char *path, struct verdict *verdict,
			struct error *err)
{
	const struct image_require require =
		policy_require(&request->conf, request->rule, &request->settings);
	struct image image = IMAGE_INIT;
	struct stat st;
	int result = -1;

	if (image_open_required(&image, path, &require, err) == 0 &&
	    policy_check_image(&request->conf.policy, request->rule, &image, verdict->image, err) ==
		    0) {
		result = fstat(image.fd, &st);
		if (result < 0)
			error_set(err, errno, "cannot look at image '%s'", image.path);
	}
	if (result == 0) {
		verdict->judged.has_image = 1;
		verdict->judged.device = st.st_dev;
		verdict->judged.inode = st.st_ino;
		verdict->size = (uint64_t)st.st_size;
		verdict->mtime = st.st_mtim.tv_sec;
		if (image.digest[0])
			strcpy(verdict->digest, image.digest);
		else
			(void)digest_of_kernel(image.fd, verdict->digest);
	}
	image_done(&image);
	return result;
}

static int look_at_image(const struct request *request, struct verdict *verdict, struct error *err)
{
	const char *image = request->settings.image;
	struct imported imported = IMPORTED_INIT;
	int result = -1;

	if (!image)
		return policy_looks_at_images(request->rule) ? refuse_unnamed(request, err) : 0;
	if (source_is(image) && !policy_looks_at_images(request->rule)) {
		snprintf(verdict->image, sizeof(verdict->image), "%s", image);
		return 0; /* the launcher imports it, and may take its time */
	}
	if (!source_is(image) || (image = import_image(request, &imported, err)))
		result = look_at_file(request, image, verdict, err);
	imported_done(&imported);
	return result;
}

/* What the user chose, for people who read logs. */
static void describe(const struct choices *choices, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 1; settings_options[i].name && len < size; i++) {
		const char *value = choices->items[i].value;

		if (value)
			len += (size_t)snprintf(out + len, size - len, "%s--container-%s=%s",
						len > 0 ? " " : "", settings_options[i].name,
						value);
	}
}

static int judge(struct request *request, const struct handover *handover, struct verdict *verdict,
		 struct error *err)
{
	const struct policy_rule *rule = NULL;
	int result = request_begin(request, err);

	verdict->audit = request->conf.audit;
	if (result < 0 || request_read(request, handover, err) < 0)
		return -1;
	describe(&request->choices, verdict->options, sizeof(verdict->options));
	if (request_end(request, err) < 0 || find_rule(&request->conf.policy, &rule, err) < 0)
		return -1;
	verdict->keeps = request->settings.stage > STAGE_SHARED;
	if (rule)
		snprintf(verdict->judged.rule, sizeof(verdict->judged.rule), "%s", rule->name);
	if (request_judge_by(request, rule, err) < 0)
		return -1;
	return look_at_image(request, verdict, err);
}

int judge_main(int argc, char **argv)
{
	static struct request request;
	static struct verdict verdict = { .magic = VERDICT_MAGIC };
	const struct handover *handover;
	struct error err = ERROR_INIT;

	(void)argv;
	if (argc != 1 || become_user() < 0)
		return EXIT_SETUP;
	handover = keep_to_itself() < 0 ? NULL : handover_map(VERDICT_HANDOVER_FD, &err);
	if (!handover) {
		error_set(&err, 0,
			  "davit judge is started by Davit's plugin for Slurm, not by hand");
		error_remedy(&err, "davit config shows the policy");
		report(&err);
		return err.code;
	}
	verdict.kind = VERDICT_ALLOWED;
	if (judge(&request, handover, &verdict, &err) < 0 &&
	    (request.conf.policy.count > 0 || !request.conf.is_site_read)) {
		verdict.kind = VERDICT_DENIED;
		memcpy(verdict.cause, err.cause, sizeof(verdict.cause));
		memcpy(verdict.remedy, err.remedy, sizeof(verdict.remedy));
	}
	request_done(&request);
	return send(VERDICT_SOCKET_FD, &verdict, sizeof(verdict), MSG_NOSIGNAL) ==
			       (ssize_t)sizeof(verdict)
		       ? 0
		       : EXIT_SETUP;
}
