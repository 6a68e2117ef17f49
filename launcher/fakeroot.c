/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fakeroot.c - see fakeroot.h.
 *
 * Not among the calls: capset, since giving up capabilities works and asking for missing ones must
 * not seem to; setxattr, since file capabilities can be stored (CAP_SETFCAP), and a filter cannot
 * tell one attribute from another.
 */
#include "launcher/fakeroot.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"

#define APT_CONF_DIR "/etc/apt/apt.conf.d"

/* Those with 32 are of 32-bit architectures; where a call does not exist, libseccomp passes it over. */
static const int faked[] = {
	SCMP_SYS(chown),       SCMP_SYS(chown32),   SCMP_SYS(fchown),      SCMP_SYS(fchown32),
	SCMP_SYS(fchownat),    SCMP_SYS(lchown),    SCMP_SYS(lchown32),    SCMP_SYS(setfsgid),
	SCMP_SYS(setfsgid32),  SCMP_SYS(setfsuid),  SCMP_SYS(setfsuid32),  SCMP_SYS(setgid),
	SCMP_SYS(setgid32),    SCMP_SYS(setgroups), SCMP_SYS(setgroups32), SCMP_SYS(setregid),
	SCMP_SYS(setregid32),  SCMP_SYS(setresgid), SCMP_SYS(setresgid32), SCMP_SYS(setresuid),
	SCMP_SYS(setresuid32), SCMP_SYS(setreuid),  SCMP_SYS(setreuid32),  SCMP_SYS(setuid),
	SCMP_SYS(setuid32),
};

int fakeroot_rules(scmp_filter_ctx filter, bool (*is_refused)(int call, const void *data),
		   const void *data)
{
	/* Device nodes are pretended; FIFOs, sockets and files are made. */
	static const mode_t types[] = { S_IFCHR, S_IFBLK };
	int result = 0;

	for (size_t i = 0; i < sizeof(faked) / sizeof(faked[0]) && result == 0; i++)
		if (!is_refused(faked[i], data))
			result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), faked[i], 0);
	for (size_t i = 0; i < 2 && result == 0; i++) {
		if (!is_refused(SCMP_SYS(mknod), data))
			result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(mknod), 1,
						  SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, types[i]));
		if (result == 0 && !is_refused(SCMP_SYS(mknodat), data))
			result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(mknodat), 1,
						  SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, types[i]));
	}
	return result;
}

int fakeroot_mount(struct root *root, struct error *err)
{
	cleanup_close int dir = open_in_root(root->fd, APT_CONF_DIR, O_PATH | O_DIRECTORY);

	if (dir < 0)
		return 0;
	return root_put_file(root, APT_CONF_DIR "/99davit", "APT::Sandbox::User \"root\";\n", err);
}
