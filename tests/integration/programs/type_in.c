/* SPDX-License-Identifier: BSD-3-Clause */
/* type_in.c - tries to put a character into the input queue of its terminal, and tells how that went. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

int main(void)
{
	int fd = open("/dev/tty", O_RDWR);
	char c = 'x';

	if (fd < 0)
		puts("no terminal");
	else
		puts(ioctl(fd, TIOCSTI, &c) == 0 ? "typed" : strerror(errno));
	return 0;
}
