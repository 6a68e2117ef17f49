/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - see server.h.
 *
 * The server outlives the rank that forks it and serves all ranks of the node, so it must inherit
 * nothing of that one rank's: not its signals, its CPU, its soft limits, its open files. It stays in
 * the job's cgroups, so its memory and CPU time are the job's.
 *
 * It reads an image that anybody may have written. So it sees no file at all (its root directory is
 * that of a dead process in /proc), has no capability and cannot get one, and before it reads the
 * first byte it gives up all system calls but a few (server_confine.c). It is forked before the
 * container's mount namespace exists, so it never keeps the file system alive that it serves.
 *
 * All of that is done while the caller makes the mount, so that nobody waits for it.
 */
#include "launcher/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <stdbool.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/measure.h"
#include "images/read.h"
#include "images/serve.h"
#include "images/stats.h"
#include "images/uring.h"
#include "images/verity.h"
#include "launcher/fdpass.h"
#include "launcher/helper.h"
#include "launcher/narrow.h"
#include "launcher/priority.h"
#include "launcher/proctitle.h"
#include "launcher/report.h"
#include "launcher/server_confine.h"

/* Called in a process that is about to die: its directory in /proc is empty then, and nothing can be
 * found in it any more. The server inherits it as its root, and so sees no file at all. */
static int enter_dead_end(void)
{
	/* A change of user namespace may have made /proc/self root's. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return chroot("/proc/self/fdinfo") < 0 || chdir("/") < 0 ? -1 : 0;
}

/* Shows in the memfd that the server runs. The lock tells those who look whether that still holds;
 * a server that nobody can see is no reason to fail. */
static void sign_in(const struct rendezvous *rendezvous)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = HANDOVER_LOCK_SERVER, .l_len = 1
	};

	if (fcntl(rendezvous->memfd, F_SETLK, &lock) == 0)
		rendezvous->handover->server = HANDOVER_SERVER_RUNS;
}

static void sign_out(const struct rendezvous *rendezvous)
{
	if (rendezvous->handover->server == HANDOVER_SERVER_RUNS)
		rendezvous->handover->server = HANDOVER_SERVER_ENDED;
}

static void set_title(const char *path)
{
	cleanup_free char *title = NULL;

	if (asprintf(&title, "davit: image server: %s", path) < 0)
		title = NULL;
	proctitle_set("davit-image", title ? title : "davit: image server");
}

#define LAYER_ROOM 65536 /* bytes: with less, a layer in memory counts as full */

static struct handover *handover; /* where the server leaves word */

/* The rank's standard error must be free to close when the rank is done with it. From now on there
 * is nothing to tell but damage, and the plugin tells that. */
static void let_go(void)
{
	(void)dup2(STDIN_FILENO, STDERR_FILENO);
}

static const struct server *self;
static struct timespec begun;

/* Where there is no plugin, the server has to tell by itself that the image was changed. */
static bool tells_damage(void)
{
	return !handover->is_step && self->image->verity;
}

static void get_going(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	stats_add(STAT_MOUNT, (uint64_t)((now.tv_sec - begun.tv_sec) * 1000000 +
					 (now.tv_nsec - begun.tv_nsec) / 1000));
	handover->counts = self->tells ? HANDOVER_COUNTS_TOLD : HANDOVER_COUNTS;
	if (!tells_damage())
		let_go();
}

static void note_damage(void)
{
	struct error err = ERROR_INIT;

	if (!image_blame(self->image, &err)) {
		handover->read_error = image_read_failure();
		handover->server =
			handover->read_error ? HANDOVER_SERVER_UNREADABLE : HANDOVER_SERVER_DAMAGED;
		return;
	}
	handover->server = HANDOVER_SERVER_ALTERED;
	if (tells_damage()) {
		report(&err);
		let_go();
	}
}

/* A directory is served by the kernel; all there is to do is to hold what is to be held. */
static int wait_for_unmount(int watch)
{
	union {
		struct inotify_event event;
		char space[sizeof(struct inotify_event) + NAME_MAX + 1];
	} buf;
	ssize_t len;

	let_go();
	do
		len = read(watch, &buf, sizeof(buf));
	while (len > 0 ? !(buf.event.mask & (IN_UNMOUNT | IN_IGNORED)) : errno == EINTR);
	return 0;
}

/* Takes what is written, -1 for none. */
static int layer = -1;

/* Tells in the memfd whether the layer is full, for the plugin to explain why a rank has failed. */
static void note_layer(void)
{
	uint64_t size, room;
	struct statfs st;

	if (layer < 0 || fstatfs(layer, &st) < 0)
		return;
	size = st.f_blocks * (uint64_t)st.f_bsize;
	/* Disks keep some of what they call free to themselves. */
	room = handover->layer_kept ? size / 32 : LAYER_ROOM;
	if (st.f_bavail * (uint64_t)st.f_bsize < room || st.f_ffree == 0)
		handover->layer_full = (uint32_t)((size + (1 << 20) - 1) >> 20);
	else
		handover->layer_full = 0;
}

/* A thread, for as long as the container lasts. */
static void *answer(void *arg)
{
	char byte;

	(void)arg;
	while (read(handover->question_fd, &byte, 1) == 1) {
		note_layer();
		if (write(handover->answer_fd, &byte, 1) != 1)
			break;
	}
	return NULL;
}

/* Without the thread nobody explains that the layer is full; all else works. */
static void start_answering(void)
{
	pthread_t thread;

	if (handover->answer_fd >= 0 && layer >= 0)
		(void)pthread_create(&thread, NULL, answer, NULL);
}

#define REMEDY_DEV \
	"leave out --container-image-transport (davit.conf: image-transport: auto), or ask your admin"

struct start {
	const struct server *server;
	int queues; /* for io_uring; 0: without */
	int go[2];
};

static int seal_of(const struct server *server)
{
	return server->image->verity ? verity_fd(server->image->verity) : -1;
}

/* Closes all that is not needed. Returns the highest descriptor that is left. */
static int close_others(const struct start *start)
{
	const struct server *server = start->server;
	const int keep[] = { server->image->fd,     seal_of(server),     start->go[0],
			     server->channel,       server->watch,       server->held,
			     handover->question_fd, handover->answer_fd, server->rendezvous->page,
			     server->imported,      server->trace };
	size_t count = sizeof(keep) / sizeof(keep[0]);
	int last = STDERR_FILENO;

	helper_close_others(keep, count);
	for (size_t i = 0; i < count; i++)
		if (keep[i] > last)
			last = keep[i];
	return last;
}

static int filter(const struct start *start, const struct uring *uring, struct error *err)
{
	const struct server *server = start->server;
	struct server_files files = { .go = start->go[0],
				      .image = server->image->fd,
				      .seal = seal_of(server),
				      .channel = server->channel,
				      .watch = server->watch,
				      .question = handover->question_fd,
				      .answer = handover->answer_fd,
				      .trace = server->trace };

	files.rings = uring_files(uring, &files.ring_count);
	return server_filter_is_wanted() ? server_filter(&files, err) : 0;
}

/* *uring is NULL where the channel does it all. */
static int make_rings(const struct start *start, int cpus, struct uring **uring, struct error *err)
{
	const struct server *server = start->server;
	struct error failure = ERROR_INIT;

	*uring = NULL;
	if (start->queues == 0)
		return 0;
	*uring = uring_new(server->channel, start->queues, cpus, &failure);
	if (*uring || server->transport != TRANSPORT_URING)
		return 0;
	*err = failure;
	error_wrap(err, "the image server cannot use io_uring");
	return error_remedy(err, REMEDY_DEV);
}

static int highest(int last, const struct uring *uring)
{
	size_t count;
	const int *files = uring_files(uring, &count);

	for (size_t i = 0; i < count; i++)
		last = files[i] > last ? files[i] : last;
	return last;
}

/* Everything that can be done before the mount exists; *service is NULL where the kernel serves. */
static int get_ready(const struct start *start, struct service **service, struct error *err)
{
	const struct server *server = start->server;
	struct image_server image_server = { .image = server->image,
					     .channel = server->channel,
					     .cpu = sched_getcpu(),
					     .cache_size = server->cache_size,
					     .uid = geteuid(),
					     .gid = getegid(),
					     .stats = &handover->stats,
					     .ready = get_going,
					     .damaged = note_damage };

	int last;

	*service = NULL;
	if (server->trace >= 0 && !(image_server.trace = trace_new(server->trace)))
		return error_set(err, ENOMEM, "cannot trace the image");
	self = server;
	priority_lower();
	helper_ignore_signals();
	helper_use_all_cpus();
	image_server.cpus = helper_count_cpus();
	last = close_others(start);
	if (make_rings(start, image_server.cpus, &image_server.uring, err) < 0)
		return -1;
	server_limit(highest(last, image_server.uring),
		     server->cache_size + uring_memory(image_server.uring));
	sign_in(server->rendezvous);
	if (narrow(NARROW_HELPER, err) < 0)
		return -1;
	set_title(server->image->path);
	if (server->channel >= 0 && !(*service = image_service_new(&image_server, err)))
		return -1;
	return filter(start, image_server.uring, err);
}

static int between(void *arg)
{
	const struct start *start = arg;

	close(start->go[1]);
	/* Standard error stays until the server is ready, for report(). */
	return helper_null_stdio(STDOUT_FILENO) < 0 ? -1 : enter_dead_end();
}

static void server_main(void *arg)
{
	const struct start *start = arg;
	const struct rendezvous *rendezvous = start->server->rendezvous;
	struct error err = ERROR_INIT;
	struct service *service;
	int result, fds[FDPASS_MAX];
	char byte;

	handover = rendezvous->handover;
	result = get_ready(start, &service, &err);
	if (result < 0)
		error_wrap(&err, "cannot start the image server");
	if (result == 0 && fdpass_receive(start->go[0], &byte, 1, fds, 0) == 1) {
		layer = fds[0];
		handover->layer_kept = start->server->held >= 0;
		start_answering();
		result = service ? image_serve(service, &err)
				 : wait_for_unmount(start->server->watch);
		note_layer();
	}
	sign_out(rendezvous);
	if (result < 0 && err.errnum == ENOMEM) {
		error_wrap(&err, "the image server");
		error_remedy(&err, "a smaller --container-image-cache, or more memory (ulimit -v)");
	}
	if (result < 0) {
		if (rendezvous_may_report(rendezvous))
			report(&err);
		_exit(EXIT_SETUP);
	}
	_exit(0);
}

/* The server itself sees neither /sys nor /proc. */
static int choose(struct start *start, struct error *err)
{
	const struct server *server = start->server;
	const char *missing = NULL;

	if (server->channel < 0 || server->transport == TRANSPORT_DEV)
		return 0;
	start->queues = uring_queues(&missing);
	if (start->queues > 0 || server->transport != TRANSPORT_URING)
		return 0;
	error_set(err, 0, "the image server cannot use io_uring: %s", missing);
	return error_remedy(err, REMEDY_DEV);
}

int server_start(const struct server *server, struct error *err)
{
	struct start start = { .server = server };
	cleanup_close int read_end = -1, write_end = -1;

	if (choose(&start, err) < 0)
		return -1;

	clock_gettime(CLOCK_MONOTONIC, &begun);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, start.go) < 0)
		return error_set(err, errno, "cannot start the image server");
	read_end = start.go[0];
	write_end = start.go[1];
	if (helper_start(between, server_main, &start) < 0)
		return error_set(err, errno, "cannot start the image server");
	return steal_fd(&write_end);
}

void server_go(int go, int layer_fd)
{
	/* Where the server is dead, the first look into the mount tells. */
	(void)fdpass_send(go, "", 1, &layer_fd, layer_fd >= 0);
	close(go);
}
