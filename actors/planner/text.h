/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences and copies that live as long as a plan. */
#pragma once
#include "arena.h"

/* Zeroed; out of memory ends the process. */
void *text_alloc(struct dr_arena *arena, size_t size);
const char *text_copy(struct dr_arena *arena, const char *text);
const char *text_printf(struct dr_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "1 task", "5 tasks" for count and "task". */
const char *text_count(struct dr_arena *arena, long long count, const char *noun);

/* "2026-01-31 14:05:09 UTC" of microseconds since 1970. */
const char *text_time(struct dr_arena *arena, long long wall_us);
