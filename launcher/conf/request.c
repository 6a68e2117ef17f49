/* SPDX-License-Identifier: BSD-3-Clause */
/* request.c - see request.h. */
#include "launcher/conf/request.h"

int request_begin(struct request *request, struct error *err)
{
	return conf_load(&request->conf, err) < 0 ? -1 : choices_from_env(&request->choices, err);
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

void request_done(struct request *request)
{
	settings_done(&request->settings);
	choices_done(&request->choices);
	conf_done(&request->conf);
}
