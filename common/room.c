/* SPDX-License-Identifier: BSD-3-Clause */
/* room.c - see room.h. */
#include "common/room.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "common/fd.h"

#define TEXT_MAX ((size_t)64 << 10)

bool room_is_local(int fd)
{
	/* statfs(2) has some of them; the others are from their sources. */
	static const unsigned int local[] = {
		EXT4_SUPER_MAGIC,  XFS_SUPER_MAGIC,      BTRFS_SUPER_MAGIC,
		F2FS_SUPER_MAGIC,  TMPFS_MAGIC,          RAMFS_MAGIC,
		SQUASHFS_MAGIC,    EROFS_SUPER_MAGIC_V1, OVERLAYFS_SUPER_MAGIC,
		MSDOS_SUPER_MAGIC, ISOFS_SUPER_MAGIC,    0x2fc12fc1, /* ZFS */
		0xca451a4e,                                          /* bcachefs */
		0x3153464a,                                          /* JFS */
		0x2011bab0,                                          /* exFAT */
	};
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		if ((unsigned int)st.f_type == local[i])
			return true;
	return false;
}

uint64_t room_on_disk(int fd)
{
	struct statvfs st;

	return fstatvfs(fd, &st) < 0 ? 0 : (uint64_t)st.f_bavail * st.f_frsize;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static char *read_text(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? NULL : fd_read_all(fd, TEXT_MAX, NULL);
}

/* The number behind a word at the beginning of a line; 0 where there is none. */
static uint64_t find_number(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, len) == 0)
			return strtoull(line + len, NULL, 10);
	}
	return 0;
}

static char *read_control(const char *root, const char *group, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s/%s", root, group, name) >= (int)sizeof(path))
		return NULL;
	return read_text(path);
}

/* The two versions of cgroups. */
struct version {
	const char *own; /* of a process, in front of the path of its group */
	const char *at;  /* below the root of all */
	const char *max, *current, *idle;
};

static const struct version versions[] = {
	{ "0::", "", "memory.max", "memory.current", "inactive_file " },
	{ ":memory:", "/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
	  "total_inactive_file " },
};

static uint64_t room_in_cgroup(const struct version *version, const char *root, const char *group)
{
	cleanup_free char *max = read_control(root, group, version->max);
	cleanup_free char *current = read_control(root, group, version->current);
	cleanup_free char *stat = read_control(root, group, "memory.stat");
	uint64_t limit, used, idle;

	if (!max || max[0] < '0' || max[0] > '9' || !current)
		return UINT64_MAX; /* the word "max", or no such limit */
	limit = strtoull(max, NULL, 10);
	used = strtoull(current, NULL, 10);
	idle = stat ? find_number(stat, version->idle) : 0;
	used -= least(used, idle);
	return limit - least(limit, used);
}

/* The path of the group: "0::/PATH", or "7:memory:/PATH", in lines of their own; NULL: none. */
static const char *find_own(const struct version *version, const char *self)
{
	const char *own = strstr(self, version->own);

	while (own && (own[strlen(version->own)] != '/' ||
		       (version->own[0] != ':' && own > self && own[-1] != '\n')))
		own = strstr(own + 1, version->own);
	return own ? own + strlen(version->own) : NULL;
}

static uint64_t room_by(const struct version *version, const char *root, const char *self)
{
	const char *own = find_own(version, self);
	uint64_t room = UINT64_MAX;
	char group[PATH_MAX], top[PATH_MAX];
	char *slash;

	if (!own)
		return room;
	snprintf(top, sizeof(top), "%s%s", root, version->at);
	snprintf(group, sizeof(group), "%.*s", (int)strcspn(own, "\n"), own);
	do {
		room = least(room, room_in_cgroup(version, top, group));
		slash = strrchr(group, '/');
		if (slash)
			*slash = '\0';
	} while (slash);
	return room;
}

uint64_t room_in_cgroups(const char *root, const char *self)
{
	return least(room_by(&versions[0], root, self), room_by(&versions[1], root, self));
}

static uint64_t number_of(const char *variable)
{
	const char *value = getenv(variable);

	return value ? strtoull(value, NULL, 10) : 0;
}

/* Slurm's numbers are MiB, and say nothing of what is taken already. */
static uint64_t limit_of_slurm(void)
{
	uint64_t node = number_of("SLURM_MEM_PER_NODE"), cpu = number_of("SLURM_MEM_PER_CPU");
	uint64_t cpus = number_of("SLURM_CPUS_ON_NODE");

	if (!node)
		node = cpu * cpus;
	return node > 0 && node < UINT64_MAX >> 20 ? node << 20 : UINT64_MAX;
}

uint64_t room_in_own_cgroups(void)
{
	cleanup_free char *self = read_text("/proc/self/cgroup");

	return self ? room_in_cgroups("/sys/fs/cgroup", self) : UINT64_MAX;
}

uint64_t room_in_memory(int fd)
{
	cleanup_free char *node = read_text("/proc/meminfo");
	uint64_t room = least(fd < 0 ? UINT64_MAX : room_on_disk(fd), limit_of_slurm());

	if (node)
		room = least(room, find_number(node, "MemAvailable:") << 10);
	return least(room, room_in_own_cgroups());
}
