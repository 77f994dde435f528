/* SPDX-License-Identifier: Apache-2.0 */
/* The launch budget and the breaker (P13), pure: what stops a runaway that no cap stops. */
#ifndef DROVER_LEDGER_BUDGET_H
#define DROVER_LEDGER_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUDGET_PER_TASK 3      /* launches for one waiting task */
#define BUDGET_EXCESS 20       /* launches beyond one per waiting task */
#define BUDGET_WINDOW_HOURS 24 /* what is older is forgotten */

/* A task that had that many launches, none of which did any work, gets no further one. */
static inline bool budget_task_spent(int64_t launches)
{
    return launches >= BUDGET_PER_TASK;
}

/* Account: `hour` machines were launched within the last hour, `more` are to be. False with the
 * sentence when that passes `per_hour`. */
bool budget_hour(const char *account, int64_t hour, int64_t more, int64_t per_hour, char *out,
                 size_t size);

/* Type: `launches` machines were launched since one last turned busy, for `tasks` different waiting
 * tasks. False with the sentence when the breaker is open. */
bool budget_breaker(const char *type, int64_t launches, int64_t tasks, char *out, size_t size);

#endif
