/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of texts: tags, names. */
#include "tasks.h"

#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
    return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

void sort_strings(json_t *list)
{
    size_t n = json_array_size(list);
    if (n < 2)
        return;
    json_t **items = calloc(n, sizeof *items);
    for (size_t i = 0; items && i < n; i++) {
        items[i] = json_array_get(list, i);
        if (!json_is_string(items[i])) {
            free(items);
            return;
        }
        json_incref(items[i]);
    }
    if (!items)
        return;
    qsort(items, n, sizeof *items, by_text);
    for (size_t i = 0; i < n; i++)
        json_array_set_new(list, i, items[i]);
    free(items);
}

bool tags_have(const json_t *list, const char *tag)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        if (json_is_string(item) && strcmp(json_string_value(item), tag) == 0)
            return true;
    }
    return false;
}

void tags_remove(json_t *list, const char *tag)
{
    for (size_t i = json_array_size(list); i-- > 0;) {
        const char *item = json_string_value(json_array_get(list, i));
        if (item && strcmp(item, tag) == 0)
            json_array_remove(list, i);
    }
}
