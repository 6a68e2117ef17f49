/* SPDX-License-Identifier: BSD-3-Clause */
/* error.c - see error.h. Nothing here allocates, so a failure can always be told. */
#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void error_scrub(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		/* U+0080 to U+009F in UTF-8 are control characters, too. */
		bool is_c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;

		if (*c < 0x20 || *c == 0x7f || is_c1)
			*c = '?';
		if (is_c1)
			*++c = '?';
	}
}

/* Copies `text`; what is too long loses its middle, since the reason stands at the end. */
static void shorten(char *out, const char *text)
{
	const size_t half = (ERROR_TEXT_MAX - 4) / 2;
	size_t len = strlen(text);

	if (len < ERROR_TEXT_MAX)
		memcpy(out, text, len + 1);
	else
		snprintf(out, ERROR_TEXT_MAX, "%.*s...%s", (int)half, text, text + len - half);
	error_scrub(out);
}

int error_set(struct error *err, int errnum, const char *fmt, ...)
{
	char full[8 * ERROR_TEXT_MAX];
	va_list ap;
	size_t len;

	err->errnum = errnum;
	err->remedy[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(full, sizeof(full) - 128, fmt, ap);
	va_end(ap);
	len = strlen(full);
	if (errnum)
		snprintf(full + len, sizeof(full) - len, ": %s", strerror(errnum));
	shorten(err->cause, full);
	errno = errnum;
	return -1;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char full[8 * ERROR_TEXT_MAX];
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	vsnprintf(full, sizeof(full) - ERROR_TEXT_MAX - 2, fmt, ap);
	va_end(ap);
	len = strlen(full);
	snprintf(full + len, sizeof(full) - len, ": %s", err->cause);
	shorten(err->cause, full);
	return -1;
}

int error_remedy(struct error *err, const char *fmt, ...)
{
	va_list ap;

	if (err->remedy[0])
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->remedy, sizeof(err->remedy), fmt, ap);
	va_end(ap);
	error_scrub(err->remedy);
	return -1;
}

size_t error_format(const struct error *err, const char *node, char *out, size_t size)
{
	int len;

	if (size == 0)
		return 0;
	len = snprintf(out, size, "davit: %s: %s\n", node, err->cause);

	if (err->remedy[0] && len > 0 && (size_t)len < size)
		len += snprintf(out + len, size - (size_t)len, "davit: %s: try: %s\n", node,
				err->remedy);
	if (len < 0)
		return 0;
	return (size_t)len < size ? (size_t)len : size - 1;
}
