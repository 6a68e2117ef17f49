/* SPDX-License-Identifier: BSD-3-Clause */
/* session.h - a session of libfuse over a channel that is mounted already. */
#ifndef DAVIT_SESSION_H
#define DAVIT_SESSION_H

#include "common/error.h"

struct fuse_session;
struct fuse_lowlevel_ops;

/* `operations` get `data` from fuse_req_userdata(). The session takes `channel` over. NULL with `err` set
 * on failure. */
struct fuse_session *session_new(const struct fuse_lowlevel_ops *operations, void *data,
				 int channel, struct error *err);

#endif
