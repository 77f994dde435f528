/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is freed in one go: what a decoded message, a copied record or a parsed
 * configuration is made of.
 */
#pragma once
#include <stddef.h>

struct dr_arena;

/* A new arena; NULL when memory is short. Free with dr_arena_free(). */
struct dr_arena *dr_arena_new(void);
void dr_arena_free(struct dr_arena **arena);

/* Zeroed memory for any type; lives as long as the arena. NULL when memory is short. */
void *dr_arena_alloc(struct dr_arena *arena, size_t size);

/* A NUL-terminated copy of len bytes. NULL when memory is short. */
char *dr_arena_text(struct dr_arena *arena, const char *text, size_t len);
