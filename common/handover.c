/* SPDX-License-Identifier: BSD-3-Clause */
/* handover.c - see handover.h. */
#include "common/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

#define TEXT_MAX (1u << 20)

int handover_create(const struct handover *header, const char *text, struct error *err)
{
	cleanup_close int fd = -1;

	if (header->text_len > TEXT_MAX)
		return error_set(err, E2BIG, "container options of %u bytes", header->text_len);
	fd = memfd_create("davit", MFD_ALLOW_SEALING);
	if (fd < 0)
		return error_set(err, errno, "cannot create a memfd");
	if (fd_write_all(fd, header, sizeof(*header)) < 0 ||
	    fd_write_all(fd, text, header->text_len) < 0)
		return error_set(err, errno, "cannot write to a memfd");
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return error_set(err, errno, "cannot seal a memfd");
	return steal_fd(&fd);
}

struct handover *handover_map(int fd, struct error *err)
{
	struct handover *handover;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) < 0 ||
	    st.st_size < (off_t)sizeof(*handover)) {
		error_set(err, 0, "descriptor %d does not come from Davit's plugin", fd);
		goto wrong;
	}
	handover = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (handover == MAP_FAILED) {
		error_set(err, errno, "cannot map what the plugin left");
		return NULL;
	}
	if (handover->magic == HANDOVER_MAGIC &&
	    handover->text_len == (size_t)st.st_size - sizeof(*handover) &&
	    (handover->text_len == 0 || handover_text(handover)[handover->text_len - 1] == '\0'))
		return handover;
	munmap(handover, (size_t)st.st_size);
	error_set(err, 0, "the plugin and the launcher are of different versions");
wrong:
	error_remedy(err, "ask your admin to install Davit's plugin and launcher from one build");
	return NULL;
}

const char *handover_text(const struct handover *handover)
{
	return (const char *)(handover + 1);
}

const char *const handover_variables[] = { "SLURM_GPUS_ON_NODE", "SLURM_SHARDS_ON_NODE",
					   "SLURM_STEP_GPUS", "SLURM_JOB_GPUS", NULL };

const char *handover_variable(const struct handover *handover, const char *name)
{
	const char *text = handover_text(handover), *end = text + handover->text_len;
	size_t len = strlen(name);

	for (; text < end; text += strlen(text) + 1)
		if (text[0] == HANDOVER_VARIABLE && strncmp(text + 1, name, len) == 0 &&
		    text[len + 1] == '=')
			return text + len + 2;
	return NULL;
}

/* An encoded argument begins with this, and has ENCODED_QUOTE for each quote and ENCODED_SELF for
 * each ENCODE. No program takes such bytes for arguments. */
#define ENCODED       "\001davit:"
#define ENCODE        '\001'
#define ENCODED_QUOTE 'q'
#define ENCODED_SELF  'e'

char *handover_encode_arg(const char *arg)
{
	char *out = malloc(strlen(ENCODED) + 2 * strlen(arg) + 1), *to = out;

	if (!out)
		return NULL;
	to = stpcpy(to, ENCODED);
	for (; *arg; arg++) {
		if (*arg == '\'' || *arg == ENCODE) {
			*to++ = ENCODE;
			*to++ = *arg == ENCODE ? ENCODED_SELF : ENCODED_QUOTE;
		} else {
			*to++ = *arg;
		}
	}
	*to = '\0';
	return out;
}

void handover_decode_arg(char *arg)
{
	const char *from = arg + strlen(ENCODED);
	char *to = arg;

	if (strncmp(arg, ENCODED, strlen(ENCODED)) != 0)
		return;
	for (; *from; from++) {
		if (*from == ENCODE && from[1])
			*to++ = *++from == ENCODED_SELF ? ENCODE : '\'';
		else
			*to++ = *from;
	}
	*to = '\0';
}

int handover_judge(int fd, const struct handover_judged *judged)
{
	const uint32_t yes = 1;

	return pwrite(fd, judged, sizeof(*judged), offsetof(struct handover, judged)) ==
				       (ssize_t)sizeof(*judged) &&
			       pwrite(fd, &yes, sizeof(yes),
				      offsetof(struct handover, is_judged)) == (ssize_t)sizeof(yes)
		       ? 0
		       : -1;
}

bool handover_read(int fd, struct handover *copy)
{
	return pread(fd, copy, sizeof(*copy), 0) == (ssize_t)sizeof(*copy);
}

bool handover_stats(const struct handover *copy, uint64_t values[STAT_COUNT])
{
	if (copy->counts == HANDOVER_COUNTS_NOT)
		return false;
	stats_sum(&copy->stats, values);
	return true;
}

void handover_note_staged(struct handover *handover, const char *path)
{
	snprintf(handover->staged, sizeof(handover->staged), "%s", path);
}

bool handover_staged(const struct handover *copy, char path[HANDOVER_STAGED_MAX])
{
	snprintf(path, HANDOVER_STAGED_MAX, "%.*s", HANDOVER_STAGED_MAX - 1, copy->staged);
	return path[0] != '\0';
}

enum handover_server handover_server(int fd, const struct handover *copy)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = HANDOVER_LOCK_SERVER, .l_len = 1 };
	struct handover again;

	if (copy->server == HANDOVER_SERVER_RUNS && fcntl(fd, F_GETLK, &lock) == 0 &&
	    lock.l_type == F_UNLCK) {
		/* A server signs out before it lets go of its lock, maybe just now: look again. */
		if (!handover_read(fd, &again))
			return HANDOVER_SERVER_NONE;
		if (again.server == HANDOVER_SERVER_RUNS)
			return HANDOVER_SERVER_DIED;
		copy = &again;
	}
	return copy->server < HANDOVER_SERVER_DIED ? (enum handover_server)copy->server
						   : HANDOVER_SERVER_NONE;
}
