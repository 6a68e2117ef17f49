/* SPDX-License-Identifier: BSD-3-Clause */
/* profile_file.c - see profile_file.h; beside images/oci.c the one that knows jansson. */
#include "launcher/security/profile_file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "common/fd.h"
#include "common/nearest.h"
#include "launcher/security/calls.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void decref(json_t **json)
{
	json_decref(*json);
}

#define cleanup_json __attribute__((cleanup(decref)))

struct parsing {
	struct profile_file *file;
	const struct profile_facts *facts;
	size_t rule; /* its index in "syscalls" */
	uint32_t default_errno;
	struct error *err;
};

struct word {
	const char *name;
	uint32_t value;
};

/* ---- values ---------------------------------------------------------------------------------- */

/* Is there nothing in `object` but these keys? */
static int check_keys(json_t *object, const char *where, const char *const *keys, size_t count,
		      struct error *err)
{
	const char *key, *near;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		size_t i = 0;

		while (i < count && strcmp(key, keys[i]) != 0)
			i++;
		if (i < count)
			continue;
		near = word_nearest(key, keys, count);
		error_set(err, 0, "unknown key '%s' in %s", key, where);
		return near ? error_remedy(err, "%s", near) : -1;
	}
	return 0;
}

static bool is_absent(json_t *value)
{
	return !value || json_is_null(value);
}

/* A member that has to be of this type; *value is NULL where it is absent. */
static int get(json_t *object, const char *key, json_type type, json_t **value, struct error *err)
{
	static const char *const names[] = { [JSON_OBJECT] = "an object",
					     [JSON_ARRAY] = "an array",
					     [JSON_STRING] = "a string",
					     [JSON_INTEGER] = "an integer" };

	*value = json_object_get(object, key);
	if (is_absent(*value)) {
		*value = NULL;
		return 0;
	}
	if (json_typeof(*value) != type)
		return error_set(err, 0, "'%s' is not %s", key, names[type]);
	return 0;
}

static int get_number(json_t *object, const char *key, uint64_t max, uint64_t *number,
		      bool *is_there, struct error *err)
{
	json_t *value;

	if (get(object, key, JSON_INTEGER, &value, err) < 0)
		return -1;
	*is_there = value;
	*number = 0;
	if (!value)
		return 0;
	if (json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
		return error_set(err, 0, "'%s' is not a number from 0 to %llu", key,
				 (unsigned long long)max);
	*number = (uint64_t)json_integer_value(value);
	return 0;
}

/* What the word in `key` stands for. */
static int get_word(json_t *object, const char *key, const struct word *words, size_t count,
		    uint32_t *value, struct error *err)
{
	const char *names[32], *near, *name;
	json_t *text;

	if (get(object, key, JSON_STRING, &text, err) < 0)
		return -1;
	if (!text)
		return error_set(err, 0, "'%s' is missing", key);
	name = json_string_value(text);
	for (size_t i = 0; i < count; i++) {
		names[i] = words[i].name;
		if (strcmp(name, words[i].name) == 0) {
			*value = words[i].value;
			return 0;
		}
	}
	near = word_nearest(name, names, count);
	error_set(err, 0, "unknown %s '%s'", key, name);
	return error_remedy(err, "%s", near ? near : words[0].name);
}

/* ---- actions and architectures --------------------------------------------------------------- */

/* SCMP_ACT_NOTIFY is not among them: there is nobody to ask. */
static int get_action(const struct parsing *parsing, json_t *object, const char *key,
		      const char *errno_key, uint32_t *action)
{
	static const struct word words[] = {
		{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
		{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0) },
		{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
		{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
		{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0) },
		{ "SCMP_ACT_LOG", SCMP_ACT_LOG },
	};
	uint64_t number;
	bool is_there;

	if (get_word(object, key, words, COUNT_OF(words), action, parsing->err) < 0 ||
	    get_number(object, errno_key, 4095, &number, &is_there, parsing->err) < 0)
		return -1;
	if (*action != SCMP_ACT_ERRNO(0) && *action != SCMP_ACT_TRACE(0))
		return is_there ? error_set(parsing->err, 0, "'%s' goes with SCMP_ACT_ERRNO only",
					    errno_key)
				: 0;
	*action |= is_there ? (uint32_t)number : parsing->default_errno;
	return 0;
}

static const struct word arches[] = {
	{ "SCMP_ARCH_X86", SCMP_ARCH_X86 },
	{ "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64 },
	{ "SCMP_ARCH_X32", SCMP_ARCH_X32 },
	{ "SCMP_ARCH_ARM", SCMP_ARCH_ARM },
	{ "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64 },
	{ "SCMP_ARCH_MIPS", SCMP_ARCH_MIPS },
	{ "SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64 },
	{ "SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32 },
	{ "SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL },
	{ "SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64 },
	{ "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32 },
	{ "SCMP_ARCH_PPC", SCMP_ARCH_PPC },
	{ "SCMP_ARCH_PPC64", SCMP_ARCH_PPC64 },
	{ "SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE },
	{ "SCMP_ARCH_S390", SCMP_ARCH_S390 },
	{ "SCMP_ARCH_S390X", SCMP_ARCH_S390X },
	{ "SCMP_ARCH_PARISC", SCMP_ARCH_PARISC },
	{ "SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64 },
	{ "SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64 },
};

/* Those that the native one can run; others are in files that are meant for any machine. */
static bool is_sub_arch(uint32_t arch)
{
	switch (seccomp_arch_native()) {
	case SCMP_ARCH_X86_64:
		return arch == SCMP_ARCH_X86 || arch == SCMP_ARCH_X32;
	case SCMP_ARCH_AARCH64:
		return arch == SCMP_ARCH_ARM;
	default:
		return false;
	}
}

static int add_arch(const struct parsing *parsing, json_t *name)
{
	cleanup_json json_t *holder = json_pack("{sO}", "architecture", name);
	struct profile_file *file = parsing->file;
	uint32_t arch;

	if (!holder)
		return error_set(parsing->err, ENOMEM, "cannot keep the profile");
	if (get_word(holder, "architecture", arches, COUNT_OF(arches), &arch, parsing->err) < 0)
		return -1;
	for (size_t i = 0; i < file->arch_count; i++)
		if (file->arches[i] == arch)
			return 0;
	if (is_sub_arch(arch) && file->arch_count < PROFILE_ARCHES_MAX)
		file->arches[file->arch_count++] = arch;
	return 0;
}

/* "archMap" has one entry for each machine, with the others that it runs. */
static int add_arch_map(const struct parsing *parsing, json_t *map)
{
	static const char *const keys[] = { "architecture", "subArchitectures" };
	json_t *entry, *subs, *sub;
	uint32_t arch;
	size_t i, k;

	json_array_foreach(map, i, entry)
	{
		if (!json_is_object(entry))
			return error_set(parsing->err, 0, "'archMap[%zu]' is not an object", i);
		if (check_keys(entry, "'archMap'", keys, COUNT_OF(keys), parsing->err) < 0 ||
		    get_word(entry, "architecture", arches, COUNT_OF(arches), &arch, parsing->err) <
			    0 ||
		    get(entry, "subArchitectures", JSON_ARRAY, &subs, parsing->err) < 0)
			return -1;
		json_array_foreach(subs, k, sub)
		{
			if (arch == seccomp_arch_native() && add_arch(parsing, sub) < 0)
				return -1;
		}
	}
	return 0;
}

static int read_arches(const struct parsing *parsing, json_t *root)
{
	json_t *list, *map, *name;
	size_t i;

	if (get(root, "architectures", JSON_ARRAY, &list, parsing->err) < 0 ||
	    get(root, "archMap", JSON_ARRAY, &map, parsing->err) < 0)
		return -1;
	if (list && map)
		return error_set(parsing->err, 0, "'architectures' and 'archMap' are both there");
	json_array_foreach(list, i, name)
	{
		if (add_arch(parsing, name) < 0)
			return -1;
	}
	return add_arch_map(parsing, map);
}

/* ---- conditions ------------------------------------------------------------------------------ */

/* What Docker calls this machine, which is what Go does. */
static bool is_native(const char *arch)
{
	switch (seccomp_arch_native()) {
	case SCMP_ARCH_X86_64:
		return strcmp(arch, "amd64") == 0;
	case SCMP_ARCH_AARCH64:
		return strcmp(arch, "arm64") == 0;
	case SCMP_ARCH_PPC64LE:
		return strcmp(arch, "ppc64le") == 0;
	case SCMP_ARCH_S390X:
		return strcmp(arch, "s390x") == 0;
	case SCMP_ARCH_RISCV64:
		return strcmp(arch, "riscv64") == 0;
	default:
		return false;
	}
}

/* How many of the strings in `key` hold, and how many there are. */
static int count_list(const struct parsing *parsing, json_t *filter, const char *key, bool is_caps,
		      size_t *held, size_t *count)
{
	json_t *list, *item;
	size_t i;

	*held = *count = 0;
	if (get(filter, key, JSON_ARRAY, &list, parsing->err) < 0)
		return -1;
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(item);

		if (!name)
			return error_set(parsing->err, 0, "'%s[%zu]' is not a string", key, i);
		++*count;
		*held += is_caps ? parsing->facts->has_capability(name, parsing->facts->data)
				 : is_native(name);
	}
	return 0;
}

/* Returns 1 if the kernel is at least "MAJOR.MINOR", 0 if it is older, or -1. */
static int compare_kernel(const char *wanted, struct error *err)
{
	unsigned int major, minor, own_major = 0, own_minor = 0;
	struct utsname node;
	char rest;

	if (strspn(wanted, "0123456789.") != strlen(wanted) || strlen(wanted) > 16 ||
	    sscanf(wanted, "%u.%u%c", &major, &minor, &rest) != 2) {
		error_set(err, 0, "'minKernel' is not MAJOR.MINOR: '%s'", wanted);
		return -1;
	}
	if (uname(&node) < 0 || sscanf(node.release, "%u.%u", &own_major, &own_minor) != 2)
		return error_set(err, 0, "the kernel has no version");
	return own_major != major ? own_major > major : own_minor >= minor;
}

struct condition {
	bool all_caps, any_cap, any_arch, kernel; /* hold */
	bool has_arches, has_kernel;              /* are there */
};

static int read_condition(const struct parsing *parsing, json_t *rule, const char *which,
			  struct condition *condition)
{
	static const char *const keys[] = { "caps", "arches", "minKernel" };
	json_t *filter, *kernel;
	size_t caps, caps_held, count, held;
	int result;

	*condition = (struct condition){ .all_caps = true };
	if (get(rule, which, JSON_OBJECT, &filter, parsing->err) < 0)
		return -1;
	if (!filter)
		return 0;
	if (check_keys(filter, which, keys, COUNT_OF(keys), parsing->err) < 0 ||
	    count_list(parsing, filter, "caps", true, &caps_held, &caps) < 0 ||
	    count_list(parsing, filter, "arches", false, &held, &count) < 0 ||
	    get(filter, "minKernel", JSON_STRING, &kernel, parsing->err) < 0)
		return -1;
	condition->all_caps = caps_held == caps;
	condition->any_cap = caps_held > 0;
	condition->any_arch = held > 0;
	condition->has_arches = count > 0;
	if (!kernel)
		return 0;
	condition->has_kernel = true;
	result = compare_kernel(json_string_value(kernel), parsing->err);
	condition->kernel = result > 0;
	return result < 0 ? -1 : 0;
}

/* Returns 1 where a rule counts, 0 where it does not, or -1. */
static int rule_counts(const struct parsing *parsing, json_t *rule)
{
	struct condition in, out;

	if (read_condition(parsing, rule, "includes", &in) < 0 ||
	    read_condition(parsing, rule, "excludes", &out) < 0)
		return -1;
	if (out.any_cap || out.any_arch || out.kernel)
		return 0;
	return in.all_caps && (!in.has_arches || in.any_arch) && (!in.has_kernel || in.kernel);
}

/* ---- rules ----------------------------------------------------------------------------------- */

static int read_arg(const struct parsing *parsing, json_t *arg, struct scmp_arg_cmp *cmp)
{
	static const char *const keys[] = { "index", "value", "valueTwo", "op" };
	static const struct word words[] = {
		{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
		{ "SCMP_CMP_NE", SCMP_CMP_NE },
		{ "SCMP_CMP_LT", SCMP_CMP_LT },
		{ "SCMP_CMP_LE", SCMP_CMP_LE },
		{ "SCMP_CMP_GE", SCMP_CMP_GE },
		{ "SCMP_CMP_GT", SCMP_CMP_GT },
		{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	};
	uint64_t index, value, value_two;
	struct error *err = parsing->err;
	bool is_there;
	uint32_t op;

	if (!json_is_object(arg))
		return error_set(err, 0, "one of 'args' is not an object");
	if (check_keys(arg, "'args'", keys, COUNT_OF(keys), err) < 0 ||
	    get_word(arg, "op", words, COUNT_OF(words), &op, err) < 0 ||
	    get_number(arg, "valueTwo", UINT64_MAX, &value_two, &is_there, err) < 0 ||
	    get_number(arg, "value", UINT64_MAX, &value, &is_there, err) < 0)
		return -1;
	if (!is_there)
		return error_set(err, 0, "'value' is missing");
	if (get_number(arg, "index", PROFILE_ARGS_MAX - 1, &index, &is_there, err) < 0)
		return -1;
	if (!is_there)
		return error_set(err, 0, "'index' is missing");
	*cmp = (struct scmp_arg_cmp){ .arg = (unsigned int)index,
				      .op = (enum scmp_compare)op,
				      .datum_a = value,
				      .datum_b = op == SCMP_CMP_MASKED_EQ ? value_two : 0 };
	return 0;
}

static int add_rule(const struct parsing *parsing, const struct profile_rule *rule)
{
	struct profile_file *file = parsing->file;

	if (file->count >= PROFILE_RULES_MAX)
		return error_set(parsing->err, 0, "more than %d rules", PROFILE_RULES_MAX);
	if (file->count % 64 == 0) {
		struct profile_rule *bigger =
			realloc(file->rules, (file->count + 64) * sizeof(*bigger));

		if (!bigger)
			return error_set(parsing->err, ENOMEM, "cannot keep the profile");
		file->rules = bigger;
	}
	file->rules[file->count++] = *rule;
	return 0;
}

/* libseccomp takes each argument once in a rule; as runc has it, a second time is another rule. */
static int add_rules(const struct parsing *parsing, const struct profile_rule *rule)
{
	unsigned int seen = 0;
	bool is_twice = false;

	for (unsigned int i = 0; i < rule->arg_count; i++) {
		is_twice |= seen & 1u << rule->args[i].arg;
		seen |= 1u << rule->args[i].arg;
	}
	if (!is_twice)
		return add_rule(parsing, rule);
	for (unsigned int i = 0; i < rule->arg_count; i++) {
		struct profile_rule one = *rule;

		one.args[0] = rule->args[i];
		one.arg_count = 1;
		if (add_rule(parsing, &one) < 0)
			return -1;
	}
	return 0;
}

/* Files for many kernels name calls that libseccomp does not know yet. To allow one, or to treat it
 * as all others, is nothing to insist on; to refuse one in vain is. */
static int add_name(const struct parsing *parsing, const char *name, struct profile_rule *rule)
{
	cleanup_free char *near = NULL;

	if (rule->action == parsing->file->action)
		return 0;
	rule->call = call_number(name);
	if (rule->call != CALL_UNKNOWN)
		return add_rules(parsing, rule);
	if (rule->action == SCMP_ACT_ALLOW)
		return 0;
	near = call_nearest(name);
	error_set(parsing->err, 0, "no system call is called '%s'", name);
	return near ? error_remedy(parsing->err, "%s", near) : -1;
}

static int read_names(const struct parsing *parsing, json_t *object, struct profile_rule *rule)
{
	json_t *names, *name;
	size_t i;

	if (get(object, "name", JSON_STRING, &name, parsing->err) < 0 ||
	    get(object, "names", JSON_ARRAY, &names, parsing->err) < 0)
		return -1;
	if (!name && json_array_size(names) == 0)
		return error_set(parsing->err, 0, "'names' is missing");
	if (name && add_name(parsing, json_string_value(name), rule) < 0)
		return -1;
	json_array_foreach(names, i, name)
	{
		if (!json_is_string(name))
			return error_set(parsing->err, 0, "'names[%zu]' is not a string", i);
		if (add_name(parsing, json_string_value(name), rule) < 0)
			return -1;
	}
	return 0;
}

static int read_rule(const struct parsing *parsing, json_t *object)
{
	static const char *const keys[] = { "names", "name",    "action",   "errnoRet",
					    "args",  "comment", "includes", "excludes" };
	struct profile_rule rule = { .arg_count = 0 };
	json_t *args, *arg;
	size_t i;
	int counts;

	if (!json_is_object(object))
		return error_set(parsing->err, 0, "it is not an object");
	if (check_keys(object, "it", keys, COUNT_OF(keys), parsing->err) < 0 ||
	    get_action(parsing, object, "action", "errnoRet", &rule.action) < 0 ||
	    get(object, "args", JSON_ARRAY, &args, parsing->err) < 0)
		return -1;
	if (json_array_size(args) > PROFILE_ARGS_MAX)
		return error_set(parsing->err, 0, "'args' has more than %d", PROFILE_ARGS_MAX);
	json_array_foreach(args, i, arg)
	{
		if (read_arg(parsing, arg, &rule.args[rule.arg_count++]) < 0)
			return -1;
	}
	counts = rule_counts(parsing, object);
	return counts > 0 ? read_names(parsing, object, &rule) : counts;
}

static int read_rules(struct parsing *parsing, json_t *list)
{
	json_t *object;

	json_array_foreach(list, parsing->rule, object)
	{
		if (read_rule(parsing, object) < 0)
			return error_wrap(parsing->err, "syscalls[%zu]", parsing->rule);
	}
	return 0;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int read_flags(const struct parsing *parsing, json_t *root)
{
	static const struct word words[] = {
		{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
		/* Always so, and nothing to do for a process with one thread. */
		{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ "SECCOMP_FILTER_FLAG_TSYNC", 0 },
	};
	json_t *list, *name;
	uint32_t flag;
	size_t i;

	if (get(root, "flags", JSON_ARRAY, &list, parsing->err) < 0)
		return -1;
	json_array_foreach(list, i, name)
	{
		cleanup_json json_t *holder = json_pack("{sO}", "flag", name);

		if (!holder)
			return error_set(parsing->err, ENOMEM, "cannot keep the profile");
		if (get_word(holder, "flag", words, COUNT_OF(words), &flag, parsing->err) < 0)
			return -1;
		parsing->file->flags |= flag;
	}
	return 0;
}

static int read_root(struct parsing *parsing, json_t *root)
{
	static const char *const keys[] = { "defaultAction", "defaultErrnoRet", "architectures",
					    "archMap",       "flags",           "syscalls" };
	json_t *syscalls;

	if (!json_is_object(root))
		return error_set(parsing->err, 0, "it is not a JSON object");
	if (check_keys(root, "the profile", keys, COUNT_OF(keys), parsing->err) < 0 ||
	    get_action(parsing, root, "defaultAction", "defaultErrnoRet", &parsing->file->action) <
		    0 ||
	    read_arches(parsing, root) < 0 || read_flags(parsing, root) < 0 ||
	    get(root, "syscalls", JSON_ARRAY, &syscalls, parsing->err) < 0)
		return -1;
	return read_rules(parsing, syscalls);
}

struct profile_file *profile_file_parse(const char *text, size_t len,
					const struct profile_facts *facts, struct error *err)
{
	struct profile_file *file = calloc(1, sizeof(*file));
	struct parsing parsing = {
		.file = file, .facts = facts, .default_errno = EPERM, .err = err
	};
	cleanup_json json_t *root = NULL;
	json_error_t error;

	if (!file) {
		error_set(err, ENOMEM, "cannot keep the profile");
		return NULL;
	}
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		error_set(err, 0, "line %d: %s", error.line, error.text);
	if (root && read_root(&parsing, root) == 0)
		return file;
	profile_file_free(file);
	return NULL;
}

static char *read_text(const char *path, size_t *len, struct error *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st) < 0) {
		error_set(err, errno, "cannot open it");
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		error_set(err, 0, "it is not a file");
		return NULL;
	}
	text = fd_read_all(fd, PROFILE_FILE_MAX, len);
	if (!text && errno == EFBIG)
		error_set(err, 0, "more than %zu bytes", PROFILE_FILE_MAX);
	else if (!text)
		error_set(err, errno, "cannot read it");
	return text;
}

struct profile_file *profile_file_read(const char *path, const struct profile_facts *facts,
				       struct error *err)
{
	struct profile_file *file = NULL;
	size_t len = 0;
	cleanup_free char *text = read_text(path, &len, err);

	if (text)
		file = profile_file_parse(text, len, facts, err);
	if (!file)
		error_wrap(err, "cannot use the seccomp profile '%s'", path);
	return file;
}

void profile_file_free(struct profile_file *file)
{
	if (file)
		free(file->rules);
	free(file);
}
