/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_oci.c - any bytes as each file that configures an image.
 *
 * The first byte chooses which; what comes out must be what imageconf.h promises. Needs
 * images/oci.c, images/foreign.c, images/imageconf.c, images/files.c, common/error.c, common/fd.c and jansson.
 */
/* link: images/oci.c images/foreign.c images/imageconf.c images/files.c common/error.c common/fd.c -ljansson */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/fd.h"
#include "images/foreign.h"
#include "images/imageconf.h"
#include "images/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_env(char **env)
{
	for (size_t i = 0; env && env[i]; i++)
		if (env[i][0] == '=' || !strchr(env[i], '='))
			abort();
}

static void fuzz_json(uint8_t which, const char *text, size_t len)
{
	struct image_config config = { .origin = NULL };
	struct error err = ERROR_INIT;
	char *root = NULL;
	int result;

	if (which == 0) {
		result = oci_read_image(&config, text, len, &err);
	} else if (which == 1) {
		result = oci_read_bundle(&config, text, len, &err);
	} else if (which == 2) {
		result = oci_find_bundle_root(text, len, &root, &err);
		if (root && (result < 0 || root[0] == '\0'))
			abort();
	} else {
		result = 0;
		config.labels = oci_read_labels(text, len);
	}
	if ((result < 0) != (err.cause[0] != '\0'))
		abort();
	if (result == 0) {
		check_env(config.env);
		check_env(config.labels);
		if (config.workdir && config.workdir[0] != '/')
			abort();
	}
	free(root);
	image_config_done(&config);
}

static void fuzz_lines(uint8_t which, char *text)
{
	struct image_config config = { .origin = NULL };
	struct variables env = { .items = NULL };
	const char *workdir = NULL;

	if (which == 4)
		(void)foreign_add_environment(&env, text);
	else if (which == 5)
		(void)foreign_add_charliecloud(&env, text);
	else if (which == 6)
		(void)foreign_add_script(&env, text, &config.scripts);
	else
		workdir = foreign_find_workdir(text);
	if (workdir && workdir[0] != '/')
		abort();
	config.env = env.items;
	check_env(config.env);
	image_config_done(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = malloc(size + 1);
	uint8_t which = size > 0 ? data[0] % 8 : 0;

	if (!text || size == 0)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (which < 4)
		fuzz_json(which, text, size - 1);
	else
		fuzz_lines(which, text);
	return 0;
}
