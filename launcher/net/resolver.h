/* SPDX-License-Identifier: BSD-3-Clause */
/* resolver.h - which name server a container asks that has a network of its own. */
#ifndef DAVIT_RESOLVER_H
#define DAVIT_RESOLVER_H

/* Returns the text of a resolv.conf(5) with `server` in place of all servers on loopback, to be
 * freed by the caller; NULL where there are none, or no memory. */
char *resolver_replace(const char *text, const char *server);

#endif
