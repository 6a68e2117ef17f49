/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * skopeo.c - layers from a registry, or from wherever skopeo can read: see layers.h.
 *
 * `skopeo experimental-image-proxy` fetches for its parent: requests and replies are JSON in packets on
 * its standard input, contents come through pipes that are passed with replies (cmd/skopeo/proxy.go of
 * github.com/containers/skopeo). So no blob is ever on disk. It ends, and removes what it has in TMPDIR,
 * when the other end of the socket is closed, whatever becomes of this process; a terminal's signals
 * are not for it. But it looks at its socket only between requests, and never loses patience with a
 * registry that does not answer: so it is killed when it does not end, and, of a registry, of which it
 * keeps nothing in TMPDIR, dies with this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "images/json.h"
#include "common/syscalls.h"
#include "images/crypto.h"
#include "images/import/layers.h"
#include "images/import/local.h"
#include "images/import/skopeo_error.h"

#define REPLY_MAX   ((size_t)64 << 10)
#define CONFIG_MAX  ((size_t)8 << 20)
#define ANSWER_SECS 180
#define FINISH_SECS 10 /* what has been read needs no more of anybody */
#define END_MS      (5 * 1000)
#define EXEC_FAILED 127

static const char *const tools[] = { "/usr/bin/skopeo", "/usr/local/bin/skopeo" };

struct proxy {
	char *reference;
	pid_t pid;
	int socket, messages;
	unsigned int timeout; /* seconds */
	bool is_silent;       /* it has not answered in time */
	json_int_t image;
};

static const char *find_tool(struct error *err)
{
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (access(tools[i], X_OK) == 0)
			return tools[i];
	error_set(err, 0, "there is no skopeo on this node");
	error_remedy(err, "ask your admin for the package skopeo");
	return NULL;
}

static bool is_registry(const char *reference)
{
	return strncmp(reference, "docker://", strlen("docker://")) == 0;
}

/* `before` are the words in front of its command line. */
static _Noreturn void exec_tool(const char *tool, const char *const before[LOCAL_WORDS],
				const struct skopeo_options *options, const struct proxy *proxy,
				int socket, pid_t parent)
{
	const char *argv[16 + LOCAL_WORDS], *daemon = local_daemon(proxy->reference);
	char authfile[4096];
	size_t n = 0;
	int null = open("/dev/null", O_RDWR);

	if (is_registry(proxy->reference) &&
	    (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent))
		_exit(EXEC_FAILED);
	for (; n < LOCAL_WORDS && before[n]; n++)
		argv[n] = before[n];
	argv[n++] = tool;
	argv[n++] = "--override-os=linux";
	argv[n++] = "--override-arch";
	argv[n++] = options->arch;
	argv[n++] = "experimental-image-proxy";
	if (options->no_tls_verify)
		argv[n++] = "--tls-verify=false";
	if (options->authfile) {
		snprintf(authfile, sizeof(authfile), "--authfile=%s", options->authfile);
		argv[n++] = authfile;
	}
	if (daemon) {
		argv[n++] = "--daemon-host";
		argv[n++] = daemon;
	}
	argv[n] = NULL;
	if (null < 0 || dup2(socket, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(proxy->messages, STDERR_FILENO) < 0)
		_exit(EXEC_FAILED);
	(void)close_range(STDERR_FILENO + 1, ~0u, 0);
	(void)setpgid(0, 0);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(EXEC_FAILED);
}

static int start_tool(struct proxy *proxy, const struct skopeo_options *options, struct error *err)
{
	const char *tool = find_tool(err), *before[LOCAL_WORDS] = { NULL };
	pid_t parent = getpid();
	int pair[2];

	if (!tool || local_enter(proxy->reference, before, err) < 0)
		return -1;
	proxy->messages = memfd_create("davit-messages", MFD_CLOEXEC);
	if (proxy->messages < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "cannot create a socket pair");
	proxy->socket = pair[0];
	proxy->pid = fork();
	if (proxy->pid == 0)
		exec_tool(tool, before, options, proxy, pair[1], parent);
	close(pair[1]);
	return proxy->pid < 0 ? error_set(err, errno, "cannot start skopeo") : 0;
}

/* It has gone instead of answering: the last that it has said tells why. */
static int blame_end(struct proxy *proxy, struct error *err)
{
	char text[4096], *line;
	ssize_t len = fd_pread_all(proxy->messages, text, sizeof(text) - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	line = text + strlen(text);
	while (line > text && line[-1] == '\n')
		*--line = '\0';
	line = strrchr(text, '\n');
	return skopeo_error(line      ? line + 1
			    : text[0] ? text
				      : "it has ended",
			    proxy->reference, err);
}

static int blame_silence(struct proxy *proxy, struct error *err)
{
	char text[64];

	proxy->is_silent = true;
	snprintf(text, sizeof(text), "timeout: nothing came for %u seconds", proxy->timeout);
	return skopeo_error(text, proxy->reference, err);
}

/* Receives a packet, and a descriptor where one comes with it, else *fd is -1. */
static ssize_t receive(int socket, char *buf, size_t size, int *fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data = { buf, size };
	struct msghdr msg = { .msg_iov = &data,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *header;
	ssize_t n;

	*fd = -1;
	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	header = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(header), sizeof(*fd));
	return n;
}

/* Takes over `args`. */
static int ask(struct proxy *proxy, const char *method, json_t *args, struct error *err)
{
	cleanup_json json_t *request = json_pack("{s:s, s:o?}", "method", method, "args", args);
	cleanup_free char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;

	if (!text)
		return error_set(err, ENOMEM, "cannot ask skopeo");
	if (send(proxy->socket, text, strlen(text), MSG_NOSIGNAL) < 0)
		return blame_end(proxy, err);
	return 0;
}

/* *reply is a new reference, also on failure; *fd is -1 where no pipe comes with it. */
static int hear(struct proxy *proxy, unsigned int timeout, json_t **reply, int *fd,
		struct error *err)
{
	const struct timeval limit = { .tv_sec = (time_t)timeout };
	cleanup_free char *buf = malloc(REPLY_MAX);
	const char *cause = NULL;
	int success = 0;
	ssize_t n;

	*fd = -1;
	if (!buf)
		return error_set(err, ENOMEM, "cannot ask skopeo");
	(void)setsockopt(proxy->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	n = receive(proxy->socket, buf, REPLY_MAX, fd);
	if (n < 0 && errno == EAGAIN)
		return blame_silence(proxy, err);
	if (n <= 0)
		return blame_end(proxy, err);
	*reply = json_loadb(buf, (size_t)n, 0, NULL);
	if (!*reply || json_unpack(*reply, "{s:b, s?:s}", "success", &success, "error", &cause) < 0)
		return error_set(err, 0, "skopeo's answer is not understood");
	return success ? 0 : skopeo_error(cause ? cause : "no reason", proxy->reference, err);
}

/* A request and its reply, of which *value is a new reference. */
static int call(struct proxy *proxy, const char *method, json_t *args, json_t **value,
		struct error *err)
{
	cleanup_json json_t *reply = NULL;
	cleanup_close int fd = -1;

	if (ask(proxy, method, args, err) < 0 || hear(proxy, proxy->timeout, &reply, &fd, err) < 0)
		return -1;
	if (value)
		*value = json_incref(json_object_get(reply, "value"));
	return 0;
}

/* A request that brings a pipe, which is returned. It ends only when it is told that it has been
 * finished; that request waits there, and finish_pipe() gets the answer. */
static int open_pipe(struct proxy *proxy, const char *method, json_t *args, struct error *err)
{
	cleanup_json json_t *reply = NULL;
	cleanup_close int fd = -1;

	if (ask(proxy, method, args, err) < 0 || hear(proxy, proxy->timeout, &reply, &fd, err) < 0)
		return -1;
	if (fd < 0)
		return error_set(err, 0, "skopeo's answer to '%s' brings no pipe", method);
	if (ask(proxy, "FinishPipe",
		json_pack("[I]", json_integer_value(json_object_get(reply, "pipeid"))), err) < 0)
		return -1;
	return steal_fd(&fd);
}

/* When the pipe has been read to its end, or closed. */
static int finish_pipe(struct proxy *proxy, struct error *err)
{
	cleanup_json json_t *reply = NULL;
	cleanup_close int fd = -1;
	unsigned int timeout = proxy->timeout < FINISH_SECS ? proxy->timeout : FINISH_SECS;

	return hear(proxy, timeout, &reply, &fd, err);
}

/* All that comes of `fd`, up to CONFIG_MAX bytes. */
static char *read_pipe(struct proxy *proxy, int fd, size_t *len, struct error *err)
{
	cleanup_free char *text = malloc(CONFIG_MAX + 1);
	struct pollfd pending = { .fd = fd, .events = POLLIN };
	ssize_t n = text ? 1 : -1;

	for (*len = 0; n > 0 && *len <= CONFIG_MAX; *len += n > 0 ? (size_t)n : 0) {
		if (poll(&pending, 1, (int)proxy->timeout * 1000) == 0) {
			blame_silence(proxy, err);
			return NULL;
		}
		do
			n = read(fd, text + *len, CONFIG_MAX + 1 - *len);
		while (n < 0 && errno == EINTR);
	}
	if (n == 0)
		return steal_ptr(&text);
	error_set(err, n < 0 ? errno : EFBIG, "cannot read what skopeo brings");
	return NULL;
}

/* Reads all that a method brings. */
static int fetch(struct proxy *proxy, const char *method, json_t *args, char **text, size_t *len,
		 struct error *err)
{
	struct error reading = ERROR_INIT;
	int fd = open_pipe(proxy, method, args, err);

	*text = NULL;
	if (fd < 0)
		return -1;
	*text = read_pipe(proxy, fd, len, &reading);
	close(fd);
	if (proxy->is_silent) {
		*err = reading;
		return -1;
	}
	if (finish_pipe(proxy, err) < 0)
		return -1;
	if (!*text)
		*err = reading;
	return *text ? 0 : -1;
}

static bool has_digest(const char *text, size_t len, const char *digest)
{
	char found[DIGEST_TEXT_SIZE];

	return crypto_digest(text, len, found) == 0 && strcmp(found, digest) == 0;
}

/* The configuration as it is stored, or where Docker's has been made one of the OCI, that. */
static int read_config(struct layers *layers, const char *digest, struct error *err)
{
	struct proxy *proxy = layers->source;
	struct error ignored = ERROR_INIT;
	cleanup_free char *text = NULL;
	size_t len = 0;

	if (fetch(proxy, "GetBlob",
		  json_pack("[I, s, I]", proxy->image, digest, (json_int_t)layers->config_size),
		  &text, &len, &ignored) < 0 ||
	    !has_digest(text, len, digest)) {
		free(steal_ptr(&text));
		if (proxy->is_silent) {
			*err = ignored;
			return -1;
		}
		if (fetch(proxy, "GetFullConfig", json_pack("[I]", proxy->image), &text, &len,
			  err) < 0)
			return -1;
	}
	return layers_take_config(layers, steal_ptr(&text), len, err);
}

static int open_blob(struct layers *layers, size_t index, struct error *err)
{
	struct proxy *proxy = layers->source;
	const struct layer *layer = &layers->list[index];

	return open_pipe(
		proxy, "GetBlob",
		json_pack("[I, s, I]", proxy->image, layer->digest, (json_int_t)layer->size), err);
}

static int close_blob(struct layers *layers, size_t index, struct error *err)
{
	(void)index;
	return finish_pipe(layers->source, err);
}

/* Closing its socket ends it, unless it waits for somebody else. Its process group is its own, with the
 * program that has started it, where there is one. */
static void end_tool(const struct proxy *proxy)
{
	cleanup_close int end = (int)syscall(SYS_pidfd_open, proxy->pid, 0);
	struct pollfd pending = { .fd = end, .events = POLLIN };

	if (end < 0 || poll(&pending, 1, proxy->is_silent ? 0 : END_MS) <= 0) {
		(void)kill(-proxy->pid, SIGKILL);
		(void)kill(proxy->pid, SIGKILL);
	}
}

static void end_proxy(struct layers *layers)
{
	struct proxy *proxy = layers->source;

	if (proxy->socket >= 0)
		close(proxy->socket);
	if (proxy->pid > 0)
		end_tool(proxy);
	while (proxy->pid > 0 && waitpid(proxy->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (proxy->messages >= 0)
		close(proxy->messages);
	free(proxy->reference);
	free(proxy);
}

int layers_open_skopeo(struct layers *layers, const char *reference,
		       const struct skopeo_options *options, struct error *err)
{
	struct proxy *proxy = calloc(1, sizeof(*proxy));
	cleanup_free char *text = NULL, *config = NULL;
	cleanup_json json_t *image = NULL;
	size_t len = 0;

	if (!proxy)
		return error_set(err, ENOMEM, "cannot ask skopeo");
	proxy->socket = proxy->messages = -1;
	proxy->timeout = options->timeout ? options->timeout : ANSWER_SECS;
	*layers = (struct layers){ .has_whiteouts = true,
				   .are_far = true,
				   .timeout = proxy->timeout,
				   .source = proxy,
				   .open = open_blob,
				   .close = close_blob,
				   .done = end_proxy };
	proxy->reference = strdup(reference);
	if (!proxy->reference || crypto_open(err) < 0 || start_tool(proxy, options, err) < 0 ||
	    call(proxy, "Initialize", json_array(), NULL, err) < 0 ||
	    call(proxy, "OpenImage", json_pack("[s]", reference), &image, err) < 0)
		return -1;
	proxy->image = json_integer_value(image);
	if (fetch(proxy, "GetManifest", json_pack("[I]", proxy->image), &text, &len, err) < 0 ||
	    layers_read_manifest(layers, text, len, &config, err) < 0)
		return -1;
	return read_config(layers, config, err);
}
