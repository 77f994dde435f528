/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of money (P12, P13), pure: which ones cover a machine type, how far they are used, and
 * whether a start could pass one.
 *
 * A limit per hour bounds the sum of the rates. A limit per day or month bounds what was spent in
 * the calendar window, plus what the machines that live are reserved for in it, plus what the new
 * ones are. */
#ifndef DROVER_LEDGER_MONEY_LIMITS_H
#define DROVER_LEDGER_MONEY_LIMITS_H

#include "calendar.h"
#include "drover/config.h"
#include "drover/message.h"
#include "paid.h"

/* Now, on money's clock, and the windows that it is in. */
struct limits_time {
    int64_t now_us;
    struct dr_calendar_window day, month;
};

/* A machine that counts: what is not cancelled, gone or failed. */
struct limits_machine {
    const char *type;
    struct dr_strs queue_names; /* that its type served when it was wanted */
    struct paid paid;
};

/* What machines that ended left in the running windows. */
struct limits_ended {
    const char *type;
    struct dr_strs queue_names;
    int64_t day_usd_micros, month_usd_micros;
};

/* A limit, what counts against it, and what is asked for beside that. */
struct limits_use {
    struct dr_limit_view view;
    int64_t asked_usd_micros;
    int64_t machines; /* that count */
    int64_t unpriced; /* of them that were launched, and nobody knows what they cost */
    const char *unpriced_type;
    int64_t asked;
};

/* Every limit that is set over a type that serves these queues: its own, the queues', that of all.
 * Names are borrowed. Returns how many of `out` it filled; there are 3 for each queue and 6 more.
 */
size_t limits_over(const struct dr_cfg_root *config, const char *type,
                   const struct dr_strs *queue_names, const struct limits_time *time,
                   struct limits_use *out);

/* For people: of all machines the three, set or not; of types and queues those that are set. There
 * are 3 for each type and queue and 3 more at most. */
size_t limits_all(const struct dr_cfg_root *config, const struct limits_time *time,
                  struct limits_use *out);

/* How long a machine of this type is paid for in advance. */
int64_t limits_life_us(const struct dr_cfg_root *config, const char *type);

void limits_count(struct limits_use *uses, size_t count, const struct dr_cfg_root *config,
                  const struct limits_time *time, const struct limits_machine *machine);
void limits_count_ended(struct limits_use *uses, size_t count, const struct limits_ended *ended);
/* What a lost ledger spent (`drover adopt`): of all machines, nobody knows of which. */
void limits_count_lost(struct limits_use *uses, size_t count, int64_t day_usd_micros,
                       int64_t month_usd_micros);

/* `more` machines at this rate for this long. */
void limits_ask(struct limits_use *uses, size_t count, const struct limits_time *time,
                int64_t rate_usd_micros, int64_t life_us, int64_t more);

/* The first limit that would be passed; NULL: none. */
const struct limits_use *limits_passed(const struct limits_use *uses, size_t count);

/* The first limit that machines of unknown price live under; NULL: none. Nobody can say then
 * whether there is room left. */
const struct limits_use *limits_unpriced(const struct limits_use *uses, size_t count);
void limits_unpriced_sentence(const struct limits_use *use, char *out, size_t size);

/* Says it with its figures, and what to wait for. */
void limits_sentence(const struct limits_use *use, const char *zone, char *out, size_t size);

/* "the limit of $3.00 an hour of machine type gpu" */
void limits_name(const struct dr_limit_view *view, char *out, size_t size);

/* "$3.20", "$0.0416"; rounded up, so that what passes a limit also reads so. */
const char *limits_usd(int64_t usd_micros, char *out, size_t size);

#endif
