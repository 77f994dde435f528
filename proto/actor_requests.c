/* SPDX-License-Identifier: Apache-2.0 */
#include "actor_impl.h"

#include "drover/assert.h"

#include "socket.h"

#define BURST 200

static void send_message(struct dr_actor *actor, const char *to, enum dr_type type,
                         const void *body, const char *request, const char *corr, int64_t left_ms)
{
    const struct dr_message_row *row = dr_row_by_type(type);
    DR_ASSERT(row != NULL && row->shape != DR_EVENT);
    struct dr_envelope env = {
        .version = DR_WIRE_VERSION,
        .type = row->name,
        .source = actor->handover.source,
        .boot = actor->boot,
        .time_us = zclock_time() * 1000,
        .corr = corr,
        .request = request,
        .left_ms = left_ms,
    };
    uint8_t *bytes;
    size_t len;
    DR_ASSERT(dr_message_encode(&env, row->desc, body, &bytes, &len) == 0);
    dr_socket_send(actor->sockets[ACTOR_DEALER], to, bytes, len);
}

static int on_expiry(zloop_t *loop, int timer, void *arg);

/* One timer stands at the earliest deadline. */
static void arm_expiry(struct dr_actor *actor)
{
    if (actor->expiry_timer >= 0)
        zloop_timer_end(actor->loop, actor->expiry_timer);
    actor->expiry_timer = -1;
    int64_t next_ms = dr_pending_next_ms(actor->pending);
    if (next_ms < 0)
        return;
    int64_t wait_ms = next_ms - zclock_mono();
    actor->expiry_timer =
        zloop_timer(actor->loop, (size_t)(wait_ms > 0 ? wait_ms : 0), 1, on_expiry, actor);
}

static void answer(struct dr_actor *actor, struct dr_waiting *waiting,
                   const struct dr_answer *given)
{
    waiting->answer(actor, given, waiting->arg);
    dr_waiting_clear(waiting);
}

static int on_expiry(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    struct dr_actor *actor = arg;
    struct dr_waiting waiting;
    actor->expiry_timer = -1;
    while (dr_pending_expired(actor->pending, zclock_mono(), &waiting) == 0)
        answer(actor, &waiting,
               &(struct dr_answer){.failure = "timeout: whether it was done is unknown"});
    arm_expiry(actor);
    return 0;
}

void dr_request(struct dr_actor *actor, const char *to, enum dr_type type, const void *body,
                const char *request_id, const char *corr, int64_t timeout_ms,
                dr_answer_fn answer_fn, void *arg)
{
    char fresh[33];
    if (request_id == NULL) {
        dr_fresh_id(fresh);
        request_id = fresh;
    }
    struct dr_waiting waiting = {
        .request = (char *)(uintptr_t)request_id,
        .to = (char *)(uintptr_t)to,
        .deadline_ms = zclock_mono() + timeout_ms,
        .answer = answer_fn,
        .arg = arg,
        .type = type,
    };
    dr_pending_add(actor->pending, &waiting);
    send_message(actor, to, type, body, request_id, corr, timeout_ms);
    arm_expiry(actor);
}

void dr_reply(struct dr_actor *actor, const char *to, const char *request_id, enum dr_type type,
              const void *body)
{
    send_message(actor, to, type, body, request_id, NULL, 0);
}

/* An answer counts only from the one who was asked, or from the bus saying why it cannot be had. */
static void on_reply(struct dr_actor *actor, const char *from, const struct dr_message *message)
{
    struct dr_waiting waiting;
    if (dr_pending_take(actor->pending, message->env.request, &waiting) != 0)
        return; /* late: its timeout was the answer */
    bool from_bus = strcmp(from, "bus") == 0 && strcmp(waiting.to, "bus") != 0;
    enum dr_type wanted = dr_row_by_type(waiting.type)->reply;
    if (!from_bus && strcmp(from, waiting.to) != 0) {
        actor_drop(actor, from, "it answers for someone else");
        dr_pending_add(actor->pending, &waiting);
        dr_waiting_clear(&waiting);
        return;
    }
    const struct dr_ack *ack = message->row->type == DR_ACK ? message->body : NULL;
    struct dr_answer given = {0};
    if (from_bus || (message->row->type != wanted && ack != NULL && !ack->ok)) {
        given.failure = ack == NULL ? "refused" : ack->sentence;
        given.refused = from_bus || ack == NULL ? NULL : ack->code;
    } else if (message->row->type != wanted) {
        given.failure = "answered by a message of another type";
    } else {
        given.message = message;
    }
    answer(actor, &waiting, &given);
    arm_expiry(actor);
}

static void on_request(struct dr_actor *actor, const char *from, const struct dr_message *message)
{
    uint32_t my_bit = 1u << actor->spec->role;
    enum dr_role role = dr_role_of(from);
    if ((message->row->to & my_bit) == 0 || role == DR_ROLE_COUNT ||
        (message->row->from & (1u << role)) == 0)
        actor_drop(actor, from, "the table does not allow it");
    else if (message->env.left_ms <= 0)
        actor_drop(actor, from, "its deadline has passed");
    else if (actor->spec->request != NULL)
        actor->spec->request(actor, message);
}

static void on_message(struct dr_actor *actor, const char *from, zframe_t *frame)
{
    struct dr_message message;
    char err[256];
    if (dr_message_decode(zframe_data(frame), zframe_size(frame), &message, err, sizeof err) != 0) {
        actor_drop(actor, from, err);
        return;
    }
    if (strcmp(from, message.env.source) != 0)
        actor_drop(actor, from, "its envelope names another source");
    else if (message.row->shape == DR_REPLY)
        on_reply(actor, from, &message);
    else if (message.row->shape == DR_REQUEST)
        on_request(actor, from, &message);
    else
        actor_drop(actor, from, "an event among requests");
    dr_message_free(&message);
}

static int on_readable(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void)loop;
    struct dr_actor *actor = arg;
    for (int i = 0; i < BURST; i++) {
        char *from;
        zframe_t *frame;
        int got = dr_socket_receive(socket, &from, &frame);
        if (got == 0)
            break;
        if (got < 0) {
            actor_drop(actor, "the bus", "not two frames");
            continue;
        }
        on_message(actor, from, frame);
        zstr_free(&from);
        zframe_destroy(&frame);
    }
    return 0;
}

void actor_requests_start(struct dr_actor *actor)
{
    DR_ASSERT(zloop_reader(actor->loop, actor->sockets[ACTOR_DEALER], on_readable, actor) == 0);
}

void actor_requests_stop(struct dr_actor *actor)
{
    struct dr_waiting waiting;
    while (dr_pending_expired(actor->pending, INT64_MAX, &waiting) == 0)
        answer(actor, &waiting, &(struct dr_answer){.failure = "this actor is stopping"});
}
