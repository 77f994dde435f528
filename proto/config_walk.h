/* SPDX-License-Identifier: Apache-2.0
 *
 * Tree + table → struct, and the checks between fields that no table row can hold.
 */
#pragma once
#include "config_table.h"
#include "config_tree.h"

/* Fills *root by the table: what the tree gives, else the defaults. Every field is valid to read
 * afterwards, also when faults were reported. Texts live in arena. tree->known marks are set. */
void cfg_walk(struct dr_arena *arena, struct cfg_node *tree, struct cfg_report *report,
              struct dr_cfg_root *root);

/* References, duplicates, and what must hold between fields. */
void cfg_check(const struct cfg_node *tree, struct cfg_report *report,
               const struct dr_cfg_root *root);

/* The smallest clearml.calls_per_month that the rules can live with under these timings: when the
 * budget is tight the watcher stretches its intervals (P3, P5, P6, P7) together, but
 *   a tick comes at the latest after settle_gap, or settling would never end, and each 60 s;
 *   workers are read at the latest after 2/3 of worker_proof, or no slot would count, and each 60
 * s; a tick is one call (last_update of all queues), and while something waits two more (the
 * entries again, the state of their tasks); workers are one call; six calls an hour go to logins
 * and the sweep of keys. Per month of 31 days, rounded up to thousands. What a machine's coming and
 * going takes (about a dozen calls: key, flag, metadata) comes on top and slows the ticks of that
 * hour. */
int64_t dr_config_min_calls(const struct dr_cfg_root *root);
