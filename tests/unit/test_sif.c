/* SPDX-License-Identifier: BSD-3-Clause */
/* test_sif.c - SIF files made here byte by byte: those that Apptainer makes, and hostile ones. */
#include "tests/unit/unit.h"

#include <endian.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "images/image.h"
#include "images/sif.h"
#include "tests/unit/tree.h"

#define TABLE      4096 /* where Apptainer has it */
#define DATA       32768
#define ENTRIES    48
#define DESCRIPTOR 585
#define FILE_SIZE  (DATA + 8192)

enum {
	PARTITION = 0x4004,
	DEFINITION = 0x4001,
	OCI_INDEX = 0x400a
};
enum {
	SQUASHFS = 1,
	EXT3,
	ARCHIVE,
	RAW,
	ENCRYPTED
};
enum {
	SYSTEM = 1,
	PRIMARY,
	OVERLAY = 4
};

struct sif {
	char bytes[FILE_SIZE];
	size_t used; /* descriptors */
};

static void put32(char *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

static void put64(char *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
}

static void sif_init(struct sif *sif)
{
	memset(sif, 0, sizeof(*sif));
	memcpy(sif->bytes, "#!/usr/bin/env run-singularity\n", 31);
	memcpy(sif->bytes + 32,
	       "SIF_MAGIC\0"
	       "01\0"
	       "02",
	       16);
	put64(sif->bytes + 88, ENTRIES);
	put64(sif->bytes + 96, TABLE);
	put64(sif->bytes + 104, (uint64_t)ENTRIES * DESCRIPTOR);
	put64(sif->bytes + 112, DATA);
}

static char *sif_add(struct sif *sif, uint32_t type, uint64_t offset, uint64_t size)
{
	char *at = sif->bytes + TABLE + sif->used++ * DESCRIPTOR;

	put32(at, type);
	at[4] = 1;
	put32(at + 5, (uint32_t)sif->used);
	put64(at + 17, offset);
	put64(at + 25, size);
	return at;
}

static void sif_add_partition(struct sif *sif, uint32_t file_system, uint32_t role, uint64_t offset,
			      uint64_t size)
{
	char *at = sif_add(sif, PARTITION, offset, size);

	put32(at + 201, file_system);
	put32(at + 205, role);
	at[209] = '0';
	at[210] = '2';
}

static void put_superblock(char *at, uint64_t used)
{
	put32(at, 0x73717368);
	put32(at + 12, 131072);
	at[20] = 1; /* gzip */
	at[22] = 17;
	at[28] = 4;
	put64(at + 40, used);
}

static int find_in(const void *bytes, size_t len, struct sif_partition *partition,
		   struct error *err)
{
	cleanup_close int fd = memfd_create("sif", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes, len), 0);
	*err = (struct error)ERROR_INIT;
	return sif_find_system(fd, (off_t)len, partition, err);
}

static void refused(const struct sif *sif, const char *cause, const char *remedy)
{
	struct sif_partition partition;
	struct error err;

	assert_int_equal(find_in(sif->bytes, sizeof(sif->bytes), &partition, &err), -1);
	assert_cause(&err, cause);
	assert_remedy(&err, remedy);
}

static void header_is_recognised(void **state)
{
	struct sif sif;

	(void)state;
	sif_init(&sif);
	assert_true(sif_is_header(sif.bytes, 128));
	assert_true(sif_is_header(sif.bytes, 42));
	assert_false(sif_is_header(sif.bytes, 41));
	sif.bytes[41] = 'X';
	assert_false(sif_is_header(sif.bytes, 128));
}

static void primary_system_is_found(void **state)
{
	struct sif_partition partition;
	struct error err;
	struct sif sif;

	(void)state;
	sif_init(&sif);
	sif_add(&sif, DEFINITION, DATA, 100);
	sif_add_partition(&sif, EXT3, OVERLAY, DATA + 100, 100);
	sif_add_partition(&sif, SQUASHFS, SYSTEM, DATA + 200, 100);
	sif_add_partition(&sif, SQUASHFS, PRIMARY, DATA + 4096, 4096);
	assert_int_equal(find_in(sif.bytes, sizeof(sif.bytes), &partition, &err), 0);
	assert_int_equal(partition.offset, DATA + 4096);
	assert_int_equal(partition.size, 4096);
}

static void deleted_partition_does_not_count(void **state)
{
	struct sif sif;

	(void)state;
	sif_init(&sif);
	sif_add_partition(&sif, SQUASHFS, PRIMARY, DATA, 4096);
	sif.bytes[TABLE + 4] = 0;
	refused(&sif, "it has no system partition",
		"an image made by apptainer build or apptainer pull");
}

static void other_file_systems_are_refused(void **state)
{
	static const struct {
		uint32_t file_system;
		const char *cause, *remedy;
	} cases[] = {
		{ EXT3, "its system partition is ext3, not a squashfs",
		  "apptainer build NEW.sif FILE makes one with a squashfs" },
		{ ARCHIVE, "its system partition is an archive, not a squashfs",
		  "apptainer build NEW.sif FILE makes one with a squashfs" },
		{ RAW, "its system partition is raw data, not a squashfs",
		  "apptainer build NEW.sif FILE makes one with a squashfs" },
		{ ENCRYPTED, "its system partition is encrypted",
		  "an image that was built without --encrypt" },
		{ 0xffffffff, "its system partition is of an unknown kind (4294967295)",
		  "apptainer build NEW.sif FILE makes one with a squashfs" },
	};
	struct sif sif;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		sif_init(&sif);
		sif_add_partition(&sif, cases[i].file_system, PRIMARY, DATA, 4096);
		refused(&sif, cases[i].cause, cases[i].remedy);
	}
}

static void without_system_partition(void **state)
{
	struct sif sif;

	(void)state;
	sif_init(&sif);
	refused(&sif, "it has no system partition",
		"an image made by apptainer build or apptainer pull");
	sif_add(&sif, OCI_INDEX, DATA, 100);
	refused(&sif, "it is an OCI-SIF, which has layers and no system partition",
		"singularity pull --no-oci NEW.sif docker://IMAGE");
}

static void other_version_is_refused(void **state)
{
	struct sif sif;

	(void)state;
	sif_init(&sif);
	sif.bytes[43] = '2';
	refused(&sif, "it is of SIF version '02', not '01'", "apptainer build NEW.sif FILE");
	memcpy(sif.bytes + 42, "\x1b\n\0", 3);
	refused(&sif, "it is of SIF version '?\?', not '01'", "apptainer build NEW.sif FILE");
}

static void hostile_numbers_are_refused(void **state)
{
	static const struct {
		uint64_t entries, table, offset, size;
		const char *cause;
	} cases[] = {
		{ UINT64_MAX, TABLE, DATA, 4096, "its header is damaged" },
		{ 1025, TABLE, DATA, 4096, "its header is damaged" },
		{ ENTRIES, 0, DATA, 4096, "its header is damaged" },
		{ ENTRIES, UINT64_MAX, DATA, 4096, "it is truncated" },
		{ ENTRIES, INT64_MAX, DATA, 4096, "it is truncated" },
		{ ENTRIES, FILE_SIZE - 1, DATA, 4096, "it is truncated" },
		{ 1024, TABLE, DATA, 4096, "it is truncated" },
		{ ENTRIES, TABLE, 0, 4096, "its table of partitions is damaged" },
		{ ENTRIES, TABLE, UINT64_MAX, 4096, "it is truncated" },
		{ ENTRIES, TABLE, UINT64_MAX - 10, 20, "it is truncated" },
		{ ENTRIES, TABLE, DATA, UINT64_MAX, "it is truncated" },
		{ ENTRIES, TABLE, DATA, INT64_MAX, "it is truncated" },
		{ ENTRIES, TABLE, DATA, FILE_SIZE - DATA + 1, "it is truncated" },
		{ ENTRIES, TABLE, FILE_SIZE + 1, 0, "it is truncated" },
	};
	struct sif sif;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		sif_init(&sif);
		sif_add_partition(&sif, SQUASHFS, PRIMARY, cases[i].offset, cases[i].size);
		put64(sif.bytes + 88, cases[i].entries);
		put64(sif.bytes + 96, cases[i].table);
		refused(&sif, cases[i].cause, "copy or build it again");
	}
}

static void every_cut_is_refused(void **state)
{
	struct sif_partition partition;
	struct error err;
	struct sif sif;

	(void)state;
	sif_init(&sif);
	sif_add_partition(&sif, SQUASHFS, PRIMARY, DATA, FILE_SIZE - DATA);
	for (size_t len = 0; len < sizeof(sif.bytes); len += 61) {
		assert_int_equal(find_in(sif.bytes, len, &partition, &err), -1);
		assert_cause(&err, "it is truncated");
	}
}

/* Opens the SIF as an image. */
static int open_sif(const struct sif *sif, struct image *image, struct error *err)
{
	put_bytes("image", sif->bytes, sizeof(sif->bytes));
	*image = (struct image)IMAGE_INIT;
	*err = (struct error)ERROR_INIT;
	return image_open(image, "image", err);
}

static void image_is_the_squashfs_inside(void **state)
{
	struct image image;
	struct error err;
	struct sif sif;

	(void)state;
	sif_init(&sif);
	sif_add_partition(&sif, SQUASHFS, PRIMARY, DATA + 512, 4096);
	put_superblock(sif.bytes + DATA + 512, 4096);
	assert_int_equal(open_sif(&sif, &image, &err), 0);
	assert_int_equal(image.kind, IMAGE_SQUASHFS);
	assert_int_equal(image.offset, DATA + 512);
	image_done(&image);
}

static void squashfs_must_fit_into_its_partition(void **state)
{
	struct image image;
	struct error err;
	struct sif sif;

	(void)state;
	sif_init(&sif);
	sif_add_partition(&sif, SQUASHFS, PRIMARY, DATA, 4096);
	put_superblock(sif.bytes + DATA, 4097);
	assert_int_equal(open_sif(&sif, &image, &err), -1);
	assert_contains(err.cause, "/image' is truncated: 4096 of 4097 bytes");
	image_done(&image);
}

static void refused_sif_is_named(void **state)
{
	struct image image;
	struct error err;
	struct sif sif;
	char cause[PATH_MAX + 64];

	(void)state;
	sif_init(&sif);
	sif_add_partition(&sif, ENCRYPTED, PRIMARY, DATA, 4096);
	assert_int_equal(open_sif(&sif, &image, &err), -1);
	snprintf(cause, sizeof(cause), "SIF image '%s/image': its system partition is encrypted",
		 tree);
	assert_cause(&err, cause);
	image_done(&image);

	sif_init(&sif);
	sif_add_partition(&sif, SQUASHFS, PRIMARY, DATA, 4096);
	assert_int_equal(open_sif(&sif, &image, &err), -1);
	snprintf(cause, sizeof(cause),
		 "SIF image '%s/image': its system partition is not a squashfs", tree);
	assert_cause(&err, cause);
	assert_remedy(&err, "copy or build it again");
	image_done(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_recognised),
		cmocka_unit_test(primary_system_is_found),
		cmocka_unit_test(deleted_partition_does_not_count),
		cmocka_unit_test(other_file_systems_are_refused),
		cmocka_unit_test(without_system_partition),
		cmocka_unit_test(other_version_is_refused),
		cmocka_unit_test(hostile_numbers_are_refused),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(image_is_the_squashfs_inside),
		cmocka_unit_test(squashfs_must_fit_into_its_partition),
		cmocka_unit_test(refused_sif_is_named),
	};

	return cmocka_run_group_tests_name("sif", tests, tree_setup, tree_teardown);
}
