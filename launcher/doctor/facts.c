/* SPDX-License-Identifier: BSD-3-Clause */
/* facts.c - see facts.h. */
#include "launcher/doctor/facts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "launcher/devices/slurmconf.h"

#define BLANKS " \t\r\n\v\f"

/* A part of a version that fits one byte; the kernel's third may be more, and nobody asks for it. */
static bool take_part(const char **at, uint32_t *version)
{
	unsigned long part;
	char *end;

	if (!isdigit((unsigned char)**at))
		return false;
	part = strtoul(*at, &end, 10);
	*version = *version << 8 | (uint32_t)(part > 255 ? 255 : part);
	*at = end;
	return true;
}

uint32_t facts_version(const char *text)
{
	uint32_t version = 0;

	if (!take_part(&text, &version) || *text++ != '.' || !take_part(&text, &version))
		return 0;
	if (*text++ != '.' || !take_part(&text, &version))
		version <<= 8;
	return version;
}

const char *facts_slurm_name(uint32_t version, char name[FACTS_VERSION_MAX])
{
	snprintf(name, FACTS_VERSION_MAX, "%u.%02u.%u", version >> 16, version >> 8 & 0xff,
		 version & 0xff);
	return name;
}

bool facts_number(const char *text, long long *number)
{
	char *end;

	errno = 0;
	*number = strtoll(text, &end, 10);
	return end != text && errno == 0 && (!*end || strcmp(end, "\n") == 0);
}

bool facts_has_word(const char *text, const char *word)
{
	for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
		size_t len = strcspn(text, BLANKS);

		if (len == strlen(word) && strncmp(text, word, len) == 0)
			return true;
		text += len;
	}
	return false;
}

static char *take_word(char **at)
{
	char *word = *at + strspn(*at, BLANKS), *end = word + strcspn(word, BLANKS);

	*at = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

struct plugstack_line facts_plugstack(char *line)
{
	struct plugstack_line result = { .kind = PLUGSTACK_WRONG, .path = "", .arguments = "" };
	char *word, *end;

	line[strcspn(line, "#")] = '\0';
	word = take_word(&line);
	if (!word[0]) {
		result.kind = PLUGSTACK_NONE;
		return result;
	}
	result.path = take_word(&line);
	if (!result.path[0])
		return result;
	if (strcasecmp(word, "include") == 0)
		result.kind = PLUGSTACK_INCLUDE;
	else if (strcasecmp(word, "required") == 0)
		result.kind = PLUGSTACK_REQUIRED;
	else if (strcasecmp(word, "optional") == 0)
		result.kind = PLUGSTACK_OPTIONAL;
	line += strspn(line, BLANKS);
	for (end = line + strlen(line); end > line && strchr(BLANKS, end[-1]);)
		*--end = '\0';
	result.arguments = line;
	return result;
}

static bool is_yes(const char *value)
{
	return strcasecmp(value, "true") == 0 || strcasecmp(value, "yes") == 0 ||
	       strcasecmp(value, "up") == 0 || strcmp(value, "1") == 0;
}

struct oci_facts facts_oci(char *text)
{
	struct oci_facts facts = { .run = NULL };
	char *line, *key, *value;

	while ((line = slurmconf_line(&text)))
		while (slurmconf_pair(&line, &key, &value)) {
			if (strcasecmp(key, "IgnoreFileConfigJson") == 0)
				facts.ignores_config = is_yes(value);
			else if (strcasecmp(key, "CreateEnvFile") == 0)
				facts.has_null_env = strcasecmp(value, "null") == 0;
			else if (strcasecmp(key, "RunTimeRun") == 0)
				facts.run = value;
			else if (strcasecmp(key, "RunTimeCreate") == 0 ||
				 strcasecmp(key, "RunTimeStart") == 0)
				facts.has_runtime = true;
		}
	return facts;
}

char *facts_oci_launcher(const char *run)
{
	size_t len;

	run += strspn(run, BLANKS);
	if (strncmp(run, "exec", 4) == 0 && strchr(BLANKS, run[4]))
		run += 4 + strspn(run + 4, BLANKS);
	len = strcspn(run, BLANKS);
	if (len == 0 || !facts_has_word(run + len, "oci-run"))
		return NULL;
	return strndup(run, len);
}
