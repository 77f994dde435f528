/* SPDX-License-Identifier: Apache-2.0 */
/* The bus as `drover tap` reads it, through the gateway: what `drover --gateway URL tap` prints.
 * Each listener has a tap of its own, which disturbs nobody; one that reads too slowly misses
 * events, as at the bus itself, and is told how many. */
#include <czmq.h>
#include <inttypes.h>
#include <stdlib.h>

#include "api_read.h"
#include "backlog.h"
#include "drover/assert.h"
#include "drover/bus.h"
#include "drover/clock.h"
#include "server.h"

#define LISTENERS_MAX 16
#define BUFFER_MAX ((size_t)4 << 20)
#define BLOCK 4096
#define STUCK_S 30U /* ticks come each second: one that takes none for so long does not read */
#define TICK_MS 1000

void handle_tap(struct request *request);

struct tapping {
    struct gateway *gateway;
    struct MHD_Connection *connection;
    struct dr_tap *tap;
    zloop_t *loop;
    zmq_pollitem_t item;
    int timer;
    int64_t missed;
    struct backlog backlog;
    struct login login; /* who listens, as he proved it */
    bool asleep, over;
    struct tapping *next, *before;
};

static struct tapping *first;
static int listeners;

static void add_event(struct tapping *tapping, const struct dr_message *message)
{
    char *json = dr_message_json(message);
    DR_ASSERT(json != NULL);
    dr_strbuf_printf(&tapping->backlog.out, "event: %s\ndata: ", message->row->name);
    dr_strbuf_add_text(&tapping->backlog.out, json);
    dr_strbuf_add_text(&tapping->backlog.out, "\n\n");
    free(json);
}

static void add_missed(struct tapping *tapping)
{
    int64_t missed = dr_tap_missed(tapping->tap);
    if (missed > tapping->missed)
        dr_strbuf_printf(&tapping->backlog.out, "event: missed\ndata: {\"count\":%" PRId64 "}\n\n",
                         missed - tapping->missed);
    tapping->missed = missed;
}

/* What waits at the tap, as far as there is room for it. */
static void drain(struct tapping *tapping)
{
    struct dr_message message;
    char err[200];
    int got = 1;
    while (backlog_has_room(&tapping->backlog, BUFFER_MAX) &&
           (got = dr_tap_next(tapping->tap, 0, &message, err, sizeof err)) != 0) {
        if (got < 0)
            continue;
        add_missed(tapping);
        add_event(tapping, &message);
        dr_message_free(&message);
    }
}

static void wake(struct tapping *tapping)
{
    if (!tapping->asleep || (backlog_left(&tapping->backlog) == 0 && !tapping->over))
        return;
    tapping->asleep = false;
    MHD_resume_connection(tapping->connection);
    server_kick(tapping->gateway->server);
}

static int on_ready(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct tapping *tapping = arg;
    (void)loop;
    (void)item;
    if (tapping->tap == NULL)
        return 0;
    drain(tapping);
    wake(tapping);
    return 0;
}

/* A socket's descriptor tells of the first event only: what came while there was no room is looked
 * for here. */
static int on_tick(zloop_t *loop, int id, void *arg)
{
    struct tapping *tapping = arg;
    (void)loop;
    (void)id;
    if (tapping->tap == NULL)
        return 0; /* gone within this turn of the loop */
    drain(tapping);
    tapping->over =
        tapping->over || !sessions_holds(tapping->gateway->sessions, tapping->login.proof,
                                         tapping->login.by_token, dr_wall_us());
    if (tapping->asleep && backlog_left(&tapping->backlog) == 0)
        dr_strbuf_printf(&tapping->backlog.out, "event: tick\ndata: {\"t_us\":%" PRId64 "}\n\n",
                         dr_wall_us());
    wake(tapping);
    return 0;
}

static ssize_t read_more(void *arg, uint64_t pos, char *out, size_t max)
{
    struct tapping *tapping = arg;
    (void)pos;
    if (tapping->over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (backlog_left(&tapping->backlog) == 0) {
        tapping->asleep = true;
        MHD_suspend_connection(tapping->connection);
        return 0;
    }
    return (ssize_t)backlog_take(&tapping->backlog, out, max);
}

static int on_buried(zloop_t *loop, int id, void *arg)
{
    (void)loop;
    (void)id;
    free(arg);
    return 0;
}

/* A timer that has ended may still be called within the turn of the loop in which it has: what it
 * is called with stays until the next. */
static void gone(void *arg)
{
    struct tapping *tapping = arg;
    *(tapping->before == NULL ? &first : &tapping->before->next) = tapping->next;
    if (tapping->next != NULL)
        tapping->next->before = tapping->before;
    zloop_poller_end(tapping->loop, &tapping->item);
    zloop_timer_end(tapping->loop, tapping->timer);
    dr_tap_close(&tapping->tap);
    backlog_free(&tapping->backlog);
    zloop_timer(tapping->loop, 1, 1, on_buried, tapping);
    listeners--;
}

void taps_close(void)
{
    for (struct tapping *each = first; each != NULL; each = each->next) {
        zloop_poller_end(each->loop, &each->item);
        dr_tap_close(&each->tap);
    }
}

static struct dr_tap *open_tap(const struct gateway *gateway, const char *topic, char *err,
                               size_t err_len)
{
    char endpoint[600];
    const char *named = dr_actor_config(gateway->actor)->bus.tap;
    snprintf(endpoint, sizeof endpoint, "ipc://%s/%s", gateway->run_dir, DR_BUS_TAP);
    return dr_tap_open(*named != '\0' ? named : endpoint, topic, err, err_len);
}

static struct MHD_Response *listen_in(struct request *request, struct dr_tap *tap)
{
    struct tapping *tapping = calloc(1, sizeof *tapping);
    DR_ASSERT(tapping != NULL);
    tapping->gateway = request->gateway;
    tapping->connection = request->connection;
    tapping->login = request->login;
    tapping->tap = tap;
    tapping->loop = dr_actor_loop(request->gateway->actor);
    tapping->item = (zmq_pollitem_t){.fd = dr_tap_fd(tap), .events = ZMQ_POLLIN};
    zloop_poller(tapping->loop, &tapping->item, on_ready, tapping);
    zloop_poller_set_tolerant(tapping->loop, &tapping->item);
    tapping->timer = zloop_timer(tapping->loop, TICK_MS, 0, on_tick, tapping);
    dr_strbuf_printf(&tapping->backlog.out,
                     "retry: 1000\nevent: hello\ndata: {\"t_us\":%" PRId64 "}\n\n", dr_wall_us());
    tapping->next = first;
    if (first != NULL)
        first->before = tapping;
    first = tapping;
    listeners++;
    MHD_set_connection_option(request->connection, MHD_CONNECTION_OPTION_TIMEOUT, STUCK_S);
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_more, tapping, gone);
}

void handle_tap(struct request *request)
{
    char err[300];
    if (listeners >= LISTENERS_MAX) {
        answer_error(request, 503, "unavailable",
                     "%d taps are open here already: close one, or use Drover's own host",
                     listeners);
        return;
    }
    struct dr_tap *tap = open_tap(request->gateway, read_text(request, "topic"), err, sizeof err);
    if (tap == NULL) {
        answer_error(request, 503, "unavailable", "%s", err);
        return;
    }
    struct MHD_Response *response = listen_in(request, tap);
    DR_ASSERT(response != NULL);
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    answer_response(request, 200, response);
}
