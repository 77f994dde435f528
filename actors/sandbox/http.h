/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "core.h"

#include <netinet/in.h>

struct MHD_Daemon;

/* Fills response; called on the port's own thread. */
typedef void http_answer(void *arg, const struct sandbox_request *request,
                         struct sandbox_response *response);

/* One port with a thread of its own, requests one after the other. */
struct http_port {
    http_answer *answer;
    void *arg;
    struct MHD_Daemon *daemon;
    struct sockaddr_in address; /* once open: with the port that was taken */
};

/* Listens on "ADDRESS:PORT" (port 0: any free one). false: said why on stderr. */
bool http_open(struct http_port *port, const char *text);
void http_close(struct http_port *port);
