/* SPDX-License-Identifier: BSD-3-Clause */
/* feed.c - see feed.h. */
#include "images/import/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fd.h"

#define PIECE_SIZE ((size_t)256 << 10)

/* Until all is through, or nobody wants more. */
static void *run(void *data)
{
	struct feed *feed = data;
	char *buf = malloc(PIECE_SIZE);

	feed->reason = buf ? 0 : ENOMEM;
	while (buf && feed->left > 0) {
		size_t want = feed->left < (int64_t)PIECE_SIZE ? (size_t)feed->left : PIECE_SIZE;
		ssize_t n = fd_pread_all(feed->from, buf, want, feed->at);

		if (n <= 0) {
			feed->reason = n < 0 ? errno : ENODATA;
			break;
		}
		if (fd_write_all(feed->to, buf, (size_t)n) < 0) {
			feed->reason = errno == EPIPE ? 0 : errno;
			break;
		}
		feed->at += n;
		feed->left -= n;
	}
	free(buf);
	close(steal_fd(&feed->to));
	return NULL;
}

/* The thread gets no signals: those of a terminal are for others, and SIGPIPE is no news to it. */
static int start_thread(struct feed *feed)
{
	sigset_t all, old;
	int result;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	result = pthread_create(&feed->thread, NULL, run, feed);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	feed->is_running = result == 0;
	return result;
}

int feed_start(struct feed *feed, int from, int64_t at, int64_t size, struct error *err)
{
	int ends[2], result;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot create a pipe");
	fd_widen_pipe(ends[0]);
	*feed = (struct feed){ .from = from, .to = ends[1], .at = at, .left = size };
	result = start_thread(feed);
	if (result == 0)
		return ends[0];
	close(ends[0]);
	close(ends[1]);
	return error_set(err, result, "cannot start a thread");
}

int feed_end(struct feed *feed, struct error *err)
{
	if (!feed->is_running)
		return 0;
	(void)pthread_join(feed->thread, NULL);
	feed->is_running = false;
	if (feed->reason == 0)
		return 0;
	return feed->reason == ENODATA ? error_set(err, 0, "the archive has become shorter")
				       : error_set(err, feed->reason, "cannot read the archive");
}
