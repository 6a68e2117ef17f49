/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handover.h - all that the plugin and the launcher say to each other.
 *
 * The plugin, in slurmstepd, makes one memfd per node and step. Every rank inherits it, and with it
 * the descriptors that the memfd names. It holds a `struct handover` and behind it the options as
 * text, "name=value" each ended by NUL, in the order in which they apply; then variables of the step,
 * "$NAME=value", as slurmstepd has them for all ranks: later it narrows them for each (--gpu-bind).
 *
 * A rank learns the memfd's number in one of two ways:
 *	Slurm >= 23.11	argv is `davit join FD -- COMMAND...`
 *	older		argv[0] is the launcher, $DAVIT_JOIN is "FD:COMMAND", COMMAND being the argv[0]
 *			that was replaced; the launcher removes the variable
 *
 * Slurm's OCI path (oci.conf, %@) puts each argument between single quotes into a line for a shell,
 * and does not care about quotes inside. So an argument that has one travels encoded.
 *
 * The memfd is sealed against a change of its size, so nobody who maps it can be hit by SIGBUS. The
 * ranks belong to the user, who may write anything into it: root code reads only whole fields, by
 * pread, and believes none of them.
 *
 * The ranks agree who builds the container by record locks (fcntl(2)), which the kernel drops when
 * their holder dies; see launcher/rendezvous.h. The image server holds one as a sign of life.
 */
#ifndef DAVIT_HANDOVER_H
#define DAVIT_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/stats.h"

#define HANDOVER_ENV        "DAVIT_JOIN"
#define HANDOVER_NONE       "none" /* in place of the memfd: the plugin failed, and has told why */
#define HANDOVER_VARIABLE   '$'
#define HANDOVER_MAGIC      0x37766144u /* "Dav7": a plugin and a launcher of one layout */
#define HANDOVER_RULE_MAX   64          /* bytes of a rule's name, with the final NUL */
#define HANDOVER_STAGED_MAX 1024 /* bytes of a path, with the final NUL; what is longer is cut */

/* Record locks, each on one byte. */
enum handover_lock {
	HANDOVER_LOCK_BUILD = 0,
	HANDOVER_LOCK_SERVER = 1
};

enum handover_state {
	HANDOVER_EMPTY = 0,
	HANDOVER_READY = 1,
	HANDOVER_FAILED = 2
};
enum handover_server {
	HANDOVER_SERVER_NONE = 0,
	HANDOVER_SERVER_RUNS = 1,       /* and holds its lock */
	HANDOVER_SERVER_ENDED = 2,      /* since nobody needed it any more */
	HANDOVER_SERVER_DAMAGED = 3,    /* it found a part of the image damaged */
	HANDOVER_SERVER_ALTERED = 4,    /* it found the image to be another than its digest says */
	HANDOVER_SERVER_UNREADABLE = 5, /* the image's file system failed reads: see read_error */
	HANDOVER_SERVER_DIED = 6,       /* never written: it says RUNS, but its lock is gone */
};

/* Is there something to read in `stats`? */
enum handover_counts {
	HANDOVER_COUNTS_NOT =
		0,           /* no server of its own: a directory, or another step's container */
	HANDOVER_COUNTS = 1, /* a server counts, */
	HANDOVER_COUNTS_TOLD = 2, /* and the user wants to be told in the end */
};

/* What has been decided about the step's container, by davit.conf's policy. */
struct handover_judged {
	uint32_t has_image;           /* the image was looked at: it is this file */
	uint64_t device, inode;       /* stat(2) */
	char rule[HANDOVER_RULE_MAX]; /* that allows it, "" where no rule is about this step */
};

struct handover {
	uint32_t magic;
	uint32_t text_len; /* bytes of text behind this struct */
	int32_t userns_fd; /* user namespace made by the plugin, or -1: the launcher makes one */
	int32_t send_fd;   /* SOCK_SEQPACKET pair: the builder sends the namespaces here, */
	int32_t recv_fd;   /* and every other rank peeks at the message here */
	int32_t question_fd; /* pipes: by a byte the plugin asks the image server to set layer_full, */
	int32_t answer_fd; /* and by a byte that says it has */
	uint32_t is_step;  /* the plugin has made it: the step's variables are in the text */
	uint32_t is_batch; /* the command is Slurm's copy of a batch script */
	uint32_t
		is_judged; /* `judged` holds; without the plugin the launcher finds a rule itself */
	struct handover_judged judged;
	uint32_t state;     /* enum handover_state */
	uint32_t exit_code; /* of every rank, when state is HANDOVER_FAILED */
	uint32_t reported;  /* a rank has told about a failure of its command */
	uint32_t server;    /* enum handover_server */
	int32_t read_error; /* errno of HANDOVER_SERVER_UNREADABLE, set before that */
	uint32_t
		layer_full; /* MiB of the writable layer's file system, where that is full, else 0 */
	uint32_t layer_kept; /* it is a directory of the user's, not memory */
	uint32_t counts;     /* enum handover_counts */
	uint32_t tellers; /* without a plugin: ranks' guards, of which the last tells the counts */
	struct stats stats;               /* written by the image server */
	char staged[HANDOVER_STAGED_MAX]; /* the copy of the image that is read, "" for none */
};

/* Makes the memfd from a filled header and the text. The descriptor survives exec. Returns it, or
 * -1 with `err` set. */
int handover_create(const struct handover *header, const char *text, struct error *err);

/* Maps the memfd of a rank for reading and writing; the mapping lasts until exec. Returns NULL with
 * `err` set if `fd` is not such a memfd. */
struct handover *handover_map(int fd, struct error *err);

/* The text and its end; it always ends in NUL unless it is empty. */
const char *handover_text(const struct handover *handover);

/* The names of the variables that are handed over; ends with NULL. */
extern const char *const handover_variables[];

/* The value of a variable of the step; NULL: it has none of that name. */
const char *handover_variable(const struct handover *handover, const char *name);

/* Returns `arg` in a form without single quotes, to be freed by the caller; NULL when out of memory. */
char *handover_encode_arg(const char *arg);

/* Undoes handover_encode_arg() in place; leaves every other argument alone. */
void handover_decode_arg(char *arg);

/* For the plugin, before a rank has started: writes down what was decided. Returns 0, or -1 with errno. */
int handover_judge(int fd, const struct handover_judged *judged);

/* For the plugin: copies what the memfd holds now, without its options; to be taken with a grain of
 * salt. Returns false if that fails. */
bool handover_read(int fd, struct handover *copy);

/* What the image server has counted, by a copy; returns false where there is none. */
bool handover_stats(const struct handover *copy, uint64_t values[STAT_COUNT]);

/* Notes which copy of the image is read, or finds it in a copy of what was handed over: `path`, and true if there
 * is one. Whoever owns the ranks may have written any bytes. */
void handover_note_staged(struct handover *handover, const char *path);
bool handover_staged(const struct handover *copy, char path[HANDOVER_STAGED_MAX]);

/* For the plugin: what became of the image server, by a copy and by the lock on `fd`. */
enum handover_server handover_server(int fd, const struct handover *copy);

#endif
