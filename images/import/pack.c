/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pack.c - see pack.h.
 *
 * mksquashfs (-tar, since 4.5) writes by the name /proc/self/fd/N of a descriptor that it inherits. Where the file system
 * has no files without a name, a handler of the signals that end a process removes the one beside.
 * Its sibling sqfstar is of no use: that of 4.5.1 takes no level. It gives "/" the present time unless
 * SOURCE_DATE_EPOCH is in its environment. The tool dies with the thread that has started it.
 */
#include "images/import/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/nearest.h"
#include "common/syscalls.h"

#define MESSAGES_MAX   ((size_t)64 << 10)
#define EXEC_FAILED    127
#define USTAR_LINK_MAX 100 /* bytes */

static const char *const tools[] = { "/usr/bin/mksquashfs", "/usr/sbin/mksquashfs",
				     "/usr/local/bin/mksquashfs", "/sbin/mksquashfs" };

/* Of mksquashfs(1), with the levels that are good for each; 0: none can be set. */
static const struct {
	const char *name;
	int level_max;
} compressors[] = { { "gzip", 9 }, { "lz4", 0 }, { "lzo", 9 }, { "xz", 0 }, { "zstd", 22 } };

#define COMPRESSORS (sizeof(compressors) / sizeof(compressors[0]))

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

static int check_level(size_t which, int level, struct error *err)
{
	if (level >= 0 && level <= compressors[which].level_max)
		return 0;
	error_set(err, 0, "compressor '%s' has no level %d", compressors[which].name, level);
	if (compressors[which].level_max == 0)
		return error_remedy(err, "no level: it has none");
	return error_remedy(err, "a level from 1 to %d", compressors[which].level_max);
}

int pack_check(const struct pack_options *options, struct error *err)
{
	const char *name = options->compressor ? options->compressor : "zstd";
	const char *words[COMPRESSORS], *near;
	size_t size = options->block_size;

	if (size && (size < PACK_BLOCK_MIN || size > PACK_BLOCK_MAX || (size & (size - 1)))) {
		error_set(err, 0, "no squashfs has blocks of %zu bytes", size);
		return error_remedy(err, "a power of 2 from 4K to 1M");
	}
	for (size_t i = 0; i < COMPRESSORS; i++) {
		words[i] = compressors[i].name;
		if (strcmp(name, words[i]) == 0)
			return check_level(i, options->level, err);
	}
	near = word_nearest(name, words, COMPRESSORS);
	error_set(err, 0, "there is no compressor '%s'", name);
	return error_remedy(err, "%s", near ? near : "zstd, gzip, xz, lzo or lz4");
}

static const char *find_tool(struct error *err)
{
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (access(tools[i], X_OK) == 0)
			return tools[i];
	error_set(err, 0, "there is no mksquashfs on this node");
	error_remedy(err, "ask your admin for the package squashfs-tools, 4.5 or later");
	return NULL;
}

struct arguments {
	const char *list[24];
	char *env[3];
	size_t count;
	char level[16], block[24], mode[16], epoch[40], file[40];
};

static void add(struct arguments *arguments, const char *option, const char *value)
{
	arguments->list[arguments->count++] = option;
	if (value)
		arguments->list[arguments->count++] = value;
}

static void make_arguments(struct arguments *arguments, const struct pack_options *options, int fd)
{
	mode_t mode = options->root_mode ? options->root_mode & 07777 : 0755;

	snprintf(arguments->level, sizeof(arguments->level), "%d", options->level);
	snprintf(arguments->block, sizeof(arguments->block), "%zu",
		 options->block_size ? options->block_size : (size_t)128 << 10);
	snprintf(arguments->mode, sizeof(arguments->mode), "%o", (unsigned int)mode);
	snprintf(arguments->file, sizeof(arguments->file), "/proc/self/fd/%d", fd);
	snprintf(arguments->epoch, sizeof(arguments->epoch), "SOURCE_DATE_EPOCH=%jd",
		 (intmax_t)options->newest);
	arguments->env[0] = (char *)(uintptr_t) "LC_ALL=C";
	if (options->newest > 0)
		arguments->env[1] = arguments->epoch;
	add(arguments, "mksquashfs", "-");
	add(arguments, arguments->file, "-tar");
	add(arguments, "-noappend", "-exit-on-error");
	add(arguments, "-no-progress", "-quiet");
	add(arguments, "-comp", options->compressor ? options->compressor : "zstd");
	if (options->level)
		add(arguments, "-Xcompression-level", arguments->level);
	add(arguments, "-b", arguments->block);
	add(arguments, "-root-mode", arguments->mode);
	if (!options->keep_owners)
		add(arguments, "-all-root", NULL);
}

/* With no more of our descriptors than it needs, deaf for a terminal's signals: our end is its end. */
static _Noreturn void exec_tool(const char *tool, const struct pack_options *options,
				const struct pack *pack, int input, pid_t parent)
{
	struct arguments arguments = { .count = 0 };
	const int target = STDERR_FILENO + 1;
	int null = open("/dev/null", O_RDWR);
	int file = fcntl(pack->file.fd, F_DUPFD, 16), from = fcntl(input, F_DUPFD, 16);
	int messages = fcntl(pack->messages, F_DUPFD, 16);

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent || null < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || dup2(messages, STDERR_FILENO) < 0 ||
	    dup2(from, STDIN_FILENO) < 0 || dup2(file, target) < 0)
		_exit(EXEC_FAILED);
	(void)close_range((unsigned int)target + 1, ~0u, 0);
	(void)setpgid(0, 0);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	make_arguments(&arguments, options, target);
	execve(tool, (char *const *)(uintptr_t)arguments.list, arguments.env);
	_exit(EXEC_FAILED);
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

/* Nothing is kept back, so that two of them can write in turn. */
static int open_writer(struct archive *archive, int fd)
{
	if (archive_write_set_bytes_per_block(archive, 0) != ARCHIVE_OK ||
	    archive_write_open_fd(archive, fd) != ARCHIVE_OK)
		return -1;
	return 0;
}

static int start_tool(struct pack *pack, const struct pack_options *options, struct error *err)
{
	const char *tool = find_tool(err);
	cleanup_close int input = -1, output = -1;
	pid_t parent = getpid();
	int pair[2];

	if (!tool)
		return -1;
	pack->messages = memfd_create("davit-messages", MFD_CLOEXEC);
	if (pack->messages < 0 || fcntl(pack->messages, F_SETFL, O_APPEND) < 0 ||
	    pipe2(pair, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot create a pipe");
	input = pair[0];
	output = pair[1];
	pack->tool = fork();
	if (pack->tool == 0)
		exec_tool(tool, options, pack, input, parent);
	if (pack->tool < 0)
		return error_set(err, errno, "cannot start mksquashfs");
	pack->archive = archive_write_new();
	pack->links = archive_write_new();
	if (!pack->archive || !pack->links ||
	    archive_write_set_format_pax(pack->archive) != ARCHIVE_OK ||
	    archive_write_set_format_option(pack->archive, "pax", "xattrheader", "SCHILY") !=
		    ARCHIVE_OK ||
	    archive_write_set_format_gnutar(pack->links) != ARCHIVE_OK ||
	    open_writer(pack->archive, output) < 0 || open_writer(pack->links, output) < 0)
		return error_set(err, ENOMEM, "cannot start to write");
	pack->output = steal_fd(&output);
	return 0;
}

int pack_open(struct pack *pack, const char *path, const struct pack_options *options,
	      struct error *err)
{
	*pack = (struct pack)PACK_INIT;
	if (pack_check(options, err) < 0 || libarchive_open(err) < 0)
		return -1;
	if (newfile_open(&pack->file, path, 0666, err) < 0) {
		newfile_done(&pack->file);
		return -1;
	}
	watch_signals(pack);
	if (start_tool(pack, options, err) == 0)
		return 0;
	pack_abort(pack);
	return -1;
}

/* The line of the tool's messages that tells most: the first that is an error. What it says of each
 * entry is no error. */
static void find_message(int fd, char *line, size_t size)
{
	char text[4096];
	ssize_t len = fd_pread_all(fd, text, sizeof(text) - 1, 0);
	char *rest = text;

	line[0] = '\0';
	text[len > 0 ? len : 0] = '\0';
	for (char *at = strsep(&rest, "\n"); at; at = strsep(&rest, "\n"))
		if (at[0] && strncmp(at, "Unrecognised keyword", 20) != 0 && !line[0])
			snprintf(line, size, "%s", at);
}

/* Why the tool has ended, or does not take more. */
static int blame_tool(struct pack *pack, const char *end, int number, struct error *err)
{
	char line[256];

	find_message(pack->messages, line, sizeof(line));
	error_set(err, 0, "cannot write '%s': mksquashfs ended with %s %d%s%s", pack->file.path,
		  end, number, line[0] ? ": " : "", line);
	if (strstr(line, "No space") || strstr(line, "out of space") || strstr(line, "quota"))
		return error_remedy(err, "more free space there, or another directory");
	if (strcmp(end, "signal") == 0)
		return error_remedy(err, "more memory, if it was killed for its use of that");
	return -1;
}

static int wait_for_tool(struct pack *pack, struct error *err)
{
	int status = 0;

	if (pack->output >= 0)
		close(steal_fd(&pack->output));
	while (pack->tool > 0 && waitpid(pack->tool, &status, 0) < 0 && errno == EINTR)
		;
	pack->tool = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		return blame_tool(pack, "code", WEXITSTATUS(status), err);
	return blame_tool(pack, "signal", WTERMSIG(status), err);
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
	struct stat messages;

	/* One line for each entry of some kinds: not more than can be of use. */
	if (fstat(pack->messages, &messages) == 0 && messages.st_size > (off_t)MESSAGES_MAX &&
	    ftruncate(pack->messages, 0) < 0)
		return error_set(err, errno, "cannot empty a file in memory");
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

int pack_finish(struct pack *pack, struct error *err)
{
	int result = 0;

	if (archive_write_close(pack->archive) != ARCHIVE_OK)
		result = blame(pack, pack->archive, "the end", err);
	if (result == 0)
		result = wait_for_tool(pack, err);
	if (result == 0)
		result = newfile_name(&pack->file, err);
	pack_abort(pack);
	return result;
}

void pack_abort(struct pack *pack)
{
	if (!pack->file.path)
		return;
	if (pack->tool > 0) {
		(void)kill(pack->tool, SIGKILL);
		while (waitpid(pack->tool, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (pack->output >= 0)
		close(pack->output);
	if (pack->archive) {
		(void)archive_write_fail(pack->archive);
		(void)archive_write_free(pack->archive);
	}
	if (pack->links) {
		(void)archive_write_fail(pack->links);
		(void)archive_write_free(pack->links);
	}
	if (pack->messages >= 0)
		close(pack->messages);
	newfile_done(&pack->file);
	forget_signals(pack);
	*pack = (struct pack)PACK_INIT;
}
