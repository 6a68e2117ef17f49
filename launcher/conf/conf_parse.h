/* SPDX-License-Identifier: BSD-3-Clause */
/* conf_parse.h - what the readers of davit.conf's parts share. */
#ifndef DAVIT_CONF_PARSE_H
#define DAVIT_CONF_PARSE_H

#include "launcher/conf/conf.h"

struct conf_reader {
	struct conf *conf;
	const char *path;
	enum conf_layer layer;
};

/* Puts "FILE:LINE: " in front of the cause. Returns -1. */
int conf_refuse(const struct conf_reader *reader, const struct yaml_node *node, struct error *err);

/* Is the node of this kind? No value at all is an empty list or map. */
int conf_expect(const struct conf_reader *reader, const struct yaml_node *node, enum yaml_kind kind,
		struct error *err);

/* Refuses a key that only the site may use, unless this is the site's file. */
int conf_expect_site(const struct conf_reader *reader, const struct yaml_node *node,
		     struct error *err);

/* Finds the values of a map by their names, NULL where there is none; refuses other keys. */
int conf_read_fields(const struct conf_reader *reader, const struct yaml_node *map,
		     const char *const *names, size_t count, const struct yaml_node **fields,
		     struct error *err);

int conf_read_switch(const struct conf_reader *reader, const struct yaml_node *node, bool *value,
		     struct error *err);

/* Puts a list of paths in front of *paths: what the user prefers, and then what the site does. */
int conf_read_paths(const struct conf_reader *reader, const struct yaml_node *list, char ***paths,
		    struct error *err);

/* The texts of a list that has nothing else, in a fresh one that ends with NULL; NULL with `err` set. */
char **conf_texts(const struct conf_reader *reader, const struct yaml_node *list,
		  struct error *err);

/* A copy of a list that ends with NULL; NULL when out of memory. */
char **conf_copy(const char *const *words);

/* conf_devices.c */
int conf_init_devices(struct conf *conf);
int conf_read_gpu_libraries(const struct conf_reader *reader, const struct yaml_node *list,
			    struct error *err);
int conf_read_gpu_programs(const struct conf_reader *reader, const struct yaml_node *list,
			   struct error *err);
int conf_read_gpu_files(const struct conf_reader *reader, const struct yaml_node *list,
			struct error *err);
int conf_read_nic_libraries(const struct conf_reader *reader, const struct yaml_node *list,
			    struct error *err);
int conf_read_nic_files(const struct conf_reader *reader, const struct yaml_node *list,
			struct error *err);
int conf_read_cdi_directories(const struct conf_reader *reader, const struct yaml_node *list,
			      struct error *err);
int conf_read_cdi_hooks(const struct conf_reader *reader, const struct yaml_node *list,
			struct error *err);
int conf_read_topology_file(const struct conf_reader *reader, const struct yaml_node *node,
			    struct error *err);

/* conf_images.c */
int conf_read_image_mounts(const struct conf_reader *reader, const struct yaml_node *list,
			   struct error *err);
int conf_read_image_devices(const struct conf_reader *reader, const struct yaml_node *list,
			    struct error *err);
int conf_read_image_system_calls(const struct conf_reader *reader, const struct yaml_node *list,
				 struct error *err);

/* conf_imports.c */
#define CONF_IMPORT_CACHE_MAX ((uint64_t)50 << 30) /* unless a file says otherwise */
int conf_read_import_cache(const struct conf_reader *reader, const struct yaml_node *node,
			   struct error *err);
int conf_read_import_cache_max(const struct conf_reader *reader, const struct yaml_node *node,
			       struct error *err);

/* conf_options.c */

/* A default for the option that the key names. Returns 1 where it names none. */
int conf_read_option(const struct conf_reader *reader, const struct yaml_node *node,
		     struct error *err);
int conf_read_forbid(const struct conf_reader *reader, const struct yaml_node *list,
		     struct error *err);

/* Refuses a key of the user's file for an option that the site forbids. */
int conf_check_forbidden(const struct conf_reader *reader, const struct yaml_node *node,
			 struct error *err);

/* policy_parse.c */
int conf_read_policy(const struct conf_reader *reader, const struct yaml_node *list,
		     struct error *err);

/* conf_sections.c */
int conf_read_mounts(const struct conf_reader *reader, const struct yaml_node *node,
		     struct error *err);
int conf_read_environment(const struct conf_reader *reader, const struct yaml_node *node,
			  struct error *err);
int conf_read_host_mpi(const struct conf_reader *reader, const struct yaml_node *list,
		       struct error *err);
int conf_read_host_mpi_directories(const struct conf_reader *reader, const struct yaml_node *list,
				   struct error *err);
int conf_read_image_keys(const struct conf_reader *reader, const struct yaml_node *list,
			 struct error *err);
int conf_read_files(const struct conf_reader *reader, const struct yaml_node *list,
		    struct error *err);

#endif
