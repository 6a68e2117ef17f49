/* SPDX-License-Identifier: BSD-3-Clause */
/* cuda.c - a program of an image that loads a driver's library by its soname, as CUDA's runtime does,
 * and tells which file that is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		void *library = dlopen(argv[i], RTLD_NOW);
		const char *(*origin)(void) =
			library ? (const char *(*)(void))dlsym(library, "davit_test_origin") : NULL;
		Dl_info info;

		if (!origin || !dladdr((void *)origin, &info)) {
			printf("%s: %s\n", argv[i], library ? "another library" : "none");
			continue;
		}
		printf("%s: %s, the %s's\n", argv[i], info.dli_fname, origin());
	}
	return 0;
}
