/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * snipe.c - kill or stop a process right after it has begun.
 *
 * snipe NAME MICROSECONDS [STOP]: waits for a process called NAME (as in /proc/PID/comm) to appear,
 * then that long, and kills it, or stops it. `davit` is a launcher, and not what is about to become the
 * judge, whose real id is another than its effective one. Exits with 0 if it did, 1 if none came within two seconds.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int is_called(const char *pid, const char *name)
{
	char path[280], comm[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	if (read(fd, comm, sizeof(comm) - 1) < 0)
		comm[0] = '\0';
	close(fd);
	comm[strcspn(comm, "\n")] = '\0';
	return strcmp(comm, name) == 0;
}

static int is_users(const char *pid)
{
	char path[280], line[256];
	unsigned int real = 0, effective = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	status = fopen(path, "r");
	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "Uid: %u %u", &real, &effective) == 2)
			break;
	if (status)
		fclose(status);
	return status && real == effective;
}

static pid_t find(const char *name)
{
	DIR *proc = opendir("/proc");
	pid_t pid = 0;

	if (!proc)
		err(2, "/proc");
	for (struct dirent *entry; !pid && (entry = readdir(proc));)
		if (isdigit((unsigned char)entry->d_name[0]) && is_called(entry->d_name, name) &&
		    (strcmp(name, "davit") != 0 || is_users(entry->d_name)))
			pid = atoi(entry->d_name);
	closedir(proc);
	return pid;
}

int main(int argc, char **argv)
{
	struct timespec delay = { .tv_nsec = 0 };
	time_t end = time(NULL) + 2;
	pid_t pid;

	if (argc < 3)
		errx(2, "usage: snipe NAME MICROSECONDS [STOP]");
	delay.tv_nsec = atol(argv[2]) * 1000;
	do {
		while (!(pid = find(argv[1])))
			if (time(NULL) > end)
				return 1;
		nanosleep(&delay, NULL);
	} while (kill(pid, argc > 3 ? SIGSTOP : SIGKILL) < 0);
	return 0;
}
