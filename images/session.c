/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * session.c - see session.h.
 *
 * libfuse before 3.17 forgets to tell the kernel that a directory may be asked for several names at a time,
 * whatever a file system wants: look-ups of all ranks in a directory then wait for one another. Since
 * 3.14 one can put it right in what it writes.
 */
#define FUSE_USE_VERSION 32
#include "images/session.h"

#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 14) && FUSE_VERSION < FUSE_MAKE_VERSION(3, 17)

/* The first answer is that to FUSE_INIT, and nobody else answers meanwhile. */
static bool is_begun;

static ssize_t write_answer(int fd, struct iovec *iov, int count, void *data)
{
	(void)data;
	if (!is_begun && count == 2 && iov[1].iov_len >= FUSE_COMPAT_22_INIT_OUT_SIZE)
		((struct fuse_init_out *)iov[1].iov_base)->flags |= FUSE_PARALLEL_DIROPS;
	is_begun = true;
	return writev(fd, iov, count);
}

static ssize_t read_request(int fd, void *buf, size_t size, void *data)
{
	(void)data;
	return read(fd, buf, size);
}

static int attach(struct fuse_session *session, int channel)
{
	static const struct fuse_custom_io io = { .writev = write_answer, .read = read_request };

	is_begun = false;
	return fuse_session_custom_io(session, &io, channel);
}

#else

static int attach(struct fuse_session *session, int channel)
{
	char name[32];

	snprintf(name, sizeof(name), "/dev/fd/%d", channel);
	return fuse_session_mount(session, name);
}

#endif

struct fuse_session *session_new(const struct fuse_lowlevel_ops *operations, void *data,
				 int channel, struct error *err)
{
	char name[] = "davit";
	char *argv[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session =
		fuse_session_new(&args, operations, sizeof(*operations), data);

	if (!session) {
		error_set(err, 0, "libfuse refuses to start");
		return NULL;
	}
	if (attach(session, channel) < 0) {
		error_set(err, 0, "libfuse refuses the channel of the mount");
		return NULL;
	}
	return session;
}
