/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the actor skeleton, shared by actor.c (life), actor_events.c and actor_requests.c.
 */
#pragma once
#include <czmq.h>

#include "drover/actor.h"

#include "control.h"
#include "lifeline.h"
#include "pending.h"
#include "sequence.h"

enum actor_socket { ACTOR_PUB, ACTOR_SUB, ACTOR_DEALER, ACTOR_SOCKETS };

struct dr_actor {
    const struct dr_actor_spec *spec;
    void *self;
    struct dr_handover handover;
    struct dr_config *config;
    char boot[33];
    zloop_t *loop;
    struct dr_lifeline *lifeline;
    zsock_t *sockets[ACTOR_SOCKETS];
    zsock_t *monitors[ACTOR_SOCKETS];
    bool connected[ACTOR_SOCKETS];
    bool started;
    int exit_code;

    struct dr_sequence *sequence;
    int64_t *seqs; /* published so far, by row */

    struct dr_pending *pending;
    int expiry_timer; /* -1: none runs */
    int64_t bad;      /* messages dropped: undecodable, misplaced, expired */
};

/* Subscribes; readers call the spec's handlers. */
void actor_events_start(struct dr_actor *actor);
void actor_requests_start(struct dr_actor *actor);

/* Answers all that wait with "stopping". */
void actor_requests_stop(struct dr_actor *actor);

/* Counts a message that was dropped and says why, at most once a second. */
void actor_drop(struct dr_actor *actor, const char *from, const char *why);
