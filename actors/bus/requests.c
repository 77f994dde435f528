/* SPDX-License-Identifier: Apache-2.0
 *
 * The router: requests and replies between named actors, each checked against the table.
 */
#include "bus.h"

#include <errno.h>

#include "drover/assert.h"
#include "drover/bus.h"

#include "socket.h"

#define BURST 200

static int send_to(struct bus *bus, const char *to, const char *from, const void *bytes, size_t len)
{
    void *router = zsock_resolve(bus->requests);
    if (zmq_send(router, to, strlen(to), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return -1;
    zmq_send(router, from, strlen(from), ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(router, bytes, len, ZMQ_DONTWAIT);
    return 0;
}

static void reply(struct bus *bus, const char *to, const char *request, enum dr_type type,
                  const void *body)
{
    const struct dr_message_row *row = dr_row_by_type(type);
    struct dr_envelope env = {
        .version = DR_WIRE_VERSION,
        .type = row->name,
        .source = dr_role_name(DR_ROLE_BUS),
        .boot = bus->boot,
        .time_us = zclock_time() * 1000,
        .request = request,
    };
    uint8_t *bytes;
    size_t len;
    DR_ASSERT(dr_message_encode(&env, row->desc, body, &bytes, &len) == 0);
    send_to(bus, to, env.source, bytes, len);
    free(bytes);
}

static void refuse(struct bus *bus, const char *to, const struct dr_message *message,
                   const char *code, const char *sentence)
{
    struct dr_ack ack = {.ok = false, .code = code, .sentence = sentence};
    if (message->row->shape == DR_REQUEST)
        reply(bus, to, message->env.request, DR_ACK, &ack);
}

static void answer_actors(struct bus *bus, const char *from, const struct dr_message *message)
{
    const struct dr_actors_get *asked = message->body;
    struct dr_actors actors = {0};
    struct dr_actor_view *views = life_views(bus, &actors.actors.count);
    struct dr_counter_view *counters = bus_counters(bus->core, &actors.counters.count);
    actors.actors.items = views;
    actors.counters.items = counters;
    if (!asked->counters)
        actors.counters.count = 0;
    reply(bus, from, message->env.request, DR_ACTORS, &actors);
    free(views);
    free(counters);
}

static void route(struct bus *bus, const char *from, const char *user, const char *to,
                  zframe_t *body)
{
    struct dr_message message;
    char err[256], sentence[400];
    size_t len = zframe_size(body);
    if (dr_message_decode(zframe_data(body), len, &message, err, sizeof err) != 0) {
        say_refused("a request", from, err);
        return;
    }
    enum verdict verdict = bus_request(bus->core, from, user, to, &message, len);
    if (verdict != PASS) {
        say_refused(message.env.type, from, bus_verdict_text(verdict));
        refuse(bus, from, &message, "refused", bus_verdict_text(verdict));
    } else if (message.row->type == DR_ACTORS_GET) {
        answer_actors(bus, from, &message);
    } else if (send_to(bus, to, from, zframe_data(body), len) != 0) {
        snprintf(sentence, sizeof sentence, "%s is not there now: %s", to,
                 errno == EAGAIN ? "it does not keep up" : "it is starting, stopped or failed");
        refuse(bus, from, &message, "unavailable", sentence);
    }
    dr_message_free(&message);
}

static void on_frames(struct bus *bus, zmsg_t *frames)
{
    char *from = zmsg_popstr(frames), *to = zmsg_popstr(frames);
    zframe_t *body = zmsg_pop(frames);
    /* The router itself made the first frame, so only the others know who sent them. */
    const char *user = body == NULL ? NULL : zframe_meta(body, "User-Id");
    if (from != NULL && to != NULL && body != NULL && zmsg_size(frames) == 0)
        route(bus, from, user == NULL ? "" : user, to, body);
    zframe_destroy(&body);
    zstr_free(&from);
    zstr_free(&to);
}

static int on_request(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void)loop;
    for (int i = 0; i < BURST && (zsock_events(socket) & ZMQ_POLLIN) != 0; i++) {
        zmsg_t *frames = zmsg_recv(socket);
        if (frames == NULL)
            break;
        on_frames(arg, frames);
        zmsg_destroy(&frames);
    }
    return 0;
}

int requests_open(struct bus *bus)
{
    bus->requests = zsock_new(ZMQ_ROUTER);
    DR_ASSERT(bus->requests != NULL);
    zsock_set_router_mandatory(bus->requests, 1);
    zsock_set_router_handover(bus->requests, 1); /* a restarted actor takes its name over at once */
    zsock_set_zap_domain(bus->requests, "drover");
    zsock_set_plain_server(bus->requests, 1);
    zsock_set_linger(bus->requests, 200);
    zsock_set_maxmsgsize(bus->requests, DR_MESSAGE_MAX);
    const char *run_dir = bus->handover.run_dir;
    if (zsock_bind(bus->requests, "ipc://%s/%s", run_dir, DR_BUS_REQUESTS) < 0) {
        fprintf(stderr, "cannot listen at %s/%s: %s\n", run_dir, DR_BUS_REQUESTS,
                zmq_strerror(zmq_errno()));
        return -1;
    }
    return zloop_reader(bus->loop, bus->requests, on_request, bus);
}
