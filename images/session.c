/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * session.c - see session.h.
 *
 * libfuse before 3.17 forgets to tell the kernel that a directory may be asked for several names at a time,
 * whatever a file system wants: look-ups of all ranks in a directory then wait for one another. Since
 * 3.14 one can put it right in what it writes. There, too, answers to what came by io_uring take another way
 * (uring.h).
 */
#define FUSE_USE_VERSION 32
#include "images/session.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "images/uring.h"

#define CARRIES (FUSE_VERSION >= FUSE_MAKE_VERSION(3, 14))
#define FORGETS (FUSE_VERSION < FUSE_MAKE_VERSION(3, 17))

static struct fuse_session *make(const struct fuse_lowlevel_ops *operations, void *data)
{
	char name[] = "davit";
	char *argv[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);

	/* By this a user could have libfuse make rings of its own, which the filter of system calls ends. */
	(void)unsetenv("FUSE_URING_ENABLE");
	return fuse_session_new(&args, operations, sizeof(*operations), data);
}

#if CARRIES

static struct {
	struct fuse_session *session;
	struct uring *uring;
	struct fuse_init_in request; /* all zeros until it has come */
	bool is_begun;
} start;

/* The first request is FUSE_INIT, its answer the first one, and nobody else answers meanwhile. */
static ssize_t read_request(int fd, void *buf, size_t size, void *data)
{
	ssize_t len = read(fd, buf, size);
	const size_t header = sizeof(struct fuse_in_header);

	(void)data;
	if (!start.is_begun && len >= (ssize_t)(header + sizeof(start.request)))
		memcpy(&start.request, (char *)buf + header, sizeof(start.request));
	return len;
}

static ssize_t write_first(int fd, struct iovec *iov, int count)
{
	struct fuse_init_out *out = count == 2 ? iov[1].iov_base : NULL;
	bool is_offered = false;
	ssize_t result;

	start.is_begun = true;
	if (out && FORGETS && iov[1].iov_len >= FUSE_COMPAT_22_INIT_OUT_SIZE)
		out->flags |= FUSE_PARALLEL_DIROPS;
	if (out && start.uring && iov[1].iov_len == sizeof(*out))
		is_offered = uring_offer(start.uring, start.session, &start.request, out);
	result = writev(fd, iov, count);
	if (is_offered)
		uring_begin(start.uring, result >= 0);
	return result;
}

static ssize_t write_answer(int fd, struct iovec *iov, int count, void *data)
{
	(void)data;
	if (!start.is_begun)
		return write_first(fd, iov, count);
	return uring_answer(iov, count) ? 0 : writev(fd, iov, count);
}

static const struct fuse_custom_io io = { .writev = write_answer, .read = read_request };

static int attach_carried(struct fuse_session *session, int channel, struct uring *uring)
{
	memset(&start, 0, sizeof(start));
	start.session = session;
	start.uring = uring;
	return fuse_session_custom_io(session, &io, channel);
}

static void say_nothing(enum fuse_log_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
}

/* Nobody but who tries can tell. */
static bool try_to_carry(void)
{
	static const struct fuse_lowlevel_ops none = { .init = NULL };
	struct fuse_session *session = make(&none, NULL);
	int channel = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool works = false;

	if (session && channel >= 0) {
		fuse_set_log_func(say_nothing);
		works = fuse_session_custom_io(session, &io, channel) == 0;
		fuse_set_log_func(NULL);
	}
	if (session)
		fuse_session_destroy(session);
	if (!works && channel >= 0)
		close(channel);
	return works;
}

bool session_carries(void)
{
	return fuse_version() < 318 || try_to_carry();
}

#else

static int attach_carried(struct fuse_session *session, int channel, struct uring *uring)
{
	(void)session;
	(void)channel;
	(void)uring;
	return -1;
}

bool session_carries(void)
{
	return false;
}

#endif

static int attach(struct fuse_session *session, int channel, struct uring *uring)
{
	char name[32];

	if (uring || (CARRIES && FORGETS))
		return attach_carried(session, channel, uring);
	snprintf(name, sizeof(name), "/dev/fd/%d", channel);
	return fuse_session_mount(session, name);
}

struct fuse_session *session_new(const struct fuse_lowlevel_ops *operations, void *data,
				 int channel, struct uring *uring, struct error *err)
{
	struct fuse_session *session = make(operations, data);

	if (!session) {
		error_set(err, 0, "libfuse refuses to start");
		return NULL;
	}
	if (attach(session, channel, uring) < 0) {
		error_set(err, 0, "libfuse refuses the channel of the mount");
		return NULL;
	}
	return session;
}
