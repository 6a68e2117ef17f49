/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proctitle.c - see proctitle.h.
 *
 * The kernel reads a process's arguments back from the memory where it once put them, followed by
 * the environment strings, as long as both are in one piece: that is the room for a title. Once the
 * byte behind the arguments is no NUL any more, it shows the text up to the first NUL
 * (fs/proc/base.c: get_mm_cmdline); padding all with NULs serves either way.
 */
#include "launcher/proctitle.h"

#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static char *start;
static size_t room;

static void extend(char *string)
{
	if (string == start + room)
		room += strlen(string) + 1;
}

void proctitle_init(int argc, char **argv)
{
	start = argc > 0 ? argv[0] : NULL;
	for (int i = 0; i < argc; i++)
		extend(argv[i]);
	for (char **env = environ; *env; env++)
		extend(*env);
}

void proctitle_set(const char *name, const char *title)
{
	size_t len = strlen(title);

	(void)prctl(PR_SET_NAME, name);
	if (room == 0)
		return;
	if (len >= room)
		len = room - 1;
	memset(start, 0, room);
	memcpy(start, title, len);
}
