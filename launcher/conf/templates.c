/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * templates.c - see templates.h. Patterns are looked up one by one: a user's name may have to come
 * over the network, and most files do not ask for it.
 */
#include "launcher/conf/templates.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/node.h"

static const char patterns[] = "uUhnj%";

int template_check(const char *text, struct error *err)
{
	const char *at = text;

	while ((at = strchr(at, '%'))) {
		if (!at[1] || !strchr(patterns, at[1])) {
			error_set(err, 0, "unknown pattern '%.2s'", at);
			return error_remedy(err, "%%u user, %%U number of the user, %%h home, "
						 "%%n node, %%j job, %%%% percent");
		}
		at += 2;
	}
	return 0;
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? value : NULL;
}

static void put_user(FILE *out)
{
	const struct passwd *entry = getpwuid(geteuid());

	if (entry)
		fputs(entry->pw_name, out);
	else
		fprintf(out, "%u", geteuid());
}

static void put_home(FILE *out)
{
	const char *home = variable("HOME");
	const struct passwd *entry = home ? NULL : getpwuid(geteuid());

	fputs(home ? home : entry ? entry->pw_dir : "/", out);
}

static void put_node(FILE *out)
{
	char name[NODE_NAME_MAX];

	node_name(name);
	fputs(name, out);
}

static void put_pattern(FILE *out, char pattern)
{
	const char *job = variable("SLURM_JOB_ID");

	switch (pattern) {
	case 'u':
		put_user(out);
		break;
	case 'U':
		fprintf(out, "%u", geteuid());
		break;
	case 'h':
		put_home(out);
		break;
	case 'n':
		put_node(out);
		break;
	case 'j':
		fputs(job ? job : "", out);
		break;
	default:
		fputc(pattern, out);
	}
}

char *template_expand(const char *text, struct error *err)
{
	char *expanded = NULL;
	size_t size;
	FILE *out = open_memstream(&expanded, &size);

	for (; out && *text; text++)
		if (text[0] == '%' && text[1])
			put_pattern(out, *++text);
		else
			fputc(*text, out);
	if (out && fclose(out) == 0)
		return expanded;
	free(expanded);
	error_set(err, ENOMEM, "cannot replace the patterns of a text");
	return NULL;
}

static int refuse_source(const struct conf_template *template, const char *path, int errnum,
			 const char *why, const char *remedy, struct error *err)
{
	error_set(err, errnum, "cannot use '%s' as the source of '%s'%s", path, template->path,
		  why);
	return error_remedy(err, "%s", remedy);
}

static int read_source(struct conf_template *template, struct error *err)
{
	cleanup_free char *path = template_expand(template->source, err);
	cleanup_close int fd = -1;
	struct stat st;
	size_t len;

	if (!path)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && template->optional && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return refuse_source(template, path, errno, "",
				     "ask your admin; 'optional: yes' if a node may lack it", err);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return refuse_source(template, path, 0, ": it is not a regular file",
				     "a file of text", err);
	template->content = fd_read_all(fd, TEMPLATE_SIZE_MAX, &len);
	if (!template->content)
		return refuse_source(template, path, errno, "", "'mounts' for large files", err);
	if (strlen(template->content) != len)
		return refuse_source(template, path, 0, ": it is no text",
				     "'mounts' for such a file", err);
	return 1;
}

int template_fill(struct conf_template *template, struct error *err)
{
	char *text;

	if (template->source)
		return read_source(template, err);
	text = template_expand(template->content, err);
	if (!text)
		return -1;
	free(template->content);
	template->content = text;
	return 1;
}

void template_done(struct conf_template *template)
{
	free(template->path);
	free(template->content);
	free(template->source);
	*template = (struct conf_template){ .path = NULL };
}
