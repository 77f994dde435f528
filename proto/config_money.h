/* SPDX-License-Identifier: Apache-2.0
 *
 * What must hold of prices and limits of money.
 */
#pragma once
#include "config_report.h"
#include "config_tree.h"

/* An unknown time zone is a fault. Warnings: a price of 0, which is unknown and not free, and a
 * limit under which a machine type can never start, for want of a price or because one machine
 * passes it. */
void cfg_check_money(const struct cfg_node *tree, struct cfg_report *report,
                     const struct dr_cfg_root *root);
