/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <stdlib.h>
#include <string.h>

#include "drover/clock.h"
#include "view.h"
#include "waste.h"

static const char *or_dash(const char *text)
{
    return text[0] == '\0' ? "-" : text;
}

/* What it is up for: the tasks that it runs. */
static void tasks_of(const struct dr_ledger_state *state, const char *machine, char *out,
                     size_t size)
{
    size_t count = 0, len = 0;
    for (size_t i = 0; i < state->slots.count; i++) {
        const struct dr_slot_row *slot = &state->slots.items[i];
        if (!slot->busy || strcmp(slot->machine, machine) != 0 || len + 16 > size)
            continue;
        len += (size_t)snprintf(out + len, size - len, "%s%.8s", count == 0 ? "runs " : ", ",
                                slot->task);
        count++;
    }
    if (count == 0)
        snprintf(out, size, "waits for a task");
}

/* What a person said of it comes first: it may be the reason that the rest is not done. That its
 * worker was seen says no more than "up" does. */
static const char *why_of(const struct dr_ledger_state *state, const struct dr_machine_row *machine,
                          char *out, size_t size)
{
    char until[32], tasks[512];
    const char *cause = or_dash(machine->cause);
    if (strcmp(machine->state, "up") == 0 && strncmp(cause, "its worker ", 11) == 0) {
        tasks_of(state, machine->id, tasks, sizeof tasks);
        cause = tasks;
    }
    if (machine->keep_until_us > dr_wall_us() && machine->ended_us == 0)
        snprintf(out, size, "kept until %s; %s", words_date(machine->keep_until_us, until), cause);
    else
        snprintf(out, size, "%s", cause);
    return out;
}

static void add_row(struct table *table, const struct dr_ledger_state *state,
                    const struct dr_machine_row *machine)
{
    char shown[64], since[32], age[32], wasted[32] = "-", why[1024];
    int64_t wasted_us = waste_us(machine, dr_wall_us());
    if (wasted_us > 0)
        words_span(wasted_us / 1000, wasted);
    bool idle = dr_view_phase(machine) == DR_PHASE_IDLE;
    const char *word = idle ? "idle" : machine->state;
    snprintf(shown, sizeof shown, "%s %s", words_mark(machine->state, idle), word);
    int64_t since_us = idle ? machine->idle_since_us : machine->state_since_us;
    table_row(table, (const char *[]){
                         machine->id, machine->type, shown, words_since(since_us, since),
                         words_since(machine->created_us, age), wasted,
                         or_dash(machine->instance_id), why_of(state, machine, why, sizeof why)});
}

int cmd_machines(struct console *console, int argc, char **argv)
{
    struct dr_message answer;
    bool all = console_flag(&argc, argv, "--all");
    struct dr_ledger_snapshot ask = {.ended = all};
    if (console_ask(console, "ledger", DR_LEDGER_SNAPSHOT, &ask, &answer) != 0)
        return EXIT_BROKEN;
    const struct dr_ledger_state *state = answer.body;
    if (console->json) {
        char *json = waste_json(state, dr_wall_us());
        puts(json);
        free(json);
    } else if (state->machines.count == 0) {
        puts("no machines: none is needed until a task is enqueued");
    } else {
        struct table *table = table_new((const char *[]){"MACHINE", "TYPE", "STATE", "-FOR", "-AGE",
                                                         "-WASTED", "INSTANCE", "WHY", NULL});
        for (size_t i = 0; i < state->machines.count; i++)
            add_row(table, state, &state->machines.items[i]);
        table_print(&table, stdout);
    }
    dr_message_free(&answer);
    return EXIT_FINE;
}
