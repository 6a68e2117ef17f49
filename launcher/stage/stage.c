/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stage.c - see stage.h.
 *
 * Only the builder of a container comes here, one process for each node and step. Where somebody has
 * said `local` or `memory`, what cannot be done is an error; where `auto` has chosen it, a note, and the
 * image is read from where it is.
 */
#include "launcher/stage/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/room.h"
#include "launcher/conf/templates.h"
#include "launcher/stage/broadcast.h"
#include "launcher/stage/choose.h"
#include "launcher/stage/store.h"

#define MEMORY "/dev/shm"

struct staging {
	const struct stage_request *request;
	const struct image *image;
	struct stat st; /* of the image */
	enum stage_choice where;
	const char *job, *step, *nodes; /* NULL: none */
	bool is_first;                  /* node of the step */
	bool broadcasts;                /* the step is on several nodes, which Slurm can send to */
	char *dir;                      /* for copies on disk */
	struct store store;
};

static const char *number(const char *variable)
{
	const char *value = getenv(variable);

	return value && value[0] && !value[strspn(value, "0123456789")] && strlen(value) <= 10
		       ? value
		       : NULL;
}

static unsigned int count_nodes(const struct handover *handover)
{
	const char *count = number("SLURM_STEP_NUM_NODES");

	return handover->is_step && !handover->is_batch && count
		       ? (unsigned int)strtoul(count, NULL, 10)
		       : 1;
}

/* A copy that a job keeps needs the plugin, which sees to it that it is removed. */
static void look_at_step(struct staging *staging)
{
	const struct handover *handover = staging->request->handover;
	const char *node = number("SLURM_NODEID");

	if (!handover->is_step)
		return;
	staging->job = number("SLURM_JOB_ID");
	staging->step = handover->is_batch ? NULL : number("SLURM_STEP_ID");
	staging->nodes = getenv("SLURM_STEP_NODELIST");
	staging->is_first = node && strcmp(node, "0") == 0;
	/* Components of a heterogeneous job are jobs of their own for sbcast. Where the directory is called
	 * after the node, there is no one name to send to. */
	staging->broadcasts = staging->job && staging->step && staging->nodes && node &&
			      count_nodes(handover) > 1 && !getenv("SLURM_HET_SIZE") &&
			      (staging->where == STAGE_MEMORY ||
			       !strstr(staging->request->conf->stage_dir, "%n"));
}

/* What a copy could take in `path`; 0 where there can be none. */
static uint64_t find_room(const char *path, uint64_t (*room)(int fd))
{
	cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir >= 0 && room_is_local(dir) ? room(dir) : 0;
}

static enum stage_choice choose(const struct staging *staging)
{
	struct stage_facts facts = {
		.is_directory = staging->image->kind == IMAGE_DIRECTORY,
		.is_local = room_is_local(staging->image->fd),
		.size = (uint64_t)staging->st.st_size,
		.nodes = count_nodes(staging->request->handover),
	};

	if (staging->request->wanted != STAGE_AUTO)
		return staging->request->wanted;
	facts.memory = find_room(MEMORY, room_in_memory);
	facts.disk = find_room(staging->dir, room_on_disk);
	return stage_choose(&facts);
}

/* What cannot be copied, whatever room there is. */
static int check_image(const struct staging *staging, struct error *err)
{
	const struct image *image = staging->image;

	if (image->kind == IMAGE_DIRECTORY) {
		error_set(err, 0, "image '%s' is a directory, and only a file can be copied",
			  image->path);
		return error_remedy(err, "mksquashfs %s NEW.sqfs, or --container-stage=shared",
				    image->path);
	}
	/* Where the kernel checks what is read, a copy would be checked by nobody. */
	if (image->digest[0] && !image->verity) {
		error_set(err, 0,
			  "the kernel checks the digest of image '%s' where it is, and could not "
			  "check that of a copy",
			  image->path);
		return error_remedy(err, "--container-stage=shared");
	}
	return 0;
}

static const char *describe(char text[32], uint64_t bytes)
{
	snprintf(text, 32, "%ju MiB", (uintmax_t)((bytes + (1u << 20) - 1) >> 20));
	return text;
}

/* In memory, the image server that is going to read the copy needs room for its own cache. */
static uint64_t room_for(const struct staging *staging)
{
	int base = staging->store.base;
	uint64_t disk = room_on_disk(base), memory;

	if (staging->where != STAGE_MEMORY)
		return disk;
	memory = room_in_memory(-1);
	memory -= memory < IMAGE_CACHE_DEFAULT ? memory : IMAGE_CACHE_DEFAULT;
	return memory < disk ? memory : disk;
}

/* Is there room for `copies`? */
static int check_room(const struct staging *staging, uint64_t copies, struct error *err)
{
	bool in_memory = staging->where == STAGE_MEMORY;
	uint64_t size = staging->store.size * copies, room = room_for(staging);
	char needs[32], free[32];

	if (size <= room)
		return 0;
	snprintf(free, sizeof(free), "%ju MiB", (uintmax_t)(room >> 20));
	error_set(err, 0,
		  "a copy of image '%s' does not fit into %s%s: it needs %s, and %s are free",
		  staging->image->path, in_memory ? "the job's memory, " : "", staging->store.path,
		  describe(needs, size), free);
	if (in_memory)
		return error_remedy(err, "more --mem, --container-stage=local or shared");
	return error_remedy(err, "--container-stage=shared, or memory; or free space there");
}

static int open_store(struct staging *staging, struct error *err)
{
	char key[STAGE_KEY_MAX], link[64], path[PATH_MAX] = "";

	if (store_open(&staging->store, staging->where == STAGE_MEMORY ? MEMORY : staging->dir,
		       err) < 0)
		return -1;
	if (!room_is_local(staging->store.base)) {
		error_set(err, 0, "'%s' is not on a file system of this node alone",
			  staging->store.path);
		return error_remedy(err, "tell your admin: 'stage-dir' in davit.conf; or "
					 "--container-stage=memory");
	}
	staging->store.size = (uint64_t)staging->st.st_size;
	if (!staging->job)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", staging->image->fd);
	(void)!readlink(link, path, sizeof(path) - 1);
	stage_key(key, staging->image->digest, path, &staging->st);
	return store_lock(&staging->store, staging->job, staging->step, key,
			  (uint64_t)staging->st.st_size, err);
}

/* What the others do who are waiting for it is their own affair, so this is no failure. */
static void send(const struct staging *staging)
{
	struct error err = ERROR_INIT;

	if (check_room(staging, 1, &err) == 0 &&
	    broadcast_send(&staging->store, staging->job, staging->step, &err) == 0) {
		store_note_nodes(&staging->store, staging->nodes);
		return;
	}
	error_wrap(&err, "image '%s' is not sent to the other nodes, which will read it themselves",
		   staging->image->path);
	notes_copy(staging->request->notes, &err);
}

static int receive(const struct staging *staging)
{
	struct error err = ERROR_INIT;
	cleanup_close int arrival =
		broadcast_await(&staging->store, staging->request->conf->stage_wait, &err);
	int fd = arrival < 0 ? -1
			     : store_adopt(&staging->store, arrival, staging->where == STAGE_MEMORY,
					   &err);

	if (fd >= 0) {
		store_note_nodes(&staging->store, staging->nodes);
		return fd;
	}
	error_wrap(&err, "image '%s' is read by this node itself, since Slurm's broadcast failed",
		   staging->image->path);
	notes_copy(staging->request->notes, &err);
	return -1;
}

/* The first node has a copy. Have all others of the step? */
static bool is_spread(const struct staging *staging)
{
	cleanup_free char *nodes = store_nodes(&staging->store);

	return nodes && stage_nodes_among(staging->nodes, nodes);
}

static int make_copy(const struct staging *staging, struct error *err)
{
	int fd = -1;

	store_sweep(&staging->store);
	if (check_room(staging, 1, err) < 0)
		return -1;
	if (staging->broadcasts && !staging->is_first)
		fd = receive(staging);
	return fd >= 0 ? fd
		       : store_copy(&staging->store, staging->image->fd, staging->image->path, err);
}

/* Returns the copy, or -1 with `err` set. */
static int find_or_make(const struct staging *staging, struct error *err)
{
	cleanup_close int fd = -1;

	if (!staging->job) {
		if (check_room(staging, 1, err) < 0)
			return -1;
		return store_copy_unnamed(&staging->store, staging->image->fd, staging->image->path,
					  err);
	}
	fd = store_find(&staging->store);
	if (fd >= 0)
		store_drop_arrivals(&staging->store);
	else if ((fd = make_copy(staging, err)) < 0)
		return -1;
	if (staging->broadcasts && staging->is_first && !is_spread(staging))
		send(staging);
	return steal_fd(&fd);
}

/* For those who ask later where the image is read from. Outside of jobs, copies have no names. */
static void note_copy(const struct staging *staging)
{
	const struct store *store = &staging->store;
	char path[HANDOVER_STAGED_MAX];

	snprintf(path, sizeof(path), "%s/davit-%u%s%s", store->path, geteuid(),
		 store->name ? "/" : "", store->name ? store->name : "");
	handover_note_staged(staging->request->handover, path);
}

static int stage(struct staging *staging, struct error *err)
{
	cleanup_close int fd = -1;

	if (check_image(staging, err) < 0 || open_store(staging, err) < 0)
		return -1;
	fd = find_or_make(staging, err);
	if (fd >= 0 && dup3(fd, staging->image->fd, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot use the copy of image '%s'",
				 staging->image->path);
	if (fd >= 0)
		note_copy(staging);
	return fd < 0 ? -1 : 0;
}

int stage_image(struct image *image, const struct stage_request *request, struct error *err)
{
	struct staging staging = { .request = request, .image = image, .store = STORE_INIT };
	struct error failure = ERROR_INIT;
	int result = 0;

	if (request->wanted <= STAGE_SHARED)
		return 0;
	if (fstat(image->fd, &staging.st) < 0)
		return error_set(err, errno, "cannot look at image '%s'", image->path);
	staging.dir = template_expand(request->conf->stage_dir, err);
	if (!staging.dir)
		return -1;
	staging.where = choose(&staging);
	if (staging.where != STAGE_SHARED) {
		look_at_step(&staging);
		result = stage(&staging, &failure);
	}
	store_done(&staging.store);
	free(staging.dir);
	if (result == 0)
		return 0;
	if (request->wanted == STAGE_AUTO) {
		error_wrap(&failure, "image '%s' is read from where it is", image->path);
		notes_copy(request->notes, &failure);
		return 0;
	}
	*err = failure;
	return error_wrap(err, "--container-stage=%s",
			  staging.where == STAGE_MEMORY ? "memory" : "local");
}

int stage_forget(const struct conf *conf, const char *job, struct error *err)
{
	cleanup_free char *dir = template_expand(conf->stage_dir, err);

	if (!dir)
		return -1;
	return store_forget(MEMORY, job, err) < 0 ? -1 : store_forget(dir, job, err);
}
