/* SPDX-License-Identifier: Apache-2.0
 *
 * The router: requests and replies between named actors, each checked against the table.
 */
#include "bus.h"

#include <errno.h>
#include <uthash.h>

#include "drover/assert.h"
#include "drover/bus.h"

#include "socket.h"

#define BURST 200
#define ROUTES_MAX 1024

/* Where a name can be reached. A peer may call its connection what it likes, so the connection's
 * own name is never believed: a name belongs to the connection that last spoke under it with the
 * token of it. */
struct route {
    char *name;
    size_t id_len;
    uint8_t id[256]; /* the router's name of the connection: at most 255 bytes (RFC 28) */
    UT_hash_handle hh;
};

static void forget_route(struct bus *bus, struct route *route)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the one freed before was unlinked */
    HASH_DEL(bus->routes, route);
    free(route->name);
    free(route);
}

void requests_free(struct bus *bus)
{
    struct route *route, *next;
    HASH_ITER (hh, bus->routes, route, next)
        forget_route(bus, route);
}

/* Consoles come and go under fresh names; actors are as many as there are tokens, and stay. */
static void forget_oldest_console(struct bus *bus)
{
    for (struct route *route = bus->routes; route != NULL; route = route->hh.next) {
        if (dr_role_of(route->name) == DR_ROLE_CONSOLE) {
            forget_route(bus, route);
            return;
        }
    }
}

static void learn_route(struct bus *bus, const char *name, zframe_t *id)
{
    struct route *route;
    HASH_FIND_STR(bus->routes, name, route);
    if (route == NULL) {
        if (HASH_COUNT(bus->routes) >= ROUTES_MAX)
            forget_oldest_console(bus);
        route = calloc(1, sizeof *route);
        DR_ASSERT(route != NULL);
        route->name = strdup(name);
        DR_ASSERT(route->name != NULL);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): HASH_DEL unlinked it */
        HASH_ADD_KEYPTR(hh, bus->routes, route->name, strlen(route->name), route);
    }
    route->id_len = zframe_size(id);
    DR_ASSERT(route->id_len <= sizeof route->id);
    memcpy(route->id, zframe_data(id), route->id_len);
}

static int send_by_id(struct bus *bus, const void *id, size_t id_len, const char *from,
                      const void *bytes, size_t len)
{
    void *router = zsock_resolve(bus->requests);
    if (zmq_send(router, id, id_len, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return -1;
    zmq_send(router, from, strlen(from), ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(router, bytes, len, ZMQ_DONTWAIT);
    return 0;
}

static int send_by_name(struct bus *bus, const char *to, const char *from, const void *bytes,
                        size_t len)
{
    struct route *route;
    HASH_FIND_STR(bus->routes, to, route);
    if (route == NULL) {
        errno = EHOSTUNREACH;
        return -1;
    }
    return send_by_id(bus, route->id, route->id_len, from, bytes, len);
}

/* The bus's own answer goes to the connection that asked, whatever it calls itself. */
static void reply(struct bus *bus, zframe_t *to, const char *request, enum dr_type type,
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
    send_by_id(bus, zframe_data(to), zframe_size(to), env.source, bytes, len);
    free(bytes);
}

static void refuse(struct bus *bus, zframe_t *to, const struct dr_message *message,
                   const char *code, const char *sentence)
{
    struct dr_ack ack = {.ok = false, .code = code, .sentence = sentence};
    if (message->row->shape == DR_REQUEST)
        reply(bus, to, message->env.request, DR_ACK, &ack);
}

static void answer_actors(struct bus *bus, zframe_t *to, const struct dr_message *message)
{
    const struct dr_actors_get *asked = message->body;
    struct dr_actors actors = {0};
    struct dr_actor_view *views = life_views(bus, &actors.actors.count);
    struct dr_counter_view *counters = bus_counters(bus->core, &actors.counters.count);
    actors.actors.items = views;
    actors.counters.items = counters;
    if (!asked->counters)
        actors.counters.count = 0;
    reply(bus, to, message->env.request, DR_ACTORS, &actors);
    free(views);
    free(counters);
}

static void pass_on(struct bus *bus, zframe_t *id, const char *to, const struct dr_message *message,
                    zframe_t *body)
{
    char sentence[400];
    const char *from = message->env.source;
    learn_route(bus, from, id);
    if (message->row->type == DR_ACTORS_GET) {
        answer_actors(bus, id, message);
    } else if (send_by_name(bus, to, from, zframe_data(body), zframe_size(body)) != 0) {
        snprintf(sentence, sizeof sentence, "%s is not there now: %s", to,
                 errno == EAGAIN ? "it does not keep up" : "it is starting, stopped or failed");
        refuse(bus, id, message, "unavailable", sentence);
    }
}

static void on_message(struct bus *bus, zframe_t *id, const char *user, const char *to,
                       zframe_t *body)
{
    struct dr_message message;
    char err[256];
    size_t len = zframe_size(body);
    if (dr_message_decode(zframe_data(body), len, &message, err, sizeof err) != 0) {
        say_refused("a request", user, err);
        return;
    }
    enum verdict verdict = bus_request(bus->core, message.env.source, user, to, &message, len);
    if (verdict == PASS) {
        pass_on(bus, id, to, &message, body);
    } else {
        say_refused(message.env.type, user, bus_verdict_text(verdict));
        refuse(bus, id, &message, "refused", bus_verdict_text(verdict));
    }
    dr_message_free(&message);
}

/* [connection][to][message]; an empty message to the bus is a hello, by which an actor can be
 * reached before it has asked anything. */
static void on_frames(struct bus *bus, zmsg_t *frames)
{
    zframe_t *id = zmsg_pop(frames);
    char *to = zmsg_popstr(frames);
    zframe_t *body = zmsg_pop(frames);
    /* The router itself made the first frame, so only the others know who sent them. */
    const char *user = body == NULL ? NULL : zframe_meta(body, "User-Id");
    bool whole = id != NULL && to != NULL && user != NULL && zmsg_size(frames) == 0;
    if (whole && zframe_size(body) == 0 && strcmp(to, "bus") == 0 && strcmp(user, "console") != 0)
        learn_route(bus, user, id);
    else if (whole)
        on_message(bus, id, user, to, body);
    zframe_destroy(&id);
    zframe_destroy(&body);
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
