/* SPDX-License-Identifier: Apache-2.0 */
/* A machine that a person keeps is told so, or its own switch (P19) would end it as idle or old:
 *
 *   drover.keep.INSTANCE   seconds since 1970 until which it stays      ours
 *
 * in the metadata of its drain queue, written until it is read back, taken away when that time is
 * over and after the machine's end. Pure. */
#ifndef DROVER_WATCHER_KEEPFLAG_H
#define DROVER_WATCHER_KEEPFLAG_H

#include "claims.h"

/* `data` is a tick's list of queues, with their metadata. */
void keepflag_hear(struct claims *claims, const json_t *data);

#endif
