/* SPDX-License-Identifier: BSD-3-Clause */
/* import.c - see import.h: which kind of source it is, and what is done with each. */
#include "images/import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/home.h"
#include "common/nearest.h"
#include "images/import/merge.h"
#include "images/read.h"
#include "images/sif.h"

#define COPY_SIZE ((size_t)1 << 20)
#define HEAD_SIZE 512

static const char *const transports[] = {
	"docker://",       "oci:",           "oci-archive:",
	"docker-archive:", "docker-daemon:", "containers-storage:"
};

#define TRANSPORTS (sizeof(transports) / sizeof(transports[0]))

static const char *find_transport(const char *source)
{
	for (size_t i = 0; i < TRANSPORTS; i++)
		if (strncmp(source, transports[i], strlen(transports[i])) == 0)
			return transports[i];
	return NULL;
}

static int merge(struct import *import, struct layers *layers, struct error *err)
{
	struct merge run = { .pack = &import->pack,
			     .path = import->file,
			     .progress = import->progress,
			     .data = import->data };
	int result = merge_layers(&run, layers, err);

	import->left_out = run.left_out;
	return result;
}

static int import_skopeo(struct import *import, struct layers *layers, struct error *err)
{
	if (layers_open_skopeo(layers, import->source, &import->skopeo, err) < 0)
		return -1;
	return merge(import, layers, err);
}

/* "DIR[:TAG]", where a directory may have a colon in its name. */
static int import_layout(struct import *import, struct layers *layers, struct error *err)
{
	cleanup_free char *dir = home_expand(import->source + strlen("oci:"), err);
	char *colon = dir ? strrchr(dir, ':') : NULL;
	struct stat st;

	if (!dir)
		return -1;
	if (colon && stat(dir, &st) < 0)
		*colon++ = '\0';
	else
		colon = NULL;
	if (layers_open_layout(layers, dir, colon, import->skopeo.arch, err) < 0)
		return -1;
	return merge(import, layers, err);
}

static int import_tar(struct import *import, struct layers *layers, int fd, struct error *err)
{
	if (layers_open_tar(layers, fd, err) < 0)
		return -1;
	return merge(import, layers, err);
}

/* Copies `size` bytes, -1 for all that there are. */
static int copy_bytes(int from, int to, off_t offset, int64_t size, struct error *err)
{
	cleanup_free char *buf = malloc(COPY_SIZE);
	int64_t done = 0;

	while (buf && (size < 0 || done < size)) {
		size_t want = size >= 0 && size - done < (int64_t)COPY_SIZE ? (size_t)(size - done)
									    : COPY_SIZE;
		ssize_t n = size < 0 ? read(from, buf, want)
				     : pread(from, buf, want, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, errno, "cannot read it");
		if (n == 0 && size < 0)
			return 0;
		if (n == 0)
			return error_set(err, 0, "it has become shorter");
		if (fd_write_all(to, buf, (size_t)n) < 0)
			return error_set(err, errno, "cannot write the copy of it");
		done += n;
	}
	return buf ? 0 : error_set(err, ENOMEM, "cannot copy it");
}

/* All is read twice: what cannot be has to be put somewhere, in a file without a name. */
static int spool(struct error *err)
{
	const char *dir = getenv("TMPDIR") ?: "/var/tmp";
	cleanup_close int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/davit-import-XXXXXX", dir);
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			(void)unlink(path);
	}
	if (fd < 0 || copy_bytes(STDIN_FILENO, fd, 0, -1, err) < 0) {
		if (fd < 0)
			error_set(err, errno, "cannot make a file in '%s'", dir);
		return error_remedy(err, "TMPDIR=DIR, with room for standard input");
	}
	return steal_fd(&fd);
}

static int import_stdin(struct import *import, struct layers *layers, struct error *err)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) &&
	    lseek(STDIN_FILENO, 0, SEEK_CUR) == 0)
		return import_tar(import, layers, STDIN_FILENO, err);
	fd = spool(err);
	return fd < 0 ? -1 : import_tar(import, layers, fd, err);
}

/* The squashfs in a SIF is an image already. */
static int import_sif(struct import *import, int fd, off_t size, struct error *err)
{
	struct pack pack = PACK_INIT;
	struct sif_partition partition;
	int result = sif_find_system(fd, size, &partition, err);

	if (result == 0)
		result = pack_begin(&pack, import->file, &import->pack, err);
	if (result == 0)
		result = copy_bytes(fd, pack.file.fd, partition.offset, partition.size, err);
	if (result == 0)
		result = newfile_name(&pack.file, err);
	pack_abort(&pack);
	return result;
}

static int refuse_missing(const char *source, int reason, struct error *err)
{
	const char *colon = strchr(source, ':');
	size_t len = colon ? (size_t)(colon - source) + 1 : 0;
	cleanup_free char *scheme = strndup(source, len + strspn(source + len, "/"));
	const char *near;

	error_set(err, reason, "cannot open it");
	if (reason != ENOENT)
		return -1;
	near = colon && scheme ? word_nearest(scheme, transports, TRANSPORTS) : NULL;
	if (near)
		return error_remedy(err, "%s%s", near, colon + 1 + strspn(colon + 1, "/"));
	return error_remedy(err, "docker://%s, if an image in a registry is meant", source);
}

static int import_path(struct import *import, struct layers *layers, struct error *err)
{
	cleanup_free char *path = home_expand(import->source, err);
	cleanup_close int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	char head[HEAD_SIZE];
	struct stat st;
	ssize_t len;

	if (!path)
		return -1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return refuse_missing(import->source, errno, err);
	if (S_ISDIR(st.st_mode))
		return pack_directory(fd, import->file, &import->pack, err);
	if (!S_ISREG(st.st_mode)) {
		error_set(err, 0, "it is neither a file nor a directory");
		return error_remedy(err, "- for standard input");
	}
	len = fd_pread_all(fd, head, sizeof(head), 0);
	if (len < 0)
		return error_set(err, errno, "cannot read it");
	if (sif_is_header(head, (size_t)len))
		return import_sif(import, fd, st.st_size, err);
	if (len >= 4 && memcmp(head, "hsqs", 4) == 0) {
		error_set(err, 0, "it is an image already");
		return error_remedy(err, "cp");
	}
	return import_tar(import, layers, fd, err);
}

static int import_any(struct import *import, struct layers *layers, struct error *err)
{
	const char *transport = find_transport(import->source);

	if (transport && strcmp(transport, "oci:") == 0)
		return import_layout(import, layers, err);
	if (transport)
		return import_skopeo(import, layers, err);
	if (strcmp(import->source, "-") == 0)
		return import_stdin(import, layers, err);
	return import_path(import, layers, err);
}

static int check_file(const struct import *import, struct error *err)
{
	struct stat st;

	if (import->force || lstat(import->file, &st) < 0)
		return 0;
	error_set(err, 0, "'%s' is there already", import->file);
	return error_remedy(err, "--force replaces it; or name another file");
}

int import_image(struct import *import, struct error *err)
{
	struct layers *layers = calloc(1, sizeof(*layers));
	int result = -1;

	if (!layers)
		return error_set(err, ENOMEM, "cannot import");
	if (!import->skopeo.arch)
		import->skopeo.arch = layers_this_arch();
	if (check_file(import, err) == 0 && pack_check(&import->pack, err) == 0)
		result = import_any(import, layers, err) < 0
				 ? error_wrap(err, "cannot import '%s'", import->source)
				 : 0;
	layers_done(layers);
	free(layers);
	return result;
}
