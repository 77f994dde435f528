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
