/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_containerfile.c - any bytes as a Containerfile, and as .dockerignore.
 *
 * What is accepted has a FROM, no empty text, and lines that go on; errors have a cause. Words are expanded
 * with the file's own ENV, so that values can grow.
 */
/* link: images/build/containerfile.c images/build/lines.c images/build/words.c images/build/list.c images/build/ignore.c images/build/paths.c common/error.c common/fd.c common/mountspec.c common/nearest.c -ljansson */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "images/build/containerfile.h"
#include "images/build/ignore.h"
#include "images/build/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expand(const struct containerfile *file, const struct instruction *step,
		   struct list *variables)
{
	struct list words = { .items = NULL };
	struct error err = ERROR_INIT;

	if ((words_split(&words, step->text, file->escape, &err) < 0) != (err.cause[0] != '\0'))
		abort();
	for (size_t i = 0; i < words.count; i++) {
		cleanup_free char *word = NULL;

		err = (struct error)ERROR_INIT;
		word = words_expand(words.items[i], file->escape, variables, &err);
		if ((word == NULL) != (err.cause[0] != '\0') || (word && strlen(word) > WORD_MAX))
			abort();
		if (word && step->verb == VERB_ENV && strchr(word, '=') && variables->count < 16)
			(void)list_set(variables, word);
	}
	list_done(&words);
}

static void check(const struct containerfile *file)
{
	struct list variables = { .items = NULL };
	unsigned int line = 0;

	for (size_t i = 0; i < file->count; i++) {
		const struct instruction *step = &file->items[i];

		if (step->line <= line || !step->text || !step->text[0])
			abort();
		/* Only with a here-document. */
		if (step->verb != VERB_RUN && strchr(step->text, '\n'))
			abort();
		line = step->line;
		(void)containerfile_flag(step, "from");
		expand(file, step, &variables);
	}
	list_done(&variables);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct containerfile file = { .name = "File" };
	struct ignore ignore = { .takes_back = false };
	struct error err = ERROR_INIT;
	cleanup_free char *text = NULL;
	int result = containerfile_parse(&file, (const char *)data, size, &err);

	if ((result < 0) != (err.cause[0] != '\0') || (result == 0 && !file.has_from))
		abort();
	if (result == 0)
		check(&file);
	containerfile_done(&file);
	text = strndup((const char *)data, size);
	if (text && ignore_parse(&ignore, text) == 0)
		(void)ignore_has(&ignore, "a/b/a/b/c");
	ignore_done(&ignore);
	return 0;
}
