/* SPDX-License-Identifier: BSD-3-Clause */
/* ls_main.c - `davit image ls`. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "common/fd.h"
#include "images/walk.h"
#include "launcher/image/image_commands.h"
#include "launcher/image/json_text.h"
#include "launcher/image/opened.h"

struct listing {
	const struct opened *opened;
	bool is_long, is_deep, is_json;
	bool is_directory; /* what is listed: it is not named itself */
	size_t count;
	struct error *err;
};

static char type_letter(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	default:
		return '-';
	}
}

/* As ls(1): "drwxr-sr-x". */
static void format_mode(mode_t mode, char text[11])
{
	static const char letters[] = "rwxrwxrwx";

	text[0] = type_letter(mode);
	for (int i = 0; i < 9; i++)
		text[i + 1] = (char)(mode & (0400u >> i) ? letters[i] : '-');
	if (mode & S_ISUID)
		text[3] = mode & S_IXUSR ? 's' : 'S';
	if (mode & S_ISGID)
		text[6] = mode & S_IXGRP ? 's' : 'S';
	if (mode & S_ISVTX)
		text[9] = mode & S_IXOTH ? 't' : 'T';
	text[10] = '\0';
}

static void format_time(time_t when, char *text, size_t size)
{
	struct tm tm;

	if (!localtime_r(&when, &tm) || strftime(text, size, "%Y-%m-%d %H:%M", &tm) == 0)
		snprintf(text, size, "%jd", (intmax_t)when);
}

static void print_front(const struct stat *st)
{
	char mode[11], when[64], size[32];

	format_mode(st->st_mode, mode);
	format_time(st->st_mtime, when, sizeof(when));
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		snprintf(size, sizeof(size), "%u, %u", major(st->st_rdev), minor(st->st_rdev));
	else
		snprintf(size, sizeof(size), "%jd", (intmax_t)st->st_size);
	printf("%s %3ju %5u %5u %11s %s ", mode, (uintmax_t)st->st_nlink, st->st_uid, st->st_gid,
	       size, when);
}

static json_t *describe(const struct walk_at *at, const char *target)
{
	static const char *const types[] = {
		['d'] = "directory",    ['l'] = "link", ['c'] = "character device",
		['b'] = "block device", ['p'] = "fifo", ['s'] = "socket",
		['-'] = "file",
	};
	json_t *object = json_object();
	const struct stat *st = at->st;
	char mode[8];

	snprintf(mode, sizeof(mode), "%04o", st->st_mode & 07777);
	json_set_text(object, "path", at->path);
	json_object_set_new(object, "type",
			    json_string(types[(unsigned char)type_letter(st->st_mode)]));
	json_object_set_new(object, "mode", json_string(mode));
	json_object_set_new(object, "uid", json_integer(st->st_uid));
	json_object_set_new(object, "gid", json_integer(st->st_gid));
	json_object_set_new(object, "links", json_integer((json_int_t)st->st_nlink));
	json_object_set_new(object, "size", json_integer(st->st_size));
	json_object_set_new(object, "mtime", json_integer(st->st_mtime));
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		json_object_set_new(object, "device",
				    json_pack("[i,i]", (int)major(st->st_rdev),
					      (int)minor(st->st_rdev)));
	if (target)
		json_set_text(object, "target", target);
	return object;
}

/* One object a line: the list may be longer than memory. */
static int print_json(struct listing *listing, const struct walk_at *at, const char *target)
{
	json_t *object = describe(at, target);
	cleanup_free char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	if (!text)
		return ENOMEM;
	printf("%s\n%s", listing->count ? "," : "", text);
	return 0;
}

static int print(struct listing *listing, const struct walk_at *at)
{
	cleanup_free char *target = NULL;
	bool is_link = S_ISLNK(at->st->st_mode);
	int error = 0;

	if (is_link && (listing->is_long || listing->is_json))
		error = squash_readlink(listing->opened->direct.squash, at->inode, &target);
	if (!error && listing->is_json)
		error = print_json(listing, at, target);
	listing->count++;
	if (error || listing->is_json)
		return error;
	if (listing->is_long)
		print_front(at->st);
	print_name(listing->is_deep || !listing->is_directory ? at->path : at->name, false);
	if (target) {
		fputs(" -> ", stdout);
		print_name(target, false);
	}
	putchar('\n');
	return 0;
}

static enum walk_next each(const struct walk_at *at, void *data)
{
	struct listing *listing = data;
	int error;

	if (at->depth == 0 && S_ISDIR(at->st->st_mode))
		return WALK_ON;
	error = print(listing, at);
	if (error) {
		direct_fail(&listing->opened->image, at->path, error, listing->err);
		return WALK_STOP;
	}
	return ferror(stdout) ? WALK_STOP : listing->is_deep ? WALK_ON : WALK_SKIP;
}

static int list(struct listing *listing, const char *path, struct error *err)
{
	const struct walk walk = { .each = each, .data = listing };
	struct squash *squash = listing->opened->direct.squash;
	struct direct_place place;
	struct stat st;
	int result;

	/* ls(1) tells of a link that is named itself only with -l. */
	if (opened_find(listing->opened, path, !listing->is_long || !*path, &place, err) < 0)
		return -1;
	listing->is_directory = squash_stat(squash, place.inode, &st) == 0 && S_ISDIR(st.st_mode);
	if (listing->is_json)
		putchar('[');
	result = walk_tree(squash, place.inode, place.path, &walk, err);
	if (listing->is_json)
		puts("\n]");
	if (result < 0)
		return error_wrap(err, "image '%s'", listing->opened->image.path);
	return result > 0 && err->cause[0] ? -1 : 0;
}

int image_command_ls(const struct image_arguments *arguments, struct error *err)
{
	const char *path = arguments->operand_count > 1 ? arguments->operands[1] : "/";
	struct opened opened = OPENED_INIT;
	struct listing listing = {
		.opened = &opened,
		.is_long = arguments_value(arguments, "long"),
		.is_deep = arguments_value(arguments, "recursive"),
		.is_json = arguments_value(arguments, "json"),
		.err = err,
	};
	int result = opened_open(&opened, arguments->operands[0], err);

	if (result == 0)
		result = list(&listing, path, err);
	opened_done(&opened);
	return result;
}
