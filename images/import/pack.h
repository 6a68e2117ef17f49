/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pack.h - writes a new squashfs, of entries as they come.
 *
 * The entries go as a tar (pax) through a pipe to mksquashfs -tar: no tree is on disk, and
 * the image has no name before it is whole (newfile.h). The same entries in the same order with the same
 * options are the same bytes.
 *
 * Nothing is left when the process dies, of a signal either. A process has one pack at a time; SIGPIPE
 * is ignored as long as it is open.
 */
#ifndef DAVIT_IMPORT_PACK_H
#define DAVIT_IMPORT_PACK_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/newfile.h"
#include "images/import/libarchive.h"
#include "images/import/tool.h"

#define PACK_SIGNALS 3

struct pack_options {
	const char *compressor; /* NULL: zstd */
	int level;              /* 0: the compressor's own default */
	size_t block_size;      /* 0: 128 KiB */
	bool keep_owners;       /* else all is root's, as "/" is in each case */
	mode_t root_mode;       /* of "/"; 0: 0755 */
	/* What is newer than this many seconds since 1970 is made as old, and it is the time of the
	 * image and of "/". 0: these two have the time of writing, so that no two images are the same. */
	time_t newest;
	const char *const
		*more; /* options of mksquashfs(1), 8 at most; ends with NULL; NULL: none */
};

/* Of zstd, for who has not chosen: 8 takes 1.4 times as long for 0.9 % less, and mksquashfs's own, 15, about
 * ten times for 8 %. See doc/bench.md. */
#define PACK_ZSTD_LEVEL 6

#define PACK_BLOCK_MIN ((size_t)4 << 10)
#define PACK_BLOCK_MAX ((size_t)1 << 20)

struct pack {
	struct archive *archive; /* to be written to: paths without leading "/" or "./" */
	struct archive *links;   /* pack_entry()'s own */
	struct newfile file;
	struct tool tool;
	int output; /* the pipe to it */
	struct sigaction pipe, ends[PACK_SIGNALS];
};

#define PACK_INIT                                                                      \
	{                                                                              \
		.archive = NULL, .file = NEWFILE_INIT, .tool = TOOL_INIT, .output = -1 \
	}

/* Checks a compressor, level (0 passes) or block size (0 passes) from outside. Returns 0, or -1 with
 * `err` set. */
int pack_check(const struct pack_options *options, struct error *err);

/* Begins the file `pack->file` alone, which the caller writes, and names with newfile_name(). pack_abort()
 * ends it in each case behind success. Returns 0, or -1 with `err` set. */
int pack_begin(struct pack *pack, const char *path, const struct pack_options *options,
	       struct error *err);

/* Begins the image that is going to be `path`. Returns 0, or -1 with `err` set and nothing open. */
int pack_open(struct pack *pack, const char *path, const struct pack_options *options,
	      struct error *err);

/* Begins an entry; what of it no squashfs has (ACLs) is left out. A directory stands before what is in
 * it, a file before hard links to it. Its data then goes through archive_write_data() to
 * pack->archive, or pack_data(). Returns 0, or -1 with `err` set: then pack_abort() is all that may
 * follow. */
int pack_entry(struct pack *pack, struct archive_entry *entry, struct error *err);
int pack_data(struct pack *pack, const void *data, size_t size, struct error *err);

/* An entry of a regular file with `size` bytes of data, root's, read-only for all. */
int pack_text(struct pack *pack, const char *path, const char *text, size_t size,
	      struct error *err);

/* Waits for the image; then all of it is in pack->file.fd, and pack_finish() is left to do. Returns 0, or
 * -1 with `err` set: then pack_abort() is. */
int pack_wait(struct pack *pack, struct error *err);

/* Waits for it where nobody has, reads all of it once to see that it is whole, and gives it its name. Returns 0, or -1
 * with `err` set and no image. */
int pack_finish(struct pack *pack, struct error *err);

/* Ends all, where it is open; nothing stays. */
void pack_abort(struct pack *pack);

/* The image that is going to be `path` at once, of what is below the directory `dir`, without devices,
 * FIFOs and sockets; root_mode and newest are not read. Returns 0, or -1 with `err` set and no image. */
int pack_directory(int dir, const char *path, const struct pack_options *options,
		   struct error *err);

#endif
