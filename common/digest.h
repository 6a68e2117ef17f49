/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * digest.h - the digest of an image: what pins its bytes.
 *
 * It is fs-verity's file digest with SHA-256, blocks of 4096 bytes and no salt
 * (Documentation/filesystems/fsverity.rst of Linux): the number that `fsverity digest FILE` prints. It
 * is the same whether the file system has fs-verity or not. As text it is "sha256:" and 64 lower-case
 * hexadecimal digits.
 */
#ifndef DAVIT_DIGEST_H
#define DAVIT_DIGEST_H

#include <stdbool.h>

#include "common/error.h"

#define DIGEST_BYTES     32
#define DIGEST_TEXT_SIZE 72 /* with the final NUL */

/* Copies a digest as a user writes it, hexadecimal digits in any case, into its one form. Returns 0,
 * or -1 with `err` set. No system calls. */
int digest_parse(const char *value, char text[DIGEST_TEXT_SIZE], struct error *err);

void digest_format(const unsigned char bytes[DIGEST_BYTES], char text[DIGEST_TEXT_SIZE]);

/* Asks the kernel for the digest of a file that has fs-verity, in no time, by any descriptor that can
 * read it; the kernel then checks each read of that file. Returns true with `text` set, where the
 * digest is one of SHA-256 and the file system is one of the kernel's own that has fs-verity (ext4,
 * f2fs, btrfs); false where there is none. A digest of other blocks or with a salt is
 * another number, and equals none that was pinned. */
bool digest_of_kernel(int fd, char text[DIGEST_TEXT_SIZE]);

#endif
