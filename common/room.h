/* SPDX-License-Identifier: BSD-3-Clause */
/* room.h - how much of a node's disks and memory a copy may take. */
#ifndef DAVIT_ROOM_H
#define DAVIT_ROOM_H

#include <stdbool.h>
#include <stdint.h>

/* Is the file system of the open file this node's alone? One that is not known counts as shared. */
bool room_is_local(int fd);

/* Bytes that the user may still write there; 0 where that cannot be told. */
uint64_t room_on_disk(int fd);

/* Bytes of memory that the job can still take on this node, as a file in the tmpfs of which `fd` is one:
 * the least of what that has room for, what the node has, and what Slurm's limits leave. -1: a file of
 * memfd_create(2). */
uint64_t room_in_memory(int fd);

/* What the cgroups (of both versions) leave of memory: those of the text `self` (/proc/self/cgroup) and all
 * above, below the directory `root` (/sys/fs/cgroup). UINT64_MAX: no limit. Files in the page cache that
 * nobody uses count as free. */
uint64_t room_in_cgroups(const char *root, const char *self);

/* The same for this process. */
uint64_t room_in_own_cgroups(void);

#endif
