/* SPDX-License-Identifier: BSD-3-Clause */
/* uring_none.c - uring.h where there is no liburing. */
#include "images/uring.h"

int uring_queues(const char **missing)
{
	*missing = "this davit was built without liburing";
	return 0;
}

struct uring *uring_new(int channel, int queues, int most, struct error *err)
{
	(void)channel;
	(void)queues;
	(void)most;
	error_set(err, 0, "this davit was built without liburing");
	return NULL;
}

void uring_free(struct uring *uring)
{
	(void)uring;
}

const int *uring_files(const struct uring *uring, size_t *count)
{
	(void)uring;
	*count = 0;
	return NULL;
}

size_t uring_memory(const struct uring *uring)
{
	(void)uring;
	return 0;
}

bool uring_offer(struct uring *uring, struct fuse_session *session, const struct fuse_init_in *in,
		 struct fuse_init_out *out)
{
	(void)uring;
	(void)session;
	(void)in;
	(void)out;
	return false;
}

void uring_begin(struct uring *uring, bool is_answered)
{
	(void)uring;
	(void)is_answered;
}

bool uring_answer(const struct iovec *iov, int count)
{
	(void)iov;
	(void)count;
	return false;
}
