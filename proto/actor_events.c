/* SPDX-License-Identifier: Apache-2.0 */
#include "actor_impl.h"

#include "drover/assert.h"

#include "socket.h"

#define BURST 200 /* events taken in one turn, so that timers and requests get theirs */

void dr_publish(struct dr_actor *actor, enum dr_type type, const void *body, const char *corr)
{
    size_t count;
    const struct dr_message_row *row = dr_row_by_type(type);
    DR_ASSERT(row != NULL && row->shape == DR_EVENT);
    int64_t *seq = &actor->seqs[row - dr_rows(&count)];
    struct dr_envelope env = {
        .version = DR_WIRE_VERSION,
        .type = row->name,
        .source = actor->handover.source,
        .boot = actor->boot,
        .seq = ++*seq,
        .time_us = zclock_time() * 1000,
        .corr = corr,
    };
    char topic[256];
    uint8_t *bytes;
    size_t len;
    snprintf(topic, sizeof topic, "%s/%s", row->name, env.source);
    DR_ASSERT(dr_message_encode(&env, row->desc, body, &bytes, &len) == 0);
    dr_socket_send(actor->sockets[ACTOR_PUB], topic, bytes, len);
}

/* The topic's end is the source that the bus has checked; the envelope must say the same. */
static bool topic_fits(const char *topic, const struct dr_message *message)
{
    size_t len = strlen(message->env.type);
    return strncmp(topic, message->env.type, len) == 0 && topic[len] == '/' &&
           strcmp(topic + len + 1, message->env.source) == 0;
}

static bool listens_to(const struct dr_actor *actor, const char *source)
{
    uint32_t role = 1u << dr_role_of(source);
    for (const enum dr_type *type = actor->spec->events; type && *type != DR_NONE; type++)
        if (dr_row_by_type(*type)->from & role)
            return true;
    return false;
}

/* A process that died may have taken with it what it was about to say, and its successor may have
 * nothing to say for long: its first event would show the gap too late. */
static void on_actor_changed(struct dr_actor *actor, const struct dr_actor_view *view)
{
    if (view->restarts > 0 && strcmp(view->state, "ready") == 0 && listens_to(actor, view->actor))
        actor->spec->gap(actor, view->actor, "");
}

static bool wants(const struct dr_actor *actor, enum dr_type wanted)
{
    for (const enum dr_type *type = actor->spec->events; type && *type != DR_NONE; type++)
        if (*type == wanted)
            return true;
    return false;
}

static void on_event(struct dr_actor *actor, const char *topic, zframe_t *frame)
{
    struct dr_message message;
    char err[256];
    if (dr_message_decode(zframe_data(frame), zframe_size(frame), &message, err, sizeof err) != 0) {
        actor_drop(actor, topic, err);
        return;
    }
    bool reborn;
    if (message.row->shape != DR_EVENT || !topic_fits(topic, &message)) {
        actor_drop(actor, topic, "its topic and its envelope disagree");
    } else {
        int64_t missed = dr_sequence_note(actor->sequence, &message.env, &reborn);
        if ((missed > 0 || reborn) && actor->spec->gap != NULL)
            actor->spec->gap(actor, message.env.source, message.env.type);
        if (message.row->type == DR_ACTOR_CHANGED && actor->spec->gap != NULL)
            on_actor_changed(actor, &((const struct dr_actor_changed *)message.body)->actor);
        if (actor->spec->event != NULL && wants(actor, message.row->type))
            actor->spec->event(actor, &message);
    }
    dr_message_free(&message);
}

static int on_readable(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void)loop;
    struct dr_actor *actor = arg;
    for (int i = 0; i < BURST; i++) {
        char *topic;
        zframe_t *frame;
        int got = dr_socket_receive(socket, &topic, &frame);
        if (got == 0)
            break;
        if (got < 0) {
            actor_drop(actor, "the bus", "not two frames");
            continue;
        }
        on_event(actor, topic, frame);
        zstr_free(&topic);
        zframe_destroy(&frame);
    }
    return 0;
}

static void subscribe(zsock_t *sub, enum dr_type type)
{
    char prefix[128];
    const struct dr_message_row *row = dr_row_by_type(type);
    DR_ASSERT(row != NULL && row->shape == DR_EVENT);
    snprintf(prefix, sizeof prefix, "%s/", row->name);
    zsock_set_subscribe(sub, prefix);
}

void actor_events_start(struct dr_actor *actor)
{
    zsock_t *sub = actor->sockets[ACTOR_SUB];
    for (const enum dr_type *type = actor->spec->events; type && *type != DR_NONE; type++)
        subscribe(sub, *type);
    if (actor->spec->gap != NULL)
        subscribe(sub, DR_ACTOR_CHANGED);
    DR_ASSERT(zloop_reader(actor->loop, sub, on_readable, actor) == 0);
}
