/* SPDX-License-Identifier: Apache-2.0 */
/* What machines say of themselves, in drover.notice.INSTANCE of their queue's metadata: "unfit:
 * ..." when one is not what was promised, anything else when its cloud announced its end (P21). It
 * comes with the tick's list of queues, so that a quiet machine's word costs no call. Pure. */
#ifndef DROVER_WATCHER_NOTICE_H
#define DROVER_WATCHER_NOTICE_H

#include "drain.h"

/* The value of drover.KIND.INSTANCE, or "". Borrowed. */
const char *notice_value(const json_t *metadata, const char *kind, const char *instance);

/* Tells the ledger, and once a person. "" is no notice. */
void notice_tell(struct drain *drain, const struct dr_machine_row *machine, const char *notice);

/* Reads an answer of queues.get_all that has the queues' ids and metadata. */
void notice_hear(struct drain *drain, const json_t *data);

#endif
