/* SPDX-License-Identifier: BSD-3-Clause */
/* result.c - see doctor.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "launcher/doctor/doctor.h"

static int rank_of(enum status status)
{
	static const int ranks[] = {
		[STATUS_OK] = 0, [STATUS_SKIP] = 1, [STATUS_WARN] = 2, [STATUS_FAIL] = 3
	};

	return ranks[status];
}

/* Appends to what is there, cut to fit. */
static ERROR_PRINTF(3, 0) void append(char *to, const char *separator, const char *fmt,
				      va_list args)
{
	size_t len = strlen(to);

	if (len > 0)
		len += (size_t)snprintf(to + len, ERROR_TEXT_MAX - len, "%s", separator);
	if (len < ERROR_TEXT_MAX)
		(void)vsnprintf(to + len, ERROR_TEXT_MAX - len, fmt, args);
	error_scrub(to);
}

void result_add(struct result *result, enum status status, const char *fmt, ...)
{
	va_list args;

	result->is_dropped = rank_of(status) < rank_of(result->status);
	if (result->is_dropped)
		return;
	if (rank_of(status) > rank_of(result->status)) {
		result->found[0] = result->remedy[0] = '\0';
		result->status = status;
	}
	va_start(args, fmt);
	append(result->found, "; ", fmt, args);
	va_end(args);
}

void result_remedy(struct result *result, const char *fmt, ...)
{
	va_list args;

	if (result->is_dropped)
		return;
	va_start(args, fmt);
	append(result->remedy, "; ", fmt, args);
	va_end(args);
}

/* Errors that users meet elsewhere lead here. */
static void cut_hint(char *remedy)
{
	static const char *const hints[] = { " (davit doctor tells more)",
					     "; davit doctor tells more" };

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		char *at = strstr(remedy, hints[i]);

		if (at)
			memmove(at, at + strlen(hints[i]), strlen(at + strlen(hints[i])) + 1);
	}
}

void result_add_error(struct result *result, enum status status, const struct error *err)
{
	char remedy[ERROR_TEXT_MAX];

	memcpy(remedy, err->remedy, sizeof(remedy));
	cut_hint(remedy);
	result_add(result, status, "%s", err->cause);
	if (remedy[0])
		result_remedy(result, "%s", remedy);
}

const char *status_name(enum status status)
{
	static const char *const names[] = { [STATUS_OK] = "ok",
					     [STATUS_WARN] = "warn",
					     [STATUS_FAIL] = "fail",
					     [STATUS_SKIP] = "skip" };

	return names[status];
}
