/* SPDX-License-Identifier: Apache-2.0
 *
 * The skeleton of every actor: it takes what droverd hands over on fd 3, connects to the bus, says
 * READY, feeds the watchdog, turns messages into calls of the handlers below, and ends in order.
 * A third party writes an actor with this header, message.h and libdrover.
 *
 * Everything happens in one thread, on one czmq zloop; no function here blocks unless it says so.
 */
#pragma once
#include "drover/config.h"
#include "drover/message.h"

struct dr_actor;
struct _zloop_t;

/* The answer to a request. message is NULL when none came: then failure says why ("timeout",
 * "unreachable", "refused ...") and the effect is UNKNOWN, not absent (P28). Borrowed.
 * refused: the code of the `ack` by which the one who was asked says that it does not give the
 * reply asked for; failure is its sentence. NULL otherwise. */
struct dr_answer {
    const struct dr_message *message;
    const char *failure;
    const char *refused;
};
typedef void (*dr_answer_fn)(struct dr_actor *actor, const struct dr_answer *answer, void *arg);

struct dr_actor_spec {
    enum dr_role role;

    /* Topics to subscribe to, NULL-terminated row types; may be NULL. */
    const enum dr_type *events;

    /* Configuration and bus are there; make the state (dr_actor_set_self()) and timers on
     * dr_actor_loop(). Return 0, or -1 after logging why: the process ends with DR_EXIT_RETRY. */
    int (*start)(struct dr_actor *actor);

    /* An event of a subscribed topic. Borrowed for the call. */
    void (*event)(struct dr_actor *actor, const struct dr_message *message);

    /* A request that the table allows to this role. Answer it with dr_reply() now or later; the
     * token in message->env.request and source is all that is needed, so copy those to answer
     * later. */
    void (*request)(struct dr_actor *actor, const struct dr_message *message);

    /* Events of `source` on `topic` were missed, or `source` began a new life (then topic may be
     * ""): fetch the state. */
    void (*gap)(struct dr_actor *actor, const char *source, const char *topic);

    /* The configuration was replaced by an accepted one (SIGHUP at droverd). The old one stays
     * valid until this returns. May be NULL. */
    void (*reconfigured)(struct dr_actor *actor, const struct dr_cfg_root *before);

    /* Before the process ends in order. May be NULL. */
    void (*stop)(struct dr_actor *actor);
};

/* main() of an actor: returns the process's exit code. Blocks for the actor's life. */
int dr_actor_main(int argc, char **argv, const struct dr_actor_spec *spec);

void dr_actor_set_self(struct dr_actor *actor, void *self);
void *dr_actor_self(struct dr_actor *actor);
struct _zloop_t *dr_actor_loop(struct dr_actor *actor);
const struct dr_cfg_root *dr_actor_config(struct dr_actor *actor);

/* "provisioner:local"; the part after the colon, or "". */
const char *dr_actor_source(struct dr_actor *actor);
const char *dr_actor_account(struct dr_actor *actor);
const char *dr_actor_state_dir(struct dr_actor *actor);
const char *dr_actor_run_dir(struct dr_actor *actor);

/* Publishes an event. body is the struct of the type; borrowed for the call. corr may be NULL. */
void dr_publish(struct dr_actor *actor, enum dr_type type, const void *body, const char *corr);

/* Sends a request to `to` ("ledger", "provisioner:local"). answer is called exactly once, at the
 * latest after timeout_ms, never from inside this call. request_id: NULL for a fresh one; pass the
 * same id again to repeat a write safely (P28). */
void dr_request(struct dr_actor *actor, const char *to, enum dr_type type, const void *body,
                const char *request_id, const char *corr, int64_t timeout_ms, dr_answer_fn answer,
                void *arg);

/* Answers a request, by what its message said. */
void dr_reply(struct dr_actor *actor, const char *to, const char *request_id, enum dr_type type,
              const void *body);

/* Ends the process in order with this exit code (exit.h). */
void dr_actor_exit(struct dr_actor *actor, int code);
