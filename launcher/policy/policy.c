/* SPDX-License-Identifier: BSD-3-Clause */
/* policy.c - see policy.h: which rule, and what it says of the options. */
#include "launcher/policy/policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/securityspec.h"
#include "launcher/conf/conf.h"

static bool matches_below(const char *pattern, const char *text)
{
	size_t len = strlen(pattern) - strlen("/**");
	cleanup_free char *dir = strndup(pattern, len);

	if (!dir)
		return false;
	return len == 0 ? text[0] == '/'
			: fnmatch(dir, text, FNM_PATHNAME | FNM_LEADING_DIR | FNM_NOESCAPE) == 0;
}

static bool is_below(const char *pattern)
{
	size_t len = strlen(pattern);

	return len >= 3 && strcmp(pattern + len - 3, "/**") == 0;
}

bool policy_matches(char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (is_below(*list) ? matches_below(*list, text)
				    : fnmatch(*list, text, FNM_PATHNAME | FNM_NOESCAPE) == 0)
			return true;
	return false;
}

bool policy_asks_job(const struct policy *policy)
{
	for (size_t i = 0; policy && i < policy->count; i++)
		if (policy->rules[i].lists[POLICY_ACCOUNTS] ||
		    policy->rules[i].lists[POLICY_PARTITIONS])
			return true;
	return false;
}

/* By name or by number. */
static bool has_id(char *const *list, const char *name, unsigned int id)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", id);
	return (name && policy_matches(list, name)) || policy_matches(list, number);
}

/* Nobody of that number, or nobody who could tell? In the latter case no rule may be passed over. */
static bool is_unknown(int errnum)
{
	return errnum == 0 || errnum == ENOENT || errnum == ESRCH || errnum == EBADF ||
	       errnum == EPERM;
}

/* Returns 1 or 0, or -1 with errno. */
static int has_user(char *const *list)
{
	const struct passwd *user;

	errno = 0;
	user = getpwuid(geteuid());
	if (!user && !is_unknown(errno))
		return -1;
	return has_id(list, user ? user->pw_name : NULL, geteuid());
}

static int has_group_id(char *const *list, gid_t gid)
{
	const struct group *group;

	errno = 0;
	group = getgrgid(gid);
	if (!group && !is_unknown(errno))
		return -1;
	return has_id(list, group ? group->gr_name : NULL, gid);
}

static int has_group(char *const *list)
{
	int count = getgroups(0, NULL), found;
	cleanup_free gid_t *groups = calloc((size_t)(count < 0 ? 0 : count) + 1, sizeof(*groups));

	if (!groups || count < 0 || getgroups(count, groups) < 0)
		return -1;
	found = has_group_id(list, getegid());
	for (int i = 0; i < count && found == 0; i++)
		found = has_group_id(list, groups[i]);
	return found;
}

static bool is_about_job(const struct policy_rule *rule, const struct policy_who *who)
{
	char *const *accounts = rule->lists[POLICY_ACCOUNTS];
	char *const *partitions = rule->lists[POLICY_PARTITIONS];

	return (!accounts || policy_matches(accounts, who->account)) &&
	       (!partitions || policy_matches(partitions, who->partition));
}

/* Returns 1 or 0, or -1 with errno. */
static int is_about(const struct policy_rule *rule, const struct policy_who *who)
{
	int in = 1;

	if (!is_about_job(rule, who))
		return 0;
	if (rule->lists[POLICY_USERS])
		in = has_user(rule->lists[POLICY_USERS]);
	return in == 1 && rule->lists[POLICY_GROUPS] ? has_group(rule->lists[POLICY_GROUPS]) : in;
}

int policy_find(const struct policy *policy, const struct policy_who *who,
		const struct policy_rule **found, struct error *err)
{
	for (size_t i = 0; policy && i < policy->count; i++) {
		int about = is_about(&policy->rules[i], who);

		if (about < 0)
			return error_set(err, errno, "cannot tell the user's name and groups");
		if (about == 0)
			continue;
		*found = &policy->rules[i];
		return 1;
	}
	return 0;
}

const struct policy_rule *policy_named(const struct policy *policy, const char *name)
{
	for (size_t i = 0; policy && i < policy->count; i++)
		if (policy->rules[i].name && strcmp(policy->rules[i].name, name) == 0)
			return &policy->rules[i];
	return NULL;
}

int policy_refuse(const struct policy *policy, const struct policy_rule *rule, struct error *err)
{
	error_wrap(err, "refused by rule '%s' (%s:%zu)", rule->name, policy->path, rule->line);
	return error_remedy(err, "davit config shows the rules; ask your admin");
}

static int check_forbidden(const struct conf *conf, const struct policy_rule *rule,
			   const struct choices *chosen, struct error *err)
{
	for (size_t i = 0; settings_options[i].name; i++) {
		const struct choice_item *item = &chosen->items[i];

		if (!item->value && conf->is_users[i])
			item = &conf->choices.items[i];
		else if (!item->value)
			continue;
		if (policy_matches(rule->lists[POLICY_FORBID], settings_options[i].name))
			return error_set(err, 0, "%s: the option '%s' is not allowed",
					 item->origin ? item->origin : conf->paths[CONF_USER],
					 settings_options[i].name);
	}
	return 0;
}

/* Files of the node that a user's davit.conf brings in beside `mounts`. */
static int check_files(const struct conf *conf, const struct policy_rule *rule, struct error *err)
{
	if (!rule->lists[POLICY_MOUNTS] || !conf->users_files)
		return 0;
	return error_set(err, 0, "%s: '%s' brings in files of the node, which is not allowed",
			 conf->paths[CONF_USER], conf->users_files);
}

static int check_network(const struct conf *conf, const struct policy_rule *rule,
			 const struct settings *settings, struct error *err)
{
	const char *kind = "host";

	if (settings->unshare.what & UNSHARE_NET)
		kind = settings->unshare.what & UNSHARE_SLIRP ? "net:slirp" : "net";
	/* Then the image decides, and the launcher judges that. */
	if (conf->least_privilege && !(settings->unshare.what & (UNSHARE_NET | UNSHARE_HOST)))
		return 0;
	if (!rule->lists[POLICY_NETWORK] || policy_matches(rule->lists[POLICY_NETWORK], kind))
		return 0;
	if (strcmp(kind, "host") != 0)
		return error_set(err, 0, "the network '%s' is not allowed", kind);
	error_set(err, 0, "the node's network is not allowed");
	return rule->lists[POLICY_NETWORK][0]
		       ? error_remedy(err, "--container-unshare=%s", rule->lists[POLICY_NETWORK][0])
		       : -1;
}

static int check_devices(const struct policy_rule *rule, const struct settings *settings,
			 struct error *err)
{
	char *const *list = rule->lists[POLICY_DEVICES];
	bool more = settings->gpus == GPUS_ALL || settings->gpus == GPUS_LIST;

	if (!list)
		return 0;
	if (more && !policy_matches(list, "gpus"))
		return error_set(err, 0, "GPUs beyond those of the job are not allowed");
	for (char *const *name = settings->devices; name && *name; name++)
		if (!policy_matches(list, *name))
			return error_set(err, 0, "the device '%s' is not allowed", *name);
	return 0;
}

/* What denies more than the default is nobody's business. */
static int check_security(const struct policy_rule *rule, const struct settings *settings,
			  struct error *err)
{
	char *const *list = rule->lists[POLICY_SECURITY];

	for (char *const *item = list ? settings->security : NULL; item && *item; item++) {
		const char *what;
		enum security_kind kind = security_item(*item, &what);

		if (kind != SECURITY_DEFAULT && kind != SECURITY_DENY &&
		    !policy_matches(list, *item))
			return error_set(err, 0, "--container-security=%s is not allowed", *item);
	}
	return 0;
}

static int check_all(const struct conf *conf, const struct policy_rule *rule,
		     const struct settings *settings, const struct choices *chosen,
		     struct error *err)
{
	char *const *names = rule->lists[POLICY_NAMES];

	if (rule->deny)
		return error_set(err, 0, "no containers: %s", rule->deny);
	if (check_forbidden(conf, rule, chosen, err) < 0 || check_files(conf, rule, err) < 0 ||
	    check_network(conf, rule, settings, err) < 0 ||
	    check_devices(rule, settings, err) < 0 || check_security(rule, settings, err) < 0)
		return -1;
	if (names && settings->name && !policy_matches(names, settings->name))
		return error_set(err, 0, "the container name '%s' is not allowed", settings->name);
	return 0;
}

int policy_check_options(const struct conf *conf, const struct policy_rule *rule,
			 const struct settings *settings, const struct choices *chosen,
			 struct error *err)
{
	if (!rule || check_all(conf, rule, settings, chosen, err) == 0)
		return 0;
	return policy_refuse(&conf->policy, rule, err);
}

void policy_done(struct policy *policy)
{
	for (size_t i = 0; i < policy->count; i++) {
		struct policy_rule *rule = &policy->rules[i];

		free(rule->name);
		free(rule->deny);
		for (size_t list = 0; list < POLICY_LISTS; list++)
			strings_free(rule->lists[list]);
	}
	free(policy->rules);
	*policy = (struct policy){ .path = NULL };
}
