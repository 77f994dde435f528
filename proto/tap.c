/* SPDX-License-Identifier: Apache-2.0 */
#include "drover/bus.h"

#include "drover/assert.h"

#include "sequence.h"
#include "socket.h"

struct dr_tap {
    zsock_t *sub;
    zpoller_t *poller;
    struct dr_sequence *sequence;
    int64_t missed;
};

struct dr_tap *dr_tap_open(const char *endpoint, const char *topic, char *err, size_t err_len)
{
    struct dr_tap *tap = calloc(1, sizeof *tap);
    DR_ASSERT(tap != NULL);
    zsys_handler_set(NULL);
    tap->sequence = dr_sequence_new();
    tap->sub = zsock_new(ZMQ_SUB);
    tap->poller = zpoller_new(tap->sub, NULL);
    zsock_set_rcvhwm(tap->sub, DR_EVENTS_HWM);
    zsock_set_subscribe(tap->sub, topic);
    if (zsock_connect(tap->sub, "%s", endpoint) != 0) {
        snprintf(err, err_len, "cannot connect to %s: %s", endpoint, zmq_strerror(zmq_errno()));
        dr_tap_close(&tap);
    }
    return tap;
}

static int decode(struct dr_tap *tap, zframe_t *frame, struct dr_message *out, char *err,
                  size_t err_len)
{
    bool reborn;
    if (dr_message_decode(zframe_data(frame), zframe_size(frame), out, err, err_len) != 0)
        return -1;
    tap->missed += dr_sequence_note(tap->sequence, &out->env, &reborn);
    return 1;
}

int dr_tap_next(struct dr_tap *tap, int timeout_ms, struct dr_message *out, char *err,
                size_t err_len)
{
    char *topic;
    zframe_t *frame;
    memset(out, 0, sizeof *out);
    int got = dr_socket_receive(tap->sub, &topic, &frame);
    if (got == 0 && timeout_ms != 0 && zpoller_wait(tap->poller, timeout_ms) != NULL)
        got = dr_socket_receive(tap->sub, &topic, &frame);
    if (got == 0)
        return 0;
    if (got < 0) {
        snprintf(err, err_len, "not two frames");
        return -1;
    }
    int result = decode(tap, frame, out, err, err_len);
    zstr_free(&topic);
    zframe_destroy(&frame);
    return result;
}

int64_t dr_tap_missed(const struct dr_tap *tap)
{
    return tap->missed;
}

int dr_tap_fd(const struct dr_tap *tap)
{
    return (int)zsock_fd(tap->sub);
}

void dr_tap_close(struct dr_tap **tap)
{
    if (*tap == NULL)
        return;
    zpoller_destroy(&(*tap)->poller);
    zsock_destroy(&(*tap)->sub);
    dr_sequence_free(&(*tap)->sequence);
    free(*tap);
    *tap = NULL;
}
