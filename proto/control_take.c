/* SPDX-License-Identifier: Apache-2.0
 *
 * The child's side of the start: what droverd hands over, up to GO.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "control.h"
#include "drover/assert.h"

struct taking {
    struct dr_handover *out;
    bool hello, go;
    const char *wrong;
};

static int64_t now_ms(void)
{
    struct timespec now;
    DR_ASSERT(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void keep(char **slot, const char *text, size_t len)
{
    free(*slot);
    *slot = malloc(len + 1);
    DR_ASSERT(*slot);
    memcpy(*slot, text, len);
    (*slot)[len] = '\0';
}

static void keep_peer(struct dr_handover *out, const struct dr_control_item *item)
{
    size_t size = (out->peer_count + 1) * sizeof *out->peers;
    struct dr_control_peer *peers = realloc(out->peers, size);
    DR_ASSERT(peers);
    out->peers = peers;
    peers[out->peer_count] = (struct dr_control_peer){0};
    keep(&peers[out->peer_count].source, item->text, item->len);
    keep(&peers[out->peer_count].token, item->more, strlen(item->more));
    out->peer_count++;
}

static int take_item(const struct dr_control_item *item, void *arg)
{
    struct taking *taking = arg;
    struct dr_handover *out = taking->out;
    switch (item->kind) {
    case DR_CONTROL_HELLO:
        taking->hello = item->number == DR_CONTROL_VERSION;
        break;
    case DR_CONTROL_SOURCE:
        keep(&out->source, item->text, item->len);
        break;
    case DR_CONTROL_BOOT:
        keep(&out->boot, item->text, item->len);
        break;
    case DR_CONTROL_TOKEN:
        keep(&out->token, item->text, item->len);
        break;
    case DR_CONTROL_STATEDIR:
        keep(&out->state_dir, item->text, item->len);
        break;
    case DR_CONTROL_RUNDIR:
        keep(&out->run_dir, item->text, item->len);
        break;
    case DR_CONTROL_WATCHDOG_MS:
        out->watchdog_ms = item->number;
        break;
    case DR_CONTROL_CONFIG:
        keep(&out->config, item->text, item->len);
        out->config_len = item->len;
        break;
    case DR_CONTROL_PEER:
        keep_peer(out, item);
        break;
    case DR_CONTROL_GO:
        taking->go = true;
        break;
    default:
        taking->wrong = "droverd said something before GO that belongs after it";
        break;
    }
    if (!taking->hello)
        taking->wrong = "droverd speaks another version: install both from one build";
    return taking->go || taking->wrong != NULL;
}

/* Waits for bytes and feeds them; takes from the socket only what the parser used, so that what
 * follows GO stays there for the actor's own parser. */
static int take_some(int fd, int64_t deadline_ms, struct dr_control *control, struct taking *taking)
{
    char bytes[4096];
    int64_t left_ms = deadline_ms - now_ms();
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int n = left_ms > 0 ? poll(&wait, 1, (int)left_ms) : 0;
    if (n < 0 && errno == EINTR)
        return 0;
    if (n <= 0) {
        taking->wrong = "droverd did not say GO in time";
        return -1;
    }
    ssize_t peeked = recv(fd, bytes, sizeof bytes, MSG_PEEK);
    if (peeked <= 0) {
        taking->wrong = "no droverd at the other end of fd 3: actors are started by droverd";
        return -1;
    }
    ssize_t used = dr_control_feed(control, bytes, (size_t)peeked, take_item, taking);
    if (used > 0)
        (void)recv(fd, bytes, (size_t)used, 0);
    explicit_bzero(bytes, sizeof bytes);
    if (used < 0)
        taking->wrong = control->err;
    return taking->wrong ? -1 : 0;
}

static bool complete(const struct dr_handover *out)
{
    return out->source && out->boot && out->token && out->state_dir && out->run_dir && out->config;
}

int dr_control_take(int fd, struct dr_handover *out, char *err, size_t err_len)
{
    struct dr_control control;
    struct taking taking = {.out = out};
    int64_t deadline_ms = now_ms() + DR_CONTROL_GO_MS;
    *out = (struct dr_handover){0};
    dr_control_init(&control, DR_CONTROL_PARENT);
    while (!taking.go && !taking.wrong)
        take_some(fd, deadline_ms, &control, &taking);
    if (!taking.wrong && !complete(out))
        taking.wrong = "droverd said GO before it had handed everything over";
    if (taking.wrong) {
        snprintf(err, err_len, "%s", taking.wrong);
        dr_handover_free(out);
    }
    dr_control_fini(&control);
    return taking.wrong ? -1 : 0;
}

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void dr_handover_free(struct dr_handover *handover)
{
    free(handover->source);
    free(handover->boot);
    wipe(handover->token);
    free(handover->state_dir);
    free(handover->run_dir);
    free(handover->config);
    for (size_t i = 0; i < handover->peer_count; i++) {
        free(handover->peers[i].source);
        wipe(handover->peers[i].token);
    }
    free(handover->peers);
    *handover = (struct dr_handover){0};
}
