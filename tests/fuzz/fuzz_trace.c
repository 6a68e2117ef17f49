/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_trace.c - any bytes as the trace of an image.
 *
 * What is taken must be absolute paths without "." and "..", and must come back when it is written and read
 * again.
 */
/* link: images/tracefile.c images/read.c images/stats.c common/digest.c common/error.c common/fd.c */
#include "images/tracefile.h"

#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/fuzz/fuzz.h"

static void check_path(const char *path)
{
	assert(path[0] == '/' && path[1] && strlen(path) < PATH_MAX);
	assert(!strstr(path, "//") && !strstr(path, "/../") && !strstr(path, "/./"));
}

static void check_written(const struct trace_list *list)
{
	static const char head[] = "davit-trace 1 bytes=1 made=2 inodes=3\n";
	cleanup_close int fd = memfd_create("trace", MFD_CLOEXEC);
	struct trace_list again;
	struct error err = ERROR_INIT;
	cleanup_free char *text = NULL;
	size_t len;

	assert(fd >= 0 && write(fd, head, strlen(head)) == (ssize_t)strlen(head));
	for (size_t i = 0; i < list->count; i++)
		assert(tracefile_put(fd, list->lines[i].path, list->lines[i].piece,
				     list->lines[i].is_whole) == 0);
	assert(lseek(fd, 0, SEEK_SET) == 0);
	text = fd_read_all(fd, SIZE_MAX / 2, &len);
	assert(text && trace_list_parse(&again, "again", text, len, &err) == 0);
	assert(again.count == list->count);
	for (size_t i = 0; i < list->count; i++)
		assert(strcmp(again.lines[i].path, list->lines[i].path) == 0 &&
		       again.lines[i].piece == list->lines[i].piece &&
		       again.lines[i].is_whole == list->lines[i].is_whole);
	trace_list_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = malloc(size + 1);
	struct error err = ERROR_INIT;
	struct trace_list list;

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (trace_list_parse(&list, "input", text, size, &err) == 0) {
		for (size_t i = 0; i < list.count; i++)
			check_path(list.lines[i].path);
		check_written(&list);
		fuzz_check_error(0, &err);
	} else {
		fuzz_check_error(-1, &err);
	}
	trace_list_done(&list);
	return 0;
}
