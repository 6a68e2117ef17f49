/* SPDX-License-Identifier: BSD-3-Clause */
/* swap.c - swap A B: exchanges what two names stand for, again and again, until it is killed. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: swap A B");
	while (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) == 0)
		;
	err(1, "renameat2");
}
