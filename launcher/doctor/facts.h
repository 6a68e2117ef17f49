/* SPDX-License-Identifier: BSD-3-Clause */
/* facts.h - the formats of the files that `davit doctor` looks at. Nothing here opens a file. */
#ifndef DAVIT_DOCTOR_FACTS_H
#define DAVIT_DOCTOR_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "6.8.0-45-generic" is 0x060800, as Slurm counts its versions, too. 0 for what is none. */
uint32_t facts_version(const char *text);

#define FACTS_VERSION(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor) << 8)
#define FACTS_RELEASE(version)      ((version)&0xffff00)
#define FACTS_VERSION_MAX           32

/* 0x180b05 is "24.11.5". */
const char *facts_slurm_name(uint32_t version, char name[FACTS_VERSION_MAX]);

/* A number of a file in /proc/sys, with nothing behind it but a newline. */
bool facts_number(const char *text, long long *number);

/* Is `word` among the words of `text`, which blanks and newlines separate? */
bool facts_has_word(const char *text, const char *word);

/* One line of plugstack.conf. */
enum plugstack_kind {
	PLUGSTACK_NONE, /* empty, a comment */
	PLUGSTACK_INCLUDE,
	PLUGSTACK_REQUIRED,
	PLUGSTACK_OPTIONAL,
	PLUGSTACK_WRONG, /* Slurm will not have it */
};

struct plugstack_line {
	enum plugstack_kind kind;
	const char *path;      /* of the plugin, or the pattern to include */
	const char *arguments; /* of the plugin, "" if there are none */
};

/* Takes a line apart, which it changes. */
struct plugstack_line facts_plugstack(char *line);

/* What oci.conf says, from a text for slurmconf_line(). */
struct oci_facts {
	bool ignores_config; /* IgnoreFileConfigJson */
	bool has_null_env;   /* CreateEnvFile=null */
	bool has_runtime;    /* commands of another runtime: RunTimeCreate and its like */
	char *run;           /* RunTimeRun, or NULL; in the text */
};

struct oci_facts facts_oci(char *text);

/* The launcher in a RunTimeRun that is Davit's, "exec PATH oci-run ...", in a fresh string; NULL
 * where it is not. */
char *facts_oci_launcher(const char *run);

#endif
