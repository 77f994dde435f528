/* SPDX-License-Identifier: Apache-2.0
 *
 * The reaper's core: rows, pictures and lists in, decisions out.
 */
#include <cmocka.h>
#include <string.h>

#include "world.h"

static void test_asks_for_state_first(void **state)
{
    struct world *world = *state;
    step(world, (struct reap_event){.kind = REAP_TICK});
    assert_non_null(effect(world, REAP_DO_SNAPSHOT));
    assert_non_null(effect(world, REAP_DO_PICTURE));
    step(world, (struct reap_event){.kind = REAP_TICK});
    assert_null(effect(world, REAP_DO_SNAPSHOT)); /* one at a time */
    snapshot(world);
    step(world, (struct reap_event){.kind = REAP_TICK});
    assert_string_equal(effect(world, REAP_DO_CLOUD)->id, "local");
    step(world, (struct reap_event){.kind = REAP_GAP});
    assert_non_null(effect(world, REAP_DO_SNAPSHOT));
}

static void test_idle_machine_goes_on_time(void **state)
{
    struct world *world = *state;
    idle_since(world, WALL_ZERO_US);
    snapshot(world);
    live(world, 59 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
    live(world, 2 * S);
    const struct reap_effect *drain = effect(world, REAP_DO_DRAIN);
    assert_non_null(drain);
    assert_string_equal(drain->mode, "idle");
    assert_string_equal(drain->reason, "idle");
    assert_int_equal(drain->version, 1);
}

static void test_kept_machine_stays(void **state)
{
    struct world *world = *state;
    idle_since(world, WALL_ZERO_US);
    world->row.keep_until_us = WALL_ZERO_US + 200LL * S * 1000;
    snapshot(world);
    live(world, 195 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
    world->row.keep_until_us *= !world->let_go;
    world->let_go ? tell_row(world) : live(world, 10 * S);
    assert_string_equal(effect(world, REAP_DO_DRAIN)->reason, "idle");
}

static void test_kept_machine_is_let_go(void **state)
{
    ((struct world *)*state)->let_go = true;
    test_kept_machine_stays(state);
}

static void test_one_decision_at_a_time(void **state)
{
    struct world *world = *state;
    idle_since(world, WALL_ZERO_US);
    snapshot(world);
    live(world, 70 * S);
    assert_non_null(effect(world, REAP_DO_DRAIN));
    live(world, 20 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
    snapshot(world); /* the answers to what was asked until now: at the beginning, and then */
    snapshot(world);
    step(world, (struct reap_event){.kind = REAP_ANSWERED, .id = "m1", .ok = false});
    assert_non_null(effect(world, REAP_DO_SNAPSHOT)); /* conflict: look again */
    live(world, 20 * S);
    assert_non_null(effect(world, REAP_DO_DRAIN));
}

static void test_waiting_work_keeps_it(void **state)
{
    struct world *world = *state;
    idle_since(world, WALL_ZERO_US);
    world->waiting = 1;
    snapshot(world);
    live(world, 200 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
}

/* P21: the task of a spot machine that is being taken back comes as soon as that one's end is
 * confirmed; the machine that was started for it waits. */
static void test_work_that_is_coming_keeps_it(void **state)
{
    struct world *world = *state;
    static const char *const elsewhere[] = {"q2"};
    idle_since(world, WALL_ZERO_US);
    world->other = world->row;
    world->other.id = "m2";
    world->other.instance_id = "i-2";
    world->other.state = "terminating"; /* of a draining one more would be decided */
    world->other.drain_mode = "now";
    world->other.drain_reason = "notice";
    snapshot(world);
    live(world, 200 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
    world->other.version++;
    world->other.queues = (struct dr_strs){.items = elsewhere, .count = 1};
    snapshot(world);
    live(world, 20 * S); /* nothing was put back */
    assert_null(effect(world, REAP_DO_DRAIN));
    live(world, 20 * S);
    assert_non_null(effect(world, REAP_DO_DRAIN));
    assert_string_equal(effect(world, REAP_DO_DRAIN)->id, "m1");
}

static void test_settling_and_outage_keep_it(void **state)
{
    struct world *world = *state;
    struct dr_server_changed down = {.state = "down", .sentence = "", .since_us = 1};
    idle_since(world, WALL_ZERO_US);
    world->settling = true;
    snapshot(world);
    live(world, 200 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
    world->settling = false;
    step(world, (struct reap_event){.kind = REAP_SERVER, .server = &down});
    live(world, 200 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
    down.state = "ok";
    step(world, (struct reap_event){.kind = REAP_SERVER, .server = &down});
    assert_non_null(effect(world, REAP_DO_DRAIN));
}

static void test_stale_pictures_keep_it(void **state)
{
    struct world *world = *state;
    idle_since(world, WALL_ZERO_US);
    snapshot(world);
    live(world, 30 * S);
    for (int i = 0; i < 200; i++) { /* no pictures any more */
        world->now.boot_ms += S;
        world->now.wall_us += S * 1000;
        step(world, (struct reap_event){.kind = REAP_TICK});
        assert_null(effect(world, REAP_DO_DRAIN));
    }
}

/* A refused drain leaves a row that is `up` and a picture from before: that picture is not enough.
 */
static void test_picture_from_before_does_not_count(void **state)
{
    struct world *world = *state;
    idle_since(world, WALL_ZERO_US - 100 * 1000000);
    world->row.state = "draining";
    world->row.drain_mode = "idle";
    snapshot(world);
    live(world, 10 * S);
    world->row.state = "up";
    world->row.drain_mode = "";
    world->row.state_since_us = world->now.wall_us;
    tell_row(world);
    assert_null(effect(world, REAP_DO_DRAIN));
    world->now.boot_ms += S;
    world->now.wall_us += S * 1000;
    step(world, (struct reap_event){.kind = REAP_TICK});
    assert_null(effect(world, REAP_DO_DRAIN));
    pictures(world);
    assert_non_null(effect(world, REAP_DO_DRAIN));
}

/* P8: the wall clock jumps ahead by an hour: nothing ends for a minute, and idle times stand. */
static void test_clock_jump_makes_a_quiet_minute(void **state)
{
    struct world *world = *state;
    idle_since(world, WALL_ZERO_US);
    snapshot(world);
    live(world, 30 * S);
    world->now.wall_us += 3600 * 1000000LL;
    live(world, 1 * S);
    live(world, 58 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
    live(world, 3 * S);
    assert_non_null(effect(world, REAP_DO_DRAIN));
}

static void test_standstill_makes_a_quiet_minute(void **state)
{
    struct world *world = *state;
    idle_since(world, WALL_ZERO_US);
    snapshot(world);
    live(world, 30 * S);
    world->now.boot_ms += 600 * S;
    world->now.wall_us += 600 * S * 1000LL;
    pictures(world); /* arrives before the tick that sees the gap */
    assert_null(effect(world, REAP_DO_DRAIN));
    step(world, (struct reap_event){.kind = REAP_TICK});
    assert_non_null(effect(world, REAP_DO_TELL));
    live(world, 58 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
    live(world, 5 * S);
    assert_non_null(effect(world, REAP_DO_DRAIN));
}

static void booting(struct world *world)
{
    world->row.state = "booting";
    world->row.up_us = 0;
    world->with_worker = false;
}

static void test_never_registered(void **state)
{
    struct world *world = *state;
    booting(world);
    snapshot(world);
    live(world, 119 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
    live(world, 5 * S);
    assert_string_equal(effect(world, REAP_DO_DRAIN)->reason, "never-registered");
    step(world, (struct reap_event){.kind = REAP_ANSWERED, .id = "m1", .ok = true});
    world->row.state = "draining";
    world->row.drain_mode = "now";
    world->row.drain_reason = "never-registered";
    world->row.state_since_us = world->now.wall_us;
    tell_row(world); /* no acknowledgement is waited for */
    assert_non_null(effect(world, REAP_DO_TERMINATE));
}

/* An outage in the middle of the spin-up: its worker had no way to be seen. */
static void test_outage_during_boot_starts_the_time_anew(void **state)
{
    struct world *world = *state;
    booting(world);
    snapshot(world);
    live(world, 60 * S);
    world->settling = true;
    live(world, 30 * S);
    world->settling = false;
    live(world, 115 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
    live(world, 15 * S);
    assert_non_null(effect(world, REAP_DO_DRAIN));
}

static void test_silent_by_report_age(void **state)
{
    struct world *world = *state;
    world->worker.task = "t1";
    snapshot(world);
    live(world, 100 * S);
    for (int i = 0; i < 320 && !effect(world, REAP_DO_DRAIN); i++) {
        world->worker.report_age_ms += S;
        live(world, S);
        assert_true(i >= 298 || !effect(world, REAP_DO_DRAIN));
    }
    assert_string_equal(effect(world, REAP_DO_DRAIN)->reason, "silent");
    assert_string_equal(effect(world, REAP_DO_DRAIN)->mode, "now");
}

static void test_vanished_worker_is_silent_later(void **state)
{
    struct world *world = *state;
    snapshot(world);
    live(world, 100 * S);
    world->with_worker = false; /* P3: absence is no evidence of anything now */
    live(world, 298 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
    live(world, 5 * S);
    assert_string_equal(effect(world, REAP_DO_DRAIN)->reason, "silent");
}

static void draining(struct world *world, const char *mode)
{
    world->row.state = "draining";
    world->row.drain_mode = mode;
    world->row.drain_reason = "idle";
    world->row.state_since_us = world->now.wall_us;
}

static void test_acknowledged_is_terminated_at_once(void **state)
{
    struct world *world = *state;
    draining(world, "idle");
    snapshot(world);
    live(world, 3 * S);
    world->row.drain_acked_us = world->now.wall_us;
    tell_row(world);
    assert_non_null(effect(world, REAP_DO_TERMINATE));
}

/* Its word is enough: at once, also while the server is away and whatever a picture shows. */
static void test_unfit_is_terminated_at_once(void **state)
{
    struct world *world = *state;
    snapshot(world);
    live(world, 3 * S);
    world->settling = true;
    live(world, 3 * S);
    draining(world, "now");
    world->row.drain_reason = "unfit";
    world->row.cause = "3 of 4 GPUs";
    tell_row(world);
    const struct reap_effect *out = effect(world, REAP_DO_TERMINATE);
    assert_non_null(out);
    assert_int_equal(out->version, world->row.version);
    assert_non_null(strstr(out->sentence, "3 of 4 GPUs"));
}

/* P14: two polls, the grace, and a picture requested after that. */
static void test_unacknowledged_idle_drain(void **state)
{
    struct world *world = *state;
    draining(world, "idle");
    idle_since(world, WALL_ZERO_US);
    snapshot(world);
    live(world, 50 * S);
    assert_null(effect(world, REAP_DO_TERMINATE));
    live(world, 2 * S);
    assert_non_null(effect(world, REAP_DO_TERMINATE));
}

static void test_busy_drain_waits_for_the_guard(void **state)
{
    struct world *world = *state;
    draining(world, "idle");
    world->worker.task = "t1";
    snapshot(world);
    live(world, 300 * S);
    assert_null(effect(world, REAP_DO_TERMINATE));
}

static void test_now_drain_has_a_deadline(void **state)
{
    struct world *world = *state;
    draining(world, "now");
    world->worker.task = "t1";
    snapshot(world);
    live(world, 59 * S);
    assert_null(effect(world, REAP_DO_TERMINATE));
    live(world, 2 * S);
    assert_non_null(effect(world, REAP_DO_TERMINATE));
}

static void test_age(void **state)
{
    struct world *world = *state;
    world->type.max_life_ms = 100 * S;
    world->worker.task = "t1";
    snapshot(world);
    live(world, 94 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
    live(world, 2 * S);
    assert_string_equal(effect(world, REAP_DO_DRAIN)->mode, "after-task");
}

static void test_absent_is_only_told_and_once(void **state)
{
    struct world *world = *state;
    int told = 0;
    world->row.state = "absent";
    snapshot(world);
    for (int i = 0; i < 400; i++) {
        live(world, S);
        assert_null(effect(world, REAP_DO_DRAIN));
        assert_null(effect(world, REAP_DO_TERMINATE));
        world->now.boot_ms += 1;
        step(world, (struct reap_event){.kind = REAP_TICK});
        told += effect(world, REAP_DO_TELL) != NULL;
        world->now.boot_ms += S;
        world->now.wall_us += S * 1000;
        step(world, (struct reap_event){.kind = REAP_TICK});
        told += effect(world, REAP_DO_TELL) != NULL;
    }
    assert_int_equal(told, 1);
}

static void test_neighbour_of_a_similar_id(void **state)
{
    struct world *world = *state;
    idle_since(world, WALL_ZERO_US);
    world->worker.instance_id = "i-10"; /* not i-1 */
    snapshot(world);
    live(world, 100 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
}

static void test_gone_rows_are_forgotten(void **state)
{
    struct world *world = *state;
    idle_since(world, WALL_ZERO_US);
    snapshot(world);
    world->row.state = "gone";
    tell_row(world);
    live(world, 100 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
}

static void test_row_behind_a_gone_one_is_known(void **state)
{
    struct world *world = *state;
    world->other = world->row;
    world->other.id = "m2";
    world->other.instance_id = world->worker.instance_id = "i-2";
    world->other.idle_since_us = WALL_ZERO_US - 100 * 1000000;
    snapshot(world);
    world->row.state = "gone";
    tell_row(world);
    world->row = world->other;
    world->row.state = "gone";
    tell_row(world);
    live(world, 5 * S);
    assert_null(effect(world, REAP_DO_DRAIN));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_asks_for_state_first),
        TEST(test_idle_machine_goes_on_time),
        TEST(test_kept_machine_stays),
        TEST(test_kept_machine_is_let_go),
        TEST(test_one_decision_at_a_time),
        TEST(test_waiting_work_keeps_it),
        TEST(test_work_that_is_coming_keeps_it),
        TEST(test_settling_and_outage_keep_it),
        TEST(test_stale_pictures_keep_it),
        TEST(test_picture_from_before_does_not_count),
        TEST(test_clock_jump_makes_a_quiet_minute),
        TEST(test_standstill_makes_a_quiet_minute),
        TEST(test_never_registered),
        TEST(test_outage_during_boot_starts_the_time_anew),
        TEST(test_silent_by_report_age),
        TEST(test_vanished_worker_is_silent_later),
        TEST(test_acknowledged_is_terminated_at_once),
        TEST(test_unfit_is_terminated_at_once),
        TEST(test_unacknowledged_idle_drain),
        TEST(test_busy_drain_waits_for_the_guard),
        TEST(test_now_drain_has_a_deadline),
        TEST(test_age),
        TEST(test_absent_is_only_told_and_once),
        TEST(test_neighbour_of_a_similar_id),
        TEST(test_gone_rows_are_forgotten),
        TEST(test_row_behind_a_gone_one_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
