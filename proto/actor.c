/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of an actor: handover, bus, READY, loop, end.
 */
#include "actor_impl.h"

#include <sys/prctl.h>

#include "drover/assert.h"
#include "drover/bus.h"
#include "drover/exit.h"

#include "socket.h"

#define DRAIN_MS 500 /* an orderly end lets its last messages out */

static const char *const endpoints[ACTOR_SOCKETS] = {
    [ACTOR_PUB] = DR_BUS_EVENTS_IN,
    [ACTOR_SUB] = DR_BUS_EVENTS_OUT,
    [ACTOR_DEALER] = DR_BUS_REQUESTS,
};
static const int types[ACTOR_SOCKETS] = {
    [ACTOR_PUB] = ZMQ_PUB,
    [ACTOR_SUB] = ZMQ_SUB,
    [ACTOR_DEALER] = ZMQ_DEALER,
};

void actor_drop(struct dr_actor *actor, const char *from, const char *why)
{
    static int64_t said_ms;
    int64_t now_ms = zclock_mono();
    actor->bad++;
    if (said_ms != 0 && now_ms - said_ms < 1000)
        return;
    said_ms = now_ms;
    fprintf(stderr, "dropped a message from %s: %s (%lld dropped so far)\n", from, why,
            (long long)actor->bad);
}

static void begin(struct dr_actor *actor)
{
    actor->started = true;
    actor_events_start(actor);
    actor_requests_start(actor);
    if (actor->spec->start(actor) != 0) {
        dr_actor_exit(actor, DR_EXIT_RETRY);
        return;
    }
    dr_lifeline_ready(actor->lifeline);
}

/* The bus is there once all three handshakes were accepted: only then may an actor call itself
 * ready. A later handshake means that the bus was away: whatever it relayed meanwhile is lost. */
static void on_handshake(struct dr_actor *actor, enum actor_socket which)
{
    bool again = actor->connected[which];
    if (which == ACTOR_DEALER)
        dr_socket_send(actor->sockets[which], "bus", NULL, 0); /* a hello: now it can be reached */
    actor->connected[which] = true;
    if (actor->started) {
        if (again && which == ACTOR_SUB && actor->spec->gap != NULL)
            actor->spec->gap(actor, "bus", "");
        return;
    }
    for (int i = 0; i < ACTOR_SOCKETS; i++)
        if (!actor->connected[i])
            return;
    begin(actor);
}

static int on_monitor(zloop_t *loop, zsock_t *monitor, void *arg)
{
    (void)loop;
    struct dr_actor *actor = arg;
    while (zsock_events(monitor) & ZMQ_POLLIN) {
        zframe_t *frame = zframe_recv(monitor);
        uint16_t event = 0;
        if (frame != NULL && zframe_size(frame) >= sizeof event)
            memcpy(&event, zframe_data(frame), sizeof event);
        zframe_destroy(&frame);
        while (zsock_rcvmore(monitor)) {
            frame = zframe_recv(monitor);
            zframe_destroy(&frame);
        }
        for (int i = 0; i < ACTOR_SOCKETS; i++)
            if (actor->monitors[i] == monitor && event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
                on_handshake(actor, (enum actor_socket)i);
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
            fprintf(stderr, "the bus does not accept this actor's token\n");
    }
    return 0;
}

static int watch_socket(struct dr_actor *actor, int i)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "inproc://monitor-%d", i);
    void *handle = zsock_resolve(actor->sockets[i]);
    if (zmq_socket_monitor(handle, endpoint,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) != 0)
        return -1;
    actor->monitors[i] = zsock_new_pair(endpoint);
    if (actor->monitors[i] == NULL)
        return -1;
    return zloop_reader(actor->loop, actor->monitors[i], on_monitor, actor);
}

static int connect_bus(struct dr_actor *actor)
{
    char err[256] = "";
    const struct dr_handover *got = &actor->handover;
    for (int i = 0; i < ACTOR_SOCKETS; i++) {
        /* Monitored before it connects, or the handshake could be over before anyone looks. */
        actor->sockets[i] = zsock_new(types[i]);
        if (actor->sockets[i] == NULL || watch_socket(actor, i) != 0) {
            fprintf(stderr, "cannot watch the bus: %s\n", zmq_strerror(zmq_errno()));
            return -1;
        }
        if (dr_socket_connect(actor->sockets[i], got->run_dir, endpoints[i], got->source,
                              got->token, err, sizeof err) != 0) {
            fprintf(stderr, "%s\n", err);
            return -1;
        }
    }
    return 0;
}

static void on_config(void *arg, const char *text, size_t len)
{
    struct dr_actor *actor = arg;
    struct dr_config_errors errors;
    struct dr_config *fresh = dr_config_parse(text, len, "drover.yaml", &errors);
    dr_config_errors_free(&errors);
    if (fresh == NULL) {
        fprintf(stderr, "droverd sent a configuration that does not parse; the old one stays\n");
        return;
    }
    struct dr_config *before = actor->config;
    actor->config = fresh;
    if (actor->started && actor->spec->reconfigured != NULL)
        actor->spec->reconfigured(actor, dr_config_root(before));
    dr_config_free(before);
}

static void on_stop(void *arg)
{
    dr_actor_exit(arg, DR_EXIT_OK);
}

static const struct dr_lifeline_calls lifeline_calls = {.config = on_config, .stop = on_stop};

static int set_up(struct dr_actor *actor)
{
    char err[256];
    if (dr_control_take(DR_CONTROL_FD, &actor->handover, err, sizeof err) != 0) {
        fprintf(stderr, "this program is started by droverd: %s\n", err);
        return DR_EXIT_CONFIG;
    }
    struct dr_config_errors errors;
    actor->config =
        dr_config_parse(actor->handover.config, actor->handover.config_len, "drover.yaml", &errors);
    dr_config_errors_free(&errors);
    if (actor->config == NULL) {
        fprintf(stderr, "droverd handed over a configuration that does not parse\n");
        return DR_EXIT_CONFIG;
    }
    size_t row_count;
    dr_rows(&row_count);
    actor->seqs = calloc(row_count, sizeof *actor->seqs);
    actor->sequence = dr_sequence_new();
    actor->pending = dr_pending_new();
    actor->loop = zloop_new();
    DR_ASSERT(actor->seqs != NULL && actor->loop != NULL);
    actor->lifeline = dr_lifeline_new(actor->loop, DR_CONTROL_FD, actor->handover.watchdog_ms,
                                      &lifeline_calls, actor);
    return connect_bus(actor) == 0 ? DR_EXIT_OK : DR_EXIT_RETRY;
}

static void tear_down(struct dr_actor *actor)
{
    if (actor->started)
        actor_requests_stop(actor);
    if (actor->started && actor->spec->stop != NULL)
        actor->spec->stop(actor);
    dr_lifeline_free(&actor->lifeline);
    zloop_destroy(&actor->loop);
    for (int i = 0; i < ACTOR_SOCKETS; i++) {
        zsock_destroy(&actor->monitors[i]);
        zsock_destroy(&actor->sockets[i]);
    }
    dr_pending_free(&actor->pending);
    dr_sequence_free(&actor->sequence);
    free(actor->seqs);
    dr_config_free(actor->config);
    dr_handover_free(&actor->handover);
}

int dr_actor_main(int argc, char **argv, const struct dr_actor_spec *spec)
{
    (void)argc;
    (void)argv;
    prctl(PR_SET_DUMPABLE, 0); /* a core dump would hold secrets */
    zsys_handler_set(NULL);
    zsys_set_linger(DRAIN_MS);
    struct dr_actor actor = {.spec = spec, .expiry_timer = -1};
    dr_fresh_id(actor.boot);
    int code = set_up(&actor);
    if (code == DR_EXIT_OK) {
        zloop_start(actor.loop);
        code = actor.exit_code;
    }
    tear_down(&actor);
    return code;
}

static int on_exit_timer(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    (void)arg;
    return -1;
}

void dr_actor_exit(struct dr_actor *actor, int code)
{
    actor->exit_code = code;
    /* From within any handler: the loop ends at its next turn. */
    zloop_timer(actor->loop, 0, 1, on_exit_timer, NULL);
}

void dr_actor_set_self(struct dr_actor *actor, void *self)
{
    actor->self = self;
}

void *dr_actor_self(struct dr_actor *actor)
{
    return actor->self;
}

struct _zloop_t *dr_actor_loop(struct dr_actor *actor)
{
    return actor->loop;
}

const struct dr_cfg_root *dr_actor_config(struct dr_actor *actor)
{
    return dr_config_root(actor->config);
}

const char *dr_actor_source(struct dr_actor *actor)
{
    return actor->handover.source;
}

const char *dr_actor_account(struct dr_actor *actor)
{
    const char *colon = strchr(actor->handover.source, ':');
    return colon == NULL ? "" : colon + 1;
}

const char *dr_actor_state_dir(struct dr_actor *actor)
{
    return actor->handover.state_dir;
}

const char *dr_actor_run_dir(struct dr_actor *actor)
{
    return actor->handover.run_dir;
}
