/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_seccomp.c - any bytes as a seccomp profile in JSON, and as filters of a container's /dev.
 *
 * The first byte chooses. A profile that is taken is compiled, too, as far as it is small: what comes
 * out must be within the kernel's limits.
 */
/* link: launcher/security/calls.c launcher/security/compile.c launcher/security/filter.c launcher/security/profile.c launcher/security/profile_file.c launcher/security/profile_json.c launcher/security/profile_when.c launcher/security/table.c common/nearest.c common/error.c common/fd.c -lseccomp -ljansson */
#include <stdbool.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "launcher/fakeroot.h"
#include "launcher/security/compile.h"
#include "launcher/security/profile_file.h"
#include "tests/fuzz/fuzz.h"

#define COMPILED_MAX 64 /* rules */

int fakeroot_rules(scmp_filter_ctx filter, bool (*is_refused)(int call, const void *data),
		   const void *data)
{
	(void)filter;
	(void)is_refused;
	(void)data;
	return 0;
}

/* No filter is to be installed in this process: who asks for more instructions than there are is
 * told so before, all others end at the kernel, which wants no_new_privs or root. */
long syscall(long number, ...);
long syscall(long number, ...)
{
	(void)number;
	return 0;
}

static bool has_capability(const char *name, const void *data)
{
	(void)data;
	return strcmp(name, "CAP_CHOWN") == 0;
}

static void check_rules(const struct profile_file *file)
{
	assert(file->count <= PROFILE_RULES_MAX && file->arch_count <= PROFILE_ARCHES_MAX);
	for (size_t i = 0; i < file->count; i++) {
		assert(file->rules[i].action != file->action);
		assert(file->rules[i].arg_count <= PROFILE_ARGS_MAX);
		for (unsigned int k = 0; k < file->rules[i].arg_count; k++)
			assert(file->rules[i].args[k].arg < PROFILE_ARGS_MAX);
	}
}

static void compile(struct profile_file *file)
{
	struct error err = ERROR_INIT;
	struct profile profile;
	struct filter filter;

	profile_init_open(&profile);
	profile.file = file;
	fuzz_check_error(profile_compile(&profile, false, &filter, &err), &err);
	assert(filter.len <= FILTER_MAX);
	if (filter.data)
		assert(filter_load(filter.data, filter.len, &err) == 0);
	filter_done(&filter);
	profile_done(&profile);
}

static void fuzz_file(const char *text, size_t len)
{
	const struct profile_facts facts = { .has_capability = has_capability };
	struct error err = ERROR_INIT;
	struct profile_file *file = profile_file_parse(text, len, &facts, &err);

	fuzz_check_error(file ? 0 : -1, &err);
	if (!file)
		return;
	check_rules(file);
	if (file->count <= COMPILED_MAX)
		compile(file);
	else
		profile_file_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size);
	assert(text);
	memcpy(text, data + 1, size - 1);
	if (data[0] == '!')
		fuzz_check_error(filter_load(text, size - 1, &err), &err);
	else
		fuzz_file(text, size - 1);
	free(text);
	return 0;
}
