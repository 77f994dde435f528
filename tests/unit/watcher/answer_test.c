/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of answer is worth: first everything that a genuine server was recorded to say,
 * then what stands between us and a server. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "json.h"
#include "token.h"
#include "traffic.h"

static const struct asked call = {"api.example:8008", "queues.get_all", false, "watcher.yaml"};
static const struct asked login = {"api.example:8008", "auth.login", true, "watcher.yaml"};

static struct dr_http_answer http(long status, const char *type, const char *body)
{
    return (struct dr_http_answer){.cls = DR_HTTP_OK,
                                   .status = status,
                                   .date = "",
                                   .retry_after = "",
                                   .location = "",
                                   .content_type = type,
                                   .body = body,
                                   .body_len = strlen(body),
                                   .error = ""};
}

/* The rule in a line per class, against which each recorded step is held. */
static enum clearml_class wanted_class(json_int_t code)
{
    if (code == 200)
        return CLEARML_OK;
    return code >= 500 ? CLEARML_SERVER : CLEARML_REFUSED;
}

static void check_step(const json_t *step)
{
    json_t *response = dr_json_object(step, "response", NULL);
    if (!dr_json_object(response, "meta", NULL))
        return;
    char *body = dr_json_text(response);
    long status = (long)dr_json_int(step, "status", 0, NULL);
    struct dr_http_answer answer = http(status, "application/json", body);
    struct verdict verdict = answer_judge(&call, &answer);
    assert_int_equal(verdict.cls, wanted_class(status));
    assert_int_equal(verdict.code, status);
    assert_int_equal(verdict.subcode, dr_json_int(response, "meta.result_subcode", -1, NULL));
    assert_int_equal(verdict.token_refused, status == 401);
    assert_int_equal(verdict.data != NULL, status == 200);
    assert_int_equal(verdict.sentence[0] == '\0', status == 200);
    if (status != 200)
        assert_non_null(strstr(verdict.sentence, "api.example:8008: "));
    json_decref(verdict.data);
    if (status == 401) {
        verdict = answer_judge(&login, &answer);
        assert_int_equal(verdict.cls, CLEARML_WRONG_KEY);
        assert_false(verdict.token_refused);
    }
    dr_json_free_text(body);
}

static int check_recording(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    int steps = 0;
    while ((len = getline(&line, &size, file)) > 0) {
        json_t *step = dr_json_parse(line, (size_t)len, NULL);
        assert_non_null(step);
        check_step(step);
        json_decref(step);
        steps++;
    }
    free(line);
    fclose(file);
    return steps;
}

static void recorded_answers_are_understood(void **state)
{
    (void)state;
    assert_int_equal(check_recording(CONTRACT "/clearml.jsonl"), 156);
    assert_int_equal(check_recording(CONTRACT "/clearml_more.jsonl"), 378);
}

#define API(code, subcode, message)                                     \
    "{\"meta\":{\"result_code\":" #code ",\"result_subcode\":" #subcode \
    ",\"result_msg\":\"" message "\"},\"data\":{}}"

static const struct {
    const struct asked *asked;
    long status;
    const char *type, *body, *retry_after;
    enum clearml_class cls;
    int64_t retry_after_ms;
    const char *sentence;
} made[] = {
    {&login, 401, "", API(401, 22, "Unauthorized"), "", CLEARML_WRONG_KEY, -1,
     "api.example:8008: does not accept the ClearML key pair from watcher.yaml (401/22): create a "
     "new one in the web app under Settings > Workspace and put it there"},
    {&call, 401, "", API(401, 30, "Invalid token"), "", CLEARML_REFUSED, -1,
     "api.example:8008: refused queues.get_all (401/30: Invalid token): it does not take the token "
     "that it gave out itself"},
    {&call, 401, "", API(401, 1, "Unauthorized"), "", CLEARML_REFUSED, -1,
     "api.example:8008: refused queues.get_all (401/1: Unauthorized): the user of this key pair "
     "may "
     "not do that"},
    {&call, 400, "", API(400, 701, "Invalid queue id"), "", CLEARML_REFUSED, -1,
     "api.example:8008: refused queues.get_all (400/701: Invalid queue id)"},
    {&call, 429, "text/plain", "slow down", "7", CLEARML_BUSY, 7000,
     "api.example:8008: the ClearML server wants to be asked less often (HTTP 429): Drover slows "
     "down, next in 7 s"},
    {&call, 429, "", API(429, 0, "Too many"), "", CLEARML_BUSY, -1,
     "api.example:8008: the ClearML server wants to be asked less often (HTTP 429): Drover slows "
     "down"},
    {&call, 503, "text/html", "<html>", "30", CLEARML_BUSY, 30000,
     "api.example:8008: the ClearML server wants to be asked less often (HTTP 503): Drover slows "
     "down, next in 30 s"},
    {&call, 502, "text/html", "<html>bad gateway", "", CLEARML_SERVER, -1,
     "api.example:8008: the ClearML server is not ready (HTTP 502): it is asked again"},
    {&call, 500, "", API(500, 100, "General data error"), "", CLEARML_SERVER, -1,
     "api.example:8008: the ClearML server failed in queues.get_all (500/100: General data error): "
     "its own log says more"},
    {&call, 200, "text/html; charset=utf-8", "<!DOCTYPE html>", "", CLEARML_NOT_API, -1,
     "api.example:8008: answered queues.get_all with a web page instead of JSON (HTTP 200): set "
     "clearml.api_server to the API's address, not the web app's"},
    {&call, 404, "", "  <html>", "", CLEARML_NOT_API, -1,
     "api.example:8008: answered queues.get_all with a web page instead of JSON (HTTP 404): set "
     "clearml.api_server to the API's address, not the web app's"},
    {&call, 200, "application/json", "{\"status\":\"ok\"}", "", CLEARML_NOT_API, -1,
     "api.example:8008: answered queues.get_all with something that is not the ClearML API's (HTTP "
     "200)"},
    {&call, 200, "application/json", "{\"meta\":{\"result_code\":200},\"data\":[]}", "",
     CLEARML_NOT_API, -1,
     "api.example:8008: answered queues.get_all with something that is not the ClearML API's (HTTP "
     "200)"},
    {&call, 200, "application/json", "{\"meta\":{\"result_code\":2", "", CLEARML_NOT_API, -1,
     "api.example:8008: answered queues.get_all with something that is not the ClearML API's (HTTP "
     "200)"},
    {&call, 200, "application/json", "", "", CLEARML_NOT_API, -1,
     "api.example:8008: answered queues.get_all with something that is not the ClearML API's (HTTP "
     "200)"},
    {&call, 403, "text/html", "<html>sign in", "", CLEARML_NOT_API, -1,
     "api.example:8008: something before the ClearML API wants a login of its own (HTTP 403): let "
     "Drover's host through, or set clearml.api_server to the API itself"},
    {&login, 401, "text/html", "<html>sign in", "", CLEARML_NOT_API, -1,
     "api.example:8008: something before the ClearML API wants a login of its own (HTTP 401): let "
     "Drover's host through, or set clearml.api_server to the API itself"},
    {&call, 200, "", "{\"meta\":{\"result_code\":99999999999},\"data\":{}}", "", CLEARML_NOT_API,
     -1,
     "api.example:8008: answered queues.get_all with something that is not the ClearML API's (HTTP "
     "200)"},
};

static void made_answers_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        struct dr_http_answer answer = http(made[i].status, made[i].type, made[i].body);
        answer.retry_after = made[i].retry_after;
        struct verdict verdict = answer_judge(made[i].asked, &answer);
        assert_string_equal(verdict.sentence, made[i].sentence);
        assert_string_equal(clearml_class_name(verdict.cls), clearml_class_name(made[i].cls));
        assert_int_equal(verdict.retry_after_ms, made[i].retry_after_ms);
        assert_null(verdict.data);
    }
}

static void every_fault_of_the_wire_has_a_class_and_advice(void **state)
{
    (void)state;
    static const enum clearml_class wanted[DR_HTTP_CLASSES] = {
        [DR_HTTP_DNS] = CLEARML_UNREACHABLE,   [DR_HTTP_CONNECT] = CLEARML_UNREACHABLE,
        [DR_HTTP_PROXY] = CLEARML_UNREACHABLE, [DR_HTTP_OTHER] = CLEARML_UNREACHABLE,
        [DR_HTTP_TLS_VERIFY] = CLEARML_TLS,    [DR_HTTP_TLS] = CLEARML_TLS,
        [DR_HTTP_TIMEOUT] = CLEARML_TIMEOUT,   [DR_HTTP_BROKEN] = CLEARML_NOT_API,
        [DR_HTTP_TOO_BIG] = CLEARML_NOT_API,   [DR_HTTP_REDIRECT] = CLEARML_NOT_API,
    };
    for (enum dr_http_class cls = DR_HTTP_OK + 1; cls < DR_HTTP_CLASSES; cls++) {
        struct dr_http_answer answer = http(0, "", "");
        answer.cls = cls;
        answer.error = "api.example:8008: said curl";
        struct verdict verdict = answer_judge(&call, &answer);
        assert_int_equal(verdict.cls, wanted[cls]);
        assert_memory_equal(verdict.sentence, "api.example:8008: said curl: ", 29);
        assert_true(strlen(verdict.sentence) > 40);
        assert_int_equal(verdict.code, 0);
    }
}

static void long_words_of_a_server_are_cut(void **state)
{
    (void)state;
    char body[4000];
    snprintf(body, sizeof body, API(400, 1, "%02000d"), 1);
    struct dr_http_answer answer = http(400, "", body);
    struct verdict verdict = answer_judge(&call, &answer);
    assert_int_equal(verdict.cls, CLEARML_REFUSED);
    assert_true(strlen(verdict.sentence) < 300);
}

static void a_token_says_how_long_it_lives(void **state)
{
    (void)state;
    /* {"iat":1700000000,"exp":1700003600}, {"exp":1700000100}, {"exp":1}, {"exp":1e300,"iat":0} */
    assert_int_equal(token_life_ms("e30.eyJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMH0.s", 0),
                     3600000);
    assert_int_equal(token_life_ms("e30.eyJleHAiOjE3MDAwMDAxMDB9.s", INT64_C(1700000000000000)),
                     100000);
    assert_int_equal(token_life_ms("e30.eyJleHAiOjF9.s", INT64_C(1700000000000000)), 1000);
    assert_true(token_life_ms("e30.eyJleHAiOjFlMzAwLCJpYXQiOjB9.s", 0) > 0);
    static const char *const odd[] = {"", ".", "..", "opaque", "a.!!.c", "e30.e30.s", "e30.W10.s"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(token_life_ms(odd[i], 0), TOKEN_LIFE_UNKNOWN_MS);
}

static void traffic_is_counted_by_the_hour(void **state)
{
    (void)state;
    struct traffic traffic = {0};
    int64_t calls, bytes, start_ms = INT64_C(86400000) * 30;
    for (int minute = 0; minute < 90; minute++)
        traffic_add(&traffic, 2, 100, start_ms + minute * INT64_C(60000));
    traffic_hour(&traffic, start_ms + 89 * INT64_C(60000), &calls, &bytes);
    assert_int_equal(calls, 120);
    assert_int_equal(bytes, 6000);
    traffic_hour(&traffic, start_ms + 109 * INT64_C(60000), &calls, &bytes);
    assert_int_equal(calls, 80);
    traffic_hour(&traffic, start_ms * 2, &calls, &bytes);
    assert_int_equal(calls, 0);
    assert_int_equal(traffic.calls, 180);
    assert_int_equal(traffic.bytes, 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_answers_are_understood),
        cmocka_unit_test(made_answers_are_understood),
        cmocka_unit_test(every_fault_of_the_wire_has_a_class_and_advice),
        cmocka_unit_test(long_words_of_a_server_are_cut),
        cmocka_unit_test(a_token_says_how_long_it_lives),
        cmocka_unit_test(traffic_is_counted_by_the_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
