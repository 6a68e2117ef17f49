/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image_commands.h - the subcommands of `davit image`: image_main.c and the files of the commands only.
 *
 * Each gets its command line, and returns 0, or -1 with `err` set.
 */
#ifndef DAVIT_IMAGE_COMMANDS_H
#define DAVIT_IMAGE_COMMANDS_H

#include "common/error.h"
#include "images/image.h"
#include "launcher/image/arguments.h"

/* Carries out a Containerfile. */
int image_command_build(const struct image_arguments *arguments, struct error *err);

/* Writes IMAGE.verity, and prints the digest. */
int image_command_seal(const struct image_arguments *arguments, struct error *err);

/* Prints the digest, and writes nothing. */
int image_command_digest(const struct image_arguments *arguments, struct error *err);

/* Adds a signature of each key to IMAGE.sig. */
int image_command_sign(const struct image_arguments *arguments, struct error *err);

/* Reads all of the image, and looks for a signature. */
int image_command_verify(const struct image_arguments *arguments, struct error *err);

/* Opens an image that can have a digest, requiring nothing. Returns 0, or -1 with `err` set. */
int image_open_file(struct image *image, const char *path, struct error *err);

/* Puts the image's name in front of `err`. Returns -1. */
int image_wrap(const struct image *image, struct error *err);

#endif
