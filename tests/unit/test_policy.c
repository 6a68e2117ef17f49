/* SPDX-License-Identifier: BSD-3-Clause */
/* test_policy.c - the rules of davit.conf's policy: patterns, whom they are about, what they refuse. */
#include "launcher/policy/policy.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher/conf/conf.h"
#include "tests/unit/unit.h"

static const struct policy_who nobody = { .account = "", .partition = "" };

static void load(struct conf *conf, const char *text)
{
	struct error err = ERROR_INIT;

	assert_int_equal(conf_init(conf, &err), 0);
	assert_int_equal(conf_parse(conf, CONF_SITE, "site", text, strlen(text), &err), 0);
	assert_string_equal(err.cause, "");
}

static const char *find(const struct conf *conf, const struct policy_who *who)
{
	const struct policy_rule *rule = NULL;
	struct error err = ERROR_INIT;
	int found = policy_find(&conf->policy, who, &rule, &err);

	assert_int_not_equal(found, -1);
	return found ? rule->name : NULL;
}

static void test_matches(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{ "/apps/**", "/apps", true },
		{ "/apps/**", "/apps/a", true },
		{ "/apps/**", "/apps/a/b/c.sqfs", true },
		{ "/apps/**", "/application/a", false },
		{ "/apps/**", "/x/apps/a", false },
		{ "/apps/*", "/apps/a", true },
		{ "/apps/*", "/apps/a/b", false },
		{ "/proj/*/images/**", "/proj/p1/images/a/b", true },
		{ "/proj/*/images/**", "/proj/p1/q/images/a", false },
		{ "/**", "/anything/at/all", true },
		{ "/apps/*.sqfs", "/apps/a.sqfs", true },
		{ "/apps/*.sqfs", "/apps/a.sif", false },
		{ "train-*", "train-1", true },
		{ "train-*", "train", false },
		{ "a[bc]", "ac", true },
		{ "a\\b", "a\\b", true },
		{ "a\\b", "ab", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *list[] = { (char *)(uintptr_t) "never", (char *)(uintptr_t)cases[i].pattern,
				 NULL };

		if (policy_matches(list, cases[i].text) != cases[i].matches)
			fail_msg("%s and %s", cases[i].pattern, cases[i].text);
	}
	assert_false(policy_matches(NULL, "a"));
}

static void test_who(void **state)
{
	const struct policy_who physics = { .account = "physics", .partition = "gpu" };
	struct conf conf;

	(void)state;
	load(&conf, "policy:\n"
		    "- {rule: none, users: []}\n"
		    "- {rule: both, accounts: [phys*], partitions: [gpu, cpu]}\n"
		    "- {rule: half, accounts: [physics], partitions: [cpu]}\n"
		    "- {rule: rest, users: ['*']}\n");
	assert_true(policy_asks_job(&conf.policy));
	assert_string_equal(find(&conf, &physics), "both");
	assert_string_equal(find(&conf, &nobody), "rest");
	assert_string_equal(policy_named(&conf.policy, "half")->name, "half");
	assert_int_equal(policy_named(&conf.policy, "half")->line, 4);
	assert_null(policy_named(&conf.policy, "hal"));
	conf_done(&conf);
}

static void test_ids(void **state)
{
	const struct passwd *user = getpwuid(getuid());
	const struct group *group = getgrgid(getgid());
	struct conf conf;
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), "policy: [{rule: number, users: ['%u'], groups: ['%u']}]",
		 getuid(), getgid());
	load(&conf, text);
	assert_false(policy_asks_job(&conf.policy));
	assert_string_equal(find(&conf, &nobody), "number");
	conf_done(&conf);
	if (user && group) {
		snprintf(text, sizeof(text),
			 "policy: [{rule: name, users: ['%s'], groups: ['%s']}]", user->pw_name,
			 group->gr_name);
		load(&conf, text);
		assert_string_equal(find(&conf, &nobody), "name");
		conf_done(&conf);
	}
	load(&conf,
	     "policy: [{rule: other, users: [nobody-of-this-name]}, {rule: g, groups: [none-such]}]");
	assert_null(find(&conf, &nobody));
	conf_done(&conf);
}

/* What the first rule of `text` says of an option; "" if nothing. */
static const char *check(const char *text, const char *option, const char *value)
{
	static struct error err;
	struct settings settings = { .image = NULL };
	struct choices chosen = { .items = { { NULL, NULL } } };
	struct conf conf;

	err = (struct error)ERROR_INIT;
	load(&conf, text);
	assert_int_equal(choices_set(&chosen, option, value, "--x", &err), 0);
	assert_int_equal(choices_apply(&chosen, &settings, &err), 0);
	if (policy_check_options(&conf, conf.policy.rules, &settings, &chosen, &err) == 0)
		assert_string_equal(err.cause, "");
	settings_done(&settings);
	choices_done(&chosen);
	conf_done(&conf);
	return err.cause;
}

static void test_options(void **state)
{
	(void)state;
	assert_string_equal(check("policy: [{rule: a}]", "writable", "yes"), "");
	assert_string_equal(
		check("policy: [{rule: a, forbid: [writable]}]", "writable", "no"),
		"refused by rule 'a' (site:1): --x: the option 'writable' is not allowed");
	assert_string_equal(check("policy: [{rule: a, forbid: [writable]}]", "workdir", "/"), "");
	assert_string_equal(check("policy: [{rule: a, deny: no}]", "workdir", "/"), "");
	assert_string_equal(check("policy: [{rule: a, deny: later}]", "workdir", "/"),
			    "refused by rule 'a' (site:1): no containers: later");
	assert_string_equal(check("policy: [{rule: a, network: []}]", "workdir", "/"),
			    "refused by rule 'a' (site:1): the node's network is not allowed");
	assert_string_equal(check("policy: [{rule: a, network: [net]}]", "unshare", "ipc,net"), "");
	assert_string_equal(check("policy: [{rule: a, network: [net]}]", "unshare", "net:slirp"),
			    "refused by rule 'a' (site:1): the network 'net:slirp' is not allowed");
	assert_string_equal(check("policy: [{rule: a, devices: [gpus]}]", "gpus", "all"), "");
	assert_string_equal(check("policy: [{rule: a, devices: []}]", "gpus", "auto"), "");
	assert_string_equal(check("policy: [{rule: a, devices: [a.b/*]}]", "device", "a.b/c=d"),
			    "");
	assert_string_equal(check("policy: [{rule: a, devices: [a.b/*]}]", "device", "a.c/c=d"),
			    "refused by rule 'a' (site:1): the device 'a.c/c=d' is not allowed");
	assert_string_equal(check("policy: [{rule: a, security: ['seccomp:allow:k*']}]", "security",
				  "seccomp:allow:keyctl,seccomp:deny:bpf,seccomp=default"),
			    "");
	assert_string_equal(
		check("policy: [{rule: a, security: []}]", "security",
		      "seccomp:deny:all,seccomp=unconfined"),
		"refused by rule 'a' (site:1): --container-security=seccomp=unconfined is "
		"not allowed");
	assert_string_equal(check("policy: [{rule: a, names: [x-*]}]", "name", "x-1:create"), "");
	assert_string_equal(check("policy: [{rule: a, names: []}]", "name", "x"),
			    "refused by rule 'a' (site:1): the container name 'x' is not allowed");
}

/* What the site has set is the site's affair; what the user's file sets is the user's. */
static void test_layers(void **state)
{
	static const char site[] =
		"writable: yes\npolicy: [{rule: a, forbid: [writable, unshare]}]";
	static const char user[] = "unshare: ipc";
	struct settings settings = { .image = NULL };
	struct choices chosen = { .items = { { NULL, NULL } } };
	struct error err = ERROR_INIT;
	struct conf conf;

	(void)state;
	load(&conf, site);
	assert_int_equal(policy_check_options(&conf, conf.policy.rules, &settings, &chosen, &err),
			 0);
	assert_int_equal(conf_parse(&conf, CONF_USER, "mine", user, strlen(user), &err), 0);
	assert_int_equal(policy_check_options(&conf, conf.policy.rules, &settings, &chosen, &err),
			 -1);
	assert_string_equal(
		err.cause,
		"refused by rule 'a' (site:2): mine:1: the option 'unshare' is not allowed");
	conf_done(&conf);
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *text, *cause, *remedy;
	} cases[] = {
		{ "policy: [{rule: a, forbid: [image]}]",
		  "site:1: 'forbid': 'image' can be none of them", "image" },
		{ "policy:\n- rule: a\n- rule: a\n", "site:3: there is a rule 'a' already",
		  "another name" },
		{ "policy: [{rule: ''}]", "site:1: '' is no name for a rule",
		  "up to 63 letters, digits, '_', '-' and '.'" },
		{ "policy: [{rule: a, users: ['']}]", "site:1: 'users': '' can be none of them",
		  "a name, a pattern, or nothing at all" },
		{ "policy: [{rule: a, image-digests: ['sha256:12']}]",
		  "site:1: 'image-digests': 'sha256:12' can be none of them",
		  "what `davit image digest` prints" },
		{ "policy: [{rule: a, mounts: [x]}]", "site:1: 'mounts': 'x' can be none of them",
		  "an absolute path, with /** behind it for all below" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct error err = ERROR_INIT;
		struct conf conf;

		assert_int_equal(conf_init(&conf, &err), 0);
		assert_int_equal(conf_parse(&conf, CONF_SITE, "site", cases[i].text,
					    strlen(cases[i].text), &err),
				 -1);
		assert_string_equal(err.cause, cases[i].cause);
		assert_string_equal(err.remedy, cases[i].remedy);
		conf_done(&conf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches), cmocka_unit_test(test_who),
		cmocka_unit_test(test_ids),     cmocka_unit_test(test_options),
		cmocka_unit_test(test_layers),  cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
