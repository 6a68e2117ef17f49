/* SPDX-License-Identifier: BSD-3-Clause */
/* list.c - see list.h. */
#include "images/build/list.h"

#include <stdlib.h>
#include <string.h>

#include "common/fd.h"

/* Room is doubled whenever it is used up, which is at 0, 1, 3, 7... items. */
int list_take(struct list *list, char *item)
{
	if (item && (list->count & (list->count + 1)) == 0) {
		size_t room = 2 * (list->count + 1);
		char **bigger = realloc(list->items, room * sizeof(bigger[0]));

		if (!bigger) {
			free(item);
			return -1;
		}
		list->items = bigger;
	}
	if (!item)
		return -1;
	list->items[list->count++] = item;
	list->items[list->count] = NULL;
	return 0;
}

int list_add(struct list *list, const char *item)
{
	return list_take(list, strdup(item));
}

void list_done(struct list *list)
{
	strings_free(list->items);
	*list = (struct list){ .items = NULL };
}

static char **find(const struct list *list, const char *name, size_t len)
{
	for (size_t i = 0; i < list->count; i++)
		if (strncmp(list->items[i], name, len) == 0 && list->items[i][len] == '=')
			return &list->items[i];
	return NULL;
}

int list_set(struct list *list, const char *variable)
{
	char **old = find(list, variable, strcspn(variable, "="));
	char *copy = strdup(variable);

	if (!old || !copy)
		return list_take(list, copy);
	free(*old);
	*old = copy;
	return 0;
}

const char *list_get(const struct list *list, const char *name, size_t len)
{
	char *const *found = find(list, name, len);

	return found ? *found + len + 1 : NULL;
}
