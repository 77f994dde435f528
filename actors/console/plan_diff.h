/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>

#include "drover/config.h"

/* What differs between two configurations, as [{"path", "now", "then"}]: texts for people; what is
 * in a list is known by its name ("queues[gpu].max_machines"). The caller's (json_decref). Pure. */
json_t *plan_diff(const struct dr_cfg_root *now, const struct dr_cfg_root *then);
