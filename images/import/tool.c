/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tool.c - see tool.h.
 *
 * mksquashfs (-tar, since 4.5) writes by the name /proc/self/fd/N of a descriptor that it inherits. Its
 * sibling sqfstar is of no use: that of 4.5.1 takes no level. Of a tar it gives "/" the present time
 * unless SOURCE_DATE_EPOCH is in its environment. And where it looks for duplicates among the files of a tar, its
 * threads get in each other's way: 4.5.1 and 4.6.1 then write a block of fragments that cannot be decompressed, in up
 * to every second image of a Debian with Boost, without a word. So it must not look, which makes that
 * image 1 % larger. From a directory it does it right.
 */
#include "images/import/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/nearest.h"
#include "common/room.h"
#include "common/syscalls.h"
#include "images/import/pack.h"

#define EXEC_FAILED  127
#define MESSAGES_MAX ((size_t)64 << 10)
#define MORE_MAX     8   /* words of options->more */
#define MEMORY_MIN   64  /* MiB; it refuses less */
#define MEMORY_MAX   512 /* MiB */

static const char *const tools[] = { "/usr/bin/mksquashfs", "/usr/sbin/mksquashfs",
				     "/usr/local/bin/mksquashfs", "/sbin/mksquashfs" };

/* Of mksquashfs(1), with the levels that are good for each; 0: none can be set. */
static const struct {
	const char *name;
	int level_max;
} compressors[] = { { "gzip", 9 }, { "lz4", 0 }, { "lzo", 9 }, { "xz", 0 }, { "zstd", 22 } };

#define COMPRESSORS (sizeof(compressors) / sizeof(compressors[0]))

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

const char *tool_find(bool reads_tar, struct error *err)
{
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (access(tools[i], X_OK) == 0)
			return tools[i];
	error_set(err, 0, "there is no mksquashfs on this node");
	error_remedy(err, "ask your admin for the package squashfs-tools%s",
		     reads_tar ? ", 4.5 or later" : "");
	return NULL;
}

struct arguments {
	const char *list[32];
	char *env[3];
	size_t count;
	char level[16], block[24], mode[16], memory[24], epoch[40], file[40], dir[40];
};

static void add(struct arguments *arguments, const char *option, const char *value)
{
	arguments->list[arguments->count++] = option;
	if (value)
		arguments->list[arguments->count++] = value;
}

/* MiB for what waits to be compressed or written. Left alone it takes a quarter of the node's, whatever a job
 * may take of that. More than the most makes nothing faster. */
static unsigned int choose_memory(void)
{
	uint64_t quarter = room_in_memory(-1) / 4 >> 20;

	return quarter < MEMORY_MIN   ? MEMORY_MIN
	       : quarter < MEMORY_MAX ? (unsigned int)quarter
				      : MEMORY_MAX;
}

/* The descriptors of the tool. */
enum {
	FILE_FD = STDERR_FILENO + 1,
	DIR_FD
};

static void make_arguments(struct arguments *arguments, const struct pack_options *options,
			   bool is_tar)
{
	mode_t mode = options->root_mode ? options->root_mode & 07777 : 0755;

	snprintf(arguments->level, sizeof(arguments->level), "%d", options->level);
	snprintf(arguments->block, sizeof(arguments->block), "%zu",
		 options->block_size ? options->block_size : (size_t)128 << 10);
	snprintf(arguments->mode, sizeof(arguments->mode), "%o", (unsigned int)mode);
	snprintf(arguments->memory, sizeof(arguments->memory), "%uM", choose_memory());
	snprintf(arguments->file, sizeof(arguments->file), "/proc/self/fd/%d", FILE_FD);
	snprintf(arguments->dir, sizeof(arguments->dir), "/proc/self/fd/%d/.", DIR_FD);
	snprintf(arguments->epoch, sizeof(arguments->epoch), "SOURCE_DATE_EPOCH=%jd",
		 (intmax_t)options->newest);
	arguments->env[0] = (char *)(uintptr_t) "LC_ALL=C";
	if (options->newest > 0)
		arguments->env[1] = arguments->epoch;
	add(arguments, "mksquashfs", is_tar ? "-" : arguments->dir);
	add(arguments, arguments->file, NULL);
	add(arguments, "-noappend", "-exit-on-error");
	add(arguments, "-no-progress", "-quiet");
	add(arguments, "-mem", arguments->memory);
	add(arguments, "-comp", options->compressor ? options->compressor : "zstd");
	if (options->level)
		add(arguments, "-Xcompression-level", arguments->level);
	add(arguments, "-b", arguments->block);
	if (is_tar) {
		add(arguments, "-tar", "-no-duplicates");
		add(arguments, "-root-mode", arguments->mode);
	} else {
		add(arguments, "-mkfs-time", "0");
		add(arguments, "-action", "exclude@type(b)||type(c)||type(p)||type(s)");
	}
	if (!options->keep_owners)
		add(arguments, "-all-root", NULL);
	for (size_t i = 0; options->more && options->more[i] && i < MORE_MAX; i++)
		add(arguments, options->more[i], NULL);
}

/* With no more of our descriptors than it needs, deaf for a terminal's signals: our end is its end. */
static _Noreturn void exec_tool(const char *path, const struct pack_options *options,
				const struct tool *tool, pid_t parent)
{
	struct arguments arguments = { .count = 0 };
	bool is_tar = tool->input >= 0;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int file = fcntl(tool->file, F_DUPFD, 16);
	int input = fcntl(is_tar ? tool->input : null, F_DUPFD, 16);
	int dir = fcntl(is_tar ? null : tool->dir, F_DUPFD, 16);
	int messages = fcntl(tool->messages, F_DUPFD, 16);

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent || null < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || dup2(messages, STDERR_FILENO) < 0 ||
	    dup2(input, STDIN_FILENO) < 0 || dup2(file, FILE_FD) < 0 || dup2(dir, DIR_FD) < 0)
		_exit(EXEC_FAILED);
	(void)close_range(DIR_FD + 1, ~0u, 0);
	(void)setpgid(0, 0);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	make_arguments(&arguments, options, is_tar);
	execve(path, (char *const *)(uintptr_t)arguments.list, arguments.env);
	_exit(EXEC_FAILED);
}

int tool_start(struct tool *tool, const struct pack_options *options, struct error *err)
{
	const char *path = tool_find(tool->input >= 0, err);
	pid_t parent = getpid();

	if (!path)
		return -1;
	tool->messages = memfd_create("davit-messages", MFD_CLOEXEC);
	if (tool->messages < 0 || fcntl(tool->messages, F_SETFL, O_APPEND) < 0)
		return error_set(err, errno, "cannot create a file in memory");
	tool->pid = fork();
	if (tool->pid == 0)
		exec_tool(path, options, tool, parent);
	return tool->pid < 0 ? error_set(err, errno, "cannot start mksquashfs") : 0;
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
		if (at[0] && strncmp(at, "Unrecognised keyword", 20) != 0 &&
		    strncmp(at, "Unrecognised xattr", 18) != 0 && !line[0])
			snprintf(line, size, "%s", at);
}

/* It calls a directory by its descriptor. */
static bool cut_directory(char *line)
{
	char dir[40], *at;
	size_t len = (size_t)snprintf(dir, sizeof(dir), "/proc/self/fd/%d/./", DIR_FD);
	bool is_cut = false;

	while ((at = strstr(line, dir))) {
		memmove(at, at + len, strlen(at + len) + 1);
		is_cut = true;
	}
	return is_cut;
}

/* Why the tool has ended, or does not take more. */
static int blame(const struct tool *tool, const char *end, int number, struct error *err)
{
	char line[256];
	bool is_source;

	find_message(tool->messages, line, sizeof(line));
	is_source = cut_directory(line);
	error_set(err, 0, "mksquashfs ended with %s %d%s%s", end, number, line[0] ? ": " : "",
		  line);
	if (strstr(line, "No space") || strstr(line, "out of space") || strstr(line, "quota"))
		return error_remedy(err, "more free space there, or another directory");
	if (is_source)
		return error_remedy(
			err, "a directory of which you may read all, while nobody changes it");
	if (strcmp(end, "signal") == 0)
		return error_remedy(err, "more memory, if it was killed for its use of that");
	return -1;
}

int tool_wait(struct tool *tool, struct error *err)
{
	int status = 0;

	while (tool->pid > 0 && waitpid(tool->pid, &status, 0) < 0 && errno == EINTR)
		;
	tool->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		return blame(tool, "code", WEXITSTATUS(status), err);
	return blame(tool, "signal", WTERMSIG(status), err);
}

int tool_trim(const struct tool *tool, struct error *err)
{
	struct stat messages;

	if (fstat(tool->messages, &messages) == 0 && messages.st_size > (off_t)MESSAGES_MAX &&
	    ftruncate(tool->messages, 0) < 0)
		return error_set(err, errno, "cannot empty a file in memory");
	return 0;
}

void tool_done(struct tool *tool)
{
	if (tool->pid > 0) {
		(void)kill(tool->pid, SIGKILL);
		while (waitpid(tool->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	tool->pid = 0;
	if (tool->messages >= 0)
		close(steal_fd(&tool->messages));
}
