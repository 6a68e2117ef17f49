/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_settings.c - NAME=VALUE lines, set one after the other: each option's own parser. */
/* link: common/digest.c common/settings.c common/settings_names.c common/unsharespec.c common/source.c common/devicespec.c common/envspec.c common/mountspec.c common/nearest.c common/securityspec.c common/error.c common/fd.c */
#include "common/settings.h"
#include "tests/fuzz/fuzz.h"

static void set(struct settings *settings, char *line)
{
	struct error err = ERROR_INIT;
	char *value = strchr(line, '=');

	if (!value) {
		(void)settings_nearest(line);
		return;
	}
	*value++ = '\0';
	fuzz_check_error(settings_set(settings, line, value, &err), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings settings = { .image = NULL };
	char *text = fuzz_string(data, size), *rest = text, *line;

	while ((line = strsep(&rest, "\n")))
		set(&settings, line);
	assert(!settings.image || settings.image[0]);
	assert(!settings.workdir || settings.workdir[0] == '/');
	assert(!settings.name || !strchr(settings.name, '/'));
	assert(!settings.writable_dir || settings.writable == WRITABLE_DIR);
	assert(!settings.image_cache || (settings.image_cache >= IMAGE_CACHE_MIN &&
					 settings.image_cache <= IMAGE_CACHE_MAX));
	assert(!settings.writable_size || settings.writable == WRITABLE_MEMORY);
	for (size_t i = 0; i < settings.unshare.port_count; i++)
		assert(settings.unshare.ports[i].host && settings.unshare.ports[i].container);
	settings_done(&settings);
	free(text);
	return 0;
}
