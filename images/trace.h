/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace.h - noting which files of an image are read, in which order.
 *
 * For the image server while it is traced. What it is asked goes by numbers, so the names that the kernel
 * looks up are kept, too. Each line is written as soon as it is known: whoever kills the server takes
 * nothing of what came before. Any thread may call these functions at any time.
 */
#ifndef DAVIT_TRACE_H
#define DAVIT_TRACE_H

#include <stdint.h>
#include <sys/types.h>

struct trace;

/* Writes to `fd`, from tracefile_create(), which it does not own. NULL without memory for it. */
struct trace *trace_new(int fd);
void trace_free(struct trace *trace);

/* `name` in `parent` is `node`. Nodes are any numbers; TRACE_ROOT is the root directory. */
#define TRACE_ROOT 1
void trace_name(struct trace *trace, uint64_t parent, const char *name, uint64_t node);

/* `size` bytes at `offset` of a file of `whole` bytes are read. */
void trace_read(struct trace *trace, uint64_t node, off_t offset, size_t size, off_t whole);

#endif
