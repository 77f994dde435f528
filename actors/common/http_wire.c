/* SPDX-License-Identifier: Apache-2.0 */
#include "http_wire.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "drover/assert.h"

#define EVENTS_AT_ONCE 64

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *fd_data)
{
    (void)easy;
    (void)fd_data;
    const struct http_wire *wire = arg;
    struct epoll_event event = {.data.fd = fd};
    if (what == CURL_POLL_REMOVE) {
        /* Fails if curl has closed it already; then the kernel has forgotten it too. */
        epoll_ctl(wire->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (what & CURL_POLL_IN)
        event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        event.events |= EPOLLOUT;
    if (epoll_ctl(wire->epoll, EPOLL_CTL_MOD, fd, &event) != 0 && errno == ENOENT)
        epoll_ctl(wire->epoll, EPOLL_CTL_ADD, fd, &event);
    return 0;
}

static int on_timer_wish(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    const struct http_wire *wire = arg;
    struct itimerspec at = {0}; /* all zero disarms: curl says -1 for that */
    if (timeout_ms >= 0) {
        at.it_value.tv_sec = timeout_ms / 1000;
        at.it_value.tv_nsec = timeout_ms % 1000 * 1000000L + 1; /* 0 ms means at once, not never */
    }
    DR_ASSERT(timerfd_settime(wire->timer, 0, &at, NULL) == 0);
    return 0;
}

static void work(const struct http_wire *wire, const struct epoll_event *event)
{
    int running, what = 0;
    curl_socket_t fd = event->data.fd;
    if (fd == wire->timer) {
        uint64_t ticks;
        if (read(wire->timer, &ticks, sizeof ticks) != sizeof ticks)
            return; /* set anew by an event before this one */
        fd = CURL_SOCKET_TIMEOUT;
    } else {
        if (event->events & EPOLLIN)
            what |= CURL_CSELECT_IN;
        if (event->events & EPOLLOUT)
            what |= CURL_CSELECT_OUT;
        if (event->events & (EPOLLERR | EPOLLHUP))
            what |= CURL_CSELECT_ERR;
    }
    curl_multi_socket_action(wire->multi, fd, what, &running);
}

static int on_ready(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void)loop;
    (void)item;
    struct http_wire *wire = arg;
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(wire->epoll, events, EVENTS_AT_ONCE, 0);
    for (int i = 0; i < count; i++)
        work(wire, &events[i]);
    wire->ready(wire->arg);
    return 0;
}

void http_wire_open(struct http_wire *wire, zloop_t *loop, CURLM *multi, http_wire_ready_fn *ready,
                    void *arg)
{
    *wire = (struct http_wire){.loop = loop, .multi = multi, .ready = ready, .arg = arg};
    wire->epoll = epoll_create1(EPOLL_CLOEXEC);
    wire->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    DR_ASSERT(wire->epoll >= 0 && wire->timer >= 0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = wire->timer};
    DR_ASSERT(epoll_ctl(wire->epoll, EPOLL_CTL_ADD, wire->timer, &event) == 0);
    zmq_pollitem_t item = {.fd = wire->epoll, .events = ZMQ_POLLIN};
    DR_ASSERT(zloop_poller(loop, &item, on_ready, wire) == 0);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, wire);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, wire);
}

void http_wire_close(struct http_wire *wire)
{
    zmq_pollitem_t item = {.fd = wire->epoll, .events = ZMQ_POLLIN};
    zloop_poller_end(wire->loop, &item);
    close(wire->timer);
    close(wire->epoll);
}
