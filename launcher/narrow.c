/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * narrow.c - see narrow.h.
 *
 * What root keeps counts in the user namespace only, for files and processes whose ids are mapped
 * there: the user's own, which the user may change, signal and give to own groups anyway, and those
 * of subordinate ids. Package managers need it to unpack files into directories without the bit to
 * write, to chroot, and to store capabilities with files, which no_new_privs makes void here. All
 * that opens other parts of the kernel is gone: SYS_ADMIN (mounts, namespaces), NET_ADMIN, NET_RAW,
 * SYS_PTRACE, MKNOD, SYS_RESOURCE, BPF...
 *
 * The kernel lets a process trace another, or go through its files in /proc, only if that one has no
 * capability that it lacks. A helper that has the same user and namespace as the ranks, but files of
 * the node in hand, keeps one for that sake, which means nothing in a user namespace.
 *
 * The launcher itself hides: between dropping its capabilities and executing the command it is like the
 * ranks of its container, but its program, memory and open files are the node's still. And a rank may
 * have made a namespace that it enters, and so have all capabilities over it there, while its root
 * directory is the node's.
 *
 * The bounding set is what uid 0 gets at an exec; with no_new_privs never more than it had.
 */
#include "launcher/narrow.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/capability.h>
#include <sys/prctl.h>

static const cap_value_t of_root[] = {
	CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,  CAP_FSETID,  CAP_KILL,
	CAP_SETGID, CAP_SETUID,       CAP_SETPCAP, CAP_SETFCAP, CAP_SYS_CHROOT,
};
#define OF_ROOT_COUNT (sizeof(of_root) / sizeof(of_root[0]))

static const cap_value_t of_helper = CAP_WAKE_ALARM;

static bool is_kept(cap_value_t cap, const cap_value_t *kept, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (kept[i] == cap)
			return true;
	return false;
}

/* Drops all but those, which are in effect only if `usable`. */
static int drop_capabilities(const cap_value_t *kept, size_t count, bool usable)
{
	cap_t left = cap_init();
	int result = -1;

	if (!left)
		return -1;
	if (count > 0 && cap_set_flag(left, CAP_PERMITTED, (int)count, kept, CAP_SET) < 0)
		goto out;
	if (usable && cap_set_flag(left, CAP_EFFECTIVE, (int)count, kept, CAP_SET) < 0)
		goto out;
	/* The bounding set first: emptying it takes CAP_SETPCAP. */
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++)
		if (!(usable && is_kept(cap, kept, count)) && cap_drop_bound(cap) < 0)
			goto out;
	/* cap_reset_ambient() would ask for each of them. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		goto out;
	result = cap_set_proc(left);
out:
	cap_free(left);
	return result;
}

static int drop_to(enum narrow_to to)
{
	if (to == NARROW_USER)
		return drop_capabilities(NULL, 0, false);
	if (to == NARROW_HELPER)
		return drop_capabilities(&of_helper, 1, false);
	return drop_capabilities(of_root, OF_ROOT_COUNT, true);
}

int narrow(enum narrow_to to, struct error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot set no_new_privs");
	if (drop_to(to) < 0)
		return error_set(err, errno, "cannot drop the capabilities");
	return 0;
}

bool narrow_keeps(enum narrow_to to, const char *name)
{
	cap_value_t cap;

	return to == NARROW_ROOT && cap_from_name(name, &cap) == 0 &&
	       is_kept(cap, of_root, OF_ROOT_COUNT);
}

int narrow_hide(struct error *err)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot hide the launcher from the container");
	return 0;
}
