/* SPDX-License-Identifier: BSD-3-Clause */
/* templates.h - files that davit.conf puts into the container. */
#ifndef DAVIT_TEMPLATES_H
#define DAVIT_TEMPLATES_H

#include "common/error.h"
#include "launcher/conf/conf.h"

#define TEMPLATE_SIZE_MAX (1u << 20)

/* Are all patterns in `text` known ones? */
int template_check(const char *text, struct error *err);

/* A copy with the patterns replaced, to be freed; NULL with `err` set. As the user, as below. */
char *template_expand(const char *text, struct error *err);

/* Replaces the patterns in `content`, or reads the text of `source`. To be called as the user, while
 * the node's files are in reach. Returns 1, 0 where an optional source does not exist, or -1 with
 * `err` set. */
int template_fill(struct conf_template *template, struct error *err);

void template_done(struct conf_template *template);

#endif
