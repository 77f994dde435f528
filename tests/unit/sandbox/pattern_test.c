/* SPDX-License-Identifier: Apache-2.0 */
/* Python's expressions through the translation: what matches, what does not, what is malformed. */
#include "pattern.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *pattern, *yes, *no; /* NULL: not tried */
    bool ignore_case;
} cases[] = {
    {"alpha", "xalphax", "ALPHA", false},
    {"ALPHA", "alpha", "alph", true},
    {"^three steps(| #\\d+)$", "three steps #12", "three steps #", false},
    {"^three steps(| #\\d+)$", "three steps", "three stepss", false},
    {"^lab\\ pipes/\\.pipelines$", "lab pipes/.pipelines", "lab pipes/xpipelines", false},
    {"a.c", "abc", "ac", false},
    {"^a{2,3}$", "aaa", "aaaa", false},
    {"^a{x}$", "a{x}", "a", false},
    {"^[\\w.-]+$", "a_b.c-d", "a b", false},
    {"^[^\\d]+$", "abc", "a1", false},
    {"^[]a]+$", "a]", "b", false},
    {"^[\\]\\[]+$", "[]", "a", false},
    {"^[\\^]$", "^", "a", false},
    {"^[a^]$", "^", "b", false},
    {"^[-a]$", "-", "b", false},
    {"^\\S+\\s\\S+$", "a b", "ab", false},
    {"^(?:ab)+?$", "abab", "aba", false},
    {"(?P<x>ab)\\1", "abab", "abba", false},
    {"(?i)ABC", "abc", "abd", false},
    {"\\bcat\\b", "a cat.", "concat", false},
    {"needle|ALPHA", "a needle here", "nail", true},
    {"a\\\\b", "a\\b", "ab", false},
    {"", "anything", NULL, false},
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char error[200] = "";
        struct pattern *p =
            pattern_new(cases[i].pattern, cases[i].ignore_case, error, sizeof error);
        if (!p)
            fail_msg("%s: %s", cases[i].pattern, error);
        if (cases[i].yes && !pattern_matches(p, cases[i].yes))
            fail_msg("%s does not match %s", cases[i].pattern, cases[i].yes);
        if (cases[i].no && pattern_matches(p, cases[i].no))
            fail_msg("%s matches %s", cases[i].pattern, cases[i].no);
        pattern_free(p);
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {"(",   ")",  "[a",  "*a",    "a**",
                                      "a|*", "\\", "\\q", "(?=a)", "(?"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char error[200] = "";
        struct pattern *p = pattern_new(bad[i], false, error, sizeof error);
        if (p)
            fail_msg("%s is taken", bad[i]);
        assert_true(strlen(error) > 0);
    }
    pattern_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_matches),
                                       cmocka_unit_test(test_malformed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
