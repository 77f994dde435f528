/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>

#include "config_table.h"

/* True when the value in slot is what the field has when the file does not name it; for a section,
 * when that holds for all that is in it. A required field that is empty counts as not named. */
bool cfg_is_default(const struct cfg_field *field, const void *slot);
