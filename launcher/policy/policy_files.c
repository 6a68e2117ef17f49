/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * policy_files.c - see policy.h: images and the sources of mounts.
 *
 * What counts is what is open, never a name: its path is asked from the kernel, so no symbolic link
 * and no change of one decides.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/home.h"
#include "images/image.h"
#include "launcher/conf/conf.h"

/* Do both stand for the same thing, on the same mount? */
static bool is_same(int one, int other)
{
	const unsigned int mask = STATX_INO | STATX_MNT_ID;
	struct statx a, b;

	return statx(one, "", AT_EMPTY_PATH, mask, &a) == 0 &&
	       statx(other, "", AT_EMPTY_PATH, mask, &b) == 0 && (a.stx_mask & STATX_MNT_ID) &&
	       a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor &&
	       a.stx_ino == b.stx_ino && a.stx_mnt_id == b.stx_mnt_id;
}

/* Where what is open is now. The kernel tells the path in the mount namespace in which it was opened,
 * which may be that of a container, by way of /proc: so it has to be there in this one, too. */
static int real_path(int fd, char *path, struct error *err)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
	cleanup_close int there = -1;
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, PATH_MAX - 1);
	if (len < 0 || len == PATH_MAX - 1)
		return error_set(err, len < 0 ? errno : ENAMETOOLONG,
				 "cannot tell where a file is");
	path[len] = '\0';
	if (path[0] == '/')
		there = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	return there >= 0 && is_same(fd, there)
		       ? 0
		       : error_set(err, 0, "what is open is not at '%s' of this node", path);
}

/* "self" is the user who asks. */
static bool is_owner(char *const *owners, uid_t uid)
{
	const struct passwd *owner = getpwuid(uid);
	char number[16];

	snprintf(number, sizeof(number), "%u", uid);
	return (owner && policy_matches(owners, owner->pw_name)) ||
	       policy_matches(owners, number) ||
	       (uid == geteuid() && policy_matches(owners, "self"));
}

static int check_owner(const struct policy_rule *rule, const char *path, const struct stat *st,
		       struct error *err)
{
	char *const *owners = rule->lists[POLICY_OWNERS];
	const struct passwd *owner;

	if (!owners || is_owner(owners, st->st_uid))
		return 0;
	owner = getpwuid(st->st_uid);
	return error_set(err, 0, "image '%s' belongs to %s", path,
			 owner ? owner->pw_name : "nobody known");
}

/* Could somebody else put another file in this one's place? The sticky bit is no help to a directory
 * in which anybody may create what is missing. */
static int check_parent(const struct policy_rule *rule, int dir, const char *path, size_t len,
			struct error *err)
{
	char *const *owners = rule->lists[POLICY_OWNERS];
	struct stat st;

	if (len == 0)
		len = 1;
	if (fstat(dir, &st) < 0)
		return error_set(err, errno, "cannot look at '%.*s'", (int)len, path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return error_set(err, 0,
				 "others than its owner may write to '%.*s', above the image",
				 (int)len, path);
	if (st.st_uid != 0 && owners && !is_owner(owners, st.st_uid))
		return error_set(err, 0, "'%.*s', above the image, belongs to somebody else",
				 (int)len, path);
	return 0;
}

/* Goes down from the root, without a symbolic link, and has to arrive at the same file. */
static int check_parents(const struct policy_rule *rule, const char *path, const struct stat *image,
			 struct error *err)
{
	cleanup_close int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *at = path + 1;
	struct stat st;

	while (dir >= 0) {
		size_t len = strcspn(at, "/");
		cleanup_free char *name = strndup(at, len);
		int next;

		if (check_parent(rule, dir, path, (size_t)(at - path - 1), err) < 0)
			return -1;
		if (!name)
			return error_set(err, ENOMEM, "cannot look at '%s'", path);
		next = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		close(dir);
		dir = next;
		if (!at[len])
			break;
		at += len + 1;
	}
	if (dir < 0 || fstat(dir, &st) < 0)
		return error_set(err, errno, "cannot look at the directories above '%s'", path);
	if (st.st_dev != image->st_dev || st.st_ino != image->st_ino)
		return error_set(err, 0, "image '%s' is not at that path any more", path);
	return 0;
}

bool policy_looks_at_images(const struct policy_rule *rule)
{
	return rule && (rule->lists[POLICY_IMAGES] || rule->lists[POLICY_OWNERS] ||
			rule->lists[POLICY_DIGESTS] || rule->safe_parents || rule->is_signed);
}

struct image_require policy_require(const struct conf *conf, const struct policy_rule *rule,
				    const struct settings *settings)
{
	return (struct image_require){
		.is_measured = rule && rule->lists[POLICY_DIGESTS],
		.digest = settings->digest,
		.is_signed = rule && rule->is_signed,
		.keys = { .paths = conf->image_keys, .of_site = true },
	};
}

static int check_image(const struct policy_rule *rule, const struct image *image, const char *path,
		       struct error *err)
{
	char *const *images = rule->lists[POLICY_IMAGES];
	char *const *digests = rule->lists[POLICY_DIGESTS];
	struct stat st;

	if (images && !policy_matches(images, path))
		return error_set(err, 0, "image '%s' is not where images may be", path);
	if (digests && !policy_matches(digests, image->digest))
		return error_set(err, 0, "image '%s' has digest %s, which is none of the rule's",
				 path, image->digest);
	if (fstat(image->fd, &st) < 0)
		return error_set(err, errno, "cannot look at image '%s'", path);
	if (check_owner(rule, path, &st, err) < 0)
		return -1;
	return rule->safe_parents ? check_parents(rule, path, &st, err) : 0;
}

int policy_check_image(const struct policy *policy, const struct policy_rule *rule,
		       const struct image *image, char *path, struct error *err)
{
	if (real_path(image->fd, path, err) < 0) {
		if (rule)
			return policy_refuse(policy, rule, err);
		*err = (struct error)ERROR_INIT;
		return 0;
	}
	if (!rule || check_image(rule, image, path, err) == 0)
		return 0;
	return policy_refuse(policy, rule, err);
}

int policy_check_source(const struct policy *policy, const struct policy_rule *rule, int fd,
			struct error *err)
{
	char path[PATH_MAX];

	if (!rule || !rule->lists[POLICY_MOUNTS])
		return 0;
	if (real_path(fd, path, err) < 0)
		return policy_refuse(policy, rule, err);
	if (policy_matches(rule->lists[POLICY_MOUNTS], path))
		return 0;
	error_set(err, 0, "a mount of '%s' is not allowed", path);
	return policy_refuse(policy, rule, err);
}

static int check_mount(const struct policy *policy, const struct policy_rule *rule,
		       const struct mountspec *spec, struct error *err)
{
	cleanup_free char *path = NULL;
	cleanup_close int fd = -1;

	if (spec->kind == MOUNT_UMOUNT)
		return 0;
	if (spec->kind == MOUNT_TMPFS) {
		if (policy_matches(rule->lists[POLICY_MOUNTS], "tmpfs"))
			return 0;
		error_set(err, 0, "a mount of tmpfs is not allowed");
		return policy_refuse(policy, rule, err);
	}
	path = home_expand(spec->source, err);
	if (!path)
		return -1;
	fd = open(path, O_PATH | O_CLOEXEC);
	/* One that is not there is told, or left out, by whoever mounts it. */
	return fd < 0 ? 0 : policy_check_source(policy, rule, fd, err);
}

int policy_check_mounts(const struct policy *policy, const struct policy_rule *rule,
			const struct mountlist *mounts, struct error *err)
{
	if (!rule || !rule->lists[POLICY_MOUNTS])
		return 0;
	for (size_t i = 0; i < mounts->count; i++)
		if (mounts->items[i].is_users &&
		    check_mount(policy, rule, &mounts->items[i], err) < 0)
			return -1;
	return 0;
}
