/* SPDX-License-Identifier: Apache-2.0 */
/* A shell for the watcher's core that a test holds in its hands: time is set, calls and requests
 * are kept until the test answers them. */
#pragma once
#include <jansson.h>

#include "port.h"

struct fake_call {
    char endpoint[64];
    json_t *body;
    clearml_fn cb;
    void *arg;
};
struct fake_ask {
    enum dr_type type;
    struct dr_record body;
    ack_fn cb;
    void *arg;
};

struct fake {
    struct port port;
    struct when now;
    struct fake_call calls[64];
    size_t call_count;
    struct fake_ask asks[64];
    size_t ask_count;
    int64_t calls_made, fetches, name_fetches;
    struct dr_record said[64]; /* the newest event of each type */
    int64_t said_count[64];
    char log[16384];
};

void fake_init(struct fake *fake);
void fake_free(struct fake *fake);
void fake_sleep(struct fake *fake, int64_t ms);

/* Answers the oldest call, which must be to `endpoint`, with data of this JSON. */
void fake_answer(struct fake *fake, const char *endpoint, const char *json);
/* The same with an answer of another class. */
void fake_fail(struct fake *fake, const char *endpoint, enum clearml_class cls, int subcode,
               const char *sentence);
/* Answers the oldest request to the ledger, which must be of this type. */
void fake_ack(struct fake *fake, enum dr_type type, bool ok, const char *code, int64_t seq,
              const char *id);
/* Fails all that is under way, as a shell that stops does: whoever waits lets go. */
void fake_stop(struct fake *fake);
/* The oldest call's body as compact text; freed by the next use. */
const char *fake_body(struct fake *fake);
/* The endpoint of the oldest call, or "". */
const char *fake_next(const struct fake *fake);
/* The oldest request's body; asserts on its type. */
const void *fake_asked(struct fake *fake, enum dr_type type);
