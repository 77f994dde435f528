/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "sandbox.h"

/* A sandbox with a clock of its own and somebody logged in, asked as a client asks it. */
struct session {
    struct sandbox *sb;
    int64_t now_us;
    char authorization[2048];
    json_t *answer; /* the last one, whole */
    char *journal;  /* every line of sandbox_record so far */
};

int session_setup(void **state);
int session_teardown(void **state);

/* Sends the call (JSON with single quotes, printf-like) and checks its result_code, and the
 * subcode of an error: 400101 is 400/101. Returns data, borrowed until the next call. */
json_t *ask(struct session *s, int code, const char *endpoint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The id that a create call answered: copied. */
struct sandbox_id made(const json_t *data);
/* A text of the last data; "" when absent. */
const char *text(const json_t *data, const char *path);
/* A field of a stored task. */
const char *stored(struct session *s, const char *task, const char *path);
/* Time passes; the clock ticks at its end. */
void wait_s(struct session *s, int seconds);
