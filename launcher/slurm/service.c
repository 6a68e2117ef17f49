/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service.c - see service.h.
 *
 *	service    waits for clients, and for the end of the container
 *	  handler    one for each connection: passes signals on, and the wait status back
 *	    command    srun, squeue, ... in a process group of its own
 *
 * The service must not keep the container alive, nor outlive it, whoever is killed. The socket it
 * listens on pins the file system where it has its name, so that is one of its own, and what the
 * service watches is another: the container's /dev. The kernel tells inotify(7) when it is gone,
 * that is when the last process of the container has ended.
 *
 * Clients are code of the image's, so they are believed nothing. But they are the user's, and all
 * they can ask for is one of Slurm's commands as this user, who may run it anyway.
 */
#include "launcher/slurm/service.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "common/syscalls.h"
#include "launcher/fdpass.h"
#include "launcher/helper.h"
#include "launcher/proctitle.h"
#include "launcher/report.h"
#include "launcher/slurm/wire.h"

#define CLIENT       DAVIT_PKGLIBEXECDIR "/davit-slurm"
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

static char *commands[SLURM_COMMANDS]; /* paths on the node, or NULL */

/* ---- the node's commands and environment --------------------------------- */

static char *find_command(const char *name)
{
	const char *dir = getenv("PATH");

	if (!dir || !dir[0])
		dir = DEFAULT_PATH;
	for (size_t len; *dir; dir += len + (dir[len] == ':')) {
		cleanup_free char *path = NULL;
		struct stat st;

		len = strcspn(dir, ":");
		if (dir[0] != '/' || asprintf(&path, "%.*s/%s", (int)len, dir, name) < 0)
			continue;
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0)
			return steal_ptr(&path);
	}
	return NULL;
}

static int find_commands(struct error *err)
{
	bool found = false;

	if (access(CLIENT, X_OK) < 0) {
		error_set(err, errno, "Slurm's commands need '%s'", CLIENT);
		return error_remedy(
			err,
			"tell your admin: Davit was built without it, which takes a static C library (RHEL: glibc-static)");
	}
	for (size_t i = 0; i < SLURM_COMMANDS; i++) {
		commands[i] = find_command(slurm_commands[i]);
		found = found || commands[i];
	}
	if (found)
		return 0;
	error_set(err, 0, "none of Slurm's commands is on this node in PATH=%s", getenv("PATH"));
	return error_remedy(err, "a PATH with Slurm's directory, where the job is submitted");
}

/* Variables that make programs of the node read files of the image, Slurm's commands talk to nobody,
 * or tell of the container: the job has the right ones. */
static bool is_of_node(const char *variable)
{
	static const char *const prefixes[] = {
		"PATH=",           "LD_",         "GCONV_PATH=",        "LOCPATH=",
		"GLIBC_TUNABLES=", "SLURM_CONF=", "SLURM_CONF_SERVER=", "DAVIT_",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* The node's variables in memory of their own: that of the process's first ones becomes its title.
 * The rest is forgotten. */
static int keep_environment(void)
{
	size_t count = 0;
	char **own;

	while (environ[count])
		count++;
	own = calloc(count + 1, sizeof(*own));
	if (!own)
		return -1;
	count = 0;
	for (char **variable = environ; *variable; variable++) {
		if (!is_of_node(*variable))
			continue;
		own[count] = strdup(*variable);
		if (!own[count++])
			return -1;
	}
	environ = own;
	return 0;
}

/* ---- command ------------------------------------------------------------- */

struct request {
	struct slurm_request head;
	int fds[FDPASS_MAX]; /* standard input, output, error */
	char **strings;      /* working directory, arguments, environment */
};

/* The client's environment, but for what is the node's. */
static char **make_environment(char **client, size_t count)
{
	size_t used = 0, own = 0;
	char **env;

	while (environ[own])
		own++;
	env = calloc(own + count + 1, sizeof(*env));
	if (!env)
		return NULL;
	memcpy(env, environ, own * sizeof(*env));
	used = own;
	for (size_t i = 0; i < count; i++)
		if (!is_of_node(client[i]))
			env[used++] = client[i];
	return env;
}

/* Goes to the client's working directory, as far as the node has it. That it has not matters to
 * commands that start something there. */
static int enter_directory(const char *directory, const char *command, struct error *err)
{
	struct error note = ERROR_INIT;

	if (directory[0] == '/' && chdir(directory) == 0)
		return 0;
	if (strcmp(command, "srun") == 0 || strcmp(command, "sbatch") == 0 ||
	    strcmp(command, "salloc") == 0) {
		error_set(&note, 0, "%s starts in '/': outside the container there is no '%s'",
			  command, directory);
		error_remedy(&note, "--container-workdir=%s", directory);
		report(&note);
	}
	return chdir("/") < 0 ? error_set(err, errno, "cannot change to '/'") : 0;
}

static void set_signals(uint32_t ignored)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, sig <= 32 && ignored >> (sig - 1) & 1 ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int exec_command(const struct request *request, struct error *err)
{
	char **argv = request->strings + 1, **env;
	int index = slurm_wire_command(argv[0]);

	if (index < 0 || !commands[index])
		return error_set(err, 0, "this node has no '%s' for the container", argv[0]);
	if (strcmp(slurm_commands[index], "salloc") == 0 && isatty(STDIN_FILENO)) {
		error_set(err, 0, "salloc cannot have the terminal of a container");
		return error_remedy(err, "salloc outside, or with a command and </dev/null");
	}
	env = make_environment(argv + request->head.argc, request->head.envc);
	if (!env)
		return error_set(err, ENOMEM, "cannot start '%s'", commands[index]);
	argv[request->head.argc] = NULL;
	if (enter_directory(request->strings[0], slurm_commands[index], err) < 0)
		return -1;
	execve(commands[index], argv, env);
	error_set(err, errno, "cannot execute '%s'", commands[index]);
	return error_remedy(err, err->errnum == E2BIG
					 ? "fewer or shorter arguments and environment variables"
					 : "check Slurm's commands on this node");
}

static _Noreturn void run_command(const struct request *request)
{
	struct error err = ERROR_INIT;

	setpgid(0, 0);
	/* Should the handler be killed. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	for (int i = 0; i < 3; i++)
		if (dup2(request->fds[i], i) < 0)
			_exit(EXIT_SETUP);
	set_signals(request->head.ignored);
	(void)umask(request->head.umask & 0777);
	exec_command(request, &err);
	report(&err);
	_exit(err.code);
}

/* ---- handler ------------------------------------------------------------- */

static bool is_own_user(int client)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       peer.uid == geteuid();
}

static int receive_head(int client, struct request *request)
{
	ssize_t len =
		fdpass_receive(client, &request->head, sizeof(request->head), request->fds, 0);

	return len == sizeof(request->head) && request->fds[2] >= 0 && request->fds[3] < 0 ? 0 : -1;
}

static int receive_strings(int client, struct request *request)
{
	const struct slurm_request *head = &request->head;
	uint64_t count = (uint64_t)1 + head->argc + head->envc;
	char *text;

	/* A string has one byte at least. */
	if (head->magic != SLURM_REQUEST_MAGIC || head->size > SLURM_REQUEST_MAX ||
	    head->argc == 0 || count > head->size)
		return -1;
	text = malloc(head->size);
	request->strings = calloc(count + 1, sizeof(*request->strings));
	if (!text || !request->strings ||
	    recv(client, text, head->size, MSG_WAITALL) != (ssize_t)head->size)
		return -1;
	return slurm_wire_split(text, head->size, request->strings, count);
}

/* The client is gone. */
static void end_command(pid_t pid)
{
	(void)kill(-pid, SIGHUP);
	(void)kill(-pid, SIGTERM);
	(void)kill(-pid, SIGCONT);
}

/* Passes on what the client sends. Returns -1 when it is gone. */
static int pass_signals(int client, pid_t pid)
{
	unsigned char signals[64];
	ssize_t n = recv(client, signals, sizeof(signals), 0);

	for (ssize_t i = 0; i < n; i++)
		if (slurm_wire_passes(signals[i]))
			(void)kill(-pid, signals[i]);
	return n > 0 ? 0 : -1;
}

static void attend(int client, pid_t pid)
{
	struct pollfd polls[] = {
		{ .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN },
		{ .fd = client, .events = POLLIN },
	};
	int status;

	while (polls[0].fd >= 0 && poll(polls, 2, -1) > 0) {
		if (polls[0].revents) {
			if (waitpid(pid, &status, 0) == pid)
				(void)send(client, &status, sizeof(status), MSG_NOSIGNAL);
			return;
		}
		if (pass_signals(client, pid) < 0)
			break;
	}
	end_command(pid);
}

static _Noreturn void handle(int client)
{
	struct request request = { .strings = NULL };
	pid_t pid;

	(void)signal(SIGCHLD, SIG_DFL);
	if (!is_own_user(client) || receive_head(client, &request) < 0 ||
	    receive_strings(client, &request) < 0)
		_exit(EXIT_SETUP);
	pid = fork();
	if (pid == 0)
		run_command(&request);
	if (pid < 0)
		_exit(EXIT_SETUP);
	/* The command does so, too: whoever comes first. */
	(void)setpgid(pid, pid);
	for (int i = 0; i < 3; i++)
		close(request.fds[i]);
	attend(client, pid);
	_exit(0);
}

/* ---- service ------------------------------------------------------------- */

static void serve(int listener, int lifeline)
{
	struct pollfd polls[] = { { .fd = lifeline, .events = POLLIN },
				  { .fd = listener, .events = POLLIN } };

	while (poll(polls, 2, -1) > 0 && !polls[0].revents) {
		cleanup_close int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (client < 0)
			return;
		if (fork() == 0) {
			close(listener);
			close(lifeline);
			handle(client);
		}
	}
}

/* The service inherits nothing of the rank that forks it. */
static void service_main(void *arg)
{
	const int *pair = arg;
	int fds[FDPASS_MAX];
	char byte;

	setsid();
	helper_ignore_signals();
	(void)signal(SIGCHLD, SIG_IGN); /* nobody waits for the handlers */
	helper_close_others(&pair[1], 1);
	helper_use_all_cpus();
	if (keep_environment() < 0 || helper_null_stdio(STDERR_FILENO) < 0)
		_exit(EXIT_SETUP);
	proctitle_set("davit-slurm", "davit: Slurm commands for the container");
	if (fdpass_receive(pair[1], &byte, 1, fds, 0) == 1 && fds[1] >= 0) {
		close(pair[1]);
		serve(fds[0], fds[1]);
	}
	_exit(0);
}

static int between(void *arg)
{
	(void)arg;
	return 0;
}

int slurm_service_start(struct error *err)
{
	int pair[2], result = -1;

	if (find_commands(err) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "cannot start the service for Slurm's commands");
	if (helper_start(between, service_main, pair) == 0) {
		result = pair[0];
	} else {
		error_set(err, errno, "cannot start the service for Slurm's commands");
		close(pair[0]);
	}
	close(pair[1]);
	return result;
}

/* ---- the container's side ------------------------------------------------ */

/* A socket in the directory `dir`, listening. */
static int make_socket(int dir, struct error *err)
{
	cleanup_close int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	/* bind(2) knows no directory but the working directory. */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" SLURM_SOCKET, dir);
	if (sock < 0 || bind(sock, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(sock, SOMAXCONN) < 0)
		return error_set(err, errno, "cannot make the socket for Slurm's commands");
	return steal_fd(&sock);
}

static int watch(int dir, struct error *err)
{
	int lifeline = helper_watch_end(dir);

	if (lifeline >= 0)
		return lifeline;
	error_set(err, errno, "cannot watch the container for Slurm's commands");
	return error_remedy(
		err,
		"fewer containers at once on this node, or ask your admin for higher fs.inotify limits");
}

static int mount_socket(struct root *root, int control, struct error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC };
	cleanup_close int dir = root_tmpfs("64k", "0700", err), listener = -1, lifeline = -1;
	int fds[2];

	if (dir < 0 || root_attach(root, dir, SLURM_DIRECTORY, err) < 0)
		return -1;
	listener = make_socket(dir, err);
	lifeline = listener < 0 ? -1 : watch(root->dev, err);
	if (lifeline < 0)
		return -1;
	if (mount_setattr(dir, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return error_set(err, errno, "cannot make '%s' read-only", SLURM_DIRECTORY);
	fds[0] = listener;
	fds[1] = lifeline;
	if (fdpass_send(control, "", 1, fds, 2) < 0)
		return error_set(err, errno, "the service for Slurm's commands ended");
	return 0;
}

int slurm_service_mount(struct root *root, int control, struct error *err)
{
	cleanup_close int owned = control;

	if (mount_socket(root, owned, err) < 0)
		return -1;
	for (size_t i = 0; i < SLURM_COMMANDS; i++) {
		char target[64];

		snprintf(target, sizeof(target), "/usr/bin/%s", slurm_commands[i]);
		if (commands[i] && root_bind(root, CLIENT, target, false, err) < 0)
			return error_wrap(err, "cannot offer '%s'", slurm_commands[i]);
	}
	return 0;
}
