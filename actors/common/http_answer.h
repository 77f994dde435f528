/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to drover_http: what curl's result means, as a cls and as a sentence. Pure. */
#ifndef DROVER_COMMON_HTTP_ANSWER_H
#define DROVER_COMMON_HTTP_ANSWER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "http.h"

struct http_outcome {
    CURLcode code;
    const char *words; /* curl's own, may be "" */
    long status;
    long proxy_status; /* of CONNECT; 0 if there was none */
    bool too_big;      /* we stopped it */
    const char *url;
    const char *location;
    long timeout_ms;
    size_t max_body;
};

enum dr_http_class http_classify(const struct http_outcome *outcome);

/* One sentence, beginning with host:port; "" for DR_HTTP_OK. Without user, password or query. */
void http_explain(const struct http_outcome *outcome, enum dr_http_class cls, char *out,
                  size_t size);

#endif
