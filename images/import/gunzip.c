/* SPDX-License-Identifier: BSD-3-Clause */
/* gunzip.c - see gunzip.h. */
#include "images/import/gunzip.h"

#include <stdlib.h>

#define MAGIC_1 0x1f
#define MAGIC_2 0x8b

bool gunzip_knows(const void *data, size_t len)
{
	const unsigned char *bytes = data;

	return len >= 2 && bytes[0] == MAGIC_1 && bytes[1] == MAGIC_2;
}

#if HAVE_ISAL
#include <isa-l/igzip_lib.h>

#include "common/library.h"

#define LIBRARY "libisal.so.2"

struct gunzip {
	struct inflate_state state;
	bool is_complete; /* a member is, and the next has not begun */
};

/* Not linked, as libarchive is not: see libarchive.h. */
static struct {
	__typeof__(isal_inflate) *inflate;
	__typeof__(isal_inflate_init) *init;
	__typeof__(isal_inflate_reset) *reset;
} calls;

static bool open_library(void)
{
	static const struct library_call wanted[] = {
		{ "isal_inflate_init", &calls.init },
		{ "isal_inflate_reset", &calls.reset },
		{ "isal_inflate", &calls.inflate },
	};
	struct error ignored = ERROR_INIT;
	void *library = calls.inflate ? NULL : dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	/* The last of them tells that all are there. */
	if (library)
		(void)library_take(library, LIBRARY, wanted, sizeof(wanted) / sizeof(wanted[0]),
				   &ignored);
	return calls.inflate;
}

struct gunzip *gunzip_new(void)
{
	struct gunzip *gunzip = open_library() ? malloc(sizeof(*gunzip)) : NULL;

	if (!gunzip)
		return NULL;
	calls.init(&gunzip->state);
	gunzip->state.crc_flag = ISAL_GZIP;
	gunzip->is_complete = false;
	return gunzip;
}

/* Behind a member: another, or what means nothing. */
static void go_on(struct gunzip *gunzip, const unsigned char **data, size_t *len)
{
	if (**data == MAGIC_1) {
		calls.reset(&gunzip->state);
		gunzip->state.crc_flag = ISAL_GZIP;
		gunzip->is_complete = false;
	} else {
		*data += *len;
		*len = 0;
	}
}

ssize_t gunzip_some(struct gunzip *gunzip, const unsigned char **data, size_t *len, void *out,
		    size_t size, const char **why)
{
	struct inflate_state *state = &gunzip->state;
	size_t before = *len, made;
	int result;

	if (gunzip->is_complete && *len > 0)
		go_on(gunzip, data, len);
	if (*len == 0 && gunzip->is_complete)
		return 0;
	state->next_in = (uint8_t *)(uintptr_t)*data;
	state->avail_in = (uint32_t)*len;
	state->next_out = out;
	state->avail_out = (uint32_t)size;
	result = calls.inflate(state);
	made = size - state->avail_out;
	*data = state->next_in;
	*len = state->avail_in;
	gunzip->is_complete = state->block_state == ISAL_BLOCK_FINISH;
	if (result == ISAL_INCORRECT_CHECKSUM)
		*why = "its checksum is not that of its data";
	else if (result != ISAL_DECOMP_OK)
		*why = "its gzip data are damaged";
	else if (made > 0 || *len != before || before == 0 || gunzip->is_complete)
		return (ssize_t)made;
	else
		*why = "its gzip data lead nowhere";
	return -1;
}

bool gunzip_is_complete(const struct gunzip *gunzip)
{
	return gunzip->is_complete;
}

void gunzip_free(struct gunzip *gunzip)
{
	free(gunzip);
}
#else
struct gunzip *gunzip_new(void)
{
	return NULL;
}

ssize_t gunzip_some(struct gunzip *gunzip, const unsigned char **data, size_t *len, void *out,
		    size_t size, const char **why)
{
	(void)gunzip, (void)data, (void)len, (void)out, (void)size;
	*why = "Davit was built without ISA-L";
	return -1;
}

bool gunzip_is_complete(const struct gunzip *gunzip)
{
	(void)gunzip;
	return true;
}

void gunzip_free(struct gunzip *gunzip)
{
	(void)gunzip;
}
#endif
