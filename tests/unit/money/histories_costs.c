/* SPDX-License-Identifier: Apache-2.0 */
/* What was paid for what, at the end of a history: it adds up to what was spent, and is told beside
 * the loop as in it. */
#include <stdio.h>

#include "costs_job.h"
#include "histories_world.h"

static const char *const bys[] = {"queue", "type", "project", "user", "task", "machine", "day"};
#define BYS ((int64_t)(sizeof bys / sizeof *bys))

void costs_add_up(void)
{
    for (int64_t i = 0; i < BYS; i++) {
        ASK("console", COSTS_GET, costs_get, .by = bys[i]);
        if (sim.costs_usd_micros != sim.money.month_usd_micros)
            failed("by %s the month cost %lld, not %lld", bys[i], (long long)sim.costs_usd_micros,
                   (long long)sim.money.month_usd_micros);
    }
}

static const char *random_only(char *out, size_t size)
{
    out[0] = '\0';
    if (one_in(3))
        snprintf(out, size, "t%d", (int)below(6));
    else if (one_in(2) && sim.bill.count > 0)
        snprintf(out, size, "%s", sim.machines[below(sim.bill.count)].id);
    return out;
}

void costs_aside(void)
{
    char err[400], only[32];
    struct costs_job *job = costs_job_new(sim.path, err, sizeof err);
    if (job == NULL)
        failed("%s", err);
    for (int i = 0; i < 4; i++) {
        int64_t until_us = one_in(2) ? 0 : wall() - below(40 * HOUR);
        struct dr_costs_get get = {.by = bys[below(BYS)],
                                   .only = random_only(only, sizeof only),
                                   .from_us = one_in(2) ? 0 : wall() - (41 + below(500)) * HOUR,
                                   .until_us = until_us};
        sim.code[0] = '\0';
        ask_now("console", DR_COSTS_GET, &get);
        if (sim.code[0] != '\0') /* the month began after this `until` */
            continue;
        core_costs_aside(sim.ledger, true);
        ask_now("console", DR_COSTS_GET, &get);
        core_costs_aside(sim.ledger, false);
        costs_job_start(job, core_costs_question(sim.ledger));
        work(); /* of what is written from here on the snapshot has nothing */
        struct costs_done done = costs_job_take(job);
        if (done.costs == NULL)
            failed("%s", done.error);
        if (!dr_record_equal(&dr_desc_costs, done.costs, sim.costs.value))
            failed("by %s of \"%s\" it is told otherwise beside the loop", get.by, only);
        costs_job_over(job);
    }
    costs_job_free(&job);
}
