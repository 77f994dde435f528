/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows say of money: what was spent in the windows that run, what lives, what is reserved.
 * Sums over machines that ended are kept in memory by type and queues; they are made from the rows,
 * and made anew when a window turns, the zone changes or the ledger starts. */
#ifndef DROVER_LEDGER_SPEND_H
#define DROVER_LEDGER_SPEND_H

#include "money_limits.h"
#include "txn.h"

struct spend; /* one per ledger */

struct spend *spend_new(void);
void spend_free(struct spend **spend);

/* Now on money's clock, and the calendar windows in the configuration's zone. */
struct limits_time spend_time(struct txn *txn);

/* Which rows count beside those that were launched. */
enum spend_rows {
    SPEND_LAUNCHED, /* none: what may cost money now */
    SPEND_OPENED,   /* whose attempt is open */
    SPEND_WANTED,   /* and those that are only wanted */
};

/* Fills the figures of these limits. */
void spend_count(struct txn *txn, const struct limits_time *time, struct limits_use *uses,
                 size_t count, enum spend_rows rows);

/* What a lost ledger spent in a window, by a person's word. */
int64_t spend_lost(struct store *store, int64_t from_us, int64_t until_us);

/* Writes down when the row's machine begins and ceases to be paid for; change_machine() calls it.
 */
void spend_stamp(struct txn *txn, const struct dr_machine_row *row);

/* What a machine such as this costs an hour: as dr_price_of() says of its type. Of a type that is
 * not known any more: the dearest price of its account's types. 0: unknown. */
int64_t spend_price(struct txn *txn, const char *type, const char *account);

/* Machines that live and whose price was unknown take it once it is known, as spend_price() says.
 */
void spend_take_prices(struct store *store, const struct dr_cfg_root *config);

#endif
