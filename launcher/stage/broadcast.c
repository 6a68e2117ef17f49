/* SPDX-License-Identifier: BSD-3-Clause */
/* broadcast.c - see broadcast.h. */
#include "launcher/stage/broadcast.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/helper.h"

#define SLOWEST 50000000 /* bytes in a second that the sender reads of the image at least */

/* The caller's variables may change what sbcast does: it must create the file, and send nothing else. */
static _Noreturn void exec_sbcast(char *const argv[], int output)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)unsetenv("SBCAST_FORCE");
	(void)unsetenv("SBCAST_PRESERVE");
	(void)setenv("SBCAST_SEND_LIBS", "no", 1);
	(void)setenv("SBCAST_COMPRESS", "none", 1); /* an image is compressed */
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		_exit(EXIT_SETUP);
	helper_close_others(NULL, 0);
	execvp(argv[0], argv);
	fprintf(stderr, "cannot execute it: %s\n", strerror(errno));
	_exit(EXIT_NOT_FOUND);
}

/* Reads to the end, keeps the first line. */
static void read_line(int fd, char *line, size_t size)
{
	char more[512];
	size_t len = 0;
	ssize_t got;

	while ((got = read(fd, more, sizeof(more))) > 0 || (got < 0 && errno == EINTR)) {
		if (got < 0)
			continue;
		if ((size_t)got > size - 1 - len)
			got = (ssize_t)(size - 1 - len);
		memcpy(line + len, more, (size_t)got);
		len += (size_t)got;
	}
	line[len] = '\0';
	line[strcspn(line, "\n")] = '\0';
}

static int run(char *const argv[], struct error *err)
{
	cleanup_close int near = -1, far = -1;
	char line[256];
	int ends[2], status = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot create a pipe");
	near = ends[0];
	far = ends[1];
	pid = fork();
	if (pid == 0)
		exec_sbcast(argv, far);
	if (pid < 0)
		return error_set(err, errno, "cannot start sbcast");
	close(steal_fd(&far));
	read_line(near, line, sizeof(line));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return error_set(err, 0, "sbcast failed: %s", line[0] ? line : "it does not tell why");
}

int broadcast_send(const struct store *store, const char *job, const char *step, struct error *err)
{
	cleanup_free char *which = NULL, *from = NULL, *to = NULL;
	int result;

	if (asprintf(&which, "--jobid=%s.%s", job, step) < 0 ||
	    asprintf(&from, "%s/davit-%u/%s", store->path, geteuid(), store->name) < 0 ||
	    asprintf(&to, "%s/%s", store->path, store->arrival) < 0)
		return error_set(err, ENOMEM, "cannot keep the path");
	char *const argv[] = { (char *)(uintptr_t) "sbcast", which, from, to, NULL };

	result = run(argv, err);
	store_drop_arrivals(store);
	return result;
}

static int64_t now_ms(void)
{
	struct timespec now = { .tv_sec = 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads what is there. Is something of it about the file? */
static bool is_news(int watch, const char *name)
{
	_Alignas(struct inotify_event) char buffer[4096];
	bool news = false;
	ssize_t len = read(watch, buffer, sizeof(buffer));

	for (ssize_t at = 0; at < len;) {
		const struct inotify_event *event = (const void *)(buffer + at);

		if (event->len > 0 && strcmp(event->name, name) == 0)
			news = true;
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return news;
}

static int open_watch(const struct store *store, struct error *err)
{
	cleanup_close int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", store->base);
	if (watch < 0 ||
	    inotify_add_watch(watch, link, IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE) < 0)
		return error_set(err, errno, "cannot watch '%s'", store->path);
	return steal_fd(&watch);
}

/* News count only of a file that is the user's: whoever else knows its name could make them for ever. */
int broadcast_await(const struct store *store, unsigned int wait, struct error *err)
{
	cleanup_close int watch = open_watch(store, err);
	int64_t span = (int64_t)wait * 1000;
	int64_t end = now_ms() + span + (int64_t)(store->size / (SLOWEST / 1000)), left;
	struct pollfd event = { .fd = watch, .events = POLLIN };
	bool heard = false;
	int fd;

	if (watch < 0)
		return -1;
	while ((fd = store_arrival(store)) < 0) {
		uid_t owner = store_arrival_owner(store);

		if (owner != geteuid() && owner != (uid_t)-1)
			return error_set(err, 0, "'%s/%s' is somebody else's", store->path,
					 store->arrival);
		left = end - now_ms();
		if (left <= 0)
			return heard ? error_set(err, 0, "no more of it has come for %u s", wait)
				     : error_set(err, 0, "nothing of it has come");
		if (poll(&event, 1, left > 60000 ? 60000 : (int)left) > 0 &&
		    is_news(watch, store->arrival) && store_arrival_owner(store) == geteuid()) {
			heard = true;
			end = now_ms() + span;
		}
	}
	return fd;
}
