/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of drover-bus, shared by main.c (life), door.c (who may connect), events.c (publish and
 * subscribe) and requests.c (the router).
 */
#pragma once
#include <czmq.h>

#include "drover/config.h"

#include "control.h"
#include "core.h"
#include "lifeline.h"

struct bus {
    struct dr_handover handover;
    struct dr_config *config;
    struct bus_core *core;
    zloop_t *loop;
    struct dr_lifeline *lifeline;
    zsock_t *door;      /* REP: ZeroMQ asks it who may connect */
    zsock_t *in;        /* XSUB: actors publish here */
    zsock_t *out;       /* XPUB: actors subscribe here */
    zsock_t *tap;       /* XPUB: strangers subscribe here, and never at `out` (P29) */
    int64_t tap_topics; /* subscribed at the tap; 0: nobody listens, and nothing is copied */
    zsock_t *requests;  /* ROUTER */
    char boot[33];
    int64_t life_seq, log_seq; /* events that the bus publishes for the supervisor */
    struct actor_entry *actors;
    struct route *routes;
};

/* Opens the door before anything binds. Asserts when the socket cannot be made. */
void door_open(struct bus *bus);

/* Lets one more in: an account was added while this bus runs. A known source gets a new token. */
void door_admit(struct bus *bus, const char *source, const char *token);

/* Who is behind this message, by its handshake; "" when nobody proved anything. Borrowed. */
const char *door_user(zmq_msg_t *msg);

/* Tells a person what was refused, at most once a second; the rest is counted. */
void say_refused(const char *what, const char *of, const char *why);

/* Bind and relay; -1 after saying why. */
int events_open(struct bus *bus);
int requests_open(struct bus *bus);
void requests_free(struct bus *bus);

/* Publishes an event in the supervisor's name, with its own sequence. */
void events_publish_for_supervisor(struct bus *bus, enum dr_type type, const void *body,
                                   int64_t *seq);

/* The newest word on each process, kept for actors.get. */
void life_note(struct bus *bus, const char *json, size_t len);
void log_note(struct bus *bus, const char *json, size_t len);
struct dr_actor_view *life_views(struct bus *bus, size_t *count);
void life_free(struct bus *bus);
