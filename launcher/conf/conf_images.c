/* SPDX-License-Identifier: BSD-3-Clause */
/* conf_images.c - the keys on what images get if they ask for it; see launcher/permissions/. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/conf/conf_parse.h"

/* Puts `more` behind *list, and takes its texts. Returns 0, or -1 when out of memory. */
static int append(char ***list, char **more)
{
	size_t old = 0, count = 0;
	char **all;

	while (*list && (*list)[old])
		old++;
	while (more[count])
		count++;
	all = reallocarray(*list, old + count + 1, sizeof(*all));
	if (!all)
		return -1;
	memcpy(all + old, more, (count + 1) * sizeof(*all));
	free(more);
	*list = all;
	return 0;
}

/* What the user's file lists comes on top: it is the user whom an image could harm. */
static int read_patterns(const struct conf_reader *reader, const struct yaml_node *list,
			 bool are_paths, char ***patterns, struct error *err)
{
	char **more;

	if (conf_expect(reader, list, YAML_LIST, err) < 0)
		return -1;
	for (const struct yaml_node *node = list->children; node; node = node->next) {
		if (conf_expect(reader, node, YAML_TEXT, err) < 0)
			return -1;
		if (are_paths ? node->text[0] == '/' : node->text[0] != '\0')
			continue;
		error_set(err, 0, "'%s': '%s' is no %s", list->key, node->text,
			  are_paths ? "absolute path" : "pattern");
		error_remedy(err, are_paths ? "/DIR/** for all below a directory" : "a name");
		return conf_refuse(reader, node, err);
	}
	more = conf_texts(reader, list, err);
	if (!more)
		return -1;
	if (append(patterns, more) == 0)
		return 0;
	strings_free(more);
	return error_set(err, ENOMEM, "cannot read '%s'", reader->path);
}

int conf_read_image_mounts(const struct conf_reader *reader, const struct yaml_node *list,
			   struct error *err)
{
	return read_patterns(reader, list, true, &reader->conf->image_mounts, err);
}

int conf_read_image_devices(const struct conf_reader *reader, const struct yaml_node *list,
			    struct error *err)
{
	return read_patterns(reader, list, false, &reader->conf->image_devices, err);
}

int conf_read_image_system_calls(const struct conf_reader *reader, const struct yaml_node *list,
				 struct error *err)
{
	return read_patterns(reader, list, false, &reader->conf->image_system_calls, err);
}
