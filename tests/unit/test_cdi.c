/* SPDX-License-Identifier: BSD-3-Clause */
/* test_cdi.c - specifications of the Container Device Interface as programs write them, and in
 * directories: which of them are read, and which device counts. */
#include "tests/unit/unit.h"

#include "launcher/conf/yaml.h"
#include "launcher/devices/cdi.h"
#include "tests/unit/tree.h"

static struct cdi cdi;
static struct cdi_spec spec;
static struct error err;

static int teardown(void **state)
{
	cdi_done(&cdi);
	cdi_spec_done(&spec);
	return tree_teardown(state);
}

/* ---- files as programs write them ---------------------------------------- */

static void parse_file(const char *name)
{
	cleanup_free char *path = NULL, *text = NULL;
	cleanup_close int fd = -1;
	size_t len;

	assert_true(asprintf(&path, "%s/cdi/%s", TEST_DATA, name) > 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	text = fd_read_all(fd, YAML_SIZE_MAX, &len);
	assert_non_null(text);
	cdi_spec_done(&spec);
	err = (struct error)ERROR_INIT;
	if (cdi_spec_parse(&spec, name, text, len, &err) < 0)
		fail_msg("%s", err.cause);
}

static void check_counts(const struct cdi_edits *edits, size_t env, size_t nodes, size_t mounts,
			 size_t hooks, size_t gids)
{
	size_t count = 0;

	while (edits->env && edits->env[count])
		count++;
	assert_int_equal(count, env);
	assert_int_equal(edits->node_count, nodes);
	assert_int_equal(edits->mount_count, mounts);
	assert_int_equal(edits->hook_count, hooks);
	assert_int_equal(edits->gid_count, gids);
}

static void check_device(size_t i, const char *name, size_t nodes, size_t mounts, size_t hooks,
			 size_t gids)
{
	assert_true(i < spec.device_count);
	assert_string_equal(spec.devices[i].name, name);
	check_counts(&spec.devices[i].edits, 0, nodes, mounts, hooks, gids);
}

static void check_texts(char **texts, const char *const *expected)
{
	for (; *expected; texts++, expected++) {
		assert_non_null(*texts);
		assert_string_equal(*texts, *expected);
	}
	assert_null(*texts);
}

static void nvidia(void **state)
{
	static const char *const mount[] = { "ro", "nosuid", "nodev", "rbind", "rprivate", NULL };
	static const char *const debug[] = { "NVIDIA_CTK_DEBUG=false", NULL };
	static const char *const link[] = {
		"nvidia-cdi-hook",
		"create-symlinks",
		"--link",
		"../card1::/dev/dri/by-path/pci-0000:17:00.0-card",
		"--link",
		"../renderD128::/dev/dri/by-path/pci-0000:17:00.0-render",
		NULL
	};
	static const char *const mode[] = { "nvidia-cdi-hook",  "chmod", "--mode", "755", "--path",
					    "/dev/nvidia-caps", NULL };
	const struct cdi_edits *edits;

	(void)state;
	parse_file("nvidia.yaml");
	assert_string_equal(spec.kind, "nvidia.com/gpu");
	assert_int_equal(spec.device_count, 7);
	check_device(0, "0", 3, 0, 1, 2);
	check_device(1, "GPU-7a1d5c0e-3f0b-4a6d-9a52-1de08a3f4c11", 3, 0, 1, 2);
	check_device(2, "1", 3, 0, 1, 2);
	check_device(3, "GPU-c2f98d77-6b1e-4d0c-8e35-0b7f5a9e2d46", 3, 0, 1, 2);
	check_device(4, "1:0", 3, 0, 0, 0);
	check_device(5, "MIG-5f3e0b9a-22c4-5a71-9d0e-6c1b7e8f4a02", 3, 0, 0, 0);
	check_device(6, "all", 8, 0, 1, 2);
	check_counts(&spec.edits, 2, 4, 20, 6, 0);

	assert_int_equal(spec.devices[0].line, 5);
	edits = &spec.devices[0].edits;
	assert_string_equal(edits->nodes[0].path, "/dev/nvidia0");
	assert_string_equal(edits->nodes[0].host_path, "/dev/nvidia0");
	assert_string_equal(edits->nodes[0].permissions, "rwm");
	assert_string_equal(edits->nodes[2].path, "/dev/dri/renderD128");
	assert_string_equal(edits->hooks[0].name, "createContainer");
	assert_string_equal(edits->hooks[0].path, "/usr/bin/nvidia-cdi-hook");
	check_texts(edits->hooks[0].args, link);
	check_texts(edits->hooks[0].env, debug);
	assert_int_equal(edits->gids[0], 44);
	assert_int_equal(edits->gids[1], 992);
	assert_string_equal(spec.devices[4].edits.nodes[0].path, "/dev/nvidia-caps/nvidia-cap147");
	assert_string_equal(spec.devices[4].edits.nodes[2].path, "/dev/nvidia1");

	assert_string_equal(spec.edits.env[1], "NVIDIA_VISIBLE_DEVICES=void");
	check_texts(spec.edits.hooks[4].args, mode);
	assert_string_equal(spec.edits.mounts[15].host_path,
			    "/usr/share/vulkan/icd.d/nvidia_icd.json");
	assert_string_equal(spec.edits.mounts[15].container_path,
			    "/etc/vulkan/icd.d/nvidia_icd.json");
	assert_null(spec.edits.mounts[15].type);
	check_texts(spec.edits.mounts[15].options, mount);
}

static void nvidia_long_ago(void **state)
{
	static const char *const mount[] = { "ro", "nosuid", "nodev", "bind", NULL };
	static const char *const cache[] = {
		"nvidia-ctk", "hook", "update-ldcache", "--folder", "/usr/lib/x86_64-linux-gnu",
		NULL
	};

	(void)state;
	parse_file("nvidia-1.12.yaml");
	assert_string_equal(spec.kind, "nvidia.com/gpu");
	assert_int_equal(spec.device_count, 2);
	check_device(0, "0", 3, 0, 2, 0);
	check_device(1, "all", 3, 0, 2, 0);
	check_counts(&spec.edits, 0, 4, 4, 1, 0);
	assert_string_equal(spec.devices[0].edits.nodes[0].path, "/dev/nvidia0");
	assert_string_equal(spec.devices[0].edits.nodes[0].host_path,
			    "/run/nvidia/driver/dev/nvidia0");
	check_texts(spec.edits.hooks[0].args, cache);
	assert_null(spec.edits.hooks[0].env);
	check_texts(spec.edits.mounts[3].options, mount);
}

static void amd(void **state)
{
	(void)state;
	parse_file("amd.json");
	assert_string_equal(spec.kind, "amd.com/gpu");
	assert_int_equal(spec.device_count, 3);
	check_device(0, "0", 3, 0, 0, 0);
	check_device(1, "1", 3, 0, 0, 0);
	check_device(2, "all", 5, 0, 0, 0);
	check_counts(&spec.edits, 0, 0, 0, 0, 0);
	assert_string_equal(spec.devices[1].edits.nodes[0].path, "/dev/dri/card2");
	assert_string_equal(spec.devices[1].edits.nodes[1].path, "/dev/dri/renderD129");
	assert_string_equal(spec.devices[2].edits.nodes[4].path, "/dev/kfd");
}

static void intel(void **state)
{
	static const char *const options[] = { "bind", "rw", NULL };

	(void)state;
	parse_file("intel.com-gpu.yaml");
	assert_string_equal(spec.kind, "intel.com/gpu");
	assert_int_equal(spec.device_count, 2);
	check_device(0, "card1", 2, 2, 0, 0);
	check_device(1, "card2", 2, 2, 0, 0);
	assert_string_equal(spec.devices[1].edits.nodes[1].host_path, "/dev/dri/renderD129");
	assert_string_equal(spec.devices[1].edits.mounts[1].container_path,
			    "/dev/dri/by-path/pci-0000:9a:00.0-render");
	assert_string_equal(spec.devices[1].edits.mounts[1].type, "none");
	check_texts(spec.devices[1].edits.mounts[1].options, options);
}

/* JSON with tabs and with Go's escapes, and all fields that there are. */
static void all_fields(void **state)
{
	static const char *const args[] = { "fast-hook", "--port", "0", "", NULL };

	(void)state;
	parse_file("vendor.json");
	assert_string_equal(spec.kind, "vendor.example/net.fast");
	assert_int_equal(spec.device_count, 1);
	check_counts(&spec.devices[0].edits, 2, 4, 2, 2, 2);
	check_counts(&spec.edits, 1, 0, 0, 0, 0);
	assert_string_equal(spec.edits.env[0], "FAST_URL=http://example.org/?a=1&b=<2>");
	assert_string_equal(spec.devices[0].edits.nodes[0].host_path, "/dev/infiniband/uverbs0");
	assert_string_equal(spec.devices[0].edits.nodes[0].permissions, "rw");
	assert_null(spec.devices[0].edits.nodes[3].permissions);
	assert_null(spec.devices[0].edits.mounts[1].options);
	assert_string_equal(spec.devices[0].edits.hooks[0].args[0], "/usr/bin/fast-hook");
	check_texts(spec.devices[0].edits.hooks[1].args, args);
	assert_int_equal(spec.devices[0].edits.gids[0], 27);
	assert_int_equal(spec.devices[0].edits.gids[1], 4294967294);
}

/* ---- directories --------------------------------------------------------- */

static void put_spec(const char *path, const char *kind, const char *name, const char *variable)
{
	cleanup_free char *text = NULL;

	assert_true(asprintf(&text,
			     "cdiVersion: 0.6.0\nkind: %s\ndevices:\n- name: %s\n"
			     "  containerEdits: {env: [%s]}\n",
			     kind, name, variable) > 0);
	put(path, text);
}

static void load(const char *first, const char *second)
{
	cleanup_free char *one = NULL, *two = NULL;
	const char *directories[3] = { NULL };

	assert_true(asprintf(&one, "%s/%s", tree, first) > 0);
	assert_true(asprintf(&two, "%s/%s", tree, second ? second : first) > 0);
	directories[0] = one;
	directories[1] = second ? two : NULL;
	cdi_done(&cdi);
	err = (struct error)ERROR_INIT;
	assert_int_equal(cdi_load(&cdi, directories, &err), 0);
	assert_string_equal(err.cause, "");
}

static const char *found(const char *name)
{
	const struct cdi_spec *from = NULL;
	const struct cdi_device *device;

	err = (struct error)ERROR_INIT;
	device = cdi_find(&cdi, name, &from, &err);
	if (!device) {
		assert_string_not_equal(err.cause, "");
		return "(nothing)";
	}
	assert_string_equal(err.cause, "");
	assert_non_null(from);
	assert_true(device >= from->devices && device < from->devices + from->device_count);
	return device->edits.env[0];
}

/* "%s" in the texts is the directory of the test. */
static void refused_find(const char *name, const char *cause, const char *remedy)
{
	char expected[ERROR_TEXT_MAX];

	assert_string_equal(found(name), "(nothing)");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(expected, sizeof(expected), cause, tree, tree);
#pragma GCC diagnostic pop
	assert_cause(&err, expected);
	assert_remedy(&err, remedy);
}

static void which_files(void **state)
{
	cleanup_free char *target = NULL;

	(void)state;
	put_spec("which/b.yaml", "v.com/c", "yaml", "A=yaml");
	put_spec("which/a.json", "v.com/c", "json", "A=json");
	put_spec("which/.hidden.yaml", "v.com/c", "hidden", "A=hidden");
	put_spec("which/c.yml", "v.com/c", "yml", "A=yml");
	put_spec("which/d.yaml.bak", "v.com/c", "bak", "A=bak");
	put_spec("which/yaml", "v.com/c", "bare", "A=bare");
	put_spec("which/below/e.yaml", "v.com/c", "below", "A=below");
	put_spec("which/f.yaml/g.yaml", "v.com/c", "directory", "A=directory");
	put_spec("elsewhere/link", "v.com/c", "link", "A=link");
	assert_true(asprintf(&target, "%s/elsewhere/link", tree) > 0);
	assert_int_equal(symlink(target, "which/h.yaml"), 0);
	load("which", "gone");
	assert_int_equal(cdi.error_count, 0);
	assert_int_equal(cdi.spec_count, 4);
	assert_string_equal(cdi.specs[0].devices[0].name, "hidden");
	assert_string_equal(cdi.specs[1].devices[0].name, "json");
	assert_string_equal(cdi.specs[2].devices[0].name, "yaml");
	assert_string_equal(cdi.specs[3].devices[0].name, "link");
	assert_string_equal(found("v.com/c=json"), "A=json");
	assert_string_equal(found("v.com/c=link"), "A=link");
	assert_string_equal(found("v.com/c=yml"), "(nothing)");
	assert_string_equal(found("v.com/c=below"), "(nothing)");
}

static void later_directory_counts(void **state)
{
	const struct cdi_spec *from;

	(void)state;
	put_spec("etc/a.yaml", "v.com/c", "x", "A=etc");
	put_spec("etc/b.yaml", "v.com/c", "y", "A=etc");
	put_spec("run/z.yaml", "v.com/c", "x", "A=run");
	put_spec("run/w.yaml", "w.com/c", "x", "A=other");
	load("etc", "run");
	assert_int_equal(cdi.spec_count, 4);
	assert_int_equal(cdi.specs[0].directory, 0);
	assert_int_equal(cdi.specs[3].directory, 1);
	assert_string_equal(found("v.com/c=x"), "A=run");
	assert_string_equal(found("v.com/c=y"), "A=etc");
	assert_string_equal(found("w.com/c=x"), "A=other");
	load("run", "etc");
	assert_string_equal(found("v.com/c=x"), "A=etc");
	assert_non_null(cdi_find(&cdi, "v.com/c=x", &from, &err));
	assert_int_equal(from->directory, 1);
	assert_contains(from->file, "/etc/a.yaml");
}

static void conflicts(void **state)
{
	(void)state;
	put_spec("conflict/a.yaml", "v.com/c", "x", "A=a");
	put_spec("conflict/b.json", "v.com/c", "x", "A=b");
	put_spec("conflict/c.yaml", "v.com/c", "y", "A=c");
	put_spec("better/a.yaml", "v.com/c", "x", "A=better");
	load("conflict", NULL);
	assert_int_equal(cdi.error_count, 0);
	refused_find("v.com/c=x",
		     "the device 'v.com/c=x' is in two files: '%s/conflict/a.yaml' and "
		     "'%s/conflict/b.json'",
		     "ask your admin to remove one of them");
	assert_string_equal(found("v.com/c=y"), "A=c");
	/* Nobody asks for those two. */
	load("conflict", "better");
	assert_string_equal(found("v.com/c=x"), "A=better");
	load("better", "conflict");
	assert_string_equal(found("v.com/c=x"), "(nothing)");
}

static void unknown_devices(void **state)
{
	(void)state;
	put_spec("unknown/a.yaml", "nvidia.com/gpu", "0", "A=0");
	put_spec("unknown/b.yaml", "nvidia.com/pgpu", "one-of-them", "A=1");
	load("unknown", NULL);
	refused_find("nvidia.com/gpu=1",
		     "there is no device 'nvidia.com/gpu=1': none of 'nvidia.com/gpu' is called "
		     "'1'",
		     "'nvidia.com/gpu=0'");
	refused_find("nvidia.com/gpus=0",
		     "there is no device 'nvidia.com/gpus=0': 'nvidia.com' has no class 'gpus'",
		     "'nvidia.com/gpu=0'");
	refused_find("nvida.com/gpu=0",
		     "there is no device 'nvida.com/gpu=0': no CDI specification is of "
		     "'nvida.com'",
		     "'nvidia.com/gpu=0'");
	/* The beginning of a vendor is not the vendor. */
	refused_find("nvidia/gpu=0",
		     "there is no device 'nvidia/gpu=0': no CDI specification is of 'nvidia'",
		     "'nvidia.com/gpu=0'");
	refused_find("x.org/y=z",
		     "there is no device 'x.org/y=z': no CDI specification is of 'x.org'",
		     "ask your admin; the vendor's program writes the specification, as "
		     "'nvidia-ctk cdi generate' does");
	/* Nothing is near: one of those there are. */
	refused_find("nvidia.com/pgpu=GPU-7a1d5c0e-3f0b-4a6d-9a52-1de08a3f4c11",
		     "there is no device 'nvidia.com/pgpu=GPU-7a1d5c0e-3f0b-4a6d-9a52-"
		     "1de08a3f4c11': none of 'nvidia.com/pgpu' is called "
		     "'GPU-7a1d5c0e-3f0b-4a6d-9a52-1de08a3f4c11'",
		     "'nvidia.com/pgpu=one-of-them', for one");
	refused_find("nvidia.com/gpu", "'nvidia.com/gpu' is not the name of a device",
		     "VENDOR/CLASS=NAME, such as nvidia.com/gpu=0");
	load("gone", NULL);
	refused_find("nvidia.com/gpu=0",
		     "there is no device 'nvidia.com/gpu=0': no CDI specification is of "
		     "'nvidia.com'",
		     "ask your admin; the vendor's program writes the specification, as "
		     "'nvidia-ctk cdi generate' does");
}

static void refused_files_are_told(void **state)
{
	(void)state;
	put("told/a.yaml", "cdiVersion: 0.6.0\nkind: nvidia.com/gpu\ndevices: []\n");
	put("told/b.json", "{");
	put_spec("told/c.yaml", "v.com/c", "x", "A=b");
	load("told", NULL);
	assert_int_equal(cdi.spec_count, 1);
	assert_int_equal(cdi.error_count, 2);
	assert_contains(cdi.errors[1].cause, "/told/b.json:");
	assert_string_equal(found("v.com/c=x"), "A=b");
	refused_find("nvidia.com/gpu=0",
		     "there is no device 'nvidia.com/gpu=0': no CDI specification is of "
		     "'nvidia.com'; refused was %s/told/a.yaml:3: 'devices': not one device",
		     "at least one, with 'name' and 'containerEdits'");
	refused_find("v.com/c=y",
		     "there is no device 'v.com/c=y': none of 'v.com/c' is called 'y'; refused was "
		     "%s/told/a.yaml:3: 'devices': not one device",
		     "'v.com/c=x'");
}

/* Nothing in the way blocks or stops the others. */
static void things_in_the_way(void **state)
{
	cleanup_free char *big = calloc(1, YAML_SIZE_MAX + 2);
	char expected[PATH_MAX + 64];

	(void)state;
	assert_non_null(big);
	memset(big, '#', YAML_SIZE_MAX + 1);
	put_spec("way/z.yaml", "v.com/c", "x", "A=b");
	put("way/a.yaml", big);
	assert_int_equal(mkfifo("way/b.yaml", 0666), 0);
	assert_int_equal(mkdir("way/c.yaml", 0755), 0);
	assert_int_equal(symlink("/dev/zero", "way/d.yaml"), 0);
	assert_int_equal(symlink("gone", "way/e.yaml"), 0);
	assert_int_equal(symlink("f.yaml", "way/f.yaml"), 0);
	put("file", "");
	load("way", "file");
	assert_string_equal(found("v.com/c=x"), "A=b");
	assert_int_equal(cdi.error_count, 6);
	snprintf(expected, sizeof(expected), "cannot read '%s/way/a.yaml': File too large", tree);
	assert_cause(&cdi.errors[0], expected);
	assert_remedy(&cdi.errors[0], "a specification of at most 1 MiB");
	snprintf(expected, sizeof(expected),
		 "cannot read '%s/way/b.yaml': it is not a regular file", tree);
	assert_cause(&cdi.errors[1], expected);
	assert_remedy(&cdi.errors[1], "remove it, or ask your admin");
	assert_contains(cdi.errors[2].cause, "/way/d.yaml': it is not a regular file");
	assert_contains(cdi.errors[3].cause, "/way/e.yaml': No such file or directory");
	assert_contains(cdi.errors[4].cause, "/way/f.yaml': Too many levels of symbolic links");
	assert_contains(cdi.errors[5].cause, "/file': Not a directory");
}

static void unreadable(void **state)
{
	(void)state;
	put_spec("closed/a.yaml", "v.com/c", "x", "A=b");
	put_spec("closed-directory/a.yaml", "v.com/c", "x", "A=b");
	assert_int_equal(chmod("closed/a.yaml", 0), 0);
	assert_int_equal(chmod("closed-directory", 0), 0);
	assert_int_equal(chmod(tree, 0755), 0);
	/* Root may read all. */
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	load("closed", "closed-directory");
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod("closed-directory", 0755), 0);
	assert_int_equal(cdi.error_count, 2);
	assert_contains(cdi.errors[0].cause, "/closed/a.yaml': Permission denied");
	assert_remedy(&cdi.errors[0], "ask your admin for mode 0644");
	assert_contains(cdi.errors[1].cause, "/closed-directory': Permission denied");
	assert_remedy(&cdi.errors[1], "ask your admin");
}

static void many_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < 1010; i++) {
		char path[64], name[32];

		snprintf(path, sizeof(path), "many/%04zu.yaml", i);
		snprintf(name, sizeof(name), "n%zu", i);
		put_spec(path, "v.com/c", name, "A=b");
	}
	load("many", "which");
	assert_int_equal(cdi.spec_count, 1000);
	assert_int_equal(cdi.error_count, 2);
	assert_contains(cdi.errors[0].cause, "/many/1000.yaml': more than 1000 specifications");
	assert_remedy(&cdi.errors[0], "fewer files");
	assert_contains(cdi.errors[1].cause, "/which/.hidden.yaml': more than 1000");
	assert_string_equal(found("v.com/c=n999"), "A=b");
	assert_string_equal(found("v.com/c=n1000"), "(nothing)");
}

static void many_bytes(void **state)
{
	cleanup_free char *big = malloc(YAML_SIZE_MAX);

	(void)state;
	assert_non_null(big);
	memset(big, '#', YAML_SIZE_MAX - 1);
	big[YAML_SIZE_MAX - 1] = '\0';
	for (int i = 0; i < 18; i++) {
		char path[64];

		snprintf(path, sizeof(path), "bytes/%02d.yaml", i);
		put(path, big);
	}
	load("bytes", NULL);
	assert_int_equal(cdi.error_count, 18);
	assert_contains(cdi.errors[16].cause, "/bytes/16.yaml:1: 'cdiVersion': missing");
	assert_contains(cdi.errors[17].cause,
			"/bytes/17.yaml': more than 16 MiB of specifications");
}

static void the_samples(void **state)
{
	static const char *const directories[] = { TEST_DATA "/cdi", NULL };
	const struct cdi_spec *from;

	(void)state;
	cdi_done(&cdi);
	err = (struct error)ERROR_INIT;
	assert_int_equal(cdi_load(&cdi, directories, &err), 0);
	assert_int_equal(cdi.error_count, 0);
	assert_int_equal(cdi.spec_count, 5);
	assert_non_null(cdi_find(&cdi, "amd.com/gpu=all", &from, &err));
	assert_non_null(cdi_find(&cdi, "nvidia.com/gpu=1:0", &from, &err));
	assert_null(cdi_find(&cdi, "nvidia.com/gpu=0", &from, &err));
	assert_contains(err.cause, "' is in two files: '");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nvidia),
		cmocka_unit_test(nvidia_long_ago),
		cmocka_unit_test(amd),
		cmocka_unit_test(intel),
		cmocka_unit_test(all_fields),
		cmocka_unit_test(which_files),
		cmocka_unit_test(later_directory_counts),
		cmocka_unit_test(conflicts),
		cmocka_unit_test(unknown_devices),
		cmocka_unit_test(refused_files_are_told),
		cmocka_unit_test(things_in_the_way),
		cmocka_unit_test(unreadable),
		cmocka_unit_test(many_files),
		cmocka_unit_test(many_bytes),
		cmocka_unit_test(the_samples),
	};

	return cmocka_run_group_tests(tests, tree_setup, teardown);
}
