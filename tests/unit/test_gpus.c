/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_gpus.c - GPUs in trees as the drivers of NVIDIA, AMD and Intel make them.
 *
 * A test cannot make device nodes, so they are plain files; where the list comes from, nobody looks
 * at what they are.
 */
#include "launcher/devices/gpus.h"
#include "launcher/devices/sysfs.h"
#include "tests/unit/unit.h"
#include "tests/unit/sysfs.h"

static struct gpulist list;
static struct error err;

static int setup(void **state)
{
	return tree_setup(state);
}

static int teardown(void **state)
{
	gpulist_done(&list);
	return tree_teardown(state);
}

static void find(const char *root, size_t count)
{
	gpulist_done(&list);
	err = (struct error)ERROR_INIT;
	assert_int_equal(gpulist_find(&list, root, &err), 0);
	assert_string_equal(err.cause, "");
	assert_int_equal(list.count, count);
}

static void check(size_t i, enum gpu_vendor vendor, unsigned int minor, const char *pci,
		  const char *nodes)
{
	const struct gpu *gpu = &list.items[i];

	assert_true(i < list.count);
	assert_int_equal(gpu->vendor, vendor);
	assert_int_equal(gpu->minor, minor);
	assert_string_equal(gpu->pci, pci);
	assert_string_equal(joined(gpu->nodes), nodes);
}

static void put_nvidia(const char *root, const char *pci, const char *minor, const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "Model: \t\t NVIDIA H100 80GB HBM3\n"
		 "IRQ:   \t\t 10\n"
		 "GPU UUID: \t GPU-9221d5d1-b60b-a624-bf14-0a1819cfda3b\n"
		 "Video BIOS: \t 96.00.99.00.01\n"
		 "Bus Type: \t PCIe\n"
		 "DMA Size: \t 52 bits\n"
		 "DMA Mask: \t 0xfffffffffffff\n"
		 "Bus Location: \t %s\n"
		 "Device Minor: \t %s\n"
		 "GPU Firmware: \t 535.129.03\n"
		 "%s",
		 pci, minor, more);
	put_at(text, "%s/proc/driver/nvidia/gpus/%s/information", root, pci);
}

static void none(void **state)
{
	(void)state;
	find("none", 0);
	put("one/dev/null", "");
	find("one", 0);
	assert_null(list.items);
}

static void nvidia(void **state)
{
	(void)state;
	/* Their numbers are not in the order of their places, and one has no device file. */
	put_nvidia("nvidia", "0000:17:00.0", "2", "GPU Excluded:\t No\n");
	put_nvidia("nvidia", "0000:65:00.0", "0", "GPU Excluded:\t No\n");
	put_nvidia("nvidia", "0000:CA:00.0", "10", "");
	put("nvidia/dev/nvidia0", "");
	put("nvidia/dev/nvidia7", "");
	find("nvidia", 3);
	check(0, GPU_NVIDIA, 0, "0000:65:00.0", "/dev/nvidia0");
	check(1, GPU_NVIDIA, 2, "0000:17:00.0", "/dev/nvidia2");
	check(2, GPU_NVIDIA, 10, "0000:ca:00.0", "/dev/nvidia10");
	assert_string_equal(list.items[0].model, "NVIDIA H100 80GB HBM3");
	assert_string_equal(list.items[0].uuid, "GPU-9221d5d1-b60b-a624-bf14-0a1819cfda3b");
}

/* With nvidia-drm there are nodes for graphics. */
static void nvidia_with_drm(void **state)
{
	(void)state;
	put_nvidia("drm", "0000:17:00.0", "0", "");
	put_pci("drm", "0000:17:00.0", "0x10de\n", "nvidia");
	put_class("drm", "pci0000:00/0000:17:00.0", "drm", "card1");
	put_class("drm", "pci0000:00/0000:17:00.0", "drm", "renderD128");
	put("drm/sys/devices/pci0000:00/0000:17:00.0/drm/card1/card1-DP-1/status", "");
	find("drm", 1);
	check(0, GPU_NVIDIA, 0, "0000:17:00.0", "/dev/nvidia0 /dev/dri/card1 /dev/dri/renderD128");
}

static void nvidia_unused_or_excluded(void **state)
{
	(void)state;
	put("unused/proc/driver/nvidia/gpus/0000:03:00.0/information",
	    "Model: Unknown\nGPU UUID: GPU-????????"
	    "-????"
	    "-????"
	    "-????"
	    "-????????????\n"
	    "Bus Location: 0000:03:00.0\nDevice Minor: 1\n");
	put_nvidia("unused", "0000:04:00.0", "0", "GPU Excluded:\t Yes\n");
	put_nvidia("unused", "0000:05:00.0", "2", "Blacklisted:\t Yes\n");
	put("unused/dev/nvidia0", "");
	find("unused", 1);
	check(0, GPU_NVIDIA, 1, "0000:03:00.0", "/dev/nvidia1");
	assert_null(list.items[0].uuid);
	assert_null(list.items[0].model);
}

static void nvidia_without_proc(void **state)
{
	static const char *const others[] = { "nvidiactl",
					      "nvidia-uvm",
					      "nvidia01",
					      "nvidia254",
					      "nvidia-caps/nvidia-cap1",
					      "nvidia3/directory",
					      "nvidia99999999999" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++)
		put_at("", "noproc/dev/%s", others[i]);
	put("noproc/dev/nvidiactl", "");
	put("noproc/dev/nvidia10", "");
	put("noproc/dev/nvidia2", "");
	assert_int_equal(mkfifo("noproc/dev/nvidia4", 0666), 0);
	find("noproc", 3);
	check(0, GPU_NVIDIA, 2, "", "/dev/nvidia2");
	check(1, GPU_NVIDIA, 4, "", "/dev/nvidia4");
	check(2, GPU_NVIDIA, 10, "", "/dev/nvidia10");
	assert_null(list.items[0].uuid);
}

static void nvidia_hostile(void **state)
{
	static const char *const minors[] = { "-1",  "",    "99999", "4294967296",          "1x",
					      "0x1", "N/A", " ",     "18446744073709551616" };
	static const char nul[] = "Device Minor: 1\0\nModel: x\n";
	char text[SYSFS_TEXT_MAX * 2];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(minors); i++) {
		char pci[32];

		snprintf(pci, sizeof(pci), "0000:%02zx:00.0", i);
		put_nvidia("hostile", pci, minors[i], "");
	}
	put_bytes("hostile/proc/driver/nvidia/gpus/0000:20:00.0/information", nul, sizeof(nul));
	assert_int_equal(mkdir("hostile/proc/driver/nvidia/gpus/0000:21:00.0", 0755), 0);
	assert_int_equal(mkfifo("hostile/proc/driver/nvidia/gpus/0000:21:00.0/information", 0666),
			 0);
	put("hostile/proc/driver/nvidia/gpus/0000:22:00.0/information/file", "");
	link_at("information", "hostile/proc/driver/nvidia/gpus/0000:23:00.0/information");
	put("hostile/proc/driver/nvidia/gpus/0000:24:00.0/information",
	    "Device Minor: 5\nBus Location: somewhere\nModel:\nGPU UUID:  \n");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "Device Minor: 6\nModel: ", 23);
	put("hostile/proc/driver/nvidia/gpus/0000:25:00.0/information", text);
	put("hostile/proc/driver/nvidia/gpus/file", "");
	find("hostile", 3);
	check(0, GPU_NVIDIA, 1, "0000:20:00.0", "/dev/nvidia1");
	assert_null(list.items[0].model);
	/* The directory's name tells the place, too. */
	check(1, GPU_NVIDIA, 5, "0000:24:00.0", "/dev/nvidia5");
	assert_null(list.items[1].model);
	assert_null(list.items[1].uuid);
	check(2, GPU_NVIDIA, 6, "0000:25:00.0", "/dev/nvidia6");
	assert_null(list.items[2].model);
}

static void put_render(const char *root, const char *pci, const char *vendor, const char *driver,
		       const char *render, const char *card)
{
	char parent[64];

	put_pci(root, pci, vendor, driver);
	snprintf(parent, sizeof(parent), "pci0000:00/%s", pci);
	put_class(root, parent, "drm", render);
	if (card)
		put_class(root, parent, "drm", card);
}

static void amd_and_intel(void **state)
{
	(void)state;
	put_render("mixed", "0000:c3:00.0", "0x1002\n", "amdgpu", "renderD128", "card1");
	put_render("mixed", "0000:03:00.0", "0x1002\n", "amdgpu", "renderD129", "card2");
	put_render("mixed", "0000:4d:00.0", "0x8086\n", "i915", "renderD130", "card3");
	put_render("mixed", "0000:4e:00.0", "0x8086\n", "xe", "renderD131", NULL);
	put_nvidia("mixed", "0000:99:00.0", "0", "");
	put("mixed/sys/devices/pci0000:00/0000:c3:00.0/product_name", "AMD Instinct MI250X\n");
	put("mixed/sys/devices/pci0000:00/0000:c3:00.0/unique_id", "e68d2b1fb4a46b5a\n");
	put("mixed/sys/devices/pci0000:00/0000:03:00.0/product_name", "\n");
	put("mixed/sys/devices/pci0000:00/0000:03:00.0/unique_id", "0000000000000000\n");
	put("mixed/sys/devices/pci0000:00/0000:4d:00.0/unique_id", "1234\n");
	put("mixed/sys/class/drm/version", "drm 1.1.0 20060810\n");
	find("mixed", 5);
	check(0, GPU_NVIDIA, 0, "0000:99:00.0", "/dev/nvidia0");
	check(1, GPU_AMD, 128, "0000:c3:00.0", "/dev/dri/renderD128 /dev/dri/card1");
	check(2, GPU_AMD, 129, "0000:03:00.0", "/dev/dri/renderD129 /dev/dri/card2");
	check(3, GPU_INTEL, 130, "0000:4d:00.0", "/dev/dri/renderD130 /dev/dri/card3");
	check(4, GPU_INTEL, 131, "0000:4e:00.0", "/dev/dri/renderD131");
	assert_string_equal(list.items[1].model, "AMD Instinct MI250X");
	assert_string_equal(list.items[1].uuid, "GPU-e68d2b1fb4a46b5a");
	assert_null(list.items[2].model);
	assert_null(list.items[2].uuid);
	assert_null(list.items[3].uuid);
}

/* What shows a console is none. */
static void others(void **state)
{
	(void)state;
	put_render("others", "0000:01:00.0", "0x1af4\n", "virtio-pci", "renderD128", "card0");
	put_render("others", "0000:02:00.0", "0x1a03\n", "ast", "renderD129", "card1");
	put_render("others", "0000:03:00.0", "0x1002\n", "radeon", "renderD130", "card2");
	put_render("others", "0000:04:00.0", "0x10de\n", "nouveau", "renderD131", "card3");
	put_render("others", "0000:05:00.0", "0x8086\n", "vfio-pci", "renderD132", "card4");
	put_render("others", "0000:06:00.0", "0x10de\n", "amdgpu", "renderD133", "card5");
	put_class("others", "platform/vkms", "drm", "renderD134");
	put_class("others", "pci0000:00/0000:05:00.0", "drm", "card6");
	find("others", 0);
}

static void put_kfd(const char *root, const char *node, const char *minor, const char *location)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "cpu_cores_count 0\nsimd_count 1216\nvendor_id 4098\ndevice_id 29857\n"
		 "location_id %s\ndomain 0\ndrm_render_minor %s\nhive_id 1\n",
		 location, minor);
	put_at(text, "%s/sys/class/kfd/kfd/topology/nodes/%s/properties", root, node);
}

/* MI300X: further partitions are platform devices. Old and new kernels write differently into
 * location_id which one it is. */
static void amd_partitions(void **state)
{
	(void)state;
	put_render("parts", "0000:05:00.0", "0x1002\n", "amdgpu", "renderD128", "card1");
	put_render("parts", "0001:26:00.0", "0x1002\n", "amdgpu", "renderD131", "card4");
	for (unsigned int i = 129; i <= 134; i++) {
		char parent[64], name[32];

		if (i == 131)
			continue;
		snprintf(parent, sizeof(parent), "platform/amdgpu_xcp_%u", i - 129);
		snprintf(name, sizeof(name), "renderD%u", i);
		put_class("parts", parent, "drm", name);
	}
	put_class("parts", "platform/amdgpu_xcp_0", "drm", "card2");
	put_kfd("parts", "0", "0", "0");
	put_kfd("parts", "1", "128", "1280");
	put_kfd("parts", "2", "129", "268436736"); /* 1 << 28 | 0x500 */
	put_kfd("parts", "3", "130", "536872193"); /* 2 << 28 | 0x501 */
	put_kfd("parts", "4", "132", "1281");      /* 0x500 | 1 */
	put_kfd("parts", "5", "133", "-1");
	put("parts/sys/class/kfd/kfd/topology/nodes/6/name", "");
	find("parts", 7);
	check(0, GPU_AMD, 128, "0000:05:00.0", "/dev/dri/renderD128 /dev/dri/card1");
	check(1, GPU_AMD, 129, "0000:05:00.0", "/dev/dri/renderD129 /dev/dri/card2");
	check(2, GPU_AMD, 130, "0000:05:00.1", "/dev/dri/renderD130");
	check(3, GPU_AMD, 131, "0001:26:00.0", "/dev/dri/renderD131 /dev/dri/card4");
	check(4, GPU_AMD, 132, "0000:05:00.0", "/dev/dri/renderD132");
	check(5, GPU_AMD, 133, "", "/dev/dri/renderD133");
	check(6, GPU_AMD, 134, "", "/dev/dri/renderD134");
}

/* Several render nodes at one PCI device: whose cards they are is not known. */
static void amd_partitions_of_one_device(void **state)
{
	(void)state;
	put_render("one-pci", "0000:05:00.0", "0x1002\n", "amdgpu", "renderD128", "card0");
	put_render("one-pci", "0000:05:00.0", "0x1002\n", "amdgpu", "renderD129", "card1");
	find("one-pci", 2);
	check(0, GPU_AMD, 128, "0000:05:00.0", "/dev/dri/renderD128");
	check(1, GPU_AMD, 129, "0000:05:00.0", "/dev/dri/renderD129");
}

static void drm_hostile(void **state)
{
	(void)state;
	put_render("bad", "0000:03:00.0", "0x1002\n", "amdgpu", "renderD128", NULL);
	assert_int_equal(unlink("bad/sys/devices/pci0000:00/0000:03:00.0/vendor"), 0);
	assert_int_equal(mkfifo("bad/sys/devices/pci0000:00/0000:03:00.0/vendor", 0666), 0);
	put_render("bad", "0000:04:00.0", "0x1002", "amdgpu", "renderD129", NULL);
	put_render("bad", "0000:05:00.0", "", "amdgpu", "renderD130", NULL);
	put_class("bad", "pci0000:00/0000:04:00.0", "drm", "renderD999999999999");
	put_class("bad", "pci0000:00/0000:04:00.0", "drm", "renderD0131");
	put_class("bad", "pci0000:00/0000:04:00.0", "drm", "renderD-1");
	put_class("bad", "pci0000:00/0000:04:00.0", "drm", "card18446744073709551616");
	link_at("loop", "bad/sys/class/drm/loop");
	link_at("renderD140", "bad/sys/class/drm/renderD140");
	find("bad", 1);
	check(0, GPU_AMD, 129, "0000:04:00.0", "/dev/dri/renderD129");
}

static void check_common(enum gpu_vendor vendor, const char *root, const char *nodes)
{
	char **found = gpu_common_nodes(vendor, root, &err);

	assert_non_null(found);
	assert_string_equal(joined(found), nodes);
	strings_free(found);
}

static void common_nodes(void **state)
{
	static const char *const files[] = { "kfd",
					     "nvidiactl",
					     "nvidia-uvm",
					     "nvidia-uvm-tools",
					     "nvidia-modeset/directory",
					     "nvidia-caps/nvidia-cap1",
					     "nvidia-caps/nvidia-cap21",
					     "nvidia-caps/nvidia-cap3",
					     "nvidia-caps/nvidia-cap",
					     "nvidia-caps/other",
					     "nvidia-caps/nvidia-cap4/directory",
					     "nvidia-caps-imex-channels/channel0",
					     "nvidia-caps-imex-channels/channel-1" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(files); i++)
		put_at("", "common/dev/%s", files[i]);
	check_common(GPU_NVIDIA, "common",
		     "/dev/nvidiactl /dev/nvidia-uvm /dev/nvidia-uvm-tools "
		     "/dev/nvidia-caps/nvidia-cap1 /dev/nvidia-caps/nvidia-cap3 "
		     "/dev/nvidia-caps/nvidia-cap21 /dev/nvidia-caps-imex-channels");
	check_common(GPU_AMD, "common", "/dev/kfd");
	check_common(GPU_INTEL, "common", "");
	check_common(GPU_NVIDIA, "nowhere", "");
}

static void check_version(const char *root, const char *expected)
{
	char *version = gpu_nvidia_version(root);

	if (expected)
		assert_string_equal(version, expected);
	else
		assert_null(version);
	free(version);
}

static void version(void **state)
{
	static const char *const texts[][2] = {
		{ "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 "
		  "UTC 2024\nGCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)\n",
		  "550.54.15" },
		{ "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  595.84  Release Build  "
		  "(dvs-builder@U16)\n",
		  "595.84" },
		{ "NVRM version: NVIDIA UNIX aarch64 Kernel Module  560.35.03", "560.35.03" },
		{ "GCC version: 12.3.0\n", NULL },
		{ "NVRM version: 550\n", NULL },
		{ "NVRM version: ../../5.1/x 5.1;rm\n", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		put("version/proc/driver/nvidia/version", texts[i][0]);
		check_version("version", texts[i][1]);
	}
	put("version/sys/module/nvidia/version", "535.129.03\n");
	check_version("version", "535.129.03");
	put("version/sys/module/nvidia/version", "535.129.03-grid\n");
	check_version("version", NULL);
	check_version("nowhere", NULL);
}

static void long_root(void **state)
{
	char root[PATH_MAX * 2];

	(void)state;
	memset(root, '/', sizeof(root));
	root[sizeof(root) - 1] = '\0';
	find(root, 0);
	root[PATH_MAX - 10] = '\0';
	find(root, 0);
	check_common(GPU_NVIDIA, root, "");
	check_version(root, NULL);
}

static void addresses(void **state)
{
	static const char *const texts[][2] = {
		{ "0000:17:00.0", "0000:17:00.0" },
		{ "00000000:3B:1F.7", "0000:3b:1f.7" },
		{ "10000:01:00.0", "10000:01:00.0" },
		{ "1:2:3.4", "0001:02:03.4" },
		{ "fffffff:ff:1f.7", "fffffff:ff:1f.7" },
		{ "ffffffff:ff:1f.7", "" }, /* does not fit */
		{ "0000:17:00", "" },
		{ "0000:17:00.0.0", "" },
		{ "0000:17:00.0 ", "" },
		{ "0000:17:000.0", "" },
		{ "0x00:17:00.0", "" },
		{ "-1:17:00.0", "" },
		{ "pci0000:00", "" },
		{ "", "" },
	};
	char pci[PCI_ADDRESS_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		assert_int_equal(pci_parse(texts[i][0], pci), texts[i][1][0] != '\0');
		assert_string_equal(pci, texts[i][1]);
	}
}

static void vendors(void **state)
{
	(void)state;
	assert_string_equal(gpu_vendor_name(GPU_NVIDIA), "NVIDIA");
	assert_string_equal(gpu_vendor_name(GPU_AMD), "AMD");
	assert_string_equal(gpu_vendor_name(GPU_INTEL), "Intel");
}

/* Whatever this machine has, it is found and released. */
static void the_node(void **state)
{
	(void)state;
	err = (struct error)ERROR_INIT;
	gpulist_done(&list);
	assert_int_equal(gpulist_find(&list, "", &err), 0);
	for (size_t i = 0; i < list.count; i++)
		assert_non_null(list.items[i].nodes[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none),
		cmocka_unit_test(nvidia),
		cmocka_unit_test(nvidia_with_drm),
		cmocka_unit_test(nvidia_unused_or_excluded),
		cmocka_unit_test(nvidia_without_proc),
		cmocka_unit_test(nvidia_hostile),
		cmocka_unit_test(amd_and_intel),
		cmocka_unit_test(others),
		cmocka_unit_test(amd_partitions),
		cmocka_unit_test(amd_partitions_of_one_device),
		cmocka_unit_test(drm_hostile),
		cmocka_unit_test(common_nodes),
		cmocka_unit_test(version),
		cmocka_unit_test(long_root),
		cmocka_unit_test(addresses),
		cmocka_unit_test(vendors),
		cmocka_unit_test(the_node),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
