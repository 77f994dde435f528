/* SPDX-License-Identifier: Apache-2.0 */
#include "config_value.h"

#include <cmocka.h>

#include "config_table.h"

static void whole_numbers(void **state)
{
    (void)state;
    int64_t value;
    assert_true(cfg_value_int("0", &value) && value == 0);
    assert_true(cfg_value_int("-12", &value) && value == -12);
    assert_true(cfg_value_int("999999999999999999", &value) && value == 999999999999999999);
    static const char *const wrong[] = {
        "", "-", "+1", "1.0", "1 ", " 1", "0x10", "1e3", "9999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(cfg_value_int(wrong[i], &value));
}

static void durations(void **state)
{
    (void)state;
    int64_t ms;
    assert_true(cfg_value_duration("250ms", &ms) && ms == 250);
    assert_true(cfg_value_duration("90s", &ms) && ms == 90000);
    assert_true(cfg_value_duration("15m", &ms) && ms == 900000);
    assert_true(cfg_value_duration("2h", &ms) && ms == 7200000);
    assert_true(cfg_value_duration("7d", &ms) && ms == 604800000);
    static const char *const wrong[] = {"",   "5",   "s",    "1.5h",        "5 s",
                                        "5S", "-5s", "5min", "99999999999s"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(cfg_value_duration(wrong[i], &ms));
}

static void a_shown_duration_reads_back(void **state)
{
    (void)state;
    static const int64_t some[] = {0, 1, 250, 1000, 1500, 90000, 3600000, 86400000 * 7LL, 61000};
    char text[32];
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        int64_t back;
        cfg_value_show_duration(some[i], text, sizeof text);
        assert_true(cfg_value_duration(text, &back));
        assert_int_equal(back, some[i]);
    }
    assert_string_equal(cfg_value_show_duration(900000, text, sizeof text), "15m");
}

static void money(void **state)
{
    (void)state;
    int64_t micros;
    assert_true(cfg_value_usd("0.526", &micros) && micros == 526000);
    assert_true(cfg_value_usd("3", &micros) && micros == 3000000);
    assert_true(cfg_value_usd("1.000001", &micros) && micros == 1000001);
    static const char *const wrong[] = {"", "-1", ".5", "1.", "1.0000001", "$1", "1,5", "1e2"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(cfg_value_usd(wrong[i], &micros));
}

static void switches_and_names(void **state)
{
    (void)state;
    bool value;
    assert_true(cfg_value_bool("true", &value) && value);
    assert_true(cfg_value_bool("False", &value) && !value);
    assert_false(cfg_value_bool("yes", &value));
    assert_true(cfg_value_name("g5.xlarge_a-1"));
    assert_false(cfg_value_name(""));
    assert_false(cfg_value_name("a b"));
    assert_false(cfg_value_name("a:b"));
    assert_false(
        cfg_value_name("0123456789012345678901234567890123456789012345678901234567890123"));
    assert_true(cfg_value_is_word("a|bc|d", "bc"));
    assert_false(cfg_value_is_word("a|bc|d", "b"));
    assert_false(cfg_value_is_word("a|bc|d", "bc|d"));
    assert_false(cfg_value_is_word("a|bc", ""));
}

static void names_of_secrets(void **state)
{
    (void)state;
    static const char *const secret[] = {"secret_key",   "password", "token",
                                         "GIT_PASSWORD", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY",
                                         "api_key"};
    static const char *const harmless[] = {"TOKENIZERS_PARALLELISM", "MAX_TOKENS", "keyboard",
                                           "passage", "priority"};
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        assert_true(cfg_value_names_secret(secret[i]));
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        assert_false(cfg_value_names_secret(harmless[i]));
}

/* What the table says by itself must be readable by the functions that read files. */
static void every_default_and_bound_of_the_table_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < cfg_section_count; i++) {
        for (size_t j = 0; j < cfg_sections[i]->field_count; j++) {
            const struct cfg_field *field = &cfg_sections[i]->fields[j];
            int64_t def = 0, min = 0, max = 0;
            bool flag;
            assert_true(field->meaning && *field->meaning);
            if (field->kind == CFG_INT || field->kind == CFG_DUR) {
                bool (*read)(const char *, int64_t *) =
                    field->kind == CFG_INT ? cfg_value_int : cfg_value_duration;
                assert_true(read(field->def, &def) && read(field->min, &min) &&
                            read(field->max, &max));
                assert_true(min <= def && def <= max);
            } else if (field->kind == CFG_USD) {
                assert_true(cfg_value_usd(field->def, &def));
            } else if (field->kind == CFG_BOOL) {
                assert_true(cfg_value_bool(field->def, &flag));
            } else if (field->kind == CFG_ENUM) {
                assert_true(*field->def == '\0' || cfg_value_is_word(field->words, field->def));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(durations),
        cmocka_unit_test(a_shown_duration_reads_back),
        cmocka_unit_test(money),
        cmocka_unit_test(switches_and_names),
        cmocka_unit_test(names_of_secrets),
        cmocka_unit_test(every_default_and_bound_of_the_table_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
