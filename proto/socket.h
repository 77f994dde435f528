/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets towards the bus, the same for actors, console and tests.
 */
#pragma once
#include <czmq.h>

#include "drover/message.h"

#define DR_EVENTS_HWM 100000

/* Connects a fresh socket to RUN_DIR/endpoint as user/token (PLAIN). Never waits for the bus to be
 * there. 0, or -1 with a sentence in err. */
int dr_socket_connect(zsock_t *socket, const char *run_dir, const char *endpoint, const char *user,
                      const char *token, char *err, size_t err_len);

/* Sends [first][bytes], taking the bytes over (free). Drops when the socket's mark is reached (P29)
 * and returns -1; 0 when sent. */
int dr_socket_send(zsock_t *socket, const char *first, uint8_t *bytes, size_t len);

/* Receives [first][bytes] without waiting: 1 and *first (freed by zstr_free) and *frame (freed by
 * zframe_destroy); 0 when there is nothing; -1 when what came had another number of frames (it is
 * dropped). */
int dr_socket_receive(zsock_t *socket, char **first, zframe_t **frame);

/* A fresh 32-digit random id in out[33]. */
void dr_fresh_id(char out[33]);
