/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mount.c - the kernel's side of an image: see image_mount() in serve.h.
 *
 * In the end the superblock is read-only, not only the mount: only then does the kernel leave access
 * times alone, which would otherwise cost a request for each file that is read.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "images/content.h"
#include "images/serve.h"

int image_channel(struct error *err)
{
	int channel = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (channel >= 0)
		return channel;
	error_set(err, errno, "cannot open /dev/fuse");
	if (errno == EACCES || errno == EPERM)
		return error_remedy(
			err,
			"ask your admin for mode 0666 on /dev/fuse, also in the job's device cgroup (davit doctor tells more)");
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return error_remedy(
			err,
			"ask your admin to load the kernel module fuse (modprobe fuse; davit doctor tells more)");
	return -1;
}

static int set_option(int fs, const char *key, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return fsconfig(fs, FSCONFIG_SET_STRING, key, text, 0);
}

/* What /proc/mounts and df(1) show. The kernel takes at most 255 bytes. */
static const char *source_name(const struct image *image)
{
	return strlen(image->path) < 256 ? image->path : "davit";
}

int image_mount(const struct image *image, int channel, struct error *err)
{
	cleanup_close int fs = fsopen("fuse", FSOPEN_CLOEXEC);
	int mount = -1;

	if (fs >= 0 && fsconfig(fs, FSCONFIG_SET_STRING, "source", source_name(image), 0) == 0 &&
	    fsconfig(fs, FSCONFIG_SET_STRING, "subtype", "davit", 0) == 0 &&
	    set_option(fs, "fd", (unsigned int)channel) == 0 &&
	    fsconfig(fs, FSCONFIG_SET_STRING, "rootmode", "40000", 0) == 0 &&
	    set_option(fs, "user_id", geteuid()) == 0 &&
	    set_option(fs, "group_id", getegid()) == 0 &&
	    set_option(fs, "max_read", CONTENT_MAX) == 0 &&
	    fsconfig(fs, FSCONFIG_SET_FLAG, "allow_other", NULL, 0) == 0 &&
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (mount < 0)
		return error_set(err, errno, "cannot mount image '%s'", image->path);
	return mount;
}

int image_seal(int mount, struct error *err)
{
	cleanup_close int fs = fspick(mount, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return error_set(err, errno, "cannot make the image's mount read-only");
	return 0;
}
