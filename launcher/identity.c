/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * identity.c - see identity.h.
 *
 * The image's files are read inside the container's root, like everything of the image's: a link to
 * the node's /etc/passwd leads to the image's own.
 */
#include "launcher/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/syscalls.h"

#define FILE_SIZE_MAX (1u << 20) /* of the image's passwd and group; larger ones count as empty */

/* The image's file `path`, "" if it has none that can be used. NULL when out of memory. */
static char *read_image_file(struct root *root, const char *path)
{
	cleanup_close int fd = open_in_root(root->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	char *text = fd < 0 ? NULL : fd_read_all(fd, FILE_SIZE_MAX, NULL);

	return text ? text : strdup("");
}

/* Has a line of `text`, colon-separated as in passwd(5) and group(5), this number as third field? */
static bool has_id(const char *text, unsigned int id)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		unsigned int found;

		line += *line == '\n';
		if (sscanf(line, "%*[^:\n]:%*[^:\n]:%u:", &found) == 1 && found == id)
			return true;
		if (sscanf(line, "%*[^:\n]::%u:", &found) == 1 && found == id)
			return true;
	}
	return false;
}

/* A field may hold no separator; name services are not that careful. */
static const char *field(const char *value, const char *fallback)
{
	return value && value[0] && !strpbrk(value, ":\n") ? value : fallback;
}

static void add_user(FILE *out, const char *text)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;
	uid_t uid = geteuid();

	if (has_id(text, uid))
		return;
	pw = getpwuid(uid);
	if (pw)
		fprintf(out, "%s:x:%u:%u:%s:%s:%s\n", field(pw->pw_name, "user"), uid, pw->pw_gid,
			field(pw->pw_gecos, ""), field(home, field(pw->pw_dir, "/")),
			field(pw->pw_shell, "/bin/sh"));
	else
		fprintf(out, "user%u:x:%u:%u::%s:/bin/sh\n", uid, uid, getegid(), field(home, "/"));
}

static void add_group(FILE *out, const char *text, gid_t gid)
{
	const struct group *gr;

	if (has_id(text, gid))
		return;
	gr = getgrgid(gid);
	if (gr)
		fprintf(out, "%s:x:%u:\n", field(gr->gr_name, "group"), gid);
	else
		fprintf(out, "group%u:x:%u:\n", gid, gid);
}

static void add_groups(FILE *out, const char *text)
{
	int count = getgroups(0, NULL);
	cleanup_free gid_t *groups = calloc((size_t)(count > 0 ? count : 0) + 1, sizeof(*groups));
	gid_t primary = getegid(), overflow = 65534;

	if (!groups)
		count = 0;
	else
		count = getgroups(count, groups);
	add_group(out, text, primary);
	for (int i = 0; i < count; i++)
		if (groups[i] != primary && groups[i] != overflow)
			add_group(out, text, groups[i]);
}

/* Appends to the container's own file, as far as there is one. */
static int append(struct root *root, const char *path, const char *added)
{
	cleanup_close int fd =
		open_in_root(root->fd, path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -1 : fd_write_all(fd, added, strlen(added));
}

/* Completes the image's file `path` with what `add` has to add to it. */
static int extend(struct root *root, const char *path, void (*add)(FILE *out, const char *text),
		  bool in_place, struct error *err)
{
	cleanup_free char *text = read_image_file(root, path);
	cleanup_free char *added = NULL, *extended = NULL;
	size_t size, len = text ? strlen(text) : 0;
	const char *gap = len > 0 && text[len - 1] != '\n' ? "\n" : "";
	FILE *out = text ? open_memstream(&added, &size) : NULL;

	if (out) {
		fputs(gap, out);
		add(out, text);
	}
	if (!out || fclose(out) != 0)
		return error_set(err, ENOMEM, "cannot make the container's %s", path);
	if (strcmp(added, gap) == 0 || (in_place && append(root, path, added) == 0))
		return 0;
	if (asprintf(&extended, "%s%s", text, added) < 0) {
		extended = NULL;
		return error_set(err, ENOMEM, "cannot make the container's %s", path);
	}
	return root_put_file(root, path, extended, err);
}

static int put_nsswitch(struct root *root, struct error *err)
{
	cleanup_close int fd = open_in_root(root->fd, "/etc/nsswitch.conf", O_PATH);

	if (fd >= 0)
		return 0;
	return root_put_file(root, "/etc/nsswitch.conf",
			     "passwd: files\ngroup: files\nhosts: files dns\n", err);
}

int identity_mount(struct root *root, bool in_place, struct error *err)
{
	static const char *const files[] = { "/etc/hosts", "/etc/resolv.conf" };

	if (extend(root, "/etc/passwd", add_user, in_place, err) < 0 ||
	    extend(root, "/etc/group", add_groups, in_place, err) < 0 ||
	    put_nsswitch(root, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (root_bind(root, files[i], files[i], true, err) < 0)
			return -1;
	return 0;
}
