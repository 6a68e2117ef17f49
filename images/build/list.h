/* SPDX-License-Identifier: BSD-3-Clause */
/* list.h - lists of strings that grow, and of variables. */
#ifndef DAVIT_BUILD_LIST_H
#define DAVIT_BUILD_LIST_H

#include <stddef.h>

/* `items` ends with NULL, and is NULL as long as there are none. Zeroed, it is empty. */
struct list {
	char **items;
	size_t count;
};

/* Takes over `item`, which is freed on failure; NULL stands for no memory. Returns 0 or -1. */
int list_take(struct list *list, char *item);
int list_add(struct list *list, const char *item);
void list_done(struct list *list);

/* Sets the variable of "NAME=VALUE", in the place of an earlier one of that name. */
int list_set(struct list *list, const char *variable);

/* The value of the variable `name` of `len` bytes, or NULL. */
const char *list_get(const struct list *list, const char *name, size_t len);

#endif
