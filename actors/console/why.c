/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <string.h>

int cmd_why(struct console *console, int argc, char **argv)
{
    struct dr_message answer;
    if (argc != 1) {
        fputs("usage: drover why TASK\n", stderr);
        return EXIT_USAGE;
    }
    struct dr_plan_get ask = {.task = argv[0]};
    if (console_ask(console, "planner", DR_PLAN_GET, &ask, &answer) != 0)
        return EXIT_BROKEN;
    const struct dr_plan *plan = answer.body;
    if (console->json)
        console_json(&answer);
    else if (plan->plan.reasons.count == 0)
        printf("%s waits in none of the queues that this Drover serves\n", argv[0]);
    for (size_t i = 0; !console->json && i < plan->plan.reasons.count; i++)
        printf("%s: %s\n", plan->plan.reasons.items[i].queue, plan->plan.reasons.items[i].sentence);
    dr_message_free(&answer);
    return EXIT_FINE;
}
