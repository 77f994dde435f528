/* SPDX-License-Identifier: Apache-2.0 */
#include "drover/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "drover/assert.h"

#include "socket.h"

struct dr_client {
    zsock_t *dealer;
    zpoller_t *poller;
    char source[48]; /* "console:" and a fresh id: two consoles are two peers */
    char boot[33];
};

static int read_token(const char *run_dir, char *token, size_t room, char *err, size_t err_len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", run_dir, DR_BUS_CONSOLE_TOKEN);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, token, room - 1);
    if (n < 0) {
        snprintf(err, err_len, "no Drover answers at %s: cannot read %s: %s", run_dir, path,
                 strerror(errno));
    } else {
        token[n] = '\0';
        token[strcspn(token, "\n")] = '\0';
    }
    if (fd >= 0)
        close(fd);
    return n < 0 ? -1 : 0;
}

struct dr_client *dr_client_open(const char *run_dir, char *err, size_t err_len)
{
    char token[128];
    if (read_token(run_dir, token, sizeof token, err, err_len) != 0)
        return NULL;
    struct dr_client *client = calloc(1, sizeof *client);
    DR_ASSERT(client != NULL);
    zsys_handler_set(NULL);
    dr_fresh_id(client->boot);
    snprintf(client->source, sizeof client->source, "console:%.16s", client->boot);
    client->dealer = zsock_new(ZMQ_DEALER);
    client->poller = zpoller_new(client->dealer, NULL);
    if (dr_socket_connect(client->dealer, run_dir, DR_BUS_REQUESTS, "console", token, err,
                          err_len) != 0)
        dr_client_close(&client);
    zsys_set_linger(0);
    return client;
}

static void send_request(struct dr_client *client, const char *to, const struct dr_message_row *row,
                         const void *body, const char *request, int timeout_ms)
{
    struct dr_envelope env = {
        .version = DR_WIRE_VERSION,
        .type = row->name,
        .source = client->source,
        .boot = client->boot,
        .time_us = zclock_time() * 1000,
        .request = request,
        .left_ms = timeout_ms,
    };
    uint8_t *bytes;
    size_t len;
    DR_ASSERT(dr_message_encode(&env, row->desc, body, &bytes, &len) == 0);
    dr_socket_send(client->dealer, to, bytes, len);
}

/* 1: it is the answer, 0: something else (dropped), -1: the answer is a refusal. */
static int look_at(zframe_t *frame, const struct dr_message_row *row, const char *request,
                   struct dr_message *out, char *err, size_t err_len)
{
    if (dr_message_decode(zframe_data(frame), zframe_size(frame), out, err, err_len) != 0)
        return -1;
    if (strcmp(out->env.request, request) != 0) {
        dr_message_free(out);
        return 0;
    }
    if (out->row->type == row->reply)
        return 1;
    const struct dr_ack *ack = out->row->type == DR_ACK ? out->body : NULL;
    snprintf(err, err_len, "%s", ack == NULL ? "answered by another message" : ack->sentence);
    dr_message_free(out);
    return -1;
}

int dr_client_ask(struct dr_client *client, const char *to, enum dr_type type, const void *body,
                  int timeout_ms, struct dr_message *out, char *err, size_t err_len)
{
    char request[33];
    const struct dr_message_row *row = dr_row_by_type(type);
    int64_t deadline_ms = zclock_mono() + timeout_ms;
    dr_fresh_id(request);
    send_request(client, to, row, body, request, timeout_ms);
    for (;;) {
        char *from;
        zframe_t *frame;
        int64_t left_ms = deadline_ms - zclock_mono();
        if (left_ms <= 0 || zpoller_wait(client->poller, (int)left_ms) == NULL) {
            snprintf(err, err_len, "%s did not answer within %d ms", to, timeout_ms);
            return -1;
        }
        if (dr_socket_receive(client->dealer, &from, &frame) != 1)
            continue;
        int found = look_at(frame, row, request, out, err, err_len);
        zstr_free(&from);
        zframe_destroy(&frame);
        if (found != 0)
            return found > 0 ? 0 : -1;
    }
}

void dr_client_close(struct dr_client **client)
{
    if (*client == NULL)
        return;
    zpoller_destroy(&(*client)->poller);
    zsock_destroy(&(*client)->dealer);
    free(*client);
    *client = NULL;
}
