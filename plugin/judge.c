/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * judge.c - see judge.h and common/verdict.h.
 *
 * The child keeps root's real id until the launcher has made itself untouchable: the user could trace
 * or read a process that is the user's in full. The user can still stop or end it, so there is an end
 * to waiting, and no answer is a no.
 *
 * The variables that it gets are those that say what a container shall be like, and where the user's
 * davit.conf is. None of them means anything to the loader or to the C library.
 */
#include "plugin/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <slurm/slurm.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"

#define WAIT_MS 60000 /* for the image's file system, mostly */
#define ROOM    16    /* descriptors from here on are in nobody's way */

struct user {
	uid_t uid;
	gid_t gid, *groups;
	int count;
};

static bool is_wanted(const char *variable)
{
	static const char *const prefixes[] = { "DAVIT_CONTAINER_", "PYXIS_CONTAINER_",
						"HOME=", "XDG_CONFIG_HOME=" };

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

/* Between fork and exec: only what may be called there. */
static _Noreturn void become_judge(const char *launcher, const struct user *user, char **env,
				   int memfd, int socket)
{
	char *const argv[] = { (char *)(uintptr_t) "davit", (char *)(uintptr_t) "judge", NULL };
	const uid_t same = (uid_t)-1;
	int null = open("/dev/null", O_RDWR);

	memfd = fcntl(memfd, F_DUPFD, ROOM);
	socket = fcntl(socket, F_DUPFD, ROOM);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			_exit(EXIT_SETUP);
	if (dup2(memfd, VERDICT_HANDOVER_FD) < 0 || dup2(socket, VERDICT_SOCKET_FD) < 0 ||
	    close_range(VERDICT_SOCKET_FD + 1, ~0u, 0) < 0)
		_exit(EXIT_SETUP);
	if (setresuid(same, 0, same) < 0 || setgroups((size_t)user->count, user->groups) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 || setresuid(0, user->uid, 0) < 0)
		_exit(EXIT_SETUP);
	execve(launcher, argv, env);
	_exit(EXIT_NOT_EXEC);
}

/* What the user cannot write: neither the job's environment nor its command line says it. */
static void find_job(spank_t spank, struct verdict_job *job)
{
	job_info_msg_t *info = NULL;
	uint32_t id = 0;

	memset(job, 0, sizeof(*job));
	if (spank_get_item(spank, S_JOB_ID, &id) != ESPANK_SUCCESS ||
	    slurm_load_job(&info, id, SHOW_ALL) != SLURM_SUCCESS || !info)
		return;
	for (uint32_t i = 0; i < info->record_count; i++) {
		const slurm_job_info_t *found = &info->job_array[i];

		if (found->job_id != id)
			continue;
		snprintf(job->account, sizeof(job->account), "%s",
			 found->account ? found->account : "");
		snprintf(job->partition, sizeof(job->partition), "%s",
			 found->partition ? found->partition : "");
	}
	slurm_free_job_info_msg(info);
}

/* Returns 1 for a verdict, 0 for a question, -1 for neither. */
static int receive(int socket, struct verdict *verdict)
{
	struct pollfd wait = { .fd = socket, .events = POLLIN };
	int ready;

	do
		ready = poll(&wait, 1, WAIT_MS);
	while (ready < 0 && errno == EINTR);
	if (ready != 1 ||
	    recv(socket, verdict, sizeof(*verdict), MSG_DONTWAIT) != (ssize_t)sizeof(*verdict) ||
	    verdict->magic != VERDICT_MAGIC)
		return -1;
	return verdict->kind != VERDICT_ASKS;
}

static int converse(spank_t spank, int socket, struct verdict *verdict)
{
	struct verdict_job job;
	int result = receive(socket, verdict);

	if (result != 0)
		return result;
	find_job(spank, &job);
	if (send(socket, &job, sizeof(job), MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof(job))
		return -1;
	return receive(socket, verdict);
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

static int ask(spank_t spank, const char *launcher, const struct user *user, int memfd,
	       struct verdict *verdict, struct error *err)
{
	cleanup_free char **env = choose_variables(spank);
	cleanup_close int near = -1, far = -1;
	int pair[2], result;
	pid_t pid;

	if (!env || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, env ? errno : ENOMEM, "cannot start '%s'", launcher);
	near = pair[0];
	far = pair[1];
	pid = fork();
	if (pid == 0)
		become_judge(launcher, user, env, memfd, far);
	if (pid < 0)
		return error_set(err, errno, "cannot start '%s'", launcher);
	close(steal_fd(&far));
	result = converse(spank, near, verdict);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (result == 1)
		return 0;
	error_set(err, 0, "'%s judge' does not tell whether this container is allowed", launcher);
	return error_remedy(
		err, "tell your admin: is the launcher there, and the file system of the image?");
}

int judge_ask(spank_t spank, const char *launcher, int memfd, struct verdict *verdict,
	      struct error *err)
{
	struct user user = { .count = 0 };

	if (spank_get_item(spank, S_JOB_UID, &user.uid) != ESPANK_SUCCESS ||
	    spank_get_item(spank, S_JOB_GID, &user.gid) != ESPANK_SUCCESS ||
	    spank_get_item(spank, S_JOB_SUPPLEMENTARY_GIDS, &user.groups, &user.count) !=
		    ESPANK_SUCCESS)
		return error_set(err, 0, "Slurm does not tell the user and groups of the job");
	if (ask(spank, launcher, &user, memfd, verdict, err) < 0)
		return -1;
	end_texts(verdict);
	return 0;
}
