/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a real server that misbehaves: what a caller sees for each fault. */
#include <cmocka.h>
#include <czmq.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http.h"
#include "json.h"
#include "peer.h"
#include "url.h"

static struct peer plain, tls;
static char folder[64], cert[96], key[96];
static zloop_t *loop;

/* The last answer, copied out of its callback. */
static struct {
    int count;
    enum dr_http_class cls;
    long status;
    char error[512];
    char retry_after[64];
    char type[64];
    char *body;
    size_t body_len;
    int64_t took_ms;
    void *cookie;
} seen;

static int wanted;

static void take(void *arg, const struct dr_http_answer *answer)
{
    (void)arg;
    seen.count++;
    seen.cls = answer->cls;
    seen.status = answer->status;
    seen.cookie = answer->cookie;
    seen.body_len = answer->body_len;
    seen.took_ms = answer->received_ms - answer->sent_ms;
    snprintf(seen.error, sizeof seen.error, "%s", answer->error);
    snprintf(seen.retry_after, sizeof seen.retry_after, "%s", answer->retry_after);
    snprintf(seen.type, sizeof seen.type, "%s", answer->content_type);
    free(seen.body);
    seen.body = strdup(answer->body);
    assert_int_equal(answer->body[answer->body_len], 0);
    assert_true(answer->received_wall_us >= answer->sent_wall_us);
}

static int stop_when_seen(zloop_t *l, int timer, void *arg)
{
    (void)l;
    (void)timer;
    int *ticks = arg;
    return seen.count >= wanted || ++*ticks > 10000 ? -1 : 0;
}

static int end_loop(zloop_t *l, int timer, void *arg)
{
    (void)l;
    (void)timer;
    (void)arg;
    return -1;
}

/* Runs the loop until `answers` callbacks came, 20 s at most. */
static void run(int answers)
{
    int ticks = 0;
    wanted = answers;
    int timer = zloop_timer(loop, 2, 0, stop_when_seen, &ticks);
    zloop_start(loop);
    zloop_timer_end(loop, timer);
}

static void fetch(const struct dr_http_options *options, const struct dr_http_request *request)
{
    seen.count = 0;
    struct dr_http *http = dr_http_new(loop, options);
    dr_http_send(http, request, take, NULL);
    assert_int_equal(dr_http_pending(http), 1);
    assert_int_equal(seen.count, 0);
    run(1);
    assert_int_equal(seen.count, 1);
    assert_int_equal(dr_http_pending(http), 0);
    dr_http_destroy(&http);
    assert_null(http);
}

static void get(const char *url)
{
    fetch(NULL, &(struct dr_http_request){.url = url});
}

static void expect(enum dr_http_class cls, const char *words)
{
    if (seen.cls != cls || !strstr(seen.error, words))
        fail_msg("got %s: '%s', wanted %s: '%s'", dr_http_class_name(seen.cls), seen.error,
                 dr_http_class_name(cls), words);
}

static const char *echoed(const char *path)
{
    static json_t *said;
    json_decref(said);
    said = dr_json_parse(seen.body, seen.body_len, NULL);
    return dr_json_str(said, path, "", NULL);
}

static void a_get_may_carry_a_body(void **state)
{
    (void)state;
    const char *headers[] = {"Content-Type: application/json", "X-One: 1", NULL};
    fetch(NULL, &(struct dr_http_request){.url = peer_url(&plain, "http", "echo"),
                                          .headers = headers,
                                          .body = "{\"a\":1}",
                                          .body_len = 7,
                                          .bearer = "token",
                                          .cookie = &plain});
    expect(DR_HTTP_OK, "");
    assert_string_equal(seen.error, "");
    assert_int_equal(seen.status, 200);
    assert_ptr_equal(seen.cookie, &plain);
    assert_string_equal(seen.type, "application/json");
    assert_string_equal(echoed("method"), "GET");
    assert_string_equal(echoed("body"), "{\"a\":1}");
    assert_string_equal(echoed("headers.content-type"), "application/json");
    assert_string_equal(echoed("headers.x-one"), "1");
    assert_string_equal(echoed("headers.authorization"), "Bearer token");
    assert_string_equal(echoed("headers.accept-encoding"), "gzip");
    assert_string_equal(echoed("headers.user-agent"), "drover/" DROVER_VERSION);
}

static void methods_and_basic(void **state)
{
    (void)state;
    fetch(NULL, &(struct dr_http_request){.url = peer_url(&plain, "http", "echo"),
                                          .method = "POST",
                                          .user = "key",
                                          .password = "secret"});
    assert_string_equal(echoed("method"), "POST");
    assert_string_equal(echoed("headers.content-length"), "0");
    assert_string_equal(echoed("headers.content-type"), "");
    assert_string_equal(echoed("headers.authorization"), "Basic a2V5OnNlY3JldA==");
    fetch(NULL,
          &(struct dr_http_request){.url = peer_url(&plain, "http", "echo"), .method = "DELETE"});
    assert_string_equal(echoed("method"), "DELETE");
    fetch(NULL,
          &(struct dr_http_request){.url = peer_url(&plain, "http", "echo"), .method = "HEAD"});
    expect(DR_HTTP_OK, "");
    assert_int_equal(seen.body_len, 0);
    fetch(NULL, &(struct dr_http_request){.url = peer_url(&plain, "http", "echo"),
                                          .method = "POST",
                                          .user = "AKID",
                                          .password = "secret",
                                          .aws_sigv4 = "aws:amz:eu-west-1:ec2"});
    assert_non_null(strstr(echoed("headers.authorization"), "AWS4-HMAC-SHA256 Credential=AKID/"));
}

static void any_status_is_an_answer(void **state)
{
    (void)state;
    get(peer_url(&plain, "http", "status/429"));
    expect(DR_HTTP_OK, "");
    assert_int_equal(seen.status, 429);
    assert_string_equal(seen.retry_after, "7");
    get(peer_url(&plain, "http", "status/500"));
    assert_int_equal(seen.status, 500);
    get(peer_url(&plain, "http", "status/304"));
    expect(DR_HTTP_OK, "");
    get(peer_url(&plain, "http", "status/301")); /* without a location it is no redirect */
    expect(DR_HTTP_OK, "");
}

static void redirects_are_not_followed(void **state)
{
    (void)state;
    get(peer_url(&plain, "http", "redirect"));
    expect(DR_HTTP_REDIRECT, "answered with a redirect (302) to https://elsewhere.example/login, ");
    assert_null(strstr(seen.error, "hidden"));
}

static void half_an_answer_is_broken(void **state)
{
    (void)state;
    get(peer_url(&plain, "http", "half"));
    expect(DR_HTTP_BROKEN, "the answer broke off");
    get(peer_url(&plain, "http", "nothing"));
    expect(DR_HTTP_BROKEN, "Empty reply");
    get(peer_url(&plain, "http", "garbage"));
    expect(DR_HTTP_BROKEN, "is not HTTP");
}

static void bodies_are_bounded(void **state)
{
    (void)state;
    const struct dr_http_options small = {.max_body = 1 << 20};
    static const char *const paths[] = {"big", "endless", "gzip/2000000"};
    for (int i = 0; i < 3; i++) {
        fetch(&small, &(struct dr_http_request){.url = peer_url(&plain, "http", paths[i])});
        expect(DR_HTTP_TOO_BIG, "the answer is larger than 1048576 bytes");
    }
    fetch(&small, &(struct dr_http_request){.url = peer_url(&plain, "http", "gzip/1048576")});
    expect(DR_HTTP_OK, "");
    assert_int_equal(seen.body_len, 1048576);
}

static void silence_times_out(void **state)
{
    (void)state;
    fetch(NULL,
          &(struct dr_http_request){.url = peer_url(&plain, "http", "slow"), .timeout_ms = 150});
    expect(DR_HTTP_TIMEOUT, "no whole answer within 0.15 s");
    assert_true(seen.took_ms >= 100);
}

/* Stands before libc's, also for curl: one name hangs as with a dead name server. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    if (name && strcmp(name, "hang.example") == 0) {
        sleep(3);
        return EAI_AGAIN;
    }
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(name, service, hints, found);
}

static void a_dead_name_server_blocks_nobody(void **state)
{
    (void)state;
    struct dr_http *http = dr_http_new(loop, NULL);
    seen.count = 0;
    int64_t began_ms = zclock_mono();
    dr_http_send(http, &(struct dr_http_request){.url = "http://hang.example/", .timeout_ms = 200},
                 take, NULL);
    run(1);
    expect(DR_HTTP_TIMEOUT, "hang.example:80: no whole answer within 0.2 s");
    dr_http_send(http, &(struct dr_http_request){.url = "http://hang.example/", .cookie = http},
                 take, NULL);
    zloop_timer(loop, 50, 1, end_loop, NULL);
    zloop_start(loop);
    assert_int_equal(dr_http_cancel(http, http), 1);
    dr_http_send(http, &(struct dr_http_request){.url = "http://hang.example/"}, take, NULL);
    zloop_timer(loop, 50, 1, end_loop, NULL);
    zloop_start(loop);
    dr_http_destroy(&http);
    assert_true(zclock_mono() - began_ms < 1500);
}

static void unreachable_places_are_named(void **state)
{
    (void)state;
    get("http://127.0.0.1:1/x");
    expect(DR_HTTP_CONNECT, "127.0.0.1:1: no connection");
    get("http://no-such-host.invalid/x");
    expect(DR_HTTP_DNS, "no-such-host.invalid:80: the name has no address");
    get("file:///etc/passwd");
    expect(DR_HTTP_OTHER, "the request failed");
    get("http://[bad");
    expect(DR_HTTP_OTHER, "an unreadable URL: the request failed");
}

static void proxies_are_named(void **state)
{
    (void)state;
    const struct dr_http_options dead = {.proxy = "http://127.0.0.1:1"};
    const char *target = "http://clearml.example/x";
    fetch(&dead, &(struct dr_http_request){.url = target});
    expect(DR_HTTP_PROXY, "clearml.example:80: the proxy on the way there failed");
    const struct dr_http_options picky = {.proxy = peer_url(&plain, "http", "")};
    fetch(&picky, &(struct dr_http_request){.url = "https://clearml.example/x"});
    expect(DR_HTTP_PROXY, "407");
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    get(target);
    expect(DR_HTTP_PROXY, "clearml.example:80");
    setenv("no_proxy", "127.0.0.1", 1);
    get(peer_url(&plain, "http", "echo"));
    expect(DR_HTTP_OK, "");
    unsetenv("no_proxy");
    const struct dr_http_options none = {.proxy = ""};
    fetch(&none, &(struct dr_http_request){.url = peer_url(&plain, "http", "echo")});
    expect(DR_HTTP_OK, "");
    unsetenv("http_proxy");
}

static void certificates_are_checked(void **state)
{
    (void)state;
    const char *url = peer_url(&tls, "https", "echo");
    get(url);
    expect(DR_HTTP_TLS_VERIFY, "its certificate is not accepted (SSL certificate problem");
    const struct dr_http_options trusted = {.ca_file = cert};
    fetch(&trusted, &(struct dr_http_request){.url = url}); /* trusted, but for another name */
    expect(DR_HTTP_TLS_VERIFY, "its certificate is not accepted (SSL: no alternative certificate");
    const struct dr_http_options lax = {.insecure = true};
    fetch(&lax, &(struct dr_http_request){.url = url});
    expect(DR_HTTP_OK, "");
    get(peer_url(&plain, "https", "echo"));
    expect(DR_HTTP_TLS, "no TLS connection");
    const struct dr_http_options lost = {.ca_file = "/nowhere/ca.pem"};
    fetch(&lost, &(struct dr_http_request){.url = url});
    expect(DR_HTTP_TLS, "/nowhere/ca.pem");
}

static void connections_are_reused(void **state)
{
    (void)state;
    struct dr_http *http = dr_http_new(loop, NULL);
    json_int_t connections[2];
    for (int i = 0; i < 2; i++) {
        seen.count = 0;
        dr_http_send(http, &(struct dr_http_request){.url = peer_url(&plain, "http", "echo")}, take,
                     NULL);
        run(1);
        json_t *said = dr_json_parse(seen.body, seen.body_len, NULL);
        connections[i] = dr_json_int(said, "connections", -1, NULL);
        json_decref(said);
    }
    assert_int_equal(connections[0], connections[1]);
    dr_http_destroy(&http);
}

static void many_run_at_once(void **state)
{
    (void)state;
    seen.count = 0;
    struct dr_http *http = dr_http_new(loop, NULL);
    for (int i = 0; i < 50; i++)
        dr_http_send(http, &(struct dr_http_request){.url = peer_url(&plain, "http", "echo")}, take,
                     NULL);
    run(50);
    assert_int_equal(seen.count, 50);
    dr_http_destroy(&http);
}

static void cancelled_ones_are_silent(void **state)
{
    (void)state;
    seen.count = 0;
    int one, two;
    struct dr_http *http = dr_http_new(loop, NULL);
    struct dr_http_request slow = {.url = peer_url(&plain, "http", "slow"), .cookie = &one};
    dr_http_send(http, &slow, take, NULL);
    dr_http_send(http, &slow, take, NULL);
    slow.cookie = &two;
    dr_http_send(http, &slow, take, NULL);
    dr_http_send(http, &(struct dr_http_request){.url = peer_url(&plain, "http", "echo")}, take,
                 NULL);
    run(1);
    assert_int_equal(dr_http_cancel(http, &one), 2);
    assert_int_equal(dr_http_cancel(http, &one), 0);
    assert_int_equal(dr_http_pending(http), 1);
    dr_http_destroy(&http); /* one still under way */
    assert_int_equal(seen.count, 1);
}

/* From a callback: sends the next and cancels the slow one. */
static void chain(void *arg, const struct dr_http_answer *answer)
{
    struct dr_http *http = arg;
    take(NULL, answer);
    assert_int_equal(dr_http_cancel(http, &plain), seen.count == 1 ? 1 : 0);
    if (seen.count < 3)
        dr_http_send(http, &(struct dr_http_request){.url = peer_url(&plain, "http", "echo")},
                     chain, http);
}

static void callbacks_may_send_and_cancel(void **state)
{
    (void)state;
    seen.count = 0;
    struct dr_http *http = dr_http_new(loop, NULL);
    dr_http_send(
        http, &(struct dr_http_request){.url = peer_url(&plain, "http", "slow"), .cookie = &plain},
        take, NULL);
    dr_http_send(http,
                 &(struct dr_http_request){.url = peer_url(&plain, "http", "echo"), .cookie = &tls},
                 chain, http);
    run(3);
    assert_int_equal(seen.count, 3);
    dr_http_destroy(&http);
}

static void times_are_read(void **state)
{
    (void)state;
    int64_t now = INT64_C(784111777000000); /* Sun, 06 Nov 1994 08:49:37 GMT */
    assert_int_equal(dr_http_date_us("Sun, 06 Nov 1994 08:49:37 GMT"), now);
    assert_int_equal(dr_http_date_us("yesterday"), -1);
    assert_int_equal(dr_http_retry_after_ms("7", now), 7000);
    assert_int_equal(dr_http_retry_after_ms("Sun, 06 Nov 1994 08:49:40 GMT", now), 3000);
    assert_int_equal(dr_http_retry_after_ms("Sun, 06 Nov 1994 08:49:30 GMT", now), 0);
    assert_int_equal(dr_http_retry_after_ms("99999999999999999999", now), 86400000);
    assert_int_equal(dr_http_retry_after_ms("", now), -1);
    assert_int_equal(dr_http_retry_after_ms("-5", now), -1);
    assert_int_equal(dr_http_retry_after_ms("soon", now), -1);
}

static void urls_lose_their_secrets(void **state)
{
    (void)state;
    char out[100];
    assert_true(dr_url_printable("https://me:pw@host:8008/a/b?token=t#f", out, sizeof out));
    assert_string_equal(out, "https://host:8008/a/b");
    assert_true(dr_url_host_port("https://me:pw@host/a", out, sizeof out));
    assert_string_equal(out, "host:443");
    assert_false(dr_url_host_port("nothing at all", out, sizeof out));
    assert_string_equal(out, "an unreadable URL");
    char *url = dr_url_join("http://host/api//", "/auth.login");
    assert_string_equal(url, "http://host/api/auth.login");
    free(url);
}

static int start(void **state)
{
    (void)state;
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    unsetenv("HTTPS_PROXY");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    strcpy(folder, "/tmp/drover-http-test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    char command[512];
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
             "-subj /CN=elsewhere.example -addext subjectAltName=DNS:elsewhere.example "
             "-keyout %s -out %s 2>/dev/null",
             key, cert);
    if (system(command) != 0)
        return -1;
    plain = peer_start(HTTP_PEER, NULL, NULL);
    tls = peer_start(HTTP_PEER, cert, key);
    zsys_handler_set(NULL);
    loop = zloop_new();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    zloop_destroy(&loop);
    peer_stop(&plain);
    peer_stop(&tls);
    free(seen.body);
    unlink(cert);
    unlink(key);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_may_carry_a_body),
        cmocka_unit_test(methods_and_basic),
        cmocka_unit_test(any_status_is_an_answer),
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(half_an_answer_is_broken),
        cmocka_unit_test(bodies_are_bounded),
        cmocka_unit_test(silence_times_out),
        cmocka_unit_test(a_dead_name_server_blocks_nobody),
        cmocka_unit_test(unreachable_places_are_named),
        cmocka_unit_test(proxies_are_named),
        cmocka_unit_test(certificates_are_checked),
        cmocka_unit_test(connections_are_reused),
        cmocka_unit_test(many_run_at_once),
        cmocka_unit_test(cancelled_ones_are_silent),
        cmocka_unit_test(callbacks_may_send_and_cancel),
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(urls_lose_their_secrets),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
