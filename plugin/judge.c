/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * judge.c - see judge.h and common/verdict.h.
 *
 * The user can stop or end the judge, so there is an end to waiting, and no answer is a no.
 *
 * The variables that it gets are those that say what a container shall be like, where the user's davit.conf
 * is, and how an image is imported. None of them means anything to the loader or to the C library.
 */
#include "plugin/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "plugin/child.h"
#include "plugin/squeue.h"

static bool is_wanted(const char *variable)
{
	static const char *const prefixes[] = {
		"DAVIT_CONTAINER_",
		"PYXIS_CONTAINER_",
		"HOME=",
		"XDG_CONFIG_HOME=",
		/* for the import of an image: where to, in which job, by which way */
		"DAVIT_IMPORT_CACHE=",
		"XDG_CACHE_HOME=",
		"SLURM_JOB_ID=",
		"SLURM_JOB_START_TIME=",
		"SLURM_CLUSTER_NAME=",
		"PATH=",
		"XDG_RUNTIME_DIR=",
		"REGISTRY_AUTH_FILE=",
		"http_proxy=",
		"https_proxy=",
		"no_proxy=",
		"HTTP_PROXY=",
		"HTTPS_PROXY=",
		"NO_PROXY=",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* Points into the step's environment. */
static char **choose_variables(spank_t spank)
{
	char **all = NULL, **chosen;
	size_t count = 0;

	if (spank_get_item(spank, S_JOB_ENV, &all) != ESPANK_SUCCESS || !all)
		return calloc(1, sizeof(*chosen));
	for (char **at = all; *at; at++)
		count += is_wanted(*at);
	chosen = calloc(count + 1, sizeof(*chosen));
	count = 0;
	for (char **at = all; chosen && *at; at++)
		if (is_wanted(*at))
			chosen[count++] = *at;
	return chosen;
}

static int find_user(spank_t spank, struct child_user *user, struct error *err)
{
	if (spank_get_item(spank, S_JOB_UID, &user->uid) != ESPANK_SUCCESS ||
	    spank_get_item(spank, S_JOB_GID, &user->gid) != ESPANK_SUCCESS ||
	    spank_get_item(spank, S_JOB_SUPPLEMENTARY_GIDS, &user->groups, &user->count) !=
		    ESPANK_SUCCESS)
		return error_set(err, 0, "Slurm does not tell the user and groups of the job");
	return 0;
}

static bool receive_one(int socket, struct verdict *verdict)
{
	return child_answers(socket, CHILD_ANSWER_MS) &&
	       recv(socket, verdict, sizeof(*verdict), MSG_DONTWAIT) == (ssize_t)sizeof(*verdict) &&
	       verdict->magic == VERDICT_MAGIC;
}

/* An image may be on its way, for as long as srun is going to wait. */
static bool receive(int socket, struct verdict *verdict)
{
	struct timespec now, begin;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		if (!receive_one(socket, verdict))
			return false;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (verdict->kind == VERDICT_IMPORTS && now.tv_sec - begin.tv_sec < VERDICT_TOTAL_S);
	return true;
}

static int answer(spank_t spank, const struct child_user *user, int socket)
{
	struct verdict_job job;
	uint32_t id = 0;

	if (spank_get_item(spank, S_JOB_ID, &id) != ESPANK_SUCCESS ||
	    squeue_find(user, id, &job) < 0)
		return -1;
	return send(socket, &job, sizeof(job), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(job)
		       ? 0
		       : -1;
}

static void end_texts(struct verdict *verdict)
{
	verdict->judged.rule[sizeof(verdict->judged.rule) - 1] = '\0';
	verdict->image[sizeof(verdict->image) - 1] = '\0';
	verdict->digest[sizeof(verdict->digest) - 1] = '\0';
	verdict->options[sizeof(verdict->options) - 1] = '\0';
	verdict->cause[sizeof(verdict->cause) - 1] = '\0';
	verdict->remedy[sizeof(verdict->remedy) - 1] = '\0';
}

static int converse(spank_t spank, const struct child_user *user, int socket, const char *launcher,
		    struct verdict *verdict, struct error *err)
{
	struct verdict said;
	bool told = receive(socket, &said);

	if (told && said.kind == VERDICT_ASKS) {
		if (answer(spank, user, socket) < 0) {
			error_set(err, 0,
				  "Slurm does not tell the account and partition of the job");
			return error_remedy(err, "tell your admin: does squeue work on this node?");
		}
		told = receive(socket, &said) && said.kind != VERDICT_ASKS;
	}
	if (told && said.kind == VERDICT_IMPORTS) {
		error_set(err, 0, "the image is still being imported after %d minutes",
			  VERDICT_TOTAL_S / 60);
		return error_remedy(err, "davit image cache pull IMAGE, then start the step again");
	}
	if (told) {
		end_texts(&said);
		*verdict = said;
		return 0;
	}
	error_set(err, 0, "'%s judge' does not tell whether this container is allowed", launcher);
	return error_remedy(
		err, "tell your admin: is the launcher there, and the file system of the image?");
}

int judge_ask(spank_t spank, const char *launcher, int memfd, struct verdict *verdict,
	      struct error *err)
{
	char *const argv[] = { (char *)(uintptr_t) "davit", (char *)(uintptr_t) "judge", NULL };
	cleanup_free char **env = choose_variables(spank);
	cleanup_close int near = -1, far = -1;
	struct child_user user = { .count = 0 };
	int pair[2], result;
	pid_t pid;

	if (find_user(spank, &user, err) < 0)
		return -1;
	if (!env || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, env ? errno : ENOMEM, "cannot start '%s'", launcher);
	near = pair[0];
	far = pair[1];
	const int fds[] = { -1, -1, -1, [VERDICT_HANDOVER_FD] = memfd, [VERDICT_SOCKET_FD] = far };

	pid = child_start(&user, launcher, argv, env, fds, sizeof(fds) / sizeof(fds[0]));
	if (pid < 0)
		return error_set(err, errno, "cannot start '%s'", launcher);
	close(steal_fd(&far));
	result = converse(spank, &user, near, launcher, verdict, err);
	close(steal_fd(&near));
	child_end(pid);
	return result;
}
