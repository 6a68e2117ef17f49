/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sif.c - see sif.h.
 *
 * The format is version 1, as in pkg/sif of github.com/apptainer/sif: a header, a table of
 * descriptors, then what they describe. All is little endian and without padding, so fields are
 * taken from where they are. No number is believed before it is known to lie within the file.
 */
#include "images/sif.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "images/read.h"

#define HEADER_SIZE      128
#define MAGIC_AT         32
#define VERSION_AT       42
#define TABLE_ENTRIES_AT 88
#define TABLE_OFFSET_AT  96

#define DESCRIPTOR_SIZE 585
#define TYPE_AT         0
#define USED_AT         4
#define DATA_OFFSET_AT  17
#define DATA_SIZE_AT    25
#define FILE_SYSTEM_AT  201
#define ROLE_AT         205

/* Apptainer makes room for 48. */
#define DESCRIPTORS_MAX 1024

#define TYPE_PARTITION 0x4004u
#define TYPE_OCI_INDEX 0x400au
#define ROLE_PRIMARY   2u
#define FS_SQUASHFS    1u
#define FS_EXT3        2u
#define FS_ARCHIVE     3u
#define FS_RAW         4u
#define FS_ENCRYPTED   5u
#define REMEDY_DAMAGED "copy or build it again"
#define REMEDY_BUILD   "apptainer build NEW.sif FILE makes one with a squashfs"

static const char magic[] = "SIF_MAGIC";

bool sif_is_header(const char *head, size_t len)
{
	return len >= MAGIC_AT + sizeof(magic) &&
	       memcmp(head + MAGIC_AT, magic, sizeof(magic)) == 0;
}

static uint32_t get32(const char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static uint64_t get64(const char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static int refuse_damaged(struct error *err, const char *what)
{
	error_set(err, 0, "%s", what);
	return error_remedy(err, REMEDY_DAMAGED);
}

static int read_at(int fd, uint64_t offset, char *buf, size_t size, struct error *err)
{
	ssize_t n = image_read(fd, buf, size, (off_t)offset);

	if (n < 0)
		return error_set(err, errno, "cannot read it");
	if ((size_t)n < size)
		return refuse_damaged(err, "it is truncated");
	return 0;
}

/* The table of descriptors, which lies within the file. */
static int find_table(int fd, uint64_t size, uint64_t *offset, uint64_t *entries, struct error *err)
{
	char header[HEADER_SIZE];

	if (read_at(fd, 0, header, sizeof(header), err) < 0)
		return -1;
	if (memcmp(header + VERSION_AT, "01", 3) != 0) {
		error_set(err, 0, "it is of SIF version '%.2s', not '01'", header + VERSION_AT);
		return error_remedy(err, "apptainer build NEW.sif FILE");
	}
	*entries = get64(header + TABLE_ENTRIES_AT);
	*offset = get64(header + TABLE_OFFSET_AT);
	if (*entries > DESCRIPTORS_MAX || *offset < HEADER_SIZE)
		return refuse_damaged(err, "its header is damaged");
	if (*offset > size || *entries * DESCRIPTOR_SIZE > size - *offset)
		return refuse_damaged(err, "it is truncated");
	return 0;
}

static int check_file_system(uint32_t file_system, struct error *err)
{
	switch (file_system) {
	case FS_SQUASHFS:
		return 0;
	case FS_ENCRYPTED:
		error_set(err, 0, "its system partition is encrypted");
		return error_remedy(err, "an image that was built without --encrypt");
	case FS_EXT3:
		error_set(err, 0, "its system partition is ext3, not a squashfs");
		return error_remedy(err, REMEDY_BUILD);
	case FS_ARCHIVE:
		error_set(err, 0, "its system partition is an archive, not a squashfs");
		return error_remedy(err, REMEDY_BUILD);
	case FS_RAW:
		error_set(err, 0, "its system partition is raw data, not a squashfs");
		return error_remedy(err, REMEDY_BUILD);
	default:
		error_set(err, 0, "its system partition is of an unknown kind (%" PRIu32 ")",
			  file_system);
		return error_remedy(err, REMEDY_BUILD);
	}
}

static int take_partition(const char *descriptor, uint64_t size, struct sif_partition *partition,
			  struct error *err)
{
	uint64_t start = get64(descriptor + DATA_OFFSET_AT);
	uint64_t length = get64(descriptor + DATA_SIZE_AT);

	if (check_file_system(get32(descriptor + FILE_SYSTEM_AT), err) < 0)
		return -1;
	if (start < HEADER_SIZE)
		return refuse_damaged(err, "its table of partitions is damaged");
	if (start > size || length > size - start)
		return refuse_damaged(err, "it is truncated");
	partition->offset = (off_t)start;
	partition->size = (off_t)length;
	return 0;
}

int sif_find_system(int fd, off_t size, struct sif_partition *partition, struct error *err)
{
	uint64_t offset = 0, entries = 0;
	bool is_oci = false;

	if (find_table(fd, (uint64_t)size, &offset, &entries, err) < 0)
		return -1;
	for (uint64_t i = 0; i < entries; i++) {
		char descriptor[DESCRIPTOR_SIZE];
		uint32_t type;

		if (read_at(fd, offset + i * DESCRIPTOR_SIZE, descriptor, sizeof(descriptor), err) <
		    0)
			return -1;
		if (!descriptor[USED_AT])
			continue;
		type = get32(descriptor + TYPE_AT);
		if (type == TYPE_OCI_INDEX)
			is_oci = true;
		if (type == TYPE_PARTITION && get32(descriptor + ROLE_AT) == ROLE_PRIMARY)
			return take_partition(descriptor, (uint64_t)size, partition, err);
	}
	if (is_oci) {
		error_set(err, 0, "it is an OCI-SIF, which has layers and no system partition");
		return error_remedy(err, "singularity pull --no-oci NEW.sif docker://IMAGE");
	}
	error_set(err, 0, "it has no system partition");
	return error_remedy(err, "an image made by apptainer build or apptainer pull");
}
