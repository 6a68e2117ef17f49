/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cdi_parse.h - what the readers of a CDI specification's parts share: places in the file, to name
 * in messages, and maps whose fields are in tables.
 */
#ifndef DAVIT_DEVICES_CDI_PARSE_H
#define DAVIT_DEVICES_CDI_PARSE_H

#include "launcher/conf/yaml.h"
#include "launcher/devices/cdi.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A version of the format; one that is not given is newer than all. */
#define CDI_VERSION(major, minor) ((major)*1000u + (minor))

struct cdi_reader {
	const char *file;
	unsigned int version; /* that the file says it has */
};

/* A value in the file and the way to it. It lives on the stack of who reads it, and becomes a text
 * such as "devices[2].name" in messages only. */
struct cdi_place {
	const struct cdi_place *in; /* NULL at the top */
	const struct yaml_node *node;
	const char *name; /* in a map; NULL in a list, where it is number `index` */
	size_t index;
};

/* Reads the value at `place` into *to. Returns 0, or -1 with `err` set and *to maybe half done. */
typedef int cdi_read_fn(const struct cdi_reader *reader, const struct cdi_place *place, void *to,
			struct error *err);

struct cdi_field {
	const char *name;
	cdi_read_fn *read;
	size_t offset;       /* of what `read` fills, in the struct of the map */
	unsigned int since;  /* the version that brought the field */
	const char *example; /* of a field that must be there, else NULL */
};

/* Puts "FILE:LINE: 'PLACE': " in front of the cause. Returns -1. */
int cdi_refuse(const struct cdi_reader *reader, const struct cdi_place *place, struct error *err);

/* Refuses what only a later version has. Returns -1. */
int cdi_refuse_older(const struct cdi_reader *reader, const struct cdi_place *place,
		     unsigned int since, struct error *err);

/* Refuses the value, which is none of `words`. Returns -1. */
int cdi_refuse_word(const struct cdi_reader *reader, const struct cdi_place *place,
		    const char *const *words, size_t count, struct error *err);

int cdi_out_of_memory(const struct cdi_reader *reader, struct error *err);

/* Is it of this kind? Nothing at all, and null, are an empty list or map. */
int cdi_expect(const struct cdi_reader *reader, const struct cdi_place *place, enum yaml_kind kind,
	       struct error *err);

/* Reads a map by a table of at most 16 fields into the struct `to`. Other fields are refused. Names
 * are the same in capitals, since Go's JSON takes them so. */
int cdi_read_map(const struct cdi_reader *reader, const struct cdi_place *place,
		 const struct cdi_field *fields, size_t count, void *to, struct error *err);

/* Makes room, all zero, for the items of a list and one more. NULL with `err` set where it is no
 * list. */
void *cdi_new_items(const struct cdi_reader *reader, const struct cdi_place *place, size_t size,
		    struct error *err);

/* Reads each item of a list into that room. *count grows before an item is read. */
int cdi_read_items(const struct cdi_reader *reader, const struct cdi_place *place, void *items,
		   size_t size, size_t *count, cdi_read_fn *read, struct error *err);

cdi_read_fn cdi_read_text;      /* into char *; "" stays NULL */
cdi_read_fn cdi_read_texts;     /* a list into char **, which ends with NULL */
cdi_read_fn cdi_read_variables; /* the same, of NAME=VALUE */
cdi_read_fn cdi_read_path;      /* into char *: absolute, becomes normalised; "" stays NULL */
cdi_read_fn cdi_read_number;    /* into uint32_t */

/* These read nothing. */
cdi_read_fn cdi_check_text;
cdi_read_fn cdi_check_texts;
cdi_read_fn cdi_check_number;
cdi_read_fn cdi_check_switch;
cdi_read_fn cdi_check_annotations;

/* cdi_edits.c: into struct cdi_edits. */
cdi_read_fn cdi_read_edits;
void cdi_edits_done(struct cdi_edits *edits);

#endif
