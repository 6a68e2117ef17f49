/* SPDX-License-Identifier: BSD-3-Clause */
/* options.h - the --container-... options, checked as soon as they are parsed. */
#ifndef DAVIT_PLUGIN_OPTIONS_H
#define DAVIT_PLUGIN_OPTIONS_H

#include <slurm/spank.h>
#include <stdbool.h>

#include "common/error.h"

/* Registers every option of common/settings.h as --container-NAME; to be called from
 * slurm_spank_init in every context. Returns a spank_err_t. */
spank_err_t options_register(spank_t spank);

/* The value given for the option `name` ("image", ...), or NULL. */
const char *options_value(const char *name);

/* Is any option but the image given? Then srun's name for it goes to `name`. */
bool options_any_other(char *name, size_t size);

/* Refuses bad values in DAVIT_CONTAINER_... and PYXIS_CONTAINER_...: what counts among them, the
 * launcher finds out. Returns 0, or -1 with `err` set. */
int options_check_environment(struct error *err);

/* Takes `value` as if it had been given as option `name`. Returns 0, or -1 with `err` set. */
int options_set(const char *name, const char *value, struct error *err);

/* The same without looking at the value: in slurmstepd. */
int options_take(const char *name, const char *value, struct error *err);

/* Forgets all that was given: for the next component of a heterogeneous step. */
void options_forget(void);

/* Has an option been given twice since then, with two values? */
bool options_replaced(void);

/* The variable in which Slurm hands the option `name` (or an opposite) down to nested steps. */
void options_variable(const char *name, char *out, size_t size);

/* Keeps what those variables say before Slurm writes the options of this command line there. */
void options_remember(void);

/* Takes what was remembered for each option that has not been given. Returns 0, or -1 with `err`. */
int options_inherit(struct error *err);

/* Takes those variables out of the step's environment. */
void options_clean(spank_t spank);

/* All that was given, "name=value" each ended by NUL, as handover.h has it. The caller frees it.
 * NULL when out of memory. */
char *options_text(size_t *len);

#endif
