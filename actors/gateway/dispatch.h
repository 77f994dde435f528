/* SPDX-License-Identifier: Apache-2.0 */
/* From a whole request to its handler: names, login, role, body. */
#ifndef DROVER_GATEWAY_DISPATCH_H
#define DROVER_GATEWAY_DISPATCH_H

#include <stddef.h>

struct request;

/* For the server (server.h). */
size_t dispatch_room(struct request *request);
void dispatch(struct request *request);

/* A page or a file of the pages; client-side paths get the page. */
void static_answer(struct request *request);

#endif
