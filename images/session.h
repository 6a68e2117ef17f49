/* SPDX-License-Identifier: BSD-3-Clause */
/* session.h - a session of libfuse over a channel that is mounted already. */
#ifndef DAVIT_SESSION_H
#define DAVIT_SESSION_H

#include <stdbool.h>

#include "common/error.h"

struct fuse_session;
struct fuse_lowlevel_ops;
struct uring;

/* Whether libfuse lets answers be carried by others than itself: from 3.18 on that is left out unless
 * asked for when it is built. */
bool session_carries(void);

/* `operations` get `data` from fuse_req_userdata(). The session takes `channel` over. `uring` is what
 * to answer by if the kernel wants that, or NULL; it takes session_carries(). NULL with `err` set on failure. */
struct fuse_session *session_new(const struct fuse_lowlevel_ops *operations, void *data,
				 int channel, struct uring *uring, struct error *err);

#endif
