/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_main.c - `davit mpi-check IMAGE`: what --container-mpi would do, and why.
 *
 * The image's files are looked at in a container, where no link of theirs leads out. Nothing of the
 * image is run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/fd.h"
#include "images/imageconf.h"
#include "launcher/commands.h"
#include "launcher/container.h"
#include "launcher/mpi/hostmpi.h"
#include "launcher/report.h"

#define DOES_NOT_WORK 1 /* exit code */

static void print_list(const char *whose, const struct mpi_list *list)
{
	printf("MPI of the %s:\n", whose);
	for (size_t i = 0; i < list->count; i++) {
		char name[128];

		mpi_describe(&list->items[i], name, sizeof(name));
		error_scrub(name);
		error_scrub(list->items[i].library->real);
		printf("  %-24s  %s\n", name, list->items[i].library->real);
	}
	if (list->count == 0)
		puts("  none");
}

static void print_pairs(const struct hostmpi *hostmpi)
{
	static const char *const words[] = {
		[MPI_FIT_NONE] = "no: ", [MPI_FIT_PART] = "in part: ", [MPI_FIT_ALL] = "yes, "
	};

	puts("Can the node's be used in place of the image's?");
	for (size_t i = 0; i < hostmpi->of_image.count; i++) {
		const struct mpi *mpi = &hostmpi->of_image.items[i];
		struct error why = ERROR_INIT;
		char ours[128], theirs[128] = "";
		enum mpi_fit fit;
		const struct mpi *with = hostmpi_match(hostmpi, mpi, &fit, &why);

		mpi_describe(mpi, ours, sizeof(ours));
		error_scrub(ours);
		if (with)
			mpi_describe(with, theirs, sizeof(theirs));
		error_scrub(theirs);
		printf("  %-24s  %s%s\n", ours, words[fit],
		       fit == MPI_FIT_ALL ? theirs : why.cause);
	}
}

static void print_library(const struct bring_library *item, enum bring_from from, const char *title)
{
	if (item->from == from && !item->is_component)
		printf("    %-12s  %-28s  %s\n", title, item->soname,
		       from == BRING_NODE ? item->node->real : item->image->real);
}

static void print_bring(const struct bring *bring)
{
	size_t left = 0;

	for (size_t i = 0; i < bring->count; i++)
		print_library(&bring->items[i], BRING_NODE, "the node's");
	for (size_t i = 0; i < bring->directory_count; i++)
		printf("    %-12s  %-28s  %s\n", "the node's", "directory", bring->directories[i]);
	for (size_t i = 0; i < bring->count; i++)
		print_library(&bring->items[i], BRING_IMAGE, "the image's");
	for (size_t i = 0; i < bring->count; i++)
		left += bring->items[i].is_component && bring->items[i].from != BRING_NODE;
	if (left)
		printf("    %zu components of the node's cannot be loaded in the image and are left out\n",
		       left);
}

/* What one choice comes to. Returns whether the node's MPI is used. */
static int print_choice(const struct hostmpi_places *places, enum mpi_choice choice,
			const char *name, bool *is_used, struct error *err)
{
	struct error why = ERROR_INIT;
	struct hostmpi hostmpi;
	int result = hostmpi_look(&hostmpi, places, err);

	if (result == 0) {
		if (choice == MPI_HOST) {
			print_list("image", &hostmpi.of_image);
			print_list("node", &hostmpi.of_node);
			print_pairs(&hostmpi);
		}
		*is_used = hostmpi_decide(&hostmpi, choice, places->conf, &why) == 0 &&
			   hostmpi.is_used;
		printf("--container-mpi=%s: %s%s\n", name,
		       *is_used             ? "the node's"
		       : choice == MPI_HOST ? "refused: "
					    : "the image's",
		       *is_used || choice != MPI_HOST ? "" : why.cause);
		if (*is_used && hostmpi.note.cause[0])
			printf("    beware: %s\n", hostmpi.note.cause);
		if (*is_used && choice == MPI_HOST)
			print_bring(&hostmpi.bring);
	}
	hostmpi_done(&hostmpi);
	return result;
}

static int print(const struct hostmpi_places *places, bool *is_used, struct error *err)
{
	bool by_itself;

	if (print_choice(places, MPI_HOST, "host", is_used, err) < 0 ||
	    print_choice(places, MPI_AUTO, "auto", &by_itself, err) < 0)
		return -1;
	return fflush(stdout) == 0 ? 0 : error_set(err, errno, "cannot write");
}

/* As what the image says of itself has it in the container. */
static int check_with_image(struct hostmpi_places *places, const struct settings *settings,
			    const struct image *image, bool *is_used, struct error *err)
{
	struct image_config says;
	int result;

	if (image_config_read(&says, places->image, image, err) < 0)
		return -1;
	places->library_path = hostmpi_library_path(settings, &says);
	result = print(places, is_used, err);
	image_config_done(&says);
	return result;
}

static int check(char *path, bool *is_used, struct error *err)
{
	cleanup_close int node = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), root = -1;
	struct settings settings = { .image = path,
				     .workdir = (char *)(uintptr_t) "/",
				     .gpus = GPUS_NONE,
				     .nic = NIC_NONE };
	struct rendezvous rendezvous = { .memfd = -1 };
	struct conf empty = { .state_dir = NULL }, conf = { .state_dir = NULL };
	struct container container = { .settings = &settings,
				       .conf = &empty,
				       .has_command = true,
				       .ignores_wishes = true,
				       .userns = -1,
				       .rendezvous = &rendezvous,
				       .save = SAVE_INIT };
	struct hostmpi_places places = { .node = node, .conf = &conf };
	struct image image = IMAGE_INIT;
	struct way way = WAY_INIT;
	int result = -1;

	if (node < 0)
		return error_set(err, errno, "cannot open '/'");
	/* The image's path leads nowhere in the container, so it is opened before. */
	if (conf_load(&conf, err) == 0 && image_open(&image, path, err) == 0 &&
	    rendezvous_alone(&rendezvous, err) == 0 &&
	    container_build(&container, &way, err) == 0) {
		root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		places.image = root;
		result = root < 0 ? error_set(err, errno, "cannot open the container's root")
				  : check_with_image(&places, &settings, &image, is_used, err);
	}
	image_done(&image);
	conf_done(&conf);
	return result;
}

int mpi_check_main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	bool is_used = false;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		puts("Usage: davit mpi-check IMAGE\n"
		     "Show which MPI libraries the image and this node have, whether the node's can be used\n"
		     "in place of the image's (--container-mpi=host or auto), what would come along, and why\n"
		     "not. Nothing of the image is run. The exit code is 0 if it can, 1 if not.");
		return 0;
	}
	if (argc != 2) {
		error_set(&err, 0, argc < 2 ? "no image given" : "more than one image");
		error_remedy(&err, "davit mpi-check IMAGE");
	} else if (check(argv[1], &is_used, &err) == 0) {
		return is_used ? 0 : DOES_NOT_WORK;
	}
	report(&err);
	return err.code;
}
