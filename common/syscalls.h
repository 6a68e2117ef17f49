/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * syscalls.h - system calls that the C library lacks or has only in newer versions.
 *
 * The mount calls on file descriptors are in glibc since 2.36 (Debian 12); RHEL 9 has 2.34. openat2
 * has no wrapper anywhere. All are in Linux 5.12, below Davit's floor of 5.14.
 */
#ifndef DAVIT_SYSCALLS_H
#define DAVIT_SYSCALLS_H

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef HAVE_MOUNT_SETATTR
#include <linux/mount.h>

static inline int open_tree(int dir, const char *path, unsigned int flags)
{
	return (int)syscall(SYS_open_tree, dir, path, flags);
}

static inline int move_mount(int from, const char *from_path, int to, const char *to_path,
			     unsigned int flags)
{
	return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}

static inline int mount_setattr(int dir, const char *path, unsigned int flags,
				struct mount_attr *attr, size_t size)
{
	return (int)syscall(SYS_mount_setattr, dir, path, flags, attr, size);
}

static inline int fsopen(const char *type, unsigned int flags)
{
	return (int)syscall(SYS_fsopen, type, flags);
}

static inline int fsconfig(int fs, unsigned int command, const char *key, const void *value,
			   int aux)
{
	return (int)syscall(SYS_fsconfig, fs, command, key, value, aux);
}

static inline int fspick(int dir, const char *path, unsigned int flags)
{
	return (int)syscall(SYS_fspick, dir, path, flags);
}

static inline int fsmount(int fs, unsigned int flags, unsigned int attrs)
{
	return (int)syscall(SYS_fsmount, fs, flags, attrs);
}
#endif /* HAVE_MOUNT_SETATTR */

#define OPEN_TRIES 1000

/* open(2) below the directory `root`, which "/", ".." and symbolic links cannot leave; `more` is what else
 * openat2(2) is not to pass on the way, such as RESOLVE_NO_XDEV. */
static inline int open_in_root_how(int root, const char *path, int flags, uint64_t more)
{
	struct open_how how = {
		.flags = (uint64_t)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | more,
	};
	int fd;

	/* Where there is "..", any rename or mount on the node meanwhile makes the kernel unsure: EAGAIN. */
	for (int tries = 0; tries < OPEN_TRIES; tries++) {
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

static inline int open_in_root(int root, const char *path, int flags)
{
	return open_in_root_how(root, path, flags, 0);
}

static inline int pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

#endif
