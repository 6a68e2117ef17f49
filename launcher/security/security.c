/* SPDX-License-Identifier: BSD-3-Clause */
/* security.c - see security.h. */
#include "launcher/security/security.h"

#include <fcntl.h>
#include <string.h>

#include "common/fd.h"
#include "common/securityspec.h"
#include "launcher/security/compile.h"
#include "launcher/security/profile_file.h"

#define LIMIT "/proc/sys/user/max_user_namespaces"

static bool has_capability(const char *name, const void *data)
{
	return narrow_keeps(*(const enum narrow_to *)data, name);
}

/* The profile to start with. */
static int choose_base(struct profile *profile, char *const *wishes, enum narrow_to narrow,
		       struct error *err)
{
	const struct profile_facts facts = { .has_capability = has_capability, .data = &narrow };
	const char *what;

	for (; wishes && *wishes; wishes++)
		switch (security_item(*wishes, &what)) {
		case SECURITY_UNCONFINED:
			profile_init_open(profile);
			return 0;
		case SECURITY_FILE:
			profile_init_open(profile);
			profile->file = profile_file_read(what, &facts, err);
			return profile->file ? 0 : -1;
		default:
			break;
		}
	return profile_init_default(profile, err);
}

static int change(struct profile *profile, const char *wish, struct error *err)
{
	const char *name;
	int result = 0;

	switch (security_item(wish, &name)) {
	case SECURITY_ALLOW:
		if (profile->file) {
			error_set(err, 0,
				  "'%s' cannot allow what a seccomp profile of yours refuses",
				  wish);
			return error_remedy(err, "a rule in the profile itself");
		}
		result = profile_allow(profile, name, err);
		break;
	case SECURITY_DENY:
		result = profile_deny(profile, name, err);
		break;
	default:
		break;
	}
	return result < 0 ? error_wrap(err, "%s", wish) : 0;
}

int security_decide(struct security *security, char *const *wishes, enum narrow_to narrow,
		    struct error *err)
{
	if (choose_base(&security->profile, wishes, narrow, err) < 0)
		return -1;
	for (; wishes && *wishes; wishes++)
		if (change(&security->profile, *wishes, err) < 0)
			return -1;
	return 0;
}

static bool is_limited(bool may_limit)
{
	cleanup_close int fd = -1;
	char first = '\0';

	if (may_limit)
		return fd_write_file(LIMIT, "0") == 0;
	fd = open(LIMIT, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &first, 1) == 1 && first == '0';
}

/* All other kinds of namespaces take a capability that only a user namespace could give. Where the
 * limit cannot be set (a /proc that is read-only), libcs are told to do without clone3. */
static int finish(struct profile *profile, bool fake_root, bool may_limit, struct filter *filter,
		  struct error *err)
{
	if (profile_refuses_namespaces(profile) && !is_limited(may_limit) &&
	    profile_deny(profile, "clone3", err) < 0)
		return -1;
	return profile_compile(profile, fake_root, filter, err);
}

int security_make(struct security *security, bool fake_root, bool is_new, struct error *err)
{
	return finish(&security->profile, fake_root, is_new, &security->filter, err);
}

/* Whether root has one id only. */
static bool has_one_id(void)
{
	cleanup_free char *map = NULL;
	cleanup_close int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);

	map = fd < 0 ? NULL : fd_read_all(fd, 4096, NULL);
	return map && strchr(map, '\n') == strrchr(map, '\n') && strstr(map, " 1\n");
}

/* Where something is mounted on /dev, or what has built the container knew of no profile, there is
 * the default. */
int security_of_container(struct filter *filter, enum narrow_to narrow, struct error *err)
{
	struct profile profile;
	int result = filter_read(filter, err);

	if (result != 0)
		return result < 0 ? -1 : 0;
	result = profile_init_default(&profile, err);
	if (result == 0)
		result =
			finish(&profile, narrow == NARROW_ROOT && has_one_id(), false, filter, err);
	profile_done(&profile);
	return result;
}

void security_done(struct security *security)
{
	profile_done(&security->profile);
	filter_done(&security->filter);
}
