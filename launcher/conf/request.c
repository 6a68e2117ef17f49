/* SPDX-License-Identifier: BSD-3-Clause */
/* request.c - see request.h. */
#include "launcher/conf/request.h"

#include <stdlib.h>
#include <string.h>

#include "common/handover.h"

int request_begin(struct request *request, struct error *err)
{
	return conf_load(&request->conf, err) < 0 ? -1 : choices_from_env(&request->choices, err);
}

int request_read(struct request *request, const struct handover *handover, struct error *err)
{
	const char *text = handover_text(handover), *end = text + handover->text_len;

	for (; text < end; text += strlen(text) + 1) {
		const char *value = strchr(text, '=');
		char name[64], origin[80] = "--";

		if (text[0] == HANDOVER_VARIABLE)
			continue;
		if (!value || (size_t)(value - text) >= sizeof(name))
			return error_set(err, 0, "the plugin sent a bad option '%s'", text);
		memcpy(name, text, (size_t)(value - text));
		name[value - text] = '\0';
		settings_srun_name(name, origin + 2, sizeof(origin) - 2);
		if (choices_set(&request->choices, name, value + 1, origin, err) < 0)
			return error_wrap(err, "%s", origin);
	}
	return 0;
}

int request_end(struct request *request, struct error *err)
{
	struct settings *settings = &request->settings;

	if (conf_check(&request->conf, &request->choices, err) < 0 ||
	    choices_apply(&request->conf.choices, settings, err) < 0 ||
	    choices_apply(&request->choices, settings, err) < 0)
		return -1;
	if (settings->name && settings->writable == WRITABLE_DIR) {
		error_set(err, 0,
			  "--container-name and --container-writable=DIR contradict each other");
		return error_remedy(err, "one of the two: the job keeps what is written to '%s'",
				    settings->name);
	}
	/* What is to be kept has to be written first. */
	if (settings->writable == WRITABLE_UNSET && (settings->name || settings->save))
		settings->writable = WRITABLE_MEMORY;
	return 0;
}

int request_judge_by(struct request *request, const struct policy_rule *rule, struct error *err)
{
	const struct conf *conf = &request->conf;

	request->rule = rule;
	if (policy_check_options(conf, rule, &request->settings, &request->choices, err) < 0 ||
	    policy_check_mounts(&conf->policy, rule, &conf->mounts, err) < 0)
		return -1;
	return policy_check_mounts(&conf->policy, rule, &request->settings.mounts, err);
}

static const char *get_text(const char *name)
{
	const char *text = getenv(name);

	return text ? text : "";
}

/* Without the plugin: about the job there is only what the environment says, which anybody may have
 * written. */
static int find_rule(const struct policy *policy, const struct policy_rule **rule,
		     struct error *err)
{
	const struct policy_who who = { .account = get_text("SLURM_JOB_ACCOUNT"),
					.partition = get_text("SLURM_JOB_PARTITION") };

	return policy_find(policy, &who, rule, err) < 0 ? -1 : 0;
}

int request_judge_enter(struct error *err)
{
	const struct policy_rule *rule = NULL;
	struct conf conf = { .state_dir = NULL };
	int result = conf_load(&conf, err);

	if (result == 0)
		result = find_rule(&conf.policy, &rule, err);
	if (result == 0 && rule && rule->no_enter) {
		error_set(err, 0, "running containers may not be entered");
		result = policy_refuse(&conf.policy, rule, err);
	}
	conf_done(&conf);
	return result;
}

int request_judge(struct request *request, const struct handover *handover, struct error *err)
{
	const struct policy *policy = &request->conf.policy;
	const struct policy_rule *rule = NULL;

	if (!handover || !handover->is_judged) {
		if (find_rule(policy, &rule, err) < 0)
			return -1;
	} else if (handover->judged.rule[0]) {
		rule = policy_named(policy, handover->judged.rule);
		if (!rule) {
			error_set(err, 0, "davit.conf has changed while the step began");
			return error_remedy(err, "start the step again");
		}
	}
	return request_judge_by(request, rule, err);
}

void request_done(struct request *request)
{
	settings_done(&request->settings);
	choices_done(&request->choices);
	conf_done(&request->conf);
}
