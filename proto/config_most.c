/* SPDX-License-Identifier: Apache-2.0 */
#include "config_most.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capped.h"
#include "drover/assert.h"
#include "prices.h"

#define NO_CAP INT64_MAX /* where capped sums and products stop, too */
#define MONTH_DAYS 31

struct share {
    const struct dr_cfg_type *type;
    const struct dr_cfg_account *account; /* NULL: not known yet */
    int64_t price_usd_micros;
    int64_t cap;      /* of this type alone; NO_CAP */
    int64_t machines; /* of them in the dearest case; NO_CAP */
    bool unknown;     /* it may start, at a price that nobody knows */
    bool local;       /* on this host */
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* 0 in the file is no cap. */
static int64_t cap_of(int64_t configured)
{
    return configured > 0 ? configured : NO_CAP;
}

static int64_t machines_for(int64_t usd_micros, int64_t price_usd_micros)
{
    return usd_micros > 0 && price_usd_micros > 0 ? usd_micros / price_usd_micros : NO_CAP;
}

static bool names(const struct dr_cfg_queue *queue, const struct dr_cfg_type *type)
{
    for (size_t i = 0; i < queue->types.count; i++)
        if (strcmp(queue->types.items[i], type->name) == 0)
            return true;
    return false;
}

/* A machine serves every queue that names its type, so each queue's caps hold for it. */
static struct share share_of(const struct dr_cfg_root *root, const struct dr_cfg_type *type)
{
    struct share share = {.type = type, .account = dr_config_account(root, type->account)};
    bool used = false;
    share.price_usd_micros = dr_price_of(root, type).price_usd_micros;
    share.cap = least(cap_of(type->max_machines),
                      machines_for(type->budget.per_hour_usd_micros, share.price_usd_micros));
    for (size_t i = 0; i < root->queues.count; i++) {
        const struct dr_cfg_queue *queue = &root->queues.items[i];
        if (!names(queue, type))
            continue;
        used = true;
        share.cap = least(share.cap, cap_of(queue->max_machines));
        share.cap = least(share.cap,
                          machines_for(queue->budget.per_hour_usd_micros, share.price_usd_micros));
    }
    share.local = share.account && strcmp(share.account->driver, "local") == 0;
    if (!used)
        share.cap = 0;
    share.unknown = used && share.price_usd_micros == 0;
    return share;
}

/* The dearest first, under the caps of the account and of all. */
static void hand_out(const struct dr_cfg_root *root, struct share *shares, size_t count)
{
    int64_t left = cap_of(root->max_machines);
    for (size_t n = 0; n < count; n++) {
        struct share *next = NULL;
        for (size_t i = 0; i < count; i++)
            if (shares[i].machines < 0 &&
                (!next || shares[i].price_usd_micros > next->price_usd_micros))
                next = &shares[i];
        int64_t room = left, taken = 0;
        if (next->account && next->account->max_machines > 0) {
            for (size_t i = 0; i < count; i++)
                if (shares[i].machines > 0 && shares[i].account == next->account)
                    taken = dr_capped_sum(taken, shares[i].machines);
            room = least(room, next->account->max_machines - taken);
        }
        next->machines = least(next->cap, room);
        if (left != NO_CAP)
            left -= next->machines;
    }
}

/* What one type can cost a month whatever the others do. */
static int64_t month_of(const struct share *share)
{
    const struct dr_cfg_budget *budget = &share->type->budget;
    int64_t month = dr_capped_product(dr_capped_product(share->cap, share->price_usd_micros),
                                      DR_MOST_MONTH_HOURS);
    month = least(month, cap_of(dr_capped_product(budget->per_day_usd_micros, MONTH_DAYS)));
    return least(month, cap_of(budget->per_month_usd_micros));
}

static void work_out(const struct dr_cfg_root *root, const struct share *shares, size_t count,
                     struct dr_most *most)
{
    int64_t hour = 0, month = 0;
    for (size_t i = 0; i < count; i++) {
        hour =
            dr_capped_sum(hour, dr_capped_product(shares[i].machines, shares[i].price_usd_micros));
        month = dr_capped_sum(month, month_of(&shares[i]));
        if (shares[i].unknown && most->unpriced_count < DR_MOST_UNPRICED)
            most->unpriced[most->unpriced_count++] = shares[i].type->name;
    }
    hour = least(hour, cap_of(root->budget.per_hour_usd_micros));
    month = least(month, dr_capped_product(hour, DR_MOST_MONTH_HOURS));
    month = least(month, cap_of(dr_capped_product(root->budget.per_day_usd_micros, MONTH_DAYS)));
    month = least(month, cap_of(root->budget.per_month_usd_micros));
    most->per_hour_usd_micros = hour == NO_CAP ? DR_MOST_UNLIMITED : hour;
    most->per_month_usd_micros = month == NO_CAP ? DR_MOST_UNLIMITED : month;
}

/* ---- words ----------------------------------------------------------------------------------- */
__attribute__((format(printf, 2, 3))) static void say(struct dr_most *most, const char *format, ...)
{
    size_t len = strlen(most->sentence);
    va_list args;
    va_start(args, format);
    vsnprintf(most->sentence + len, sizeof most->sentence - len, format, args);
    va_end(args);
}

/* "$4.49", "$3,341", "$0.0416": two decimals under 1,000, up to four under 0.10, as prices have. */
static const char *dollars(int64_t micros, char out[40])
{
    int64_t cents = (micros + 9999) / 10000; /* upwards: it is a "most" */
    if (micros > 0 && micros < 100000) {
        int at = snprintf(out, 40, "$0.%04lld", (long long)((micros + 99) / 100));
        for (int i = 0; i < 2 && out[at - 1] == '0'; i++)
            out[--at] = '\0';
        return out;
    }
    if (micros < 1000000000) {
        snprintf(out, 40, "$%lld.%02lld", (long long)(cents / 100), (long long)(cents % 100));
        return out;
    }
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)((micros + 999999) / 1000000));
    size_t at = 0;
    out[at++] = '$';
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

static void say_shares(struct dr_most *most, const struct share *shares, size_t count)
{
    const char *between = ": ";
    char price[40];
    for (size_t i = 0; i < count; i++) {
        if (shares[i].machines == 0 || shares[i].price_usd_micros == 0)
            continue;
        if (shares[i].machines == NO_CAP)
            say(most, "%sas many %s as wait for it", between, shares[i].type->name);
        else
            say(most, "%s%lld × %s", between, (long long)shares[i].machines, shares[i].type->name);
        say(most, " at %s", dollars(shares[i].price_usd_micros, price));
        between = ", ";
    }
}

/* " 2 machines of this host without a price are not counted (own)." */
static void say_own(struct dr_most *most, const struct share *shares, size_t count)
{
    int64_t machines = 0;
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any = any || (shares[i].unknown && shares[i].local);
        machines =
            dr_capped_sum(machines, shares[i].unknown && shares[i].local ? shares[i].machines : 0);
    }
    if (!any)
        return;
    if (machines == 1)
        say(most, " 1 machine of this host without a price is not counted");
    else if (machines > 1 && machines != NO_CAP)
        say(most, " %lld machines of this host without a price are not counted",
            (long long)machines);
    else
        say(most, " Machines of this host without a price are not counted");
    const char *between = " (";
    for (size_t i = 0; i < count; i++) {
        if (!shares[i].unknown || !shares[i].local)
            continue;
        say(most, "%s%s", between, shares[i].type->name);
        between = ", ";
    }
    say(most, ").");
}

static void say_unknown(struct dr_most *most, const struct share *shares, size_t count)
{
    const char *between = " Not counted, for its price is not known (price_per_hour): ", *end = "";
    for (size_t i = 0; i < count; i++) {
        if (!shares[i].unknown || shares[i].local)
            continue;
        say(most, "%s%s", between, shares[i].type->name);
        between = ", ";
        end = ".";
    }
    say(most, "%s", end);
}

static void put_into_words(const struct dr_cfg_root *root, const struct share *shares, size_t count,
                           struct dr_most *most)
{
    char hour[40], month[40];
    dollars(most->per_hour_usd_micros, hour);
    dollars(most->per_month_usd_micros, month);
    most->sentence[0] = '\0';
    if (most->per_hour_usd_micros == 0 && most->unpriced_count > 0)
        say(most, "What it can cost is not known: none of its machines has a price");
    else if (most->per_hour_usd_micros >= 0)
        say(most, "At most %s an hour and %s a month", hour, month);
    else if (most->per_month_usd_micros >= 0)
        say(most, "At most %s a month, but nothing limits what it costs in an hour", month);
    else
        say(most, "Nothing limits what it costs: set max_machines or budget");
    say_shares(most, shares, count);
    if (root->budget.per_hour_usd_micros > 0 &&
        most->per_hour_usd_micros == root->budget.per_hour_usd_micros)
        say(most, ", held to %s an hour by budget.per_hour", hour);
    say(most, ".");
    say_own(most, shares, count);
    say_unknown(most, shares, count);
}

void dr_config_most(const struct dr_cfg_root *root, struct dr_most *most)
{
    size_t count = root->machine_types.count;
    struct share *shares = calloc(count + 1, sizeof *shares);
    DR_ASSERT(shares);
    *most = (struct dr_most){0};
    for (size_t i = 0; i < count; i++) {
        shares[i] = share_of(root, &root->machine_types.items[i]);
        shares[i].machines = -1;
    }
    hand_out(root, shares, count);
    work_out(root, shares, count, most);
    put_into_words(root, shares, count, most);
    free(shares);
}
