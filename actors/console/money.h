/* SPDX-License-Identifier: Apache-2.0 */
/* What a flock costs, in one line. Pure. */
#pragma once
#include <stddef.h>

#include "drover/message.h"

/* "$ 1.05/h · $ 3.20 today of $ 20.00 · $ 41.00 this month of $ 100.00". */
void money_line(const struct dr_money *money, char *out, size_t size);
