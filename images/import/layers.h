/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * layers.h - what an image is made of: layers, the lowest first, and a configuration.
 *
 * Each layer can be opened as often as one likes, one at a time; it is read as a stream.
 */
#ifndef DAVIT_IMPORT_LAYERS_H
#define DAVIT_IMPORT_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/error.h"

#define LAYERS_MAX 1024 /* overlayfs takes 500 */

struct layer {
	char *digest;  /* of what is stored, "sha256:..." or NULL: nobody says */
	char *diff_id; /* of the tar, the same */
	int64_t size;  /* bytes of what is stored, or -1 */
};

struct layers {
	struct layer list[LAYERS_MAX];
	size_t count;
	char identity[DIGEST_TEXT_SIZE]; /* see import_digest(); or empty */
	bool has_whiteouts;              /* else names with ".wh." are names */
	char *config;                    /* JSON, or NULL */
	size_t config_size;
	bool are_far;         /* what is opened again is fetched again */
	unsigned int timeout; /* seconds in which a byte of a layer has to come, 0: any */
	void *source;         /* of what follows */
	/* Returns a descriptor to be read to its end, or -1 with `err` set. */
	int (*open)(struct layers *layers, size_t index, struct error *err);
	/* Behind the end, or before. Returns 0, or -1 with `err` set: something was wrong with it. NULL:
	 * nothing to do. */
	int (*close)(struct layers *layers, size_t index, struct error *err);
	void (*done)(struct layers *layers); /* NULL: nothing to do */
};

void layers_done(struct layers *layers);

/* Takes the layers out of a manifest (OCI's, or Docker's of schema 2), and *config, the digest of its
 * configuration, to be freed; config_size is what the manifest says. Returns 0, or -1 with `err` set. */
int layers_read_manifest(struct layers *layers, const char *text, size_t len, char **config,
			 struct error *err);

/* Takes over `text`, an image configuration, with the diff_ids in it, which have to be as many as the
 * layers. Returns 0, or -1 with `err` set. */
int layers_take_config(struct layers *layers, char *text, size_t len, struct error *err);

/* The layers of an OCI layout that is a directory, of the image `tag` (NULL: the only one) for `arch`
 * (as Go calls it). Returns 0, or -1 with `err` set; layers_done() in each case. */
int layers_open_layout(struct layers *layers, const char *dir, const char *tag, const char *arch,
		       struct error *err);

/* The same of a layout that is in a tar, a plain file, which becomes the layers' own in each case. */
int layers_open_layout_tar(struct layers *layers, int fd, const char *tag, const char *arch,
			   struct error *err);

/* What `docker save` has written to a plain file, which becomes the layers' own in each case: the image `name`,
 * or "@N", the N-th; NULL: the only one. Returns 0, or -1 with `err` set; layers_done() in each case. */
int layers_open_saved(struct layers *layers, int fd, const char *name, struct error *err);

/* What skopeo finds at `reference`, with skopeo's names of transports. */
struct skopeo_options {
	const char *arch;
	const char *authfile; /* NULL: where skopeo looks for it */
	bool no_tls_verify;
	unsigned int timeout; /* seconds in which it has to answer, and bytes to come; 0: 180 */
};
int layers_open_skopeo(struct layers *layers, const char *reference,
		       const struct skopeo_options *options, struct error *err);

/* A tar in `fd`, compressed or not, which stays the caller's; it can be read from its beginning. */
int layers_open_tar(struct layers *layers, int fd, struct error *err);

/* Adds `word` to a list of words for a message, once, and as far as there is room. */
void layers_add_word(char *list, size_t size, const char *word);

/* As the OCI, and Go, call this machine's architecture. */
const char *layers_this_arch(void);

#endif
