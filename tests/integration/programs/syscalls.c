/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * syscalls.c - makes system calls, and tells for each how that went: "NAME 0" or "NAME EPERM".
 *
 * No call does anything where it is allowed, since its arguments are void. With names as arguments,
 * makes those only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ABOVE (1L << 32) /* the kernel does not look at it */

static char buffer[64];
static struct iovec iov = { buffer, sizeof(buffer) };

static const struct {
	const char *name;
	long number, args[6];
} calls[] = {
	{ "kexec_load", SYS_kexec_load, { 0, 0, 0, ~0L } },
	{ "kexec_file_load", SYS_kexec_file_load, { -1, -1, 0, 0, ~0L } },
	{ "reboot", SYS_reboot, { 0 } },
	{ "init_module", SYS_init_module, { 0 } },
	{ "finit_module", SYS_finit_module, { -1 } },
	{ "delete_module", SYS_delete_module, { 0 } },
	{ "adjtimex", SYS_adjtimex, { 0 } },
	{ "clock_adjtime", SYS_clock_adjtime, { 0 } },
	{ "clock_settime", SYS_clock_settime, { 0 } },
	{ "settimeofday", SYS_settimeofday, { 1, 0 } },
	{ "swapon", SYS_swapon, { 0 } },
	{ "swapoff", SYS_swapoff, { 0 } },
	{ "acct", SYS_acct, { 1 } },
	{ "quotactl", SYS_quotactl, { 0 } },
	{ "quotactl_fd", SYS_quotactl_fd, { -1 } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { -1 } },
	{ "mount", SYS_mount, { 0 } },
	{ "umount2", SYS_umount2, { 0 } },
	{ "pivot_root", SYS_pivot_root, { 0 } },
	{ "move_mount", SYS_move_mount, { -1, 0, -1, 0, 0 } },
	{ "open_tree", SYS_open_tree, { -1, 0, 0 } },
	{ "open_tree_attr", 467, { -1, 0, 0 } },
	{ "fsopen", SYS_fsopen, { 0 } },
	{ "fsconfig", SYS_fsconfig, { -1 } },
	{ "fsmount", SYS_fsmount, { -1 } },
	{ "fspick", SYS_fspick, { -1 } },
	{ "mount_setattr", SYS_mount_setattr, { -1 } },
	{ "perf_event_open", SYS_perf_event_open, { 0 } },
	{ "bpf", SYS_bpf, { -1 } },
	{ "userfaultfd", SYS_userfaultfd, { -1 } },
	{ "fanotify_init", SYS_fanotify_init, { -1 } },
	{ "fanotify_mark", SYS_fanotify_mark, { -1 } },
	{ "kcmp", SYS_kcmp, { -1, -1, -1 } },
	{ "kcmp-vm", SYS_kcmp, { -1, -1, 1 } },
	{ "add_key", SYS_add_key, { 0 } },
	{ "request_key", SYS_request_key, { 0 } },
	{ "keyctl", SYS_keyctl, { 0, -3, 0 } },
	{ "syslog", SYS_syslog, { 10 } },
	{ "lookup_dcookie", 212, { 0 } },
#ifdef __x86_64__
	{ "iopl", SYS_iopl, { 0 } },
	{ "ioperm", SYS_ioperm, { 0 } },
	{ "sysfs", SYS_sysfs, { 3 } },
	{ "_sysctl", SYS__sysctl, { 0 } },
	{ "x32", SYS_getpid | 0x40000000, { 0 } },
#endif
	{ "setns", SYS_setns, { -1 } },
	{ "unshare-0", SYS_unshare, { 0 } },
	{ "unshare-files", SYS_unshare, { CLONE_FILES } },
	{ "unshare-user", SYS_unshare, { CLONE_NEWUSER } },
	{ "unshare-time", SYS_unshare, { CLONE_NEWTIME } },
	{ "unshare-above", SYS_unshare, { ABOVE | CLONE_NEWUSER } },
	{ "process_vm_readv", SYS_process_vm_readv, { 0 } },
	{ "io_uring_setup", SYS_io_uring_setup, { 0 } },
	{ "memfd_create", SYS_memfd_create, { 0 } },
	{ "mbind", SYS_mbind, { 0, 4096, -1 } },
	{ "move_pages", SYS_move_pages, { 0, 0 } },
	{ "set_mempolicy", SYS_set_mempolicy, { 0 } },
	{ "ptrace", SYS_ptrace, { PTRACE_ATTACH, -1 } },
	{ "clone3", SYS_clone3, { 0 } },
	{ "personality", SYS_personality, { 0xffffffff } },
	{ "AF_UNIX", SYS_socket, { AF_UNIX, SOCK_STREAM } },
	{ "AF_INET", SYS_socket, { AF_INET, SOCK_STREAM } },
	{ "AF_INET6", SYS_socket, { AF_INET6, SOCK_STREAM } },
	{ "AF_NETLINK", SYS_socket, { AF_NETLINK, SOCK_RAW } },
	{ "AF_AX25", SYS_socket, { 3, SOCK_DGRAM } },
	{ "AF_SECURITY", SYS_socket, { 14, SOCK_RAW } },
	{ "AF_KEY", SYS_socket, { 15, SOCK_RAW } },
	{ "AF_PACKET", SYS_socket, { 17, SOCK_RAW } },
	{ "AF_IB", SYS_socket, { 27, SOCK_RAW } },
	{ "AF_ALG", SYS_socket, { 38, SOCK_SEQPACKET } },
	{ "AF_ALG-above", SYS_socket, { ABOVE | 38, SOCK_SEQPACKET } },
	{ "AF_VSOCK", SYS_socket, { 40, SOCK_STREAM } },
	{ "AF_SMC", SYS_socket, { 43, SOCK_STREAM } },
	{ "AF_XDP", SYS_socket, { 44, SOCK_RAW } },
	{ "AF_60", SYS_socket, { 60, SOCK_RAW } },
	{ "socketpair", SYS_socketpair, { 38, SOCK_STREAM, 0, (long)buffer } },
};

/* Through the other door of an x86_64's kernel, 32-bit programs' getpid. */
static long call_i386(void)
{
	long result = -ENOSYS;

#ifdef __x86_64__
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
#endif
	return result;
}

static long call_clone3(long flags)
{
	unsigned long args[11] = { (unsigned long)flags, [4] = SIGCHLD };
	long pid = syscall(SYS_clone3, args, sizeof(args));

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid;
}

static long call_clone(long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid;
}

static int is_wanted(const char *name, char **argv)
{
	int wanted = !argv[1];

	while (*++argv)
		wanted |= strcmp(name, *argv) == 0;
	return wanted;
}

static void tell(const char *name, long result, int cause)
{
	printf("%s %s\n", name, result >= 0 ? "0" : strerrorname_np(cause));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	long result;

	(void)argc;
	(void)iov;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const long *a = calls[i].args;

		if (!is_wanted(calls[i].name, argv))
			continue;
		result = syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
		tell(calls[i].name, result, errno);
	}
	if (is_wanted("i386", argv)) {
		result = call_i386();
		tell("i386", result, (int)-result);
	}
	if (is_wanted("clone3-fork", argv)) {
		result = call_clone3(0);
		tell("clone3-fork", result, errno);
	}
	if (is_wanted("clone3-user", argv)) {
		result = call_clone3(CLONE_NEWUSER);
		tell("clone3-user", result, errno);
	}
	if (is_wanted("clone-fork", argv)) {
		result = call_clone(0);
		tell("clone-fork", result, errno);
	}
	if (is_wanted("clone-user", argv)) {
		result = call_clone(CLONE_NEWUSER);
		tell("clone-user", result, errno);
	}
	return 0;
}
