/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_verity.c - digests, seals, and reads that are checked.
 *
 * Digests and trees are compared with what fsverity(1) has made of the same bytes.
 *
 * FS_IOC_MEASURE_VERITY, and fstatfs(2), are answered by stand-ins: few kernels and file systems have fs-verity. So what
 * is tested of it is what Davit makes of the kernel's answer, not that the kernel checks anything.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/fsverity.h>
#include <pthread.h>
#include <stdatomic.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "images/crypto.h"
#include "images/image.h"
#include "images/measure.h"
#include "images/merkle.h"
#include "images/read.h"
#include "images/seal.h"
#include "images/verity.h"
#include "tests/unit/tree.h"

static const char hex_of_kernel[] =
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
static int kernel_algorithm; /* 0: no fs-verity */
static unsigned int kernel_fs = EXT4_SUPER_MAGIC;

int fstatfs(int fd, struct statfs *st)
{
	(void)fd;
	memset(st, 0, sizeof(*st));
	st->f_type = kernel_fs;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct fsverity_digest *digest;
	va_list args;

	(void)fd;
	va_start(args, request);
	digest = va_arg(args, struct fsverity_digest *);
	va_end(args);
	assert_int_equal(request, FS_IOC_MEASURE_VERITY);
	if (!kernel_algorithm) {
		errno = ENOTTY;
		return -1;
	}
	digest->digest_algorithm = (uint16_t)kernel_algorithm;
	digest->digest_size = kernel_algorithm == FS_VERITY_HASH_ALG_SHA256 ? 32 : 64;
	for (size_t i = 0; i < digest->digest_size; i++)
		digest->digest[i] = (uint8_t)(i % 16 * 0x11);
	return 0;
}

static struct error err;

static char byte_at(size_t i)
{
	return (char)((i * 31 + (i >> 12) * 7) % 251);
}

static void put_pattern(const char *path, size_t size)
{
	cleanup_free char *data = malloc(size + 1);

	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = byte_at(i);
	put_bytes(path, data, size);
}

/* Flips a bit of a file. */
static void flip(const char *path, off_t at)
{
	cleanup_close int fd = open(path, O_RDWR | O_CLOEXEC);
	char byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

/* Writes the seal of "image" to "image.verity". */
static void seal_it(char digest[DIGEST_TEXT_SIZE])
{
	cleanup_close int fd = open("image", O_RDONLY | O_CLOEXEC);
	cleanup_close int out = open("image.verity", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	err = (struct error)ERROR_INIT;
	if (seal_write(fd, out, digest, &err) < 0)
		fail_msg("%s", err.cause);
}

struct opened {
	int fd;
	struct verity *verity;
};

static struct opened open_sealed(void)
{
	struct opened opened = { .fd = open("image", O_RDONLY | O_CLOEXEC) };
	struct seal seal = { .fd = -1 };
	struct stat st;

	err = (struct error)ERROR_INIT;
	assert_int_equal(fstat(opened.fd, &st), 0);
	if (seal_read(&seal, open("image.verity", O_RDONLY | O_CLOEXEC), (uint64_t)st.st_size,
		      &err) < 0)
		fail_msg("%s", err.cause);
	opened.verity = verity_new(opened.fd, &seal, &err);
	assert_non_null(opened.verity);
	return opened;
}

static void close_sealed(struct opened *opened)
{
	verity_free(opened->verity);
	close(opened->fd);
}

static const struct vector {
	size_t size;
	const char *digest;
	size_t tree_size;
	const char *tree; /* its SHA-256 */
} vectors[] = {
	{ 0, "sha256:3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95", 0,
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ 1, "sha256:b803429503d95915829b29fdbc8bbad142f3abfd11b1cadf5526582e685c0551", 0,
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ 4095, "sha256:8f13f67ed43a2020003f2bafa8e87ca51023a628568b67aab402be6034c2dbdb", 0,
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ 4096, "sha256:35bee561c5795a8044fe6cb352e9149fa1ab4445092438d6da1d9cf7dac6b653", 0,
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ 4097, "sha256:05b9d0e8dfdbca72287f71440dd67cb6933400bb68237c9f7bad2d004ccc092f", 4096,
	  "6711a78e941297d04f06c5c965cac61479777ce1c7eb2a8cd9777cd8311444d5" },
	{ 524287, "sha256:a7a7a8e82995a541664e6d22b823a6b571b68f826f675c5d83b9c51bf4205f45", 4096,
	  "b6515f0558848167965dc7f0ea62bf662a42a125d888b35635af3ca1d6af76ff" },
	{ 524288, "sha256:294d52025e917133cc970a3441149b09d1a791874aaa5879d2e35e8d107fd16c", 4096,
	  "4196527c18bc67dc2ea50d82fffe49a8e20bf23d95a153db1e8c790ff5ab3730" },
	{ 524289, "sha256:c9c1f6bce101994dd20dd82183799cbedce53b9d839c8bcf53b80aa77671a4fd", 12288,
	  "01cb80fd44a884b43eb59f2fbd2616c30ef1c8ead7cd064fdd5d2fd3a5f189dc" },
	{ 67108864, "sha256:a7fd44997ddc8379d56bfa1c90014f0700b440fceecb6c852fba2c78a93e6ff6",
	  528384, "a62b5b94f47bf6a48605934e6452c34b3103e4906244f83ae8176b364cc4bb6f" },
	{ 67108865, "sha256:d4133a750655cf9e33151bbe95e8d6b8bf8d55d9156334d725e959e347a00eda",
	  540672, "0ac8a01910716179fa3874cf3f002a9db1de072a3d94c6bd280c67fd2b1e955d" },
};

static void as_fsverity_has_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		const struct vector *vector = &vectors[i];
		char digest[DIGEST_TEXT_SIZE], tree_digest[DIGEST_TEXT_SIZE];
		unsigned char hash[DIGEST_BYTES];
		cleanup_close int fd = -1;
		cleanup_free char *seal = NULL;
		size_t len;

		put_pattern("image", vector->size);
		seal_it(digest);
		assert_string_equal(digest, vector->digest);
		fd = open("image.verity", O_RDONLY | O_CLOEXEC);
		seal = fd_read_all(fd, 1 << 20, &len);
		assert_non_null(seal);
		assert_int_equal(len, SEAL_HEADER + vector->tree_size);
		assert_int_equal(crypto_sha256(seal + SEAL_HEADER, vector->tree_size, hash), 0);
		digest_format(hash, tree_digest);
		assert_string_equal(tree_digest + strlen("sha256:"), vector->tree);
		close(fd);
		fd = open("image", O_RDONLY | O_CLOEXEC);
		assert_int_equal(seal_compute(fd, digest, &err), 0);
		assert_string_equal(digest, vector->digest);
	}
}

static void shapes(void **state)
{
	struct merkle shape = merkle_shape(INT64_MAX);

	(void)state;
	assert_int_equal(shape.levels, 8);
	assert_true(shape.blocks > shape.start[0]);
	shape = merkle_shape(UINT64_MAX); /* no overflow */
	assert_true(shape.levels <= MERKLE_LEVELS_MAX);
	shape = merkle_shape(128 * 128 * 4096 + 1);
	assert_int_equal(shape.levels, 3);
	assert_int_equal(shape.start[2], 0);
	assert_int_equal(shape.start[1], 1);
	assert_int_equal(shape.start[0], 3);
	assert_int_equal(shape.blocks, 3 + 129);
}

static void check_read(int fd, size_t size, size_t offset, size_t len)
{
	cleanup_free char *buf = malloc(len + 1);
	size_t expected = offset >= size ? 0 : len < size - offset ? len : size - offset;

	assert_non_null(buf);
	assert_int_equal(image_read(fd, buf, len, (off_t)offset), expected);
	for (size_t i = 0; i < expected; i++)
		if (buf[i] != byte_at(offset + i))
			fail_msg("byte %zu of %zu at %zu", i, len, offset);
}

static void reads_anything_of_it(void **state)
{
	static const size_t sizes[] = { 1, 4095, 4096, 4097, 3 * 128 * 4096 + 17 };
	char digest[DIGEST_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct opened opened;
		unsigned int seed = 1;

		put_pattern("image", sizes[i]);
		seal_it(digest);
		opened = open_sealed();
		check_read(opened.fd, sizes[i], 0, 0);
		check_read(opened.fd, sizes[i], 0, sizes[i] + 5000);
		check_read(opened.fd, sizes[i], sizes[i], 10);
		check_read(opened.fd, sizes[i], sizes[i] + 100000, 10);
		check_read(opened.fd, sizes[i], sizes[i] - 1, 10);
		for (int j = 0; j < 500; j++)
			check_read(opened.fd, sizes[i], (size_t)rand_r(&seed) % (sizes[i] + 2),
				   (size_t)rand_r(&seed) % 20000);
		assert_false(verity_is_broken(opened.verity));
		close_sealed(&opened);
		/* Without a guard once more. */
		opened.fd = open("image", O_RDONLY | O_CLOEXEC);
		check_read(opened.fd, sizes[i], 0, sizes[i]);
		close(opened.fd);
	}
}

#define SIZE ((size_t)3 * 128 * 4096 + 17)

/* Opens a fresh image of two levels. */
static struct opened fresh(void)
{
	char digest[DIGEST_TEXT_SIZE];

	put_pattern("image", SIZE);
	seal_it(digest);
	return open_sealed();
}

static void refused_read(struct opened *opened, size_t offset, size_t len, const char *what)
{
	cleanup_free char *buf = malloc(len);
	char text[64];

	assert_non_null(buf);
	memset(buf, 'x', len);
	errno = 0;
	assert_int_equal(image_read(opened->fd, buf, len, (off_t)offset), -1);
	assert_int_equal(errno, EIO);
	assert_true(verity_is_broken(opened->verity));
	verity_describe(opened->verity, text, sizeof(text));
	assert_string_equal(text, what);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(buf[i], 0);
}

static void changed_byte_of_the_image(void **state)
{
	struct opened opened = fresh();

	(void)state;
	flip("image", 5 * 4096 + 1);
	check_read(opened.fd, SIZE, 0, 5 * 4096);
	refused_read(&opened, 5 * 4096 + 100, 1, "it was changed at byte 20480");
	refused_read(&opened, 0, 100000, "it was changed at byte 20480");
	check_read(opened.fd, SIZE, 6 * 4096, SIZE);
	/* Later ones are refused as well; the first is told. */
	flip("image", 200 * 4096);
	refused_read(&opened, 200 * 4096, 4096, "it was changed at byte 20480");
	flip("image", 5 * 4096 + 1);
	check_read(opened.fd, SIZE, 0, 10 * 4096); /* it is what it was again */
	close_sealed(&opened);
}

static void every_byte_of_the_tree(void **state)
{
	/* The root's block, the unused part of it, each leaf. */
	static const off_t places[] = { 0, 31, 32 * 4, 4095, 4096, 2 * 4096 + 100, 4 * 4096 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		struct opened opened = fresh();

		flip("image.verity", SEAL_HEADER + places[i]);
		refused_read(&opened, 0, SIZE, "its seal was changed");
		close_sealed(&opened);
	}
}

static void truncated_or_grown_meanwhile(void **state)
{
	struct opened opened = fresh();

	(void)state;
	check_read(opened.fd, SIZE, 0, 100);
	assert_int_equal(truncate("image", 40 * 4096), 0);
	check_read(opened.fd, SIZE, 4096, 4096);
	refused_read(&opened, 40 * 4096, 10, "it was changed at byte 163840");
	close_sealed(&opened);

	opened = fresh();
	assert_int_equal(truncate("image", (off_t)SIZE + 100000), 0);
	check_read(opened.fd, SIZE, 0, SIZE + 100000);
	close_sealed(&opened);

	opened = fresh();
	assert_int_equal(truncate("image.verity", SEAL_HEADER + 4096), 0);
	refused_read(&opened, 0, 4096, "its seal was changed");
	close_sealed(&opened);
}

/* What cannot be read is no other than it was; nor is it remembered as bad. */
static void unreadable_for_a_while(void **state)
{
	cleanup_close int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct opened opened = fresh();
	cleanup_close int good = dup(opened.fd);
	char byte;

	(void)state;
	/* Nothing but a read that fails is a failure: others have been refused bytes before. */
	assert_int_equal(image_read_failure(), 0);
	assert_int_equal(dup2(dir, opened.fd), opened.fd);
	errno = 0;
	assert_int_equal(image_read(opened.fd, &byte, 1, 4096), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(image_read_failure(), EISDIR);
	assert_false(verity_is_broken(opened.verity));
	assert_int_equal(dup2(good, opened.fd), opened.fd);
	check_read(opened.fd, SIZE, 0, SIZE);
	close_sealed(&opened);

	/* The same without a guard. */
	assert_int_equal(image_read(-1, &byte, 1, 0), -1);
	assert_int_equal(image_read_failure(), EBADF);
	image_read_failed(EINTR);
	assert_int_equal(image_read_failure(), EBADF);
}

/* Who may write to the image and to its seal still cannot make one that fits. */
static void both_changed_meanwhile(void **state)
{
	struct opened opened = fresh();
	char digest[DIGEST_TEXT_SIZE], before[DIGEST_TEXT_SIZE];

	(void)state;
	seal_it(before);
	check_read(opened.fd, SIZE, 0, 4096); /* the tree above it is known */
	flip("image", 4096);
	seal_it(digest);
	assert_string_not_equal(digest, before);
	refused_read(&opened, 4096, 4096, "it was changed at byte 4096");
	/* Of other leaves, not even good bytes count. */
	flip("image", 300 * 4096);
	seal_it(digest);
	refused_read(&opened, 301 * 4096, 1, "it was changed at byte 4096");
	close_sealed(&opened);
}

#define THREADS 8
#define BAD     (200 * 4096)

static atomic_int wrong;

static void *read_at_random(void *data)
{
	const struct opened *opened = data;
	unsigned int seed = (unsigned int)(uintptr_t)&seed;
	char buf[20000];

	for (int i = 0; i < 2000; i++) {
		size_t at = (size_t)rand_r(&seed) % SIZE, len = (size_t)rand_r(&seed) % sizeof(buf);
		bool bad = len > 0 && at < BAD + 4096 && at + len > BAD;
		ssize_t n = image_read(opened->fd, buf, len, (off_t)at);

		if (bad != (n < 0))
			atomic_fetch_add(&wrong, 1);
		for (ssize_t j = 0; j < n; j++)
			if (buf[j] != byte_at(at + (size_t)j))
				atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

static void many_threads(void **state)
{
	struct opened opened = fresh();
	pthread_t threads[THREADS];

	(void)state;
	flip("image", BAD + 5);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_at_random, &opened), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wrong, 0);
	close_sealed(&opened);
}

static void refused_seal(uint64_t size, const char *cause)
{
	cleanup_close int fd = open("image.verity", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct seal seal = { .fd = -1 };

	err = (struct error)ERROR_INIT;
	assert_int_equal(seal_read(&seal, fd, size, &err), -1);
	assert_cause(&err, cause);
	assert_true(err.remedy[0] != '\0');
	assert_int_equal(seal.fd, -1);
}

static void bad_headers(void **state)
{
	static const struct {
		off_t at;
		const char *cause;
	} places[] = {
		{ 0, "it is not a seal" },
		{ 15, "it is not a seal" },
		{ 16, "it is of a version that this Davit does not know" },
		{ 17, "its header is damaged" },
		{ 63, "its header is damaged" },
		{ 64, "its header is damaged" },           /* the descriptor's version */
		{ 65, "its header is damaged" },           /* the algorithm */
		{ 66, "its header is damaged" },           /* the size of blocks */
		{ 67, "its header is damaged" },           /* the size of the salt */
		{ 68, "its header is damaged" },           /* of a signature */
		{ 64 + 16 + 32, "its header is damaged" }, /* behind the root */
		{ 64 + 255, "its header is damaged" },
		{ 4095, "its header is damaged" },
	};
	char digest[DIGEST_TEXT_SIZE];

	(void)state;
	put_pattern("image", SIZE);
	seal_it(digest);
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		flip("image.verity", places[i].at);
		refused_seal(SIZE, places[i].cause);
		flip("image.verity", places[i].at);
	}
	flip("image.verity", 64 + 15); /* a huge size */
	refused_seal(SIZE, "it is the seal of a file of 72057594039500817 bytes, and the image has "
			   "1572881");
	flip("image.verity", 64 + 15);
	refused_seal(SIZE + 1,
		     "it is the seal of a file of 1572881 bytes, and the image has 1572882");
	assert_int_equal(truncate("image.verity", SEAL_HEADER), 0);
	refused_seal(SIZE, "it has not the length that it should have");
	assert_int_equal(truncate("image.verity", SEAL_HEADER + 6 * 4096), 0);
	refused_seal(SIZE, "it has not the length that it should have");
	assert_int_equal(truncate("image.verity", 100), 0);
	refused_seal(SIZE, "it is truncated");
	assert_int_equal(unlink("image.verity"), 0);
	assert_int_equal(mkfifo("image.verity", 0644), 0);
	refused_seal(SIZE, "it is not a regular file");
	assert_int_equal(unlink("image.verity"), 0);
}

/* --- what image.h promises --- */

/* A squashfs, as far as image_open() looks. */
static void put_squashfs(void)
{
	char bytes[20000] = { 'h', 's', 'q', 's' };

	bytes[20] = 1;
	bytes[28] = 4;
	bytes[41] = 16;
	put_bytes("image", bytes, sizeof(bytes));
}

static int open_required(struct image *image, const struct image_require *require)
{
	err = (struct error)ERROR_INIT;
	return image_open_required(image, "image", require, &err);
}

static void refused_image(const struct image_require *require, const char *cause,
			  const char *remedy)
{
	struct image image = IMAGE_INIT;

	assert_int_equal(open_required(&image, require), -1);
	assert_contains(err.cause, cause);
	assert_contains(err.remedy, remedy);
	image_done(&image);
}

static void images_with_a_seal(void **state)
{
	char digest[DIGEST_TEXT_SIZE], measured[DIGEST_TEXT_SIZE];
	struct image_require require = { .digest = digest };
	const struct image_require any = { .is_measured = true };
	struct image image = IMAGE_INIT;

	(void)state;
	put_squashfs();
	seal_it(digest);
	assert_int_equal(open_required(&image, &require), 0);
	assert_string_equal(image.digest, digest);
	assert_non_null(image.verity);
	assert_int_equal(image_measure(&image, measured, &err), 0);
	assert_string_equal(measured, digest);
	image_done(&image);
	assert_int_equal(open_required(&image, &any), 0);
	assert_string_equal(image.digest, digest);
	image_done(&image);
	/* Nobody asked, so the seal is not looked at. */
	assert_int_equal(open_required(&image, NULL), 0);
	assert_string_equal(image.digest, "");
	assert_null(image.verity);
	assert_int_equal(image_measure(&image, measured, &err), 0);
	assert_string_equal(measured, digest);
	image_done(&image);

	require.digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
	refused_image(&require, "image' has digest sha256:", "the image that was asked for");
	assert_contains(err.cause, digest);
	assert_contains(err.cause, require.digest);
	/* The superblock is what image_open() reads. */
	flip("image", 4);
	require.digest = digest;
	refused_image(&require, "image' is not what its digest says: it was changed at byte 0",
		      "copy or make the image again");
	flip("image", 4);
	flip("image.verity", SEAL_HEADER + 1);
	refused_image(&require, "image' is not what its digest says: its seal was changed",
		      "copy or make");
	assert_int_equal(truncate("image", 10000), 0);
	refused_image(&require, "image.verity': it is the seal of a file of 20000 bytes",
		      "copy the image and its seal again");
}

static void images_without(void **state)
{
	const struct image_require any = { .is_measured = true };

	(void)state;
	put_squashfs();
	(void)unlink("image.verity");
	refused_image(&any,
		      "cannot be checked: its file system has no fs-verity for it, and it has "
		      "no seal",
		      "davit image seal ");
	assert_int_equal(symlink("elsewhere", "image.verity"), 0);
	refused_image(&any, "image.verity', a symbolic link", "");
	assert_int_equal(unlink("image.verity"), 0);
	assert_int_equal(mkfifo("image.verity", 0644), 0);
	refused_image(&any, "image.verity', which is not a regular file", "");
	assert_int_equal(unlink("image.verity"), 0);
	assert_int_equal(unlink("image"), 0);
	put("image/file", "");
	refused_image(&any, "image' is a directory, which has no digest", "mksquashfs ");
	assert_int_equal(unlink("image/file"), 0);
	assert_int_equal(rmdir("image"), 0);
}

static void images_with_fs_verity(void **state)
{
	char digest[DIGEST_TEXT_SIZE];
	struct image_require require = { .digest = digest };
	struct image image = IMAGE_INIT;

	(void)state;
	put_squashfs();
	snprintf(digest, sizeof(digest), "sha256:%s", hex_of_kernel);
	kernel_algorithm = FS_VERITY_HASH_ALG_SHA256;
	assert_int_equal(open_required(&image, &require), 0);
	assert_string_equal(image.digest, digest);
	assert_null(image.verity); /* the kernel does it */
	image_done(&image);
	digest[10] ^= 1;
	refused_image(&require, "image' has digest sha256:00112233", "the image");
	/* What a FUSE server says is not the kernel's word. */
	kernel_fs = FUSE_SUPER_MAGIC;
	refused_image(&require, "it has no seal", "davit image seal ");
	kernel_fs = BTRFS_SUPER_MAGIC;
	refused_image(&require, "image' has digest sha256:00112233", "the image");
	kernel_algorithm = FS_VERITY_HASH_ALG_SHA512; /* as good as none */
	refused_image(&require, "it has no seal", "davit image seal ");
	kernel_algorithm = 0;
}

static int setup(void **state)
{
	return tree_setup(state) < 0 ? -1 : crypto_open(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_fsverity_has_it),
		cmocka_unit_test(shapes),
		cmocka_unit_test(reads_anything_of_it),
		cmocka_unit_test(changed_byte_of_the_image),
		cmocka_unit_test(every_byte_of_the_tree),
		cmocka_unit_test(truncated_or_grown_meanwhile),
		cmocka_unit_test(unreadable_for_a_while),
		cmocka_unit_test(both_changed_meanwhile),
		cmocka_unit_test(many_threads),
		cmocka_unit_test(bad_headers),
		cmocka_unit_test(images_with_a_seal),
		cmocka_unit_test(images_without),
		cmocka_unit_test(images_with_fs_verity),
	};

	return cmocka_run_group_tests_name("verity", tests, setup, tree_teardown);
}
