/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <cmocka.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char seed[32] = {7};
static const char basic[] = "Basic S0VZOlNFQ1JFVA=="; /* KEY:SECRET */

static void note(struct session *s, const struct sandbox_request *request)
{
    size_t size;
    char *line = sandbox_record(request, false, s->now_us, &size), *all = NULL;
    assert_non_null(line);
    assert_true(asprintf(&all, "%s%s\n", s->journal ? s->journal : "", line) > 0);
    free(line);
    free(s->journal);
    s->journal = all;
}

int session_setup(void **state)
{
    struct session *s = calloc(1, sizeof *s);
    s->now_us = INT64_C(1795478400000000);
    s->sb = sandbox_new(&(struct sandbox_options){.seed = seed,
                                                  .access_key = "KEY",
                                                  .secret_key = "SECRET",
                                                  .queues = (const char *const[]){"cpu", NULL},
                                                  .now_us = s->now_us});
    snprintf(s->authorization, sizeof s->authorization, "%s", basic);
    const char *token = text(ask(s, 200, "auth.login", "{}"), "token");
    snprintf(s->authorization, sizeof s->authorization, "Bearer %s", token);
    *state = s;
    return s->sb ? 0 : -1;
}

int session_teardown(void **state)
{
    struct session *s = *state;
    json_decref(s->answer);
    sandbox_free(s->sb);
    free(s->journal);
    free(s);
    return 0;
}

json_t *ask(struct session *s, int code, const char *endpoint, const char *format, ...)
{
    char path[128], body[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(body, sizeof body, format, args);
    va_end(args);
    for (char *p = body; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    snprintf(path, sizeof path, "/%s", endpoint);
    struct sandbox_request request = {.method = "POST",
                                      .path = path,
                                      .authorization = s->authorization,
                                      .content_type = "application/json",
                                      .remote_addr = "127.0.0.1",
                                      .body = body,
                                      .body_size = strlen(body)};
    struct sandbox_response response;
    s->now_us += 1000;
    sandbox_handle(s->sb, &request, s->now_us, &response);
    note(s, &request);
    json_decref(s->answer);
    s->answer = json_loadb(response.body, response.body_size, 0, NULL);
    sandbox_response_clear(&response);
    assert_non_null(s->answer);
    json_int_t got = json_integer_value(sandbox_get(s->answer, "meta.result_code"));
    json_int_t sub = json_integer_value(sandbox_get(s->answer, "meta.result_subcode"));
    json_int_t wanted = code < 1000 ? code : code / 1000;
    if (got != wanted || (code >= 1000 && sub != code % 1000))
        fail_msg("%s answers %lld/%lld: %s", endpoint, (long long)got, (long long)sub,
                 text(s->answer, "meta.result_msg"));
    return json_object_get(s->answer, "data");
}

struct sandbox_id made(const json_t *data)
{
    struct sandbox_id id;
    snprintf(id.text, sizeof id.text, "%s", text(data, "id"));
    assert_int_equal(strlen(id.text), 32);
    return id;
}

const char *text(const json_t *data, const char *path)
{
    const char *found = sandbox_get_str(data, path);
    return found ? found : "";
}

const char *stored(struct session *s, const char *task, const char *path)
{
    return text(json_object_get(s->sb->tasks, task), path);
}

void wait_s(struct session *s, int seconds)
{
    s->now_us += (int64_t)seconds * 1000000;
    sandbox_tick(s->sb, s->now_us);
    note(s, NULL);
}
