/* SPDX-License-Identifier: BSD-3-Clause */
/* files.c - Davit's own files and davit.conf: see doctor.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/fd.h"
#include "launcher/conf/conf.h"
#include "launcher/doctor/doctor.h"

#define SITE_CONF DAVIT_SYSCONFDIR "/davit.conf"
#define SPACE_LOW (1024ull << 20) /* bytes */

void check_files(struct finding *finding)
{
	static const char *const files[] = { DAVIT_BINDIR "/davit",
					     DAVIT_PKGLIBDIR "/spank_davit.so" };
	char why[PATH_MAX + 64];
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (!path_is_roots(files[i], why, sizeof(why)))
			finding_add(finding, DOCTOR_FAIL,
				    "install it again; chown root and chmod go-w what is named",
				    "%s", why);
	self[len > 0 ? len : 0] = '\0';
	finding_add(finding, DOCTOR_OK, NULL, "%s and %s are root's; this is '%s'", files[0],
		    files[1], self);
}

void check_config(struct finding *finding)
{
	struct conf conf = { .state_dir = NULL };
	struct error err = ERROR_INIT;
	cleanup_free char *text = NULL;
	char why[PATH_MAX + 64], remedy[PATH_MAX];
	size_t len;
	int result = conf_read_file(SITE_CONF, CONF_SITE, &text, &len, &err);

	if (result == 0) {
		finding_add(finding, DOCTOR_OK, NULL,
			    "there is no " SITE_CONF ": built-in values hold");
		return;
	}
	if (result < 0)
		finding_error(finding, DOCTOR_FAIL, &err);
	else if (!path_is_roots(SITE_CONF, why, sizeof(why)))
		finding_add(finding, DOCTOR_FAIL, "chown root and chmod go-w what is named", "%s",
			    why);
	else if (conf_load_file(&conf, SITE_CONF, &err) < 0) {
		snprintf(remedy, sizeof(remedy), "davit config --check %s", SITE_CONF);
		(void)error_remedy(&err, "%s", remedy);
		finding_error(finding, DOCTOR_FAIL, &err);
	} else {
		finding_add(finding, DOCTOR_OK, NULL, SITE_CONF " is root's and right");
	}
	conf_done(&conf);
}

void check_state_dir(struct finding *finding)
{
	struct conf conf = { .state_dir = NULL };
	struct error err = ERROR_INIT;
	struct statvfs fs;
	unsigned long long space;

	/* The site's only: this is about the node. */
	if (access(SITE_CONF, F_OK) == 0 ? conf_load_file(&conf, SITE_CONF, &err) < 0
					 : conf_init(&conf, &err) < 0) {
		finding_add(finding, DOCTOR_SKIP, NULL, "davit.conf cannot be used");
	} else if (become_nobody() < 0 || access(conf.state_dir, W_OK | X_OK) < 0) {
		finding_add(finding, DOCTOR_WARN, "mode 1777, or another state-dir in davit.conf",
			    "users cannot write to '%s', where named containers are kept: %s",
			    conf.state_dir, strerror(errno));
	} else if (statvfs(conf.state_dir, &fs) < 0) {
		finding_add(finding, DOCTOR_WARN, NULL, "cannot look at '%s': %s", conf.state_dir,
			    strerror(errno));
	} else {
		space = (unsigned long long)fs.f_bavail * fs.f_frsize;
		finding_add(finding, space < SPACE_LOW ? DOCTOR_WARN : DOCTOR_OK,
			    space < SPACE_LOW ? "free some, or another state-dir in davit.conf"
					      : NULL,
			    "%llu MiB are free in '%s'", space >> 20, conf.state_dir);
	}
	conf_done(&conf);
}
