/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * facts.c - see doctor.h.
 *
 * Root may run this with a user's environment: nothing in it chooses a program, and programs run
 * neither as root nor with more of it than SLURM_CONF, and that only if the file is root's, since
 * slurm.conf names libraries that Slurm's commands load.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/devices/slurmconf.h"
#include "launcher/doctor/doctor.h"

#define NOBODY 65534

void finding_add(struct finding *finding, enum doctor_state state, const char *remedy,
		 const char *fmt, ...)
{
	va_list args;

	if (finding->found[0] && state <= finding->state)
		return;
	finding->state = state;
	va_start(args, fmt);
	vsnprintf(finding->found, sizeof(finding->found), fmt, args);
	va_end(args);
	snprintf(finding->remedy, sizeof(finding->remedy), "%s", remedy ? remedy : "");
	error_scrub(finding->found);
	error_scrub(finding->remedy);
}

void finding_error(struct finding *finding, enum doctor_state state, const struct error *err)
{
	finding_add(finding, state, err->remedy[0] ? err->remedy : NULL, "%s", err->cause);
}

int version_parse(const char *text)
{
	for (const char *at = text; *at; at++) {
		unsigned int major, minor;

		if (!isdigit((unsigned char)*at))
			continue;
		if (sscanf(at, "%4u.%2u", &major, &minor) == 2)
			return (int)(major * 100 + minor);
		while (isdigit((unsigned char)at[1]))
			at++;
	}
	return -1;
}

bool fact_read(const char *path, char *text, size_t size)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);

	if (len < 0)
		return false;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

long fact_number(const char *path)
{
	char text[32], *end;
	long value;

	if (!fact_read(path, text, sizeof(text)) || !isdigit((unsigned char)text[0]))
		return -1;
	errno = 0;
	value = strtol(text, &end, 10);
	return *end || errno ? -1 : value;
}

static bool part_is_roots(const char *part, char *why, size_t size)
{
	struct stat st;

	if (stat(part, &st) < 0)
		snprintf(why, size, "cannot look at '%s': %s", part, strerror(errno));
	else if (st.st_uid != 0)
		snprintf(why, size, "'%s' does not belong to root", part);
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) &&
		 !(S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX)))
		snprintf(why, size, "others than root may write to '%s'", part);
	else
		return true;
	return false;
}

static bool parts_are_roots(const char *path, char *why, size_t size)
{
	char part[PATH_MAX];

	if (path[0] != '/' || strlen(path) >= sizeof(part)) {
		snprintf(why, size, "'%s' is not an absolute path", path);
		return false;
	}
	for (const char *at = path; *at; at += strcspn(at, "/")) {
		at += 1; /* the slash */
		snprintf(part, sizeof(part), "%.*s", (int)(at == path + 1 ? 1 : at - path - 1),
			 path);
		if (!part_is_roots(part, why, size))
			return false;
	}
	return part_is_roots(path, why, size);
}

/* Symbolic links: both where they are and where they lead. */
bool path_is_roots(const char *path, char *why, size_t size)
{
	cleanup_free char *real = NULL;

	if (!parts_are_roots(path, why, size))
		return false;
	real = realpath(path, NULL);
	return real && parts_are_roots(real, why, size);
}

bool plugstack_parse(char *line, const char **path, const char **arguments)
{
	const char *blank = " \t\r\n";
	char *rest = line, *word, *file;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(rest, blank, &rest);
	if (!word || (strcmp(word, "required") != 0 && strcmp(word, "optional") != 0))
		return false;
	file = strtok_r(NULL, blank, &rest);
	if (!file)
		return false;
	word = strrchr(file, '/');
	if (strcmp(word ? word + 1 : file, "spank_davit.so") != 0)
		return false;
	*path = file;
	rest = rest ? rest + strspn(rest, blank) : NULL;
	*arguments = rest ? rest : "";
	if (rest)
		for (size_t len = strlen(rest); len > 0 && strchr(blank, rest[len - 1]);)
			rest[--len] = '\0';
	return true;
}

const char *oci_conf_judge(char *copy, const char *launcher)
{
	bool ignores = false, has_env = false, runs = false;
	size_t len = strlen(launcher);
	char *at = copy, *line;

	while ((line = slurmconf_line(&at))) {
		char *key, *value;

		while (slurmconf_pair(&line, &key, &value)) {
			const char *found = strstr(value, launcher);

			if (strcasecmp(key, "IgnoreFileConfigJson") == 0)
				ignores = strcasecmp(value, "true") == 0 ||
					  strcasecmp(value, "yes") == 0;
			else if (strcasecmp(key, "CreateEnvFile") == 0)
				has_env = strcasecmp(value, "null") == 0;
			else if (strcasecmp(key, "RunTimeRun") == 0)
				runs = found && strcmp(found + len, " oci-run %e -- %@") == 0;
		}
	}
	if (!runs)
		return "RunTimeRun does not start this Davit";
	if (!has_env)
		return "CreateEnvFile is not null";
	return ignores ? NULL : "IgnoreFileConfigJson is not true";
}

/* ---- programs -------------------------------------------------------------------------------- */

bool program_find(const char *name, char *path, size_t size)
{
	static const char *const directories[] = { DAVIT_SLURM_PREFIX, "/usr", "/usr/local",
						   "/opt/slurm" };
	static const char *const kinds[] = { "bin", "sbin" };
	char why[PATH_MAX + 64];

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		for (size_t j = 0; directories[i][0] && j < 2; j++) {
			snprintf(path, size, "%s/%s/%s", directories[i], kinds[j], name);
			if (access(path, X_OK) == 0 &&
			    (geteuid() != 0 || path_is_roots(path, why, sizeof(why))))
				return true;
		}
	return false;
}

int become_nobody(void)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0)
		return -1;
	if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -1;
	/* The kernel has forgotten it with the change of user. */
	return prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static _Noreturn void become_program(char *const argv[], int out)
{
	static char path[] = "PATH=/usr/bin:/bin", locale[] = "LC_ALL=C";
	const char *conf = getenv("SLURM_CONF");
	char variable[PATH_MAX + 16], why[PATH_MAX + 64];
	bool is_fine = conf && conf[0] == '/' && strlen(conf) < PATH_MAX &&
		       (geteuid() != 0 || path_is_roots(conf, why, sizeof(why)));
	char *env[] = { path, locale, is_fine ? variable : NULL, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	snprintf(variable, sizeof(variable), "SLURM_CONF=%s", is_fine ? conf : "");
	if (null >= 0 && dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2 &&
	    become_nobody() == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
		execve(argv[0], argv, env);
	_exit(127);
}

int program_run(char *const argv[], char *text, size_t size)
{
	size_t len = 0;
	ssize_t more;
	int ends[2], status;
	pid_t pid;

	text[0] = '\0';
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		become_program(argv, ends[1]);
	close(ends[1]);
	while (pid > 0 && len < size - 1 && (more = read(ends[0], text + len, size - 1 - len)) > 0)
		len += (size_t)more;
	close(ends[0]);
	text[len] = '\0';
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
