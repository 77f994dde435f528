/* SPDX-License-Identifier: Apache-2.0
 *
 * What the bus decides, without a socket: who may say what to whom, and what was counted.
 * Topics are looked up by their whole text ("machine.changed/ledger"), so that the busy path costs
 * one hash and one comparison.
 */
#pragma once
#include "drover/message.h"

enum verdict {
    PASS,
    REFUSE_UNKNOWN, /* no such topic or request in the table */
    REFUSE_SOURCE,  /* the topic's or envelope's source is not who the socket says */
    REFUSE_TABLE,   /* the row does not allow this source, or this receiver */
    REFUSE_BROKEN,  /* not a message */
};

struct bus_core;

/* A new core without counters. Asserts on lack of memory. */
struct bus_core *bus_core_new(void);
void bus_core_free(struct bus_core **core);

/* May `user` (as the socket's handshake proved it) publish on `topic`? Counts it either way.
 * topic need not end in NUL. Never blocks. */
enum verdict bus_event(struct bus_core *core, const char *topic, size_t topic_len, const char *user,
                       size_t bytes);

/* May `from` send this request or reply to `to`? `user` is what the handshake proved; `from` is its
 * routing id: the same, but for consoles, which are "console:" and anything. Counts it. */
enum verdict bus_request(struct bus_core *core, const char *from, const char *user, const char *to,
                         const struct dr_message *message, size_t bytes);

/* For people: why something was refused. */
const char *bus_verdict_text(enum verdict verdict);

/* All counters, malloc'd array borrowed texts; the caller frees the array only. */
struct dr_counter_view *bus_counters(const struct bus_core *core, size_t *count);
