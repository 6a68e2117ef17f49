/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libarchive.h - libarchive, opened when it is needed.
 *
 * It brings libxml2 and ICU along, which no rank of a job shall pay for: so it is not linked, and
 * nothing of it may be called before libarchive_open() has returned 0. Then its functions are called
 * by their own names; which of them stands in FUNCTIONS below.
 *
 * Names in archives are bytes: the locale stays "C", where libarchive takes what is not ASCII as it is.
 */
#ifndef DAVIT_IMPORT_LIBARCHIVE_H
#define DAVIT_IMPORT_LIBARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#include "common/error.h"

/* clang-format off */
#define LIBARCHIVE_FUNCTIONS(X) \
	X(archive_entry_acl_clear) \
	X(archive_entry_clear) \
	X(archive_entry_clone) \
	X(archive_entry_filetype) \
	X(archive_entry_free) \
	X(archive_entry_gid) \
	X(archive_entry_hardlink) \
	X(archive_entry_mode) \
	X(archive_entry_mtime) \
	X(archive_entry_new) \
	X(archive_entry_pathname) \
	X(archive_entry_perm) \
	X(archive_entry_set_filetype) \
	X(archive_entry_set_gid) \
	X(archive_entry_set_hardlink) \
	X(archive_entry_set_mode) \
	X(archive_entry_set_mtime) \
	X(archive_entry_set_pathname) \
	X(archive_entry_set_perm) \
	X(archive_entry_set_rdevmajor) \
	X(archive_entry_set_rdevminor) \
	X(archive_entry_set_size) \
	X(archive_entry_set_symlink) \
	X(archive_entry_set_uid) \
	X(archive_entry_size) \
	X(archive_entry_size_is_set) \
	X(archive_entry_sparse_add_entry) \
	X(archive_entry_sparse_clear) \
	X(archive_entry_sparse_next) \
	X(archive_entry_sparse_reset) \
	X(archive_entry_symlink) \
	X(archive_entry_uid) \
	X(archive_entry_xattr_add_entry) \
	X(archive_entry_xattr_clear) \
	X(archive_entry_xattr_count) \
	X(archive_entry_xattr_next) \
	X(archive_entry_xattr_reset) \
	X(archive_errno) \
	X(archive_error_string) \
	X(archive_filter_bytes) \
	X(archive_filter_code) \
	X(archive_read_close) \
	X(archive_read_data) \
	X(archive_read_data_block) \
	X(archive_read_data_skip) \
	X(archive_read_free) \
	X(archive_read_header_position) \
	X(archive_read_new) \
	X(archive_read_next_header) \
	X(archive_read_open) \
	X(archive_read_open2) \
	X(archive_read_open_fd) \
	X(archive_read_support_filter_all) \
	X(archive_read_support_filter_bzip2) \
	X(archive_read_support_filter_gzip) \
	X(archive_read_support_filter_xz) \
	X(archive_read_support_filter_zstd) \
	X(archive_read_support_format_empty) \
	X(archive_read_support_format_raw) \
	X(archive_read_support_format_tar) \
	X(archive_set_error) \
	X(archive_write_close) \
	X(archive_write_data) \
	X(archive_write_fail) \
	X(archive_write_finish_entry) \
	X(archive_write_free) \
	X(archive_write_header) \
	X(archive_write_new) \
	X(archive_write_open) \
	X(archive_write_open_fd) \
	X(archive_write_set_bytes_in_last_block) \
	X(archive_write_set_bytes_per_block) \
	X(archive_write_set_format_gnutar) \
	X(archive_write_set_format_option) \
	X(archive_write_set_format_pax)
/* clang-format on */

#define LIBARCHIVE_DECLARE(name) __typeof__(name) *name;
struct libarchive {
	LIBARCHIVE_FUNCTIONS(LIBARCHIVE_DECLARE)
};

extern struct libarchive libarchive;

/* Opens the library. Returns 0, also when it is open already, or -1 with `err` set. */
int libarchive_open(struct error *err);

/* Has `bytes` read what is compressed by gzip, zstd, xz, bzip2 or not at all, whatever it is. */
void libarchive_read_bytes(struct archive *bytes);

/* Sets `err` to why libarchive does not go on. Returns -1. */
int libarchive_fail(struct archive *archive, struct error *err);

#ifndef LIBARCHIVE_NO_NAMES
#include "images/import/libarchive_names.h"
#endif

#endif
