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
	struct choices choices;   /* the user's: variables and options */
	struct settings settings; /* what comes out of it */
};

/* Reads davit.conf and the variables. The options come next, by choices_set(). */
int request_begin(struct request *request, struct error *err);

/* Refuses what the site forbids, and fills in `settings`. */
int request_end(struct request *request, struct error *err);

void request_done(struct request *request);

#endif
