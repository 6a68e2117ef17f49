/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * add.c - a CUDA program without CUDA: loads the driver by its soname, as CUDA's runtime does, and has
 * it add two vectors on each GPU, from a program in PTX that the driver compiles.
 *
 * Prints "COUNT GPUs", then for each its name and "sum ok". Exit code 2: there is no driver.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT 1024

typedef struct module *module_t;
typedef struct function *function_t;
typedef struct context *context_t;
typedef unsigned long long address_t;

/* From CUDA's documentation of the driver API. */
static int (*init)(unsigned int flags);
static int (*device_count)(int *count);
static int (*device_name)(char *name, int len, int device);
static int (*retain)(context_t *context, int device);
static int (*set_current)(context_t context);
static int (*load)(module_t *module, const void *image);
static int (*get_function)(function_t *function, module_t module, const char *name);
static int (*allocate)(address_t *address, size_t size);
static int (*to_device)(address_t to, const void *from, size_t size);
static int (*to_host)(void *to, address_t from, size_t size);
static int (*launch)(function_t function, unsigned int grid_x, unsigned int grid_y,
		     unsigned int grid_z, unsigned int block_x, unsigned int block_y,
		     unsigned int block_z, unsigned int shared, void *stream, void **arguments,
		     void **extra);

static const struct {
	const char *name;
	void *function;
} functions[] = {
	{ "cuInit", &init },
	{ "cuDeviceGetCount", &device_count },
	{ "cuDeviceGetName", &device_name },
	{ "cuDevicePrimaryCtxRetain", &retain },
	{ "cuCtxSetCurrent", &set_current },
	{ "cuModuleLoadData", &load },
	{ "cuModuleGetFunction", &get_function },
	{ "cuMemAlloc_v2", &allocate },
	{ "cuMemcpyHtoD_v2", &to_device },
	{ "cuMemcpyDtoH_v2", &to_host },
	{ "cuLaunchKernel", &launch },
};

/* a[i] += b[i] */
static const char ptx[] = ".version 6.0\n"
			  ".target sm_50\n"
			  ".address_size 64\n"
			  ".visible .entry add(.param .u64 a, .param .u64 b)\n"
			  "{\n"
			  "	.reg .u32 %r<5>;\n"
			  "	.reg .u64 %rd<6>;\n"
			  "	ld.param.u64 %rd1, [a];\n"
			  "	ld.param.u64 %rd2, [b];\n"
			  "	mov.u32 %r1, %tid.x;\n"
			  "	mul.wide.u32 %rd3, %r1, 4;\n"
			  "	add.u64 %rd4, %rd1, %rd3;\n"
			  "	add.u64 %rd5, %rd2, %rd3;\n"
			  "	ld.global.u32 %r2, [%rd4];\n"
			  "	ld.global.u32 %r3, [%rd5];\n"
			  "	add.u32 %r4, %r2, %r3;\n"
			  "	st.global.u32 [%rd4], %r4;\n"
			  "	ret;\n"
			  "}\n";

static void check(int result, const char *what)
{
	if (result == 0)
		return;
	printf("%s: error %d\n", what, result);
	exit(1);
}

static void find_functions(void)
{
	void *driver = dlopen("libcuda.so.1", RTLD_NOW);

	if (!driver) {
		printf("no driver: %s\n", dlerror());
		exit(2);
	}
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		*(void **)functions[i].function = dlsym(driver, functions[i].name);
		check(*(void **)functions[i].function == NULL, functions[i].name);
	}
}

static void add(int device)
{
	unsigned int a[COUNT], b[COUNT], wrong = 0;
	context_t context;
	module_t module;
	function_t function;
	address_t on_device[2];
	void *arguments[] = { &on_device[0], &on_device[1] };

	for (unsigned int i = 0; i < COUNT; i++) {
		a[i] = i;
		b[i] = 3 * i + 1;
	}
	check(retain(&context, device), "cuDevicePrimaryCtxRetain");
	check(set_current(context), "cuCtxSetCurrent");
	check(load(&module, ptx), "cuModuleLoadData");
	check(get_function(&function, module, "add"), "cuModuleGetFunction");
	check(allocate(&on_device[0], sizeof(a)), "cuMemAlloc");
	check(allocate(&on_device[1], sizeof(b)), "cuMemAlloc");
	check(to_device(on_device[0], a, sizeof(a)), "cuMemcpyHtoD");
	check(to_device(on_device[1], b, sizeof(b)), "cuMemcpyHtoD");
	check(launch(function, 1, 1, 1, COUNT, 1, 1, 0, NULL, arguments, NULL), "cuLaunchKernel");
	check(to_host(a, on_device[0], sizeof(a)), "cuMemcpyDtoH");
	for (unsigned int i = 0; i < COUNT; i++)
		wrong += a[i] != 4 * i + 1;
	printf("sum %s\n", wrong ? "wrong" : "ok");
}

int main(void)
{
	int count = 0;

	find_functions();
	check(init(0), "cuInit");
	check(device_count(&count), "cuDeviceGetCount");
	printf("%d GPUs\n", count);
	for (int i = 0; i < count; i++) {
		char name[128];

		check(device_name(name, sizeof(name), i), "cuDeviceGetName");
		printf("%s: ", name);
		add(i);
	}
	return 0;
}
