/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tries.c - what a container takes, tried: see doctor.h.
 *
 * By the code that containers are built with, where it can be had in parts. Root is allowed what
 * users are not, so for root a process of nobody's tries. All of it ends with the check's process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "images/serve.h"
#include "launcher/doctor/doctor.h"
#include "launcher/userns.h"

static int enter_user_namespace(struct error *err)
{
	const struct userns_request request = { .fd = -1 };

	if (become_nobody() < 0)
		return error_set(err, errno, "cannot become nobody");
	/* Else the files in /proc are root's, and no map can be written. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return userns_enter(&request, err);
}

static int enter_mount_namespace(struct error *err)
{
	if (unshare(CLONE_NEWNS) < 0) {
		error_set(err, errno, "cannot create a mount namespace");
		return errno == ENOSPC ? error_remedy(err, "raise user.max_mnt_namespaces") : -1;
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_set(err, errno, "cannot make mounts slaves");
	return 0;
}

/* False where that has failed, which is another check's to tell. */
static bool is_inside(struct finding *finding)
{
	struct error err = ERROR_INIT;

	if (enter_user_namespace(&err) == 0 && enter_mount_namespace(&err) == 0)
		return true;
	finding_add(finding, DOCTOR_SKIP, NULL, "without namespaces this cannot be tried");
	return false;
}

void check_user_namespace(struct finding *finding)
{
	bool is_root = geteuid() == 0;
	struct error err = ERROR_INIT;

	if (enter_user_namespace(&err) < 0)
		finding_error(finding, DOCTOR_FAIL, &err);
	else
		finding_add(finding, DOCTOR_OK, NULL, "%s can make one",
			    is_root ? "nobody" : "this user");
}

void check_mount_namespace(struct finding *finding)
{
	struct error err = ERROR_INIT;

	if (enter_user_namespace(&err) < 0)
		finding_add(finding, DOCTOR_SKIP, NULL,
			    "without a user namespace this cannot be tried");
	else if (enter_mount_namespace(&err) < 0)
		finding_error(finding, DOCTOR_FAIL, &err);
	else
		finding_add(finding, DOCTOR_OK, NULL, "there is one in the user namespace");
}

void check_fuse(struct finding *finding)
{
	char name[] = "davit doctor";
	const struct image image = { .path = name };
	struct error err = ERROR_INIT;
	cleanup_close int outside = -1, channel = -1, mount = -1;

	if (become_nobody() < 0) {
		finding_add(finding, DOCTOR_FAIL, NULL, "cannot become nobody: %s",
			    strerror(errno));
		return;
	}
	/* Its mode can be told without a namespace. A mount takes one that was opened inside. */
	outside = image_channel(&err);
	if (outside < 0) {
		finding_error(finding, DOCTOR_FAIL, &err);
		return;
	}
	if (!is_inside(finding))
		return;
	channel = image_channel(&err);
	if (channel >= 0)
		mount = image_mount(&image, channel, &err);
	if (mount < 0)
		finding_error(finding, DOCTOR_FAIL, &err);
	else
		finding_add(finding, DOCTOR_OK, NULL, "/dev/fuse can be opened and mounted");
}

void check_overlay(struct finding *finding)
{
	/* Any directory will do: nobody sees these mounts. */
	const char *options = "lowerdir=lower,upperdir=upper,workdir=work,userxattr";
	const char *remedy =
		"modprobe overlay, for --container-writable and images that are directories";

	if (!is_inside(finding))
		return;
	if (mount("davit", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m") < 0 ||
	    chdir("/tmp") < 0 || mkdir("lower", 0755) < 0 || mkdir("upper", 0755) < 0 ||
	    mkdir("work", 0755) < 0)
		finding_add(finding, DOCTOR_FAIL, NULL, "cannot mount a tmpfs: %s",
			    strerror(errno));
	else if (mount("davit", "lower", "overlay", MS_NOSUID | MS_NODEV, options) < 0)
		finding_add(finding, DOCTOR_WARN, errno == ENODEV ? remedy : NULL,
			    "cannot mount an overlay: %s", strerror(errno));
	else
		finding_add(finding, DOCTOR_OK, NULL, "there are overlays with userxattr");
}
