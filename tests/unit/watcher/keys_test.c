/* SPDX-License-Identifier: Apache-2.0 */
/* P22: minting and revoking, one at a time, with every reply lost once. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fake_port.h"
#include "keys.h"

static const uint8_t public_key[32] = {1};

struct bench {
    struct fake fake;
    struct dr_key_row rows[4];
    struct dr_ledger_state state;
    struct claims claims;
    struct keys keys;
};

static void setup(struct bench *bench, const char *state, const char *access)
{
    memset(bench, 0, sizeof *bench);
    fake_init(&bench->fake);
    bench->rows[0] = (struct dr_key_row){.id = "k1",
                                         .state = state,
                                         .label = "drover:d:k1",
                                         .access_key = access,
                                         .seal_pk = {public_key, 32}};
    bench->rows[1] = (struct dr_key_row){.id = "k2",
                                         .state = "minted",
                                         .label = "drover:d:k2",
                                         .access_key = "AK2",
                                         .seal_pk = {public_key, 32}};
    bench->state = (struct dr_ledger_state){
        .seq = 1, .deployment = "d", .blocked = "", .keys = {bench->rows, 2}};
    bench->claims = (struct claims){.port = &bench->fake.port, .rows = &bench->state};
    keys_init(&bench->keys, &bench->claims, 600000);
}

static void teardown(struct bench *bench)
{
    fake_stop(&bench->fake);
    keys_free(&bench->keys);
    claims_free(&bench->claims);
    fake_free(&bench->fake);
}

static void step(struct bench *bench, int64_t ms)
{
    fake_sleep(&bench->fake, ms);
    keys_step(&bench->keys);
}

#define LIST(more) "{\"credentials\":[{\"access_key\":\"USER\",\"label\":\"mine\"}" more "]}"
#define OF(access, label) ",{\"access_key\":\"" access "\",\"label\":\"" label "\"}"
#define MADE \
    "{\"credentials\":{\"access_key\":\"AK1\",\"secret_key\":\"SK1\",\"label\":\"drover:d:k1\"}}"

static void a_key_is_minted_proved_and_sealed(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "intended", "");
    b.rows[1].state = "intended"; /* waits its turn */
    step(&b, 0);
    assert_int_equal(b.fake.call_count, 1);
    fake_answer(&b.fake, "auth.get_credentials", LIST(""));
    assert_string_equal(fake_body(&b.fake), "{\"label\":\"drover:d:k1\"}");
    fake_answer(&b.fake, "auth.create_credentials", MADE);
    assert_int_equal(b.fake.call_count, 2); /* two proofs, and neither waits for the other */
    fake_answer(&b.fake, "auth.get_credentials", LIST(OF("AK1", "drover:d:k1")));
    assert_int_equal(b.fake.ask_count, 0); /* one of them is not enough */
    assert_string_equal(fake_body(&b.fake), "{\"access\":\"AK1\",\"secret\":\"SK1\"}");
    step(&b, 10);
    assert_int_equal(b.fake.call_count, 1); /* still one at a time */
    fake_answer(&b.fake, "prove", "{}");
    const struct dr_key_settle *settle = fake_asked(&b.fake, DR_KEY_SETTLE);
    assert_string_equal(settle->key, "k1");
    assert_string_equal(settle->state, "minted");
    assert_string_equal(settle->access_key, "AK1");
    assert_memory_equal(settle->sealed.bytes, "sealed:SK1", 10);
    fake_ack(&b.fake, DR_KEY_SETTLE, true, "", 2, NULL);
    assert_null(b.keys.secret);
    step(&b, 10); /* the rows at hand do not show it yet: the other one is next */
    fake_answer(&b.fake, "auth.get_credentials", LIST(""));
    assert_string_equal(fake_body(&b.fake), "{\"label\":\"drover:d:k2\"}");
    teardown(&b);
}

/* Whatever reply is lost, the next round finds what bears the label and begins anew. */
static void a_lost_reply_costs_a_round(void **state)
{
    (void)state;
    for (int lost = 0; lost < 5; lost++) {
        struct bench b;
        setup(&b, "intended", "");
        step(&b, 0);
        static const char *const endpoints[] = {"auth.get_credentials", "auth.create_credentials",
                                                "auth.get_credentials", "prove"};
        static const char *const answers[] = {LIST(""), MADE, LIST(OF("AK1", "drover:d:k1")), "{}"};
        int i = 0;
        for (; i < 4 && i != lost; i++)
            fake_answer(&b.fake, endpoints[i], answers[i]);
        if (i < 4)
            fake_fail(&b.fake, endpoints[i], CLEARML_TIMEOUT, 0, "no answer");
        if (lost == 2) { /* the other proof is good: that is not enough */
            assert_int_equal(b.keys.phase, KEYS_PROVING);
            fake_answer(&b.fake, "prove", "{}");
        }
        if (i == 4) { /* the ledger's ack */
            struct fake_ask taken = b.fake.asks[0];
            b.fake.ask_count = 0;
            taken.cb(NULL, taken.arg);
            dr_record_free(&taken.body);
        }
        assert_int_equal(b.keys.phase, KEYS_IDLE);
        step(&b, 1000);
        assert_int_equal(b.fake.call_count, 0);
        step(&b, 1000);
        bool minted = lost >= 1; /* for all we know */
        fake_answer(&b.fake, "auth.get_credentials",
                    minted ? LIST(OF("AK1", "drover:d:k1")) : LIST(""));
        if (minted) {
            assert_string_equal(fake_body(&b.fake), "{\"access_key\":\"AK1\"}");
            fake_answer(&b.fake, "auth.revoke_credentials", "{\"revoked\":1}");
            fake_answer(&b.fake, "auth.get_credentials", LIST(""));
        }
        assert_string_equal(fake_next(&b.fake), "auth.create_credentials");
        teardown(&b);
    }
}

/* A row that came while this process alone makes keys: no key can bear its label yet. Once. */
static void a_fresh_key_is_made_without_a_look(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "intended", "");
    keys_fresh(&b.keys, "k1");
    keys_fresh(&b.keys, "k2"); /* never taken up: nothing of it is left behind */
    step(&b, 0);
    fake_fail(&b.fake, "auth.create_credentials", CLEARML_TIMEOUT, 0, "no answer");
    step(&b, 2000);
    assert_string_equal(fake_next(&b.fake), "auth.get_credentials");
    teardown(&b);
    setup(&b, "revoking", ""); /* given up before it was made */
    keys_fresh(&b.keys, "k1");
    step(&b, 0);
    assert_string_equal(fake_next(&b.fake), "auth.get_credentials");
    teardown(&b);
}

static void a_key_that_others_destroyed_is_made_again(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "intended", "");
    step(&b, 0);
    fake_answer(&b.fake, "auth.get_credentials", LIST(""));
    fake_answer(&b.fake, "auth.create_credentials", MADE);
    fake_answer(&b.fake, "auth.get_credentials", LIST(OF("BARE", "")));
    fake_answer(&b.fake, "prove", "{}");
    assert_int_equal(b.fake.ask_count, 0); /* nobody gets it */
    assert_non_null(strstr(b.fake.log, "it is made again"));
    teardown(&b);
}

static void a_key_that_came_too_late_is_revoked(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "intended", "");
    step(&b, 0);
    fake_answer(&b.fake, "auth.get_credentials", LIST(""));
    fake_answer(&b.fake, "auth.create_credentials", MADE);
    fake_answer(&b.fake, "auth.get_credentials", LIST(OF("AK1", "drover:d:k1")));
    fake_answer(&b.fake, "prove", "{}");
    fake_ack(&b.fake, DR_KEY_SETTLE, false, "conflict", 2, NULL);
    fake_answer(&b.fake, "auth.get_credentials", LIST(OF("AK1", "drover:d:k1")));
    assert_string_equal(fake_body(&b.fake), "{\"access_key\":\"AK1\"}");
    teardown(&b);
}

static void a_user_who_may_not_is_told(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "intended", "");
    step(&b, 0);
    fake_answer(&b.fake, "auth.get_credentials", LIST(""));
    fake_fail(&b.fake, "auth.create_credentials", CLEARML_REFUSED, 3, "protected identity");
    assert_non_null(
        strstr(b.fake.log, "refused to create a key for a machine: protected identity"));
    step(&b, 29000);
    assert_int_equal(b.fake.call_count, 0);
    step(&b, 1000);
    assert_int_equal(b.fake.call_count, 1);
    teardown(&b);
}

static void revoking_goes_on_until_nothing_bears_the_label(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "revoking", "AK1");
    step(&b, 0);
    fake_answer(
        &b.fake, "auth.get_credentials",
        LIST(OF("AK1", "edited by hand") OF("AK9", "drover:d:k1") OF("AK2", "drover:d:k2")));
    assert_string_equal(fake_body(&b.fake), "{\"access_key\":\"AK1\"}");
    fake_answer(&b.fake, "auth.revoke_credentials", "{\"revoked\":1}");
    fake_answer(&b.fake, "auth.get_credentials", LIST(OF("AK9", "drover:d:k1")));
    fake_fail(&b.fake, "auth.revoke_credentials", CLEARML_REFUSED, 300, "no such key");
    fake_answer(&b.fake, "auth.get_credentials", LIST(OF("AK2", "drover:d:k2")));
    const struct dr_key_settle *settle = fake_asked(&b.fake, DR_KEY_SETTLE);
    assert_string_equal(settle->state, "revoked");
    fake_ack(&b.fake, DR_KEY_SETTLE, true, "", 2, NULL);
    teardown(&b);
}

static void the_sweep_takes_only_what_nobody_needs(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "revoked", "");
    b.rows[0].settled_us = b.fake.now.wall_us; /* revoked just now */
    step(&b, 0);
    step(&b, 599000);
    assert_int_equal(b.fake.call_count, 0); /* not at once after a start */
    step(&b, 2000);
    fake_answer(&b.fake, "auth.get_credentials",
                LIST(OF("AK1", "drover:d:k1") OF("AK2", "drover:d:k2") OF("AK7", "drover:d:k7")
                         OF("OTHER", "drover:e:k7") OF("HAND", "drover")));
    assert_string_equal(fake_body(&b.fake), "{\"access_key\":\"AK1\"}"); /* ended 10 min ago */
    fake_answer(&b.fake, "auth.revoke_credentials", "{}");
    step(&b, 10);
    fake_answer(&b.fake, "auth.get_credentials",
                LIST(OF("AK2", "drover:d:k2") OF("AK7", "drover:d:k7") OF("OTHER", "drover:e:k7")));
    assert_string_equal(fake_body(&b.fake), "{\"access_key\":\"AK7\"}"); /* no row */
    fake_answer(&b.fake, "auth.revoke_credentials", "{}");
    step(&b, 10);
    fake_answer(&b.fake, "auth.get_credentials",
                LIST(OF("AK2", "drover:d:k2") OF("OTHER", "drover:e:k7")));
    assert_int_equal(b.fake.call_count, 0);
    assert_true(b.keys.swept);
    teardown(&b);
}

static void nothing_is_swept_while_the_ledger_blocks(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "revoked", "");
    b.state.blocked = "machines of another ledger are there";
    step(&b, 0);
    step(&b, 700000);
    assert_int_equal(b.fake.call_count, 0);
    teardown(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_minted_proved_and_sealed),
        cmocka_unit_test(a_lost_reply_costs_a_round),
        cmocka_unit_test(a_fresh_key_is_made_without_a_look),
        cmocka_unit_test(a_key_that_others_destroyed_is_made_again),
        cmocka_unit_test(a_key_that_came_too_late_is_revoked),
        cmocka_unit_test(a_user_who_may_not_is_told),
        cmocka_unit_test(revoking_goes_on_until_nothing_bears_the_label),
        cmocka_unit_test(the_sweep_takes_only_what_nobody_needs),
        cmocka_unit_test(nothing_is_swept_while_the_ledger_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
