/* SPDX-License-Identifier: BSD-3-Clause */
/* resolver.c - see resolver.h. */
#include "launcher/net/resolver.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"

/* Is it "nameserver ADDRESS" with an address of loopback? */
static bool is_loopback_server(const char *line, size_t len)
{
	char text[128], address[64] = "";

	snprintf(text, sizeof(text), "%.*s", len < sizeof(text) ? (int)len : 0, line);
	return sscanf(text, "nameserver %63s", address) == 1 &&
	       (strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0);
}

char *resolver_replace(const char *text, const char *server)
{
	cleanup_free char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);
	bool replaced = false;

	if (!out)
		return NULL;
	while (*text) {
		size_t len = strcspn(text, "\n");

		len += text[len] == '\n';
		if (!is_loopback_server(text, len)) {
			fwrite(text, 1, len, out);
		} else if (!replaced) {
			fprintf(out, "nameserver %s\n", server);
			replaced = true;
		}
		text += len;
	}
	return fclose(out) == 0 && replaced ? steal_ptr(&result) : NULL;
}
