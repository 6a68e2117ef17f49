/* SPDX-License-Identifier: BSD-3-Clause */
/* ask.c - see ask.h. */
#include "launcher/imports/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/source.h"
#include "images/crypto.h"
#include "images/import/import.h"
#include "images/import/local.h"
#include "images/import/skopeo_error.h"
#include "launcher/imports/program.h"

#define SKOPEO   "skopeo"
#define PATIENCE "--command-timeout=60s"

/* Should skopeo not keep to its own limit: its download of a layer does not. */
#define PATIENCE_S 75

/* Copies a text that is quoted as Go does. */
static void unquote(const char *at, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != '\\' || (i + 1 < len && at[i + 1] == '\\'))
			*out++ = at[i];
	*out = '\0';
}

/* The message of the last line, without time, level, and the image's name: ... msg="TEXT". */
static void last_message(const char *said, char out[PROGRAM_SAY_MAX + 1])
{
	static const char parsing[] = "Error parsing image name \"";
	size_t len = strlen(said);
	const char *at, *message;

	while (len > 0 && said[len - 1] == '\n')
		len--;
	at = said + len;
	while (at > said && at[-1] != '\n')
		at--;
	len -= (size_t)(at - said);
	message = memmem(at, len, "msg=\"", 5);
	if (message) {
		len -= (size_t)(message + 5 - at);
		at = message + 5;
		if (len > 0 && at[len - 1] == '"')
			len--;
	}
	unquote(at, len, out);
	if (strncmp(out, parsing, strlen(parsing)) == 0 && (at = strstr(out, "\": ")))
		memmove(out, at + 3, strlen(at + 3) + 1);
}

int ask_explain(const char *source, const char *said, struct error *err)
{
	char message[PROGRAM_SAY_MAX + 1];

	last_message(said, message);
	return skopeo_explain(message[0] ? message : SKOPEO " failed without a word", source, err);
}

static int refuse_start(const char *source, struct error *err)
{
	if (err->errnum == ETIMEDOUT)
		return ask_explain(source, SKOPEO ": deadline exceeded", err);
	if (err->errnum != ENOENT)
		return -1;
	error_set(err, 0, "there is no " SKOPEO " on this node, which talks to registries");
	return error_remedy(err, "ask your admin for the package " SKOPEO);
}

static int take_digest(const struct program *program, char digest[DIGEST_TEXT_SIZE],
		       struct error *err)
{
	if (program->too_much || program->len == 0)
		return error_set(err, 0, "its manifest has %s",
				 program->too_much ? "more than 4 MiB" : "no bytes");
	if (crypto_open(err) < 0)
		return -1;
	if (crypto_digest(program->out, program->len, digest) < 0)
		return error_set(err, ENOMEM, "cannot tell the digest of the manifest");
	return 0;
}

int ask_digest(const char *source, char digest[DIGEST_TEXT_SIZE], struct error *err)
{
	const char *argv[] = { SKOPEO, PATIENCE, "inspect", "--raw", source, NULL, NULL, NULL };
	const char *daemon = local_daemon(source);
	struct program program;
	int result;

	if (source_is_path(source))
		return import_digest(source, digest, err);
	if (daemon) {
		argv[5] = "--daemon-host";
		argv[6] = daemon;
	}
	result = program_run(&program, argv, PATIENCE_S, err);
	if (result < 0) {
		result = refuse_start(source, err);
	} else if (program.code != 0 && !program.too_much) {
		ask_explain(source, program.said, err);
		result = local_error(source, err);
	} else {
		result = take_digest(&program, digest, err);
	}
	program_done(&program);
	return result;
}

/* Behind "davit: NODE: " of the line `at`. */
static const char *behind_node(const char *at)
{
	const char *colon = strncmp(at, "davit: ", 7) == 0 ? strstr(at + 7, ": ") : NULL;

	return colon ? colon + 2 : at;
}

/* Takes over what another davit has told: its last cause and the remedy behind it. */
static int take_error(const char *said, struct error *err)
{
	cleanup_free char *copy = strdup(said);
	const char *cause = NULL, *remedy = NULL;
	char *rest = copy, *line;

	while (copy && (line = strsep(&rest, "\n"))) {
		const char *text = behind_node(line);

		if (strncmp(text, "try: ", 5) == 0)
			remedy = text + 5;
		else if (text[0])
			cause = text, remedy = NULL;
	}
	error_set(err, 0, "%s", cause ? cause : "davit image import failed without a word");
	return remedy ? error_remedy(err, "%s", remedy) : -1;
}

int ask_import(const char *source, const char *digest, const char *file, struct error *err)
{
	cleanup_free char *pinned = source_pinned(source, digest);
	const char *argv[] = {
		"/proc/self/exe", "image", "import", "-q", "--", pinned, file, NULL
	};
	struct program program;
	int result;

	if (!pinned)
		return error_set(err, ENOMEM, "cannot keep the image's name");
	result = program_run(&program, argv, 0, err);
	if (result == 0 && program.code != 0)
		result = take_error(program.said, err);
	program_done(&program);
	return result;
}
