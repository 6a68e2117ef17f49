/* SPDX-License-Identifier: BSD-3-Clause */
/* test_permissions.c - what an image asks for: what is taken, what is refused, the same in words. */
#include "launcher/permissions/permissions.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/unit/unit.h"

#define FILE_NAME "/.davit/permissions.yaml"

static void all_of_it(void **state)
{
	static const char text[] = "version: 1\n"
				   "devices:\n"
				   "  gpus: yes\n"
				   "  adapters: no\n"
				   "  names: [vendor.com/card=a]\n"
				   "network: slirp\n"
				   "home: yes\n"
				   "workdir: no\n"
				   "mounts:\n"
				   "- /scratch\n"
				   "- /data:/in:ro\n"
				   "- tmpfs:/fast:size=1g\n"
				   "writable: size=2g\n"
				   "system-calls: [perf_event_open, bpf]\n";
	static const char *const words[] = {
		"the node's GPUs, as far as they are the job's",
		"not the node's interconnect adapters",
		"the device vendor.com/card=a",
		"a network of its own that leads out",
		"the user's home directory",
		"not the job's working directory",
		"/scratch of the node at /scratch",
		"/data of the node at /in, read-only",
		"memory at /fast",
		"to be written to, in memory",
		"room for what is written: 2g",
		"the system call perf_event_open",
		"the system call bpf",
	};
	struct error err = ERROR_INIT;
	struct permissions asks;
	char **told;

	(void)state;
	assert_int_equal(permissions_parse(&asks, text, strlen(text), &err), 0);
	assert_int_equal(asks.gpus, CHOICE_YES);
	assert_int_equal(asks.adapters, CHOICE_NO);
	assert_string_equal(asks.devices[0], "vendor.com/card=a");
	assert_null(asks.devices[1]);
	assert_int_equal(asks.network, NETWORK_SLIRP);
	assert_int_equal(asks.home, CHOICE_YES);
	assert_int_equal(asks.workdir, CHOICE_NO);
	assert_int_equal(asks.mounts.count, 3);
	assert_int_equal(asks.writable, WRITABLE_MEMORY);
	assert_string_equal(asks.writable_size, "2g");
	assert_string_equal(asks.system_calls[1], "bpf");
	told = permissions_words(&asks);
	assert_non_null(told);
	for (size_t i = 0; i < COUNT_OF(words); i++)
		assert_string_equal(told[i], words[i]);
	assert_null(told[COUNT_OF(words)]);
	strings_free(told);
	permissions_done(&asks);
}

static void nothing(void **state)
{
	struct error err = ERROR_INIT;
	struct permissions asks;
	char **told;

	(void)state;
	assert_int_equal(permissions_parse(&asks, "version: 1", 10, &err), 0);
	assert_int_equal(asks.gpus, CHOICE_UNSET);
	assert_int_equal(asks.network, NETWORK_UNSAID);
	assert_int_equal(asks.writable, WRITABLE_UNSET);
	assert_null(asks.devices);
	told = permissions_words(&asks);
	assert_non_null(told);
	assert_null(told[0]);
	strings_free(told);
	permissions_done(&asks);
}

static void refusals(void **state)
{
	static const struct {
		const char *text, *cause, *remedy;
	} cases[] = {
		{ "", ":1: there is no 'version'", "version: 1" },
		{ "network: host", ":1: there is no 'version'", "version: 1" },
		{ "version: 2", ":1: version '2', and this Davit knows 1",
		  "version: 1, or a newer Davit" },
		{ "version: [1]", ":1: 'version' takes text, not a list", "version: VALUE" },
		{ "version: 1\nnetworks: none", ":2: unknown key 'networks'", "'network'" },
		{ "version: 1\ndevices:\n  gpu: yes", ":3: unknown key 'gpu'", "'gpus'" },
		{ "version: 1\ndevices: all", ":2: 'devices' takes a map, not text",
		  "devices: {KEY: VALUE}" },
		{ "version: 1\ndevices: {gpus: all}", ":2: 'gpus': 'all' is neither yes nor no",
		  "yes or no" },
		{ "version: 1\nnetwork: slurp",
		  ":2: 'network': 'slurp' is none of host, none, slirp", "slirp" },
		{ "version: 1\nnetwork: [host]", ":2: 'network' takes text, not a list",
		  "network: VALUE" },
		{ "version: 1\nmounts: /scratch", ":2: 'mounts' takes a list, not text",
		  "mounts: [VALUE, VALUE]" },
		{ "version: 1\nmounts:\n- umount:/tmp", ":3: an image cannot ask for an umount",
		  "" },
		{ "version: 1\nmounts: ['/a:/b:rshared']",
		  ":2: an image cannot ask for the propagation of mounts", "" },
		{ "version: 1\nmounts: ['/a:/b:exec']",
		  ":2: an image cannot ask for flags that undo the node's", "" },
		{ "version: 1\nwritable: /home/alice/x",
		  ":2: 'writable': '/home/alice/x' is none of yes, no, size=SIZE",
		  "yes, no, or size= and a number with k, m, g, t or % behind it" },
		{ "version: 1\nwritable: size=-1",
		  ":2: 'writable': 'size=-1' is none of yes, no, size=SIZE",
		  "yes, no, or size= and a number with k, m, g, t or % behind it" },
		{ "version: 1\nsystem-calls: ['a b']", ":2: 'a b' is no name of a system call",
		  "a name such as perf_event_open" },
		{ "version: 1\nsystem-calls: [\"bpf\\n\"]",
		  ":2: 'bpf?' is no name of a system call", "a name such as perf_event_open" },
		{ "version: 1\nhome: &a yes\nworkdir: *a",
		  ":2: anchors and aliases are not taken ('&', '*')",
		  "write it out, or in quotes if it is text" },
		{ "version: 1\nversion: 1", ":2: 'version' for the second time, after line 1",
		  "one of the two" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct error err = ERROR_INIT;
		struct permissions asks;

		if (permissions_parse(&asks, cases[i].text, strlen(cases[i].text), &err) == 0)
			fail_msg("taken: %s", cases[i].text);
		assert_int_equal(strncmp(err.cause, FILE_NAME, strlen(FILE_NAME)), 0);
		assert_string_equal(err.cause + strlen(FILE_NAME), cases[i].cause);
		assert_remedy(&err, cases[i].remedy);
		permissions_done(&asks);
	}
}

static void many(void **state)
{
	static const struct {
		const char *key, *entry;
	} lists[] = { { "mounts", "- /a\n" }, { "system-calls", "- bpf\n" } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		char text[4096] = "version: 1\n", cause[128];
		struct error err = ERROR_INIT;
		struct permissions asks;

		strcat(strcat(text, lists[i].key), ":\n");
		for (int n = 0; n < 65; n++)
			strcat(text, lists[i].entry);
		assert_int_equal(permissions_parse(&asks, text, strlen(text), &err), -1);
		snprintf(cause, sizeof(cause), FILE_NAME ":67: '%s' has more than 64 entries",
			 lists[i].key);
		assert_cause(&err, cause);
		permissions_done(&asks);
	}
}

/* ---- the file -------------------------------------------------------------------------------- */

static int top = -1;
static char directory[] = "/tmp/davit-test-permissions.XXXXXX";

static int make_root(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	top = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return top < 0 || mkdirat(top, ".davit", 0755) < 0 ? -1 : 0;
}

static int remove_root(void **state)
{
	(void)state;
	(void)unlinkat(top, ".davit", AT_REMOVEDIR);
	close(top);
	return rmdir(directory);
}

static void put(const char *text, size_t len)
{
	cleanup_close int fd = openat(top, &FILE_NAME[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, len), 0);
}

static void assert_read(int expected, const char *cause)
{
	struct error err = ERROR_INIT;
	struct permissions asks;

	assert_int_equal(permissions_read(&asks, top, &err), expected);
	assert_cause(&err, cause);
	permissions_done(&asks);
	(void)unlinkat(top, &FILE_NAME[1], 0);
}

static void files(void **state)
{
	static char huge[PERMISSIONS_MAX + 1];

	(void)state;
	assert_read(0, "");
	put("version: 1\n", 11);
	assert_read(1, "");
	put("version: 1\n\0", 12);
	assert_read(-1, FILE_NAME ":2: a NUL byte");
	put("\177ELF\002", 5);
	assert_read(-1, FILE_NAME ":1: byte 0x7f is no part of a text in UTF-8");
	memset(huge, '#', sizeof(huge));
	put(huge, sizeof(huge));
	assert_read(-1, "'" FILE_NAME "' is larger than 64 KiB");
	assert_int_equal(mkfifoat(top, &FILE_NAME[1], 0644), 0);
	assert_read(-1, "'" FILE_NAME "' is not a regular file");
	/* Neither is what the links lead to outside. */
	assert_int_equal(symlinkat("/etc/passwd", top, &FILE_NAME[1]), 0);
	assert_read(0, "");
	assert_int_equal(symlinkat("../../../../etc/passwd", top, &FILE_NAME[1]), 0);
	assert_read(0, "");
	assert_int_equal(symlinkat("permissions.yaml", top, &FILE_NAME[1]), 0);
	assert_read(-1, "cannot read '" FILE_NAME "': Too many levels of symbolic links");
	assert_int_equal(mkdirat(top, &FILE_NAME[1], 0755), 0);
	assert_read(-1, "'" FILE_NAME "' is not a regular file");
	assert_int_equal(unlinkat(top, &FILE_NAME[1], AT_REMOVEDIR), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it), cmocka_unit_test(nothing), cmocka_unit_test(refusals),
		cmocka_unit_test(many),      cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
