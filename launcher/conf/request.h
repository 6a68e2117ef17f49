/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * request.h - all that says what the container shall be like, weakest first: davit.conf, the user's
 * own davit.conf, variables of the environment, options.
 */
#ifndef DAVIT_REQUEST_H
#define DAVIT_REQUEST_H

#include "common/error.h"
#include "common/settings.h"
#include "launcher/conf/choices.h"
#include "launcher/conf/conf.h"

/* All zeros is an empty one. */
struct request {
	struct conf conf;
	struct choices choices;         /* the user's: variables and options */
	struct settings settings;       /* what comes out of it */
	const struct policy_rule *rule; /* that speaks of it, or NULL */
};

struct handover;

/* Reads davit.conf and the variables. The options come next, by choices_set(). */
int request_begin(struct request *request, struct error *err);

/* Takes the options that the plugin hands over. */
int request_read(struct request *request, const struct handover *handover, struct error *err);

/* Refuses what the site forbids, and fills in `settings`. */
int request_end(struct request *request, struct error *err);

/* Finds the policy's rule, the one that was found before the step began where `handover` tells it
 * (NULL: none), and refuses what it does not allow, but for the image. */
int request_judge(struct request *request, const struct handover *handover, struct error *err);

/* The same by this rule, or none. */
int request_judge_by(struct request *request, const struct policy_rule *rule, struct error *err);

/* May this user enter containers that run (davit enter)? */
int request_judge_enter(struct error *err);

void request_done(struct request *request);

#endif
