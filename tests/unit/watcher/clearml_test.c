/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a server that keeps the API's token rules: tests/support/clearml_peer.py. */
#include <cmocka.h>
#include <czmq.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "clearml.h"
#include "json.h"
#include "peer.h"

static struct peer peer;
static zloop_t *loop;
static struct dr_cfg_clearml cfg;
static char url[64];

static struct {
    int count;
    enum clearml_class cls;
    int http, code, subcode;
    int64_t retry_after_ms;
    char sentence[400];
    json_t *data;
} seen;

static int wanted;

static void take(const struct clearml_answer *answer, void *arg)
{
    (void)arg;
    seen.count++;
    seen.cls = answer->cls;
    seen.http = answer->http;
    seen.code = answer->code;
    seen.subcode = answer->subcode;
    seen.retry_after_ms = answer->retry_after_ms;
    snprintf(seen.sentence, sizeof seen.sentence, "%s", answer->sentence);
    json_decref(seen.data);
    seen.data = json_incref(answer->data);
    assert_true(answer->recv_ms >= answer->sent_ms);
}

static int stop_when_seen(zloop_t *l, int timer, void *arg)
{
    (void)l;
    (void)timer;
    int *ticks = arg;
    return seen.count >= wanted || ++*ticks > 10000 ? -1 : 0;
}

static void run(int answers)
{
    int ticks = 0;
    wanted = answers;
    int timer = zloop_timer(loop, 2, 0, stop_when_seen, &ticks);
    zloop_start(loop);
    zloop_timer_end(loop, timer);
    assert_int_equal(seen.count, answers);
}

static struct clearml *client_with(const char *secret)
{
    struct dr_clearml_credentials key = {.access_key = (char *)"good",
                                         .secret_key = (char *)secret,
                                         .api_server = (char *)"",
                                         .found_in = "watcher.yaml"};
    return clearml_new(loop, &cfg, &key);
}

static void call(struct clearml *client, const char *endpoint, json_t *body)
{
    seen.count = 0;
    clearml_call(client, endpoint, body, 0, take, NULL);
    assert_int_equal(seen.count, 0);
    run(1);
}

static void expect(enum clearml_class cls, const char *words)
{
    if (seen.cls != cls || !strstr(seen.sentence, words))
        fail_msg("got %s: '%s', wanted %s: '%s'", clearml_class_name(seen.cls), seen.sentence,
                 clearml_class_name(cls), words);
}

static int64_t said(const char *path)
{
    return dr_json_int(seen.data, path, -1, NULL);
}

static void a_batch_goes_as_lines(void **state)
{
    (void)state;
    struct clearml *client = client_with("secret");
    call(client, "test.lines", json_pack("[{s:i}, {s:s}]", "n", 1, "s", "two\nlines"));
    expect(CLEARML_OK, "");
    char *lines = json_dumps(json_object_get(seen.data, "lines"), JSON_COMPACT);
    assert_string_equal(lines, "[{\"n\":1},{\"s\":\"two\\nlines\"}]");
    free(lines);
    clearml_destroy(&client);
}

static void one_login_serves_many_calls(void **state)
{
    (void)state;
    struct clearml *client = client_with("secret");
    seen.count = 0;
    for (int i = 0; i < 5; i++)
        clearml_call(client, "test.echo", json_pack("{s:i}", "n", i), 0, take, NULL);
    run(5);
    expect(CLEARML_OK, "");
    int64_t login = said("login");
    call(client, "test.echo", json_pack("{s:i}", "n", 7));
    assert_int_equal(said("login"), login);
    assert_int_equal(said("logins"), login);
    assert_int_equal(said("body.n"), 7);
    call(client, "test.echo", NULL);
    assert_int_equal(json_object_size(dr_json_object(seen.data, "body", NULL)), 0);
    assert_int_equal(clearml_calls(client), 8);
    int64_t calls, bytes;
    clearml_last_hour(client, &calls, &bytes);
    assert_int_equal(calls, 8);
    assert_true(bytes > 8 * 50);
    clearml_destroy(&client);
    assert_null(client);
}

static void a_refused_token_is_renewed_once(void **state)
{
    (void)state;
    struct clearml *client = client_with("secret");
    call(client, "test.echo", NULL);
    int64_t login = said("login");
    call(client, "test.revoke", NULL);
    seen.count = 0;
    for (int i = 0; i < 5; i++)
        clearml_call(client, "test.echo", NULL, 0, take, NULL);
    run(5);
    expect(CLEARML_OK, "");
    assert_int_equal(said("login"), login + 1);
    int64_t calls = clearml_calls(client);
    call(client, "test.never", NULL);
    expect(CLEARML_REFUSED, "it does not take the token that it gave out itself");
    assert_int_equal(seen.code, 401);
    assert_int_equal(clearml_calls(client) - calls, 3);
    clearml_destroy(&client);
}

/* Of two calls with the old token the late one finds the other's new token, and takes that. */
static void a_token_is_fetched_once_for_all(void **state)
{
    (void)state;
    struct clearml *client = client_with("secret");
    call(client, "test.echo", NULL);
    int64_t login = said("login");
    call(client, "test.revoke", NULL);
    seen.count = 0;
    clearml_call(client, "test.late", NULL, 0, take, NULL);
    clearml_call(client, "test.echo", NULL, 0, take, NULL);
    run(2);
    expect(CLEARML_OK, "");
    assert_int_equal(said("logins"), login + 1);
    clearml_destroy(&client);
}

static int nothing(zloop_t *l, int timer, void *arg)
{
    (void)l;
    (void)timer;
    (void)arg;
    return -1;
}

static void a_token_is_renewed_at_half_its_life(void **state)
{
    (void)state;
    struct clearml *client = client_with("secret");
    call(client, "test.life", json_pack("{s:i}", "seconds", 2));
    call(client, "test.echo", NULL); /* logs in anew: this token lives 2 s */
    int64_t login = said("login");
    zloop_timer(loop, 1100, 1, nothing, NULL);
    zloop_start(loop); /* a token's age is real time: there is no event to wait for */
    call(client, "test.echo", NULL);
    assert_int_equal(said("login"), login); /* out with the old one, renewal beside it */
    int64_t began_ms = zclock_mono();
    while (said("login") == login && zclock_mono() - began_ms < 600)
        call(client, "test.echo", NULL);
    assert_int_equal(said("login"), login + 1); /* well before the 2 s were over */
    call(client, "test.life", json_pack("{s:i}", "seconds", 3600));
    clearml_destroy(&client);
}

static void a_wrong_key_is_said(void **state)
{
    (void)state;
    struct clearml *client = client_with("wrong");
    seen.count = 0;
    clearml_call(client, "test.echo", NULL, 0, take, NULL);
    clearml_call(client, "test.echo", NULL, 0, take, NULL);
    run(2);
    expect(CLEARML_WRONG_KEY, "does not accept the ClearML key pair from watcher.yaml (401/22)");
    assert_int_equal(clearml_calls(client), 1);
    clearml_destroy(&client);
}

static void another_key_is_proved(void **state)
{
    (void)state;
    struct clearml *client = client_with("secret");
    seen.count = 0;
    clearml_prove(client, "good", "secret", 0, take, NULL);
    run(1);
    expect(CLEARML_OK, "");
    assert_null(seen.data);
    seen.count = 0;
    clearml_prove(client, "good", "other", 0, take, NULL);
    run(1);
    expect(CLEARML_WRONG_KEY, "");
    clearml_destroy(&client);
}

static const struct {
    const char *endpoint;
    enum clearml_class cls;
    const char *words;
} faults[] = {
    {"test.refuse", CLEARML_REFUSED, "refused test.refuse (400/110: Invalid task status)"},
    {"test.busy", CLEARML_BUSY, "next in 9 s"},
    {"test.fail", CLEARML_SERVER, "the ClearML server failed in test.fail"},
    {"test.html", CLEARML_NOT_API, "a web page instead of JSON"},
    {"test.redirect", CLEARML_NOT_API, "a redirect (302) to https://elsewhere.example/login"},
    {"test.half", CLEARML_NOT_API, "the answer broke off"},
    {"test.slow", CLEARML_TIMEOUT, "no whole answer within 0.3 s"},
};

static void each_fault_is_named_and_over_with_it(void **state)
{
    (void)state;
    struct clearml *client = client_with("secret");
    call(client, "test.echo", NULL);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        seen.count = 0;
        clearml_call(client, faults[i].endpoint, NULL, 300, take, NULL);
        run(1);
        expect(faults[i].cls, faults[i].words);
        assert_null(seen.data);
        call(client, "test.echo", NULL);
        expect(CLEARML_OK, "");
    }
    clearml_destroy(&client);
}

static void an_unreachable_server_is_said(void **state)
{
    (void)state;
    const char *kept = cfg.api_server;
    cfg.api_server = "http://127.0.0.1:1";
    struct clearml *client = client_with("secret");
    call(client, "test.echo", NULL);
    expect(CLEARML_UNREACHABLE, "127.0.0.1:1: no connection");
    clearml_destroy(&client);
    cfg.api_server = "nonsense://";
    client = client_with("secret");
    call(client, "test.echo", NULL);
    expect(CLEARML_UNREACHABLE, "check clearml.api_server");
    clearml_destroy(&client);
    cfg.api_server = kept;
}

/* Calls again from within an answer, as the watcher's steps do. */
static void again(const struct clearml_answer *answer, void *arg)
{
    take(answer, NULL);
    if (seen.count < 4)
        clearml_call(arg, "test.echo", NULL, 0, again, arg);
}

static void answers_may_call_again(void **state)
{
    (void)state;
    for (int good = 0; good < 2; good++) {
        struct clearml *client = client_with(good ? "secret" : "wrong");
        seen.count = 0;
        clearml_call(client, "test.echo", NULL, 0, again, client);
        run(4);
        expect(good ? CLEARML_OK : CLEARML_WRONG_KEY, "");
        clearml_destroy(&client);
    }
}

static void destroying_ends_calls_silently(void **state)
{
    (void)state;
    struct clearml *client = client_with("secret");
    call(client, "test.echo", NULL);
    seen.count = 0;
    clearml_call(client, "test.slow", NULL, 0, take, NULL);
    clearml_destroy(&client);
    client = client_with("secret");
    clearml_call(client, "test.echo", NULL, 0, take, NULL); /* waits for its login */
    clearml_destroy(&client);
    assert_int_equal(seen.count, 0);
}

static int start(void **state)
{
    (void)state;
    setenv("no_proxy", "127.0.0.1", 1);
    peer = peer_start(CLEARML_PEER, NULL, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", peer.port);
    cfg = (struct dr_cfg_clearml){
        .api_server = url, .proxy = "", .ca_file = "", .verify_tls = true, .timeout_ms = 10000};
    zsys_handler_set(NULL);
    loop = zloop_new();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    zloop_destroy(&loop);
    peer_stop(&peer);
    json_decref(seen.data);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_login_serves_many_calls),
        cmocka_unit_test(a_batch_goes_as_lines),
        cmocka_unit_test(a_refused_token_is_renewed_once),
        cmocka_unit_test(a_token_is_fetched_once_for_all),
        cmocka_unit_test(a_token_is_renewed_at_half_its_life),
        cmocka_unit_test(a_wrong_key_is_said),
        cmocka_unit_test(another_key_is_proved),
        cmocka_unit_test(each_fault_is_named_and_over_with_it),
        cmocka_unit_test(an_unreachable_server_is_said),
        cmocka_unit_test(answers_may_call_again),
        cmocka_unit_test(destroying_ends_calls_silently),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
