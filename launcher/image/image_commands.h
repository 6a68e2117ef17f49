/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image_commands.h - the subcommands of `davit image`: image_main.c and the files of the commands only.
 *
 * Each gets its command line, and returns the exit code, or -1 with `err` set.
 */
#ifndef DAVIT_IMAGE_COMMANDS_H
#define DAVIT_IMAGE_COMMANDS_H

#include "common/error.h"
#include "images/image.h"
#include "launcher/image/arguments.h"

/* Shows what the image is, says about itself, and has in it. */
int image_command_inspect(const struct image_arguments *arguments, struct error *err);

/* List, write to standard output, copy out. Without a mount. */
int image_command_ls(const struct image_arguments *arguments, struct error *err);
int image_command_cat(const struct image_arguments *arguments, struct error *err);
int image_command_extract(const struct image_arguments *arguments, struct error *err);

/* Returns 1 where two images differ. */
int image_command_diff(const struct image_arguments *arguments, struct error *err);

/* Writes IMAGE.verity, and prints the digest. */
int image_command_seal(const struct image_arguments *arguments, struct error *err);

/* Prints the digest, and writes nothing. */
int image_command_digest(const struct image_arguments *arguments, struct error *err);

/* Makes an image of what a registry has, or a layout, a tar, a SIF or a directory. */
int image_command_import(const struct image_arguments *arguments, struct error *err);
extern const struct image_option image_import_options[];

/* Adds a signature of each key to IMAGE.sig. */
int image_command_sign(const struct image_arguments *arguments, struct error *err);

/* Reads all of the image, and looks for a signature. */
int image_command_verify(const struct image_arguments *arguments, struct error *err);

/* Shows the import cache, prunes it, or puts images into it. */
int image_command_cache(const struct image_arguments *arguments, struct error *err);

/* Lists the images of the import cache. */
int image_command_list(const struct image_arguments *arguments, struct error *err);

/* Removes images from it. */
int image_command_rm(const struct image_arguments *arguments, struct error *err);

/* Opens an image that can have a digest, requiring nothing. Returns 0, or -1 with `err` set. */
int image_open_file(struct image *image, const char *path, struct error *err);

/* Puts the image's name in front of `err`. Returns -1. */
int image_wrap(const struct image *image, struct error *err);

#endif
