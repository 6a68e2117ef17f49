/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compile.c - see compile.h.
 *
 * The kernel finds out at loading which calls a filter always allows, and asks it no more about
 * those. For that it runs the filter once for each call there is, so a tree is better than a list:
 * each rank pays for it.
 *
 * The kernel looks at 32 bits of a socket's family, of an ioctl's request and of unshare's flags, so
 * we do, too: who sets a bit above must not get past.
 *
 * The terminal of `davit run` is that of the user's shell: what a container put into its input queue,
 * the shell would execute when the container has ended.
 */
#include "launcher/security/compile.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <linux/tiocl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/fakeroot.h"
#include "launcher/security/profile_file.h"
#include "launcher/security/table.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define BINARY_TREE 2 /* of SCMP_FLTATR_CTL_OPTIMIZE */

/* Programs of the node's other word size, and x32, one more way to call the kernel. */
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

static int terminal_rules(scmp_filter_ctx filter)
{
	static const unsigned int requests[] = { TIOCSTI, TIOCLINUX };
	int result = 0;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]) && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
					  SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, requests[i]));
	return result;
}

/* In clone's flags CLONE_NEWTIME's bit is one of the signal's. */
static int namespace_rules(scmp_filter_ctx filter, const struct refusal *refusal)
{
	static const unsigned int flags[] = { CLONE_NEWNS,  CLONE_NEWCGROUP, CLONE_NEWUTS,
					      CLONE_NEWIPC, CLONE_NEWUSER,   CLONE_NEWPID,
					      CLONE_NEWNET, CLONE_NEWTIME };
	bool is_clone = refusal->call == SCMP_SYS(clone);
	size_t count = sizeof(flags) / sizeof(flags[0]) - is_clone;
#ifdef __s390x__
	unsigned int arg = is_clone; /* the stack comes first */
#else
	unsigned int arg = 0;
#endif
	int result = 0;

	for (size_t i = 0; i < count && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)refusal->errnum),
					  refusal->call, 1,
					  SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	return result;
}

/* Refuses the families from `first` on, `size` of them, a power of two: by one rule if all are
 * refused, else each half for itself. */
static int family_rules(scmp_filter_ctx filter, int call, uint64_t refused, unsigned int first,
			unsigned int size)
{
	uint64_t all = (size < 64 ? (UINT64_C(1) << size) - 1 : UINT64_MAX) << first;
	int result;

	if ((refused & all) == 0)
		return 0;
	if ((refused & all) == all)
		return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 1,
					SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX & ~(size - 1),
						first));
	size /= 2;
	result = family_rules(filter, call, refused, first, size);
	return result ? result : family_rules(filter, call, refused, first + size, size);
}

static int socket_rules(scmp_filter_ctx filter, const struct profile *profile)
{
	static const int calls[] = { SCMP_SYS(socket), SCMP_SYS(socketpair) };
	int result = 0;

	for (size_t i = 0; i < 2 && result == 0; i++)
		if (!profile_find(profile, calls[i]))
			result = family_rules(filter, calls[i], profile->families, 0, FAMILIES);
	return result;
}

static bool is_refused(int call, const void *profile)
{
	return profile_find(profile, call);
}

/* A call that is newer than libseccomp has a number on this architecture only, so its rule has to come
 * before there are others. */
static bool is_newer(int call)
{
	cleanup_free char *name =
		call < 0 ? NULL
			 : seccomp_syscall_resolve_num_arch(seccomp_arch_native(), (int)call);

	return call >= 0 && !name;
}

static int refusal_rule(scmp_filter_ctx filter, const struct refusal *refusal)
{
	uint32_t action = SCMP_ACT_ERRNO((uint32_t)refusal->errnum);

	switch (refusal->part) {
	case PART_NAMESPACES:
		return namespace_rules(filter, refusal);
	case PART_NOT_VM:
		return seccomp_rule_add(filter, action, refusal->call, 1,
					SCMP_A2(SCMP_CMP_NE, KCMP_VM));
	default:
		return seccomp_rule_add(filter, action, refusal->call, 0);
	}
}

static int refusal_rules(scmp_filter_ctx filter, const struct profile *profile, bool newer)
{
	int result = 0;

	for (size_t i = 0; i < profile->count && result == 0; i++) {
		const struct refusal *refusal = &profile->refused[i];

		if (is_newer(refusal->call) != newer)
			continue;
		result = refusal_rule(filter, refusal);
	}
	return result;
}

static int fill_own(scmp_filter_ctx filter, const struct profile *profile, bool fake_root)
{
	uint32_t others = profile->foreign ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_ALLOW;
	int result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, others);

	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);
	if (result == 0)
		result = refusal_rules(filter, profile, true);
	if (result == 0 && !profile->foreign)
		result = add_sub_architectures(filter);
	if (result == 0)
		result = refusal_rules(filter, profile, false);
	if (result == 0)
		result = socket_rules(filter, profile);
	if (result == 0 && fake_root)
		result = fakeroot_rules(filter, is_refused, profile);
	if (result == 0 && !profile_find(profile, SCMP_SYS(ioctl)))
		result = terminal_rules(filter);
	return result;
}

static int file_rules(scmp_filter_ctx filter, const struct profile_file *file, bool newer)
{
	int result = 0;

	for (size_t i = 0; i < file->count && result == 0; i++) {
		const struct profile_rule *rule = &file->rules[i];

		if (is_newer(rule->call) != newer)
			continue;
		result = seccomp_rule_add_array(filter, rule->action, rule->call, rule->arg_count,
						rule->args);
		if (result == -EEXIST) /* another has said so */
			result = 0;
	}
	return result;
}

static int fill_user(scmp_filter_ctx filter, const struct profile_file *file)
{
	int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE);

	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	if (result == 0)
		result = file_rules(filter, file, true);
	for (size_t i = 0; i < file->arch_count && result == 0; i++)
		result = seccomp_arch_add(filter, file->arches[i]);
	return result ? result : file_rules(filter, file, false);
}

/* libseccomp 2.5 writes to descriptors only. */
static struct sock_filter *export(scmp_filter_ctx filter, uint32_t *count, struct error *err)
{
	cleanup_close int fd = memfd_create("davit-filter", MFD_CLOEXEC);
	struct sock_filter *program = NULL;
	int result = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
	size_t len = 0;

	if (result == 0 && lseek(fd, 0, SEEK_SET) == 0)
		program = (void *)fd_read_all(fd, BPF_MAXINSNS * sizeof(*program), &len);
	if (!program && result == 0 && errno == EFBIG)
		error_set(
			err, 0,
			"the profile makes a filter of more than %d instructions, too large for the kernel",
			BPF_MAXINSNS);
	else if (!program)
		error_set(err, result < 0 ? -result : errno,
			  "cannot make the filter of system calls");
	*count = (uint32_t)(len / sizeof(*program));
	return program;
}

static int compile_own(const struct profile *profile, bool fake_root, struct filter_head *head,
		       struct sock_filter **program, struct error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int result = filter ? fill_own(filter, profile, fake_root) : -ENOMEM;

	if (result == 0)
		*program = export(filter, &head->counts[FILTER_OWN], err);
	seccomp_release(filter);
	if (result < 0)
		return error_set(err, -result, "cannot make the filter of system calls");
	head->only_terminal = !fake_root && !profile->is_confined && profile->count == 0 &&
			      profile->families == 0;
	return *program ? 0 : -1;
}

static int compile_user(const struct profile_file *file, struct filter_head *head,
			struct sock_filter **program, struct error *err)
{
	scmp_filter_ctx filter = seccomp_init(file->action);
	int result = filter ? fill_user(filter, file) : -EINVAL;

	if (result == 0)
		*program = export(filter, &head->counts[FILTER_USER], err);
	seccomp_release(filter);
	if (result < 0)
		return error_set(err, -result, "cannot make a filter of the seccomp profile");
	head->flags[FILTER_USER] = file->flags;
	return *program ? 0 : -1;
}

int profile_compile(const struct profile *profile, bool fake_root, struct filter *filter,
		    struct error *err)
{
	struct sock_filter *programs[FILTER_PROGRAMS] = { NULL };
	struct filter_head head = { .magic = 0 };
	int result = compile_own(profile, fake_root, &head, &programs[FILTER_OWN], err);

	*filter = (struct filter){ .data = NULL };
	if (result == 0 && profile->file)
		result = compile_user(profile->file, &head, &programs[FILTER_USER], err);
	if (result == 0)
		result = filter_pack(filter, &head, programs, err);
	for (size_t i = 0; i < FILTER_PROGRAMS; i++)
		free(programs[i]);
	return result;
}
