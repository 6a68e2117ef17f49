/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * subids.c - see subids.h.
 *
 * Only root may map ids other than one's own, so it is done by the setuid programs of the package
 * uidmap (shadow-utils), which look at the same files and decide. They are never looked for in
 * $PATH, and get no environment.
 */
#include "launcher/subids.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"

#define SUBUID     "/etc/subuid"
#define SUBGID     "/etc/subgid"
#define STDERR_MAX 65536 /* bytes of a program's messages */

/* Parses START:COUNT. */
static struct subid_range parse_range(const char *text)
{
	const struct subid_range none = { .count = 0 };
	unsigned long start, count;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return none;
	errno = 0;
	start = strtoul(text, &end, 10);
	if (*end != ':' || end[1] < '0' || end[1] > '9')
		return none;
	count = strtoul(end + 1, &end, 10);
	if (errno || (*end != '\n' && *end != '\0') || start >= UINT_MAX ||
	    count > UINT_MAX - start)
		return none;
	return (struct subid_range){ .start = (unsigned int)start, .count = (unsigned int)count };
}

static bool is_owner(const char *owner, const char *name, uid_t uid)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", uid);
	return strcmp(owner, number) == 0 || (name && strcmp(owner, name) == 0);
}

struct subid_range subids_largest(FILE *lines, const char *name, uid_t uid)
{
	struct subid_range largest = { .count = 0 };
	cleanup_free char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, lines) >= 0) {
		char *colon = strchr(line, ':');
		struct subid_range range;

		if (!colon)
			continue;
		*colon = '\0';
		if (!is_owner(line, name, uid))
			continue;
		range = parse_range(colon + 1);
		if (range.count > largest.count)
			largest = range;
	}
	return largest;
}

static int find_in(const char *path, const char *name, uid_t uid, struct subid_range *range,
		   struct error *err)
{
	FILE *lines = fopen(path, "re");

	*range = (struct subid_range){ .count = 0 };
	if (lines) {
		*range = subids_largest(lines, name, uid);
		fclose(lines);
	}
	if (range->count > 0)
		return 0;
	if (name)
		error_set(err, 0, "user '%s' has no range of ids in %s", name, path);
	else
		error_set(err, 0, "user %u has no range of ids in %s", uid, path);
	return error_remedy(
		err,
		"ask your admin for one (usermod --add-sub%s), or for 'subids: false' in davit.conf",
		strcmp(path, SUBUID) == 0 ? "uids" : "gids");
}

int subids_find(struct subids *subids, struct error *err)
{
	uid_t uid = geteuid();
	const struct passwd *pw = getpwuid(uid);
	const char *name = pw ? pw->pw_name : NULL;

	*subids = (struct subids){ .uid = uid, .gid = getegid() };
	if (find_in(SUBUID, name, uid, &subids->uids, err) < 0)
		return -1;
	return find_in(SUBGID, name, uid, &subids->gids, err);
}

/* Starts `name` where distributions have it, its standard error in `channel`. */
static int start(const char *name, char **argv, int channel, pid_t *pid)
{
	static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/local/bin" };
	char *const environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return error;
	error = posix_spawn_file_actions_adddup2(&actions, channel, STDERR_FILENO);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		char path[64];

		if (error && error != ENOENT)
			break;
		snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		error = posix_spawn(pid, path, &actions, NULL, argv, environment);
		if (!error)
			break;
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* The last line of what a program said, without its newline. */
static const char *last_line(char *text)
{
	size_t len = strlen(text);
	const char *newline;

	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	newline = strrchr(text, '\n');
	return newline ? newline + 1 : text;
}

static int refuse(const char *name, const char *why, struct error *err)
{
	error_set(err, 0, "%s failed%s%s", name, why[0] ? ": " : "", why);
	return error_remedy(
		err, "ask your admin to check your lines in " SUBUID " and " SUBGID
		     ", and that the program is setuid root; or for 'subids: false' in davit.conf");
}

/* Runs newuidmap or newgidmap. */
static int run(const char *name, pid_t target, unsigned int id, struct subid_range range,
	       struct error *err)
{
	char text[4][16];
	char *argv[] = { (char *)(uintptr_t)name,
			 text[0],
			 (char *)(uintptr_t) "0",
			 text[1],
			 (char *)(uintptr_t) "1",
			 (char *)(uintptr_t) "1",
			 text[2],
			 text[3],
			 NULL };
	cleanup_close int read_end = -1, write_end = -1;
	cleanup_free char *said = NULL;
	int channel[2], error, status = -1;
	pid_t pid;

	snprintf(text[0], sizeof(text[0]), "%d", target);
	snprintf(text[1], sizeof(text[1]), "%u", id);
	snprintf(text[2], sizeof(text[2]), "%u", range.start);
	snprintf(text[3], sizeof(text[3]), "%u", range.count);
	if (pipe2(channel, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot run %s", name);
	read_end = channel[0];
	write_end = channel[1];
	error = start(name, argv, write_end, &pid);
	close(steal_fd(&write_end));
	if (error) {
		error_set(err, error, "cannot run %s", name);
		return error_remedy(
			err,
			"ask your admin to install it (package uidmap or shadow-utils), or for 'subids: false' in davit.conf");
	}
	said = fd_read_all(read_end, STDERR_MAX, NULL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 ? 0 : refuse(name, said ? last_line(said) : "", err);
}

int subids_map(const struct subids *subids, pid_t pid, struct error *err)
{
	if (run("newuidmap", pid, subids->uid, subids->uids, err) < 0)
		return -1;
	return run("newgidmap", pid, subids->gid, subids->gids, err);
}
