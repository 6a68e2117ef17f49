/* SPDX-License-Identifier: BSD-3-Clause */
/* test_settings.c - the table of options and the check of each value. */
#include "common/settings.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

static void table_is_sound(void **state)
{
	size_t count = 0;

	(void)state;
	assert_string_equal(settings_options[0].name, "image");
	for (const struct option_def *def = settings_options; def->name; def++, count++) {
		size_t help = strlen(def->help);

		assert_non_null(def->set);
		assert_true(help > 0 && help < 100);
		assert_true(def->help[help - 1] != '.');
		assert_null(strchr(def->help, '\n'));
		assert_true(def->has_arg == ARG_NONE ? !def->arg : def->arg[0] != '\0');
		assert_true(!def->opposite || def->has_arg != ARG_REQUIRED);
		assert_true(!def->opposite || !settings_find(def->opposite));
		assert_true(strlen(def->name) < 40);
		for (const char *c = def->name; *c; c++)
			assert_true(islower((unsigned char)*c) || *c == '-');
		assert_ptr_equal(settings_find(def->name), def); /* no name twice */
	}
	assert_true(count >= 14);
}

static void finds_whole_names_only(void **state)
{
	(void)state;
	assert_null(settings_find(""));
	assert_null(settings_find("imag"));
	assert_null(settings_find("images"));
	assert_null(settings_find("Image"));
	assert_null(settings_find("container-image"));
	assert_non_null(settings_find("workdir"));
	assert_non_null(settings_find("mounts"));
}

static void sets_each(void **state)
{
	struct settings settings = { .image = NULL };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(settings_set(&settings, "image", "./a b.sqfs", &err), 0);
	assert_int_equal(settings_set(&settings, "workdir", "/w/../x", &err), 0);
	assert_int_equal(settings_set(&settings, "mounts", "/a,/b:/c:ro", &err), 0);
	assert_string_equal(settings.image, "./a b.sqfs");
	assert_string_equal(settings.workdir, "/w/../x");
	assert_int_equal(settings.mounts.count, 2);
	assert_cause(&err, "");
	settings_done(&settings);
	assert_null(settings.image);
	assert_null(settings.workdir);
	assert_int_equal(settings.mounts.count, 0);
	settings_done(&settings); /* twice is once */
}

static void later_value_wins(void **state)
{
	struct settings settings = { .image = NULL };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(settings_set(&settings, "image", "a", &err), 0);
	assert_int_equal(settings_set(&settings, "image", "b", &err), 0);
	assert_int_equal(settings_set(&settings, "workdir", "/a", &err), 0);
	assert_int_equal(settings_set(&settings, "workdir", "/b", &err), 0);
	assert_int_equal(settings_set(&settings, "mounts", "/a,/b", &err), 0);
	assert_int_equal(settings_set(&settings, "mounts", "/c", &err), 0);
	assert_string_equal(settings.image, "b");
	assert_string_equal(settings.workdir, "/b");
	assert_int_equal(settings.mounts.count, 1);
	assert_string_equal(settings.mounts.items[0].source, "/c");
	settings_done(&settings);
}

/* What the fields are after these, as text: only those of the option in question. */
static void describe(const struct settings *settings, char *out, size_t size)
{
	static const char *const choices[] = { "", "no", "yes" };
	static const char *const writable[] = { "", "no", "memory", "dir" };
	static const char *const mpi[] = { "", "image", "host", "auto" };
	static const char *const gpus[] = { "", "auto", "none", "all", "list" };
	static const char *const stage[] = { "", "shared", "local", "memory", "auto" };
	static const char *const pull[] = { "", "newer", "always", "missing", "never" };
	static const char *const nic[] = { "", "all", "none", "nearest" };
	int len = snprintf(
		out, size,
		"%s %s %s:%d %s %s:%s:%s home=%s root=%s entry=%s log=%s clean=%s mpi=%s gpus=%s nic=%s stage=%s slurm=%s stats=%s trace=%s %x",
		settings->digest ? settings->digest : "",
		settings->workdir ? settings->workdir : "", settings->name ? settings->name : "",
		settings->name_mode, settings->save ? settings->save : "",
		writable[settings->writable], settings->writable_dir ? settings->writable_dir : "",
		settings->writable_size ? settings->writable_size : "",
		choices[settings->mount_home], choices[settings->remap_root],
		choices[settings->entrypoint], choices[settings->entrypoint_log],
		choices[settings->clean_env], mpi[settings->mpi], gpus[settings->gpus],
		nic[settings->nic], stage[settings->stage], choices[settings->slurm],
		choices[settings->stats], settings->trace ? settings->trace : "",
		settings->unshare.what);

	if (settings->image_cache)
		len += snprintf(out + len, size - (size_t)len, " cache:%zu.",
				settings->image_cache);
	if (settings->image_transport)
		len += snprintf(out + len, size - (size_t)len, " transport:%d.",
				(int)settings->image_transport);
	if (settings->image_overlay)
		len += snprintf(out + len, size - (size_t)len, " overlay=%s",
				choices[settings->image_overlay]);
	if (settings->pull)
		len += snprintf(out + len, size - (size_t)len, " pull:%s", pull[settings->pull]);
	for (size_t i = 0; i < settings->unshare.port_count; i++)
		len += snprintf(out + len, size - (size_t)len, " %u:%u",
				settings->unshare.ports[i].host,
				settings->unshare.ports[i].container);
	for (size_t i = 0; i < settings->env.count; i++)
		len += snprintf(out + len, size - (size_t)len, " %s", settings->env.items[i].name);
	for (size_t i = 0; i < settings->gpu_numbers.count; i++)
		len += snprintf(out + len, size - (size_t)len, " #%u",
				settings->gpu_numbers.items[i]);
	for (char **at = settings->devices; at && *at; at++)
		len += snprintf(out + len, size - (size_t)len, " %s", *at);
	for (char **at = settings->security; at && *at; at++)
		len += snprintf(out + len, size - (size_t)len, " %s", *at);
}

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A64 A63 "a"

static const struct {
	const char *name, *value, *part; /* `part` is in the description */
} accepted[] = {
	{ "workdir", "/w", "/w :" },
	{ "digest", "sha256:" A64, "sha256:" A64 " " },
	{ "digest", "sha256:" A63 "F", "sha256:" A63 "f " },
	{ "image-cache", "1048576", " cache:1048576." },
	{ "image-transport", "auto", " transport:1." },
	{ "image-transport", "io_uring", " transport:2." },
	{ "image-transport", "dev", " transport:3." },
	{ "image-overlay", "yes", " overlay=yes" },
	{ "image-overlay", "no", " overlay=no" },
	{ "image-cache", "1024k", " cache:1048576." },
	{ "image-cache", "0000000000000000000000000000032m", " cache:33554432." },
	{ "image-cache", "64M", " cache:67108864." },
	{ "image-cache", "64G", " cache:68719476736." },
	{ "env", "A,B=1", " A B" },
	{ "name", "mine", " mine:0 " },
	{ "name", "a.b_c-9:auto", " a.b_c-9:0 " },
	{ "name", "mine:create", " mine:1 " },
	{ "name", "mine:exec", " mine:2 " },
	{ "name", "mine:no_exec", " mine:3 " },
	{ "save", "./a b.sqfs", " ./a b.sqfs " },
	{ "trace", "../a b", " trace=../a b " },
	{ "writable", "yes", " memory:: " },
	{ "writable", "No", " no:: " },
	{ "writable", "size=1g", " memory::1g " },
	{ "writable", "size=50%", " memory::50% " },
	{ "writable", "size=4096", " memory::4096 " },
	{ "writable", "/scratch/dir", " dir:/scratch/dir: " },
	{ "writable", "./size", " dir:./size: " },
	{ "mount-home", "yes", " home=yes " },
	{ "mount-home", "no", " home=no " },
	{ "mount-home", "TRUE", " home=yes " },
	{ "mount-home", "false", " home=no " },
	{ "mount-home", "On", " home=yes " },
	{ "mount-home", "off", " home=no " },
	{ "mount-home", "1", " home=yes " },
	{ "mount-home", "0", " home=no " },
	{ "remap-root", "yes", " root=yes " },
	{ "entrypoint", "no", " entry=no " },
	{ "entrypoint-log", "yes", " log=yes " },
	{ "clean-env", "yes", " clean=yes " },
	{ "mpi", "image", " mpi=image " },
	{ "mpi", "host", " mpi=host " },
	{ "mpi", "auto", " mpi=auto " },
	{ "gpus", "auto", " gpus=auto " },
	{ "gpus", "none", " gpus=none " },
	{ "gpus", "all", " gpus=all " },
	{ "gpus", "0", " #0" },
	{ "gpus", "3,0-1,1", " #0 #1 #3" },
	{ "gpus", "4095", " gpus=list " },
	{ "pull", "newer", " pull:newer" },
	{ "pull", "always", " pull:always" },
	{ "pull", "missing", " pull:missing" },
	{ "pull", "never", " pull:never" },
	{ "nic", "all", " nic=all " },
	{ "stage", "shared", " stage=shared " },
	{ "stage", "local", " stage=local " },
	{ "stage", "memory", " stage=memory " },
	{ "stage", "auto", " stage=auto " },
	{ "nic", "none", " nic=none " },
	{ "nic", "nearest", " nic=nearest " },
	{ "device", "nvidia.com/gpu=0", " nvidia.com/gpu=0" },
	{ "device", "a/b=c,x.y-z_1/c-d=1:0.e_f", " a/b=c x.y-z_1/c-d=1:0.e_f" },
	{ "security", "seccomp=unconfined", " seccomp=unconfined" },
	{ "security", "seccomp=./f,seccomp:allow:bpf,seccomp:deny:all",
	  " seccomp=./f seccomp:allow:bpf seccomp:deny:all" },
	{ "slurm", "yes", " slurm=yes " },
	{ "stats", "on", " stats=yes " },
	{ "stats", "no", " stats=no " },
	{ "unshare", "net", " 1" },
	{ "unshare", "ipc,uts", " 6" },
	{ "unshare", "net,ipc,uts,pid", " f" },
	{ "unshare", "net:slirp", " 11" },
	{ "unshare", "net:slirp:8080", " 11 8080:8080" },
	{ "unshare", "pid,net:slirp:8080:80+2222:22+65535", " 19 8080:80 2222:22 65535:65535" },
};

static void accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(accepted); i++) {
		struct settings settings = { .image = NULL };
		struct error err = ERROR_INIT;
		char text[1024];

		if (settings_set(&settings, accepted[i].name, accepted[i].value, &err) < 0)
			fail_msg("%s=%s: %s", accepted[i].name, accepted[i].value, err.cause);
		describe(&settings, text, sizeof(text));
		assert_contains(text, accepted[i].part);
		assert_cause(&err, "");
		settings_done(&settings);
	}
}

static void a_later_kind_of_writable_forgets_the_earlier(void **state)
{
	struct settings settings = { .image = NULL };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(settings_set(&settings, "writable", "/dir", &err), 0);
	assert_int_equal(settings_set(&settings, "writable", "size=1g", &err), 0);
	assert_null(settings.writable_dir);
	assert_int_equal(settings_set(&settings, "writable", "no", &err), 0);
	assert_null(settings.writable_size);
	assert_int_equal(settings.writable, WRITABLE_NO);
	settings_done(&settings);
}

static const char dir_inside[] = "the path of a directory inside the container";
static const char name_rule[] =
	"up to 64 letters, digits, '_', '-' and '.', no '.' or '-' in front";
static const char name_modes[] = "mine:auto, :create, :exec or :no_exec";
static const char env_rule[] = "NAME or NAME=VALUE, with '\\,' for a comma in the value";
static const char size_rule[] = "size=NUMBER with k, m, g, t or % behind it";
static const char digest_rule[] = "sha256: and 64 hexadecimal digits, as davit image digest prints";
static const char cache_rule[] = "NUMBER with k, m or g behind it";
static const char cache_range[] = "1m to 64g";
static const char yes_or_no[] = "yes or no";
static const char spaces[] = "net, net:slirp, net:host, ipc, uts, pid";
static const char port_rule[] = "net:slirp:PORT, or net:slirp:NODEPORT:PORT+...; 1 to 65535";

/* Every option, with what it refuses and what it says then. */
static const struct {
	const char *name, *value, *cause, *remedy;
} refused[] = {
	{ "image", "", "empty image path", "the path of an image" },
	{ "mounts", "", "empty list of mounts", "" },
	{ "mounts", "/a,/b,c", "mount 'c': mount source 'c' is not a path",
	  "/absolute/path or ./c" },
	{ "workdir", "", "'' is not an absolute path", dir_inside },
	{ "workdir", "w", "'w' is not an absolute path", dir_inside },
	{ "workdir", "./w", "'./w' is not an absolute path", dir_inside },
	{ "workdir", "~/w", "'~/w' is not an absolute path", dir_inside },
	{ "workdir", "w\nx", "'w?x' is not an absolute path", dir_inside },
	{ "digest", "", "'' is not a digest", digest_rule },
	{ "digest", A64, "'" A64 "' is not a digest", digest_rule },
	{ "digest", "sha512:" A64, "'sha512:" A64 "' is not a digest", digest_rule },
	{ "digest", "SHA256:" A64, "'SHA256:" A64 "' is not a digest", digest_rule },
	{ "digest", "sha256:" A63, "'sha256:" A63 "' is not a digest", digest_rule },
	{ "digest", "sha256:" A64 "a", "'sha256:" A64 "a' is not a digest", digest_rule },
	{ "digest", "sha256:" A63 "g", "'sha256:" A63 "g' is not a digest", digest_rule },
	{ "digest", "sha256:" A63 "\n", "'sha256:" A63 "?' is not a digest", digest_rule },
	{ "image-transport", "", "'' is none of auto, io_uring, dev", "auto, io_uring, dev" },
	{ "image-transport", "uring", "'uring' is none of auto, io_uring, dev", NULL },
	{ "image-transport", "DEV", "'DEV' is none of auto, io_uring, dev", NULL },
	{ "image", "docker://Busybox", "image 'docker://Busybox': 'Busybox' is no name of an image",
	  "docker://[HOST[:PORT]/]NAME[:TAG] or ...NAME@sha256:HEX, NAME in lower case" },
	{ "image", "docker:busybox",
	  "image 'docker:busybox' is no path, and no image of a registry",
	  "docker://busybox; ./docker:busybox for a file" },
	{ "pull", "", "'' is none of newer, always, missing, never",
	  "newer, always, missing, never" },
	{ "pull", "alway", "'alway' is none of newer, always, missing, never", "always" },
	{ "image-cache", "", "'' is not a size", cache_rule },
	{ "image-cache", "m", "'m' is not a size", cache_rule },
	{ "image-cache", "-1", "'-1' is not a size", cache_rule },
	{ "image-cache", "+8m", "'+8m' is not a size", cache_rule },
	{ "image-cache", " 8m", "' 8m' is not a size", cache_rule },
	{ "image-cache", "8 m", "'8 m' is not a size", cache_rule },
	{ "image-cache", "8mb", "'8mb' is not a size", cache_rule },
	{ "image-cache", "1.5g", "'1.5g' is not a size", cache_rule },
	{ "image-cache", "1t", "'1t' is not a size", cache_rule },
	{ "image-cache", "10%", "'10%' is not a size", cache_rule },
	{ "image-cache", "8m\n", "'8m?' is not a size", cache_rule },
	{ "image-cache", "0", "'0' is too little for a cache", cache_range },
	{ "image-cache", "0g", "'0g' is too little for a cache", cache_range },
	{ "image-cache", "8", "'8' is too little for a cache", cache_range },
	{ "image-cache", "1023k", "'1023k' is too little for a cache", cache_range },
	{ "image-cache", "65g", "'65g' is too much for a cache", cache_range },
	{ "image-cache", "68719476737", "'68719476737' is too much for a cache", cache_range },
	/* 2^64 bytes, and what does not fit into any number */
	{ "image-cache", "17179869184g", "'17179869184g' is too much for a cache", cache_range },
	{ "image-cache", "18446744073709551617", "'18446744073709551617' is too much for a cache",
	  cache_range },
	{ "image-cache", "99999999999999999999999m",
	  "'99999999999999999999999m' is too much for a cache", cache_range },
	{ "env", "", "empty list of variables", "" },
	{ "env", "A,1", "'1' is not the name of a variable", env_rule },
	{ "env", "A,", "'' is not the name of a variable", env_rule },
	{ "env", "A B=1", "'A B' is not the name of a variable", env_rule },
	{ "name", "", "'' is not a name for a container", name_rule },
	{ "name", ":create", "'' is not a name for a container", name_rule },
	{ "name", ".", "'.' is not a name for a container", name_rule },
	{ "name", "..", "'..' is not a name for a container", name_rule },
	{ "name", ".hidden", "'.hidden' is not a name for a container", name_rule },
	{ "name", "-x", "'-x' is not a name for a container", name_rule },
	{ "name", "a/b", "'a/b' is not a name for a container", name_rule },
	{ "name", "a b", "'a b' is not a name for a container", name_rule },
	{ "name", "\303\244", "'\303\244' is not a name for a container", name_rule },
	{ "name", A64 "a", "'" A64 "a' is not a name for a container", name_rule },
	{ "name", "mine:", "unknown mode ''", name_modes },
	{ "name", "mine:Exec", "unknown mode 'Exec'", name_modes },
	{ "name", "mine:exec:x", "unknown mode 'exec:x'", name_modes },
	{ "save", "", "empty path", "" },
	{ "save", "/a/", "'/a/' is a directory", "the path of a file" },
	{ "trace", "", "empty path", "" },
	{ "trace", "a/", "'a/' is a directory", "the path of a file" },
	{ "writable", "", "empty path", "" },
	{ "writable", "size=", "'' is not a size", size_rule },
	{ "writable", "size=0", "'0' is not a size", size_rule },
	{ "writable", "size=000m", "'000m' is not a size", size_rule },
	{ "writable", "size=-1", "'-1' is not a size", size_rule },
	{ "writable", "size=1e9", "'1e9' is not a size", size_rule },
	{ "writable", "size=1gb", "'1gb' is not a size", size_rule },
	{ "writable", "size=g", "'g' is not a size", size_rule },
	{ "writable", "size=1,nr_inodes=1", "'1,nr_inodes=1' is not a size", size_rule },
	{ "writable", "size=1234567890123456789", "'1234567890123456789' is not a size",
	  size_rule },
	{ "image-overlay", "auto", "'auto' is neither yes nor no", yes_or_no },
	{ "mount-home", "", "'' is neither yes nor no", yes_or_no },
	{ "mount-home", "maybe", "'maybe' is neither yes nor no", yes_or_no },
	{ "mount-home", "yes ", "'yes ' is neither yes nor no", yes_or_no },
	{ "mount-home", "2", "'2' is neither yes nor no", yes_or_no },
	{ "remap-root", "root", "'root' is neither yes nor no", yes_or_no },
	{ "entrypoint", "/bin/sh", "'/bin/sh' is neither yes nor no", yes_or_no },
	{ "entrypoint-log", "y", "'y' is neither yes nor no", yes_or_no },
	{ "clean-env", "all", "'all' is neither yes nor no", yes_or_no },
	{ "mpi", "", "'' is none of image, host, auto", "image, host, auto" },
	{ "gpus", "", "'' is none of auto, none, all", "auto, none, all" },
	{ "gpus", "al", "'al' is none of auto, none, all", "all" },
	{ "gpus", "-1", "'-1' is none of auto, none, all", NULL },
	{ "gpus", "1,", "'1,' is not a list of numbers", "a list such as 0,2-3; 4095 at most" },
	{ "gpus", "0,,1", "'0,,1' is not a list of numbers", NULL },
	{ "gpus", "3-1", "'3-1' is not a list of numbers", NULL },
	{ "gpus", "0-", "'0-' is not a list of numbers", NULL },
	{ "gpus", "0 1", "'0 1' is not a list of numbers", NULL },
	{ "gpus", "4096", "'4096' is not a list of numbers", NULL },
	{ "gpus", "99999999999999999999", "'99999999999999999999' is not a list of numbers", NULL },
	{ "stage", "disk", "'disk' is none of shared, local, memory, auto", NULL },
	{ "stage", "locl", "'locl' is none of shared, local, memory, auto", "local" },
	{ "stage", "", "'' is none of shared, local, memory, auto", NULL },
	{ "nic", "near", "'near' is none of all, none, nearest", NULL },
	{ "nic", "nearst", "'nearst' is none of all, none, nearest", "nearest" },
	{ "device", "", "'' is not the name of a device",
	  "VENDOR/CLASS=NAME, such as nvidia.com/gpu=0" },
	{ "device", "gpu=0", "'gpu=0' is not the name of a device", NULL },
	{ "device", "nvidia.com/gpu", "'nvidia.com/gpu' is not the name of a device", NULL },
	{ "device", "a/b=c,", "'' is not the name of a device", NULL },
	{ "device", "a/b=../x", "'a/b=../x' is not the name of a device", NULL },
	{ "security", "", "'' says nothing about security",
	  "seccomp:allow:NAME, seccomp:deny:NAME, seccomp=FILE or seccomp=unconfined" },
	{ "security", "seccomp:allow:all", "there is no 'seccomp:allow:all'",
	  "seccomp=unconfined" },
	{ "security", "seccomp=a",
	  "'a' is neither default, unconfined nor the path of a profile with '/'",
	  "seccomp=./a, if it is a file" },
	{ "device", "a/b=c\nd", "'a/b=c?d' is not the name of a device", NULL },
	{ "mpi", "hots", "'hots' is none of image, host, auto", "host" },
	{ "mpi", "Host", "'Host' is none of image, host, auto", NULL },
	{ "mpi", "host,image", "'host,image' is none of image, host, auto", NULL },
	{ "slurm", "n", "'n' is neither yes nor no", yes_or_no },
	{ "stats", "json", "'json' is neither yes nor no", yes_or_no },
	{ "unshare", "", "unknown namespace ''", spaces },
	{ "unshare", "net,", "unknown namespace ''", spaces },
	{ "unshare", "user", "unknown namespace 'user'", NULL },
	{ "unshare", "nte", "unknown namespace 'nte'",
	  "net; there are net, net:slirp, net:host, ipc, uts, pid" },
	{ "unshare", "net ipc", "unknown namespace 'net ipc'", NULL },
	{ "unshare", "NET", "unknown namespace 'NET'", NULL },
	{ "unshare", "net:slirp:", "'' are not ports", port_rule },
	{ "unshare", "net:slirp:0", "'0' are not ports", port_rule },
	{ "unshare", "net:slirp:65536", "'65536' are not ports", port_rule },
	{ "unshare", "net:slirp:99999999999999999999", "'99999999999999999999' are not ports",
	  port_rule },
	{ "unshare", "net:slirp:-1", "'-1' are not ports", port_rule },
	{ "unshare", "net:slirp: 1", "' 1' are not ports", port_rule },
	{ "unshare", "net:slirp:80:", "'80:' are not ports", port_rule },
	{ "unshare", "net:slirp:80:0", "'80:0' are not ports", port_rule },
	{ "unshare", "net:slirp:80:1:2", "'80:1:2' are not ports", port_rule },
	{ "unshare", "net:slirp:80+", "'80+' are not ports", port_rule },
	{ "unshare", "net:slirp:80x", "'80x' are not ports", port_rule },
	{ "nonsense", "x", "no option is called 'nonsense'", "" },
	{ "", "x", "no option is called ''", "" },
	{ "no-slurm", "yes", "no option is called 'no-slurm'", "" },
};

/* Set before what is refused, and as it was afterwards. */
static const char *const before[][2] = {
	{ "image", "old" },      { "workdir", "/old" },
	{ "mounts", "/old" },    { "env", "OLD" },
	{ "name", "old:exec" },  { "save", "old.sqfs" },
	{ "writable", "/old" },  { "unshare", "net:slirp:1:2" },
	{ "mount-home", "yes" }, { "slurm", "no" },
	{ "mpi", "auto" },       { "digest", "sha256:" A64 },
	{ "image-cache", "9m" }, { "trace", "old.trace" },
};

static void assert_refused(const char *name, const char *value, const char *cause,
			   const char *remedy)
{
	struct settings settings = { .image = NULL };
	struct error err = ERROR_INIT;
	char was[1024], is[1024];

	for (size_t i = 0; i < COUNT_OF(before); i++)
		assert_int_equal(settings_set(&settings, before[i][0], before[i][1], &err), 0);
	describe(&settings, was, sizeof(was));
	if (settings_set(&settings, name, value, &err) == 0)
		fail_msg("%s=%s is not refused", name, value);
	assert_cause(&err, cause);
	if (remedy)
		assert_remedy(&err, remedy);
	assert_int_equal(err.code, EXIT_SETUP);
	describe(&settings, is, sizeof(is));
	assert_string_equal(is, was);
	assert_string_equal(settings.image, "old");
	assert_int_equal(settings.mounts.count, 1);
	assert_string_equal(settings.mounts.items[0].source, "/old");
	settings_done(&settings);
}

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		assert_refused(refused[i].name, refused[i].value, refused[i].cause,
			       refused[i].remedy);
}

static void each_option_is_in_both_tables(void **state)
{
	(void)state;
	for (const struct option_def *def = settings_options; def->name; def++) {
		bool is_accepted =
			strcmp(def->name, "image") == 0 || strcmp(def->name, "mounts") == 0;
		bool is_refused = false;

		for (size_t i = 0; i < COUNT_OF(accepted); i++)
			is_accepted |= strcmp(accepted[i].name, def->name) == 0;
		for (size_t i = 0; i < COUNT_OF(refused); i++)
			is_refused |= strcmp(refused[i].name, def->name) == 0;
		if (!is_accepted || !is_refused)
			fail_msg("no test of the values of '%s'", def->name);
	}
}

static void nearest_option(void **state)
{
	static const char *const table[][2] = { { "mount", "mounts" },
						{ "mont-home", "mount-home" },
						{ "no-entrypiont", "no-entrypoint" },
						{ "writeable", "writable" },
						{ "read-only", "readonly" } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++)
		assert_string_equal(settings_nearest(table[i][0]), table[i][1]);
	assert_null(settings_nearest("xyzzy"));
	assert_null(settings_nearest(""));
}

static void names_for_srun(void **state)
{
	char name[64];

	(void)state;
	settings_srun_name("mounts", name, sizeof(name));
	assert_string_equal(name, "container-mounts");
	settings_srun_name("no-mount-home", name, sizeof(name));
	assert_string_equal(name, "no-container-mount-home");
}

static const char *const *variables; /* name, value, ..., NULL */

static char *get(const char *name)
{
	static char value[64]; /* as getenv(3) may do it */

	for (const char *const *at = variables; *at; at += 2)
		if (strcmp(at[0], name) == 0)
			return strcpy(value, at[1]);
	return NULL;
}

static void from_the_environment(void **state)
{
	static const struct {
		const char *option, *variables[5], *value, *from;
	} table[] = {
		{ "mounts", { NULL }, NULL, NULL },
		{ "mounts", { "DAVIT_CONTAINER_MOUNTS", "/a" }, "/a", "DAVIT_CONTAINER_MOUNTS" },
		{ "mounts", { "PYXIS_CONTAINER_MOUNTS", "/b" }, "/b", "PYXIS_CONTAINER_MOUNTS" },
		{ "mounts",
		  { "PYXIS_CONTAINER_MOUNTS", "/b", "DAVIT_CONTAINER_MOUNTS", "/a" },
		  "/a",
		  "DAVIT_CONTAINER_MOUNTS" },
		{ "mounts",
		  { "DAVIT_CONTAINER_MOUNTS", "", "PYXIS_CONTAINER_MOUNTS", "/b" },
		  "/b",
		  "PYXIS_CONTAINER_MOUNTS" },
		{ "mount-home",
		  { "DAVIT_CONTAINER_MOUNT_HOME", "0" },
		  "0",
		  "DAVIT_CONTAINER_MOUNT_HOME" },
		{ "mount-home",
		  { "DAVIT_CONTAINER_NO_MOUNT_HOME", "1" },
		  "no",
		  "DAVIT_CONTAINER_NO_MOUNT_HOME" },
		{ "writable",
		  { "PYXIS_CONTAINER_READONLY", "1" },
		  "no",
		  "PYXIS_CONTAINER_READONLY" },
		{ "writable",
		  { "DAVIT_CONTAINER_READONLY", "off" },
		  "yes",
		  "DAVIT_CONTAINER_READONLY" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		char variable[SETTINGS_VARIABLE_MAX];
		const char *value;

		variables = table[i].variables;
		value = settings_getenv(settings_find(table[i].option), get, variable);
		if (!table[i].value) {
			assert_null(value);
			continue;
		}
		assert_string_equal(value, table[i].value);
		assert_string_equal(variable, table[i].from);
	}
}

static void long_paths(void **state)
{
	struct settings settings = { .image = NULL };
	struct error err = ERROR_INIT;
	char path[PATH_MAX + 1];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[PATH_MAX] = '\0';
	assert_refused("image", path, "image path of 4096 bytes: File name too long", NULL);
	assert_refused("workdir", path, "path of 4096 bytes: File name too long", NULL);
	assert_refused("save", path, "path of 4096 bytes: File name too long", NULL);
	assert_refused("writable", path, "path of 4096 bytes: File name too long", NULL);
	path[PATH_MAX - 1] = '\0'; /* the longest that the kernel takes */
	assert_int_equal(settings_set(&settings, "image", path, &err), 0);
	assert_int_equal(settings_set(&settings, "workdir", path, &err), 0);
	settings_done(&settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sound),
		cmocka_unit_test(finds_whole_names_only),
		cmocka_unit_test(sets_each),
		cmocka_unit_test(later_value_wins),
		cmocka_unit_test(accepts),
		cmocka_unit_test(a_later_kind_of_writable_forgets_the_earlier),
		cmocka_unit_test(refuses),
		cmocka_unit_test(each_option_is_in_both_tables),
		cmocka_unit_test(nearest_option),
		cmocka_unit_test(names_for_srun),
		cmocka_unit_test(from_the_environment),
		cmocka_unit_test(long_paths),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
