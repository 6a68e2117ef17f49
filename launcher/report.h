/* SPDX-License-Identifier: BSD-3-Clause */
/* report.h - telling the user. Only the main functions of the launcher's processes call this. */
#ifndef DAVIT_REPORT_H
#define DAVIT_REPORT_H

#include "common/error.h"
#include "launcher/note.h"

/* Learns the node's name; to be called at the start of main(). */
void report_init(void);

/* Writes cause and remedy to standard error, with the node's name, in one write(2) so that the
 * lines of several ranks do not mix. */
void report(const struct error *err);
void report_notes(const struct notes *notes);

#endif
