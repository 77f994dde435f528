/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets in, until when. */
#include "session.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void authorize(struct session *s, const char *kind, const char *what)
{
    int n = snprintf(s->authorization, sizeof s->authorization, "%s %s", kind, what);
    assert_true(n > 0 && (size_t)n < sizeof s->authorization);
}

static void test_tokens_end(void **state)
{
    struct session *s = *state;
    authorize(s, "Bearer", text(ask(s, 200, "auth.login", "{'expiration_sec': 60}"), "token"));
    ask(s, 200, "users.get_current_user", "{}");
    wait_s(s, 58);
    ask(s, 200, "users.get_current_user", "{}");
    wait_s(s, 2);
    ask(s, 401030, "users.get_current_user", "{}");
}

static void test_forged_tokens(void **state)
{
    struct session *s = *state;
    char good[2048];
    snprintf(good, sizeof good, "%s", strchr(s->authorization, ' ') + 1);
    static const char *const bad[] = {"", "a", "a.b", "a.b.c", "....", "eyJhbGciOiJub25lIn0.e30."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        authorize(s, "Bearer", bad[i]);
        ask(s, 401030, "users.get_current_user", "{}");
    }
    char *payload = strchr(good, '.') + 1;
    payload[5] = payload[5] == 'A' ? 'B' : 'A';
    authorize(s, "Bearer", good);
    ask(s, 401030, "users.get_current_user", "{}");
    authorize(s, "Digest", "x");
    ask(s, 401010, "users.get_current_user", "{}");
    authorize(s, "Basic", "!!!!");
    ask(s, 401021, "users.get_current_user", "{}");
}

/* Taking a key away stops logins, not the tokens that it got. */
static void test_revoked_key(void **state)
{
    struct session *s = *state;
    char mine[2048], pair[256], key[64], *coded = NULL;
    snprintf(mine, sizeof mine, "%s", s->authorization);
    json_t *data = ask(s, 200, "auth.create_credentials", "{'label': 'machine'}");
    snprintf(key, sizeof key, "%s", text(data, "credentials.access_key"));
    snprintf(pair, sizeof pair, "%s:%s", key, text(data, "credentials.secret_key"));
    assert_int_equal(strlen(key), 30);

    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    coded = calloc(1, 2 * sizeof pair);
    size_t n = 0, size = strlen(pair);
    for (size_t i = 0; i < size; i += 3) {
        unsigned v = (unsigned)(unsigned char)pair[i] << 16 |
                     (unsigned)(unsigned char)(i + 1 < size ? pair[i + 1] : 0) << 8 |
                     (unsigned)(unsigned char)(i + 2 < size ? pair[i + 2] : 0);
        for (size_t k = 0; k < 4; k++)
            coded[n++] = i + k <= size ? alphabet[v >> (18 - 6 * k) & 63] : '=';
    }
    authorize(s, "Basic", coded);
    authorize(s, "Bearer", text(ask(s, 200, "auth.login", "{}"), "token"));
    ask(s, 200, "users.get_current_user", "{}");

    char machine[2048];
    snprintf(machine, sizeof machine, "%s", s->authorization);
    snprintf(s->authorization, sizeof s->authorization, "%s", mine);
    ask(s, 200, "auth.revoke_credentials", "{'access_key': '%s'}", key);
    ask(s, 400300, "auth.revoke_credentials", "{'access_key': '%s'}", key);
    authorize(s, "Basic", coded);
    ask(s, 401022, "auth.login", "{}");
    snprintf(s->authorization, sizeof s->authorization, "%s", machine);
    ask(s, 200, "users.get_current_user", "{}");
    free(coded);
}

static void test_secrets_are_told_once(void **state)
{
    struct session *s = *state;
    char secret[64];
    snprintf(secret, sizeof secret, "%s",
             text(ask(s, 200, "auth.create_credentials", "{}"), "credentials.secret_key"));
    ask(s, 200, "auth.get_credentials", "{}");
    char *whole = json_dumps(s->answer, 0);
    assert_null(strstr(whole, secret));
    free(whole);
}

static void test_bodies_that_are_none(void **state)
{
    struct session *s = *state;
    ask(s, 400, "queues.get_all", "{'name':");
    ask(s, 500, "queues.get_all", "[1]");
    ask(s, 200, "queues.get_all", "%s", "");
    ask(s, 200, "queues.get_all", "[]");
    ask(s, 400, "a/b/c", "{}");
    ask(s, 404, "v2.1/queues.get_all", "{}");
    ask(s, 404, "v3.0/queues.no_such_call", "{}");
    char deep[3000] = "";
    memset(deep, '[', 2500);
    ask(s, 400, "queues.get_all", "%s", deep);
}

#define SESSION(test) cmocka_unit_test_setup_teardown(test, session_setup, session_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION(test_tokens_end),           SESSION(test_forged_tokens),
        SESSION(test_revoked_key),          SESSION(test_secrets_are_told_once),
        SESSION(test_bodies_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
