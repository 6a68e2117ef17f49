/* SPDX-License-Identifier: BSD-3-Clause */
/* settings.c - see settings.h. */
#include "common/settings.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/digest.h"
#include "common/fd.h"
#include "common/nearest.h"
#include "common/securityspec.h"
#include "common/source.h"

#define NAME_LEN_MAX 64 /* of a container that the job keeps */

static int set_string(char **field, const char *value, struct error *err)
{
	char *copy = strdup(value);

	if (!copy)
		return error_set(err, ENOMEM, "cannot keep the value");
	free(*field);
	*field = copy;
	return 0;
}

static int set_path(char **field, const char *value, struct error *err)
{
	if (!value[0])
		return error_set(err, 0, "empty path");
	if (strlen(value) >= PATH_MAX)
		return error_set(err, ENAMETOOLONG, "path of %zu bytes", strlen(value));
	return set_string(field, value, err);
}

static int set_image(struct settings *settings, const char *value, struct error *err)
{
	if (!value[0]) {
		error_set(err, 0, "empty image path");
		return error_remedy(err, "the path of an image");
	}
	if (strlen(value) >= PATH_MAX)
		return error_set(err, ENAMETOOLONG, "image path of %zu bytes", strlen(value));
	if (source_check(value, err) < 0)
		return -1;
	return set_string(&settings->image, value, err);
}

static int set_digest(struct settings *settings, const char *value, struct error *err)
{
	char text[DIGEST_TEXT_SIZE];

	if (digest_parse(value, text, err) < 0)
		return -1;
	return set_string(&settings->digest, text, err);
}

static int set_workdir(struct settings *settings, const char *value, struct error *err)
{
	if (value[0] != '/') {
		error_set(err, 0, "'%s' is not an absolute path", value);
		return error_remedy(err, "the path of a directory inside the container");
	}
	return set_path(&settings->workdir, value, err);
}

static int set_mounts(struct settings *settings, const char *value, struct error *err)
{
	struct mountlist mounts = { .items = NULL };

	if (mountlist_parse(&mounts, value, err) < 0) {
		mountlist_done(&mounts);
		return -1;
	}
	for (size_t i = 0; i < mounts.count; i++)
		mounts.items[i].is_users = true;
	mountlist_done(&settings->mounts);
	settings->mounts = mounts;
	return 0;
}

static int set_env(struct settings *settings, const char *value, struct error *err)
{
	struct envlist env = { .items = NULL };

	if (envlist_parse(&env, value, err) < 0) {
		envlist_done(&env);
		return -1;
	}
	envlist_done(&settings->env);
	settings->env = env;
	return 0;
}

/* A name becomes one of a directory. */
static bool is_name(const char *name, size_t len)
{
	if (len == 0 || len > NAME_LEN_MAX || name[0] == '.' || name[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	return true;
}

static int set_name(struct settings *settings, const char *value, struct error *err)
{
	static const char *const modes[] = { [NAME_AUTO] = "auto",
					     [NAME_CREATE] = "create",
					     [NAME_EXEC] = "exec",
					     [NAME_NO_EXEC] = "no_exec" };
	size_t len = strcspn(value, ":"), mode = NAME_AUTO;
	cleanup_free char *name = strndup(value, len);

	if (!name)
		return error_set(err, ENOMEM, "cannot keep the value");
	if (!is_name(value, len)) {
		error_set(err, 0, "'%s' is not a name for a container", name);
		return error_remedy(
			err, "up to %d letters, digits, '_', '-' and '.', no '.' or '-' in front",
			NAME_LEN_MAX);
	}
	if (value[len]) {
		while (mode <= NAME_NO_EXEC && strcmp(value + len + 1, modes[mode]) != 0)
			mode++;
		if (mode > NAME_NO_EXEC) {
			error_set(err, 0, "unknown mode '%s'", value + len + 1);
			return error_remedy(err, "%s:auto, :create, :exec or :no_exec", name);
		}
	}
	free(settings->name);
	settings->name = steal_ptr(&name);
	settings->name_mode = (enum name_mode)mode;
	return 0;
}

/* Of a file that is going to be written. */
static int set_file(char **field, const char *value, struct error *err)
{
	size_t len = strlen(value);

	if (len > 0 && value[len - 1] == '/') {
		error_set(err, 0, "'%s' is a directory", value);
		return error_remedy(err, "the path of a file");
	}
	return set_path(field, value, err);
}

static int set_save(struct settings *settings, const char *value, struct error *err)
{
	return set_file(&settings->save, value, err);
}

static int set_trace(struct settings *settings, const char *value, struct error *err)
{
	return set_file(&settings->trace, value, err);
}

int settings_parse_switch(enum choice *choice, const char *value, struct error *err)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(value, words[i]) == 0) {
			*choice = i % 2 ? CHOICE_YES : CHOICE_NO;
			return 0;
		}
	error_set(err, 0, "'%s' is neither yes nor no", value);
	return error_remedy(err, "yes or no");
}

/* Digits, and one letter of those that tmpfs(5) knows. */
static bool is_size(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 18 || strspn(text, "0") == digits)
		return false;
	return !text[digits] || (strchr("kKmMgGtT%", text[digits]) && !text[digits + 1]);
}

static int set_writable(struct settings *settings, const char *value, struct error *err)
{
	cleanup_free char *dir = NULL, *size = NULL;
	enum writable kind = WRITABLE_DIR;
	struct error no_switch = ERROR_INIT;
	enum choice choice;

	if (settings_parse_switch(&choice, value, &no_switch) == 0) {
		kind = choice == CHOICE_YES ? WRITABLE_MEMORY : WRITABLE_NO;
	} else if (strncmp(value, "size=", 5) == 0) {
		if (!is_size(value + 5)) {
			error_set(err, 0, "'%s' is not a size", value + 5);
			return error_remedy(err, "size=NUMBER with k, m, g, t or %% behind it");
		}
		kind = WRITABLE_MEMORY;
		if (set_string(&size, value + 5, err) < 0)
			return -1;
	} else if (value[0] && !strchr(value, '/')) { /* a slip of the finger makes no directory */
		error_set(err, 0, "'%s' is neither yes, no or size=SIZE nor a path with '/'",
			  value);
		return error_remedy(err, "./%s, if it is a directory", value);
	} else if (set_path(&dir, value, err) < 0) {
		return -1;
	}
	free(settings->writable_dir);
	free(settings->writable_size);
	settings->writable_dir = steal_ptr(&dir);
	settings->writable_size = steal_ptr(&size);
	settings->writable = kind;
	return 0;
}

int settings_parse_cache(size_t *size, const char *value, struct error *err)
{
	static const char units[] = "kmg";
	size_t digits = strspn(value, "0123456789");
	const char *unit =
		value[digits] ? strchr(units, tolower((unsigned char)value[digits])) : NULL;
	unsigned int shift = unit ? 10 * (unsigned int)(unit - units + 1) : 0;
	unsigned long long number;

	if (digits == 0 || (value[digits] && (!unit || value[digits + 1]))) {
		error_set(err, 0, "'%s' is not a size", value);
		return error_remedy(err, "NUMBER with k, m or g behind it");
	}
	/* What has more digits is ULLONG_MAX then, and too much. */
	number = strtoull(value, NULL, 10);
	if (number > IMAGE_CACHE_MAX >> shift || number << shift < IMAGE_CACHE_MIN) {
		error_set(err, 0, "'%s' is too %s for a cache", value,
			  number > IMAGE_CACHE_MAX >> shift ? "much" : "little");
		return error_remedy(err, "1m to 64g");
	}
	*size = (size_t)number << shift;
	return 0;
}

static int set_image_cache(struct settings *settings, const char *value, struct error *err)
{
	return settings_parse_cache(&settings->image_cache, value, err);
}

/* Finds which of `count` words the value is. Returns its index, or -1 with `err` set. */
static int parse_word(const char *value, const char *const *words, size_t count, struct error *err)
{
	char all[128] = "";
	const char *near = word_nearest(value, words, count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(value, words[i]) == 0)
			return (int)i;
		if (i > 0)
			strcat(all, ", ");
		strcat(all, words[i]);
	}
	error_set(err, 0, "'%s' is none of %s", value, all);
	return error_remedy(err, "%s", near ? near : all);
}

static int set_gpus(struct settings *settings, const char *value, struct error *err)
{
	static const char *const words[] = { "auto", "none", "all" };
	struct numbers numbers = { .items = NULL };
	int index = GPUS_LIST - GPUS_AUTO;

	if (isdigit((unsigned char)value[0])) {
		if (numbers_parse(&numbers, value, err) < 0)
			return -1;
	} else {
		index = parse_word(value, words, sizeof(words) / sizeof(words[0]), err);
	}
	if (index < 0)
		return -1;
	numbers_done(&settings->gpu_numbers);
	settings->gpu_numbers = numbers;
	settings->gpus = (enum gpus_choice)(GPUS_AUTO + index);
	return 0;
}

/* Takes a fresh list in the place of the one that is there; NULL: it could not be made. */
static int take_list(char ***field, char **list)
{
	if (!list)
		return -1;
	strings_free(*field);
	*field = list;
	return 0;
}

static int set_device(struct settings *settings, const char *value, struct error *err)
{
	return take_list(&settings->devices, devicelist_parse(value, err));
}

static int set_security(struct settings *settings, const char *value, struct error *err)
{
	return take_list(&settings->security, securitylist_parse(value, err));
}

static int set_unshare(struct settings *settings, const char *value, struct error *err)
{
	struct unshare unshare;

	if (unshare_parse(&unshare, value, err) < 0)
		return -1;
	unshare_done(&settings->unshare);
	settings->unshare = unshare;
	return 0;
}

/* The words of an enumeration, in its order; the one that stands for "not said" has none. */
#define SET_WORD(field, type, first, ...)                                                       \
	static int set_##field(struct settings *settings, const char *value, struct error *err) \
	{                                                                                       \
		static const char *const words[] = { __VA_ARGS__ };                             \
		int index = parse_word(value, words, sizeof(words) / sizeof(words[0]), err);    \
                                                                                                \
		if (index < 0)                                                                  \
			return -1;                                                              \
		settings->field = (type)(first + index);                                        \
		return 0;                                                                       \
	}

SET_WORD(mpi, enum mpi_choice, MPI_IMAGE, "image", "host", "auto")
SET_WORD(pull, enum pull, PULL_NEWER, "newer", "always", "missing", "never")
SET_WORD(nic, enum nic_choice, NIC_ALL, "all", "none", "nearest")
SET_WORD(image_transport, enum transport, TRANSPORT_AUTO, "auto", "io_uring", "dev")
SET_WORD(stage, enum stage_choice, STAGE_SHARED, "shared", "local", "memory", "auto")

#define SET_SWITCH(field)                                                                       \
	static int set_##field(struct settings *settings, const char *value, struct error *err) \
	{                                                                                       \
		return settings_parse_switch(&settings->field, value, err);                     \
	}

SET_SWITCH(image_overlay)
SET_SWITCH(mount_home)
SET_SWITCH(remap_root)
SET_SWITCH(entrypoint)
SET_SWITCH(entrypoint_log)
SET_SWITCH(clean_env)
SET_SWITCH(slurm)
SET_SWITCH(stats)

/* clang-format off */
const struct option_def settings_options[] = {
	{ "image", NULL, ARG_REQUIRED, "FILE",
	  "run in a container made from this image: squashfs, SIF, directory or docker://NAME", set_image },
	{ "pull", NULL, ARG_REQUIRED, "newer|always|missing|never",
	  "when to ask a registry for an image that has been imported [newer]", set_pull },
	{ "digest", NULL, ARG_REQUIRED, "sha256:HEX",
	  "run only an image with this digest, and check what is read of it", set_digest },
	{ "image-cache", NULL, ARG_REQUIRED, "SIZE",
	  "memory for decompressed data of the image, on each node [8m]", set_image_cache },
	{ "image-transport", NULL, ARG_REQUIRED, "auto|io_uring|dev",
	  "how the kernel asks the image server: by io_uring, /dev/fuse, or what is there [auto]", set_image_transport },
	{ "image-overlay", "no-image-overlay", ARG_NONE, NULL,
	  "answer for the image's files by an overlay: for many Python programs at once", set_image_overlay },
	{ "stage", NULL, ARG_REQUIRED, "shared|local|memory|auto",
	  "copy the image to a disk or the memory of each node before the ranks start", set_stage },
	{ "mounts", NULL, ARG_REQUIRED, "SRC[:DST[:FLAGS]],...",
	  "mount directories or files of the node in it", set_mounts },
	{ "mount-home", "no-mount-home", ARG_NONE, NULL,
	  "mount the home directory in it, or do not", set_mount_home },
	{ "workdir", NULL, ARG_REQUIRED, "DIR",
	  "working directory in it [that of the job, else the image's]", set_workdir },
	{ "env", NULL, ARG_REQUIRED, "NAME[=VALUE],...",
	  "variables that outweigh the image's: the job's own, or with this value", set_env },
	{ "clean-env", "no-clean-env", ARG_NONE, NULL,
	  "let only Slurm's, PMI's and the named variables of the job in", set_clean_env },
	{ "writable", "readonly", ARG_OPTIONAL, "DIR|size=SIZE",
	  "let it be written to, in memory or in this directory", set_writable },
	{ "name", NULL, ARG_REQUIRED, "NAME[:MODE]",
	  "keep what is written for later steps of the job; auto, create, exec, no_exec", set_name },
	{ "save", NULL, ARG_REQUIRED, "FILE",
	  "write it to this squashfs image when the command has ended", set_save },
	{ "remap-root", "no-remap-root", ARG_NONE, NULL,
	  "look like root in it, without any privilege", set_remap_root },
	{ "entrypoint", "no-entrypoint", ARG_NONE, NULL,
	  "start the command through the image's entrypoint, or do not", set_entrypoint },
	{ "entrypoint-log", "no-entrypoint-log", ARG_NONE, NULL,
	  "show what the image's scripts print before the command starts", set_entrypoint_log },
	{ "unshare", NULL, ARG_REQUIRED, "NAMESPACE,...",
	  "of its own, for all ranks on a node: net, net:slirp, ipc, uts, pid; net:host: the node's", set_unshare },
	{ "mpi", NULL, ARG_REQUIRED, "image|host|auto",
	  "whose MPI library to use: the image's, the node's, or the node's where it fits", set_mpi },
	{ "gpus", NULL, ARG_REQUIRED, "auto|none|all|LIST",
	  "GPUs of the node in it: those of the step, none, all, or 0,2-3 of those of the step", set_gpus },
	{ "nic", NULL, ARG_REQUIRED, "all|none|nearest",
	  "interconnect adapters in it; nearest: each rank is told to use the nearest", set_nic },
	{ "device", NULL, ARG_REQUIRED, "VENDOR/CLASS=NAME,...",
	  "more devices of the node in it, by their CDI names", set_device },
	{ "security", NULL, ARG_REQUIRED, "seccomp:allow|deny:NAME,seccomp=FILE|unconfined",
	  "system calls that it may use beyond the default, or may not", set_security },
	{ "slurm", "no-slurm", ARG_NONE, NULL,
	  "have srun, sbatch, squeue and their like work in it", set_slurm },
	{ "stats", "no-stats", ARG_NONE, NULL,
	  "tell at its end what was read of the image", set_stats },
	{ "trace", NULL, ARG_REQUIRED, "FILE",
	  "write to it in which order files of the image are read, for davit image optimise", set_trace },
	{ NULL, NULL, ARG_NONE, NULL, NULL, NULL },
};
/* clang-format on */

int settings_set(struct settings *settings, const char *name, const char *value, struct error *err)
{
	const struct option_def *def = settings_find(name);

	if (!def)
		return error_set(err, 0, "no option is called '%s'", name);
	return def->set(settings, value, err);
}

void settings_done(struct settings *settings)
{
	free(settings->image);
	free(settings->digest);
	free(settings->workdir);
	free(settings->name);
	free(settings->save);
	free(settings->trace);
	free(settings->writable_dir);
	free(settings->writable_size);
	mountlist_done(&settings->mounts);
	envlist_done(&settings->env);
	unshare_done(&settings->unshare);
	numbers_done(&settings->gpu_numbers);
	strings_free(settings->devices);
	strings_free(settings->security);
	*settings = (struct settings){ .image = NULL };
}
