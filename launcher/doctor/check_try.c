/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_try.c - see doctor.h: each way into a container is tried, with the code that containers use.
 *
 * Root may do more than users, so root tries as nobody. Where users may not create user namespaces,
 * the plugin still may: it has root's capabilities, see plugin/userns.c. Then root takes that way to
 * what comes behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/serve.h"
#include "images/uring.h"
#include "launcher/doctor/look.h"
#include "launcher/overlay.h"
#include "launcher/userns.h"

#define NOBODY 65534

/* The step before failed, which has its own line. */
#define NO_USER_NAMESPACE "not tried: there is no user namespace for it"

/* With `keeps_rights`, all capabilities stay, as in the plugin's child. */
static int become_nobody(bool keeps_rights, struct error *err)
{
	if (geteuid() != 0)
		return 0;
	if (keeps_rights)
		(void)prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return error_set(err, errno, "cannot become user %d", NOBODY);
	/* Its own files in /proc would stay root's. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return 0;
}

static int enter_as_user(bool keeps_rights, struct error *err)
{
	const struct userns_request request = { .fd = -1 };

	return become_nobody(keeps_rights, err) < 0 ? -1 : userns_enter(&request, err);
}

static bool is_number(const char *path, long long wanted)
{
	long long number;

	return look_number(path, &number) && number == wanted;
}

/* Do the node's settings refuse users what they do not refuse the plugin? */
static bool is_only_door(int reason)
{
	if (is_number("/proc/sys/user/max_user_namespaces", 0))
		return false;
	return is_number("/proc/sys/kernel/unprivileged_userns_clone", 0) ||
	       is_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1) ||
	       /* nobody but a security module gives this reason */
	       (reason == EACCES && is_number("/sys/fs/selinux/enforce", 1));
}

static void add_refusal(struct result *result, const struct error *err)
{
	if (!is_only_door(err->errnum)) {
		result_add_error(result, STATUS_FAIL, err);
		return;
	}
	result_add_error(result, STATUS_WARN, err);
	result_add(result, STATUS_WARN,
		   "the plugin may, so srun --container works; davit run and "
		   "--container-remap-root do not");
	result_remedy(result, "or nothing, where Davit is meant to be the only door, see "
			      "spank_davit(8)");
}

void check_user_namespace(struct result *result)
{
	struct error err = ERROR_INIT;

	if (enter_as_user(false, &err) < 0)
		add_refusal(result, &err);
	else
		result_add(result, STATUS_OK, "users can create one");
}

/* User and mount namespace, as containers have them. Returns 0; or -1, and the result says why. */
static int enter_both(struct result *result, bool is_asked)
{
	struct error err = ERROR_INIT;

	if (enter_as_user(is_only_door(0), &err) < 0) {
		result_add(result, STATUS_SKIP, NO_USER_NAMESPACE);
		return -1;
	}
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return 0;
	error_set(&err, errno, "cannot create a mount namespace");
	if (err.errnum == ENOSPC)
		error_remedy(&err, "sysctl -w user.max_mnt_namespaces=16384");
	else
		error_remedy(&err,
			     "look whether a security module refuses it: the kernel's log tells");
	if (is_asked)
		add_refusal(result, &err);
	else
		result_add(result, STATUS_SKIP, "not tried: there is no mount namespace for it");
	return -1;
}

void check_mount_namespace(struct result *result)
{
	if (enter_both(result, true) == 0)
		result_add(result, STATUS_OK, "possible within a user namespace");
}

void check_fuse_device(struct result *result)
{
	struct error err = ERROR_INIT;
	cleanup_close int channel = -1;
	struct stat st;

	if (stat("/dev/fuse", &st) == 0 && !S_ISCHR(st.st_mode)) {
		result_add(result, STATUS_FAIL, "/dev/fuse is not a device");
		result_remedy(result, "remove it, and modprobe fuse");
		return;
	}
	if (become_nobody(false, &err) == 0)
		channel = image_channel(&err);
	if (channel < 0) {
		result_add_error(result, STATUS_FAIL, &err);
		return;
	}
	result_add(result, STATUS_OK, "users can open /dev/fuse (mode %04o)", st.st_mode & 07777);
}

void check_fuse_mount(struct result *result)
{
	struct error err = ERROR_INIT;
	cleanup_close int channel = -1, root = -1;
	struct image image = IMAGE_INIT;
	char name[] = "davit doctor";

	image.path = name;
	if (enter_both(result, false) < 0)
		return;
	channel = image_channel(&err);
	if (channel < 0) {
		result_add(result, STATUS_SKIP, "not tried: /dev/fuse cannot be opened");
		return;
	}
	/* Nobody serves it, so nobody looks into it: it goes with this process. */
	root = image_mount(&image, channel, &err);
	if (root < 0) {
		error_remedy(&err,
			     "look whether a security module refuses it: the kernel's log tells");
		result_add_error(result, STATUS_FAIL, &err);
		return;
	}
	result_add(result, STATUS_OK, "images can be mounted");
}

/* Neither is better or worse: it works with both. */
void check_io_uring(struct result *result)
{
	struct error err = ERROR_INIT;
	const char *missing = NULL;
	struct uring *uring = NULL;
	int queues = uring_queues(&missing);

	if (queues > 0 && !(uring = uring_new(STDIN_FILENO, queues, 1, &err)))
		missing = err.cause;
	uring_free(uring);
	if (missing)
		result_add(result, STATUS_OK, "images are served through /dev/fuse: %s", missing);
	else
		result_add(result, STATUS_OK, "images are served by io_uring");
}

void check_overlay(struct result *result)
{
	struct error err = ERROR_INIT;
	cleanup_close int lower = -1, layer = -1, root = -1;

	if (enter_both(result, false) < 0)
		return;
	lower = overlay_open(-1, "1m", &err);
	if (lower >= 0)
		layer = overlay_open(-1, "1m", &err);
	if (layer >= 0)
		root = overlay_mount(lower, layer, NULL, &err);
	if (root < 0) {
		error_wrap(&err, "no writable containers, and none from directories");
		error_remedy(&err, "modprobe overlay, of Linux 5.11 or later");
		result_add_error(result, STATUS_WARN, &err);
		return;
	}
	result_add(result, STATUS_OK, "images can have a writable layer");
}
