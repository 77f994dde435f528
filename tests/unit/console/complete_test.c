/* SPDX-License-Identifier: Apache-2.0 */
/* What may follow a command, out of the words that the help prints. */
#include "complete.h"

#include <cmocka.h>
#include <string.h>

static void every_form(void **unused)
{
    (void)unused;
    static const struct {
        const char *arguments;
        size_t count;
        struct complete_item items[3];
    } rows[] = {
        {.arguments = ""},
        {"[--all]", 1, {{"--all", false, COMPLETE_NOTHING, "", "--all", false}}},
        {"TASK", 1, {{"", false, COMPLETE_NAMES, "tasks", "TASK", true}}},
        {"[TASK|MACHINE] [--by WHAT] [--since 7d]",
         3,
         {{"", false, COMPLETE_NAMES, "tasks machines", "TASK|MACHINE", false},
          {"--by", true, COMPLETE_WORDS, "queue type project user task machine day", "WHAT", false},
          {"--since", true, COMPLETE_NOTHING, "", "7d", false}}},
        {"MACHINE [--mode after-task|idle|now]",
         2,
         {{"", false, COMPLETE_NAMES, "machines", "MACHINE", true},
          {"--mode", true, COMPLETE_WORDS, "after-task idle now", "after-task|idle|now", false}}},
        {"[MACHINE] [--by-hand]",
         2,
         {{"", false, COMPLETE_NAMES, "machines", "MACHINE", false},
          {"--by-hand", false, COMPLETE_NOTHING, "", "--by-hand", false}}},
        {"FILE|TASK_ID [--out FILE] [--take-over]",
         3,
         {{"", false, COMPLETE_FILES, "", "FILE|TASK_ID", true},
          {"--out", true, COMPLETE_FILES, "", "FILE", false},
          {"--take-over", false, COMPLETE_NOTHING, "", "--take-over", false}}},
        {"[--dir DIR] [--answers FILE.json [--secrets FILE]]",
         3,
         {{"--dir", true, COMPLETE_FILES, "", "DIR", false},
          {"--answers", true, COMPLETE_FILES, "", "FILE.json", false},
          {"--secrets", true, COMPLETE_FILES, "", "FILE", false}}},
        {"link|add ...", 1, {{"", false, COMPLETE_WORDS, "link add", "link|add", true}}},
        {"--spent DOLLARS [--yes]",
         2,
         {{"--spent", true, COMPLETE_NOTHING, "", "DOLLARS", true},
          {"--yes", false, COMPLETE_NOTHING, "", "--yes", false}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct complete_item items[COMPLETE_MAX];
        size_t count = complete_parse(rows[i].arguments, items);
        if (count != rows[i].count)
            fail_msg("%s: %zu items", rows[i].arguments, count);
        for (size_t n = 0; n < count; n++) {
            const struct complete_item *want = &rows[i].items[n];
            if (strcmp(items[n].option, want->option) != 0 || items[n].takes != want->takes ||
                items[n].kind != want->kind || strcmp(items[n].words, want->words) != 0 ||
                strcmp(items[n].name, want->name) != 0 || items[n].needed != want->needed)
                fail_msg("%s: item %zu is %s, %d, %d, \"%s\"", rows[i].arguments, n,
                         items[n].option, items[n].takes, (int)items[n].kind, items[n].words);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_form)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
