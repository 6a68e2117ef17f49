/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * containerfile.c - see containerfile.h.
 *
 * Each line is looked at once. A directive counts only at the top, before any comment, empty line or
 * instruction; comments and empty lines within a continued line are passed over, as Docker has it.
 */
#include "images/build/containerfile.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/fd.h"
#include "common/nearest.h"
#include "images/build/lines.h"
#include "images/build/list.h"

#define BLANKS    " \t"
#define FLAGS_MAX 4

/* Whether a JSON array of strings may follow, and whether something that looks like one must be one. */
enum form {
	FORM_SHELL,  /* never */
	FORM_EITHER, /* else it is a line for the shell, which may begin with '[', too */
	FORM_EXACT,  /* what begins with '[' and ends with ']' is one */
	FORM_EXEC    /* must */
};

static const struct keyword {
	const char *name;
	enum form form;
	const char *flags[FLAGS_MAX]; /* that it takes, without "--" */
} keywords[] = {
	[VERB_ADD] = { "ADD", FORM_EXACT, { "chown", "chmod" } },
	[VERB_ARG] = { "ARG", FORM_SHELL, { NULL } },
	[VERB_CMD] = { "CMD", FORM_EXACT, { NULL } },
	[VERB_COPY] = { "COPY", FORM_EXACT, { "from", "chown", "chmod", "link" } },
	[VERB_ENTRYPOINT] = { "ENTRYPOINT", FORM_EXACT, { NULL } },
	[VERB_ENV] = { "ENV", FORM_SHELL, { NULL } },
	[VERB_EXPOSE] = { "EXPOSE", FORM_SHELL, { NULL } },
	[VERB_FROM] = { "FROM", FORM_SHELL, { "platform" } },
	[VERB_LABEL] = { "LABEL", FORM_SHELL, { NULL } },
	[VERB_RUN] = { "RUN", FORM_EITHER, { NULL } },
	[VERB_SHELL] = { "SHELL", FORM_EXEC, { NULL } },
	[VERB_STOPSIGNAL] = { "STOPSIGNAL", FORM_SHELL, { NULL } },
	[VERB_USER] = { "USER", FORM_SHELL, { NULL } },
	[VERB_VOLUME] = { "VOLUME", FORM_EXACT, { NULL } },
	[VERB_WORKDIR] = { "WORKDIR", FORM_SHELL, { NULL } },
};

#define KEYWORDS    (sizeof(keywords) / sizeof(keywords[0]))
#define KEYWORD_MAX 16

/* Docker has these as well. */
static const struct {
	const char *name, *remedy;
} refused[] = {
	{ "HEALTHCHECK", "leave it out: nobody would run it" },
	{ "ONBUILD", "write the instruction where it is to be carried out" },
	{ "MAINTAINER", "LABEL org.opencontainers.image.authors=\"...\"" },
};

const char *containerfile_verb(enum verb verb)
{
	return keywords[verb].name;
}

static int blame(const struct containerfile *file, unsigned int line, struct error *err)
{
	return error_wrap(err, "%s:%u", file->name, line);
}

int containerfile_blame(const struct containerfile *file, const struct instruction *at,
			struct error *err)
{
	return blame(file, at->line, err);
}

const char *containerfile_flag(const struct instruction *instruction, const char *name)
{
	size_t len = strlen(name);

	for (char *const *flag = instruction->flags; flag && *flag; flag++)
		if (strncmp(*flag + 2, name, len) == 0 && (*flag)[2 + len] == '=')
			return *flag + 2 + len + 1;
	return NULL;
}

void containerfile_done(struct containerfile *file)
{
	for (size_t i = 0; i < file->count; i++) {
		strings_free(file->items[i].flags);
		strings_free(file->items[i].words);
		free(file->items[i].text);
	}
	free(file->items);
	file->items = NULL;
	file->count = 0;
}

/* ---- one instruction ------------------------------------------------------------------------- */

static int find_verb(const char *word, size_t len, enum verb *verb, struct error *err)
{
	const char *names[KEYWORDS], *near;
	char name[KEYWORD_MAX] = "";

	if (len < sizeof(name))
		memcpy(name, word, len);
	for (char *at = name; *at; at++)
		*at = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (strcmp(name, refused[i].name) == 0) {
			error_set(err, 0, "%s is not supported", name);
			return error_remedy(err, "%s", refused[i].remedy);
		}
	for (size_t i = 0; i < KEYWORDS; i++) {
		names[i] = keywords[i].name;
		if (strcmp(name, names[i]) != 0)
			continue;
		*verb = (enum verb)i;
		return 0;
	}
	near = word_nearest(name, names, KEYWORDS);
	error_set(err, 0, "unknown instruction '%.*s'", (int)(len > 40 ? 40 : len), word);
	return error_remedy(err, "%s", near ? near : "FROM, RUN, COPY... as davit(1) lists them");
}

static int check_flag(const struct instruction *instruction, const char *flag, struct error *err)
{
	const struct keyword *keyword = &keywords[instruction->verb];
	const char *name = flag + 2;
	size_t len = strcspn(name, "=");

	for (size_t i = 0; i < FLAGS_MAX && keyword->flags[i]; i++)
		if (strlen(keyword->flags[i]) == len && strncmp(name, keyword->flags[i], len) == 0)
			return 0;
	error_set(err, 0, "%s --%.*s is not supported", keyword->name, (int)(len > 40 ? 40 : len),
		  name);
	return error_remedy(err, "leave it out, or --with=buildah, podman or docker");
}

/* Takes "--NAME[=VALUE]" words off the front of `text`. */
static int take_flags(struct instruction *instruction, const char **text, struct error *err)
{
	struct list flags = { .items = NULL };
	int result = 0;

	while (result == 0 && strncmp(*text, "--", 2) == 0) {
		size_t len = strcspn(*text, BLANKS);
		bool has_value = memchr(*text, '=', len) != NULL;
		char *flag = malloc(len + sizeof("=true"));

		if (!flag) {
			result = error_set(err, ENOMEM, "cannot keep a flag");
			break;
		}
		memcpy(flag, *text, len);
		strcpy(flag + len, has_value ? "" : "=true");
		result = check_flag(instruction, flag, err);
		if (result < 0)
			free(flag);
		else if (list_take(&flags, flag) < 0)
			result = error_set(err, ENOMEM, "cannot keep a flag");
		*text += len;
		*text += strspn(*text, BLANKS);
	}
	instruction->flags = flags.items;
	return result;
}

/* A JSON array of strings, or NULL. */
static char **parse_array(const char *text)
{
	json_error_t ignored;
	json_t *array = json_loads(text, 0, &ignored), *item;
	struct list words = { .items = NULL };
	bool is_good = json_is_array(array);
	size_t i;

	json_array_foreach(array, i, item) is_good =
		is_good && json_is_string(item) && list_add(&words, json_string_value(item)) == 0;
	json_decref(array);
	/* "[]" is an array without words. */
	if (is_good && !words.items)
		return calloc(1, sizeof(char *));
	if (is_good)
		return words.items;
	list_done(&words);
	return NULL;
}

static int take_words(struct instruction *instruction, struct error *err)
{
	enum form form = keywords[instruction->verb].form;
	const char *text = instruction->text;
	size_t len = strlen(text);

	if (form == FORM_SHELL)
		return 0;
	instruction->words = text[0] == '[' ? parse_array(text) : NULL;
	if (instruction->words && instruction->words[0])
		return 0;
	/* An image may want to have no command; nothing else can be empty. */
	if (instruction->words &&
	    (instruction->verb == VERB_CMD || instruction->verb == VERB_ENTRYPOINT))
		return 0;
	if (!instruction->words &&
	    (form == FORM_EITHER ||
	     (form == FORM_EXACT && !(text[0] == '[' && text[len - 1] == ']'))))
		return 0;
	error_set(err, 0, "%s is not followed by a JSON array of strings",
		  keywords[instruction->verb].name);
	return error_remedy(err, "[\"WORD\", \"WORD\"], with double quotes");
}

/* Lines of a here-document belong to a line for the shell. */
static int take_documents(struct instruction *instruction, struct lines *lines, struct error *err)
{
	enum verb verb = instruction->verb;
	char *whole;

	if ((verb != VERB_RUN && verb != VERB_COPY && verb != VERB_ADD) || instruction->words ||
	    !lines_begins_document(instruction->text))
		return 0;
	if (verb != VERB_RUN) {
		error_set(err, 0, "%s with a here-document is not supported", keywords[verb].name);
		return error_remedy(err, "a file of the context, or RUN cat >FILE <<NAME");
	}
	whole = lines_take_documents(lines, instruction->text, err);
	if (!whole)
		return -1;
	free(instruction->text);
	instruction->text = whole;
	return 0;
}

static int check_first(struct containerfile *file, enum verb verb, struct error *err)
{
	file->has_from = file->has_from || verb == VERB_FROM;
	if (file->has_from || verb == VERB_ARG)
		return 0;
	error_set(err, 0, "%s before the first FROM", keywords[verb].name);
	return error_remedy(err, "FROM IMAGE above it, or FROM scratch to begin with nothing");
}

/* `line` is a logical one, without blanks at its ends. */
static int add_instruction(struct containerfile *file, const char *line, unsigned int number,
			   struct lines *lines, struct error *err)
{
	size_t len = strcspn(line, BLANKS);
	const char *text = line + len + strspn(line + len, BLANKS);
	struct instruction *instruction;

	if ((file->count & (file->count + 1)) == 0) {
		size_t room = 2 * (file->count + 1);
		struct instruction *bigger = realloc(file->items, room * sizeof(bigger[0]));

		if (!bigger)
			return error_set(err, ENOMEM, "cannot keep the instructions");
		file->items = bigger;
	}
	instruction = &file->items[file->count];
	*instruction = (struct instruction){ .line = number };
	if (find_verb(line, len, &instruction->verb, err) < 0)
		return -1;
	file->count++;
	if (take_flags(instruction, &text, err) < 0)
		return -1;
	if (!text[0]) {
		error_set(err, 0, "nothing follows %s", keywords[instruction->verb].name);
		return error_remedy(err, "davit(1) tells what does");
	}
	instruction->text = strdup(text);
	if (!instruction->text)
		return error_set(err, ENOMEM, "cannot keep the instructions");
	return take_words(instruction, err) < 0 || take_documents(instruction, lines, err) < 0
		       ? -1
		       : check_first(file, instruction->verb, err);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* "# NAME=VALUE". Returns 1 where it is such a line, 0 where not, -1 with `err` set. */
static int take_directive(struct containerfile *file, const char *line, struct error *err)
{
	const char *name, *value;
	size_t len;

	if (line[0] != '#')
		return 0;
	name = line + 1 + strspn(line + 1, BLANKS);
	len = strcspn(name, "= \t");
	value = name + len + strspn(name + len, BLANKS);
	if (len == 0 || *value != '=')
		return 0;
	value += 1 + strspn(value + 1, BLANKS);
	/* Which front end BuildKit fetches, and what it warns of. */
	if ((len == 6 && strncasecmp(name, "syntax", len) == 0) ||
	    (len == 5 && strncasecmp(name, "check", len) == 0))
		return 1;
	if (len != 6 || strncasecmp(name, "escape", len) != 0)
		return 0;
	if (strcmp(value, "\\") != 0 && strcmp(value, "`") != 0) {
		error_set(err, 0, "the escape character '%.20s' is none", value);
		return error_remedy(err, "# escape=\\ or # escape=`");
	}
	file->escape = value[0];
	return 1;
}

/* Cuts blanks, and a carriage return, off the end. Returns the length. */
static size_t trim(char *line)
{
	size_t len = strlen(line);

	while (len > 0 && strchr(" \t\r", line[len - 1]))
		line[--len] = '\0';
	return len;
}

static bool is_void(const char *line)
{
	line += strspn(line, " \t\r");
	return !*line || *line == '#';
}

static bool is_continued(const char *line, const char *end, char escape)
{
	return end > line && end[-1] == escape && !(end - line > 1 && end[-2] == escape);
}

/* Joins what continues `line`, in place: the parts follow each other in memory. Returns the whole,
 * without blanks at its ends. */
static char *join(const struct containerfile *file, struct lines *lines, char *line)
{
	char *end;

	line += strspn(line, BLANKS);
	end = line + strlen(line);
	while (is_continued(line, end, file->escape)) {
		char *more;
		size_t len;

		*--end = '\0';
		do
			more = lines_next(lines);
		while (more && is_void(more));
		if (!more)
			break;
		len = trim(more);
		memmove(end, more, len + 1);
		end += len;
	}
	(void)trim(line);
	return line;
}

static int parse_lines(struct containerfile *file, char *text, struct error *err)
{
	struct lines lines = { .rest = text };
	bool at_top = true;
	char *line;

	while ((line = lines_next(&lines))) {
		unsigned int number = lines.number;
		int directive = 0;

		(void)trim(line);
		if (at_top)
			directive = take_directive(file, line, err);
		if (directive < 0)
			return blame(file, number, err);
		at_top = directive > 0;
		if (is_void(line))
			continue;
		line = join(file, &lines, line);
		if (line[0] && add_instruction(file, line, number, &lines, err) < 0)
			return blame(file, number, err);
	}
	return 0;
}

static int refuse_nul(const struct containerfile *file, const char *text, const char *nul,
		      struct error *err)
{
	unsigned int line = 1;

	for (; text < nul; text++)
		line += *text == '\n';
	error_set(err, 0, "there is a NUL byte, so this is no text");
	error_remedy(err, "a text file in UTF-8");
	return blame(file, line, err);
}

int containerfile_parse(struct containerfile *file, const char *text, size_t len, struct error *err)
{
	static const char bom[] = "\xef\xbb\xbf";
	cleanup_free char *copy = NULL;
	const char *nul = memchr(text, '\0', len);

	file->escape = '\\';
	if (nul)
		return refuse_nul(file, text, nul, err);
	if (len >= 3 && memcmp(text, bom, 3) == 0) {
		text += 3;
		len -= 3;
	}
	copy = strndup(text, len);
	if (!copy)
		return error_set(err, ENOMEM, "cannot keep '%s'", file->name);
	if (parse_lines(file, copy, err) < 0)
		return -1;
	if (file->has_from)
		return 0;
	error_set(err, 0, "%s: there is no FROM", file->name);
	return error_remedy(err, "FROM IMAGE, or FROM scratch to begin with nothing");
}
