/* SPDX-License-Identifier: BSD-3-Clause */
/* calls.c - see calls.h. */
#include "launcher/security/calls.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/nearest.h"

/* Since Linux 5.0 new calls have one number on all architectures but alpha. */
static const struct {
	const char *name;
	int number;
} newer[] = {
	{ "cachestat", 451 },
	{ "fchmodat2", 452 },
	{ "map_shadow_stack", 453 },
	{ "futex_wake", 454 },
	{ "futex_wait", 455 },
	{ "futex_requeue", 456 },
	{ "statmount", 457 },
	{ "listmount", 458 },
	{ "lsm_get_self_attr", 459 },
	{ "lsm_set_self_attr", 460 },
	{ "lsm_list_modules", 461 },
	{ "mseal", 462 },
	{ "setxattrat", 463 },
	{ "getxattrat", 464 },
	{ "listxattrat", 465 },
	{ "removexattrat", 466 },
	{ "open_tree_attr", 467 },
	{ "file_getattr", 468 },
	{ "file_setattr", 469 },
	{ "listns", 470 },
	{ "set_mempolicy_home_node", 450 },
};
#define NEWER_COUNT (sizeof(newer) / sizeof(newer[0]))

/* Whoever calls these has another way. */
static const char *const probed[] = {
	"_sysctl",
	"bdflush",
	"cachestat",
	"clone3",
	"close_range",
	"copy_file_range",
	"create_module",
	"epoll_pwait2",
	"execveat",
	"faccessat2",
	"fchmodat2",
	"futex_waitv",
	"get_kernel_syms",
	"getrandom",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"landlock_add_rule",
	"landlock_create_ruleset",
	"landlock_restrict_self",
	"map_shadow_stack",
	"membarrier",
	"memfd_create",
	"memfd_secret",
	"mseal",
	"nfsservctl",
	"openat2",
	"pidfd_getfd",
	"pidfd_open",
	"pidfd_send_signal",
	"preadv2",
	"process_madvise",
	"pwritev2",
	"query_module",
	"renameat2",
	"rseq",
	"set_mempolicy_home_node",
	"set_robust_list",
	"statx",
};

int call_number(const char *name)
{
	int number = seccomp_syscall_resolve_name(name);

	if (number != __NR_SCMP_ERROR)
		return number;
	for (size_t i = 0; i < NEWER_COUNT; i++)
		if (strcmp(name, newer[i].name) == 0)
			return newer[i].number;
	return CALL_UNKNOWN;
}

int call_errno(const char *name)
{
	for (size_t i = 0; i < sizeof(probed) / sizeof(probed[0]); i++)
		if (strcmp(name, probed[i]) == 0)
			return ENOSYS;
	return EPERM;
}

/* libseccomp has no list of names, but one for each number. */
char *call_nearest(const char *name)
{
	char *best = NULL;

	for (int i = 0; i < 600; i++) {
		char *known = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), i);
		const char *pair[] = { best ? best : "", known ? known : "" };
		const char *near = known ? word_nearest(name, pair, 2) : NULL;

		if (near && near == known) {
			free(best);
			best = steal_ptr(&known);
		}
		free(known);
	}
	return best;
}
