/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer of the ClearML server is worth: a class, the API's own code, and a sentence that
 * names the server and says what to do. Pure; the table of cases is tests/unit/watcher. */
#ifndef DROVER_WATCHER_ANSWER_H
#define DROVER_WATCHER_ANSWER_H

#include <stdbool.h>

#include "clearml.h"
#include "http.h"

struct asked {
    const char *server;    /* host:port */
    const char *endpoint;  /* "queues.get_all" */
    bool login;            /* asked with the key pair, not with a token */
    const char *key_place; /* where a person finds the key pair */
};

struct verdict {
    enum clearml_class cls;
    int code, subcode;      /* as in clearml_answer */
    int64_t retry_after_ms; /* -1: none named */
    json_t *data;           /* owned by whoever asked (json_decref); NULL unless CLEARML_OK */
    bool token_refused;     /* a fresh token may help: nothing was done with the request */
    char sentence[400];
};

struct verdict answer_judge(const struct asked *asked, const struct dr_http_answer *http);

/* "ok", "refused", "wrong_key" ...: for metrics and events. */
const char *clearml_class_name(enum clearml_class cls);

#endif
