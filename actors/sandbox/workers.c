/* SPDX-License-Identifier: Apache-2.0 */
#include "errors.h"
#include "handlers.h"

void sandbox_tick(struct sandbox *sb, int64_t now_us)
{
    (void)sb;
    (void)now_us;
}
