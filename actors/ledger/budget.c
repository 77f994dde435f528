/* SPDX-License-Identifier: Apache-2.0 */
#include "budget.h"

#include <stdio.h>

bool budget_hour(const char *account, int64_t hour, int64_t more, int64_t per_hour, char *out,
                 size_t size)
{
    if (hour + more <= per_hour)
        return true;
    snprintf(out, size,
             "account %s may launch %lld machines an hour (launches_per_hour) and launched %lld "
             "within the last: %lld more have to wait",
             account, (long long)per_hour, (long long)hour, (long long)more);
    return false;
}

bool budget_breaker(const char *type, int64_t launches, int64_t tasks, char *out, size_t size)
{
    if (launches - tasks < BUDGET_EXCESS)
        return true;
    snprintf(out, size,
             "%lld machines of type %s were launched for %lld waiting tasks and none has begun "
             "any work since: nothing more is launched of it; look at its machines' logs, mend the "
             "cause and reload the configuration (or wait %d hours)",
             (long long)launches, type, (long long)tasks, BUDGET_WINDOW_HOURS);
    return false;
}
