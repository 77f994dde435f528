/* SPDX-License-Identifier: Apache-2.0 */
/* Caps (P12), pure: how many machines count where, and whether so many more would pass a cap. */
#ifndef DROVER_LEDGER_CAPS_H
#define DROVER_LEDGER_CAPS_H

#include <stdbool.h>

#include "drover/config.h"

/* A machine that counts (lifecycle_counts()). */
struct caps_machine {
    const char *type;
    const char *account;
    struct dr_strs queue_names; /* that its type served when it was wanted */
};

/* One cap: where, what the configuration allows (0: no cap) and how many count now. */
struct caps_count {
    const char *scope; /* type queue account total */
    const char *name;  /* "" for total */
    int64_t max;
    int64_t used;
};

/* A type, at most this many of its queues, an account, the total. */
#define CAPS_QUEUES_MAX 256
#define CAPS_MAX (CAPS_QUEUES_MAX + 3)

/* Every cap that a machine such as `one` falls under, with what counts in `machines`. Returns how
 * many of `out` (room for CAPS_MAX) it filled. Names are borrowed from `one`. */
size_t caps_counts(const struct dr_cfg_root *config, const struct caps_machine *machines,
                   size_t count, const struct caps_machine *one, struct caps_count *out);

/* The first cap that `more` further machines would pass; NULL: none. With 0 more: the first that is
 * passed already (the configuration was lowered). */
const struct caps_count *caps_passed(const struct caps_count *counts, size_t count, int64_t more);

/* Says it: "machine type gpu is at its cap: 4 of 4 machines exist, 2 more were asked for; ..." */
void caps_sentence(const struct caps_count *cap, int64_t more, char *out, size_t size);

#endif
