/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_permissions.c - any bytes as what an image asks for.
 *
 * What is refused has a cause; what is taken is within bounds and can be told in words.
 */
/* link: launcher/permissions/permissions.c images/files.c launcher/conf/conf.c launcher/conf/conf_devices.c launcher/conf/conf_file.c launcher/conf/conf_images.c launcher/conf/conf_imports.c launcher/conf/conf_options.c launcher/conf/conf_parse.c launcher/conf/conf_sections.c launcher/conf/choices.c launcher/env/edits.c launcher/conf/templates.c launcher/conf/yaml.c launcher/policy/policy.c launcher/policy/policy_parse.c common/digest.c common/securityspec.c common/settings.c common/settings_names.c common/unsharespec.c common/source.c common/devicespec.c common/envspec.c common/mountspec.c common/nearest.c common/node.c common/error.c common/fd.c -lyaml */
#include <stdint.h>
#include <stdlib.h>

#include "common/fd.h"
#include "launcher/permissions/permissions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct permissions asks;
	struct error err = ERROR_INIT;
	char **words;

	if (permissions_parse(&asks, size > 0 ? (const char *)data : "", size, &err) < 0) {
		if (err.cause[0] == '\0')
			abort();
	} else {
		words = permissions_words(&asks);
		if (!words || asks.mounts.count > 64)
			abort();
		strings_free(words);
	}
	permissions_done(&asks);
	return 0;
}
