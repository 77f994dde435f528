/* SPDX-License-Identifier: Apache-2.0 */
/* drover why: what a task does and why, its story so far (machines that it lost, launches that
 * failed), and what a person can do. Asking is here; why_tell.c has the words. */
#include "why.h"

#include <stdlib.h>
#include <string.h>

#include "near.h"
#include "pick.h"
#include "remote.h"

static bool is(const char *text, const char *with)
{
    return strcmp(text, with) == 0;
}

/* ---- the end of a machine's log ------------------------------------------------------------- */
struct tail {
    char bytes[DR_TAIL_ROOM];
    size_t len;
};

static void keep_end(void *arg, const char *bytes, size_t len)
{
    struct tail *tail = arg;
    size_t room = sizeof tail->bytes - 1;
    size_t new = len < room ? len : room;
    size_t old = tail->len + new <= room ? tail->len : room - new;
    memmove(tail->bytes, tail->bytes + tail->len - old, old);
    memcpy(tail->bytes + old, bytes + len - new, new);
    tail->len = old + new;
    tail->bytes[tail->len] = '\0';
}

static void read_tail_from_afar(const struct console *console, const char *machine,
                                char tail[DR_TAIL_ROOM])
{
    char err[256];
    struct tail end = {.len = 0};
    if (remote_log(console->remote, machine, keep_end, &end, err, sizeof err) == 0)
        dr_story_tail(tail, end.bytes);
}

/* The end of the machine's log as the provisioner keeps it; "" when it keeps none. */
void why_tail(const struct console *console, const struct dr_machine_row *machine,
              char tail[DR_TAIL_ROOM])
{
    char path[800], bytes[DR_TAIL_ROOM] = "";
    tail[0] = '\0';
    if (machine == NULL || machine->instance_id[0] == '\0' ||
        strchr(machine->instance_id, '/') != NULL)
        return;
    if (console->remote != NULL) {
        read_tail_from_afar(console, machine->instance_id, tail);
        return;
    }
    snprintf(path, sizeof path, "%s/logs/%s.log", console->cfg->state_dir, machine->instance_id);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return;
    if (fseek(file, -(long)(sizeof bytes - 1), SEEK_END) != 0)
        rewind(file);
    bytes[fread(bytes, 1, sizeof bytes - 1, file)] = '\0';
    fclose(file);
    dr_story_tail(tail, bytes);
}

/* ---- which task is meant -------------------------------------------------------------------- */
struct search {
    const char *word;
    size_t len;
    bool exact, many;
    char found[256]; /* the one that begins so */
    struct near near;
};

static void offer(struct search *search, const char *task)
{
    if (*task == '\0' || search->exact)
        return;
    near_offer(&search->near, task);
    if (strncmp(task, search->word, search->len) != 0)
        return;
    search->exact = is(task, search->word);
    search->many = !search->exact && (search->many || (*search->found && !is(search->found, task)));
    snprintf(search->found, sizeof search->found, "%s", task);
}

static void offer_all(struct search *search, const struct why *why)
{
    const struct dr_queues_observed *queues = &why->picture->queues;
    for (size_t q = 0; q < queues->queues.count; q++)
        for (size_t i = 0; i < queues->queues.items[q].waiting.count; i++)
            offer(search, queues->queues.items[q].waiting.items[i].task);
    for (size_t i = 0; i < why->picture->workers.workers.count; i++)
        offer(search, why->picture->workers.workers.items[i].task);
    for (size_t i = 0; i < why->rows->recoveries.count; i++)
        offer(search, why->rows->recoveries.items[i].task);
    for (size_t i = 0; i < why->known->tasks.count; i++)
        offer(search, why->known->tasks.items[i].id);
}

static int no_task(const struct why *why, const struct search *search)
{
    char names[600] = "", meant[300];
    size_t len = 0, count = why->picture->queues.queues.count;
    for (size_t i = 0; i < count && len + 80 < sizeof names; i++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%.70s", i == 0 ? "" : ", ",
                                why->picture->queues.queues.items[i].name);
    if (search->near.best != NULL)
        console_meant(&search->near, meant, sizeof meant);
    else
        snprintf(meant, sizeof meant,
                 ". If it waits in a queue of another name: add that to drover.yaml (queues), or "
                 "enqueue the task in one of these");
    return console_fail(EXIT_WAITS, "not-found",
                        "Drover has seen no task %s in the queues that it serves (%s) or on its "
                        "machines%s",
                        search->word, names, meant);
}

/* ---- asking --------------------------------------------------------------------------------- */
static int ask(struct console *console, const char *to, enum dr_type type, const void *body,
               enum dr_type reply, struct dr_message *out)
{
    if (is(to, "ledger"))
        return console_read(console, type, body, reply, out);
    return console_ask(console, to, type, body, out) == 0 ? EXIT_FINE : EXIT_BROKEN;
}

static int ask_about_all(struct console *console, struct why *why)
{
    struct dr_ledger_snapshot rows = {.account = "", .ended = true};
    struct dr_picture_get picture = {.workers = true};
    struct dr_tasks_get known = {.ids = {.count = 0}};
    int code = ask(console, "watcher", DR_PICTURE_GET, &picture, DR_PICTURE, &why->answers[0]);
    if (code == EXIT_FINE)
        code = ask(console, "ledger", DR_LEDGER_SNAPSHOT, &rows, DR_LEDGER_STATE, &why->answers[1]);
    if (code == EXIT_FINE)
        code = ask(console, "ledger", DR_TASKS_GET, &known, DR_TASKS, &why->answers[2]);
    why->picture = why->answers[0].body;
    why->rows = why->answers[1].body;
    why->known = why->answers[2].body;
    return code;
}

/* A task that only its work rows know is asked for by its whole id. */
static int ask_about_it(struct console *console, struct why *why)
{
    struct dr_plan_get plan = {.task = why->task};
    struct dr_work_get work = {.machine = "", .task = why->task, .limit = 64};
    int code = ask(console, "planner", DR_PLAN_GET, &plan, DR_PLAN, &why->answers[3]);
    if (code == EXIT_FINE)
        code = ask(console, "ledger", DR_WORK_GET, &work, DR_WORK, &why->answers[4]);
    why->plan = why->answers[3].body;
    why->work = why->answers[4].body;
    return code;
}

static int tell(struct console *console, struct why *why, const char *word)
{
    int code = ask_about_all(console, why);
    if (code != EXIT_FINE)
        return code;
    struct search search = {.word = word, .len = strlen(word), .near = near_begin(word)};
    offer_all(&search, why);
    if (search.many)
        return console_fail(EXIT_WAITS, "ambiguous",
                            "more than one task begins with \"%s\": `drover tasks` names them",
                            word);
    snprintf(why->task, sizeof why->task, "%s", *search.found != '\0' ? search.found : word);
    code = ask_about_it(console, why);
    if (code != EXIT_FINE)
        return code;
    if (*search.found == '\0' && why->work->rows.count == 0 && why->plan->plan.reasons.count == 0)
        return no_task(why, &search);
    return why_tell(why);
}

int cmd_why(struct console *console, int argc, char **argv)
{
    struct why why = {.console = console};
    (void)argc;
    int code = tell(console, &why, argv[0]);
    for (size_t i = 0; i < sizeof why.answers / sizeof why.answers[0]; i++)
        dr_message_free(&why.answers[i]);
    return code;
}
