/* SPDX-License-Identifier: Apache-2.0 */
#include "pick.h"

#include <stdio.h>
#include <string.h>

#define MOST_MS (366LL * 24 * 3600 * 1000)
#define MOST_USD 1000000000LL

bool pick_is_over(const struct dr_machine_row *machine)
{
    return strcmp(machine->state, "gone") == 0 || strcmp(machine->state, "cancelled") == 0 ||
           strcmp(machine->state, "failed") == 0;
}

bool pick_begins(const struct dr_machine_row *machine, const char *word)
{
    size_t len = strlen(word);
    return strncmp(machine->id, word, len) == 0 || strncmp(machine->instance_id, word, len) == 0;
}

enum pick pick_machine(const struct dr_ledger_state *state, const char *word,
                       const struct dr_machine_row **out)
{
    size_t live = 0, all = 0;
    const struct dr_machine_row *only_live = NULL, *only = NULL;
    *out = NULL;
    if (*word == '\0')
        return PICK_NONE;
    for (size_t i = 0; i < state->machines.count; i++) {
        const struct dr_machine_row *machine = &state->machines.items[i];
        if (strcmp(machine->id, word) == 0 || strcmp(machine->instance_id, word) == 0) {
            *out = machine;
            return PICK_ONE;
        }
        if (!pick_begins(machine, word))
            continue;
        all++;
        only = machine;
        if (pick_is_over(machine))
            continue;
        live++;
        only_live = machine;
    }
    if (all == 0)
        return PICK_NONE;
    *out = live == 1 ? only_live : all == 1 ? only : NULL;
    return *out != NULL ? PICK_ONE : PICK_MANY;
}

int64_t pick_span_ms(const char *text)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    int64_t sum = 0;
    do {
        int64_t n = 0, unit = 0;
        if (*text < '0' || *text > '9')
            return -1;
        for (; *text >= '0' && *text <= '9' && n < MOST_MS; text++)
            n = 10 * n + (*text - '0');
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
            unit = units[i].letter == *text ? units[i].ms : unit;
        if (unit == 0 || n > MOST_MS / unit)
            return -1;
        sum += n * unit;
        text++;
    } while (*text != '\0' && sum <= MOST_MS);
    return sum <= MOST_MS ? sum : -1;
}

int64_t pick_usd_micros(const char *text)
{
    int64_t whole = 0, part = 0, digit = 1000000;
    if (*text < '0' || *text > '9')
        return -1;
    for (; *text >= '0' && *text <= '9'; text++) {
        whole = 10 * whole + (*text - '0');
        if (whole > MOST_USD)
            return -1;
    }
    if (*text == '.') {
        for (text++; *text >= '0' && *text <= '9' && digit > 1; text++)
            part += (digit /= 10) * (*text - '0');
        if (digit == 1000000)
            return -1;
    }
    return *text == '\0' ? whole * 1000000 + part : -1;
}

/* Up to four digits, as prices have them: 0.0416, 0.05. */
static void small(int64_t usd_micros, const char *sign, char *out)
{
    int len = snprintf(out, 32, "$ %s0.%04lld", sign, (long long)((usd_micros + 50) / 100));
    for (int i = 0; i < 2 && out[len - 1] == '0'; i++)
        out[--len] = '\0';
}

const char *pick_usd_text(int64_t usd_micros, char *out)
{
    const char *sign = usd_micros < 0 ? "-" : "";
    int64_t n = usd_micros < 0 ? -usd_micros : usd_micros;
    int64_t whole = (n + 500000) / 1000000;
    if (n > 0 && n < 50)
        snprintf(out, 32, "<$ %s0.0001", sign);
    else if (n > 0 && n < 99950)
        small(n, sign, out);
    else if (whole >= 1000000)
        snprintf(out, 32, "$ %s%lld,%03lld,%03lld", sign, (long long)(whole / 1000000),
                 (long long)(whole / 1000 % 1000), (long long)(whole % 1000));
    else if (whole >= 1000)
        snprintf(out, 32, "$ %s%lld,%03lld", sign, (long long)(whole / 1000),
                 (long long)(whole % 1000));
    else
        snprintf(out, 32, "$ %s%lld.%02lld", sign, (long long)((n + 5000) / 1000000),
                 (long long)((n + 5000) / 10000 % 100));
    return out;
}
