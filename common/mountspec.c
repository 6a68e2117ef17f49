/* SPDX-License-Identifier: BSD-3-Clause */
/* mountspec.c - see mountspec.h. */

#include "common/mountspec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/nearest.h"
#include "common/syscalls.h"

bool path_is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1)
		return true; /* "/" */
	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

char *path_normalise(const char *path)
{
	char *out, *to;

	errno = EINVAL;
	if (path[0] != '/')
		return NULL;
	out = to = malloc(strlen(path) + 2);
	if (!out)
		return NULL;
	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && path[0] == '.' && path[1] == '.') {
			free(out);
			errno = EINVAL;
			return NULL;
		}
		if (len > 0 && !(len == 1 && path[0] == '.')) {
			*to++ = '/';
			memcpy(to, path, len);
			to += len;
		}
		path += len;
	}
	if (to == out)
		*to++ = '/';
	*to = '\0';
	return out;
}

/* Takes the text up to an unescaped ':' or ',' or the end, into a fresh string without its escapes.
 * *at moves to the character that ended it. */
static char *take_field(const char **at)
{
	const char *end = *at;
	char *field, *to;

	while (*end && *end != ':' && *end != ',')
		end += *end == '\\' && end[1] ? 2 : 1;
	field = to = malloc((size_t)(end - *at) + 1);
	if (!field)
		return NULL;
	for (; *at < end; (*at)++) {
		if (**at == '\\' && (*at)[1] && strchr(":,\\", (*at)[1]))
			(*at)++;
		*to++ = **at;
	}
	*to = '\0';
	return field;
}

struct flag {
	const char *name;
	uint64_t set, clr;    /* MOUNT_ATTR_* */
	uint64_t propagation; /* MS_* */
	int recursive;        /* 1 rbind, -1 bind, 0 says nothing */
	bool propagate_below;
	int create; /* enum mount_create, or -1 */
	bool optional;
};

/* clang-format off */
static const struct flag flags[] = {
	{ "ro",          MOUNT_ATTR_RDONLY,      0,                      0, 0, false, -1, false },
	{ "rw",          0,                      MOUNT_ATTR_RDONLY,      0, 0, false, -1, false },
	{ "nosuid",      MOUNT_ATTR_NOSUID,      0,                      0, 0, false, -1, false },
	{ "nodev",       MOUNT_ATTR_NODEV,       0,                      0, 0, false, -1, false },
	{ "noexec",      MOUNT_ATTR_NOEXEC,      0,                      0, 0, false, -1, false },
	{ "exec",        0,                      MOUNT_ATTR_NOEXEC,      0, 0, false, -1, false },
	{ "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0,                      0, 0, false, -1, false },
	{ "noatime",     MOUNT_ATTR_NOATIME,     MOUNT_ATTR__ATIME,      0, 0, false, -1, false },
	{ "relatime",    MOUNT_ATTR_RELATIME,    MOUNT_ATTR__ATIME,      0, 0, false, -1, false },
	{ "strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME,      0, 0, false, -1, false },
	{ "nodiratime",  MOUNT_ATTR_NODIRATIME,  0,                      0, 0, false, -1, false },
	{ "bind",        0, 0, 0,             -1, false, -1, false },
	{ "rbind",       0, 0, 0,              1, false, -1, false },
	{ "private",     0, 0, MS_PRIVATE,     0, false, -1, false },
	{ "rprivate",    0, 0, MS_PRIVATE,     0, true,  -1, false },
	{ "slave",       0, 0, MS_SLAVE,       0, false, -1, false },
	{ "rslave",      0, 0, MS_SLAVE,       0, true,  -1, false },
	{ "shared",      0, 0, MS_SHARED,      0, false, -1, false },
	{ "rshared",     0, 0, MS_SHARED,      0, true,  -1, false },
	{ "unbindable",  0, 0, MS_UNBINDABLE,  0, false, -1, false },
	{ "runbindable", 0, 0, MS_UNBINDABLE,  0, true,  -1, false },
	{ "x-create=auto", 0, 0, 0, 0, false, CREATE_AUTO, false },
	{ "x-create=dir",  0, 0, 0, 0, false, CREATE_DIR, false },
	{ "x-create=file", 0, 0, 0, 0, false, CREATE_FILE, false },
	{ "x-create=none", 0, 0, 0, 0, false, CREATE_NONE, false },
	{ "nofail",      0, 0, 0, 0, false, -1, true },
	/* of enroot's fstab, and the case anyway */
	{ "defaults",    0, 0, 0, 0, false, -1, false },
	{ "async",       0, 0, 0, 0, false, -1, false },
	{ "silent",      0, 0, 0, 0, false, -1, false },
};
/* clang-format on */

/* tmpfs takes size= and mode=; true if `name` was one of them. */
static bool apply_tmpfs_flag(struct mountspec *spec, const char *name)
{
	char **field = strncmp(name, "size=", 5) == 0   ? &spec->size
		       : strncmp(name, "mode=", 5) == 0 ? &spec->mode
							: NULL;

	if (!field || !name[5] || spec->kind != MOUNT_TMPFS)
		return false;
	free(*field);
	*field = strdup(name + 5);
	return *field != NULL;
}

static int refuse_flag(const char *name, struct error *err)
{
	const char *names[sizeof(flags) / sizeof(flags[0])], *near;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		names[i] = flags[i].name;
	near = word_nearest(name, names, sizeof(names) / sizeof(names[0]));
	error_set(err, 0, "unknown mount flag '%s'", name);
	return error_remedy(err,
			    "%s%sflags joined by '+', of: ro rw bind rbind nosuid nodev noexec "
			    "noatime private rprivate slave rslave nofail "
			    "x-create=auto|dir|file|none (tmpfs also: size=N mode=N); see davit(5)",
			    near ? near : "", near ? "; there are " : "");
}

static int apply_flag(struct mountspec *spec, const char *name, struct error *err)
{
	if (apply_tmpfs_flag(spec, name))
		return 0;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		const struct flag *f = &flags[i];

		if (strcmp(name, f->name) != 0)
			continue;
		/* An access-time mode is a field of its own: clearing must not undo the setting. */
		spec->attr_set = (spec->attr_set & ~f->clr) | f->set;
		spec->attr_clr = (spec->attr_clr & ~(f->set & ~MOUNT_ATTR__ATIME)) | f->clr;
		if (f->propagation) {
			spec->propagation = f->propagation;
			spec->propagate_below = f->propagate_below;
		}
		if (f->recursive)
			spec->recursive = f->recursive > 0;
		if (f->create >= 0)
			spec->create = (enum mount_create)f->create;
		spec->optional |= f->optional;
		return 0;
	}
	return refuse_flag(name, err);
}

static int apply_flags(struct mountspec *spec, char *text, struct error *err)
{
	char *name;

	while ((name = strsep(&text, "+")))
		if (!name[0])
			return error_set(err, 0, "empty mount flag");
		else if (apply_flag(spec, name, err) < 0)
			return -1;
	return 0;
}

static void mountspec_done(struct mountspec *spec)
{
	free(spec->source);
	free(spec->target);
	free(spec->size);
	free(spec->mode);
	*spec = (struct mountspec){ .kind = MOUNT_BIND };
}

/* Takes over the strings of `spec`. */
static int append(struct mountlist *list, struct mountspec *spec, struct error *err)
{
	struct mountspec *bigger = realloc(list->items, (list->count + 1) * sizeof(*bigger));

	if (!bigger) {
		mountspec_done(spec);
		return error_set(err, ENOMEM, "cannot keep the mounts");
	}
	list->items = bigger;
	list->items[list->count++] = *spec;
	*spec = (struct mountspec){ .kind = MOUNT_BIND };
	return 0;
}

static int set_target(struct mountspec *spec, const char *path, struct error *err)
{
	/* As pyxis has it, "./x" is in the container's root. */
	if (path[0] == '.' && (path[1] == '/' || !path[1]))
		path = path[1] ? path + 1 : "/";
	spec->target = path_normalise(path);
	if (!spec->target && errno == ENOMEM)
		return error_set(err, ENOMEM, "cannot keep the mounts");
	if (!spec->target) {
		error_set(err, 0, "mount target '%s' is not an absolute path without '..'", path);
		return error_remedy(err, "SOURCE:/absolute/path");
	}
	if (!spec->target[1])
		return error_set(err, 0, "a mount on '/' would hide the image");
	return 0;
}

static bool is_path(const char *text)
{
	return text[0] == '/' || strncmp(text, "./", 2) == 0 || strncmp(text, "../", 3) == 0 ||
	       strncmp(text, "~/", 2) == 0 || strcmp(text, ".") == 0 || strcmp(text, "~") == 0;
}

/* Decides from the first field what kind of mount this is. */
static int set_source(struct mountspec *spec, char *first, bool alone, struct error *err)
{
	if (!alone && strcmp(first, "tmpfs") == 0) {
		spec->kind = MOUNT_TMPFS;
	} else if (!alone && strcmp(first, "umount") == 0) {
		spec->kind = MOUNT_UMOUNT;
	} else if (is_path(first)) {
		spec->source = strdup(first);
		if (!spec->source)
			return error_set(err, ENOMEM, "cannot keep the mounts");
	} else if (!first[0]) {
		return error_set(err, 0, "empty mount source");
	} else {
		error_set(err, 0, "mount source '%s' is not a path", first);
		return error_remedy(err, "/absolute/path or ./%s", first);
	}
	return 0;
}

/* Parses one entry, up to the ',' that ends it or the end of the text. */
static int parse_entry(struct mountspec *spec, const char **at, struct error *err)
{
	cleanup_free char *first = take_field(at);
	cleanup_free char *target = NULL, *names = NULL;

	if (first && **at == ':') {
		++*at;
		target = take_field(at);
	}
	if (target && **at == ':') {
		++*at;
		names = take_field(at);
	}
	if (!first)
		return error_set(err, ENOMEM, "cannot keep the mounts");
	if (**at == ':')
		return error_set(err, 0, "more than three fields: SOURCE:TARGET:FLAGS");
	if (set_source(spec, first, !target, err) < 0)
		return -1;
	if (!target && (first[0] == '~' || strncmp(first, "../", 3) == 0)) {
		error_set(err, 0, "mount source '%s' needs a target", first);
		return error_remedy(err, "%s:/absolute/path", first);
	}
	if (set_target(spec, target ? target : first, err) < 0)
		return -1;
	if (names && spec->kind == MOUNT_UMOUNT)
		return error_set(err, 0, "umount takes no flags");
	return names ? apply_flags(spec, names, err) : 0;
}

int mountlist_parse(struct mountlist *list, const char *text, struct error *err)
{
	const char *at = text;

	if (!text[0])
		return error_set(err, 0, "empty list of mounts");
	for (;;) {
		const char *start = at;
		struct mountspec spec = { .kind = MOUNT_BIND,
					  .create = CREATE_AUTO,
					  .recursive = true };

		if (parse_entry(&spec, &at, err) < 0) {
			mountspec_done(&spec);
			return error_wrap(err, "mount '%.*s'", (int)strcspn(start, ","), start);
		}
		if (append(list, &spec, err) < 0)
			return -1;
		if (*at++ == '\0')
			return 0;
	}
}

int mountlist_add_bind(struct mountlist *list, const char *source, bool optional, struct error *err)
{
	struct mountspec spec = { .kind = MOUNT_BIND,
				  .create = CREATE_AUTO,
				  .recursive = true,
				  .optional = optional,
				  .target = path_normalise(source),
				  .source = strdup(source) };

	if (!spec.target || !spec.source) {
		mountspec_done(&spec);
		return error_set(err, errno, "cannot mount '%s'", source);
	}
	return append(list, &spec, err);
}

static bool copy_string(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

int mountlist_append_copy(struct mountlist *list, const struct mountlist *from, struct error *err)
{
	for (size_t i = 0; i < from->count; i++) {
		struct mountspec spec = from->items[i];
		bool copied = copy_string(&spec.source, from->items[i].source);

		copied &= copy_string(&spec.target, from->items[i].target);
		copied &= copy_string(&spec.size, from->items[i].size);
		copied &= copy_string(&spec.mode, from->items[i].mode);
		if (!copied) {
			mountspec_done(&spec);
			return error_set(err, ENOMEM, "cannot keep the mounts");
		}
		if (append(list, &spec, err) < 0)
			return -1;
	}
	return 0;
}

void mountlist_sort(struct mountlist *list)
{
	/* A parent's path is shorter than its children's. Insertion sort, since it is stable and the
	 * lists are short. */
	for (size_t i = 1; i < list->count; i++) {
		struct mountspec spec = list->items[i];
		size_t len = strlen(spec.target), to = i;

		for (; to > 0 && strlen(list->items[to - 1].target) > len; to--)
			list->items[to] = list->items[to - 1];
		list->items[to] = spec;
	}
}

/* Drops the mounts on `target` from the first `count`; returns how many stay. */
static size_t drop_target(struct mountlist *list, size_t count, const char *target)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(list->items[i].target, target) == 0)
			mountspec_done(&list->items[i]);
		else
			list->items[kept++] = list->items[i];
	}
	return kept;
}

int mountlist_apply_umounts(struct mountlist *list, struct error *err)
{
	size_t kept = 0;
	int result = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct mountspec spec = list->items[i];

		if (spec.kind == MOUNT_UMOUNT) {
			size_t left = drop_target(list, kept, spec.target);

			if (left == kept)
				result = error_set(err, 0,
						   "mount 'umount:%s': nothing is mounted there",
						   spec.target);
			kept = left;
			mountspec_done(&spec);
		} else {
			list->items[kept++] = spec;
		}
	}
	list->count = kept;
	return result;
}

void mountlist_done(struct mountlist *list)
{
	for (size_t i = 0; i < list->count; i++)
		mountspec_done(&list->items[i]);
	free(list->items);
	*list = (struct mountlist){ .items = NULL };
}
