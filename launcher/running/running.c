/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * running.c - see running.h.
 *
 * Each process in a container is first noted as a container of its own; then those of one mount
 * namespace and step are folded into one. A process that shows no DAVIT_IMAGE (it was started with a
 * fresh environment, or wrote over it, or came in by `davit enter`) counts to the container whose
 * namespace it is in. Where no process shows it, the title of the image server still does.
 */
#include "launcher/running/running.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/running/counts.h"
#include "launcher/running/process.h"

#define COMM         "davit"
#define SERVER_COMM  COMM "-image\n"
#define SERVER_TITLE "davit: image server: "

struct server {
	pid_t pid;
	ino_t user_ns;
	uint64_t served;
	bool is_counted;
	uint64_t counts[STAT_COUNT];
	char *image;
	char *staged;
};

struct census {
	struct running_list list;
	struct server *servers;
	size_t server_count;
	ino_t own_user_ns, own_mount_ns;
	bool measure;
};

static uint64_t read_memory(int proc)
{
	uint64_t kib = process_field(proc, "smaps_rollup", "Pss:");

	return 1024 * (kib ? kib : process_field(proc, "status", "VmRSS:"));
}

/* Fills in namespaces and owner. False where those are ours, somebody else's or out of reach. */
static bool read_namespaces(const struct census *census, int proc, struct running *seen)
{
	cleanup_close int user = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC), parent = -1;
	struct stat st;

	if (user < 0 || fstat(user, &st) < 0 || st.st_ino == census->own_user_ns ||
	    ioctl(user, NS_GET_OWNER_UID, &seen->uid) < 0 ||
	    (geteuid() != 0 && seen->uid != geteuid()))
		return false;
	seen->user_ns = st.st_ino;
	parent = ioctl(user, NS_GET_PARENT);
	if (parent >= 0 && fstat(parent, &st) == 0)
		seen->parent_ns = st.st_ino;
	if (fstatat(proc, "ns/mnt", &st, 0) < 0)
		return false;
	seen->mount_ns = st.st_ino;
	return true;
}

static uint32_t number_or(const char *text, uint32_t otherwise)
{
	uint32_t value;

	return text && number_parse(text, &value) ? value : otherwise;
}

static int copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -1 : 0;
}

/* Fills in what the environment says; nothing, if it says nothing of a container. */
static int read_environment(int proc, struct running *seen)
{
	size_t len = 0;
	cleanup_free char *env = process_environment(proc, &len);
	const char *image = env ? process_variable(env, len, RUNNING_ENV_IMAGE) : NULL;

	if (!image || process_variable(env, len, RUNNING_ENV_ENTERED))
		return 0;
	seen->job = number_or(process_variable(env, len, "SLURM_JOB_ID"), 0);
	seen->rank = number_or(process_variable(env, len, "SLURM_PROCID"), UINT32_MAX);
	seen->ranks = 1;
	if (copy(&seen->node, process_variable(env, len, "SLURMD_NODENAME")) < 0 ||
	    copy(&seen->name, process_variable(env, len, RUNNING_ENV_NAME)) < 0 ||
	    copy(&seen->image, image) < 0)
		return -1;
	/* Slurm sets no step for a batch script; salloc's own shell has no node either. */
	if (seen->job)
		seen->step = number_or(process_variable(env, len, "SLURM_STEP_ID"),
				       seen->node ? STEP_BATCH : STEP_NONE);
	return 0;
}

static void release(struct running *running)
{
	free(running->node);
	free(running->name);
	free(running->image);
	free(running->staged);
}

/* Makes room for one more element. */
static int grow(void *array, size_t count, size_t size)
{
	void **items = array, *bigger;

	if (count & (count - 1))
		return 0;
	bigger = realloc(*items, (count ? 2 * count : 1) * size);
	if (!bigger)
		return -1;
	*items = bigger;
	return 0;
}

static int note_server(struct census *census, int proc, const struct running *seen)
{
	struct server server = { .pid = seen->pid, .user_ns = seen->user_ns };
	cleanup_free char *title = process_read(proc, "cmdline");
	char staged[HANDOVER_STAGED_MAX] = "";

	if (title && strncmp(title, SERVER_TITLE, strlen(SERVER_TITLE)) == 0 &&
	    copy(&server.image, title + strlen(SERVER_TITLE)) < 0)
		return -1;
	if (grow(&census->servers, census->server_count, sizeof(server)) < 0) {
		free(server.image);
		return -1;
	}
	if (census->measure) {
		server.served = process_field(proc, "io", "wchar:");
		server.is_counted = counts_read(proc, server.counts, staged);
		/* What goes through rings is written by no system call. */
		if (server.is_counted && server.counts[STAT_RINGS] > 0)
			server.served += server.counts[STAT_READ];
		if (server.is_counted && staged[0] && copy(&server.staged, staged) < 0) {
			free(server.image);
			return -1;
		}
	}
	census->servers[census->server_count++] = server;
	return 0;
}

static int note_process(struct census *census, int proc, struct running *seen)
{
	struct running_list *list = &census->list;

	if (read_environment(proc, seen) < 0 ||
	    grow(&list->items, list->count, sizeof(list->items[0])) < 0) {
		release(seen);
		return -1;
	}
	/* A batch script that was submitted from a step has that one's number in its environment, so
	 * slurmstepd has the last word, where there is one. */
	(void)process_find_stepd(proc, &seen->job, &seen->step);
	if (census->measure)
		seen->memory = read_memory(proc);
	list->items[list->count++] = *seen;
	return 0;
}

/* Davit's own: who is about to become a rank, or waits for one. */
static bool is_helper(const char *comm)
{
	size_t len = strlen(COMM);

	return strncmp(comm, COMM, len) == 0 && (comm[len] == '\n' || comm[len] == '-');
}

/* Returns -1 when out of memory. */
static int visit(int proc, pid_t pid, void *data)
{
	struct census *census = data;
	cleanup_free char *comm = NULL;
	struct running seen = { .pid = pid, .step = STEP_NONE, .rank = UINT32_MAX, .processes = 1 };

	if (!read_namespaces(census, proc, &seen))
		return 0;
	comm = process_read(proc, "comm");
	if (comm && strcmp(comm, SERVER_COMM) == 0)
		return note_server(census, proc, &seen);
	if (!comm || is_helper(comm) || seen.mount_ns == census->own_mount_ns)
		return 0;
	return note_process(census, proc, &seen);
}

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Processes of one container beside each other, those without an environment last. */
static int compare_processes(const void *left, const void *right)
{
	const struct running *a = left, *b = right;
	int result = order(a->mount_ns, b->mount_ns);

	result = result ? result : order(!a->image, !b->image);
	result = result ? result : order(a->job, b->job);
	result = result ? result : order(a->step, b->step);
	result = result ? result : order(a->rank, b->rank);
	return result ? result : order((uint64_t)a->pid, (uint64_t)b->pid);
}

static int compare_containers(const void *left, const void *right)
{
	const struct running *a = left, *b = right;
	int result = order(a->uid, b->uid);

	result = result ? result : order(a->job, b->job);
	result = result ? result : order(a->step, b->step);
	result = result ? result : order(a->rank, b->rank);
	return result ? result : order((uint64_t)a->pid, (uint64_t)b->pid);
}

static bool is_same(const struct running *a, const struct running *b)
{
	return a->mount_ns == b->mount_ns &&
	       (!b->image || (a->job == b->job && a->step == b->step));
}

/* The list has been sorted by compare_processes(). */
static void fold(struct running_list *list)
{
	struct running *last = NULL;
	size_t count = 0;
	uint32_t rank = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct running *item = &list->items[i];

		if (!last || !is_same(last, item)) {
			rank = item->rank;
			last = &list->items[count++];
			*last = *item;
			continue;
		}
		if (item->image && item->rank != rank) {
			rank = item->rank;
			last->ranks++;
		}
		last->processes++;
		last->memory += item->memory;
		release(item);
	}
	list->count = count;
}

/* The server of a container knows the image, too. */
static int assign_servers(struct running_list *list, const struct server *servers, size_t count)
{
	for (size_t i = 0; i < list->count; i++)
		for (size_t j = 0; j < count; j++) {
			struct running *running = &list->items[i];

			if (servers[j].user_ns != running->user_ns &&
			    servers[j].user_ns != running->parent_ns)
				continue;
			running->server = servers[j].pid;
			running->served = servers[j].served;
			running->is_counted = servers[j].is_counted;
			memcpy(running->counts, servers[j].counts, sizeof(running->counts));
			if (!running->image && copy(&running->image, servers[j].image) < 0)
				return -1;
			if (!running->staged && copy(&running->staged, servers[j].staged) < 0)
				return -1;
		}
	return 0;
}

/* What an application builds for itself inside (a sandbox, say) has inherited the environment of its
 * container, but is no container of ours. Returns the one around it, or NULL. */
static struct running *find_outer(const struct running_list *list, const struct running *inner)
{
	for (size_t i = 0; i < list->count; i++) {
		struct running *outer = &list->items[i];

		if (outer->user_ns == inner->parent_ns && outer->image &&
		    (!inner->image || strcmp(outer->image, inner->image) == 0))
			return outer;
	}
	return NULL;
}

/* Counts the processes of inner ones to the outermost, and drops what is no container of ours. */
static void drop_others(struct running_list *list)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct running *item = &list->items[i], *outer = NULL, *next = item;

		for (size_t depth = 0; depth < list->count && (next = find_outer(list, next));
		     depth++)
			outer = next;
		if (outer) {
			outer->processes += item->processes;
			outer->memory += item->memory;
		}
		if (outer || !item->image)
			item->processes = 0;
	}
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].processes > 0)
			list->items[count++] = list->items[i];
		else
			release(&list->items[i]);
	list->count = count;
}

static int own_namespaces(struct census *census, struct error *err)
{
	struct stat user, mnt;

	if (stat("/proc/self/ns/user", &user) < 0 || stat("/proc/self/ns/mnt", &mnt) < 0)
		return error_set(err, errno, "cannot read /proc/self/ns");
	census->own_user_ns = user.st_ino;
	census->own_mount_ns = mnt.st_ino;
	return 0;
}

/* Makes containers out of the processes. */
static int arrange(struct census *census)
{
	struct running_list *list = &census->list;

	if (list->count == 0)
		return 0;
	qsort(list->items, list->count, sizeof(list->items[0]), compare_processes);
	fold(list);
	if (assign_servers(list, census->servers, census->server_count) < 0)
		return -1;
	drop_others(list);
	qsort(list->items, list->count, sizeof(list->items[0]), compare_containers);
	return 0;
}

int running_list_read(struct running_list *list, bool measure, struct error *err)
{
	struct census census = { .measure = measure };
	int result = own_namespaces(&census, err);

	if (result == 0 && (process_each(visit, &census) < 0 || arrange(&census) < 0))
		result = error_set(err, errno, "cannot list the containers");
	for (size_t i = 0; i < census.server_count; i++) {
		free(census.servers[i].image);
		free(census.servers[i].staged);
	}
	free(census.servers);
	*list = census.list;
	if (result < 0)
		running_list_done(list);
	return result;
}

void running_list_done(struct running_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		release(&list->items[i]);
	free(list->items);
	*list = (struct running_list){ .items = NULL };
}

bool running_matches(const struct running *running, const struct running_want *want)
{
	const char *node = getenv("SLURMD_NODENAME");

	return running->uid == geteuid() && running->job == want->job &&
	       (want->step == STEP_NONE || running->step == want->step) &&
	       (!want->name || (running->name && strcmp(running->name, want->name) == 0)) &&
	       (!node || !running->node || strcmp(running->node, node) == 0);
}

const struct running *running_find(const struct running_list *list, const struct running_want *want)
{
	for (size_t i = 0; i < list->count; i++)
		if (running_matches(&list->items[i], want))
			return &list->items[i];
	return NULL;
}
