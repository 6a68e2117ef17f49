/* SPDX-License-Identifier: BSD-3-Clause */
/* conf_imports.c - the keys on the import cache; see launcher/imports/. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/conf/conf_parse.h"
#include "launcher/conf/templates.h"

int conf_read_import_cache(const struct conf_reader *reader, const struct yaml_node *node,
			   struct error *err)
{
	char *path;

	if (conf_expect(reader, node, YAML_TEXT, err) < 0)
		return -1;
	if (template_check(node->text, err) < 0) {
		error_wrap(err, "'%s'", node->key);
		return conf_refuse(reader, node, err);
	}
	/* The home directory is absolute, and so are paths below it. */
	if (node->text[0] != '/' && strncmp(node->text, "%h", 2) != 0) {
		error_set(err, 0, "'%s': '%s' is not an absolute path", node->key, node->text);
		error_remedy(err, "a directory of the user's that all nodes have, such as "
				  "/scratch/%%u/davit");
		return conf_refuse(reader, node, err);
	}
	path = strdup(node->text);
	if (!path)
		return error_set(err, ENOMEM, "cannot read '%s'", reader->path);
	free(reader->conf->import_cache);
	reader->conf->import_cache = path;
	return 0;
}

/* Returns 0 where the text is no size. */
static uint64_t parse_size(const char *text)
{
	static const char units[] = "mgt";
	size_t digits = strspn(text, "0123456789");
	const char *unit =
		text[digits] ? strchr(units, tolower((unsigned char)text[digits])) : NULL;
	unsigned int shift = unit ? 20 + 10 * (unsigned int)(unit - units) : 0;
	unsigned long long number;

	if (digits == 0 || digits > 18 || !unit || text[digits + 1])
		return 0;
	number = strtoull(text, NULL, 10);
	return number <= (uint64_t)INT64_MAX >> shift ? number << shift : 0;
}

int conf_parse_import_cache_max(const char *text, uint64_t *size, struct error *err)
{
	*size = parse_size(text);
	if (*size)
		return 0;
	error_set(err, 0, "'%s' is not a size", text);
	return error_remedy(err, "NUMBER with m, g or t behind it, such as 50g");
}

int conf_read_import_cache_max(const struct conf_reader *reader, const struct yaml_node *node,
			       struct error *err)
{
	if (conf_expect(reader, node, YAML_TEXT, err) < 0)
		return -1;
	if (conf_parse_import_cache_max(node->text, &reader->conf->import_cache_max, err) == 0)
		return 0;
	error_wrap(err, "'%s'", node->key);
	return conf_refuse(reader, node, err);
}
