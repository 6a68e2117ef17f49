/* SPDX-License-Identifier: BSD-3-Clause */
/* ps.h - what the files of `davit ps` share. */
#ifndef DAVIT_PS_H
#define DAVIT_PS_H

#include "common/error.h"
#include "launcher/running/running.h"

/* Writes all that is known to standard output. Returns 0, or -1 with `err` set. */
int ps_print_json(const struct running_list *list, struct error *err);

#endif
