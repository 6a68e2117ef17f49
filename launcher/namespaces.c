/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * namespaces.c - see namespaces.h.
 *
 * A fresh procfs or sysfs shows the namespaces of whoever creates it, and the kernel allows it in a
 * user namespace only where one is in sight that nothing is mounted upon: otherwise it would show
 * what somebody hid. For sysfs the node's does as well. A node's procfs however would show processes
 * under numbers that mean nothing inside, so that is an error.
 */
#include "launcher/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "launcher/fdpass.h"
#include "launcher/helper.h"
#include "launcher/narrow.h"
#include "launcher/proctitle.h"

/* clang-format off */
static const struct {
	const char *file;     /* in /proc/self/ns */
	const char *name;     /* for the user */
	int clone;            /* CLONE_NEW... */
	unsigned int what;    /* UNSHARE_..., 0 for those that every container has */
} kinds[NAMESPACE_COUNT] = {
	[NAMESPACE_USER]  = { "user",             "user",    CLONE_NEWUSER, 0 },
	[NAMESPACE_NET]   = { "net",              "network", CLONE_NEWNET,  UNSHARE_NET },
	[NAMESPACE_IPC]   = { "ipc",              "IPC",     CLONE_NEWIPC,  UNSHARE_IPC },
	[NAMESPACE_UTS]   = { "uts",              "UTS",     CLONE_NEWUTS,  UNSHARE_UTS },
	[NAMESPACE_PID]   = { "pid_for_children", "PID",     CLONE_NEWPID,  UNSHARE_PID },
	[NAMESPACE_MOUNT] = { "mnt",              "mount",   CLONE_NEWNS,   0 },
};
/* clang-format on */

/* A detached mount of a kernel's file system; -1 with errno set. */
static int mount_fresh(const char *type)
{
	cleanup_close int fs = fsopen(type, FSOPEN_CLOEXEC);

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(fs, FSMOUNT_CLOEXEC,
		       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/* ---- init of a PID namespace --------------------------------------------- */

/* Returns the procfs that init sends, or -1 with errno set. */
static int receive_proc(int talk)
{
	int fds[FDPASS_MAX], error;
	ssize_t len = fdpass_receive(talk, &error, sizeof(error), fds, 0);

	if (len == (ssize_t)sizeof(error) && error == 0)
		return fds[0];
	/* Without a word: it was killed. */
	errno = len == (ssize_t)sizeof(error) ? error : ESRCH;
	return -1;
}

/* Whoever is left without a parent becomes a child of init, and the kernel buries the children of a
 * process that ignores SIGCHLD. So waiting for the end is all that is left to do. */
static _Noreturn void init_main(int talk, int lifeline)
{
	struct error ignored = ERROR_INIT;
	cleanup_close int proc = mount_fresh("proc");
	int error = proc < 0 ? errno : 0;
	char byte;

	setsid();
	helper_ignore_signals();
	(void)signal(SIGCHLD, SIG_IGN);
	proctitle_set("davit-init", "davit: init");
	(void)helper_null_stdio(STDERR_FILENO);
	helper_close_others((const int[]){ talk, lifeline, proc }, 3);
	(void)narrow(NARROW_HELPER, &ignored);
	if (fdpass_send(talk, &error, sizeof(error), &proc, proc >= 0) < 0 || proc < 0)
		_exit(1);
	close(talk);
	close(steal_fd(&proc));
	while (read(lifeline, &byte, 1) != 0)
		;
	_exit(0);
}

static int explain_proc(int cause, struct error *err)
{
	error_set(err, cause, "cannot mount a procfs for the PID namespace");
	if (cause == EPERM)
		error_remedy(
			err,
			"leave 'pid' out of --container-unshare: something is mounted on parts of the node's /proc (findmnt -R /proc)");
	return -1;
}

static int start_init(struct namespaces *namespaces, struct error *err)
{
	cleanup_close int talk_here = -1, talk_init = -1, read_end = -1, write_end = -1;
	int talk[2], lifeline[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) < 0)
		return error_set(err, errno, "cannot start the container's init");
	talk_here = talk[0];
	talk_init = talk[1];
	if (pipe2(lifeline, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot start the container's init");
	read_end = lifeline[0];
	write_end = lifeline[1];
	pid = fork();
	if (pid < 0)
		return error_set(err, EAGAIN, "cannot start the container's init");
	if (pid == 0) {
		close(steal_fd(&write_end));
		close(steal_fd(&talk_here));
		init_main(talk_init, read_end);
	}
	close(steal_fd(&talk_init));
	namespaces->proc = receive_proc(talk_here);
	if (namespaces->proc < 0)
		return explain_proc(errno, err);
	namespaces->lifeline = steal_fd(&write_end);
	return 0;
}

/* ---- creating ------------------------------------------------------------ */

static int explain_unshare(int cause, const char *name, const char *file, struct error *err)
{
	error_set(err, cause, "cannot create the container's %s namespace", name);
	if (cause == ENOSPC)
		return error_remedy(
			err,
			"ask your admin to raise user.max_%s_namespaces, or end other containers of yours",
			file);
	if (cause == EINVAL)
		return error_remedy(err, "ask your admin for a kernel with %s namespaces", name);
	return -1;
}

/* Loopback, and all ports are the user's: whoever publishes port 80 wants to listen there. */
static int set_up_network(struct error *err)
{
	cleanup_close int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo" };

	if (socket_fd < 0 || ioctl(socket_fd, SIOCGIFFLAGS, &request) < 0)
		return error_set(err, errno, "cannot look at the container's loopback interface");
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
	if (ioctl(socket_fd, SIOCSIFFLAGS, &request) < 0)
		return error_set(err, errno, "cannot bring up the container's loopback interface");
	(void)fd_write_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
	return 0;
}

static bool is_wanted(unsigned int what, int kind)
{
	return kinds[kind].what == 0 || (what & kinds[kind].what);
}

/* As long as /proc is the node's: there is no /proc/self for this process in that of a PID namespace
 * which it is not in. */
static int open_all(struct namespaces *namespaces, struct error *err)
{
	for (int i = 0; i < NAMESPACE_COUNT; i++) {
		char path[64];

		if (!is_wanted(namespaces->what, i))
			continue;
		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i].file);
		namespaces->fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (namespaces->fds[i] < 0)
			return error_set(err, errno, "cannot open the container's '%s'", path);
	}
	return 0;
}

int namespaces_create_mount(struct error *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return explain_unshare(errno, kinds[NAMESPACE_MOUNT].name,
				       kinds[NAMESPACE_MOUNT].file, err);
	/* What the node mounts and unmounts from now on happens here too, never the reverse. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_set(err, errno, "cannot make the mounts private");
	return 0;
}

int namespaces_create(unsigned int what, struct namespaces *namespaces, struct error *err)
{
	*namespaces = (struct namespaces)NAMESPACES_INIT;
	namespaces->what = what;
	for (int i = NAMESPACE_USER + 1; i < NAMESPACE_MOUNT; i++)
		if (is_wanted(what, i) && unshare(kinds[i].clone) < 0)
			return explain_unshare(errno, kinds[i].name,
					       i == NAMESPACE_PID ? "pid" : kinds[i].file, err);
	if ((what & UNSHARE_NET) && set_up_network(err) < 0)
		return -1;
	if ((what & UNSHARE_PID) && start_init(namespaces, err) < 0)
		return -1;
	return open_all(namespaces, err);
}

/* ---- file systems -------------------------------------------------------- */

static int mount_sys(struct root *root, struct error *err)
{
	cleanup_close int sys = mount_fresh("sysfs");

	if (sys < 0)
		return root_bind(root, "/sys", "/sys", false, err);
	if (root_attach(root, sys, "/sys", err) < 0)
		return -1;
	/* A fresh one has only the mount point, and programs look there for their limits. */
	return root_bind(root, "/sys/fs/cgroup", "/sys/fs/cgroup", true, err);
}

int namespaces_mount_kernel(const struct namespaces *namespaces, struct root *root,
			    struct error *err)
{
	int result = namespaces->proc >= 0 ? root_attach(root, namespaces->proc, "/proc", err)
					   : root_bind(root, "/proc", "/proc", false, err);

	if (result < 0)
		return -1;
	return (namespaces->what & UNSHARE_NET) ? mount_sys(root, err)
						: root_bind(root, "/sys", "/sys", false, err);
}

static int mount_queues(struct root *root, struct error *err)
{
	cleanup_close int queues = mount_fresh("mqueue");

	if (queues < 0)
		return error_set(err, errno, "cannot mount the container's message queues");
	return root_attach(root, queues, "/dev/mqueue", err);
}

/* The node's (or those that Slurm made for the job) by default, since ranks of other steps and tools
 * outside share them. */
int namespaces_mount_ipc(const struct namespaces *namespaces, struct root *root, struct error *err)
{
	cleanup_close int memory = -1;

	if (!(namespaces->what & UNSHARE_IPC)) {
		if (root_bind(root, "/dev/shm", "/dev/shm", true, err) < 0)
			return -1;
		return root_bind(root, "/dev/mqueue", "/dev/mqueue", true, err);
	}
	memory = root_tmpfs("50%", "1777", err);
	if (memory < 0 || root_attach(root, memory, "/dev/shm", err) < 0)
		return -1;
	return mount_queues(root, err);
}

/* ---- entering ------------------------------------------------------------- */

int namespaces_enter(const struct namespaces *namespaces, struct error *err)
{
	if (narrow_hide(err) < 0)
		return -1;
	for (int i = 0; i < NAMESPACE_COUNT; i++)
		if (namespaces->fds[i] >= 0 && setns(namespaces->fds[i], kinds[i].clone) < 0)
			return error_set(err, errno, "cannot enter the container's %s namespace",
					 kinds[i].name);
	return 0;
}
