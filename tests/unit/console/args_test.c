/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a line that is wrong, and what a person meant. */
#include "args.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "near.h"

static const struct command drain = {.name = "drain",
                                     .arguments = "MACHINE [--mode after-task|idle|now] [--yes]"};
static const struct command keep = {.name = "keep", .arguments = "MACHINE 2h|off"};
static const struct command adopt = {.name = "adopt", .arguments = "--spent DOLLARS [--yes]"};
static const struct command token = {.name = "token", .arguments = "link|add ... [--role a|b]"};
static const struct command status = {.name = "status", .arguments = ""};

static void every_line(void **unused)
{
    static const struct {
        const struct command *command;
        const char *words[4];
        const char *err; /* NULL: it is right */
    } rows[] = {
        {&status, {0}, NULL},
        {&status, {"now"}, "status does not take \"now\""},
        {&status, {"--al"}, "status has no option --al"},
        {&drain, {"m1"}, NULL},
        {&drain, {"m1", "--mode", "idle"}, NULL},
        {&drain, {"--mode=now", "m1"}, NULL},
        {&drain, {"-"}, NULL},
        {&drain, {0}, "drain needs MACHINE"},
        {&drain, {"m1", "m2"}, "drain does not take \"m2\""},
        {&drain, {"m1", "--mode"}, "--mode needs a value: after-task|idle|now"},
        {&drain,
         {"m1", "--mode=idel"},
         "drain --mode knows no \"idel\": it is after-task|idle|now; did you mean idle?"},
        {&drain, {"m1", "--mod", "now"}, "drain has no option --mod; did you mean --mode?"},
        {&drain, {"m1", "--yes=1"}, "drain has no option --yes=1; did you mean --yes?"},
        {&drain, {"--yes", "--yes"}, "--yes is given twice"},
        {&keep, {"m1", "90m"}, NULL}, /* 2h is an example */
        {&keep, {"m1"}, "keep needs 2h|off"},
        {&adopt, {"--spent", "-1"}, NULL}, /* whether it is an amount is adopt's to say */
        {&adopt, {"--yes"}, "adopt needs --spent DOLLARS"},
        {&token, {"add", "x", "--role", "b"}, NULL},
        {&token, {"ad"}, "token knows no \"ad\": it is link|add; did you mean add?"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char copies[4][64], *argv[9] = {0}, err[400] = "";
        int argc = 0;
        for (; argc < 4 && rows[i].words[argc] != NULL; argc++) {
            snprintf(copies[argc], sizeof copies[argc], "%s", rows[i].words[argc]);
            argv[argc] = copies[argc];
        }
        bool good = args_check(rows[i].command, &argc, argv, err, sizeof err);
        if (good != (rows[i].err == NULL) || (!good && strcmp(err, rows[i].err) != 0))
            fail_msg("row %zu: %d, \"%s\"", i, (int)good, err);
    }
}

static void an_option_is_taken_apart(void **unused)
{
    char mode[] = "--mode=now", machine[] = "m1", err[200];
    char *argv[5] = {mode, machine};
    int argc = 2;
    (void)unused;
    assert_true(args_check(&drain, &argc, argv, err, sizeof err));
    assert_int_equal(argc, 3);
    assert_string_equal(argv[0], "--mode");
    assert_string_equal(argv[1], "now");
    assert_string_equal(argv[2], "m1");
}

static void what_was_meant(void **unused)
{
    static const struct {
        const char *word, *names[4], *best;
    } rows[] = {
        {"stauts", {"status", "stop"}, "status"}, /* neighbours exchanged */
        {"gup", {"gpu", "cpu"}, "gpu"},
        {"mchines", {"machines", "cost"}, "machines"}, /* one left out */
        {"hist", {"why", "history"}, "history"},       /* the beginning of it */
        {"xyz", {"why", "top"}, NULL},
        {"tpo", {"tap", "top"}, "top"},
        {"", {"a"}, NULL},
        {"a", {"", "b"}, "b"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct near near = near_begin(rows[i].word);
        for (size_t n = 0; n < 4 && rows[i].names[n] != NULL; n++)
            near_offer(&near, rows[i].names[n]);
        near_offer(&near, NULL);
        if ((near.best == NULL) != (rows[i].best == NULL) ||
            (near.best != NULL && strcmp(near.best, rows[i].best) != 0))
            fail_msg("%s: %s", rows[i].word, near.best == NULL ? "none" : near.best);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line),
        cmocka_unit_test(an_option_is_taken_apart),
        cmocka_unit_test(what_was_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
