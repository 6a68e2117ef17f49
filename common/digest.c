/* SPDX-License-Identifier: BSD-3-Clause */
/* digest.c - see digest.h. */
#include "common/digest.h"

#include <ctype.h>
#include <linux/fsverity.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#define PREFIX     "sha256:"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

int digest_parse(const char *value, char text[DIGEST_TEXT_SIZE], struct error *err)
{
	const char *hex = value + PREFIX_LEN;

	if (strncmp(value, PREFIX, PREFIX_LEN) != 0 || strlen(hex) != 2 * DIGEST_BYTES)
		goto bad;
	strcpy(text, PREFIX);
	for (size_t i = 0; i <= 2 * DIGEST_BYTES; i++) {
		if (hex[i] && !isxdigit((unsigned char)hex[i]))
			goto bad;
		text[PREFIX_LEN + i] = (char)tolower((unsigned char)hex[i]);
	}
	return 0;
bad:
	error_set(err, 0, "'%s' is not a digest", value);
	return error_remedy(err, "sha256: and 64 hexadecimal digits, as davit image digest prints");
}

void digest_format(const unsigned char bytes[DIGEST_BYTES], char text[DIGEST_TEXT_SIZE])
{
	strcpy(text, PREFIX);
	for (size_t i = 0; i < DIGEST_BYTES; i++)
		snprintf(text + PREFIX_LEN + 2 * i, 3, "%02x", bytes[i]);
}

/* Those that have fs-verity. Above all not FUSE, which asks the server: that may be anybody's. */
static bool has_verity(int fd)
{
	static const unsigned int types[] = { EXT4_SUPER_MAGIC, F2FS_SUPER_MAGIC,
					      BTRFS_SUPER_MAGIC };
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((unsigned int)st.f_type == types[i])
			return true;
	return false;
}

bool digest_of_kernel(int fd, char text[DIGEST_TEXT_SIZE])
{
	union {
		struct fsverity_digest digest;
		char space[sizeof(struct fsverity_digest) + 64]; /* SHA-512's */
	} buf = { .digest = { .digest_size = 64 } };

	if (!has_verity(fd) || ioctl(fd, FS_IOC_MEASURE_VERITY, &buf) < 0 ||
	    buf.digest.digest_algorithm != FS_VERITY_HASH_ALG_SHA256 ||
	    buf.digest.digest_size != DIGEST_BYTES)
		return false;
	digest_format(buf.digest.digest, text);
	return true;
}
