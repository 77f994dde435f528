/* SPDX-License-Identifier: Apache-2.0 */
/* The stream, and what the API says of itself. */
#include <stdio.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "gateway.h"
#include "openapi.h"

void handle_events(struct request *request);
void handle_openapi(struct request *request);

void handle_events(struct request *request)
{
    const char *after =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Last-Event-ID");
    if (after == NULL)
        after = request_query(request, "after");
    struct hub_right right = {.by_token = request->login.by_token};
    snprintf(right.proof, sizeof right.proof, "%s", request->login.proof);
    struct MHD_Response *response =
        hub_listen(request->gateway->hub, request->connection, after, &right, dr_wall_us());
    DR_ASSERT(response != NULL);
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    answer_response(request, 200, response);
}

void handle_openapi(struct request *request)
{
    answer_text(request, 200, "application/json", (const char *)openapi, openapi_size);
}
