/* SPDX-License-Identifier: Apache-2.0
 *
 * The bus as a client sees it without the actor skeleton: for the console, tests and taps.
 * Endpoints, below RUN_DIR: events.in (XSUB side), events.out (XPUB side), requests (ROUTER),
 * tap (PUB, plain). On ipc actors prove who they are by ZeroMQ's PLAIN mechanism: user = source,
 * password = the token that droverd gave them; the bus believes that, never the envelope (P29).
 *
 * Frames. Event: [topic "/" source][message]. Request to the bus: [to][message]; delivered as
 * [from][message]. Replies travel the same way. A message is one msgpack map:
 *   {v, type, source, boot, seq, time_us, corr, request, left_ms, body: {...}}
 */
#pragma once
#include "drover/message.h"

#define DR_BUS_EVENTS_IN "events.in"
#define DR_BUS_EVENTS_OUT "events.out"
#define DR_BUS_REQUESTS "requests"
#define DR_BUS_TAP "tap"
#define DR_BUS_CONSOLE_TOKEN "console.token" /* file in RUN_DIR, 0600, made by the bus */

/* ---- a tap: reads every event, disturbs nobody ---------------------------------------------- */
struct dr_tap;

/* Subscribes to a tap endpoint ("ipc:///var/lib/drover/run/tap"). topic: a prefix such as
 * "machine.", or
 * "" for all. Returns NULL with a sentence in err. Does not wait for the bus to be there. */
struct dr_tap *dr_tap_open(const char *endpoint, const char *topic, char *err, size_t err_len);

/* The next event: 1 and *out filled (free with dr_message_free()); 0 on timeout; -1 on a frame that
 * is no message (err says why; reading may go on). Blocks up to timeout_ms (-1: for ever). */
int dr_tap_next(struct dr_tap *tap, int timeout_ms, struct dr_message *out, char *err,
                size_t err_len);

/* Events missed so far, by the sequences of each (source, boot, topic). */
int64_t dr_tap_missed(const struct dr_tap *tap);

/* File descriptor to poll; readable means: call dr_tap_next() with timeout 0 until it gives 0. */
int dr_tap_fd(const struct dr_tap *tap);
void dr_tap_close(struct dr_tap **tap);

/* ---- a plain client: one request at a time -------------------------------------------------- */
struct dr_client;

/* Connects as the console to the bus below run_dir. NULL with a sentence in err. */
struct dr_client *dr_client_open(const char *run_dir, char *err, size_t err_len);

/* Asks and waits up to timeout_ms. 0: *out holds the reply (free it). -1: err says what failed. */
int dr_client_ask(struct dr_client *client, const char *to, enum dr_type type, const void *body,
                  int timeout_ms, struct dr_message *out, char *err, size_t err_len);
void dr_client_close(struct dr_client **client);
