/* SPDX-License-Identifier: BSD-3-Clause */
/* json.h - jansson's values with the scope of a variable. */
#ifndef DAVIT_JSON_H
#define DAVIT_JSON_H

#include <jansson.h>

static inline void cleanup_json_fn(json_t **json)
{
	json_decref(*json);
}

#define cleanup_json __attribute__((cleanup(cleanup_json_fn)))

#endif
