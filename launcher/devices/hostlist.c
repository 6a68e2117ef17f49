/* SPDX-License-Identifier: BSD-3-Clause */
/* hostlist.c - see hostlist.h. A name is searched without making all the others, of which there
 * may be thousands in each of hundreds of lines. */
#include "launcher/devices/hostlist.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define BRACKETS_MAX 8
#define RANGE_MAX    65536 /* numbers in a range, as Slurm has it */
#define DIGITS_MAX   9
#define STEPS_MAX    1000 /* of a search for one name in one word */

/* A word of a list: text, numbers in brackets, text... */
struct pattern {
	struct {
		const char *text, *open, *close; /* what is before the bracket, and the two */
		size_t count, at;                /* of numbers */
	} parts[BRACKETS_MAX];
	size_t count;
	const char *rest, *end; /* what is behind the last bracket */
};

struct range {
	size_t first, last;
	int width; /* of the numbers, with zeros in front */
};

/* Takes the next word of a list, in which commas and blanks between brackets belong to it. */
static bool next_word(const char **at, const char **word, size_t *len)
{
	static const char separators[] = ", \t\r\n";
	const char *end;
	bool is_inside = false;

	*at += strspn(*at, separators);
	for (end = *at; *end && (is_inside || !strchr(separators, *end)); end++)
		is_inside = *end == '[' || (is_inside && *end != ']');
	*word = *at;
	*len = (size_t)(end - *at);
	*at = end;
	return *len > 0;
}

static bool parse_digits(const char **at, const char *end, size_t *value)
{
	const char *from = *at;

	*value = 0;
	for (; *at < end && isdigit((unsigned char)**at) && *at - from <= DIGITS_MAX; (*at)++)
		*value = *value * 10 + (size_t)(**at - '0');
	return *at > from && *at - from <= DIGITS_MAX;
}

/* Takes the next range from the text between two brackets, which has one left. */
static bool next_range(const char **at, const char *end, struct range *range)
{
	const char *from = *at;

	if (!parse_digits(at, end, &range->first))
		return false;
	range->width = (int)(*at - from);
	range->last = range->first;
	if (*at < end && **at == '-') {
		(*at)++;
		if (*at < end && **at != ',' && !parse_digits(at, end, &range->last))
			return false;
	}
	if (range->last < range->first || range->last - range->first >= RANGE_MAX ||
	    (*at < end && **at != ','))
		return false;
	*at += *at < end;
	return true;
}

static bool count_numbers(const char *at, const char *end, size_t *count)
{
	struct range range;

	for (*count = 0; at < end; *count += range.last - range.first + 1)
		if (!next_range(&at, end, &range))
			return false;
	return *count > 0 && end[-1] != ',';
}

static bool parse_pattern(struct pattern *pattern, const char *word, size_t len)
{
	const char *open;

	*pattern = (struct pattern){ .rest = word, .end = word + len };
	while ((open = memchr(pattern->rest, '[', (size_t)(pattern->end - pattern->rest)))) {
		const char *close = memchr(open, ']', (size_t)(pattern->end - open));
		size_t i = pattern->count;

		if (!close || i == BRACKETS_MAX ||
		    !count_numbers(open + 1, close, &pattern->parts[i].count))
			return false;
		pattern->parts[i].text = pattern->rest;
		pattern->parts[i].open = open;
		pattern->parts[i].close = close;
		pattern->rest = close + 1;
		pattern->count++;
	}
	return true;
}

/* ---- one name -------------------------------------------------------------------------------- */

/* Is the number with `len` digits one of those between the brackets? */
static bool has_number(const char *at, const char *end, const char *digits, size_t len)
{
	const char *from = digits;
	size_t value;
	struct range range;

	if (!parse_digits(&from, digits + len, &value))
		return false;
	while (at < end && next_range(&at, end, &range))
		if (value >= range.first && value <= range.last &&
		    (len == (size_t)range.width || (len > (size_t)range.width && digits[0] != '0')))
			return true;
	return false;
}

/* Does the name match the pattern from this part on? */
static bool matches(const struct pattern *pattern, size_t part, const char *name, int *steps)
{
	const char *open, *close;
	size_t len;

	if (--*steps < 0)
		return false;
	if (part == pattern->count) {
		len = (size_t)(pattern->end - pattern->rest);
		return strlen(name) == len && memcmp(name, pattern->rest, len) == 0;
	}
	open = pattern->parts[part].open;
	close = pattern->parts[part].close;
	len = (size_t)(open - pattern->parts[part].text);
	if (strncmp(name, pattern->parts[part].text, len) != 0)
		return false;
	name += len;
	for (len = 1; len <= DIGITS_MAX && isdigit((unsigned char)name[len - 1]); len++)
		if (has_number(open + 1, close, name, len) &&
		    matches(pattern, part + 1, name + len, steps))
			return true;
	return false;
}

bool hostlist_has(const char *list, const char *name)
{
	const char *word;
	size_t len;

	while (next_word(&list, &word, &len)) {
		struct pattern pattern;
		int steps = STEPS_MAX;

		if (parse_pattern(&pattern, word, len) && matches(&pattern, 0, name, &steps))
			return true;
	}
	return false;
}

/* ---- all names ------------------------------------------------------------------------------- */

static bool append(char name[PATH_MAX], size_t *len, const char *text, size_t text_len)
{
	if (text_len >= PATH_MAX - *len)
		return false;
	memcpy(name + *len, text, text_len);
	*len += text_len;
	name[*len] = '\0';
	return true;
}

static bool append_number(char name[PATH_MAX], size_t *len, const char *at, const char *end,
			  size_t index)
{
	struct range range;
	char digits[32];
	int written;

	while (at < end && next_range(&at, end, &range)) {
		if (index <= range.last - range.first) {
			written = snprintf(digits, sizeof(digits), "%0*zu", range.width,
					   range.first + index);
			return append(name, len, digits, (size_t)written);
		}
		index -= range.last - range.first + 1;
	}
	return false;
}

static int add_name(struct names *names, const struct pattern *pattern, struct error *err)
{
	char name[PATH_MAX];
	size_t len = 0;

	for (size_t i = 0; i < pattern->count; i++) {
		const char *text = pattern->parts[i].text, *open = pattern->parts[i].open;

		if (!append(name, &len, text, (size_t)(open - text)) ||
		    !append_number(name, &len, open + 1, pattern->parts[i].close,
				   pattern->parts[i].at))
			return 0;
	}
	if (!append(name, &len, pattern->rest, (size_t)(pattern->end - pattern->rest)))
		return 0;
	return names_add(names, err, "%s", name);
}

/* Goes on to the next name. Slurm counts up the last number first, then the first, the second,
 * ... */
static bool step_on(struct pattern *pattern)
{
	for (size_t i = 0; i < pattern->count; i++) {
		size_t part = (i + pattern->count - 1) % pattern->count;

		if (++pattern->parts[part].at < pattern->parts[part].count)
			return true;
		pattern->parts[part].at = 0;
	}
	return false;
}

int hostlist_expand(struct names *names, const char *list, struct error *err)
{
	const char *word;
	size_t len;

	while (names->count < NAMES_MAX && next_word(&list, &word, &len)) {
		struct pattern pattern;
		size_t before;

		if (!parse_pattern(&pattern, word, len))
			continue;
		/* What is too long adds none, and there may be no end of that. */
		do {
			before = names->count;
			if (add_name(names, &pattern, err) < 0)
				return -1;
		} while (names->count > before && names->count < NAMES_MAX && step_on(&pattern));
	}
	return 0;
}
