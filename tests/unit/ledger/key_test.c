/* SPDX-License-Identifier: Apache-2.0 */
#include <cmocka.h>
#include <string.h>

#include "fixture.h"

static const char *open_one(struct fixture *f, struct dr_key_row *key)
{
    const char *attempt = fixture_open(f, fixture_want(f, "cpu"));
    *key = fixture_key(f, attempt);
    return attempt;
}

static bool mint(struct fixture *f, const char *key, const char *access_key)
{
    return ask(f, KEY_SETTLE, key_settle, .key = key, .state = "minted", .access_key = access_key,
               .sealed = BYTES("sealed"));
}

static bool revoke(struct fixture *f, const char *key)
{
    return ask(f, KEY_SETTLE, key_settle, .key = key, .state = "revoked");
}

static void minted_once(void **state)
{
    struct fixture *f = *state;
    struct dr_key_row key;
    const char *attempt = open_one(f, &key);
    assert_true(mint(f, key.id, "AK"));
    assert_int_equal(f->events, 2); /* the key, its attempt */
    assert_string_equal(fixture_key(f, attempt).state, "minted");
    assert_string_equal(fixture_key(f, attempt).access_key, "AK");
    assert_string_equal(fixture_attempt(f, attempt).state, "keyed");
    assert_true(mint(f, key.id, "AK"));
    assert_int_equal(f->events, 0);
    assert_false(mint(f, key.id, "AK2"));
    assert_string_equal(fixture_code(f), "conflict");
    assert_false(revoke(f, key.id));
    assert_string_equal(fixture_code(f), "conflict");
}

static void a_key_never_minted_is_looked_for(void **state)
{
    struct fixture *f = *state;
    struct dr_key_row key;
    const char *attempt = open_one(f, &key);
    assert_true(fixture_close(f, attempt, "never-sent", NULL));
    assert_string_equal(fixture_key(f, attempt).state, "revoking");
    /* The watcher's minting was under way: it stays revoking, now with its name. */
    assert_true(mint(f, key.id, "AK"));
    assert_string_equal(fixture_key(f, attempt).state, "revoking");
    assert_string_equal(fixture_key(f, attempt).access_key, "AK");
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM \"key\" WHERE secret IS NOT NULL"), 0);
    assert_true(revoke(f, key.id));
    assert_string_equal(fixture_key(f, attempt).state, "revoked");
    assert_true(revoke(f, key.id));
    assert_int_equal(f->events, 0);
    assert_false(mint(f, key.id, "AK3"));
    assert_string_equal(fixture_code(f), "conflict");
}

static void bad_requests(void **state)
{
    struct fixture *f = *state;
    struct dr_key_row key;
    open_one(f, &key);
    assert_false(mint(f, "k0", "AK"));
    assert_string_equal(fixture_code(f), "not-found");
    assert_false(mint(f, key.id, ""));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(
        ask(f, KEY_SETTLE, key_settle, .key = key.id, .state = "minted", .access_key = "AK"));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(ask(f, KEY_SETTLE, key_settle, .key = key.id, .state = "lost"));
    assert_string_equal(fixture_code(f), "bad-request");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(minted_once),
        T(a_key_never_minted_is_looked_for),
        T(bad_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
