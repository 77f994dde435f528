/* SPDX-License-Identifier: Apache-2.0 */
/* When `drover status` says that something waits which will not start, and when that something is
 * broken. */
#include "flock.h"

#include <cmocka.h>
#include <string.h>

static struct dr_queue_task task = {.task = "t", .added_us = 5};
static struct dr_queue_view queue = {
    .id = "q", .name = "gpu", .known = true, .waiting = {&task, 1}};
static struct dr_reason_view reason = {.queue = "gpu", .task = "", .sentence = "because"};
static struct dr_actor_view actor = {.actor = "planner", .state = "ready", .sentence = ""};
static struct dr_actors actors = {.actors = {&actor, 1}};
static struct dr_ledger_state state = {.blocked = ""};
static struct dr_picture picture = {.queues.queues = {&queue, 1},
                                    .server = {.state = "ok", .sentence = ""}};
static struct dr_plan plan = {.plan.reasons = {&reason, 1}};
static const struct flock flock = {
    .actors = &actors, .state = &state, .picture = &picture, .plan = &plan};

/* Every verdict of messages.def; money that is spent says "capped". */
static void every_verdict(void **unused)
{
    (void)unused;
    static const struct {
        const char *verdict;
        bool stuck;
    } rows[] = {
        {"served", false},   {"booting", false}, {"bought", false},
        {"settling", false}, {"capped", true},   {"blocked", true},
        {"paused", true},    {"no-type", true},  {"stale", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        reason.verdict = rows[i].verdict;
        if ((flock_waits(&flock).stuck > 0) != rows[i].stuck)
            fail_msg("%s", rows[i].verdict);
        queue.waiting.count = 0; /* nobody is in anybody's way */
        assert_int_equal(flock_waits(&flock).stuck, 0);
        queue.waiting.count = 1;
    }
    plan.plan.reasons.count = 0; /* enqueued a moment ago */
    assert_int_equal(flock_waits(&flock).stuck, 0);
    plan.plan.reasons.count = 1;
}

static void broken(const char *with, const char *words)
{
    char text[256];
    bool is = flock_broken(&flock, text, sizeof text);
    if (is != (words != NULL) || (words != NULL && strstr(text, words) == NULL))
        fail_msg("%s: %s", with, text);
}

static void everything_that_breaks(void **unused)
{
    (void)unused;
    static const char *const servers[] = {"down", "wrong-key", "broken"};
    broken("all is well", NULL);
    picture.server.state = "slow";
    broken("slow", NULL);
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        picture.server.state = servers[i];
        broken(servers[i], servers[i]);
    }
    picture.server.state = "ok";
    state.blocked = "another ledger's machines";
    broken("blocked", "another ledger's machines");
    state.blocked = "";
    actor.state = "failed";
    broken("an actor", "planner is failed");
    actor.state = "ready";
    broken("all is well again", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verdict),
        cmocka_unit_test(everything_that_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
