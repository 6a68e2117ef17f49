/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * explain.c - see explain.h.
 *
 * All that is read here the user may have written: fixed fields, by pread, of which the worst that comes
 * is a wrong word on the user's own terminal.
 */
#include "plugin/explain.h"

#include <poll.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/handover.h"

#define ANSWER_MS 200 /* for the image server to answer */

/* Has the image server tell whether the writable layer is full. It is the user's process, so it gets
 * a moment; and where it has ended, it has told. */
static void ask_layer(const struct explain_step *step, struct handover *seen)
{
	struct pollfd wait = { .fd = *step->answer, .events = POLLIN };
	char byte;

	/* One that does not answer is not asked again: there may be many ranks. */
	if (seen->server == HANDOVER_SERVER_RUNS && *step->answer >= 0 &&
	    write(step->question, "?", 1) == 1 &&
	    (poll(&wait, 1, ANSWER_MS) != 1 || read(*step->answer, &byte, 1) != 1))
		close(steal_fd(step->answer));
	(void)handover_read(step->memfd, seen);
}

int explain_exit(const struct explain_step *step, int status, struct error *err)
{
	const char *image = step->image;
	enum handover_server server;
	struct handover seen;

	if (!handover_read(step->memfd, &seen) || seen.state == HANDOVER_FAILED)
		return 0; /* then a rank has told why */
	server = handover_server(step->memfd, &seen);
	if (status == 0 && seen.state != HANDOVER_EMPTY && server != HANDOVER_SERVER_ALTERED)
		return 0;
	if (status == 0 && seen.state == HANDOVER_EMPTY) {
		error_set(err, 0, "the step ran on the node, not in the container '%s'", image);
		return error_remedy(err, "tell your admin: Slurm did not start Davit's launcher");
	}
	switch (server) {
	case HANDOVER_SERVER_DIED:
		error_set(
			err, 0,
			"the image server of this step died, so the ranks lost the files of image '%s'",
			image);
		return error_remedy(
			err,
			"check the job's memory (was it killed for using too much?) and the node's log");
	case HANDOVER_SERVER_DAMAGED:
		error_set(err, 0, "a part of image '%s' is damaged: files in it gave I/O errors",
			  image);
		return error_remedy(err, "copy or make the image again");
	case HANDOVER_SERVER_UNREADABLE:
		error_set(err, seen.read_error,
			  "the file system of image '%s' failed, so files in it gave I/O errors",
			  image);
		return error_remedy(err,
				    "check that file system and the node's log, and run again");
	case HANDOVER_SERVER_ALTERED:
		error_set(err, 0,
			  "image '%s' is not what its digest says: files in it gave I/O errors",
			  image);
		return error_remedy(err, "davit image verify %s; copy or make the image again",
				    image);
	default:
		break;
	}
	ask_layer(step, &seen);
	if (seen.layer_full == 0)
		return 0;
	if (seen.layer_kept) {
		error_set(err, 0,
			  "the file system of the container's writable layer, of %u MiB, is full",
			  seen.layer_full);
		return error_remedy(err, "free space there, or another directory");
	}
	error_set(err, 0, "the container's writable layer is full: it holds %u MiB in memory",
		  seen.layer_full);
	return error_remedy(err, "--container-writable=size=SIZE, or =DIR for a directory");
}
