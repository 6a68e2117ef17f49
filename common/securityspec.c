/* SPDX-License-Identifier: BSD-3-Clause */
/* securityspec.c - see securityspec.h. */
#include "common/securityspec.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/nearest.h"

#define NAME_LEN_MAX 63

#define BASE  "seccomp="
#define ALLOW "seccomp:allow:"
#define DENY  "seccomp:deny:"

static const char *after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

enum security_kind security_item(const char *item, const char **what)
{
	if ((*what = after(item, ALLOW)))
		return SECURITY_ALLOW;
	if ((*what = after(item, DENY)))
		return SECURITY_DENY;
	*what = item + strlen(BASE);
	if (strcmp(*what, "default") == 0)
		return SECURITY_DEFAULT;
	return strcmp(*what, "unconfined") == 0 ? SECURITY_UNCONFINED : SECURITY_FILE;
}

static int check_name(const char *name, struct error *err)
{
	size_t len = strlen(name);
	bool is_good = len > 0 && len <= NAME_LEN_MAX;

	for (size_t i = 0; is_good && i < len; i++)
		is_good = isalnum((unsigned char)name[i]) || name[i] == '_';
	if (is_good)
		return 0;
	error_set(err, 0, "'%s' is not the name of a system call or of a group of them", name);
	return error_remedy(err, "a name such as perf_event_open; see davit-seccomp(7)");
}

static int check_base(const char *base, struct error *err)
{
	static const char *const words[] = { "default", "unconfined" };
	const char *near = word_nearest(base, words, 2);

	if (strcmp(base, words[0]) == 0 || strcmp(base, words[1]) == 0)
		return 0;
	if (strlen(base) >= PATH_MAX)
		return error_set(err, ENAMETOOLONG, "path of %zu bytes", strlen(base));
	if (strchr(base, '/'))
		return 0;
	error_set(err, 0, "'%s' is neither default, unconfined nor the path of a profile with '/'",
		  base);
	if (near || !base[0])
		return error_remedy(err, BASE "%s", near ? near : words[0]);
	return error_remedy(err, BASE "./%s, if it is a file", base);
}

static int check_item(const char *item, struct error *err)
{
	const char *rest;

	if ((rest = after(item, BASE)))
		return check_base(rest, err);
	if ((rest = after(item, ALLOW)) && strcmp(rest, "all") == 0) {
		error_set(err, 0, "there is no '%s'", item);
		return error_remedy(err, BASE "unconfined");
	}
	if (rest || (rest = after(item, DENY)))
		return check_name(rest, err);
	error_set(err, 0, "'%s' says nothing about security", item);
	return error_remedy(err, ALLOW "NAME, " DENY "NAME, " BASE "FILE or " BASE "unconfined");
}

/* Two profiles would be one too many. */
static int check_bases(char *const *items, struct error *err)
{
	const char *first = NULL;

	for (; *items; items++) {
		if (!after(*items, BASE))
			continue;
		if (first) {
			error_set(err, 0, "'%s' and '%s' contradict each other", first, *items);
			return error_remedy(err, "one of the two");
		}
		first = *items;
	}
	return 0;
}

char **securitylist_parse(const char *text, struct error *err)
{
	char **items = strings_split(text);

	if (!items) {
		error_set(err, ENOMEM, "cannot keep what was asked for");
		return NULL;
	}
	for (char **item = items; *item; item++)
		if (check_item(*item, err) < 0)
			goto bad;
	if (check_bases(items, err) == 0)
		return items;
bad:
	strings_free(items);
	return NULL;
}
