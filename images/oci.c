/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * oci.c - see oci.h.
 *
 * jansson refuses NUL characters in strings, invalid UTF-8 and deep nesting.
 */
#include "images/oci.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "images/json.h"

static const char *type_name(json_type type)
{
	switch (type) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	default:
		return "a string";
	}
}

/* A new reference to the object that `text` is. */
static json_t *parse(const char *text, size_t len, struct error *err)
{
	json_error_t error;
	json_t *json = json_loadb(text, len, 0, &error);

	if (!json)
		error_set(err, 0, "line %d: %s", error.line, error.text);
	else if (!json_is_object(json)) {
		error_set(err, 0, "it is not a JSON object");
		json_decref(json);
		json = NULL;
	}
	return json;
}

/* The member `key` of `object`, which is called `parent` in messages; *value is NULL where there is
 * none. */
static int get(json_t *object, const char *parent, const char *key, json_type type, json_t **value,
	       struct error *err)
{
	*value = json_object_get(object, key);
	if (!*value || json_is_null(*value)) {
		*value = NULL;
		return 0;
	}
	if (json_typeof(*value) != type)
		return error_set(err, 0, "'%s%s' is not %s", parent, key, type_name(type));
	return 0;
}

static int refuse_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot keep it");
}

/* A path that must be absolute; "" is as good as none. */
static int get_directory(json_t *object, const char *parent, const char *key, char **path,
			 struct error *err)
{
	json_t *value;
	const char *text;

	if (get(object, parent, key, JSON_STRING, &value, err) < 0)
		return -1;
	text = value ? json_string_value(value) : "";
	if (text[0] == '\0')
		return 0;
	if (text[0] != '/')
		return error_set(err, 0, "'%s%s' is not an absolute path: '%s'", parent, key, text);
	*path = strdup(text);
	return *path ? 0 : refuse_memory(err);
}

static int get_list(json_t *object, const char *parent, const char *key, char ***list,
		    struct error *err)
{
	json_t *array, *item;
	size_t i;

	if (get(object, parent, key, JSON_ARRAY, &array, err) < 0)
		return -1;
	if (json_array_size(array) == 0)
		return 0;
	*list = calloc(json_array_size(array) + 1, sizeof((*list)[0]));
	if (!*list)
		return refuse_memory(err);
	json_array_foreach(array, i, item)
	{
		if (!json_is_string(item))
			return error_set(err, 0, "'%s%s[%zu]' is not a string", parent, key, i);
		(*list)[i] = strdup(json_string_value(item));
		if (!(*list)[i])
			return refuse_memory(err);
	}
	return 0;
}

static int get_env(json_t *object, const char *parent, const char *key, char ***env,
		   struct error *err)
{
	if (get_list(object, parent, key, env, err) < 0)
		return -1;
	for (size_t i = 0; *env && (*env)[i]; i++)
		if ((*env)[i][0] == '=' || !strchr((*env)[i], '='))
			return error_set(err, 0, "'%s%s[%zu]' is not NAME=VALUE: '%s'", parent, key,
					 i, (*env)[i]);
	return 0;
}

/* An object of strings as "KEY=VALUE"; `lenient` passes over what is not. */
static int get_labels(json_t *object, const char *parent, bool lenient, char ***labels,
		      struct error *err)
{
	const char *key;
	json_t *value;
	size_t count = 0;

	if (json_object_size(object) == 0)
		return 0;
	*labels = calloc(json_object_size(object) + 1, sizeof((*labels)[0]));
	if (!*labels)
		return refuse_memory(err);
	json_object_foreach((json_t *)object, key, value)
	{
		if (key[0] == '\0' || strchr(key, '=') || !json_is_string(value)) {
			if (lenient)
				continue;
			return error_set(err, 0, "'%s' has a '%s' that is not a name with a string",
					 parent, key);
		}
		if (asprintf(&(*labels)[count], "%s=%s", key, json_string_value(value)) < 0) {
			(*labels)[count] = NULL;
			return refuse_memory(err);
		}
		count++;
	}
	return 0;
}

int oci_read_image(struct image_config *config, const char *text, size_t len, struct error *err)
{
	cleanup_json json_t *json = parse(text, len, err);
	json_t *inner, *labels;

	if (!json || get(json, "", "config", JSON_OBJECT, &inner, err) < 0 ||
	    get_env(inner, "config.", "Env", &config->env, err) < 0 ||
	    get_directory(inner, "config.", "WorkingDir", &config->workdir, err) < 0 ||
	    get_list(inner, "config.", "Entrypoint", &config->entrypoint, err) < 0 ||
	    get_list(inner, "config.", "Cmd", &config->command, err) < 0 ||
	    get(inner, "config.", "Labels", JSON_OBJECT, &labels, err) < 0)
		return -1;
	return get_labels(labels, "config.Labels", false, &config->labels, err);
}

int oci_read_bundle(struct image_config *config, const char *text, size_t len, struct error *err)
{
	cleanup_json json_t *json = parse(text, len, err);
	json_t *process, *annotations;

	if (!json || get(json, "", "process", JSON_OBJECT, &process, err) < 0 ||
	    get_env(process, "process.", "env", &config->env, err) < 0 ||
	    get_directory(process, "process.", "cwd", &config->workdir, err) < 0 ||
	    get_list(process, "process.", "args", &config->command, err) < 0 ||
	    get(json, "", "annotations", JSON_OBJECT, &annotations, err) < 0)
		return -1;
	return get_labels(annotations, "annotations", false, &config->labels, err);
}

int oci_find_bundle_root(const char *text, size_t len, char **path, struct error *err)
{
	cleanup_json json_t *json = parse(text, len, err);
	json_t *root, *value;

	*path = NULL;
	if (!json)
		return -1;
	/* Other programs have a config.json, too. */
	if (!json_object_get(json, "ociVersion"))
		return 0;
	if (get(json, "", "root", JSON_OBJECT, &root, err) < 0 ||
	    get(root, "root.", "path", JSON_STRING, &value, err) < 0)
		return -1;
	if (!value || json_string_length(value) == 0)
		return error_set(err, 0, "it has no 'root.path'");
	*path = strdup(json_string_value(value));
	return *path ? 0 : refuse_memory(err);
}

char **oci_read_labels(const char *text, size_t len)
{
	struct error ignored = ERROR_INIT;
	cleanup_json json_t *json = parse(text, len, &ignored);
	char **labels = NULL;

	if (json)
		(void)get_labels(json, "", true, &labels, &ignored);
	return labels;
}
