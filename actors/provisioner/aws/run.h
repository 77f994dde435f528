/* SPDX-License-Identifier: Apache-2.0
 *
 * What run.c and check.c say to each other.
 */
#pragma once
#include "drover/config.h"
#include "error.h"

/* What can be judged of a type's own fields, extra_configurations apart. */
bool run_check(const struct dr_cfg_type *type, struct dr_error *error);
