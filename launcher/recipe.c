/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * recipe.c - see recipe.h.
 *
 * The memfd: a header, then the edits and the filter as they are, then texts, each ended by NUL: working directory,
 * fallback, the table of devices, the image to tell of, the words of the prefix, those of the command.
 */
#include "launcher/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "launcher/command.h"
#include "launcher/devices/nearest.h"
#include "launcher/guard.h"

struct header {
	uint32_t size; /* of all that follows, which ends in NUL */
	uint32_t edits;
	uint32_t filter;
	uint32_t prefix, command; /* numbers of words */
	uint32_t narrow;
	uint32_t guarded;
};

static uint32_t put_words(FILE *out, char *const *words)
{
	uint32_t count = 0;

	for (; words && words[count]; count++)
		fwrite(words[count], strlen(words[count]) + 1, 1, out);
	return count;
}

static char *make_text(const struct recipe *recipe, struct header *header)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	header->edits = (uint32_t)recipe->edits.len;
	if (recipe->edits.len > 0)
		fwrite(recipe->edits.text, recipe->edits.len, 1, out);
	header->filter = (uint32_t)recipe->filter->len;
	fwrite(recipe->filter->data, recipe->filter->len, 1, out);
	fwrite(recipe->workdir, strlen(recipe->workdir) + 1, 1, out);
	fwrite(recipe->fallback, strlen(recipe->fallback) + 1, 1, out);
	fwrite(recipe->devices, strlen(recipe->devices) + 1, 1, out);
	fwrite(recipe->counted, strlen(recipe->counted) + 1, 1, out);
	header->prefix = put_words(out, recipe->prefix);
	header->command = put_words(out, recipe->command);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	header->size = (uint32_t)size;
	return text;
}

int recipe_pack(const struct recipe *recipe, struct error *err)
{
	struct header header = { .narrow = recipe->narrow, .guarded = recipe->guarded };
	cleanup_free char *text = make_text(recipe, &header);
	cleanup_close int fd = memfd_create("davit-recipe", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	if (!text)
		return error_set(err, ENOMEM, "cannot keep what the ranks have to do");
	if (fd < 0 || fd_write_all(fd, &header, sizeof(header)) < 0 ||
	    fd_write_all(fd, text, header.size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return error_set(err, errno, "cannot keep what the ranks have to do");
	return steal_fd(&fd);
}

static const struct header *map(int fd, struct error *err)
{
	const struct header *header;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size <= (off_t)sizeof(*header))
		goto bad;
	header = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (header == MAP_FAILED) {
		error_set(err, errno, "cannot map what the first rank left");
		return NULL;
	}
	if (header->size == (size_t)st.st_size - sizeof(*header) && header->edits < header->size &&
	    header->filter < header->size - header->edits &&
	    ((const char *)(header + 1))[header->size - 1] == '\0')
		return header;
bad:
	error_set(err, 0, "the first rank left nothing that makes sense");
	return NULL;
}

/* The text at *at, which moves on; "" at the end. */
static char *next(const char **at, const char *end)
{
	const char *text = *at;

	if (text >= end)
		return (char *)(uintptr_t) "";
	*at += strlen(text) + 1;
	return (char *)(uintptr_t)text;
}

/* The command line: prefix and what the rank was given, else the image's command. */
static char **make_argv(const struct header *header, const char *at, const char *end, char **argv)
{
	bool is_given = argv[0];
	size_t given = 0, count = 0, words = (size_t)header->prefix + header->command;
	char **all;

	while (argv[given])
		given++;
	if (words > header->size)
		return NULL;
	all = calloc(words + given + 1, sizeof(*all));
	if (!all)
		return NULL;
	for (size_t i = 0; i < words; i++) {
		char *word = next(&at, end);

		if (i < header->prefix || !is_given)
			all[count++] = word;
	}
	memcpy(all + count, argv, given * sizeof(*argv));
	return all;
}

/* Waits for the command in this process; returns in the child only, or with -1. */
static int become_guard(const struct rank *rank, const char *counted, struct error *err)
{
	bool saves = rank->save->control >= 0, tells = counted[0] && rank->tell;
	uint32_t *tellers = &rank->handover->tellers;
	const struct guard guard = { .forward = rank->forward,
				     .works_later = saves,
				     .speaks_later = tells,
				     .keep = { rank->way->namespaces.lifeline, rank->way->lifeline,
					       rank->save->control } };
	int status, code, result;

	if (tells)
		__atomic_add_fetch(tellers, 1, __ATOMIC_RELAXED);
	result = guard_fork(&guard, &status, err);
	if (result <= 0)
		return result;
	if (tells && __atomic_sub_fetch(tellers, 1, __ATOMIC_RELAXED) == 0)
		rank->tell(rank->handover, counted);
	code = saves ? save_finish(rank->save, rank->way->lifeline) : 0;
	if (code != 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		_exit(code);
	guard_mimic(status);
}

int recipe_follow(const struct rank *rank, struct error *err)
{
	const struct header *header = map(rank->way->recipe, err);
	const char *at, *end, *edits, *workdir, *fallback, *devices, *counted;
	struct filter filter;
	char **argv;

	if (!header)
		return -1;
	edits = at = (const char *)(header + 1);
	end = at + header->size;
	at += header->edits;
	filter = (struct filter){ .data = (unsigned char *)(uintptr_t)at, .len = header->filter };
	at += header->filter;
	workdir = next(&at, end);
	fallback = next(&at, end);
	devices = next(&at, end);
	counted = next(&at, end);
	if (header->guarded && become_guard(rank, counted, err) < 0)
		return -1;
	if (edits_apply(edits, header->edits, err) < 0)
		return -1;
	if (devices[0] && nearest_apply(devices, err) < 0)
		return -1;
	argv = make_argv(header, at, end, rank->argv);
	if (!argv)
		return error_set(err, ENOMEM, "cannot start the command");
	if (!argv[0]) {
		error_set(err, 0, "no command given, and the image names none");
		return error_remedy(err, "davit run IMAGE COMMAND");
	}
	if (!workdir[0])
		workdir = fallback[0] && access(rank->cwd, F_OK) < 0 ? fallback : rank->cwd;
	if (!workdir[0]) {
		error_set(err, ENOENT, "cannot tell the working directory");
		return error_remedy(err, "--container-workdir=/");
	}
	if (rank->advise)
		rank->advise(rank->way, argv[0], workdir);
	return command_exec(argv, workdir, (enum narrow_to)header->narrow, &filter, err);
}
