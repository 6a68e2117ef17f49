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
#include "common/source.h"
#include "images/crypto.h"
#include "images/import/local.h"
#include "images/import/merge.h"
#include "images/import/spool.h"
#include "images/oci.h"
#include "images/read.h"
#include "images/sif.h"

#define HEAD_SIZE  512
#define PIECE_SIZE ((size_t)1 << 20)
#define CONFIG_MAX ((size_t)1 << 20)

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

static int import_tar(struct import *import, struct layers *layers, int fd, struct error *err)
{
	if (layers_open_tar(layers, fd, err) < 0)
		return -1;
	if (merge(import, layers, err) == 0)
		return 0;
	if (!strstr(err->cause, "Unrecognized archive format")) /* libarchive's words */
		return -1;
	error_set(err, 0, "it is not a tar");
	return error_remedy(err, "a tar of a root file system, a SIF or a directory");
}

/* Takes "FILE[:NAME]" or "DIR[:TAG]" apart, where a file may have colons in its name, and a name has. */
static const char *cut_name(char *path)
{
	struct stat st;

	for (char *end = path + strlen(path); end; end = memrchr(path, ':', (size_t)(end - path))) {
		bool has_name = *end == ':';

		*end = '\0';
		if (stat(path, &st) == 0)
			return has_name ? end + 1 : NULL;
		if (has_name)
			*end = ':';
	}
	path[strcspn(path, ":")] = '\0';
	return NULL;
}

/* The file or directory of such a source, to be freed, and which image in it, or NULL. */
static char *find_files(const char *source, const char **name, struct error *err)
{
	char *path = home_expand(strchr(source, ':') + 1, err);

	*name = path ? cut_name(path) : NULL;
	return path;
}

/* A layout in a directory or in a tar, or what docker save writes. */
static int open_files(struct layers *layers, const char *source, const char *path, const char *name,
		      const char *arch, struct error *err)
{
	int fd;

	if (strncmp(source, "oci:", strlen("oci:")) == 0)
		return layers_open_layout(layers, path, name, arch, err);
	fd = spool_open(path, err);
	if (fd < 0)
		return -1;
	return strncmp(source, "oci-", strlen("oci-")) == 0
		       ? layers_open_layout_tar(layers, fd, name, arch, err)
		       : layers_open_saved(layers, fd, name, err);
}

static int import_files(struct import *import, struct layers *layers, struct error *err)
{
	const char *name;
	cleanup_free char *path = find_files(import->source, &name, err);

	if (!path || open_files(layers, import->source, path, name, import->skopeo.arch, err) < 0)
		return -1;
	return merge(import, layers, err);
}

static int import_skopeo(struct import *import, struct layers *layers, struct error *err)
{
	if (layers_open_skopeo(layers, import->source, &import->skopeo, err) < 0)
		return local_error(import->source, err);
	return merge(import, layers, err);
}

static int import_stdin(struct import *import, struct layers *layers, struct error *err)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) &&
	    lseek(STDIN_FILENO, 0, SEEK_CUR) == 0)
		return import_tar(import, layers, STDIN_FILENO, err);
	fd = spool(STDIN_FILENO, err);
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
		result = spool_copy(fd, pack.file.fd, partition.offset, partition.size, err);
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

	if (!source[0])
		return error_set(err, 0, "no name of a source");
	error_set(err, reason, "cannot open it");
	if (reason != ENOENT)
		return -1;
	near = colon && scheme ? word_nearest(scheme, transports, TRANSPORTS) : NULL;
	if (near)
		return error_remedy(err, "%s%s", near, colon + 1 + strspn(colon + 1, "/"));
	if (colon && colon[1] == '/') {
		error_set(err, 0, "there are no sources '%s'", scheme ? scheme : "");
		return error_remedy(err,
				    "docker://, oci:, oci-archive: or docker-archive:, a tar, a "
				    "SIF or a directory");
	}
	/* No name of an image begins so. */
	if (strchr("/.~", source[0]))
		return -1;
	return error_remedy(err, "docker://%s, if an image in a registry is meant", source);
}

/* Images in a directory are no root file system: Davit would run nothing of that. */
static int check_directory(int dir, const char *source, struct error *err)
{
	cleanup_free char *text = NULL, *root = NULL;
	cleanup_close int config = openat(dir, "config.json", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct error ignored = ERROR_INIT;
	size_t len = 0;

	if (faccessat(dir, "oci-layout", F_OK, 0) == 0 &&
	    faccessat(dir, "index.json", F_OK, 0) == 0) {
		error_set(err, 0, "it is an OCI layout, not a root file system");
		return error_remedy(err, "oci:%s", source);
	}
	text = config < 0 ? NULL : fd_read_regular(config, CONFIG_MAX, &len);
	if (!text || oci_find_bundle_root(text, len, &root, &ignored) < 0 || !root)
		return 0;
	error_set(err, 0, "it is an OCI bundle, not a root file system");
	return error_remedy(err, "%s%s%s", root[0] == '/' ? "" : source, root[0] == '/' ? "" : "/",
			    root);
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
		return check_directory(fd, import->source, err) < 0
			       ? -1
			       : pack_directory(fd, import->file, &import->pack, err);
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

	if (transport)
		return source_is_path(transport) ? import_files(import, layers, err)
						 : import_skopeo(import, layers, err);
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

static int hash_bytes(struct crypto_hash *hash, int fd, const char *name,
		      unsigned char digest[DIGEST_BYTES], struct error *err)
{
	cleanup_free char *buf = malloc(PIECE_SIZE);
	off_t at = 0;
	ssize_t n;

	if (!hash || !buf || crypto_hash_add(hash, name, strlen(name) + 1) < 0)
		return error_set(err, ENOMEM, "cannot look at it");
	while ((n = fd_pread_all(fd, buf, PIECE_SIZE, at)) > 0) {
		at += n;
		if (crypto_hash_add(hash, buf, (size_t)n) < 0)
			return error_set(err, ENOMEM, "cannot look at it");
	}
	if (n < 0)
		return error_set(err, errno, "cannot read it");
	return crypto_hash_end(hash, digest) < 0 ? error_set(err, ENOMEM, "cannot look at it") : 0;
}

/* Of a file that would have to be decompressed: of its bytes, with the name of the image in it. */
static int hash_file(int fd, const char *name, char digest[DIGEST_TEXT_SIZE], struct error *err)
{
	unsigned char bytes[DIGEST_BYTES] = { 0 };
	struct crypto_hash *hash;
	int result;

	if (crypto_open(err) < 0)
		return -1;
	hash = crypto_hash_new();
	result = hash_bytes(hash, fd, name, bytes, err);
	crypto_hash_free(hash);
	digest_format(bytes, digest);
	return result;
}

static int identify(const char *source, const char *path, const char *name,
		    char digest[DIGEST_TEXT_SIZE], struct error *err)
{
	struct layers *layers = calloc(1, sizeof(*layers));
	int result;

	if (!layers)
		return error_set(err, ENOMEM, "cannot look at it");
	result = open_files(layers, source, path, name, layers_this_arch(), err);
	memcpy(digest, layers->identity, DIGEST_TEXT_SIZE);
	layers_done(layers);
	free(layers);
	return result;
}

int import_digest(const char *source, char digest[DIGEST_TEXT_SIZE], struct error *err)
{
	const char *name;
	cleanup_free char *path = find_files(source, &name, err);
	cleanup_close int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	struct stat st;
	int is_compressed;

	if (!path)
		return -1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, errno, "cannot open '%s'", path);
	if (spool_is_descriptor(path) || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
		error_set(err, 0, "'%s' is neither a file nor a directory", path);
		return error_remedy(err, "davit image import %s FILE.sqfs", source);
	}
	is_compressed = S_ISREG(st.st_mode) ? spool_is_compressed(fd, err) : 0;
	if (is_compressed < 0)
		return -1;
	return is_compressed ? hash_file(fd, name ? name : "", digest, err)
			     : identify(source, path, name, digest, err);
}
