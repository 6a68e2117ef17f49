/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel.c - the kernel and its settings: see doctor.h. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/doctor/doctor.h"

#define KERNEL_MIN 514 /* ARCHITECTURE.md: the calls that are used */

void check_kernel(struct finding *finding)
{
	struct utsname name;
	int version = uname(&name) == 0 ? version_parse(name.release) : -1;

	if (version < 0)
		finding_add(finding, DOCTOR_WARN, NULL, "cannot tell the version of the kernel");
	else if (version < KERNEL_MIN)
		finding_add(finding, DOCTOR_FAIL, "Linux 5.14 or newer", "Linux %s is too old",
			    name.release);
	else
		finding_add(finding, DOCTOR_OK, NULL, "Linux %s", name.release);
}

/* The kind of the file system on "/", of several the last, or "" without one. */
static void read_root(char kind[64])
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	cleanup_free char *line = NULL;
	size_t size = 0;

	snprintf(kind, 64, "%s", mounts ? "" : "?");
	while (mounts && getline(&line, &size, mounts) >= 0) {
		const char *dash = strstr(line, " - ");
		char point[3] = "";

		if (dash && sscanf(line, "%*s %*s %*s %*s %2s", point) == 1 &&
		    strcmp(point, "/") == 0)
			(void)sscanf(dash, " - %63s", kind);
	}
	if (mounts)
		fclose(mounts);
}

void check_root_directory(struct finding *finding)
{
	char kind[64];

	read_root(kind);
	if (!kind[0])
		finding_add(
			finding, DOCTOR_FAIL, "run this, and slurmd, outside of a chroot",
			"the root directory is that of a chroot, where the kernel refuses user namespaces");
	else if (strcmp(kind, "rootfs") == 0)
		finding_add(finding, DOCTOR_FAIL,
			    "boot with switch_root to a tmpfs (see pivot_root(2))",
			    "the root directory is the initramfs, which cannot be left");
	else
		finding_add(finding, DOCTOR_OK, NULL, "the root directory is on %s", kind);
}

/* A limit that may be 0, which forbids all. */
static void check_maximum(struct finding *finding, const char *name)
{
	char path[64], remedy[128];
	long value;

	snprintf(path, sizeof(path), "/proc/sys/user/%s", name);
	snprintf(remedy, sizeof(remedy), "sysctl -w user.%s=31000, and below /etc/sysctl.d", name);
	value = fact_number(path);
	if (value == 0)
		finding_add(finding, DOCTOR_FAIL, remedy, "user.%s is 0", name);
	else if (value < 0)
		finding_add(finding, DOCTOR_WARN, NULL, "cannot read user.%s", name);
}

void check_namespace_settings(struct finding *finding)
{
	check_maximum(finding, "max_user_namespaces");
	check_maximum(finding, "max_mnt_namespaces");
	if (fact_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		finding_add(finding, DOCTOR_FAIL, "sysctl -w kernel.unprivileged_userns_clone=1",
			    "kernel.unprivileged_userns_clone is 0");
	finding_add(finding, DOCTOR_OK, NULL, "at most %ld for each user",
		    fact_number("/proc/sys/user/max_user_namespaces"));
}

void check_seccomp(struct finding *finding)
{
	char actions[256];

	if (!fact_read("/proc/sys/kernel/seccomp/actions_avail", actions, sizeof(actions)))
		finding_add(finding, DOCTOR_FAIL, "a kernel with CONFIG_SECCOMP_FILTER",
			    "the kernel has no filters of system calls");
	else if (!strstr(actions, "errno"))
		finding_add(finding, DOCTOR_FAIL, NULL, "filters of system calls cannot answer: %s",
			    actions);
	else
		finding_add(finding, DOCTOR_OK, NULL, "%s", actions);
}

void check_ptrace(struct finding *finding)
{
	long scope = fact_number("/proc/sys/kernel/yama/ptrace_scope");

	if (scope > 0)
		finding_add(
			finding, DOCTOR_WARN, "sysctl -w kernel.yama.ptrace_scope=0",
			"kernel.yama.ptrace_scope is %ld: MPI cannot copy between ranks with CMA",
			scope);
	else
		finding_add(finding, DOCTOR_OK, NULL,
			    "ranks of a user may read each other's memory");
}

void check_apparmor(struct finding *finding)
{
	char text[256] = "";

	if (!fact_read("/sys/module/apparmor/parameters/enabled", text, sizeof(text)) ||
	    text[0] != 'Y') {
		finding_add(finding, DOCTOR_OK, NULL, "not in use");
		return;
	}
	if (!fact_read("/proc/self/attr/apparmor/current", text, sizeof(text)) &&
	    !fact_read("/proc/self/attr/current", text, sizeof(text)))
		snprintf(text, sizeof(text), "unknown");
	if (fact_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1 &&
	    strncmp(text, "davit", strlen("davit")) != 0)
		finding_add(finding, DOCTOR_FAIL,
			    "load Davit's profile, " DAVIT_PKGDATADIR
			    "/apparmor/davit: see spank_davit(8), SECURITY MODULES",
			    "user namespaces need a profile, and davit runs as '%s'", text);
	else
		finding_add(finding, DOCTOR_OK, NULL, "davit runs as '%s'", text);
}

void check_selinux(struct finding *finding)
{
	char process[256], file[256] = "unknown";
	long enforcing = fact_number("/sys/fs/selinux/enforce");
	ssize_t len;

	if (enforcing < 0) {
		finding_add(finding, DOCTOR_OK, NULL, "not in use");
		return;
	}
	if (!fact_read("/proc/self/attr/current", process, sizeof(process)))
		snprintf(process, sizeof(process), "unknown");
	len = getxattr("/proc/self/exe", "security.selinux", file, sizeof(file) - 1);
	if (len >= 0)
		file[len] = '\0';
	finding_add(finding, DOCTOR_OK, NULL, "%s; the process is '%s', the file '%s'",
		    enforcing ? "enforcing" : "permissive", process, file);
}

void check_cgroups(struct finding *finding)
{
	struct statfs fs;

	if (statfs("/sys/fs/cgroup", &fs) < 0)
		finding_add(finding, DOCTOR_WARN, "mount cgroups at /sys/fs/cgroup",
			    "there are no cgroups: %s", strerror(errno));
	else if (fs.f_type == CGROUP2_SUPER_MAGIC)
		finding_add(finding, DOCTOR_OK, NULL, "version 2");
	else if (statfs("/sys/fs/cgroup/unified", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
		finding_add(finding, DOCTOR_OK, NULL, "version 1 with 2 beside it (hybrid)");
	else if (access("/sys/fs/cgroup/devices", F_OK) == 0)
		finding_add(finding, DOCTOR_OK, NULL, "version 1");
	else
		finding_add(finding, DOCTOR_WARN, "mount cgroups at /sys/fs/cgroup",
			    "/sys/fs/cgroup holds no cgroups that limit devices");
}
