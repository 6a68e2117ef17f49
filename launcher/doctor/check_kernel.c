/* SPDX-License-Identifier: BSD-3-Clause */
/* check_kernel.c - see doctor.h: what the kernel's files say. */
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "launcher/doctor/facts.h"
#include "launcher/doctor/look.h"

#define NAMESPACES_FEW 64 /* of a user: each container takes one, and several mount namespaces */

void check_kernel(struct result *result)
{
	struct utsname name;

	if (uname(&name) < 0) {
		result_add(result, STATUS_SKIP, "%s", strerror(errno));
		return;
	}
	if (facts_version(name.release) < FACTS_VERSION(5, 14)) {
		result_add(result, STATUS_FAIL, "Linux %s is older than 5.14", name.release);
		result_remedy(result,
			      "a newer kernel, such as that of RHEL 9, Debian 12 or Ubuntu 22.04");
		return;
	}
	result_add(result, STATUS_OK, "Linux %s", name.release);
}

static void check_limit(struct result *result, const char *name, const char *path)
{
	long long number;

	if (!look_number(path, &number)) {
		result_add(result, STATUS_SKIP, "cannot read %s", path);
		return;
	}
	if (number >= NAMESPACES_FEW) {
		result_add(result, STATUS_OK, "%s is %lld", name, number);
		return;
	}
	result_add(result, number > 0 ? STATUS_WARN : STATUS_FAIL,
		   number > 0 ? "%s is %lld: few containers for each user" : "%s is %lld", name,
		   number);
	result_remedy(result, "sysctl -w %s=16384", name);
}

void check_limits(struct result *result)
{
	check_limit(result, "user.max_user_namespaces", "/proc/sys/user/max_user_namespaces");
	check_limit(result, "user.max_mnt_namespaces", "/proc/sys/user/max_mnt_namespaces");
}

void check_unprivileged(struct result *result)
{
	long long number;

	if (!look_number("/proc/sys/kernel/unprivileged_userns_clone", &number)) {
		result_add(result, STATUS_OK,
			   "this kernel has no kernel.unprivileged_userns_clone");
		return;
	}
	if (number != 0) {
		result_add(result, STATUS_OK, "kernel.unprivileged_userns_clone is %lld", number);
		return;
	}
	result_add(
		result, STATUS_WARN,
		"kernel.unprivileged_userns_clone is 0: the plugin alone makes user namespaces, so "
		"srun --container works, davit run and --container-remap-root do not");
	result_remedy(result,
		      "nothing, where Davit is meant to be the only door, see spank_davit(8); "
		      "else sysctl -w kernel.unprivileged_userns_clone=1");
}

void check_apparmor(struct result *result)
{
	char text[LOOK_MAX], label[LOOK_MAX];
	long long restriction = 0;

	if (!look_read("/sys/module/apparmor/parameters/enabled", text) || text[0] != 'Y') {
		result_add(result, STATUS_OK, "not active");
		return;
	}
	if (!look_read("/proc/self/attr/apparmor/current", label) &&
	    !look_read("/proc/self/attr/current", label))
		strcpy(label, "unknown");
	label[strcspn(label, "\n")] = '\0';
	(void)look_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", &restriction);
	/* A profile of whatever name: whether it suffices, the trials tell. */
	if (restriction == 0 ||
	    (strcmp(label, "unconfined") != 0 && strcmp(label, "unknown") != 0)) {
		result_add(result, STATUS_OK, "active; davit runs as '%s'", label);
		return;
	}
	result_add(
		result, STATUS_WARN,
		"kernel.apparmor_restrict_unprivileged_userns is 1 and davit has no profile ('%s'): "
		"the plugin alone makes user namespaces, so srun --container works, davit run and "
		"--container-remap-root do not",
		label);
	result_remedy(
		result,
		"nothing, where Davit is meant to be the only door, see spank_davit(8); else "
		"copy %s/apparmor/davit to /etc/apparmor.d and load it with apparmor_parser -r",
		DAVIT_PKGDATADIR);
}

void check_selinux(struct result *result)
{
	char label[LOOK_MAX];
	long long enforce;

	if (!look_number("/sys/fs/selinux/enforce", &enforce)) {
		result_add(result, STATUS_OK, "not active");
		return;
	}
	if (!look_read("/proc/self/attr/current", label))
		strcpy(label, "unknown");
	label[strcspn(label, "\n")] = '\0';
	result_add(result, STATUS_OK, "%s; davit runs as '%s'",
		   enforce ? "enforcing" : "permissive", label);
}

void check_seccomp(struct result *result)
{
	static const char *const needed[] = { "errno", "kill_process", "allow" };
	char text[LOOK_MAX];

	if (!look_read("/proc/sys/kernel/seccomp/actions_avail", text)) {
		result_add(result, STATUS_FAIL, "the kernel has no filters of system calls");
		result_remedy(result, "a kernel with CONFIG_SECCOMP_FILTER");
		return;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!facts_has_word(text, needed[i])) {
			result_add(result, STATUS_FAIL, "filters of system calls lack '%s'",
				   needed[i]);
			result_remedy(result, "a newer kernel");
		}
	text[strcspn(text, "\n")] = '\0';
	result_add(result, STATUS_OK, "%s", text);
}

void check_ptrace(struct result *result)
{
	long long scope;

	if (!look_number("/proc/sys/kernel/yama/ptrace_scope", &scope)) {
		result_add(result, STATUS_OK, "this kernel has no kernel.yama.ptrace_scope");
		return;
	}
	if (scope == 0) {
		result_add(result, STATUS_OK, "kernel.yama.ptrace_scope is 0");
		return;
	}
	result_add(result, STATUS_WARN,
		   "kernel.yama.ptrace_scope is %lld: ranks may not copy from each other's memory "
		   "(CMA) unless their MPI sees to it, so it may be slower within a node",
		   scope);
	result_remedy(result,
		      "sysctl -w kernel.yama.ptrace_scope=0, unless it is to keep users' own "
		      "processes apart");
}

void check_cgroup(struct result *result)
{
	struct statfs top, unified;

	if (statfs("/sys/fs/cgroup", &top) < 0) {
		result_add(result, STATUS_SKIP, "/sys/fs/cgroup: %s", strerror(errno));
		return;
	}
	if (top.f_type == CGROUP2_SUPER_MAGIC)
		result_add(result, STATUS_OK, "version 2");
	else if (top.f_type == TMPFS_MAGIC && statfs("/sys/fs/cgroup/unified", &unified) == 0 &&
		 unified.f_type == CGROUP2_SUPER_MAGIC)
		result_add(result, STATUS_OK,
			   "hybrid: version 1, and version 2 without controllers");
	else if (top.f_type == TMPFS_MAGIC && access("/sys/fs/cgroup/memory", F_OK) == 0)
		result_add(result, STATUS_OK, "version 1");
	else {
		result_add(result, STATUS_WARN, "no cgroups are mounted: Slurm can limit nothing");
		result_remedy(result, "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
	}
}
