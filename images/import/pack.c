/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pack.c - see pack.h.
 *
 * Where the file system has no files without a name, a handler of the signals that end a process
 * removes the one beside.
 */
#include "images/import/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/check.h"

#define USTAR_LINK_MAX 100 /* bytes */

static const int ends[PACK_SIGNALS] = { SIGHUP, SIGINT, SIGTERM };

/* For the handler. */
static struct {
	volatile sig_atomic_t is_set;
	int dir;
	char name[NAME_MAX + 1];
} doomed;

static void remove_doomed(int sig)
{
	if (doomed.is_set)
		(void)unlinkat(doomed.dir, doomed.name, 0);
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
}

static void watch_signals(struct pack *pack)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction catch = { .sa_handler = remove_doomed, .sa_flags = (int)SA_RESETHAND };

	(void)sigaction(SIGPIPE, &ignore, &pack->pipe);
	for (size_t i = 0; i < PACK_SIGNALS; i++) {
		(void)sigaction(ends[i], NULL, &pack->ends[i]);
		if (!pack->file.unnamed && pack->ends[i].sa_handler != SIG_IGN)
			(void)sigaction(ends[i], &catch, NULL);
	}
	if (pack->file.unnamed || strlen(pack->file.temporary) > NAME_MAX)
		return;
	doomed.dir = pack->file.dir;
	strcpy(doomed.name, pack->file.temporary);
	doomed.is_set = 1;
}

static void forget_signals(struct pack *pack)
{
	doomed.is_set = 0;
	(void)sigaction(SIGPIPE, &pack->pipe, NULL);
	for (size_t i = 0; i < PACK_SIGNALS; i++)
		(void)sigaction(ends[i], &pack->ends[i], NULL);
}

/* libarchive's callback. What it still writes when it is freed is for nobody. */
static la_ssize_t write_out(struct archive *archive, void *data, const void *buf, size_t size)
{
	const struct pack *pack = data;
	ssize_t n;

	if (pack->output < 0)
		return (la_ssize_t)size;
	do
		n = write(pack->output, buf, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		archive_set_error(archive, errno, "cannot write to mksquashfs");
	return n;
}

/* Nothing is kept back, so that two of them can write in turn. */
static int open_writer(struct archive *archive, struct pack *pack)
{
	if (archive_write_set_bytes_per_block(archive, 0) != ARCHIVE_OK ||
	    archive_write_open(archive, pack, NULL, write_out, NULL) != ARCHIVE_OK)
		return -1;
	return 0;
}

static int start_writers(struct pack *pack, const struct pack_options *options, struct error *err)
{
	cleanup_close int input = -1;
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot create a pipe");
	input = pair[0];
	pack->output = pair[1];
	fd_widen_pipe(input);
	pack->tool.input = input;
	pack->tool.file = pack->file.fd;
	if (tool_start(&pack->tool, options, err) < 0)
		return -1;
	pack->archive = archive_write_new();
	pack->links = archive_write_new();
	if (!pack->archive || !pack->links ||
	    archive_write_set_format_pax(pack->archive) != ARCHIVE_OK ||
	    archive_write_set_format_option(pack->archive, "pax", "xattrheader", "SCHILY") !=
		    ARCHIVE_OK ||
	    archive_write_set_format_gnutar(pack->links) != ARCHIVE_OK ||
	    open_writer(pack->archive, pack) < 0 || open_writer(pack->links, pack) < 0)
		return error_set(err, ENOMEM, "cannot start to write");
	return 0;
}

int pack_begin(struct pack *pack, const char *path, const struct pack_options *options,
	       struct error *err)
{
	*pack = (struct pack)PACK_INIT;
	if (pack_check(options, err) < 0)
		return -1;
	if (newfile_open(&pack->file, path, 0666, err) < 0) {
		newfile_done(&pack->file);
		return -1;
	}
	watch_signals(pack);
	return 0;
}

int pack_open(struct pack *pack, const char *path, const struct pack_options *options,
	      struct error *err)
{
	if (libarchive_open(err) < 0 || pack_begin(pack, path, options, err) < 0)
		return -1;
	if (start_writers(pack, options, err) == 0)
		return 0;
	pack_abort(pack);
	return -1;
}

static int wait_for_tool(struct pack *pack, struct error *err)
{
	if (pack->output >= 0)
		close(steal_fd(&pack->output));
	return tool_wait(&pack->tool, err) < 0
		       ? error_wrap(err, "cannot write '%s'", pack->file.path)
		       : 0;
}

/* Where writing has failed: the tool has a reason, or libarchive. */
static int blame(struct pack *pack, struct archive *archive, const char *path, struct error *err)
{
	int reason = archive_errno(archive);
	const char *text = archive_error_string(archive);

	if (reason == EPIPE && wait_for_tool(pack, err) < 0)
		return -1;
	return error_set(err, 0, "cannot write '%s': '%s': %s", pack->file.path, path,
			 text ? text : "no reason is known");
}

/* mksquashfs 4.5.1 takes "/" and "../" from the front of a link's target that stands in a header of
 * pax; one of GNU's keeps it whole. */
static bool is_mistaken(struct archive_entry *entry)
{
	const char *target =
		archive_entry_filetype(entry) == AE_IFLNK ? archive_entry_symlink(entry) : NULL;

	if (!target || (target[0] != '/' && target[0] != '.'))
		return false;
	for (size_t i = 0; target[i]; i++)
		if ((signed char)target[i] < 0 || i >= USTAR_LINK_MAX)
			return true;
	return false;
}

int pack_entry(struct pack *pack, struct archive_entry *entry, struct error *err)
{
	struct archive *archive = is_mistaken(entry) ? pack->links : pack->archive;
	const char *path = archive_entry_pathname(entry);

	if (tool_trim(&pack->tool, err) < 0)
		return -1;
	archive_entry_acl_clear(entry);
	/* The end of an entry belongs before the next, whoever writes that. */
	if (archive == pack->links && archive_write_finish_entry(pack->archive) < ARCHIVE_WARN)
		return blame(pack, pack->archive, "data", err);
	/* A warning is that a name is no ASCII. */
	if (archive_write_header(archive, entry) < ARCHIVE_WARN)
		return blame(pack, archive, path ? path : "?", err);
	if (archive == pack->links && archive_write_finish_entry(archive) < ARCHIVE_WARN)
		return blame(pack, archive, path ? path : "?", err);
	return 0;
}

int pack_data(struct pack *pack, const void *data, size_t size, struct error *err)
{
	const char *at = data;

	while (size > 0) {
		la_ssize_t n = archive_write_data(pack->archive, at, size);

		if (n < 0)
			return blame(pack, pack->archive, "data", err);
		if (n == 0)
			return error_set(err, 0, "cannot write '%s': too much data for an entry",
					 pack->file.path);
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int pack_text(struct pack *pack, const char *path, const char *text, size_t size, struct error *err)
{
	struct archive_entry *entry = archive_entry_new();
	int result;

	if (!entry)
		return error_set(err, ENOMEM, "cannot write '%s'", path);
	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0444);
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_size(entry, (la_int64_t)size);
	result = pack_entry(pack, entry, err);
	if (result == 0)
		result = pack_data(pack, text, size, err);
	archive_entry_free(entry);
	return result;
}

int pack_wait(struct pack *pack, struct error *err)
{
	if (pack->tool.pid == 0)
		return 0;
	if (archive_write_close(pack->archive) != ARCHIVE_OK)
		return blame(pack, pack->archive, "the end", err);
	return wait_for_tool(pack, err);
}

static void keep_first(const char *path, const char *what, void *data)
{
	char *first = data;

	(void)what;
	if (!first[0])
		snprintf(first, PATH_MAX, "%s", path);
}

/* mksquashfs has been wrong before, see tool.c, and who finds that out should not be a job. */
static int check_image(const struct pack *pack, struct error *err)
{
	struct squash *squash = squash_open(pack->file.fd, 0, err);
	char first[PATH_MAX] = "";
	struct check check = { .damaged = 0 };
	int result = squash ? check_squash(&check, squash, keep_first, first, err) : -1;

	squash_close(squash);
	if (result < 0)
		return error_wrap(err, "cannot read what mksquashfs has made of '%s'",
				  pack->file.path);
	if (check.damaged == 0)
		return 0;
	error_set(err, 0, "mksquashfs has damaged '%s' in '%s' (and %ju more)", first,
		  pack->file.path, (uintmax_t)(check.damaged - 1));
	return error_remedy(err, "again; ask your admin for other squashfs-tools");
}

static int name_image(struct pack *pack, struct error *err)
{
	return check_image(pack, err) < 0 ? -1 : newfile_name(&pack->file, err);
}

int pack_finish(struct pack *pack, struct error *err)
{
	int result = pack_wait(pack, err);

	if (result == 0)
		result = name_image(pack, err);
	pack_abort(pack);
	return result;
}

void pack_abort(struct pack *pack)
{
	if (!pack->file.path)
		return;
	tool_done(&pack->tool);
	if (pack->output >= 0)
		close(steal_fd(&pack->output));
	if (pack->archive)
		(void)archive_write_free(pack->archive);
	if (pack->links)
		(void)archive_write_free(pack->links);
	newfile_done(&pack->file);
	forget_signals(pack);
	*pack = (struct pack)PACK_INIT;
}

int pack_directory(int dir, const char *path, const struct pack_options *options, struct error *err)
{
	struct pack pack;
	int result;

	if (pack_begin(&pack, path, options, err) < 0)
		return -1;
	pack.tool.dir = dir;
	pack.tool.file = pack.file.fd;
	result = tool_start(&pack.tool, options, err);
	if (result == 0)
		result = wait_for_tool(&pack, err);
	if (result == 0)
		result = name_image(&pack, err);
	pack_abort(&pack);
	return result;
}
