/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table.c - see table.h.
 *
 * The profile is a list of what is refused, not of what is allowed: an HPC program may use any call
 * that a new C library, runtime or MPI finds good, and must not fail for it on an older Davit.
 * Without privilege (narrow.c) most of what is refused would fail anyway; it is refused once more
 * because that is where the kernel's mistakes were found.
 */
#include "launcher/security/table.h"

#include <stddef.h>

#define REFUSED true
#define ALLOWED false

/* clang-format off */
const struct call_group call_groups[] = {
	{ "boot", REFUSED, "kexec_load kexec_file_load reboot",
	  "replaces or stops the kernel of the node" },
	{ "modules", REFUSED, "init_module finit_module delete_module",
	  "changes the kernel of the node" },
	{ "clock", REFUSED,
	  "adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64 settimeofday stime",
	  "the clock is the node's; reading it is another call" },
	{ "ports", REFUSED, "iopl ioperm",
	  "reaches hardware past the kernel" },
	{ "swap", REFUSED, "swapon swapoff",
	  "the memory is the node's" },
	{ "accounting", REFUSED, "acct quotactl quotactl_fd",
	  "the books are the node's" },
	{ "handles", REFUSED, "open_by_handle_at",
	  "opens files past all directories, and so out of the container" },
	{ "mount", REFUSED,
	  "mount umount umount2 pivot_root move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr",
	  "a rank has no right to mount; parsers of file systems are large" },
	{ GROUP_NAMESPACES, REFUSED, "unshare clone setns",
	  "a new user namespace has all capabilities in it, by which most holes of kernels are reached; threads, fork and unshare without namespaces go on" },
	{ "perf", REFUSED, "perf_event_open",
	  "counts what others do on the same CPU; many holes in the past" },
	{ "bpf", REFUSED, "bpf",
	  "programs for the kernel; many holes in the past" },
	{ "userfaultfd", REFUSED, "userfaultfd",
	  "stops the kernel at a moment of one's choice, which makes races in it winnable" },
	{ "fanotify", REFUSED, "fanotify_init fanotify_mark",
	  "watches the files of others; inotify remains" },
	{ GROUP_COMPARE, REFUSED, "kcmp",
	  "tells in what order the kernel keeps things; KCMP_VM goes on, by which Open MPI 5 asks whether ranks may copy from each other" },
	{ "keyring", REFUSED, "add_key request_key keyctl",
	  "keys are the user's on the whole node, not the container's" },
	{ "syslog", REFUSED, "syslog",
	  "the kernel's messages have its addresses, and other users' names" },
	{ "old", REFUSED, "sysfs lookup_dcookie uselib vm86 vm86old ustat",
	  "nothing new uses them, and nobody looks after them" },
	{ "gone", REFUSED,
	  "_sysctl nfsservctl create_module get_kernel_syms query_module bdflush",
	  "no kernel of today has them; a libc that asks expects ENOSYS" },
	{ GROUP_FOREIGN, REFUSED, "",
	  "i386 and x32 on x86_64, arm on aarch64: twice as much kernel for programs that HPC does not have; ENOSYS, as of a kernel without them" },
	{ "ptrace", ALLOWED, "ptrace",
	  "debuggers, strace, sanitizers; reaches the user's own processes only, and no helper of Davit's" },
	{ "memory", ALLOWED, "process_vm_readv process_vm_writev process_madvise pidfd_getfd",
	  "MPI libraries copy from rank to rank with it (CMA, UCX, libfabric); same limits as ptrace" },
	{ "io_uring", ALLOWED, "io_uring_setup io_uring_enter io_uring_register",
	  "storage libraries (DAOS, liburing). The kernel does what it asks for without a system call, so no filter sees that: it can open sockets of refused families. Who needs those closed denies io_uring, too" },
	{ "aio", ALLOWED, "io_setup io_destroy io_submit io_getevents io_pgetevents io_cancel",
	  "MPI-IO, databases" },
	{ "memfd", ALLOWED, "memfd_create memfd_secret",
	  "shared memory of MPI and CUDA, compilers at run time" },
	{ "numa", ALLOWED,
	  "mbind set_mempolicy set_mempolicy_home_node get_mempolicy migrate_pages move_pages",
	  "MPI, OpenMP, hwloc and CUDA place memory with it" },
	{ "clone3", ALLOWED, "clone3",
	  "how libcs start threads; a filter cannot see its flags, so namespaces are refused by a limit of the container's user namespace instead" },
	{ "personality", ALLOWED, "personality",
	  "debuggers turn off the randomisation of addresses" },
	{ "modify_ldt", ALLOWED, "modify_ldt",
	  "Wine and other emulators; without 32-bit programs it opens little" },
	{ "landlock", ALLOWED, "landlock_create_ruleset landlock_add_rule landlock_restrict_self",
	  "programs give up rights with it" },
	{ NULL, ALLOWED, NULL, NULL },
};

const struct family families[] = {
	{ "AF_UNSPEC", 0, ALLOWED, "none; the kernel says so" },
	{ "AF_UNIX", 1, ALLOWED, "between processes of the node" },
	{ "AF_INET", 2, ALLOWED, "IPv4" },
	{ "AF_AX25", 3, REFUSED, "radio amateurs" },
	{ "AF_IPX", 4, REFUSED, "Novell's networks" },
	{ "AF_APPLETALK", 5, REFUSED, "Apple's old networks" },
	{ "AF_NETROM", 6, REFUSED, "radio amateurs" },
	{ "AF_BRIDGE", 7, REFUSED, "never was one for programs" },
	{ "AF_ATMPVC", 8, REFUSED, "ATM" },
	{ "AF_X25", 9, REFUSED, "X.25" },
	{ "AF_INET6", 10, ALLOWED, "IPv6" },
	{ "AF_ROSE", 11, REFUSED, "radio amateurs" },
	{ "AF_DECnet", 12, REFUSED, "DEC's networks" },
	{ "AF_NETBEUI", 13, REFUSED, "Microsoft's old networks" },
	{ "AF_SECURITY", 14, REFUSED, "never was one for programs" },
	{ "AF_KEY", 15, REFUSED, "keys of IPsec" },
	{ "AF_NETLINK", 16, ALLOWED, "names and addresses of interfaces, RDMA devices" },
	{ "AF_PACKET", 17, REFUSED, "raw packets; takes a right that no rank has" },
	{ "AF_RDS", 21, REFUSED, "Oracle's databases over InfiniBand; MPI uses verbs instead" },
	{ "AF_IB", 27, REFUSED, "only in addresses of librdmacm; there are no such sockets" },
	{ "AF_CAN", 29, REFUSED, "cars" },
	{ "AF_TIPC", 30, REFUSED, "clusters of another kind; holes in the past" },
	{ "AF_ALG", 38, REFUSED, "ciphers of the kernel, which libraries have themselves; holes in the past" },
	{ "AF_VSOCK", 40, REFUSED, "from a virtual machine to its host" },
	{ "AF_KCM", 41, REFUSED, "needs programs for the kernel" },
	{ "AF_QIPCRTR", 42, REFUSED, "telephones" },
	{ "AF_SMC", 43, REFUSED, "TCP over RDMA, if the site wants it; MPI does not use it" },
	{ "AF_XDP", 44, REFUSED, "packets past the kernel's network" },
	{ NULL, 0, REFUSED, NULL },
};
/* clang-format on */
