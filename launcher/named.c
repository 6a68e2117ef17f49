/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * named.c - see named.h.
 *
 * The state directory may be one in which everybody can create files (/tmp), so whatever is found
 * there is used only if it is a directory of the user's that nobody else can write to.
 */
#include "launcher/named.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/node.h"
#include "launcher/owndir.h"

#define DEPTH_MAX 1024 /* directories below each other that are removed */

static bool is_number(const char *text)
{
	return text && text[0] && text[strspn(text, "0123456789")] == '\0';
}

static char *read_link(int dir, const char *name)
{
	char text[PATH_MAX];
	ssize_t len = readlinkat(dir, name, text, sizeof(text) - 1);

	return len <= 0 ? NULL : strndup(text, (size_t)len);
}

static int wait_for_builder(int dir, struct error *err)
{
	cleanup_close int busy =
		openat(dir, "busy", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int result;

	if (busy < 0)
		return error_set(err, errno, "cannot open 'busy'");
	do
		result = flock(busy, LOCK_EX);
	while (result < 0 && errno == EINTR);
	return result < 0 ? error_set(err, errno, "cannot lock 'busy'") : steal_fd(&busy);
}

static int open_all(struct named *named, const char *state_dir, const char *job, const char *name,
		    struct error *err)
{
	cleanup_close int state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int jobs = -1, dir = -1;
	cleanup_free char *job_name = NULL;
	char node[NODE_NAME_MAX];

	if (state < 0)
		return error_set(err, errno, "cannot open '%s'", state_dir);
	node_name(node);
	for (char *at = node; *at; at++)
		*at = *at == '/' ? '_' : *at;
	if (asprintf(&job_name, "davit.%s.%s", job, node) < 0 ||
	    asprintf(&named->dir, "%s/%s/%s/layer", state_dir, job_name, name) < 0)
		return error_set(err, ENOMEM, "cannot keep the path");
	jobs = owndir_open(state, job_name, err);
	dir = jobs < 0 ? -1 : owndir_open(jobs, name, err);
	if (dir < 0)
		return error_wrap(err, "'%s'", state_dir);
	named->busy = wait_for_builder(dir, err);
	if (named->busy < 0)
		return -1;
	named->image = read_link(dir, "image");
	return 0;
}

int named_open(struct named *named, const struct settings *settings, const char *state_dir,
	       struct error *err)
{
	const char *job = getenv("SLURM_JOB_ID");

	*named = (struct named){ .busy = -1 };
	if (!is_number(job)) {
		error_set(err, 0, "container '%s': only a job can keep a container",
			  settings->name);
		return error_remedy(err, "--writable=DIR keeps what is written without a job");
	}
	if (open_all(named, state_dir, job, settings->name, err) < 0)
		return error_wrap(err, "container '%s'", settings->name);
	return 0;
}

int named_keep_image(const struct named *named, const char *image, struct error *err)
{
	cleanup_free char *link = NULL;

	if (asprintf(&link, "%.*s/image", (int)(strrchr(named->dir, '/') - named->dir),
		     named->dir) < 0)
		return error_set(err, ENOMEM, "cannot keep the path");
	if (symlink(image, link) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot create '%s'", link);
	return 0;
}

void named_done(struct named *named)
{
	free(named->dir);
	free(named->image);
	if (named->busy >= 0)
		close(named->busy);
	*named = (struct named){ .busy = -1 };
}

static int remove_tree(int parent, const char *name, int depth);

static int remove_entries(int dir, int depth)
{
	cleanup_close int copy = dup(dir);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	int result = 0;

	if (!list)
		return -1;
	(void)steal_fd(&copy);
	while ((entry = readdir(list)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    remove_tree(dir, entry->d_name, depth - 1) < 0)
			result = -1;
	closedir(list);
	return result;
}

/* Whatever its modes: the kernel's work directory has none. */
static int remove_tree(int parent, const char *name, int depth)
{
	cleanup_close int dir = -1;

	if (unlinkat(parent, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	if (depth == 0) {
		errno = ELOOP;
		return -1;
	}
	dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fchmod(dir, 0700) < 0) {
		struct stat st;

		/* Of our own, as root_own() has it: no link can have come between. */
		if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
		    fchmodat(parent, name, 0700, 0) < 0)
			return -1;
		dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (dir < 0)
		return -1;
	(void)remove_entries(dir, depth);
	return unlinkat(parent, name, AT_REMOVEDIR);
}

int named_forget(const char *state_dir, const char *job, struct error *err)
{
	cleanup_free char *prefix = NULL;
	DIR *state = opendir(state_dir);
	const struct dirent *entry;
	struct stat st;
	int result = 0;

	if (!state)
		return error_set(err, errno, "cannot open '%s'", state_dir);
	if (asprintf(&prefix, "davit.%s.", job) < 0) {
		closedir(state);
		return error_set(err, ENOMEM, "cannot keep the path");
	}
	while ((entry = readdir(state))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
		    fstatat(dirfd(state), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
			continue;
		if (remove_tree(dirfd(state), entry->d_name, DEPTH_MAX) < 0)
			result = error_set(err, errno, "cannot remove '%s/%s'", state_dir,
					   entry->d_name);
	}
	closedir(state);
	return result;
}
