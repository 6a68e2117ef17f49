/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * filter.c - see filter.h.
 *
 * The terminal of `davit run` is that of the user's shell: what a container put into its input
 * queue, the shell would execute when the container has ended.
 */
#include "launcher/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tiocl.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/fakeroot.h"

static bool has_terminal(void)
{
	cleanup_close int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0;
}

/* Programs of the node's other word size run, too, and x32 is one more way to call the kernel. */
static int add_sub_architectures(scmp_filter_ctx filter)
{
	int result;

	switch (seccomp_arch_native()) {
	case SCMP_ARCH_X86_64:
		result = seccomp_arch_add(filter, SCMP_ARCH_X86);
		return result ? result : seccomp_arch_add(filter, SCMP_ARCH_X32);
	case SCMP_ARCH_AARCH64:
		return seccomp_arch_add(filter, SCMP_ARCH_ARM);
	default:
		return 0;
	}
}

/* The kernel looks at 32 bits of the request. */
static int terminal_rules(scmp_filter_ctx filter)
{
	static const unsigned int requests[] = { TIOCSTI, TIOCLINUX };
	int result = 0;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]) && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
					  SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, requests[i]));
	return result;
}

static int fill(scmp_filter_ctx filter, bool fake_root, bool terminal)
{
	int result = add_sub_architectures(filter);

	/* Calls of any other architecture go on to the kernel, which has none of them. */
	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	/* Without the slow protection of speculative stores that older kernels tie to filters. */
	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	if (result == 0 && fake_root)
		result = fakeroot_rules(filter);
	if (result == 0 && terminal)
		result = terminal_rules(filter);
	return result;
}

int filter_install(bool fake_root, struct error *err)
{
	bool terminal = has_terminal();
	scmp_filter_ctx filter;
	int result;

	if (!fake_root && !terminal)
		return 0;
	filter = seccomp_init(SCMP_ACT_ALLOW);
	result = filter ? fill(filter, fake_root, terminal) : -ENOMEM;
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	if (result < 0)
		return error_set(err, -result, "cannot install the filter of system calls");
	return 0;
}
