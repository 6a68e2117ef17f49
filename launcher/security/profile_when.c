/* SPDX-License-Identifier: BSD-3-Clause */
/* profile_when.c - see profile_parse.h: "includes" and "excludes" of a rule. */
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "launcher/security/profile_parse.h"

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
static int count_list(const struct profile_facts *facts, json_t *filter, const char *key,
		      bool is_caps, size_t *held, size_t *count, struct error *err)
{
	json_t *list, *item;
	size_t i;

	*held = *count = 0;
	if (json_get(filter, key, JSON_ARRAY, &list, err) < 0)
		return -1;
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(item);

		if (!name)
			return error_set(err, 0, "'%s[%zu]' is not a string", key, i);
		++*count;
		*held += is_caps ? facts->has_capability(name, facts->data) : is_native(name);
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

static int read_condition(const struct profile_facts *facts, json_t *rule, const char *which,
			  struct condition *condition, struct error *err)
{
	static const char *const keys[] = { "caps", "arches", "minKernel" };
	json_t *filter, *kernel;
	size_t caps, caps_held, count, held;
	int result;

	*condition = (struct condition){ .all_caps = true };
	if (json_get(rule, which, JSON_OBJECT, &filter, err) < 0)
		return -1;
	if (!filter)
		return 0;
	if (json_check_keys(filter, which, keys, COUNT_OF(keys), err) < 0 ||
	    count_list(facts, filter, "caps", true, &caps_held, &caps, err) < 0 ||
	    count_list(facts, filter, "arches", false, &held, &count, err) < 0 ||
	    json_get(filter, "minKernel", JSON_STRING, &kernel, err) < 0)
		return -1;
	condition->all_caps = caps_held == caps;
	condition->any_cap = caps_held > 0;
	condition->any_arch = held > 0;
	condition->has_arches = count > 0;
	if (!kernel)
		return 0;
	condition->has_kernel = true;
	result = compare_kernel(json_string_value(kernel), err);
	condition->kernel = result > 0;
	return result < 0 ? -1 : 0;
}

int rule_counts(const struct profile_facts *facts, json_t *rule, struct error *err)
{
	struct condition in, out;

	if (read_condition(facts, rule, "includes", &in, err) < 0 ||
	    read_condition(facts, rule, "excludes", &out, err) < 0)
		return -1;
	if (out.any_cap || out.any_arch || out.kernel)
		return 0;
	return in.all_caps && (!in.has_arches || in.any_arch) && (!in.has_kernel || in.kernel);
}
