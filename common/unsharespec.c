/* SPDX-License-Identifier: BSD-3-Clause */
/* unsharespec.c - see unsharespec.h. */
#include "common/unsharespec.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "common/nearest.h"

static int parse_port(const char **at, uint16_t *port)
{
	char *end;
	unsigned long value = isdigit((unsigned char)**at) ? strtoul(*at, &end, 10) : 0;

	if (value == 0 || value > UINT16_MAX)
		return -1;
	*port = (uint16_t)value;
	*at = end;
	return 0;
}

/* HOST[:CONTAINER][+...] */
static int parse_ports(struct unshare *unshare, const char *text, struct error *err)
{
	const char *at = text;

	do {
		struct port port, *bigger;

		bigger = realloc(unshare->ports, (unshare->port_count + 1) * sizeof(*bigger));
		if (!bigger)
			return error_set(err, ENOMEM, "cannot keep the ports");
		unshare->ports = bigger;
		if (parse_port(&at, &port.host) < 0)
			goto bad;
		port.container = port.host;
		if (*at == ':' && (at++, parse_port(&at, &port.container) < 0))
			goto bad;
		bigger[unshare->port_count++] = port;
	} while (*at++ == '+');
	if (!at[-1])
		return 0;
bad:
	error_set(err, 0, "'%s' are not ports", text);
	return error_remedy(err, "net:slirp:PORT, or net:slirp:NODEPORT:PORT+...; 1 to 65535");
}

static int parse_namespace(struct unshare *unshare, const char *word, struct error *err)
{
	static const char *const words[] = { "net", "ipc", "uts", "pid", "net:slirp", "net:host" };
	const char *near;

	if (strncmp(word, "net:slirp:", strlen("net:slirp:")) == 0) {
		unshare->what |= UNSHARE_NET | UNSHARE_SLIRP;
		return parse_ports(unshare, word + strlen("net:slirp:"), err);
	}
	if (strcmp(word, "net:slirp") == 0)
		unshare->what |= UNSHARE_NET;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0) {
			unshare->what |= 1u << i;
			return 0;
		}
	near = word_nearest(word, words, sizeof(words) / sizeof(words[0]));
	error_set(err, 0, "unknown namespace '%s'", word);
	return error_remedy(err, "%s%snet, net:slirp, net:host, ipc, uts, pid", near ? near : "",
			    near ? "; there are " : "");
}

int unshare_parse(struct unshare *unshare, const char *value, struct error *err)
{
	cleanup_free char *copy = strdup(value);
	char *rest = copy, *word;

	*unshare = (struct unshare){ .what = 0 };
	if (!copy)
		return error_set(err, ENOMEM, "cannot keep the value");
	while ((word = strsep(&rest, ",")))
		if (parse_namespace(unshare, word, err) < 0) {
			unshare_done(unshare);
			return -1;
		}
	if (!(unshare->what & UNSHARE_NET) || !(unshare->what & UNSHARE_HOST))
		return 0;
	unshare_done(unshare);
	error_set(err, 0, "a network of its own, and the node's");
	return error_remedy(err, "net:host for the node's alone");
}

void unshare_done(struct unshare *unshare)
{
	free(unshare->ports);
	*unshare = (struct unshare){ .what = 0 };
}
