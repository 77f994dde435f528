/* SPDX-License-Identifier: Apache-2.0 */
/* What a person has Drover do: drain, kill, keep, pause, resume, adopt. The ledger writes down who
 * asked. */
#include <string.h>

#include "console.h"
#include "drover/clock.h"
#include "pick.h"

/* ---- drain ---------------------------------------------------------------------------------- */
static int drain(struct console *console, const struct dr_machine_row *machine, const char *mode,
                 const char *command)
{
    char sentence[128];
    snprintf(sentence, sizeof sentence, "%s asked for it (`drover %s`)", console_who(), command);
    struct dr_machine_drain body = {.machine = machine->id,
                                    .mode = mode,
                                    .reason = "hand",
                                    .sentence = sentence,
                                    .by = console_who()};
    return console_do(console, DR_MACHINE_DRAIN, &body);
}

int cmd_drain(struct console *console, int argc, char **argv)
{
    const char *mode = console_option(&argc, argv, "--mode");
    struct dr_message rows;
    const struct dr_machine_row *machine;
    int code = console_machine(console, argv[0], &rows, &machine);
    if (code != EXIT_FINE)
        return code;
    code = drain(console, machine, mode == NULL ? "after-task" : mode, "drain");
    dr_message_free(&rows);
    return code;
}

/* ---- kill ----------------------------------------------------------------------------------- */
static size_t running_on(const struct dr_ledger_state *state, const char *machine, const char **ids,
                         size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < state->slots.count && count < most; i++) {
        const struct dr_slot_row *slot = &state->slots.items[i];
        if (slot->busy && strcmp(slot->machine, machine) == 0)
            ids[count++] = slot->task;
    }
    return count;
}

/* Queues are named by their tasks' rows; one that nobody saw waiting has none. */
static const char *fate(const struct console *console, const struct dr_task_row *task, char *out,
                        size_t size)
{
    if (console->cfg == NULL) {
        snprintf(out, size, "it goes back to its queue, unless that has recovery: never");
        return out;
    }
    const struct dr_cfg_queue *queue =
        task == NULL || *task->queue == '\0' ? NULL : dr_config_queue(console->cfg, task->queue);
    if (queue == NULL)
        snprintf(out, size, "it goes back to its queue");
    else if (strcmp(queue->recovery, "never") == 0)
        snprintf(out, size, "queue %s puts nothing back (recovery: never)", queue->name);
    else
        snprintf(out, size, "it goes back to queue %s", queue->name);
    return out;
}

static void name_tasks(struct console *console, const char *const *ids, size_t count)
{
    struct dr_message names = {0};
    struct dr_tasks_get ask = {.ids = {.items = ids, .count = count}};
    bool known = console_ask(console, "ledger", DR_TASKS_GET, &ask, &names) == 0 &&
                 names.row->type == DR_TASKS;
    for (size_t i = 0; i < count; i++) {
        char words[256];
        const struct dr_task_row *task =
            known ? console_task(&((const struct dr_tasks *)names.body)->tasks, ids[i]) : NULL;
        fprintf(stderr, "  task %s%s%s: %s\n", ids[i], task == NULL ? "" : " ",
                task == NULL ? "" : task->name, fate(console, task, words, sizeof words));
    }
    dr_message_free(&names);
}

static int kill_if(struct console *console, const struct dr_machine_row *machine, bool yes)
{
    int code = console_confirm("End it now?", yes);
    return code == EXIT_FINE ? drain(console, machine, "now", "kill") : code;
}

static int kill_machine(struct console *console, const struct dr_ledger_state *state,
                        const struct dr_machine_row *machine, bool yes)
{
    const char *ids[64];
    if (pick_is_over(machine))
        return console_fail(EXIT_WAITS, "refused", "machine %s is %s already: %s", machine->id,
                            machine->state, machine->cause);
    if (console->json)
        return kill_if(console, machine, yes);
    size_t count = running_on(state, machine->id, ids, 64);
    fprintf(stderr, "machine %s%s%s%s is %s and runs %s\n", machine->id,
            *machine->instance_id == '\0' ? "" : " (", machine->instance_id,
            *machine->instance_id == '\0' ? "" : ")", machine->state,
            count == 0   ? "no task that is known"
            : count == 1 ? "this task:"
                         : "these tasks:");
    name_tasks(console, ids, count);
    return kill_if(console, machine, yes);
}

int cmd_kill(struct console *console, int argc, char **argv)
{
    bool yes = console_flag(&argc, argv, "--yes");
    struct dr_message rows;
    const struct dr_machine_row *machine;
    int code = console_machine(console, argv[0], &rows, &machine);
    if (code != EXIT_FINE)
        return code;
    code = kill_machine(console, rows.body, machine, yes);
    dr_message_free(&rows);
    return code;
}

/* ---- keep ----------------------------------------------------------------------------------- */
int cmd_keep(struct console *console, int argc, char **argv)
{
    (void)argc;
    bool off = strcmp(argv[1], "off") == 0;
    int64_t span_ms = off ? 0 : pick_span_ms(argv[1]);
    if (!off && span_ms <= 0)
        return console_no_span("keep", argv[1]);
    struct dr_message rows;
    const struct dr_machine_row *machine;
    int code = console_machine(console, argv[0], &rows, &machine);
    if (code != EXIT_FINE)
        return code;
    struct dr_machine_keep body = {.machine = machine->id,
                                   .until_us = off ? 0 : dr_wall_us() + span_ms * 1000,
                                   .by = console_who()};
    code = console_do(console, DR_MACHINE_KEEP, &body);
    dr_message_free(&rows);
    return code;
}

/* ---- pause, resume -------------------------------------------------------------------------- */
int cmd_pause(struct console *console, int argc, char **argv)
{
    const char *why = console_option(&argc, argv, "--why");
    struct dr_launch_pause body = {.queue = argc == 1 ? argv[0] : "",
                                   .paused = true,
                                   .sentence = why == NULL ? "" : why,
                                   .by = console_who()};
    return console_do(console, DR_LAUNCH_PAUSE, &body);
}

int cmd_resume(struct console *console, int argc, char **argv)
{
    struct dr_launch_pause body = {
        .queue = argc == 1 ? argv[0] : "", .sentence = "", .by = console_who()};
    return console_do(console, DR_LAUNCH_PAUSE, &body);
}

/* ---- adopt ---------------------------------------------------------------------------------- */
int cmd_adopt(struct console *console, int argc, char **argv)
{
    bool yes = console_flag(&argc, argv, "--yes");
    const char *spent = console_option(&argc, argv, "--spent");
    int64_t micros = spent == NULL ? -1 : pick_usd_micros(spent);
    if (micros < 0)
        return console_fail(EXIT_USAGE, "usage",
                            "--spent: \"%s\" is no amount of dollars, such as "
                            "41.20",
                            spent);
    if (!console->json)
        fprintf(stderr,
                "This says that the ledger before this one is lost: no other Drover of this "
                "deployment lives,\nits machines become this one's, and $ %s were spent in the "
                "running month.\n",
                spent);
    int code = console_confirm("Is that so?", yes);
    struct dr_ledger_adopt body = {.spent_usd_micros = micros, .by = console_who()};
    return code == EXIT_FINE ? console_do(console, DR_LEDGER_ADOPT, &body) : code;
}

/* ---- settle --------------------------------------------------------------------------------- */
int cmd_settle(struct console *console, int argc, char **argv)
{
    bool yes = console_flag(&argc, argv, "--yes");
    struct dr_attempt_settle body = {.attempt = argc == 1 ? argv[0] : "", .by = console_who()};
    if (!console->json)
        fprintf(stderr,
                "This says that no machine of attempt %s runs in the account that it was made for "
                "(none has the\ntag drover-attempt=%s there). What they may have cost until now "
                "counts as spent.\n",
                body.attempt, body.attempt);
    int code = console_confirm("Is that so?", yes);
    return code == EXIT_FINE ? console_do(console, DR_ATTEMPT_SETTLE, &body) : code;
}
