/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pmix.c - see pmix.h.
 *
 * To ask the controller for its configuration from every node of every step is no way to find out
 * where TmpFS is. Most clusters have it at /tmp; else the node's own copy of slurm.conf tells.
 */
#include "launcher/pmix.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/node.h"

#define NAMESPACE    "slurm.pmix." /* then JOB.STEP */
#define CONF_MAX     (4u << 20)
#define INCLUDES_MAX 4 /* deep */

/* ---- Slurm's files --------------------------------------------------------------------------- */

struct search {
	const char *key;
	char *value;
	int depth;
};

static void read_conf(const char *path, struct search *search);

static void include(const char *from, const char *name, struct search *search)
{
	const char *slash = strrchr(from, '/');
	char path[PATH_MAX];

	if (search->depth >= INCLUDES_MAX)
		return;
	if (name[0] == '/' || !slash)
		snprintf(path, sizeof(path), "%s", name);
	else
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - from), from, name);
	search->depth++;
	read_conf(path, search);
	search->depth--;
}

/* One "Key=Value", with or without quotes around the value. */
static void look_at(char *word, struct search *search)
{
	size_t len = strlen(search->key);
	char *value = word + len + 1;

	if (strncasecmp(word, search->key, len) != 0 || word[len] != '=')
		return;
	if (value[0] == '"') {
		value++;
		value[strcspn(value, "\"")] = '\0';
	}
	free(search->value);
	search->value = strdup(value);
}

static void read_line(const char *path, char *line, struct search *search)
{
	static const char blank[] = " \t\r";
	char *save = NULL, *word;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, blank, &save);
	if (word && strcasecmp(word, "include") == 0) {
		word = strtok_r(NULL, blank, &save);
		if (word)
			include(path, word, search);
		return;
	}
	for (; word; word = strtok_r(NULL, blank, &save))
		look_at(word, search);
}

static void read_conf(const char *path, struct search *search)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_free char *text = fd < 0 ? NULL : fd_read_all(fd, CONF_MAX, NULL);
	char *save = NULL;

	if (!text)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		read_line(path, line, search);
}

char *pmix_slurm_conf(const char *path, const char *key)
{
	struct search search = { .key = key };

	read_conf(path, &search);
	return search.value;
}

/* The same for file `name` beside slurm.conf. */
static char *ask_conf(const char *name, const char *key)
{
	const char *conf = getenv("SLURM_CONF");
	const char *slash = conf ? strrchr(conf, '/') : NULL;
	char path[PATH_MAX];

	if (!slash)
		return NULL;
	snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - conf), conf, name);
	return pmix_slurm_conf(path, key);
}

/* TmpFS may have the node's name in it. */
static void expand(const char *text, char *path, size_t size)
{
	char host[HOST_NAME_MAX + 1] = "", node[NODE_NAME_MAX];
	size_t len = 0;

	node_name(node);
	gethostname(host, sizeof(host) - 1);
	host[strcspn(host, ".")] = '\0';
	path[0] = '\0';
	for (; *text && len + 1 < size; text++) {
		const char *name = text[0] != '%'   ? NULL
				   : text[1] == 'n' ? node
				   : text[1] == 'h' ? host
						    : NULL;

		if (name) {
			len += (size_t)snprintf(path + len, size - len, "%s", name);
			text++;
		} else {
			path[len++] = *text;
			path[len] = '\0';
		}
	}
}

/* ---- the ranks' directory -------------------------------------------------------------------- */

/* JOB.STEP, as the server counts them. */
static const char *own_step(void)
{
	const char *namespace = getenv("PMIX_NAMESPACE");

	return namespace && strncmp(namespace, NAMESPACE, strlen(NAMESPACE)) == 0
		       ? namespace + strlen(NAMESPACE)
		       : NULL;
}

/* Returns the directory of this step in `base`, if it is there. */
static char *find_in(const char *base, const char *step)
{
	struct stat st;
	char *path;

	if (!base || base[0] != '/')
		return NULL;
	if (asprintf(&path, "%s/spmix_appdir_%u_%s", base, getuid(), step) < 0)
		return NULL;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return path;
	free(path);
	return NULL;
}

/* Where Slurm takes the step for an OCI container, both directories are side by side. */
static char *find_beside_server(const char *step)
{
	const char *server = getenv("PMIX_SERVER_TMPDIR");
	char base[PATH_MAX];
	size_t len;

	if (!server || (size_t)snprintf(base, sizeof(base), "%s", server) >= sizeof(base))
		return NULL;
	for (len = strlen(base); len > 1 && base[len - 1] == '/'; len--)
		base[len - 1] = '\0';
	if (!strrchr(base, '/'))
		return NULL;
	*strrchr(base, '/') = '\0';
	return find_in(base, step);
}

static char *find_configured(const char *step)
{
	cleanup_free char *cli = ask_conf("mpi.conf", "PMIxCliTmpDirBase");
	cleanup_free char *tmp = NULL;
	char path[PATH_MAX];

	if (cli)
		return find_in(cli, step);
	tmp = ask_conf("slurm.conf", "TmpFS");
	if (!tmp)
		return NULL;
	expand(tmp, path, sizeof(path));
	return find_in(path, step);
}

char *pmix_ranks_dir(void)
{
	const char *step = own_step();
	char *dir;

	if (!step || strchr(step, '/'))
		return NULL;
	dir = find_in(getenv("SLURM_PMIX_TMPDIR"), step);
	if (!dir)
		dir = find_beside_server(step);
	if (!dir)
		dir = find_in("/tmp", step);
	return dir ? dir : find_configured(step);
}

bool pmix_uses_munge(void)
{
	const char *mode = getenv("PMIX_SECURITY_MODE");

	return mode && strstr(mode, "munge");
}
