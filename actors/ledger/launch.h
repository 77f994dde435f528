/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of every start, when it is wanted and when its attempt opens (P12, P13); of money
 * once more before the call goes out. */
#ifndef DROVER_LEDGER_LAUNCH_H
#define DROVER_LEDGER_LAUNCH_H

#include "caps.h"
#include "spend.h"
#include "txn.h"

struct launch_kind {
    const struct dr_cfg_type *type; /* NULL: the configuration has it no more */
    const char *type_name;
    const char *account;
    struct dr_strs queue_names;
};

/* A type of the configuration, as it stands now. */
void launch_kind_of(struct txn *txn, const char *type, struct launch_kind *kind);

/* Refuses with `capped`, naming the cap and the numbers. `more` 0: the rows exist already. */
bool launch_within_caps(struct txn *txn, const struct launch_kind *kind, int64_t more);

/* Refuses with `capped` when `more` machines could pass a limit of money (P13), or when one covers
 * the type and its price is unknown, or that of a machine which lives under it. */
bool launch_within_money(struct txn *txn, const struct launch_kind *kind, int64_t price_usd_micros,
                         int64_t more, enum spend_rows rows);

/* Refuses with `capped` when the account's hour, the type's breaker or a waiting task's launches
 * are spent; then the answer's ids name the tasks. */
bool launch_within_budget(struct txn *txn, const struct launch_kind *kind, int64_t more,
                          const struct dr_strs *tasks);

/* Writes the rows of the caps concerned, as they stand after an insert or an attempt. */
void launch_note_caps(struct txn *txn, const struct launch_kind *kind);

/* A machine of this type did some work: its launches were no runaway. */
void launch_proved(struct txn *txn, const struct dr_machine_row *machine);

#endif
