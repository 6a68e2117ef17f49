/* SPDX-License-Identifier: BSD-3-Clause */
/* policy_parse.c - see policy.h: from the tree of davit.conf to the rules. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "common/fd.h"
#include "common/handover.h"
#include "common/nearest.h"
#include "launcher/conf/conf_parse.h"

enum {
	RULE = POLICY_LISTS, /* behind the lists */
	DENY,
	SAFE_PARENTS,
	SIGNED,
	ENTER,
	FIELDS
};

static const char *const names[FIELDS] = {
	[POLICY_USERS] = "users",
	[POLICY_GROUPS] = "groups",
	[POLICY_ACCOUNTS] = "accounts",
	[POLICY_PARTITIONS] = "partitions",
	[POLICY_IMAGES] = "images",
	[POLICY_OWNERS] = "image-owners",
	[POLICY_DIGESTS] = "image-digests",
	[POLICY_MOUNTS] = "mounts",
	[POLICY_DEVICES] = "devices",
	[POLICY_SECURITY] = "security",
	[POLICY_NAMES] = "names",
	[POLICY_NETWORK] = "network",
	[POLICY_FORBID] = "forbid",
	[RULE] = "rule",
	[DENY] = "deny",
	[SAFE_PARENTS] = "safe-parents",
	[SIGNED] = "signed",
	[ENTER] = "enter",
};

/* Rules are named in lines for people and programs. */
static int read_name(const struct conf_reader *reader, const struct yaml_node *node,
		     struct policy_rule *rule, struct error *err)
{
	size_t len;

	if (conf_expect(reader, node, YAML_TEXT, err) < 0)
		return -1;
	len = strlen(node->text);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)node->text[i]) && !strchr("._-", node->text[i]))
			len = 0;
	if (len == 0 || len >= HANDOVER_RULE_MAX) {
		error_set(err, 0, "'%s' is no name for a rule", node->text);
		error_remedy(err, "up to %d letters, digits, '_', '-' and '.'",
			     HANDOVER_RULE_MAX - 1);
		return conf_refuse(reader, node, err);
	}
	if (policy_named(&reader->conf->policy, node->text)) {
		error_set(err, 0, "there is a rule '%s' already", node->text);
		error_remedy(err, "another name");
		return conf_refuse(reader, node, err);
	}
	rule->name = strdup(node->text);
	return rule->name ? 0 : error_set(err, ENOMEM, "cannot read '%s'", reader->path);
}

/* `deny: yes`, or why. */
static int read_deny(const struct conf_reader *reader, const struct yaml_node *node,
		     struct policy_rule *rule, struct error *err)
{
	struct error no_switch = ERROR_INIT;
	enum choice choice = CHOICE_UNSET;

	if (conf_expect(reader, node, YAML_TEXT, err) < 0)
		return -1;
	if (settings_parse_switch(&choice, node->text, &no_switch) == 0 && choice == CHOICE_NO)
		return 0;
	rule->deny = strdup(choice == CHOICE_YES ? "davit.conf denies them" : node->text);
	return rule->deny ? 0 : error_set(err, ENOMEM, "cannot read '%s'", reader->path);
}

static bool is_digest(const char *text)
{
	struct error ignored = ERROR_INIT;
	char digest[DIGEST_TEXT_SIZE];

	return digest_parse(text, digest, &ignored) == 0 && strcmp(text, digest) == 0;
}

static const char *const networks[] = { "host", "net", "net:slirp" };
#define NETWORKS (sizeof(networks) / sizeof(networks[0]))

static bool is_network(const char *text)
{
	for (size_t i = 0; i < NETWORKS; i++)
		if (strcmp(text, networks[i]) == 0)
			return true;
	return false;
}

static bool can_be(enum policy_list list, const char *text)
{
	switch (list) {
	case POLICY_FORBID:
		return settings_find(text) && settings_find(text) != settings_options;
	case POLICY_NETWORK:
		return is_network(text);
	case POLICY_DIGESTS:
		return is_digest(text);
	case POLICY_IMAGES:
		return text[0] == '/';
	case POLICY_MOUNTS:
		return text[0] == '/' || strcmp(text, "tmpfs") == 0;
	default:
		return text[0];
	}
}

static int propose(enum policy_list list, const char *text, struct error *err)
{
	const char *near = NULL;

	switch (list) {
	case POLICY_FORBID:
		near = settings_nearest(text);
		return error_remedy(err, "%s",
				    near ? near : "the name of an option, as davit.conf(5) has it");
	case POLICY_NETWORK:
		near = word_nearest(text, networks, NETWORKS);
		return error_remedy(err, "%s", near ? near : "host, net, net:slirp");
	case POLICY_DIGESTS:
		return error_remedy(err, "what `davit image digest` prints");
	case POLICY_IMAGES:
	case POLICY_MOUNTS:
		return error_remedy(err, "an absolute path, with /** behind it for all below");
	default:
		return error_remedy(err, "a name, a pattern, or nothing at all");
	}
}

/* Misspelt, it would allow what it should not. */
static int check_word(const struct conf_reader *reader, enum policy_list list,
		      const struct yaml_node *node, struct error *err)
{
	if (can_be(list, node->text))
		return 0;
	error_set(err, 0, "'%s': '%s' can be none of them", names[list], node->text);
	propose(list, node->text, err);
	return conf_refuse(reader, node, err);
}

static int read_list(const struct conf_reader *reader, const struct yaml_node *list,
		     enum policy_list which, struct policy_rule *rule, struct error *err)
{
	if (conf_expect(reader, list, YAML_LIST, err) < 0)
		return -1;
	for (const struct yaml_node *node = list->children; node; node = node->next)
		if (conf_expect(reader, node, YAML_TEXT, err) < 0 ||
		    check_word(reader, which, node, err) < 0)
			return -1;
	rule->lists[which] = conf_texts(reader, list, err);
	return rule->lists[which] ? 0 : -1;
}

static int read_rule(const struct conf_reader *reader, const struct yaml_node *map,
		     struct policy_rule *rule, struct error *err)
{
	const struct yaml_node *fields[FIELDS] = { NULL };
	bool enter = true;

	if (conf_read_fields(reader, map, names, FIELDS, fields, err) < 0)
		return -1;
	rule->line = map->line;
	if (!fields[RULE]) {
		error_set(err, 0, "a rule without a name");
		error_remedy(err, "- rule: NAME");
		return conf_refuse(reader, map, err);
	}
	if (read_name(reader, fields[RULE], rule, err) < 0 ||
	    (fields[DENY] && read_deny(reader, fields[DENY], rule, err) < 0) ||
	    (fields[SAFE_PARENTS] &&
	     conf_read_switch(reader, fields[SAFE_PARENTS], &rule->safe_parents, err) < 0) ||
	    (fields[SIGNED] &&
	     conf_read_switch(reader, fields[SIGNED], &rule->is_signed, err) < 0) ||
	    (fields[ENTER] && conf_read_switch(reader, fields[ENTER], &enter, err) < 0))
		return -1;
	rule->no_enter = !enter;
	for (enum policy_list list = 0; list < POLICY_LISTS; list++)
		if (fields[list] && read_list(reader, fields[list], list, rule, err) < 0)
			return -1;
	return 0;
}

int conf_read_policy(const struct conf_reader *reader, const struct yaml_node *list,
		     struct error *err)
{
	struct policy *policy = &reader->conf->policy;
	size_t count = 0;

	if (conf_expect(reader, list, YAML_LIST, err) < 0)
		return -1;
	for (const struct yaml_node *node = list->children; node; node = node->next)
		count++;
	policy->rules = calloc(count + 1, sizeof(*policy->rules));
	policy->path = reader->path;
	if (!policy->rules)
		return error_set(err, ENOMEM, "cannot read '%s'", reader->path);
	for (const struct yaml_node *node = list->children; node; node = node->next)
		if (read_rule(reader, node, &policy->rules[policy->count++], err) < 0)
			return -1;
	return 0;
}
