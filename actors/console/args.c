/* SPDX-License-Identifier: Apache-2.0 */
#include "args.h"

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "complete.h"
#include "near.h"

struct check {
    const struct command *command;
    struct complete_item items[COMPLETE_MAX];
    size_t count;
    bool given[COMPLETE_MAX];
    char *err;
    size_t err_len;
};

static size_t find_option(const struct check *check, const char *name, size_t len)
{
    for (size_t i = 0; i < check->count; i++) {
        const char *option = check->items[i].option;
        if (*option != '\0' && strlen(option) == len && strncmp(option, name, len) == 0)
            return i;
    }
    return check->count;
}

/* "--mode=idle" becomes two words. */
static void take_apart(const struct check *check, int *argc, char **argv)
{
    for (int i = 0; i < *argc; i++) {
        char *equals = strncmp(argv[i], "--", 2) == 0 ? strchr(argv[i], '=') : NULL;
        if (equals == NULL)
            continue;
        size_t at = find_option(check, argv[i], (size_t)(equals - argv[i]));
        if (at == check->count || !check->items[at].takes)
            continue;
        memmove(argv + i + 2, argv + i + 1, (size_t)(*argc - i - 1) * sizeof *argv);
        *equals = '\0';
        argv[++i] = equals + 1;
        (*argc)++;
    }
}

static bool no_option(const struct check *check, const char *word)
{
    struct near near = near_begin(word);
    for (size_t i = 0; i < check->count; i++)
        near_offer(&near, check->items[i].option);
    near_offer(&near, "--json");
    near_offer(&near, "--help");
    snprintf(check->err, check->err_len, "%s has no option %s%s%s%s", check->command->name, word,
             near.best == NULL ? "" : "; did you mean ", near.best == NULL ? "" : near.best,
             near.best == NULL ? "" : "?");
    return false;
}

/* Lower-case words only: where there are figures it is an example of a form. */
static bool is_closed(const struct complete_item *item)
{
    return item->kind == COMPLETE_WORDS && strpbrk(item->words, "0123456789") == NULL;
}

static bool among(const struct complete_item *item, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = item->words; *at != '\0';) {
        size_t n = strcspn(at, " ");
        if (n == len && strncmp(at, word, n) == 0)
            return true;
        at += n + (at[n] == ' ');
    }
    return false;
}

static bool value_fits(const struct check *check, const struct complete_item *item,
                       const char *word)
{
    char meant[96], words[96];
    struct near near = near_begin(word);
    if (!is_closed(item) || among(item, word))
        return true;
    near_offer_words(&near, item->words, meant, sizeof meant);
    snprintf(words, sizeof words, "%s", item->words);
    for (char *at = words; *at != '\0'; at++)
        if (*at == ' ')
            *at = '|';
    snprintf(check->err, check->err_len, "%s%s%s knows no \"%s\": it is %s%s%s%s",
             check->command->name, *item->option == '\0' ? "" : " ", item->option, word, words,
             near.best == NULL ? "" : "; did you mean ", near.best == NULL ? "" : near.best,
             near.best == NULL ? "" : "?");
    return false;
}

/* The next operand that the table has; the last one may take more words where it says "...". */
static bool take_operand(struct check *check, const char *word)
{
    for (size_t i = 0; i < check->count; i++) {
        if (*check->items[i].option != '\0' || check->given[i])
            continue;
        check->given[i] = true;
        return value_fits(check, &check->items[i], word);
    }
    if (strstr(check->command->arguments, "...") != NULL)
        return true;
    snprintf(check->err, check->err_len, "%s does not take \"%s\"", check->command->name, word);
    return false;
}

static bool take_option(struct check *check, int argc, char **argv, int *i)
{
    size_t at = find_option(check, argv[*i], strlen(argv[*i]));
    if (at == check->count)
        return no_option(check, argv[*i]);
    const struct complete_item *item = &check->items[at];
    if (check->given[at]) {
        snprintf(check->err, check->err_len, "%s is given twice", item->option);
        return false;
    }
    check->given[at] = true;
    if (!item->takes)
        return true;
    if (*i + 1 == argc) {
        snprintf(check->err, check->err_len, "%s needs a value: %s", item->option, item->name);
        return false;
    }
    return value_fits(check, item, argv[++*i]);
}

bool args_check(const struct command *command, int *argc, char **argv, char *err, size_t err_len)
{
    struct check check = {.command = command, .err = err, .err_len = err_len};
    check.count = complete_parse(command->arguments, check.items);
    take_apart(&check, argc, argv);
    for (int i = 0; i < *argc; i++) {
        bool option = argv[i][0] == '-' && argv[i][1] != '\0';
        bool good = option ? take_option(&check, *argc, argv, &i) : take_operand(&check, argv[i]);
        if (!good)
            return false;
    }
    for (size_t i = 0; i < check.count; i++) {
        if (!check.items[i].needed || check.given[i])
            continue;
        snprintf(err, err_len, "%s needs %s%s%s", command->name, check.items[i].option,
                 *check.items[i].option == '\0' ? "" : " ", check.items[i].name);
        return false;
    }
    return true;
}
