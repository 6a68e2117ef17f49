/* SPDX-License-Identifier: BSD-3-Clause */
/* attributes.h - the extended attributes that go into an image: user.* and security.capability. */
#ifndef DAVIT_ATTRIBUTES_H
#define DAVIT_ATTRIBUTES_H

#include <stdbool.h>

/* Those of SELinux, ACLs and "trusted" ones mean nothing in an image; the overlay's own would mean too much. */
bool attributes_is_kept(const char *name);

/* Sets those of the file or directory `from` at `to` too, as far as the file system and the rights of this
 * process allow. Returns 0, or -1 with errno set. */
int attributes_copy(int from, int to);

#endif
