/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses to listen on, as drover.yaml has them: "127.0.0.1:8400", "[::1]:80", "localhost:80". */
#ifndef DROVER_COMMON_LISTEN_H
#define DROVER_COMMON_LISTEN_H

#include <stdbool.h>

#define DR_LISTEN_HOST_SIZE 128
#define DR_LISTEN_PORT_SIZE 16

/* Its two parts, an IPv6 address without its brackets; false: it is no HOST:PORT. */
bool dr_listen_split(const char *listen, char host[DR_LISTEN_HOST_SIZE],
                     char port[DR_LISTEN_PORT_SIZE]);

/* True when the address is this host's own: 127.0.0.0/8, ::1, localhost. Asks no resolver. */
bool dr_listen_is_local(const char *listen);

#endif
