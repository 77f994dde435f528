/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_WATCHER_ORPHAN_H
#define DROVER_WATCHER_ORPHAN_H
#include "recovery.h"
struct orphan {
    const struct dr_cfg_root *root;
};
static inline void orphan_init(struct orphan *o, struct recovery *r, const struct dr_cfg_root *root)
{
    (void)r;
    o->root = root;
}
static inline void orphan_free(struct orphan *o)
{
    (void)o;
}
static inline void orphan_step(struct orphan *o)
{
    (void)o;
}
#endif
