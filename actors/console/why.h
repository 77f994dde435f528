/* SPDX-License-Identifier: Apache-2.0 */
/* drover why: what was learnt of a task, and the words for it. */
#pragma once
#include "console.h"
#include "story.h"

struct why {
    const struct console *console;
    char task[256];
    const struct dr_picture *picture;
    const struct dr_ledger_state *rows;
    const struct dr_tasks *known; /* the newest 1,000 */
    const struct dr_plan *plan;   /* what concerns this task */
    const struct dr_work *work;   /* of this task, newest first */
    struct dr_message answers[5]; /* that they are in */
};

/* Prints it, as text or as one document. EXIT_FINE; EXIT_WAITS: it waits and will not start. */
int why_tell(const struct why *why);

/* The end of the machine's log as the provisioner keeps it; "" when there is none. */
void why_tail(const struct console *console, const struct dr_machine_row *machine,
              char tail[DR_TAIL_ROOM]);
