/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pmi.c - a rank that speaks PMI, version 1, with Slurm and has no MPI library.
 *
 * Each rank puts its number into the key-value space, all meet, and each gets what its neighbour has
 * put. Prints "rank R of N got M".
 */
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *in, *out;
static char answer[4096];

/* Sends a line; the answer has to begin with `want`. */
__attribute__((format(printf, 2, 3))) static void ask(const char *want, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	if (fputc('\n', out) == EOF || fflush(out) != 0)
		err(1, "cannot ask");
	if (!fgets(answer, sizeof(answer), in))
		errx(1, "no answer that begins with %s", want);
	if (strncmp(answer, want, strlen(want)) != 0)
		errx(1, "%s is no %s", answer, want);
}

/* The value of `key` in the answer. */
static const char *value(const char *key, char *text, size_t size)
{
	char *at = strstr(answer, key);

	if (!at)
		errx(1, "no%s in %s", key, answer);
	snprintf(text, size, "%s", at + strlen(key));
	text[strcspn(text, " \n")] = '\0';
	return text;
}

static int number(const char *variable)
{
	const char *text = getenv(variable);

	if (!text)
		errx(1, "no %s", variable);
	return atoi(text);
}

int main(void)
{
	int fd = number("PMI_FD"), rank = number("PMI_RANK"), size = number("PMI_SIZE");
	char space[256], got[64];

	in = fdopen(dup(fd), "r");
	out = fdopen(fd, "w");
	if (!in || !out)
		err(1, "PMI_FD");
	ask("cmd=response_to_init", "cmd=init pmi_version=1 pmi_subversion=1");
	ask("cmd=my_kvsname", "cmd=get_my_kvsname");
	value(" kvsname=", space, sizeof(space));
	ask("cmd=put_result", "cmd=put kvsname=%s key=rank%d value=%d", space, rank, rank);
	ask("cmd=barrier_out", "cmd=barrier_in");
	ask("cmd=get_result", "cmd=get kvsname=%s key=rank%d", space, (rank + 1) % size);
	printf("rank %d of %d got %s\n", rank, size, value(" value=", got, sizeof(got)));
	fflush(stdout);
	ask("cmd=finalize_ack", "cmd=finalize");
	return 0;
}
