/* SPDX-License-Identifier: Apache-2.0
 *
 * A provisioner with live rows cannot be removed from the configuration (P25). Only the ledger
 * knows the rows, and droverd speaks to no ledger; so each provisioner keeps an empty file,
 * STATE_DIR/provisioner-NAME.live, from before its first attempt until no row of its lives.
 */
#pragma once
#include "drover/config.h"

/* Makes (live) or removes the mark. Returns 0, or -1 with errno. Blocks on the disk. */
int dr_livemark_set(const char *state_dir, const char *account, bool live);

/* True when `after` lacks an account of `before` that has live rows; then err says which. */
bool dr_livemark_forbids(const char *state_dir, const struct dr_cfg_root *before,
                         const struct dr_cfg_root *after, char *err, size_t err_len);
