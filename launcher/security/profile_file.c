/* SPDX-License-Identifier: BSD-3-Clause */
/* profile_file.c - see profile_file.h. */
#include "launcher/security/profile_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "launcher/security/calls.h"
#include "images/json.h"
#include "launcher/security/profile_parse.h"

struct parsing {
	struct profile_file *file;
	const struct profile_facts *facts;
	size_t rule; /* its index in "syscalls" */
	uint32_t default_errno;
	struct error *err;
};

/* ---- actions and architectures --------------------------------------------------------------- */

/* SCMP_ACT_NOTIFY is not among them: there is nobody to ask. */
static int get_action(const struct parsing *parsing, json_t *object, const char *key,
		      const char *errno_key, uint32_t *action)
{
	static const struct json_word words[] = {
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

	if (json_get_word(object, key, words, COUNT_OF(words), action, parsing->err) < 0 ||
	    json_get_number(object, errno_key, 4095, &number, &is_there, parsing->err) < 0)
		return -1;
	if (*action != SCMP_ACT_ERRNO(0) && *action != SCMP_ACT_TRACE(0))
		return is_there ? error_set(parsing->err, 0, "'%s' goes with SCMP_ACT_ERRNO only",
					    errno_key)
				: 0;
	*action |= is_there ? (uint32_t)number : parsing->default_errno;
	return 0;
}

static const struct json_word arches[] = {
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
	if (json_get_word(holder, "architecture", arches, COUNT_OF(arches), &arch, parsing->err) <
	    0)
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
		if (json_check_keys(entry, "'archMap'", keys, COUNT_OF(keys), parsing->err) < 0 ||
		    json_get_word(entry, "architecture", arches, COUNT_OF(arches), &arch,
				  parsing->err) < 0 ||
		    json_get(entry, "subArchitectures", JSON_ARRAY, &subs, parsing->err) < 0)
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

	if (json_get(root, "architectures", JSON_ARRAY, &list, parsing->err) < 0 ||
	    json_get(root, "archMap", JSON_ARRAY, &map, parsing->err) < 0)
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

/* ---- rules ----------------------------------------------------------------------------------- */

static int read_arg(const struct parsing *parsing, json_t *arg, struct scmp_arg_cmp *cmp)
{
	static const char *const keys[] = { "index", "value", "valueTwo", "op" };
	static const struct json_word words[] = {
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
	if (json_check_keys(arg, "'args'", keys, COUNT_OF(keys), err) < 0 ||
	    json_get_word(arg, "op", words, COUNT_OF(words), &op, err) < 0 ||
	    json_get_number(arg, "valueTwo", UINT64_MAX, &value_two, &is_there, err) < 0 ||
	    json_get_number(arg, "value", UINT64_MAX, &value, &is_there, err) < 0)
		return -1;
	if (!is_there)
		return error_set(err, 0, "'value' is missing");
	if (json_get_number(arg, "index", PROFILE_ARGS_MAX - 1, &index, &is_there, err) < 0)
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

	if (json_get(object, "name", JSON_STRING, &name, parsing->err) < 0 ||
	    json_get(object, "names", JSON_ARRAY, &names, parsing->err) < 0)
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
	if (json_check_keys(object, "it", keys, COUNT_OF(keys), parsing->err) < 0 ||
	    get_action(parsing, object, "action", "errnoRet", &rule.action) < 0 ||
	    json_get(object, "args", JSON_ARRAY, &args, parsing->err) < 0)
		return -1;
	if (json_array_size(args) > PROFILE_ARGS_MAX)
		return error_set(parsing->err, 0, "'args' has more than %d", PROFILE_ARGS_MAX);
	json_array_foreach(args, i, arg)
	{
		if (read_arg(parsing, arg, &rule.args[rule.arg_count++]) < 0)
			return -1;
	}
	counts = rule_counts(parsing->facts, object, parsing->err);
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
	static const struct json_word words[] = {
		{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
		/* Always so, and nothing to do for a process with one thread. */
		{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ "SECCOMP_FILTER_FLAG_TSYNC", 0 },
	};
	json_t *list, *name;
	uint32_t flag;
	size_t i;

	if (json_get(root, "flags", JSON_ARRAY, &list, parsing->err) < 0)
		return -1;
	json_array_foreach(list, i, name)
	{
		cleanup_json json_t *holder = json_pack("{sO}", "flag", name);

		if (!holder)
			return error_set(parsing->err, ENOMEM, "cannot keep the profile");
		if (json_get_word(holder, "flag", words, COUNT_OF(words), &flag, parsing->err) < 0)
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
	if (json_check_keys(root, "the profile", keys, COUNT_OF(keys), parsing->err) < 0 ||
	    get_action(parsing, root, "defaultAction", "defaultErrnoRet", &parsing->file->action) <
		    0 ||
	    read_arches(parsing, root) < 0 || read_flags(parsing, root) < 0 ||
	    json_get(root, "syscalls", JSON_ARRAY, &syscalls, parsing->err) < 0)
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
	char *text;

	if (fd < 0) {
		error_set(err, errno, "cannot open it");
		return NULL;
	}
	text = fd_read_regular(fd, PROFILE_FILE_MAX, len);
	if (!text && errno == EINVAL)
		error_set(err, 0, "it is not a file");
	else if (!text && errno == EFBIG)
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
