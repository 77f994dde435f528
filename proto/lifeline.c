/* SPDX-License-Identifier: Apache-2.0 */
#include "lifeline.h"

#include <errno.h>
#include <unistd.h>

#include "drover/assert.h"
#include "drover/exit.h"

struct dr_lifeline {
    zloop_t *loop;
    int fd, watchdog_timer;
    const struct dr_lifeline_calls *calls;
    void *self;
    struct dr_control control;
    char *config; /* came with CONFIG, waits for RELOAD */
    size_t config_len;
};

static int on_item(const struct dr_control_item *item, void *arg)
{
    struct dr_lifeline *line = arg;
    switch (item->kind) {
    case DR_CONTROL_CONFIG:
        free(line->config);
        line->config = malloc(item->len + 1);
        DR_ASSERT(line->config != NULL);
        memcpy(line->config, item->text, item->len + 1);
        line->config_len = item->len;
        break;
    case DR_CONTROL_RELOAD:
        if (line->config != NULL && line->calls->config != NULL)
            line->calls->config(line->self, line->config, line->config_len);
        break;
    case DR_CONTROL_STOP:
        line->calls->stop(line->self);
        break;
    case DR_CONTROL_LIFE:
        if (line->calls->life != NULL)
            line->calls->life(line->self, item->text, item->len);
        break;
    case DR_CONTROL_LOG:
        if (line->calls->log != NULL)
            line->calls->log(line->self, item->text, item->len);
        break;
    case DR_CONTROL_PEER:
        if (line->calls->peer != NULL)
            line->calls->peer(line->self, item->text, item->more);
        break;
    default:
        break;
    }
    return 0;
}

static int on_readable(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void)loop;
    (void)item;
    struct dr_lifeline *line = arg;
    char bytes[65536];
    ssize_t n = read(line->fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n <= 0)
        _exit(DR_EXIT_RETRY); /* droverd is gone; PDEATHSIG may have been lost in an exec (P30) */
    if (dr_control_feed(&line->control, bytes, (size_t)n, on_item, line) < 0) {
        fprintf(stderr, "droverd spoke what it must not: %s\n", line->control.err);
        _exit(DR_EXIT_RETRY);
    }
    return 0;
}

static int on_watchdog(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    struct dr_lifeline *line = arg;
    dr_control_say(line->fd, DR_CONTROL_WATCHDOG, NULL);
    return 0;
}

struct dr_lifeline *dr_lifeline_new(zloop_t *loop, int fd, int64_t watchdog_ms,
                                    const struct dr_lifeline_calls *calls, void *self)
{
    struct dr_lifeline *line = calloc(1, sizeof *line);
    DR_ASSERT(line != NULL);
    *line = (struct dr_lifeline){.loop = loop, .fd = fd, .calls = calls, .self = self};
    dr_control_init(&line->control, DR_CONTROL_PARENT);
    zmq_pollitem_t item = {.fd = fd, .events = ZMQ_POLLIN};
    DR_ASSERT(zloop_poller(loop, &item, on_readable, line) == 0);
    zloop_poller_set_tolerant(loop, &item);
    size_t period_ms = (size_t)(watchdog_ms / 3 > 0 ? watchdog_ms / 3 : 1);
    line->watchdog_timer = zloop_timer(loop, period_ms, 0, on_watchdog, line);
    return line;
}

void dr_lifeline_ready(struct dr_lifeline *lifeline)
{
    dr_control_say(lifeline->fd, DR_CONTROL_READY, NULL);
}

void dr_lifeline_free(struct dr_lifeline **lifeline)
{
    struct dr_lifeline *line = *lifeline;
    if (line == NULL)
        return;
    zmq_pollitem_t item = {.fd = line->fd, .events = ZMQ_POLLIN};
    zloop_poller_end(line->loop, &item);
    zloop_timer_end(line->loop, line->watchdog_timer);
    dr_control_fini(&line->control);
    free(line->config);
    free(line);
    *lifeline = NULL;
}
