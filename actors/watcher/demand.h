/* SPDX-License-Identifier: Apache-2.0 */
/* What of the queues' entries is demand (P7): not what is some live worker's current task, and not
 * what is `queued` no longer. Pure. */
#ifndef DROVER_WATCHER_DEMAND_H
#define DROVER_WATCHER_DEMAND_H

#include "queues.h"

/* The tick's last step: the status of entries' tasks that are new, or were looked at long ago.
 * NULL: none. The take is given the ids that were asked for, and returns false with a sentence when
 * the answer is not whole. */
json_t *demand_checks_request(struct queues *queues, int64_t now_ms);
bool demand_take_checks(struct queues *queues, const json_t *asked, const json_t *data,
                        int64_t sent_ms, const char **wrong);

/* Forgets what is known of tasks that wait no longer. */
void demand_forget(struct queues *queues);

/* The picture, with the demand in it. Free with demand_view_free(); texts borrow from queues. */
struct dr_queue_view_list demand_view(const struct queues *queues, const struct workers *workers,
                                      const struct dr_ledger_state *rows);
void demand_view_free(struct dr_queue_view_list *views);

#endif
