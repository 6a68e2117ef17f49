/* SPDX-License-Identifier: BSD-3-Clause */
/* test_cdi_parse.c - what one specification of the Container Device Interface may say, and what of it
 * is refused. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/devicespec.h"
#include "common/fd.h"
#include "launcher/conf/yaml.h"
#include "launcher/devices/cdi.h"

static struct cdi_spec spec;
static struct error err;

static int teardown(void **state)
{
	(void)state;
	cdi_spec_done(&spec);
	return 0;
}

static int parse_bytes(const char *text, size_t len)
{
	/* A block of its own, so that the sanitizer sees a byte read too many. */
	cleanup_free char *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	copy[len] = '\0';
	cdi_spec_done(&spec);
	err = (struct error)ERROR_INIT;
	return cdi_spec_parse(&spec, "spec", copy, len, &err);
}

static void take(const char *text)
{
	if (parse_bytes(text, strlen(text)) < 0)
		fail_msg("%s\n(try: %s) for:\n%s", err.cause, err.remedy, text);
	assert_string_equal(err.cause, "");
	assert_string_equal(spec.file, "spec");
}

static void refuse(const char *text, const char *cause, const char *remedy)
{
	if (parse_bytes(text, strlen(text)) == 0)
		fail_msg("taken:\n%s", text);
	assert_cause(&err, cause);
	assert_remedy(&err, remedy);
}

/* A specification with one device that has these edits, in line 5. */
static char *with_edits(const char *version, const char *edits)
{
	char *text;

	assert_true(asprintf(&text,
			     "cdiVersion: %s\nkind: vendor.com/class\ndevices:\n"
			     "- name: one\n  containerEdits: %s\n",
			     version, edits) > 0);
	return text;
}

static const struct cdi_edits *take_edits(const char *version, const char *edits)
{
	cleanup_free char *text = with_edits(version, edits);

	take(text);
	assert_int_equal(spec.device_count, 1);
	assert_string_equal(spec.devices[0].name, "one");
	assert_int_equal(spec.devices[0].line, 4);
	return &spec.devices[0].edits;
}

static void minimal(void **state)
{
	const struct cdi_edits *edits;

	(void)state;
	edits = take_edits("0.3.0", "{deviceNodes: [{path: /dev/x}]}");
	assert_string_equal(spec.kind, "vendor.com/class");
	assert_int_equal(edits->node_count, 1);
	assert_string_equal(edits->nodes[0].path, "/dev/x");
	assert_string_equal(edits->nodes[0].host_path, "/dev/x");
	assert_null(edits->nodes[0].permissions);
	assert_int_equal(edits->mount_count, 0);
	assert_int_equal(edits->hook_count, 0);
	assert_int_equal(edits->gid_count, 0);
	assert_null(edits->env);
	assert_null(spec.edits.env);
}

static void values(void **state)
{
	const struct cdi_edits *edits;

	(void)state;
	edits = take_edits("0.7.0", "{env: [A=, 'B=c=d', \"C=x\\ny\"],\n"
				    " deviceNodes: [{path: //dev/./x/, hostPath: /host//x}],\n"
				    " mounts: [{hostPath: /, containerPath: /mnt/,\n"
				    "           options: [ro, '']}],\n"
				    " hooks: [{hookName: poststop, path: /bin//true,\n"
				    "          args: [true, ''], env: [D=e]},\n"
				    "         {hookName: prestart, path: /bin/false, args: []}],\n"
				    " additionalGids: [0, 7, 0x8, 010, 0o11, 0, 4294967295]}");
	assert_string_equal(edits->env[0], "A=");
	assert_string_equal(edits->env[1], "B=c=d");
	assert_string_equal(edits->env[2], "C=x\ny");
	assert_null(edits->env[3]);
	assert_string_equal(edits->nodes[0].path, "/dev/x");
	assert_string_equal(edits->nodes[0].host_path, "/host/x");
	assert_string_equal(edits->mounts[0].host_path, "/");
	assert_string_equal(edits->mounts[0].container_path, "/mnt");
	assert_string_equal(edits->mounts[0].options[0], "ro");
	assert_string_equal(edits->mounts[0].options[1], "");
	assert_null(edits->mounts[0].options[2]);
	assert_null(edits->mounts[0].type);
	assert_int_equal(edits->hook_count, 2);
	assert_string_equal(edits->hooks[0].name, "poststop");
	assert_string_equal(edits->hooks[0].path, "/bin/true");
	assert_string_equal(edits->hooks[0].args[0], "true");
	assert_string_equal(edits->hooks[0].args[1], "");
	assert_null(edits->hooks[0].args[2]);
	assert_string_equal(edits->hooks[0].env[0], "D=e");
	assert_int_equal(edits->hooks[0].line, 9);
	assert_string_equal(edits->hooks[1].args[0], "/bin/false");
	assert_null(edits->hooks[1].args[1]);
	assert_null(edits->hooks[1].env);
	assert_int_equal(edits->hooks[1].line, 11);
	/* Those of 0 are ignored. */
	assert_int_equal(edits->gid_count, 5);
	assert_int_equal(edits->gids[0], 7);
	assert_int_equal(edits->gids[1], 8);
	assert_int_equal(edits->gids[2], 8);
	assert_int_equal(edits->gids[3], 9);
	assert_int_equal(edits->gids[4], UINT32_MAX);
}

/* What each version has first, and what is taken in all. */
static const struct {
	const char *version, *edits;
} good[] = {
	{ "0.3.0", "{env: [A=b]}" },
	{ "0.3.0", "{env: [A=b, ]}" },
	{ "0.3.0", "{mounts: [{hostPath: /a, containerPath: /b}]}" },
	{ "0.3.0", "{mounts: [{hostPath: /a, containerPath: /b, type: '', options: }]}" },
	{ "0.3.0", "{hooks: [{hookName: createRuntime, path: /a}]}" },
	{ "0.3.0", "{hooks: [{hookName: createContainer, path: /a, timeout: 0}]}" },
	{ "0.3.0", "{hooks: [{hookName: startContainer, path: /a, timeout: 4294967295}]}" },
	{ "0.3.0", "{hooks: [{hookName: poststart, path: /a, timeout: null, args: null}]}" },
	{ "0.3.0", "{deviceNodes: [{path: /a, hostPath: '', permissions: '', type: ''}]}" },
	{ "0.3.0", "{deviceNodes: [{path: /a, type: b, major: 0, minor: 4294967295}]}" },
	{ "0.3.0", "{deviceNodes: [{path: /a, type: c, uid: 0, gid: 44, fileMode: 438}]}" },
	{ "0.3.0", "{deviceNodes: [{path: /a, type: u, permissions: rwm, fileMode: 0666}]}" },
	{ "0.3.0", "{deviceNodes: [{path: /a, type: p, permissions: r, fileMode: 69206454}]}" },
	{ "0.3.0", "{env: [A=b], mounts: [], hooks: null, deviceNodes: ~, additionalGids: []}" },
	{ "0.3.0", "{env: [A=b], intelRdt: {}, netDevices: []}" },
	{ "0.4.0", "{mounts: [{hostPath: /a, containerPath: /b, type: none}]}" },
	{ "0.4.0", "{mounts: [{hostPath: /a, containerPath: /b, type: tmpfs}]}" },
	{ "0.5.0", "{deviceNodes: [{path: /a, hostPath: /b}]}" },
	{ "0.6.0", "{env: [A=b]}" },
	{ "0.7.0", "{additionalGids: [0]}" },
	{ "0.7.0", "{additionalGIDs: [1]}" },
	{ "0.7.0", "{intelRdt: {}}" },
	{ "0.7.0", "{intelRdt: {closID: /, enableCMT: true, enableMBM: no}}" },
	{ "0.8.0", "{intelRdt: {closID: a.b, l3CacheSchema: x, memBwSchema: ''}}" },
	{ "1.0.0", "{intelRdt: {schemata: [], enableMonitoring: }}" },
	{ "1.1.0", "{intelRdt: {schemata: [a, b], enableMonitoring: false}}" },
	{ "1.1.0", "{netDevices: [{hostInterfaceName: a, name: b}]}" },
	{ "1.1.7", "{netDevices: [{hostInterfaceName: a, name: b},\n"
		   "{hostInterfaceName: b, name: a}]}" },
	{ "v0.5.0", "{deviceNodes: [{path: /a, hostPath: /b}]}" },
	{ "\"0.5.0\"", "{deviceNodes: [{path: /a, hostPath: /b}]}" },
};

static void taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		take_edits(good[i].version, good[i].edits);
}

static const struct {
	const char *version, *edits, *place, *cause, *remedy;
} bad[] = {
	/* kinds of values */
	{ "0.6.0", "text", "", "text where a map should be", "{FIELD: VALUE}" },
	{ "0.6.0", "[a]", "", "a list where a map should be", "{FIELD: VALUE}" },
	{ "0.6.0", "", "", "missing", "containerEdits: {deviceNodes: [{path: /dev/NAME}]}" },
	{ "0.6.0", "{}", "", "no edits", "at least one of the fields, such as 'deviceNodes'" },
	{ "0.6.0", "null", "", "no edits", "at least one of the fields, such as 'deviceNodes'" },
	{ "0.6.0", "{env: [], mounts: , hooks: null}", "", "no edits",
	  "at least one of the fields, such as 'deviceNodes'" },
	{ "0.6.0", "{env: A=b}", ".env", "text where a list should be", "[VALUE, VALUE]" },
	{ "0.6.0", "{env: {A: b}}", ".env", "a map where a list should be", "[VALUE, VALUE]" },
	{ "0.6.0", "{env: [[A=b]]}", ".env[0]", "a list where text should be", "VALUE" },
	{ "0.6.0", "{env: [A=b, {C: d}]}", ".env[1]", "a map where text should be", "VALUE" },
	{ "0.6.0", "{deviceNodes: {path: /a}}", ".deviceNodes", "a map where a list should be",
	  "[VALUE, VALUE]" },
	{ "0.6.0", "{deviceNodes: [/dev/a]}", ".deviceNodes[0]", "text where a map should be",
	  "{FIELD: VALUE}" },
	{ "0.6.0", "{mounts: [{hostPath: [/a], containerPath: /b}]}", ".mounts[0].hostPath",
	  "a list where text should be", "VALUE" },
	{ "0.6.0", "{mounts: [{hostPath: /a, containerPath: /b, options: ro}]}",
	  ".mounts[0].options", "text where a list should be", "[VALUE, VALUE]" },
	{ "0.6.0", "{mounts: [{hostPath: /a, containerPath: /b, type: [a]}]}", ".mounts[0].type",
	  "a list where text should be", "VALUE" },
	{ "0.7.0", "{intelRdt: []}", ".intelRdt", "a list where a map should be",
	  "{FIELD: VALUE}" },
	/* env */
	{ "0.6.0", "{env: [A=b, C]}", ".env[1]", "'C' is not a variable with its value",
	  "NAME=VALUE" },
	{ "0.6.0", "{env: ['=b']}", ".env[0]", "'=b' is not a variable with its value",
	  "NAME=VALUE" },
	{ "0.6.0", "{env: ['']}", ".env[0]", "'' is not a variable with its value", "NAME=VALUE" },
	/* paths */
	{ "0.6.0", "{deviceNodes: [{path: dev/a}]}", ".deviceNodes[0].path",
	  "'dev/a' is not an absolute path without '..'", "/absolute/path" },
	{ "0.6.0", "{deviceNodes: [{path: /a}, {path: /dev/../a}]}", ".deviceNodes[1].path",
	  "'/dev/../a' is not an absolute path without '..'", "/absolute/path" },
	{ "0.6.0", "{deviceNodes: [{path: /a, hostPath: b}]}", ".deviceNodes[0].hostPath",
	  "'b' is not an absolute path without '..'", "/absolute/path" },
	{ "0.6.0", "{mounts: [{hostPath: tmpfs, containerPath: /a}]}", ".mounts[0].hostPath",
	  "'tmpfs' is not an absolute path without '..'", "/absolute/path" },
	{ "0.6.0", "{mounts: [{hostPath: /a, containerPath: /..}]}", ".mounts[0].containerPath",
	  "'/..' is not an absolute path without '..'", "/absolute/path" },
	{ "0.6.0", "{hooks: [{hookName: prestart, path: ldconfig}]}", ".hooks[0].path",
	  "'ldconfig' is not an absolute path without '..'", "/absolute/path" },
	{ "0.6.0", "{deviceNodes: [{path: \"/a\\nb\"}]}", ".deviceNodes[0].path",
	  "a path with a control character, '/a?b'", "a path without it" },
	{ "0.6.0", "{deviceNodes: [{path: \"/a\\tb\"}]}", ".deviceNodes[0].path",
	  "a path with a control character, '/a?b'", "a path without it" },
	{ "0.6.0", "{deviceNodes: [{path: \"/a\\x7f\"}]}", ".deviceNodes[0].path",
	  "a path with a control character, '/a?'", "a path without it" },
	/* what must be there */
	{ "0.6.0", "{deviceNodes: [{}]}", ".deviceNodes[0].path", "missing", "path: /dev/NAME" },
	{ "0.6.0", "{deviceNodes: [null]}", ".deviceNodes[0].path", "missing", "path: /dev/NAME" },
	{ "0.6.0", "{deviceNodes: [{path: ''}]}", ".deviceNodes[0].path", "missing",
	  "path: /dev/NAME" },
	{ "0.6.0", "{deviceNodes: [{path: }]}", ".deviceNodes[0].path", "missing",
	  "path: /dev/NAME" },
	{ "0.6.0", "{mounts: [{containerPath: /a}]}", ".mounts[0].hostPath", "missing",
	  "hostPath: /path/on/the/node" },
	{ "0.6.0", "{mounts: [{hostPath: /a}]}", ".mounts[0].containerPath", "missing",
	  "containerPath: /path/in/the/container" },
	{ "0.6.0", "{hooks: [{path: /a}]}", ".hooks[0].hookName", "missing",
	  "hookName: createContainer" },
	{ "0.6.0", "{hooks: [{hookName: prestart}]}", ".hooks[0].path", "missing",
	  "path: /path/of/the/program" },
	{ "1.1.0", "{netDevices: [{name: a}]}", ".netDevices[0].hostInterfaceName", "missing",
	  "hostInterfaceName: eth1" },
	{ "1.1.0", "{netDevices: [{hostInterfaceName: a, name: ''}]}", ".netDevices[0].name",
	  "missing", "name: eth0" },
	/* words */
	{ "0.6.0", "{deviceNodes: [{path: /a, type: x}]}", ".deviceNodes[0].type",
	  "'x' is not known", "one of 'b', 'c', 'u', 'p'" },
	{ "0.6.0", "{deviceNodes: [{path: /a, type: char}]}", ".deviceNodes[0].type",
	  "'char' is not known", "one of 'b', 'c', 'u', 'p'" },
	{ "0.6.0", "{deviceNodes: [{path: /a, permissions: rx}]}", ".deviceNodes[0].permissions",
	  "'rx' is not made of the letters r, w and m", "permissions: rwm" },
	{ "0.6.0", "{hooks: [{hookName: createcontainer, path: /a}]}", ".hooks[0].hookName",
	  "'createcontainer' is not known", "'createContainer'" },
	{ "0.6.0", "{hooks: [{hookName: x, path: /a}]}", ".hooks[0].hookName", "'x' is not known",
	  "one of 'prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', "
	  "'poststop'" },
	{ "0.7.0", "{intelRdt: {enableCMT: maybe}}", ".intelRdt.enableCMT", "'maybe' is not known",
	  "one of 'true', 'false'" },
	{ "0.7.0", "{intelRdt: {closID: ..}}", ".intelRdt.closID",
	  "'..' is not the name of a directory", "a name without '/'" },
	{ "0.7.0", "{intelRdt: {closID: a/b}}", ".intelRdt.closID",
	  "'a/b' is not the name of a directory", "a name without '/'" },
	{ "1.1.0", "{intelRdt: {schemata: a}}", ".intelRdt.schemata", "text where a list should be",
	  "[VALUE, VALUE]" },
	{ "1.1.0",
	  "{netDevices: [{hostInterfaceName: a, name: b},{hostInterfaceName: a, name: c}]}",
	  ".netDevices", "'a', 'c' after 'a', 'b'", "names of its own for each" },
	{ "1.1.0",
	  "{netDevices: [{hostInterfaceName: a, name: b},{hostInterfaceName: c, name: b}]}",
	  ".netDevices", "'c', 'b' after 'a', 'b'", "names of its own for each" },
/* numbers */
#define NO_NUMBER(text)                                    \
	"'" text "' is not a number from 0 to 4294967295", \
		"a number without a sign, a point or an exponent"
	{ "0.6.0", "{deviceNodes: [{path: /a, major: -1}]}", ".deviceNodes[0].major",
	  NO_NUMBER("-1") },
	{ "0.6.0", "{deviceNodes: [{path: /a, minor: 4294967296}]}", ".deviceNodes[0].minor",
	  NO_NUMBER("4294967296") },
	{ "0.6.0", "{deviceNodes: [{path: /a, minor: 99999999999999999999999}]}",
	  ".deviceNodes[0].minor", NO_NUMBER("99999999999999999999999") },
	{ "0.6.0", "{deviceNodes: [{path: /a, fileMode: 1e3}]}", ".deviceNodes[0].fileMode",
	  NO_NUMBER("1e3") },
	{ "0.6.0", "{deviceNodes: [{path: /a, fileMode: 1.0}]}", ".deviceNodes[0].fileMode",
	  NO_NUMBER("1.0") },
	{ "0.6.0", "{deviceNodes: [{path: /a, fileMode: 0888}]}", ".deviceNodes[0].fileMode",
	  NO_NUMBER("0888") },
	{ "0.6.0", "{deviceNodes: [{path: /a, fileMode: 0x}]}", ".deviceNodes[0].fileMode",
	  NO_NUMBER("0x") },
	{ "0.6.0", "{deviceNodes: [{path: /a, uid: root}]}", ".deviceNodes[0].uid",
	  NO_NUMBER("root") },
	{ "0.6.0", "{deviceNodes: [{path: /a, gid: ' 1'}]}", ".deviceNodes[0].gid",
	  NO_NUMBER(" 1") },
	{ "0.6.0", "{deviceNodes: [{path: /a, gid: +1}]}", ".deviceNodes[0].gid", NO_NUMBER("+1") },
	{ "0.6.0", "{deviceNodes: [{path: /a, gid: ''}]}", ".deviceNodes[0].gid", NO_NUMBER("") },
	{ "0.6.0", "{hooks: [{hookName: prestart, path: /a, timeout: -5}]}", ".hooks[0].timeout",
	  NO_NUMBER("-5") },
	{ "0.7.0", "{additionalGids: [1, -1]}", ".additionalGids[1]", NO_NUMBER("-1") },
	{ "0.7.0", "{additionalGids: [null]}", ".additionalGids[0]", NO_NUMBER("null") },
	/* fields that nobody knows */
	{ "0.6.0", "{deviceNode: []}", ".deviceNode", "unknown field", "'deviceNodes'" },
	{ "0.6.0", "{x: 1}", ".x", "unknown field",
	  "one of 'env', 'deviceNodes', 'mounts', 'hooks', 'additionalGids', 'intelRdt', "
	  "'netDevices'" },
	{ "1.1.0", "{deviceCgroupRules: []}", ".deviceCgroupRules", "unknown field",
	  "one of 'env', 'deviceNodes', 'mounts', 'hooks', 'additionalGids', 'intelRdt', "
	  "'netDevices'" },
	{ "0.6.0", "{deviceNodes: [{path: /a, hostpth: /b}]}", ".deviceNodes[0].hostpth",
	  "unknown field", "'hostPath'" },
	{ "0.6.0", "{mounts: [{hostPath: /a, path: /b}]}", ".mounts[0].path", "unknown field",
	  "one of 'hostPath', 'containerPath', 'options', 'type'" },
	{ "0.6.0", "{hooks: [{hookName: prestart, path: /a, arg: [x]}]}", ".hooks[0].arg",
	  "unknown field", "'args'" },
	{ "0.7.0", "{intelRdt: {closId: a, enableMB: true}}", ".intelRdt.enableMB", "unknown field",
	  "'enableMBM'" },
	{ "0.6.0", "{env: [A=b], ENV: [A=b]}", ".ENV", "for the second time, in other letters",
	  "one of the two" },
	/* fields of later versions */
	{ "0.3.0", "{mounts: [{hostPath: /a, containerPath: /b, type: none}]}", ".mounts[0].type",
	  "this is of cdiVersion 0.4.0, but the file is of 0.3.0", "cdiVersion: 0.4.0" },
	{ "0.4.0", "{deviceNodes: [{path: /a, hostPath: /a}]}", ".deviceNodes[0].hostPath",
	  "this is of cdiVersion 0.5.0, but the file is of 0.4.0", "cdiVersion: 0.5.0" },
	{ "0.6.0", "{additionalGids: [0]}", ".additionalGids",
	  "this is of cdiVersion 0.7.0, but the file is of 0.6.0", "cdiVersion: 0.7.0" },
	{ "0.6.0", "{intelRdt: {closID: a}}", ".intelRdt",
	  "this is of cdiVersion 0.7.0, but the file is of 0.6.0", "cdiVersion: 0.7.0" },
	{ "1.0.0", "{netDevices: [{hostInterfaceName: a, name: b}]}", ".netDevices",
	  "this is of cdiVersion 1.1.0, but the file is of 1.0.0", "cdiVersion: 1.1.0" },
	{ "1.0.0", "{intelRdt: {enableMonitoring: true}}", ".intelRdt.enableMonitoring",
	  "this is of cdiVersion 1.1.0, but the file is of 1.0.0", "cdiVersion: 1.1.0" },
	{ "0.8.0", "{intelRdt: {schemata: [a]}}", ".intelRdt.schemata",
	  "this is of cdiVersion 1.1.0, but the file is of 0.8.0", "cdiVersion: 1.1.0" },
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		cleanup_free char *text = with_edits(bad[i].version, bad[i].edits);
		cleanup_free char *cause = NULL;

		assert_true(asprintf(&cause, "spec:5: 'devices[0].containerEdits%s': %s",
				     bad[i].place, bad[i].cause) > 0);
		refuse(text, cause, bad[i].remedy);
	}
}

#define EDITS "containerEdits: {env: [A=b]}"
#define ONE   "devices: [{name: a, " EDITS "}]\n"

static const struct {
	const char *text, *cause, *remedy;
} bad_files[] = {
	{ "", "spec:1: 'cdiVersion': missing", "cdiVersion: 0.6.0" },
	{ "{}", "spec:1: 'cdiVersion': missing", "cdiVersion: 0.6.0" },
	{ "kind: a/b\n" ONE, "spec:1: 'cdiVersion': missing", "cdiVersion: 0.6.0" },
	{ "cdiVersion: ''\nkind: a/b\n" ONE, "spec:1: 'cdiVersion': missing", "cdiVersion: 0.6.0" },
	{ "cdiVersion: [a]\nkind: a/b\n" ONE, "spec:1: 'cdiVersion': a list where text should be",
	  "VALUE" },
	{ "cdiVersion: 0.6.0\n" ONE, "spec:1: 'kind': missing", "kind: VENDOR/CLASS" },
	{ "cdiVersion: 0.6.0\nkind: a/b\n", "spec:1: 'devices': missing",
	  "devices: [{name: NAME, containerEdits: ...}]" },
	{ "cdiVersion: 0.6.0\nkind: a/b\ndevices:\n", "spec:3: 'devices': missing",
	  "devices: [{name: NAME, containerEdits: ...}]" },
	{ "cdiVersion: 0.6.0\nkind: a/b\ndevices: []\n", "spec:3: 'devices': not one device",
	  "at least one, with 'name' and 'containerEdits'" },
	{ "cdiVersion: 0.6.0\nkind: a/b\ndevices: null\n", "spec:3: 'devices': not one device",
	  "at least one, with 'name' and 'containerEdits'" },
	{ "cdiVersion: 0.6.0\nkind: a/b\ndevices: {a: b}\n",
	  "spec:3: 'devices': a map where a list should be", "[VALUE, VALUE]" },
	{ "cdiVersion: 0.6.0\nkind: a/b\ndevices:\n- " EDITS "\n",
	  "spec:4: 'devices[0].name': missing", "name: NAME" },
	{ "cdiVersion: 0.6.0\nkind: a/b\ndevices:\n- name: a\n",
	  "spec:4: 'devices[0].containerEdits': missing",
	  "containerEdits: {deviceNodes: [{path: /dev/NAME}]}" },
	{ "cdiVersion: 0.6.0\nkind: a/b\ndevices:\n- name: a\n  " EDITS "\n- name: b\n  " EDITS
	  "\n- name: a\n  " EDITS "\n",
	  "spec:3: 'devices': two devices are called 'a', in lines 4 and 8",
	  "a name of its own for each" },
	{ "cdiVersion: 0.6.0\nkind: a/b\ncontainerEdits: {mounts: [{hostPath: /a}]}\n" ONE,
	  "spec:3: 'containerEdits.mounts[0].containerPath': missing",
	  "containerPath: /path/in/the/container" },
	{ "cdiVersion: 0.6.0\nkind: a/b\ncontainer-runtime: x\n" ONE,
	  "spec:3: 'container-runtime': unknown field",
	  "one of 'cdiVersion', 'kind', 'annotations', 'devices', 'containerEdits'" },
	{ "cdiVersion: 0.6.0\nkind: a/b\ncontainerEdit: {}\n" ONE,
	  "spec:3: 'containerEdit': unknown field", "'containerEdits'" },
	{ "cdiVersion: 0.6.0\nkind: a/b\ndevices: [{nam: a, " EDITS "}]\n",
	  "spec:3: 'devices[0].nam': unknown field", "'name'" },
	{ "cdiVersion: 0.6.0\nkind: a/b\ndevices: [{\"\\e[1m\": a}]\n",
	  "spec:3: 'devices[0].?[1m': unknown field",
	  "one of 'name', 'annotations', 'containerEdits'" },
	{ "cdiVersion: 0.5.0\nkind: a/b\nannotations: {c: d}\n" ONE,
	  "spec:3: 'annotations': this is of cdiVersion 0.6.0, but the file is of 0.5.0",
	  "cdiVersion: 0.6.0" },
	{ "cdiVersion: 0.5.0\nkind: a/b\ndevices: [{name: a, annotations: {c: d}, " EDITS "}]\n",
	  "spec:3: 'devices[0].annotations': this is of cdiVersion 0.6.0, but the file is of 0.5.0",
	  "cdiVersion: 0.6.0" },
	{ "cdiVersion: 0.6.0\nkind: a/b\nannotations: {c: [d]}\n" ONE,
	  "spec:3: 'annotations.c': a list where text should be", "VALUE" },
	{ "cdiVersion: 0.6.0\nkind: a/b\nannotations: [d]\n" ONE,
	  "spec:3: 'annotations': a list where a map should be", "{FIELD: VALUE}" },
	{ "cdiVersion: 0.5.0\nkind: a/b.c\n" ONE,
	  "spec:2: 'kind': this is of cdiVersion 0.6.0, but the file is of 0.5.0",
	  "cdiVersion: 0.6.0" },
	{ "cdiVersion: 0.4.0\nkind: a/b\ndevices: [{name: 0a, " EDITS "}]\n",
	  "spec:3: 'devices[0].name': this is of cdiVersion 0.5.0, but the file is of 0.4.0",
	  "cdiVersion: 0.5.0" },
	/* YAML itself */
	{ "cdiVersion: 0.6.0\nkind: &k a/b\n" ONE,
	  "spec:2: anchors and aliases are not taken ('&', '*')",
	  "write it out, or in quotes if it is text" },
	{ "cdiVersion: 0.6.0\nkind: *k\n" ONE,
	  "spec:2: anchors and aliases are not taken ('&', '*')",
	  "write it out, or in quotes if it is text" },
	{ "cdiVersion: 0.6.0\nkind: !!str a/b\n" ONE, "spec:2: tags are not taken ('!')",
	  "leave it out, or put it in quotes if it is text" },
	{ "cdiVersion: 0.6.0\nkind: a/b\nkind: c/d\n" ONE,
	  "spec:3: 'kind' for the second time, after line 2", "one of the two" },
	{ "cdiVersion: 0.6.0\n\tkind: a/b\n" ONE, "spec:2: a tab where YAML takes spaces only",
	  "spaces" },
	{ "cdiVersion: 0.6.0\nkind: \"a/b\\0\"\n" ONE, "spec:2: a NUL byte in a text",
	  "leave it out" },
	{ "[]", "spec:1: the file is not a map", "KEY: VALUE" },
	{ "cdiVersion: 0.6.0\nx: [[[[[[[[[[[[1]]]]]]]]]]]]\n" ONE,
	  "spec:2: more than 8 lists and maps in each other", "" },
};

static void refused_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad_files); i++)
		refuse(bad_files[i].text, bad_files[i].cause, bad_files[i].remedy);
}

static void versions(void **state)
{
	static const char *const known[] = { "0.3.0", "0.4.0", "0.5.0", "0.6.0",  "0.7.0", "0.8.0",
					     "1.0.0", "1.1.0", "1.1.1", "0.8.12", "v0.3.0" };
	static const char *const unknown[] = {
		"0.1.0", "0.2.0",   "0.9.0",     "1.2.0",          "2.0.0",   "0.6",
		"1",     "x",       "-0.6.0",    "0.6.0-rc.1",     "0.6.0.0", "0..6.0",
		"0.6.",  "vv0.6.0", "00000.6.0", "0.4294967302.0", "0.1003.0"
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(known); i++)
		take_edits(known[i], "{env: [A=b]}");
	for (size_t i = 0; i < COUNT_OF(unknown); i++) {
		cleanup_free char *text = with_edits(unknown[i], "{env: [A=b], x: y}");
		cleanup_free char *cause = NULL;

		assert_true(asprintf(&cause,
				     "spec:1: 'cdiVersion': '%s' is not a version from 0.3.0 to "
				     "1.1.0",
				     unknown[i]) > 0);
		refuse(text, cause, "one of them, in which the file is written, such as 0.6.0");
	}
	/* Wherever it is, it comes first. */
	take("devices: [{name: 0, annotations: {c: d}, " EDITS "}]\nkind: a/b.c\n"
	     "cdiVersion: 0.6.0\n");
}

static const char *const good_kinds[] = { "a/b", "vendor.com/gpu", "A-b_c.9/D-e_f9", "x.y.z/B" };

static const char *const bad_kinds[] = { "a",     "/",     "a/",         "/b",   "a/b/c",
					 "9a/b",  "a/9b",  "a-/b",       "a/b-", "a/b_",
					 "a b/c", "a/b=c", "a/\xc3\xa4", ".a/b" };

static const char *const good_names[] = {
	"a", "0", "0:1", "GPU-8f1f4d06-07fd-27a7-52d5-e58aa060d256", "all", "A9", "a_b-c.d:e"
};

static const char *const bad_names[] = { "-a",  "a-",  "a:",  ":a",        "a b",
					 "a/b", "a=b", "a,b", "a\xc3\xa4", "a\nb" };

static void names(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(good_kinds); i++) {
		char full[256];

		snprintf(full, sizeof(full), "cdiVersion: 0.6.0\nkind: %s\n" ONE, good_kinds[i]);
		take(full);
		assert_string_equal(spec.kind, good_kinds[i]);
		snprintf(full, sizeof(full), "%s=x", good_kinds[i]);
		assert_int_equal(device_check_name(full, &err), 0);
	}
	for (size_t i = 0; i < COUNT_OF(bad_kinds); i++) {
		char full[256], cause[256];

		snprintf(full, sizeof(full), "cdiVersion: 0.6.0\nkind: '%s'\n" ONE, bad_kinds[i]);
		snprintf(cause, sizeof(cause), "spec:2: 'kind': '%s' is not VENDOR/CLASS",
			 bad_kinds[i]);
		refuse(full, cause, "a vendor and a class, such as nvidia.com/gpu");
		snprintf(full, sizeof(full), "%s=x", bad_kinds[i]);
		assert_int_equal(device_check_name(full, &err), -1);
	}
	for (size_t i = 0; i < COUNT_OF(good_names); i++) {
		char full[256];

		snprintf(full, sizeof(full),
			 "cdiVersion: 0.5.0\nkind: a/b\ndevices: [{name: '%s', " EDITS "}]\n",
			 good_names[i]);
		take(full);
		assert_string_equal(spec.devices[0].name, good_names[i]);
		snprintf(full, sizeof(full), "a/b=%s", good_names[i]);
		assert_int_equal(device_check_name(full, &err), 0);
	}
	for (size_t i = 0; i < COUNT_OF(bad_names); i++) {
		char full[256];

		snprintf(full, sizeof(full),
			 "cdiVersion: 0.5.0\nkind: a/b\ndevices: [{name: \"%s\", " EDITS "}]\n",
			 strcmp(bad_names[i], "a\nb") == 0 ? "a\\nb" : bad_names[i]);
		assert_int_equal(parse_bytes(full, strlen(full)), -1);
		assert_contains(err.cause, "spec:3: 'devices[0].name': '");
		assert_contains(err.cause, "' is not a name of a device");
		assert_remedy(&err, "letters and digits, and '_', '-', '.' and ':' between them");
		snprintf(full, sizeof(full), "a/b=%s", bad_names[i]);
		assert_int_equal(device_check_name(full, &err), -1);
	}
	assert_int_equal(device_check_name("a/b=", &err), -1);
	assert_int_equal(device_check_name("a/b", &err), -1);
	assert_int_equal(device_check_name("", &err), -1);
	assert_cause(&err, "'' is not the name of a device");
	assert_remedy(&err, "VENDOR/CLASS=NAME, such as nvidia.com/gpu=0");
}

/* Long texts, and many of them. */
static void too_much(void **state)
{
	cleanup_free char *big = malloc(YAML_SIZE_MAX + 2);
	cleanup_free char *text = NULL;

	(void)state;
	assert_non_null(big);
	memset(big, 'a', 5000);
	big[0] = '/';
	big[5000] = '\0';
	assert_true(
		asprintf(&text,
			 "cdiVersion: 0.6.0\nkind: a/b\ndevices:\n- name: a\n  containerEdits:\n"
			 "    deviceNodes:\n    - path: %s\n",
			 big) > 0);
	refuse(text,
	       "spec:7: 'devices[0].containerEdits.deviceNodes[0].path': a path of more than "
	       "4095 characters",
	       "/absolute/path");

	/* A key cannot make a message of any length, nor hide the rest. */
	free(text);
	assert_true(asprintf(&text, "cdiVersion: 0.6.0\n? %s\n: b\n", big) > 0);
	assert_int_equal(parse_bytes(text, strlen(text)), -1);
	assert_true(strlen(err.cause) < 400);
	assert_contains(err.cause, "spec:2: '/aaaa");
	assert_contains(err.cause, "aaaa': unknown field");

	memset(big, ' ', YAML_SIZE_MAX + 1);
	assert_int_equal(parse_bytes(big, YAML_SIZE_MAX + 1), -1);
	assert_cause(&err, "cannot read 'spec': File too large");
	assert_int_equal(err.errnum, EFBIG);

	snprintf(big, 64, "cdiVersion: 0.6.0\nkind: a/b\ndevices:\n");
	for (size_t i = 0, len = strlen(big); i < 3000; i++)
		len += (size_t)sprintf(big + len, "- {name: d%zu, " EDITS "}\n", i);
	assert_int_equal(parse_bytes(big, strlen(big)), -1);
	assert_contains(err.cause, "more than 10000 entries");

	assert_int_equal(parse_bytes("cdiVersion: 0.6.0\0\n", 19), -1);
	assert_cause(&err, "spec:1: a NUL byte");
	assert_int_equal(parse_bytes("\xff\xfe", 2), -1);
	assert_contains(err.cause, "spec:1: byte 0xff is no part of a text in UTF-8");
}

static void json_in_one_line(void **state)
{
	(void)state;
	take("{\"cdiVersion\":\"0.6.0\",\"kind\":\"a/b\",\"devices\":[{\"name\":\"0\","
	     "\"containerEdits\":{\"deviceNodes\":[{\"path\":\"/dev/x\",\"type\":\"c\","
	     "\"major\":226,\"minor\":1,\"fileMode\":438,\"permissions\":\"rwm\",\"uid\":0,"
	     "\"gid\":0}]}}],\"containerEdits\":{}}\n");
	assert_string_equal(spec.devices[0].edits.nodes[0].path, "/dev/x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minimal),
		cmocka_unit_test(values),
		cmocka_unit_test(taken),
		cmocka_unit_test(refused),
		cmocka_unit_test(refused_files),
		cmocka_unit_test(versions),
		cmocka_unit_test(names),
		cmocka_unit_test(too_much),
		cmocka_unit_test(json_in_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
