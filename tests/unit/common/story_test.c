/* SPDX-License-Identifier: Apache-2.0 */
/* A task's story in words: each way in which it can lose its machine, and what is shown of a log.
 */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "story.h"
#include "utf8.h"

#define US(minute) ((int64_t)(minute)*60000000) /* 1970-01-01 00:MM */

static const struct dr_machine_row machine = {.id = "m1",
                                              .type = "small",
                                              .instance_id = "i-1",
                                              .offering = "spot",
                                              .cause = "taken back",
                                              .drain_reason = "",
                                              .state = "gone",
                                              .up_us = US(1),
                                              .ended_us = US(2)};

#define RECOVERY(of, how, where) \
    .kind = of, .mode = how, .step = where, .task = "t", .queue = "q", .note = "NOTE"

static void each_recovery_in_words(void **state)
{
    static const struct {
        struct dr_recovery_row row;
        const struct dr_machine_row *machine;
        const char *text;
    } cases[] = {
        {{RECOVERY("running", "continue", "done"), .machine = "m1", .settled_us = US(3)},
         &machine,
         "its machine i-1 (small, spot) ended at 1970-01-01 00:02 UTC; the task was put back into "
         "queue gpu at 1970-01-01 00:03 UTC (NOTE) and goes on, as the same task, on the next "
         "machine\n  why it ended: taken back\n"},
        {{RECOVERY("stopped", "reset", "done"), .machine = "m1", .settled_us = US(3)},
         NULL,
         "its machine m1 ended; the task was put back into queue gpu at 1970-01-01 00:03 UTC "
         "(NOTE) and begins anew on the next machine\n"},
        {{RECOVERY("popped", "continue", "done"), .machine = "m1", .settled_us = US(3)},
         &machine,
         "the machine that took it from its queue, i-1 (small, spot), ended at 1970-01-01 00:02 "
         "UTC before it began; the task was put back into queue gpu at 1970-01-01 00:03 UTC (NOTE) "
         "and begins on the next machine\n  why it ended: taken back\n"},
        {{RECOVERY("popped", "continue", "done"), .machine = "", .settled_us = US(3)},
         NULL,
         "it was taken out of its queue and nobody began it; the task was put back into queue gpu "
         "at 1970-01-01 00:03 UTC (NOTE) and begins on the next machine\n"},
        {{RECOVERY("running", "continue", "stopped"), .machine = ""},
         NULL,
         "the agent that took it was gone before it began; the task is being put back into queue "
         "gpu (so far: stopped)\n"},
        {{RECOVERY("running", "never", "done"), .machine = "m1", .settled_us = US(3)},
         NULL,
         "its machine m1 ended; the task stays as it is: NOTE\n"},
        {{RECOVERY("running", "continue", "dropped"), .machine = "m1", .settled_us = US(3)},
         NULL,
         "its machine m1 ended; the task was left as it is: NOTE\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[DR_STORY_ROOM];
        assert_string_equal(
            dr_story_recovery(&cases[i].row, cases[i].machine, "gpu", "", out, sizeof out),
            cases[i].text);
    }
}

static void a_story_ends_at_its_room_and_at_a_character(void **state)
{
    (void)state;
    const struct dr_recovery_row row = {RECOVERY("running", "continue", "done"), .machine = "é"};
    for (size_t room = 1; room < 200; room++) {
        char out[200];
        memset(out, 'x', sizeof out);
        dr_story_recovery(&row, NULL, "ü", "", out, room);
        assert_true(strlen(out) < room);
        for (size_t at = 0, n; at < strlen(out); at += n) {
            n = dr_utf8_char(out + at, strlen(out) - at);
            assert_true(n > 0);
        }
    }
}

static void a_launch_failed_when_it_was_wanted_and_never_up(void **state)
{
    static const struct {
        const char *state, *reason;
        int64_t up_us, ended_us;
        bool adopted, failed;
    } cases[] = {
        {"failed", "", 0, US(2), false, true},
        {"gone", "", 0, US(2), false, true},
        {"gone", "never-registered", 0, US(2), false, true},
        {"gone", "unfit", 0, US(2), false, true},
        {"gone", "notice", 0, US(2), false, true},
        {"gone", "surplus", 0, US(2), false, false},
        {"gone", "hand", 0, US(2), false, false},
        {"gone", "cap", 0, US(2), false, false},
        {"gone", "", US(1), US(2), false, false},
        {"gone", "", 0, US(2), true, false},
        {"cancelled", "", 0, US(2), false, false},
        {"booting", "", 0, 0, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct dr_machine_row row = {.state = cases[i].state,
                                           .drain_reason = cases[i].reason,
                                           .up_us = cases[i].up_us,
                                           .ended_us = cases[i].ended_us,
                                           .adopted = cases[i].adopted};
        assert_int_equal(dr_story_launch_failed(&row), cases[i].failed);
    }
}

static void a_launch_is_told_with_what_was_tried(void **state)
{
    (void)state;
    const char *ours[] = {"m0", "m1"}, *others[] = {"m2"};
    struct dr_attempt_row attempts[8];
    for (size_t i = 0; i < 8; i++)
        attempts[i] = (struct dr_attempt_row){.machines = {ours, 2},
                                              .offering = "zone",
                                              .state = "closed",
                                              .outcome = "refused",
                                              .sentence = "no room",
                                              .opened_us = US(10 + i),
                                              .closed_us = US(10 + i)};
    attempts[1].machines.items = others;
    attempts[1].machines.count = 1;
    attempts[7].outcome = "launched";
    attempts[7].sentence = "";
    const struct dr_attempt_row_list list = {attempts, 8};
    const struct dr_attempt_row *last;
    char out[DR_STORY_ROOM];
    assert_int_equal(dr_story_refusals(&machine, &list, &last), 6);
    assert_ptr_equal(last, &attempts[6]);
    assert_string_equal(dr_story_launch(&machine, &list, "tried again", "a\nb", out, sizeof out),
                        "a machine for its queue ended before it was ready: i-1 (small, spot), "
                        "given up at 1970-01-01 00:02 UTC\n  why: taken back\n"
                        "  tried: zone at 1970-01-01 00:13 UTC: refused: no room\n"
                        "  tried: zone at 1970-01-01 00:14 UTC: refused: no room\n"
                        "  tried: zone at 1970-01-01 00:15 UTC: refused: no room\n"
                        "  tried: zone at 1970-01-01 00:16 UTC: refused: no room\n"
                        "  tried: zone at 1970-01-01 00:17 UTC: launched\n"
                        "  next: tried again\n  the end of its log:\n    | a\n    | b\n");
}

static void a_tail_keeps_the_newest_lines(void **state)
{
    char tail[DR_TAIL_ROOM] = "", line[32];
    (void)state;
    for (int i = 1; i <= 50; i++) {
        snprintf(line, sizeof line, "line %d\n", i);
        dr_story_tail(tail, line);
    }
    assert_memory_equal(tail, "line 31\nline 32\n", 16);
    assert_string_equal(tail + strlen(tail) - 16, "line 49\nline 50\n");
    dr_story_tail(tail, "half");
    dr_story_tail(tail, " a line");
    assert_memory_equal(tail, "line 32\n", 8);
    assert_non_null(strstr(tail, "line 50\nhalf a line"));
}

static void a_tail_has_its_room_and_is_text(void **state)
{
    char tail[DR_TAIL_ROOM] = "", big[3 * DR_TAIL_ROOM];
    (void)state;
    for (size_t i = 0; i + 2 < sizeof big; i += 2) /* one line without an end, of two bytes each */
        memcpy(big + i, "é", 3);
    dr_story_tail(tail, big);
    assert_true(strlen(tail) < DR_TAIL_ROOM && strlen(tail) > DR_TAIL_ROOM - 8);
    assert_int_equal(dr_utf8_char(tail, strlen(tail)), 2);
    tail[0] = '\0';
    dr_story_tail(tail, "\033[31mred\033[0m\r\nbell\a tab\t \xff\xc3(\033");
    assert_string_equal(tail, "red\nbell tab\t (");
    for (size_t i = 0; i < 30; i++) { /* many long lines: whole ones */
        memset(big, 'a' + (int)(i % 26), 500);
        strcpy(big + 500, "\n");
        dr_story_tail(tail, big);
    }
    assert_true(strlen(tail) < DR_TAIL_ROOM);
    assert_int_equal(strlen(tail) % 501, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_recovery_in_words),
        cmocka_unit_test(a_story_ends_at_its_room_and_at_a_character),
        cmocka_unit_test(a_launch_failed_when_it_was_wanted_and_never_up),
        cmocka_unit_test(a_launch_is_told_with_what_was_tried),
        cmocka_unit_test(a_tail_keeps_the_newest_lines),
        cmocka_unit_test(a_tail_has_its_room_and_is_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
