/* SPDX-License-Identifier: Apache-2.0 */
/* A machine that a person keeps is told so by a key in its queue, and told when that is over. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fake_port.h"
#include "keepflag.h"

struct world {
    struct fake fake;
    struct dr_machine_row machine;
    struct dr_ledger_state rows;
    struct claims claims;
};

static void world(struct world *w, int64_t keep_s)
{
    memset(w, 0, sizeof *w);
    fake_init(&w->fake);
    w->machine = (struct dr_machine_row){
        .id = "m1",
        .state = "up",
        .drain_queue = "q1",
        .instance_id = "i-1",
        .keep_until_us = keep_s == 0 ? 0 : w->fake.now.wall_us + keep_s * 1000000};
    w->rows = (struct dr_ledger_state){.seq = 1, .machines = {&w->machine, 1}};
    w->claims = (struct claims){.port = &w->fake.port, .rows = &w->rows};
}

static void hear(struct world *w, const char *metadata)
{
    json_t *data = json_pack("{s:[{s:s, s:o}]}", "queues", "id", "q1", "metadata",
                             json_loads(metadata, 0, NULL));
    keepflag_hear(&w->claims, data);
    json_decref(data);
}

static void done(struct world *w)
{
    fake_stop(&w->fake);
    claims_free(&w->claims);
    fake_free(&w->fake);
}

#define FLAG(value) "{\"drover.keep.i-1\":{\"value\":\"" value "\"}}"

static void it_is_written_until_it_is_read_back(void **state)
{
    (void)state;
    struct world w;
    world(&w, 3600);
    hear(&w, "{}");
    assert_string_equal(fake_body(&w.fake),
                        "{\"metadata\":[{\"key\":\"drover.keep.i-1\",\"type\":\"str\","
                        "\"value\":\"1800003600\"}],\"queue\":\"q1\"}");
    hear(&w, "{}"); /* under way */
    assert_int_equal(w.fake.call_count, 1);
    fake_fail(&w.fake, "queues.add_or_update_metadata", CLEARML_TIMEOUT, 0, "no answer");
    fake_sleep(&w.fake, CLAIM_RETRY_MS + 1);
    hear(&w, FLAG("1700000000")); /* of an earlier word */
    fake_answer(&w.fake, "queues.add_or_update_metadata", "{\"updated\":1}");
    hear(&w, FLAG("1800003600"));
    assert_int_equal(w.fake.call_count, 0);
    done(&w);
}

static void it_is_taken_away(void **state)
{
    (void)state;
    for (int why = 0; why < 3; why++) {
        struct world w;
        world(&w, 3600);
        if (why == 0)
            w.machine.keep_until_us = 0;
        else if (why == 1)
            fake_sleep(&w.fake, 3600000);
        else
            w.machine.ended_us = 5;
        hear(&w, FLAG("1800003600"));
        assert_string_equal(fake_body(&w.fake),
                            "{\"keys\":[\"drover.keep.i-1\"],\"queue\":\"q1\"}");
        fake_answer(&w.fake, "queues.delete_metadata", "{}");
        hear(&w, "{}");
        assert_int_equal(w.fake.call_count, 0);
        done(&w);
    }
}

static void nobody_kept_nothing_written(void **state)
{
    (void)state;
    struct world w;
    world(&w, 0);
    hear(&w, "{}");
    hear(&w, "{\"drover.keep.i-10\":{\"value\":\"1800003600\"}}");
    assert_int_equal(w.fake.call_count, 0);
    done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_written_until_it_is_read_back),
        cmocka_unit_test(it_is_taken_away),
        cmocka_unit_test(nobody_kept_nothing_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
