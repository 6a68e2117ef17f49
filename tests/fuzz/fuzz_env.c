/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_env.c - --container-env, and the edits that ranks find in memory which others may write. */
/* link: common/envspec.c launcher/env/edits.c common/error.c common/fd.c */
#include "common/envspec.h"
#include "launcher/env/edits.h"
#include "tests/fuzz/fuzz.h"

static char *const job[] = { "A=1", "AB=", "PATH=/bin", "A=2", "none", "=x", NULL };

static void apply(const char *text, size_t size)
{
	struct error err = ERROR_INIT;
	char **env = edits_result(job, text, size, &err);

	fuzz_check_error(env ? 0 : -1, &err);
	for (char **entry = env; entry && *entry; entry++)
		assert(strchr(*entry, '='));
	free(env);
}

static void parse(const char *text)
{
	struct envlist list = { .items = NULL };
	struct edits edits = { .text = NULL };
	struct error err = ERROR_INIT;

	fuzz_check_error(envlist_parse(&list, text, &err), &err);
	for (size_t i = 0; i < list.count; i++) {
		const char *name = list.items[i].name;

		assert(env_is_name(name, strlen(name)));
		assert(edits_add(&edits, EDIT_JOB, name, &err) == 0);
	}
	if (edits.len > 0)
		apply(edits.text, edits.len);
	edits_done(&edits);
	envlist_done(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);

	parse(text);
	apply((const char *)data, size); /* a block without a NUL behind it */
	free(text);
	return 0;
}
