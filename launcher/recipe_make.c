/* SPDX-License-Identifier: BSD-3-Clause */
/* recipe_make.c - the recipe of a container, from what the image says and what was asked for. */
#include "launcher/recipe_make.h"

#include <errno.h>
#include <fcntl.h>

#include "common/fd.h"
#include "images/imageconf.h"
#include "launcher/conf/conf.h"
#include "launcher/env/environment.h"
#include "launcher/recipe.h"

static int pack(const struct container *container, const struct image *image,
		const struct image_config *says, bool guarded, struct error *err)
{
	const struct settings *settings = container->settings;
	bool enters = settings->entrypoint == CHOICE_YES ||
		      (!container->has_command && settings->entrypoint != CHOICE_NO);
	const char *own = settings->workdir ? settings->workdir : "";
	const char *workdir = says->workdir ? says->workdir : "";
	/* In a step, the plugin tells. */
	bool tells = settings->stats == CHOICE_YES && image->kind != IMAGE_DIRECTORY &&
		     !container->rendezvous->handover->is_step;
	struct recipe recipe = {
		/* The image's working directory is where its entrypoint wants to be. A command of the
		 * user's is at home where the user is. */
		.workdir = own[0] || !(enters || !container->has_command) ? own : workdir,
		.fallback =
			workdir[0] || (settings->mount_home != CHOICE_NO && !container->without_cwd)
				? workdir
				: "/",
		.devices = container->grant.table ? container->grant.table : "",
		.prefix = enters ? says->entrypoint : NULL,
		.command = container->has_command ? NULL : says->command,
		.narrow = container_narrow(container),
		.filter = &container->security.filter,
		.counted = tells ? image->path : "",
		.guarded = guarded || tells,
	};
	const struct environment environment = {
		.host_only = container->conf->host_only,
		.site = &container->conf->environment,
		.image = says,
		.devices = &container->grant.env,
		.settings = settings,
		.filter = &container->security.filter,
		.image_path = image->path,
		.name = settings->name,
		.host_mpi = container->host_mpi,
	};
	int fd = -1;

	if (environment_make(&recipe.edits, &environment, err) == 0)
		fd = recipe_pack(&recipe, err);
	edits_done(&recipe.edits);
	return fd;
}

int recipe_make(const struct container *container, const struct image *image, bool guarded,
		struct error *err)
{
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct image_config says;
	int fd;

	if (root < 0)
		return error_set(err, errno, "cannot open the container's root");
	if (image_config_read(&says, root, image, err) < 0)
		return -1;
	fd = pack(container, image, &says, guarded, err);
	image_config_done(&says);
	return fd;
}
