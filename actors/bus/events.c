/* SPDX-License-Identifier: Apache-2.0
 *
 * Publish and subscribe: what passes the door goes to the actors and to the taps.
 */
#include "bus.h"

#include <errno.h>

#include "drover/assert.h"
#include "drover/bus.h"

#include "socket.h"

#define BURST 500 /* messages taken in one turn, so that requests get theirs */

/* Sends one frame to a socket that may be full; a full one drops (P29). */
static void pass_on(zmq_msg_t *msg, void *to, int flags)
{
    zmq_msg_t copy;
    zmq_msg_init(&copy);
    zmq_msg_copy(&copy, msg);
    if (zmq_msg_send(&copy, to, flags | ZMQ_DONTWAIT) < 0)
        zmq_msg_close(&copy);
}

static void relay(struct bus *bus, zmq_msg_t *topic, zmq_msg_t *body)
{
    enum verdict verdict = bus_event(bus->core, zmq_msg_data(topic), zmq_msg_size(topic),
                                     door_user(topic), zmq_msg_size(body));
    if (verdict == PASS && zmq_msg_size(body) > DR_MESSAGE_MAX)
        verdict = REFUSE_BROKEN;
    if (verdict != PASS) {
        char what[128];
        snprintf(what, sizeof what, "an event on \"%.*s\"", (int)zmq_msg_size(topic),
                 (const char *)zmq_msg_data(topic));
        say_refused(what, door_user(topic), bus_verdict_text(verdict));
        return;
    }
    void *out = zsock_resolve(bus->out);
    if (bus->tap_topics > 0) {
        void *tap = zsock_resolve(bus->tap);
        pass_on(topic, tap, ZMQ_SNDMORE);
        pass_on(body, tap, 0);
    }
    if (zmq_msg_send(topic, out, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        zmq_msg_send(body, out, ZMQ_DONTWAIT);
}

/* Takes one message of exactly two frames; false when there is none. */
static bool take(void *in, zmq_msg_t *topic, zmq_msg_t *body, bool *whole)
{
    zmq_msg_init(topic);
    zmq_msg_init(body);
    *whole = false;
    if (zmq_msg_recv(topic, in, ZMQ_DONTWAIT) < 0)
        return false;
    if (!zmq_msg_more(topic))
        return true;
    zmq_msg_recv(body, in, ZMQ_DONTWAIT);
    *whole = !zmq_msg_more(body);
    while (zmq_msg_more(body))
        zmq_msg_recv(body, in, ZMQ_DONTWAIT);
    return true;
}

static int on_event(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void)loop;
    struct bus *bus = arg;
    void *in = zsock_resolve(socket);
    for (int i = 0; i < BURST; i++) {
        zmq_msg_t topic, body;
        bool whole, got = take(in, &topic, &body, &whole);
        if (got && whole)
            relay(bus, &topic, &body);
        zmq_msg_close(&topic);
        zmq_msg_close(&body);
        if (!got)
            break;
    }
    return 0;
}

/* The bus itself subscribes to all, so what actors subscribe to need not travel on to the
 * publishers. Of the taps it is counted: an XPUB tells the first subscription of a topic and the
 * end of its last. */
static int on_subscription(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void)loop;
    struct bus *bus = arg;
    while (zsock_events(socket) & ZMQ_POLLIN) {
        zframe_t *frame = zframe_recv(socket);
        if (frame != NULL && socket == bus->tap && zframe_size(frame) > 0) {
            uint8_t first = zframe_data(frame)[0];
            bus->tap_topics += first == 1 ? 1 : first == 0 ? -1 : 0;
        }
        zframe_destroy(&frame);
    }
    return 0;
}

static int bind_one(struct bus *bus, zsock_t **socket, int type, const char *endpoint,
                    bool behind_door)
{
    *socket = zsock_new(type);
    DR_ASSERT(*socket != NULL);
    zsock_set_sndhwm(*socket, DR_EVENTS_HWM);
    zsock_set_rcvhwm(*socket, DR_EVENTS_HWM);
    zsock_set_linger(*socket, 200);
    if (behind_door) {
        zsock_set_zap_domain(*socket, "drover");
        zsock_set_plain_server(*socket, 1);
    } else {
        zsock_set_sndhwm(*socket, (int)dr_config_root(bus->config)->bus.tap_hwm);
    }
    if (zsock_bind(*socket, "%s", endpoint) < 0) {
        fprintf(stderr, "cannot listen at %s: %s\n", endpoint, zmq_strerror(zmq_errno()));
        return -1;
    }
    return 0;
}

int events_open(struct bus *bus)
{
    char in[600], out[600], tap[600];
    const struct dr_cfg_bus *cfg = &dr_config_root(bus->config)->bus;
    const char *run_dir = bus->handover.run_dir;
    snprintf(in, sizeof in, "ipc://%s/%s", run_dir, DR_BUS_EVENTS_IN);
    snprintf(out, sizeof out, "ipc://%s/%s", run_dir, DR_BUS_EVENTS_OUT);
    snprintf(tap, sizeof tap, "ipc://%s/%s", run_dir, DR_BUS_TAP);
    if (bind_one(bus, &bus->in, ZMQ_XSUB, in, true) != 0 ||
        bind_one(bus, &bus->out, ZMQ_XPUB, out, true) != 0 ||
        bind_one(bus, &bus->tap, ZMQ_XPUB, cfg->tap[0] == '\0' ? tap : cfg->tap, false) != 0)
        return -1;
    zmq_send(zsock_resolve(bus->in), "\x01", 1, 0); /* subscribe to all */
    DR_ASSERT(zloop_reader(bus->loop, bus->in, on_event, bus) == 0);
    DR_ASSERT(zloop_reader(bus->loop, bus->out, on_subscription, bus) == 0);
    DR_ASSERT(zloop_reader(bus->loop, bus->tap, on_subscription, bus) == 0);
    return 0;
}

void events_publish_for_supervisor(struct bus *bus, enum dr_type type, const void *body,
                                   int64_t *seq)
{
    const struct dr_message_row *row = dr_row_by_type(type);
    struct dr_envelope env = {
        .version = DR_WIRE_VERSION,
        .type = row->name,
        .source = dr_role_name(DR_ROLE_SUPERVISOR),
        .boot = bus->boot,
        .seq = ++*seq,
        .time_us = zclock_time() * 1000,
    };
    char topic[128];
    snprintf(topic, sizeof topic, "%s/%s", row->name, env.source);
    uint8_t *bytes;
    size_t len;
    DR_ASSERT(dr_message_encode(&env, row->desc, body, &bytes, &len) == 0);
    bus_event(bus->core, topic, strlen(topic), env.source, len);
    zmq_msg_t first, second;
    zmq_msg_init_size(&first, strlen(topic));
    memcpy(zmq_msg_data(&first), topic, strlen(topic));
    zmq_msg_init_size(&second, len);
    memcpy(zmq_msg_data(&second), bytes, len);
    free(bytes);
    void *sockets[] = {zsock_resolve(bus->tap), zsock_resolve(bus->out)};
    for (size_t i = 0; i < 2; i++) {
        pass_on(&first, sockets[i], ZMQ_SNDMORE);
        pass_on(&second, sockets[i], 0);
    }
    zmq_msg_close(&first);
    zmq_msg_close(&second);
}
