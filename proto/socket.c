/* SPDX-License-Identifier: Apache-2.0 */
#include "socket.h"

#include <errno.h>
#include <sys/random.h>

#include "drover/assert.h"

int dr_socket_connect(zsock_t *socket, const char *run_dir, const char *endpoint, const char *user,
                      const char *token, char *err, size_t err_len)
{
    zsock_set_linger(socket, 200);
    zsock_set_sndhwm(socket, DR_EVENTS_HWM);
    zsock_set_rcvhwm(socket, DR_EVENTS_HWM);
    zsock_set_reconnect_ivl(socket, 20);
    zsock_set_reconnect_ivl_max(socket, 500);
    zsock_set_plain_username(socket, user);
    zsock_set_plain_password(socket, token);
    if (zsock_connect(socket, "ipc://%s/%s", run_dir, endpoint) != 0) {
        snprintf(err, err_len, "cannot connect to %s/%s: %s", run_dir, endpoint,
                 zmq_strerror(zmq_errno()));
        return -1;
    }
    return 0;
}

static void free_bytes(void *bytes, void *hint)
{
    (void)hint;
    free(bytes);
}

int dr_socket_send(zsock_t *socket, const char *first, uint8_t *bytes, size_t len)
{
    void *handle = zsock_resolve(socket);
    if (zmq_send(handle, first, strlen(first), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        free(bytes);
        return -1;
    }
    zmq_msg_t msg;
    DR_ASSERT(zmq_msg_init_data(&msg, bytes, len, free_bytes, NULL) == 0);
    if (zmq_msg_send(&msg, handle, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&msg);
        return -1;
    }
    return 0;
}

static void drop_rest(zsock_t *socket)
{
    while (zsock_rcvmore(socket)) {
        zframe_t *frame = zframe_recv(socket);
        zframe_destroy(&frame);
    }
}

int dr_socket_receive(zsock_t *socket, char **first, zframe_t **frame)
{
    *first = NULL;
    *frame = NULL;
    if ((zsock_events(socket) & ZMQ_POLLIN) == 0)
        return 0;
    *first = zstr_recv(socket);
    if (*first != NULL && zsock_rcvmore(socket))
        *frame = zframe_recv(socket);
    if (*frame != NULL && !zsock_rcvmore(socket))
        return 1;
    drop_rest(socket);
    zstr_free(first);
    zframe_destroy(frame);
    return -1;
}

void dr_fresh_id(char out[33])
{
    uint8_t random[16];
    DR_ASSERT(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(out + 2 * i, 3, "%02x", random[i]);
}
