/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the place of a key in an array without reading all of it. The index keeps no keys: it asks
 * the array's owner for the key of a place, so that a place whose key has changed is just not found
 * by the old one any more. Of places with the same key the one that was added first is found. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define DR_INDEX_NONE SIZE_MAX

typedef const char *(*dr_index_key_fn)(const void *of, size_t place);

struct dr_index {
    struct dr_index_slot *slots;
    size_t room, used;
};

/* Forgets all places; the memory stays for the next ones. */
void dr_index_clear(struct dr_index *index);
void dr_index_free(struct dr_index *index);
/* The same place may be added under several keys; a key of "" is not added. */
void dr_index_add(struct dr_index *index, const char *key, size_t place);
/* DR_INDEX_NONE: no place has this key, or it is "". */
size_t dr_index_find(const struct dr_index *index, const char *key, dr_index_key_fn key_of,
                     const void *of);
