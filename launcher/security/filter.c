/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * filter.c - see filter.h.
 *
 * Without SECCOMP_FILTER_FLAG_SPEC_ALLOW older kernels would tie a slow protection of speculative
 * stores to a filter. Without SECCOMP_FILTER_FLAG_LOG, unless a user's profile wants it: programs
 * probe, a thousand ranks a thousand times, and the node's log is not the user's to fill.
 */
#include "launcher/security/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fd.h"

#define MAGIC 0x64767366u

int filter_pack(struct filter *filter, const struct filter_head *head,
		struct sock_filter *const programs[FILTER_PROGRAMS], struct error *err)
{
	struct filter_head own = *head;
	unsigned char *at;

	own.magic = MAGIC;
	filter->len = sizeof(own);
	for (size_t i = 0; i < FILTER_PROGRAMS; i++)
		filter->len += own.counts[i] * sizeof(*programs[i]);
	at = filter->data = malloc(filter->len);
	if (!at)
		return error_set(err, ENOMEM, "cannot keep the filter of system calls");
	memcpy(at, &own, sizeof(own));
	at += sizeof(own);
	for (size_t i = 0; i < FILTER_PROGRAMS; i++) {
		if (own.counts[i] > 0)
			memcpy(at, programs[i], own.counts[i] * sizeof(*programs[i]));
		at += own.counts[i] * sizeof(*programs[i]);
	}
	return 0;
}

static bool has_terminal(void)
{
	cleanup_close int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0;
}

static int load(const unsigned char *code, uint32_t count, uint32_t flags, struct error *err)
{
	struct sock_fprog program = { .len = (unsigned short)count };

	program.filter = malloc(count * sizeof(*program.filter));
	if (!program.filter)
		return error_set(err, ENOMEM, "cannot install the filter of system calls");
	memcpy(program.filter, code, count * sizeof(*program.filter));
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    &program) < 0) {
		error_set(err, errno, "cannot install the filter of system calls");
		free(program.filter);
		return error_remedy(
			err,
			"a kernel with CONFIG_SECCOMP_FILTER, or --container-security=seccomp=unconfined");
	}
	free(program.filter);
	return 0;
}

int filter_load(const void *data, size_t len, struct error *err)
{
	const unsigned char *at = data;
	struct filter_head head;
	size_t rest = len;

	if (len < sizeof(head))
		goto bad;
	memcpy(&head, at, sizeof(head));
	at += sizeof(head);
	rest -= sizeof(head);
	if (head.magic != MAGIC)
		goto bad;
	for (size_t i = 0; i < FILTER_PROGRAMS; i++) {
		size_t size = head.counts[i] * sizeof(struct sock_filter);

		if (head.counts[i] > BPF_MAXINSNS || size > rest)
			goto bad;
		if (head.counts[i] > 0 &&
		    !(i == FILTER_OWN && head.only_terminal && !has_terminal()) &&
		    load(at, head.counts[i], head.flags[i], err) < 0)
			return -1;
		at += size;
		rest -= size;
	}
	if (rest == 0)
		return 0;
bad:
	return error_set(err, 0, "the container's filter of system calls makes no sense");
}

int filter_read(struct filter *filter, struct error *err)
{
	cleanup_close int fd = open(FILTER_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	*filter = (struct filter){ .data = NULL };
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd >= 0)
		filter->data = (unsigned char *)fd_read_all(fd, FILTER_MAX, &filter->len);
	if (!filter->data)
		return error_set(err, errno, "cannot read the container's filter of system calls");
	return 1;
}

void filter_done(struct filter *filter)
{
	free(filter->data);
	*filter = (struct filter){ .data = NULL };
}
