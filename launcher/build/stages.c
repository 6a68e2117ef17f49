/* SPDX-License-Identifier: BSD-3-Clause */
/* stages.c - see build.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

#include "common/fd.h"
#include "common/nearest.h"
#include "images/build/words.h"
#include "launcher/build/build.h"

/* May be given, and are of no file: they are for the network of RUN. */
static bool is_proxy(const char *name, size_t len)
{
	static const char *const names[] = { "http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
					     "all_proxy" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && strncasecmp(name, names[i], len) == 0)
			return true;
	return false;
}

bool stages_is_path(const char *base)
{
	static const char *const suffixes[] = { ".sqfs", ".squashfs", ".sif" };
	size_t len = strlen(base);

	if (base[0] == '/' || strncmp(base, "./", 2) == 0 || strncmp(base, "../", 3) == 0 ||
	    strcmp(base, ".") == 0)
		return true;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t suffix = strlen(suffixes[i]);

		if (!strstr(base, "://") && len > suffix &&
		    strcmp(base + len - suffix, suffixes[i]) == 0)
			return true;
	}
	return false;
}

bool stages_is_source(const char *base)
{
	static const char *const transports[] = { "docker://",      "oci:",
						  "oci-archive:",   "docker-archive:",
						  "docker-daemon:", "containers-storage:" };

	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++)
		if (strncmp(base, transports[i], strlen(transports[i])) == 0)
			return true;
	return false;
}

/* ---- ARG ------------------------------------------------------------------------------------- */

static const char *machine(void)
{
	static struct utsname node;

	if (uname(&node) < 0)
		return "unknown";
	if (strcmp(node.machine, "x86_64") == 0)
		return "amd64";
	return strcmp(node.machine, "aarch64") == 0 ? "arm64" : node.machine;
}

/* What BuildKit knows by itself: both are this node. */
static char *of_node(const char *name)
{
	const char *kind = strncmp(name, "TARGET", 6) == 0 || strncmp(name, "BUILD", 5) == 0
				   ? name + (name[0] == 'T' ? 6 : 5)
				   : "";
	char *text = NULL;

	if (strcmp(kind, "OS") == 0)
		return strdup("linux");
	if (strcmp(kind, "ARCH") == 0)
		return strdup(machine());
	if (strcmp(kind, "PLATFORM") == 0 && asprintf(&text, "linux/%s", machine()) < 0)
		text = NULL;
	return text;
}

static int set(struct list *values, const char *name, const char *value, struct error *err)
{
	cleanup_free char *variable = NULL;

	if (asprintf(&variable, "%s=%s", name, value) < 0)
		variable = NULL;
	return !variable || list_set(values, variable) < 0
		       ? error_set(err, ENOMEM, "cannot keep an argument")
		       : 0;
}

static int declare(const struct build *build, char *word, const struct list *variables,
		   const struct list *outer, struct list *values, struct error *err)
{
	size_t len = strcspn(word, "=");
	const char *given = list_get(&build->given, word, len), *of_outer;
	bool has_default = word[len] == '=';
	cleanup_free char *text = NULL;

	if (len == 0 || words_name_len(word) != len) {
		error_set(err, 0, "'%.*s' is not a name for an argument",
			  (int)(len > 40 ? 40 : len), word);
		return error_remedy(err, "letters, digits and '_'");
	}
	word[len] = '\0';
	of_outer = outer ? list_get(outer, word, len) : NULL;
	if (given)
		return set(values, word, given, err);
	if (has_default) {
		text = words_expand(word + len + 1, build->file.escape, variables, err);
		return text ? set(values, word, text, err) : -1;
	}
	return of_outer ? set(values, word, of_outer, err) : 0;
}

int stages_declare(const struct build *build, const struct instruction *arg,
		   const struct list *variables, const struct list *outer, struct list *values,
		   struct error *err)
{
	struct list words = { .items = NULL };
	int result = words_split(&words, arg->text, build->file.escape, err);

	for (size_t i = 0; result == 0 && i < words.count; i++)
		result = declare(build, words.items[i], variables, outer, values, err);
	list_done(&words);
	return result;
}

/* Does an ARG of the file take it? `near` gets the name that is nearest, to be freed. */
static bool is_taken(const struct build *build, const char *given, char **near)
{
	size_t len = strcspn(given, "="), best = 3;

	for (size_t i = 0; i < build->file.count; i++) {
		const struct instruction *item = &build->file.items[i];
		struct list words = { .items = NULL };
		struct error ignored = ERROR_INIT;
		bool is_it = false;

		if (item->verb != VERB_ARG)
			continue;
		(void)words_split(&words, item->text, build->file.escape, &ignored);
		for (size_t word = 0; word < words.count && !is_it; word++) {
			char *name = words.items[word];
			cleanup_free char *own = strndup(given, len);
			size_t distance;

			name[strcspn(name, "=")] = '\0';
			is_it = strlen(name) == len && strncmp(name, given, len) == 0;
			distance = own ? word_distance(own, name) : best;
			if (distance < best) {
				best = distance;
				free(*near);
				*near = strdup(name);
			}
		}
		list_done(&words);
		if (is_it)
			return true;
	}
	return false;
}

static int check_given(const struct build *build, struct error *err)
{
	for (size_t i = 0; i < build->given.count; i++) {
		const char *given = build->given.items[i];
		int len = (int)strcspn(given, "=");
		cleanup_free char *near = NULL;

		if (is_proxy(given, (size_t)len) || is_taken(build, given, &near))
			continue;
		error_set(err, 0, "--build-arg %.*s: no ARG of '%s' takes it", len, given,
			  build->file.name);
		return near ? error_remedy(err, "%s", near)
			    : error_remedy(err, "ARG %.*s in that file", len, given);
	}
	return 0;
}

/* ---- stages ---------------------------------------------------------------------------------- */

int stages_find(const struct build *build, const char *name, size_t before)
{
	char *end;
	unsigned long number;

	for (size_t i = before; i-- > 0;)
		if (build->stages[i].name && strcasecmp(build->stages[i].name, name) == 0)
			return (int)i;
	number = strtoul(name, &end, 10);
	return name[0] >= '0' && name[0] <= '9' && !*end && number < before ? (int)number : -1;
}

static int refuse_from(struct error *err)
{
	error_set(err, 0, "this FROM is not understood");
	return error_remedy(err, "FROM IMAGE, or FROM IMAGE AS NAME");
}

/* A name for COPY --from and --target; a number would be taken for the stage's. */
static bool is_stage_name(const char *name)
{
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
		       strlen(name) &&
	       !strchr("0123456789_.-", name[0]);
}

static int check_platform(const struct build *build, const struct instruction *from,
			  struct error *err)
{
	const char *flag = containerfile_flag(from, "platform");
	cleanup_free char *wanted = NULL, *own = of_node("BUILDPLATFORM");

	if (!flag)
		return 0;
	wanted = words_expand(flag, build->file.escape, &build->globals, err);
	if (!wanted)
		return -1;
	if (own && (strcmp(wanted, own) == 0 || strcmp(wanted, own + strlen("linux/")) == 0))
		return 0;
	error_set(err, 0, "platform '%s' is not this node's", wanted);
	return error_remedy(err, "%s, or a node of that kind", own ? own : "leave it out");
}

static struct stage *new_stage(struct build *build, const struct instruction *from,
			       struct error *err)
{
	struct stage *stage = &build->stages[build->stage_count];

	if (build->stage_count == STAGES_MAX) {
		error_set(err, 0, "more than %d stages", STAGES_MAX);
		error_remedy(err, "several files, the one's image as base of the next");
		return NULL;
	}
	*stage = (struct stage){
		.from = from, .base_stage = -1, .control = -1, .root = -1, .hold = -1
	};
	build->stage_count++;
	return stage;
}

static int begin_stage(struct build *build, size_t index, struct error *err)
{
	const struct instruction *from = &build->file.items[index];
	struct stage *stage = new_stage(build, from, err);
	struct list words = { .items = NULL };
	int result = -1;

	if (!stage)
		return -1;
	stage->first = stage->end = index + 1;
	if (words_split(&words, from->text, build->file.escape, err) < 0)
		goto out;
	if (words.count != 1 && (words.count != 3 || strcasecmp(words.items[1], "AS") != 0)) {
		refuse_from(err);
		goto out;
	}
	stage->base = words_expand(words.items[0], build->file.escape, &build->globals, err);
	if (!stage->base || check_platform(build, from, err) < 0)
		goto out;
	if (!stage->base[0]) {
		error_set(err, 0, "the image's name '%s' is empty", words.items[0]);
		error_remedy(err, "ARG with a default above FROM, or --build-arg");
		goto out;
	}
	stage->base_stage = stages_find(build, stage->base, build->stage_count - 1);
	result = 0;
	if (words.count == 3) {
		stage->name = strdup(words.items[2]);
		result = stage->name ? 0 : error_set(err, ENOMEM, "cannot keep a name");
	}
	if (result == 0 && stage->name && !is_stage_name(stage->name)) {
		error_set(err, 0, "'%s' is not a name for a stage", stage->name);
		result = error_remedy(err, "letters, digits, '_', '-' and '.', a letter in front");
	}
out:
	list_done(&words);
	return result;
}

static int list_stages(struct build *build, struct error *err)
{
	for (size_t i = 0; i < build->file.count; i++) {
		const struct instruction *item = &build->file.items[i];
		int result = 0;

		if (item->verb == VERB_FROM)
			result = begin_stage(build, i, err);
		else if (build->stage_count == 0)
			result = stages_declare(build, item, &build->globals, NULL, &build->globals,
						err);
		else
			build->stages[build->stage_count - 1].end = i + 1;
		if (result < 0)
			return containerfile_blame(&build->file, item, err);
	}
	return 0;
}

/* An image of which files are copied is a stage without instructions, behind all others. */
static struct stage *find_image(struct build *build, const char *name, size_t stages)
{
	for (size_t i = stages; i < build->stage_count; i++)
		if (strcmp(build->stages[i].name, name) == 0)
			return &build->stages[i];
	return NULL;
}

struct stage *stages_source(struct build *build, const char *name, size_t of)
{
	int index = stages_find(build, name, of);
	size_t stages = 0;

	while (stages < build->stage_count && build->stages[stages].from->verb == VERB_FROM)
		stages++;
	return index >= 0 ? &build->stages[index] : find_image(build, name, stages);
}

static int need_source(struct build *build, const struct instruction *copy, size_t of,
		       struct error *err)
{
	const char *name = containerfile_flag(copy, "from");
	struct stage *stage = name ? stages_source(build, name, of) : NULL;

	if (!name)
		return 0;
	if (build->stages[of].name && strcasecmp(name, build->stages[of].name) == 0) {
		error_set(err, 0, "a stage cannot copy from itself");
		error_remedy(err, "RUN cp");
		return containerfile_blame(&build->file, copy, err);
	}
	if (!stage) {
		stage = new_stage(build, copy, err);
		if (!stage)
			return containerfile_blame(&build->file, copy, err);
		stage->base = strdup(name);
		stage->name = strdup(name);
		if (!stage->base || !stage->name)
			return error_set(err, ENOMEM, "cannot keep a name");
	}
	stage->is_needed = stage->is_source = true;
	return 0;
}

/* From the last one back: a stage needs only earlier ones. */
static int mark_needed(struct build *build, struct error *err)
{
	build->stages[build->last].is_needed = true;
	for (size_t i = build->last + 1; i-- > 0;) {
		struct stage *stage = &build->stages[i];

		if (!stage->is_needed)
			continue;
		if (stage->base_stage >= 0) {
			build->stages[stage->base_stage].is_needed = true;
			build->stages[stage->base_stage].is_base = true;
		}
		for (size_t item = stage->first; item < stage->end; item++)
			if (build->file.items[item].verb == VERB_COPY &&
			    need_source(build, &build->file.items[item], i, err) < 0)
				return -1;
	}
	return 0;
}

int stages_plan(struct build *build, struct error *err)
{
	static const char *const of_node_names[] = { "TARGETPLATFORM", "TARGETOS", "TARGETARCH",
						     "BUILDPLATFORM",  "BUILDOS",  "BUILDARCH" };
	int last;

	for (size_t i = 0; i < sizeof(of_node_names) / sizeof(of_node_names[0]); i++) {
		cleanup_free char *value = of_node(of_node_names[i]);

		if (!value || set(&build->globals, of_node_names[i], value, err) < 0)
			return -1;
	}
	if (list_stages(build, err) < 0 || check_given(build, err) < 0)
		return -1;
	build->last = build->stage_count - 1;
	if (build->target) {
		last = stages_find(build, build->target, build->stage_count);
		if (last < 0) {
			error_set(err, 0, "there is no stage '%s' in '%s'", build->target,
				  build->file.name);
			return error_remedy(err, "FROM ... AS %s there", build->target);
		}
		build->last = (size_t)last;
	}
	return mark_needed(build, err);
}
