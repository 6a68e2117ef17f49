/* SPDX-License-Identifier: BSD-3-Clause */
/* spec.c - see spec.h. */
#include "images/build/spec.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/fd.h"

static int refuse_memory(struct error *err)
{
	return error_set(err, ENOMEM, "cannot keep the image's configuration");
}

/* Where `value` is NULL, jansson did not take the text. */
static int set(struct spec *spec, json_t *object, const char *key, json_t *value, struct error *err)
{
	if (!value) {
		error_set(err, 0, "it is not in UTF-8");
		return error_remedy(err, "UTF-8: the image's configuration is JSON");
	}
	if (json_object_set_new(object, key, value) < 0) {
		error_set(err, 0, "'%s' is not in UTF-8", key);
		return error_remedy(err, "UTF-8: the image's configuration is JSON");
	}
	spec->is_changed = true;
	return 0;
}

int spec_set_text(struct spec *spec, const char *key, const char *text, struct error *err)
{
	return set(spec, spec->config, key, json_string(text), err);
}

int spec_set_words(struct spec *spec, const char *key, char *const *words, struct error *err)
{
	json_t *array = json_array();

	if (!words) {
		(void)json_object_del(spec->config, key);
		json_decref(array);
		return 0;
	}
	for (; array && *words; words++)
		if (json_array_append_new(array, json_string(*words)) < 0) {
			json_decref(array);
			array = NULL;
		}
	return set(spec, spec->config, key, array, err);
}

int spec_set_entry(struct spec *spec, const char *key, const char *name, const char *value,
		   struct error *err)
{
	json_t *object = json_object_get(spec->config, key);

	if (!json_is_object(object)) {
		if (set(spec, spec->config, key, json_object(), err) < 0)
			return -1;
		object = json_object_get(spec->config, key);
	}
	return set(spec, object, name, value ? json_string(value) : json_object(), err);
}

int spec_set_env(struct spec *spec, const char *variable, struct error *err)
{
	json_t *probe = json_string(variable);

	if (!probe) {
		error_set(err, 0, "it is not in UTF-8");
		return error_remedy(err, "UTF-8: the image's configuration is JSON");
	}
	json_decref(probe);
	spec->is_changed = true;
	return list_set(&spec->env, variable) < 0 ? refuse_memory(err) : 0;
}

const char *spec_text(const struct spec *spec, const char *key)
{
	return json_string_value(json_object_get(spec->config, key));
}

/* What a base says that has no configuration of the OCI's. */
static int take_foreign(struct spec *spec, const struct image_config *base, struct error *err)
{
	if ((base->workdir && spec_set_text(spec, "WorkingDir", base->workdir, err) < 0) ||
	    (base->entrypoint && spec_set_words(spec, "Entrypoint", base->entrypoint, err) < 0) ||
	    (base->command && spec_set_words(spec, "Cmd", base->command, err) < 0))
		return -1;
	for (char *const *label = base->labels; label && *label; label++) {
		size_t len = strcspn(*label, "=");
		cleanup_free char *key = strndup(*label, len);

		if (!key)
			return refuse_memory(err);
		if (spec_set_entry(spec, "Labels", key, *label + len + 1, err) < 0)
			return -1;
	}
	return 0;
}

static const char *architecture(void)
{
	static const char *const names[][2] = {
		{ "x86_64", "amd64" },
		{ "aarch64", "arm64" },
		{ "i686", "386" },
	};
	static struct utsname node;

	if (uname(&node) < 0)
		return "unknown";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(node.machine, names[i][0]) == 0)
			return names[i][1];
	return node.machine;
}

int spec_begin(struct spec *spec, const struct image_config *base, const char *text,
	       struct error *err)
{
	json_error_t ignored;

	*spec = (struct spec){ .whole = text ? json_loads(text, 0, &ignored) : NULL };
	if (!json_is_object(spec->whole)) {
		json_decref(spec->whole);
		spec->whole = json_object();
	}
	(void)json_object_del(spec->whole, "rootfs");
	(void)json_object_del(spec->whole, "history");
	spec->config = json_object_get(spec->whole, "config");
	if (!json_is_object(spec->config) &&
	    json_object_set_new(spec->whole, "config", json_object()) == 0)
		spec->config = json_object_get(spec->whole, "config");
	if (!spec->config)
		return refuse_memory(err);
	if (!json_object_get(spec->whole, "architecture"))
		(void)json_object_set_new(spec->whole, "architecture", json_string(architecture()));
	if (!json_object_get(spec->whole, "os"))
		(void)json_object_set_new(spec->whole, "os", json_string("linux"));
	for (char *const *entry = base->env; entry && *entry; entry++)
		if (list_set(&spec->env, *entry) < 0)
			return refuse_memory(err);
	if (!text && take_foreign(spec, base, err) < 0)
		return -1;
	spec->is_changed = false;
	return 0;
}

char *spec_write(struct spec *spec, struct error *err)
{
	char *text;

	if (spec->env.items && spec_set_words(spec, "Env", spec->env.items, err) < 0)
		return NULL;
	text = json_dumps(spec->whole, JSON_INDENT(2) | JSON_SORT_KEYS);
	if (!text)
		refuse_memory(err);
	return text;
}

void spec_done(struct spec *spec)
{
	json_decref(spec->whole);
	list_done(&spec->env);
	*spec = (struct spec){ .whole = NULL };
}
