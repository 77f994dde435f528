/* SPDX-License-Identifier: Apache-2.0 */
#include "hub.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

#define EVENTS_MAX 16384 /* whose places are remembered */
#define BLOCK 4096
#define STUCK_S 30U /* ticks come each second: one that takes none for so long does not read */
#define OWN_MAX 256 /* bytes that are for one listener alone: hello, reset, tick */

struct place {
    int64_t seq;
    uint64_t from; /* absolute offset of its first byte */
};

struct listener {
    struct hub *hub;
    struct MHD_Connection *connection;
    struct listener *next, *before;
    uint64_t at; /* absolute offset of its next byte */
    char own[OWN_MAX];
    size_t own_len, own_at;
    struct hub_right right;
    bool asleep, over;
};

struct hub {
    char boot[40];
    int64_t seq;
    char *ring;
    size_t room;
    uint64_t end; /* absolute offset behind the newest byte; the ring holds the `room` before it */
    struct place *places;
    struct listener *first;
    size_t listeners;
    int woke;
    bool closed;
};

struct hub *hub_new(size_t room, const char *boot)
{
    struct hub *hub = calloc(1, sizeof *hub);
    DR_ASSERT(hub != NULL);
    snprintf(hub->boot, sizeof hub->boot, "%s", boot);
    hub->room = room;
    hub->ring = malloc(room);
    hub->places = calloc(EVENTS_MAX, sizeof *hub->places);
    DR_ASSERT(hub->ring != NULL && hub->places != NULL);
    return hub;
}

static void wake(struct listener *listener)
{
    if (!listener->asleep)
        return;
    listener->asleep = false;
    listener->hub->woke = 1;
    MHD_resume_connection(listener->connection);
}

static void wake_all(struct hub *hub)
{
    for (struct listener *each = hub->first; each != NULL; each = each->next)
        wake(each);
}

void hub_close(struct hub *hub)
{
    hub->closed = true;
    wake_all(hub);
}

void hub_free(struct hub **hub)
{
    if (*hub == NULL)
        return;
    DR_ASSERT((*hub)->first == NULL);
    free((*hub)->ring);
    free((*hub)->places);
    free(*hub);
    *hub = NULL;
}

/* ---- writing -------------------------------------------------------------------------------- */
static void append(struct hub *hub, const char *bytes, size_t len)
{
    size_t at = (size_t)(hub->end % hub->room);
    size_t first = len < hub->room - at ? len : hub->room - at;
    memcpy(hub->ring + at, bytes, first);
    memcpy(hub->ring, bytes + first, len - first);
    hub->end += len;
}

void hub_publish(struct hub *hub, const char *event, const char *data)
{
    char head[160];
    if (strlen(data) > hub->room / 2) { /* nobody could read it from here */
        event = "reset";
        data = "{}";
    }
    int len = snprintf(head, sizeof head, "id: %s-%" PRId64 "\nevent: %s\ndata: ", hub->boot,
                       hub->seq + 1, event);
    DR_ASSERT(len > 0 && (size_t)len < sizeof head);
    hub->seq++;
    hub->places[hub->seq % EVENTS_MAX] = (struct place){hub->seq, hub->end};
    append(hub, head, (size_t)len);
    append(hub, data, strlen(data));
    append(hub, "\n\n", 2);
    wake_all(hub);
}

void hub_tick(struct hub *hub, int64_t now_us)
{
    for (struct listener *each = hub->first; each != NULL; each = each->next) {
        /* Between events only: the bytes of its own come before those of the ring. */
        if (!each->asleep)
            continue;
        int len = snprintf(each->own, sizeof each->own,
                           "event: tick\ndata: {\"t_us\":%" PRId64 "}\n\n", now_us);
        each->own_len = (size_t)len;
        each->own_at = 0;
        wake(each);
    }
}

void hub_sweep(struct hub *hub, hub_holds *holds, void *arg)
{
    for (struct listener *each = hub->first; each != NULL; each = each->next) {
        each->over = each->over || !holds(arg, &each->right);
        if (each->over)
            wake(each);
    }
}

/* ---- reading -------------------------------------------------------------------------------- */
/* False: what one who stands at this byte reads next was overwritten. */
static bool within(const struct hub *hub, uint64_t at)
{
    return hub->end - at <= hub->room;
}

static size_t take(struct listener *listener, char *out, size_t max)
{
    struct hub *hub = listener->hub;
    size_t at = (size_t)(listener->at % hub->room);
    uint64_t left = hub->end - listener->at;
    size_t n = left < max ? (size_t)left : max;
    n = n < hub->room - at ? n : hub->room - at;
    memcpy(out, hub->ring + at, n);
    listener->at += n;
    return n;
}

static ssize_t read_more(void *arg, uint64_t pos, char *out, size_t max)
{
    struct listener *listener = arg;
    struct hub *hub = listener->hub;
    (void)pos;
    if (hub->closed || listener->over || !within(hub, listener->at))
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (listener->own_at < listener->own_len) {
        size_t n = listener->own_len - listener->own_at;
        n = n < max ? n : max;
        memcpy(out, listener->own + listener->own_at, n);
        listener->own_at += n;
        return (ssize_t)n;
    }
    if (listener->at == hub->end) {
        listener->asleep = true;
        MHD_suspend_connection(listener->connection);
        return 0;
    }
    return (ssize_t)take(listener, out, max);
}

static void gone(void *arg)
{
    struct listener *listener = arg;
    struct hub *hub = listener->hub;
    if (listener->before != NULL)
        listener->before->next = listener->next;
    else
        hub->first = listener->next;
    if (listener->next != NULL)
        listener->next->before = listener->before;
    hub->listeners--;
    free(listener);
}

/* Where one goes on who has seen `after`; false: what followed is not here any more. */
static bool resume_at(const struct hub *hub, const char *after, uint64_t *at)
{
    size_t boot = strlen(hub->boot);
    char *end = NULL;
    *at = hub->end;
    if (after == NULL || after[0] == '\0')
        return true;
    if (strncmp(after, hub->boot, boot) != 0 || after[boot] != '-')
        return false;
    int64_t seq = strtoll(after + boot + 1, &end, 10);
    if (*end != '\0' || end == after + boot + 1 || seq < 0 || seq > hub->seq)
        return false;
    if (seq == hub->seq)
        return true;
    const struct place *place = &hub->places[(seq + 1) % EVENTS_MAX];
    *at = place->from;
    /* Half of the ring: time to read it before it is overwritten. */
    return place->seq == seq + 1 && hub->end - place->from <= hub->room / 2;
}

struct MHD_Response *hub_listen(struct hub *hub, struct MHD_Connection *connection,
                                const char *after, const struct hub_right *right, int64_t now_us)
{
    struct listener *listener = calloc(1, sizeof *listener);
    DR_ASSERT(listener != NULL);
    listener->hub = hub;
    listener->connection = connection;
    listener->right = *right;
    bool whole = resume_at(hub, after, &listener->at);
    if (!whole)
        listener->at = hub->end;
    int len = snprintf(listener->own, sizeof listener->own,
                       "retry: 1000\nevent: hello\ndata: {\"boot\":\"%s\",\"seq\":%" PRId64
                       ",\"t_us\":%" PRId64 "}\n\n%s",
                       hub->boot, hub->seq, now_us, whole ? "" : "event: reset\ndata: {}\n\n");
    listener->own_len = (size_t)len;
    listener->next = hub->first;
    if (hub->first != NULL)
        hub->first->before = listener;
    hub->first = listener;
    hub->listeners++;
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, STUCK_S);
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_more, listener, gone);
}

/* ---- looking -------------------------------------------------------------------------------- */
const char *hub_boot(const struct hub *hub)
{
    return hub->boot;
}

int64_t hub_seq(const struct hub *hub)
{
    return hub->seq;
}

size_t hub_listeners(const struct hub *hub)
{
    return hub->listeners;
}

int hub_woke(struct hub *hub)
{
    int woke = hub->woke;
    hub->woke = 0;
    return woke;
}
