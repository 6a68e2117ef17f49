/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attempts.c - what a process may do that only privilege allows.
 *
 * attempts			tries what the kernel asks a capability for; prints "NAME ERROR" for
 *				each, "NAME done" if it succeeds. Most would do no harm if it did
 * attempts on PID		the same for what can be done to another process
 * attempts whoami		prints user and group, real and effective, and the capabilities
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static void tell(const char *name, long result)
{
	printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "done");
}

/* ---- time, kernel ---- */

static void try_clocks(void)
{
	struct timespec now = { .tv_nsec = 0 };
	struct timeval day;
	struct timex timex = { .modes = ADJ_TICK, .tick = 10000 }; /* what it is anyway */

	clock_gettime(CLOCK_REALTIME, &now);
	tell("clock_settime", clock_settime(CLOCK_REALTIME, &now));
	gettimeofday(&day, NULL);
	tell("settimeofday", settimeofday(&day, NULL));
	tell("adjtimex", adjtimex(&timex));
}

/* With arguments that the kernel refuses, but only after it has asked for the capability. */
static void try_kernel(void)
{
	tell("reboot", syscall(SYS_reboot, 1, 2, 3, NULL));
	tell("init_module", syscall(SYS_init_module, NULL, 0, ""));
	tell("finit_module", syscall(SYS_finit_module, -1, "", 0));
	tell("delete_module", syscall(SYS_delete_module, "davit_no_such_module", O_NONBLOCK));
	tell("kexec_load", syscall(SYS_kexec_load, 0, 17, NULL, 0));
	tell("swapon", swapon("/no/such/file", 0));
	tell("swapoff", swapoff("/no/such/file"));
	tell("acct", acct("/no/such/file"));
	tell("syslog", klogctl(8, NULL, 0)); /* the level of the console; 0 is refused */
	tell("sethostname", sethostname("node", 4));
	tell("vhangup", vhangup());
	tell("fanotify", fanotify_init(FAN_CLASS_CONTENT, O_RDONLY));
	tell("scheduler",
	     sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 }));
}

static void try_write(const char *name, const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	tell(name, fd);
	if (fd >= 0)
		close(fd);
}

/* ---- mounts, files ---- */

static void try_mounts(void)
{
	tell("mount-tmpfs", mount("none", "/tmp", "tmpfs", 0, NULL));
	tell("mount-proc", mount("none", "/proc", "proc", 0, NULL));
	tell("bind", mount("/bin", "/tmp", NULL, MS_BIND, NULL));
	tell("remount", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
	tell("propagation", mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL));
	tell("umount", umount2("/tmp", MNT_DETACH));
	tell("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
	tell("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* a clone */));
	tell("pivot_root", syscall(SYS_pivot_root, ".", "."));
}

static void try_chroot(void)
{
	tell("chroot", chroot("/tmp"));
}

static void try_devices(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/attempt.%d", getpid());
	tell("mknod-char", mknod(path, S_IFCHR | 0666, makedev(1, 3)));
	printf("node %s\n", access(path, F_OK) == 0 ? "there" : "not there");
	(void)unlink(path);
	tell("mknod-block", mknod(path, S_IFBLK | 0666, makedev(7, 0)));
	(void)unlink(path);
}

static void try_handle(void)
{
	union {
		struct file_handle head;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = { .head = { .handle_bytes = MAX_HANDLE_SZ } };
	int id, dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || name_to_handle_at(dir, "", &handle.head, &id, AT_EMPTY_PATH) < 0)
		printf("no handle ");
	tell("open_by_handle_at", open_by_handle_at(dir, &handle.head, O_RDONLY));
	close(dir);
}

/* ---- namespaces, network, identity ---- */

static void try_namespaces(void)
{
	static const struct {
		const char *name;
		int flag;
	} kinds[] = { { "unshare-mount", CLONE_NEWNS }, { "unshare-net", CLONE_NEWNET },
		      { "unshare-pid", CLONE_NEWPID },  { "unshare-ipc", CLONE_NEWIPC },
		      { "unshare-uts", CLONE_NEWUTS },  { "unshare-cgroup", CLONE_NEWCGROUP },
		      { "unshare-time", 0x00000080 } };
	int mount;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		tell(kinds[i].name, unshare(kinds[i].flag));
	mount = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	tell("setns-own", setns(mount, CLONE_NEWNS));
	tell("setns-of-1", open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC));
	close(mount);
}

static void try_sockets(void)
{
	struct sockaddr_in low = { .sin_family = AF_INET, .sin_port = htons(1) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tell("socket-raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	tell("socket-packet", socket(AF_PACKET, SOCK_RAW, htons(3)));
	tell("setsockopt-mark", setsockopt(fd, SOL_SOCKET, SO_MARK, &one, sizeof(one)));
	tell("bind-port-1", bind(fd, (struct sockaddr *)&low, sizeof(low)));
	close(fd);
}

static void try_identity(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .permitted = 1u << 21 }, { .permitted = 0 } };
	struct rlimit limit;
	gid_t none = 0;

	tell("setuid-0", setuid(0));
	tell("setgroups", setgroups(1, &none));
	tell("capset", syscall(SYS_capset, &head, data));
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_max++;
	tell("setrlimit", setrlimit(RLIMIT_NOFILE, &limit));
	tell("nice", setpriority(PRIO_PROCESS, 0, -5));
}

/* ---- another process ---- */

static void try_open(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	tell(name, open(path, O_RDONLY | O_CLOEXEC));
}

static void try_process(pid_t pid)
{
	static const char *const files[] = { "environ", "exe",    "mem",     "root", "cwd",
					     "maps",    "ns/mnt", "ns/user", "fd/0", "fdinfo/0" };
	char byte;
	struct iovec to = { &byte, 1 }, from = { (void *)(uintptr_t)files, 1 };
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		try_open(pid, files[i]);
	tell("process_vm_readv", process_vm_readv(pid, &to, 1, &from, 1, 0));
	tell("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, 0, 0));
	tell("ptrace", ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	tell("kill", kill(pid, 0));
}

/* ---- who am I ---- */

static void show_whoami(void)
{
	char line[128];
	FILE *status = fopen("/proc/self/status", "re");

	printf("%u %u %u %u", getuid(), geteuid(), getgid(), getegid());
	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, "CapPrm:", 7) == 0 || strncmp(line, "CapEff:", 7) == 0)
			printf(" %.16s", line + 8);
	puts("");
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "whoami") == 0) {
		show_whoami();
	} else if (argc > 2 && strcmp(argv[1], "on") == 0) {
		try_process(atoi(argv[2]));
	} else if (argc == 1) {
		try_clocks();
		try_kernel();
		try_write("sysrq", "/proc/sysrq-trigger");
		try_write("core_pattern", "/proc/sys/kernel/core_pattern");
		try_write("hostname", "/proc/sys/kernel/hostname");
		try_write("mem", "/dev/mem");
		try_mounts();
		try_devices();
		try_handle();
		try_namespaces();
		try_sockets();
		try_identity();
		try_chroot();
	} else {
		errx(2, "usage: attempts [on PID | whoami]");
	}
	return 0;
}
