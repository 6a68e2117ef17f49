/* SPDX-License-Identifier: BSD-3-Clause */
/* profile.c - see profile.h. */
#include "launcher/security/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/nearest.h"
#include "launcher/security/calls.h"
#include "launcher/security/profile_file.h"
#include "launcher/security/table.h"

#define CALL_NAME_MAX 64

const struct refusal *profile_find(const struct profile *profile, int call)
{
	for (size_t i = 0; i < profile->count; i++)
		if (profile->refused[i].call == call)
			return &profile->refused[i];
	return NULL;
}

static void drop(struct profile *profile, int call)
{
	const struct refusal *found = profile_find(profile, call);

	if (found)
		profile->refused[found - profile->refused] = profile->refused[--profile->count];
}

static int refuse(struct profile *profile, const struct refusal *refusal, struct error *err)
{
	struct refusal *bigger;

	drop(profile, refusal->call);
	bigger = realloc(profile->refused, (profile->count + 1) * sizeof(*bigger));
	if (!bigger)
		return error_set(err, ENOMEM, "cannot keep what is refused");
	profile->refused = bigger;
	profile->refused[profile->count++] = *refusal;
	return 0;
}

static enum refusal_part part_of(const struct call_group *group, const char *call)
{
	if (strcmp(group->name, GROUP_NAMESPACES) == 0 && strcmp(call, "setns") != 0)
		return PART_NAMESPACES;
	return strcmp(group->name, GROUP_COMPARE) == 0 ? PART_NOT_VM : PART_ALL;
}

/* Refuses or allows the calls of a group. Those that this libseccomp does not know are passed over:
 * of the table's, no kernel that is older than it has them. */
static int set_group(struct profile *profile, const struct call_group *group, bool is_refused,
		     struct error *err)
{
	char name[CALL_NAME_MAX];

	if (strcmp(group->name, GROUP_FOREIGN) == 0)
		profile->foreign = is_refused;
	for (const char *at = group->calls; *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");
		struct refusal refusal;

		memcpy(name, at, len);
		name[len] = '\0';
		at += len;
		refusal = (struct refusal){ .call = call_number(name),
					    .errnum = call_errno(name),
					    .part = part_of(group, name) };
		if (refusal.call == CALL_UNKNOWN)
			continue;
		drop(profile, refusal.call);
		if (is_refused && refuse(profile, &refusal, err) < 0)
			return -1;
	}
	return 0;
}

int profile_init_default(struct profile *profile, struct error *err)
{
	*profile = (struct profile){ .families = UINT64_MAX, .is_confined = true };
	for (const struct family *family = families; family->name; family++)
		if (!family->is_refused)
			profile->families &= ~(UINT64_C(1) << family->number);
	for (const struct call_group *group = call_groups; group->name; group++)
		if (group->is_refused && set_group(profile, group, true, err) < 0)
			return -1;
	return 0;
}

void profile_init_open(struct profile *profile)
{
	*profile = (struct profile){ .refused = NULL };
}

void profile_done(struct profile *profile)
{
	free(profile->refused);
	profile_file_free(profile->file);
	*profile = (struct profile){ .refused = NULL };
}

static int unknown(const char *name, struct error *err)
{
	const char *words[128];
	cleanup_free char *call = call_nearest(name);
	size_t count = 0;
	const char *near;

	if (call)
		words[count++] = call;
	for (const struct call_group *group = call_groups; group->name && count < 64; group++)
		words[count++] = group->name;
	for (const struct family *family = families; family->name && count < 128; family++)
		words[count++] = family->name;
	near = word_nearest(name, words, count);
	error_set(err, 0, "no system call, address family or group of them is called '%s'", name);
	return error_remedy(err, "%s", near ? near : "a name of davit-seccomp(7)");
}

static const struct call_group *find_group(const char *name)
{
	for (const struct call_group *group = call_groups; group->name; group++)
		if (strcmp(name, group->name) == 0)
			return group;
	return NULL;
}

static const struct family *find_family(const char *name)
{
	for (const struct family *family = families; family->name; family++)
		if (strcmp(name, family->name) == 0)
			return family;
	return NULL;
}

int profile_allow_call(struct profile *profile, const char *name, struct error *err)
{
	int call = call_number(name);

	if (call == CALL_UNKNOWN)
		return unknown(name, err);
	drop(profile, call);
	return 0;
}

int profile_allow(struct profile *profile, const char *name, struct error *err)
{
	const struct call_group *group = find_group(name);
	const struct family *family = find_family(name);

	if (group)
		return set_group(profile, group, false, err);
	if (!family)
		return profile_allow_call(profile, name, err);
	profile->families &= ~(UINT64_C(1) << family->number);
	return 0;
}

int profile_deny(struct profile *profile, const char *name, struct error *err)
{
	const struct call_group *group = find_group(name);
	const struct family *family = find_family(name);
	struct refusal refusal = { .errnum = call_errno(name) };

	if (strcmp(name, "all") == 0) {
		for (group = call_groups; group->name; group++)
			if (set_group(profile, group, true, err) < 0)
				return -1;
		for (family = families; family->name; family++)
			if (family->is_refused)
				profile->families |= UINT64_C(1) << family->number;
		return 0;
	}
	if (group)
		return set_group(profile, group, true, err);
	if (family) {
		profile->families |= UINT64_C(1) << family->number;
		return 0;
	}
	refusal.call = call_number(name);
	if (refusal.call == CALL_UNKNOWN)
		return unknown(name, err);
	return refuse(profile, &refusal, err);
}

bool profile_refuses_namespaces(const struct profile *profile)
{
	return profile_find(profile, call_number("unshare")) &&
	       profile_find(profile, call_number("clone"));
}
