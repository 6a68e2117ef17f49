/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * oci.h - configurations as the OCI's specifications have them: those of images and of bundles.
 *
 * All functions take JSON of `len` bytes and are strict: what is there must be of its type. null is
 * as good as absent. Errors say what is wrong and where in the text; the caller names the file and
 * the remedy.
 */
#ifndef DAVIT_OCI_H
#define DAVIT_OCI_H

#include <stddef.h>

#include "common/error.h"
#include "images/imageconf.h"

#define OCI_CONFIG_MAX ((size_t)1 << 20) /* bytes of a file that is read */

/* Reads an image configuration (image-spec, config.md): what is below "config". Returns 0 or -1; in
 * both cases image_config_done() frees what is in `config`. */
int oci_read_image(struct image_config *config, const char *text, size_t len, struct error *err);

/* The same for a bundle (runtime-spec, config.md): "process", and "annotations" as labels. */
int oci_read_bundle(struct image_config *config, const char *text, size_t len, struct error *err);

/* Finds root.path, to be freed, where the text is the configuration of a bundle; where it is some
 * other JSON, *path is NULL. Returns 0, or -1 where it is no JSON, or a bundle's with a wrong root. */
int oci_find_bundle_root(const char *text, size_t len, char **path, struct error *err);

/* Reads an object of strings as "KEY=VALUE", passing over everything else in it. Returns NULL where
 * there is none. */
char **oci_read_labels(const char *text, size_t len);

#endif
