/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.c - davit-slurm: what lies in a container in place of Slurm's commands.
 *
 * It has the command of its name run on the node (service.h), with its own arguments,
 * environment, working directory and descriptors 0 to 2, passes signals on, and ends as the command
 * ends. Linked statically: the image may have any C library, or none.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/fd.h"
#include "launcher/fdpass.h"
#include "launcher/report.h"
#include "launcher/slurm/wire.h"

/* Descriptors 0 to 2 are sent, so they must be there. */
static void fill_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* The signals that are ignored (nohup, or in the background of a script): they are to be so in the
 * command. */
static uint32_t ignored_signals(void)
{
	struct sigaction action;
	uint32_t ignored = 0;

	for (int sig = 1; sig <= 32; sig++)
		if (sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			ignored |= 1u << (sig - 1);
	return ignored;
}

/* A descriptor for the signals to pass on. A signal that is blocked arrives even if ignored. */
static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (int sig = 1; sig < NSIG; sig++)
		if (slurm_wire_passes(sig))
			sigaddset(&set, sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int reach(struct error *err)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX,
					     .sun_path = SLURM_DIRECTORY "/" SLURM_SOCKET };
	cleanup_close int service = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (service >= 0 &&
	    connect(service, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return steal_fd(&service);
	if (errno == ECONNREFUSED) {
		error_set(err, 0, "Davit's service for Slurm's commands has ended");
		return error_remedy(
			err,
			"start the step anew; was the service killed, or the job for its memory?");
	}
	error_set(err, errno, "cannot reach Davit's service for Slurm's commands");
	return error_remedy(err, "a container with --container-slurm");
}

static size_t measure(char *const *strings, uint32_t *count)
{
	size_t size = 0;

	for (*count = 0; strings[*count]; ++*count)
		size += strlen(strings[*count]) + 1;
	return size;
}

static char *append(char *at, const char *string)
{
	size_t len = strlen(string) + 1;

	memcpy(at, string, len);
	return at + len;
}

static int refuse_send(struct error *err)
{
	error_set(err, errno, "Davit's service for Slurm's commands does not listen");
	return error_remedy(err, "check the job's limits of processes and memory");
}

static int ask(int service, char **argv, struct error *err)
{
	static const int stdio[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	struct slurm_request request = { .magic = SLURM_REQUEST_MAGIC,
					 .umask = umask(0),
					 .ignored = ignored_signals() };
	cleanup_free char *cwd = getcwd(NULL, 0), *text = NULL;
	const char *directory = cwd ? cwd : "";
	size_t size = strlen(directory) + 1;
	char *at;

	size += measure(argv, &request.argc) + measure(environ, &request.envc);
	if (size > SLURM_REQUEST_MAX) {
		error_set(err, E2BIG, "cannot pass the command on");
		return error_remedy(err, "fewer or shorter arguments and environment variables");
	}
	request.size = (uint32_t)size;
	text = malloc(size);
	if (!text)
		return error_set(err, ENOMEM, "cannot pass the command on");
	at = append(text, directory);
	for (uint32_t i = 0; i < request.argc; i++)
		at = append(at, argv[i]);
	for (uint32_t i = 0; i < request.envc; i++)
		at = append(at, environ[i]);
	if (fdpass_send(service, &request, sizeof(request), stdio, 3) < 0)
		return refuse_send(err);
	for (size_t sent = 0; sent < size;) {
		ssize_t n = send(service, text + sent, size - sent, MSG_NOSIGNAL);

		if (n < 0)
			return refuse_send(err);
		sent += (size_t)n;
	}
	return 0;
}

/* Where the service is gone, its answer will tell. */
static void pass_signal(int service, int signals)
{
	struct signalfd_siginfo info;
	unsigned char number;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	number = (unsigned char)info.ssi_signo;
	(void)send(service, &number, 1, MSG_NOSIGNAL);
	if (info.ssi_signo == SIGTSTP)
		raise(SIGSTOP);
}

static int wait_for_end(int service, int signals, int *status, struct error *err)
{
	struct pollfd polls[] = { { .fd = signals, .events = POLLIN },
				  { .fd = service, .events = POLLIN } };

	while (!polls[1].revents) {
		if (poll(polls, 2, -1) < 0)
			return error_set(err, errno, "cannot wait for the command");
		if (polls[0].revents)
			pass_signal(service, signals);
	}
	if (recv(service, status, sizeof(*status), MSG_WAITALL) == sizeof(*status))
		return 0;
	error_set(err, 0, "Davit's service for Slurm's commands gave no answer");
	return error_remedy(err, "check the job's limits of processes and memory");
}

/* Ends as the command did; its core dump, if any, was the command's. */
static int end_like(int status)
{
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };
	sigset_t set;

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, WTERMSIG(status));
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

static int run(char **argv, int *status, struct error *err)
{
	cleanup_close int signals = take_signals(), service = -1;

	if (signals < 0)
		return error_set(err, errno, "cannot take signals");
	service = reach(err);
	if (service < 0 || ask(service, argv, err) < 0)
		return -1;
	return wait_for_end(service, signals, status, err);
}

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	int status = 0;

	report_init();
	fill_stdio();
	if (argc < 1 || slurm_wire_command(argv[0]) < 0) {
		error_set(&err, 0, "davit-slurm stands for Slurm's commands in a container");
		error_remedy(&err, "its other names there: srun, sbatch, squeue, ...");
		report(&err);
		return err.code;
	}
	if (run(argv, &status, &err) == 0)
		return end_like(status);
	report(&err);
	return err.code;
}
