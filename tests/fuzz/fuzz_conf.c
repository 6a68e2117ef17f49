/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_conf.c - any bytes as a davit.conf.
 *
 * They are the site's file and then a user's under it. What is refused has a cause; what is taken can
 * be applied.
 */
/* link: launcher/conf/conf.c launcher/conf/conf_devices.c launcher/conf/conf_file.c launcher/conf/conf_images.c launcher/conf/conf_imports.c launcher/conf/conf_options.c launcher/conf/conf_parse.c launcher/conf/conf_sections.c launcher/conf/choices.c launcher/env/edits.c launcher/conf/templates.c launcher/conf/yaml.c launcher/policy/policy.c launcher/policy/policy_parse.c common/digest.c common/securityspec.c common/settings.c common/settings_names.c common/unsharespec.c common/source.c common/devicespec.c common/envspec.c common/mountspec.c common/nearest.c common/node.c common/error.c common/fd.c -lyaml */
#include <stdint.h>
#include <stdlib.h>

#include "launcher/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(enum conf_layer layer, const char *text, size_t size)
{
	struct conf conf;
	struct settings settings = { .image = NULL };
	struct error err = ERROR_INIT;

	if (conf_init(&conf, &err) < 0)
		abort();
	if (conf_parse(&conf, layer, "davit.conf", text, size, &err) < 0) {
		if (err.cause[0] == '\0')
			abort();
	} else if (choices_apply(&conf.choices, &settings, &err) < 0) {
		abort();
	}
	settings_done(&settings);
	conf_done(&conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = size > 0 ? (const char *)data : "";

	parse(CONF_SITE, text, size);
	parse(CONF_USER, text, size);
	return 0;
}
