/* SPDX-License-Identifier: Apache-2.0 */
/* The live stream: one ring of encoded events, any number of listeners that read from it at their
 * own pace. A listener that falls out of the ring is closed; its browser comes again. */
#ifndef DROVER_GATEWAY_HUB_H
#define DROVER_GATEWAY_HUB_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hub;

/* Who listens, as he proved it. */
struct hub_right {
    char proof[80];
    bool by_token;
};

/* room: bytes of the ring; boot: this process's life (copied). */
struct hub *hub_new(size_t room, const char *boot);
/* All listeners end; their connections must be gone before the daemon stops. */
void hub_close(struct hub *hub);
void hub_free(struct hub **hub);

/* Appends an event: data is one line of JSON. Wakes the listeners. */
void hub_publish(struct hub *hub, const char *event, const char *data);

/* A line without an id that is not kept: `tick`. */
void hub_tick(struct hub *hub, int64_t now_us);

/* Ends the listeners whose right does not hold any more. */
typedef bool hub_holds(void *arg, const struct hub_right *right);
void hub_sweep(struct hub *hub, hub_holds *holds, void *arg);

const char *hub_boot(const struct hub *hub);
int64_t hub_seq(const struct hub *hub);
size_t hub_listeners(const struct hub *hub);

/* A new listener that has seen everything up to `after` ("BOOT-SEQ"; NULL or "": from now on). The
 * response is the caller's to queue. */
struct MHD_Response *hub_listen(struct hub *hub, struct MHD_Connection *connection,
                                const char *after, const struct hub_right *right, int64_t now_us);

/* Whether something was resumed since the last call: the daemon must run again. */
int hub_woke(struct hub *hub);

#endif
