/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_mounts.c - --container-mounts: the parser, and what is done with the list. */
/* link: common/mountspec.c common/nearest.c common/error.c common/fd.c */
#include "common/mountspec.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct mountspec *spec)
{
	char *normal = path_normalise(spec->target);

	assert(normal && strcmp(normal, spec->target) == 0);
	assert(spec->target[1]); /* not "/" */
	assert(!spec->source == (spec->kind != MOUNT_BIND));
	assert(!(spec->size || spec->mode) || spec->kind == MOUNT_TMPFS);
	free(normal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mountlist list = { .items = NULL }, copy = { .items = NULL };
	struct error err = ERROR_INIT, copy_err = ERROR_INIT;
	char *text = fuzz_string(data, size);

	fuzz_check_error(mountlist_parse(&list, text, &err), &err);
	for (size_t i = 0; i < list.count; i++)
		check(&list.items[i]);
	assert(mountlist_append_copy(&copy, &list, &copy_err) == 0);
	mountlist_done(&list);
	fuzz_check_error(mountlist_apply_umounts(&copy, &copy_err), &copy_err);
	mountlist_sort(&copy);
	for (size_t i = 0; i < copy.count; i++) {
		check(&copy.items[i]);
		assert(copy.items[i].kind != MOUNT_UMOUNT);
		assert(i == 0 || strlen(copy.items[i - 1].target) <= strlen(copy.items[i].target));
	}
	mountlist_done(&copy);
	free(text);
	return 0;
}
