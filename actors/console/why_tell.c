/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "drover/assert.h"
#include "flock.h"
#include "pick.h"
#include "why.h"

#define LAUNCHES_MAX 3 /* the newest */

static bool is(const char *text, const char *with)
{
    return strcmp(text, with) == 0;
}

/* ---- looking things up ---------------------------------------------------------------------- */
static const struct dr_machine_row *machine_of(const struct dr_ledger_state *rows, const char *id)
{
    for (size_t i = 0; *id != '\0' && i < rows->machines.count; i++)
        if (is(rows->machines.items[i].id, id) || is(rows->machines.items[i].instance_id, id))
            return &rows->machines.items[i];
    return NULL;
}

static const struct dr_queue_view *queue_of(const struct dr_picture *picture, const char *id,
                                            const char *name)
{
    for (size_t i = 0; i < picture->queues.queues.count; i++) {
        const struct dr_queue_view *queue = &picture->queues.queues.items[i];
        if ((*id != '\0' && is(queue->id, id)) || (*name != '\0' && is(queue->name, name)))
            return queue;
    }
    return NULL;
}

static const struct dr_task_row *name_of(const struct why *why)
{
    const struct dr_task_row *row = console_task(&why->work->tasks, why->task);
    return row != NULL ? row : console_task(&why->known->tasks, why->task);
}

/* ---- where it is ---------------------------------------------------------------------------- */
struct now {
    const char *state;                 /* waiting running returning ended unknown */
    const struct dr_queue_view *queue; /* it waits there */
    size_t place;
    int64_t since_us;
    const struct dr_worker_view *worker;    /* it runs there */
    const struct dr_machine_row *machine;   /* of ours; NULL: not */
    const struct dr_reason_view *reason;    /* the planner's word, while it waits */
    const struct dr_recovery_row *recovery; /* that is not through */
};

static void find_waiting(const struct why *why, struct now *now)
{
    for (size_t q = 0; q < why->picture->queues.queues.count; q++) {
        const struct dr_queue_view *queue = &why->picture->queues.queues.items[q];
        for (size_t i = 0; i < queue->waiting.count; i++) {
            if (!is(queue->waiting.items[i].task, why->task))
                continue;
            now->queue = queue;
            now->place = i + 1;
            now->since_us = queue->waiting.items[i].added_us;
            return;
        }
    }
}

static void find_running(const struct why *why, struct now *now)
{
    const struct dr_work_row *work = why->work->rows.count > 0 ? &why->work->rows.items[0] : NULL;
    for (size_t i = 0; i < why->picture->workers.workers.count; i++) {
        const struct dr_worker_view *worker = &why->picture->workers.workers.items[i];
        if (is(worker->task, why->task))
            now->worker = worker;
    }
    if (now->worker == NULL)
        return;
    now->machine = machine_of(why->rows, now->worker->instance_id);
    if (work != NULL && work->to_us == 0)
        now->since_us = work->from_us;
}

static struct now look(const struct why *why)
{
    struct now now = {.state = "unknown"};
    for (size_t i = 0; i < why->rows->recoveries.count; i++) {
        const struct dr_recovery_row *row = &why->rows->recoveries.items[i];
        if (is(row->task, why->task) && row->settled_us == 0)
            now.recovery = row;
    }
    find_waiting(why, &now);
    if (now.queue == NULL)
        find_running(why, &now);
    if (why->plan->plan.reasons.count > 0 && now.worker == NULL)
        now.reason = &why->plan->plan.reasons.items[0];
    if (now.queue == NULL && now.reason != NULL)
        now.queue = queue_of(why->picture, "", now.reason->queue);
    if (now.queue != NULL)
        now.state = "waiting";
    else if (now.recovery != NULL)
        now.state = "returning";
    else if (now.worker != NULL)
        now.state = "running";
    else if (why->work->rows.count > 0 || name_of(why) != NULL)
        now.state = "ended";
    return now;
}

/* ---- the sentences -------------------------------------------------------------------------- */
#define SENTENCE_ROOM 3000

static const char *on_machine(const struct dr_machine_row *machine, const char *else_id, char *out,
                              size_t size)
{
    bool bound =
        machine != NULL && *machine->instance_id != '\0' && !is(machine->instance_id, machine->id);
    snprintf(out, size, "%s%s%s%s", machine == NULL ? else_id : machine->id, bound ? " (" : "",
             bound ? machine->instance_id : "", bound ? ")" : "");
    return out;
}

static void say_waiting(const struct why *why, const struct now *now, char *out, size_t size)
{
    size_t len = 0;
    const struct dr_reason_view_list *reasons = &why->plan->plan.reasons;
    for (size_t i = 0; i < reasons->count && len < size; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%s", i == 0 ? "" : "\n",
                                reasons->items[i].sentence);
    if (reasons->count == 0)
        snprintf(out, size,
                 "it is number %zu of %zu in queue %s: what comes of it is not planned yet",
                 now->place, now->queue->waiting.count, now->queue->name);
}

static void say_running(const struct now *now, char *out, size_t size)
{
    char where[200], since[64] = "", span[32], at[32];
    if (now->since_us != 0)
        snprintf(since, sizeof since, " since %s (%s)", words_date(now->since_us, at),
                 words_since(now->since_us, span));
    if (!now->worker->ours)
        snprintf(out, size, "it runs on worker %s%s, which Drover did not start", now->worker->id,
                 since);
    else
        snprintf(out, size, "it runs on machine %s%s",
                 on_machine(now->machine, now->worker->instance_id, where, sizeof where), since);
}

static void say_ended(const struct why *why, char *out, size_t size)
{
    char where[200], span[32], at[32];
    const struct dr_work_row *work = why->work->rows.count > 0 ? &why->work->rows.items[0] : NULL;
    int len = 0;
    if (work != NULL && work->to_us != 0)
        len = snprintf(
            out, size, "it ran on machine %s for %s, until %s; ",
            on_machine(machine_of(why->rows, work->machine), work->machine, where, sizeof where),
            words_span((work->to_us - work->from_us) / 1000, span), words_date(work->to_us, at));
    snprintf(out + len, size - (size_t)len,
             "it waits in none of the queues that this Drover serves, and runs on no worker");
}

static void say_now(const struct why *why, const struct now *now, char *out, size_t size)
{
    if (is(now->state, "waiting"))
        say_waiting(why, now, out, size);
    else if (is(now->state, "running"))
        say_running(now, out, size);
    else if (is(now->state, "returning"))
        snprintf(out, size, "it lost its machine and is being put back (%s)", now->recovery->mode);
    else
        say_ended(why, out, size);
}

/* What a person can do. The sentence of a pause says so itself. */
static const char *to_do(const struct now *now)
{
    static const struct {
        const char *verdict, *text;
    } rows[] = {
        {"served", "nothing: it starts by itself"},
        {"booting", "nothing: it starts by itself once the machine is up"},
        {"bought", "nothing: it starts by itself once the machine is up"},
        {"settling", "nothing: Drover looks at all it knows first, for some minutes"},
        {"capped", "wait until something ends, or raise what is named in drover.yaml (`drover plan "
                   "--config FILE` says what that can cost)"},
        {"blocked", "mend what is named; Drover goes on by itself then"},
        {"no-type", "give its queue a machine type in drover.yaml"},
        {"stale", "nothing if it is for seconds; else `drover status` says what does not answer"},
        {"paused", "lift the pause when machines may start again"},
    };
    if (is(now->state, "ended"))
        return "its page at ClearML says how it ended; enqueue it there to run it again";
    if (now->reason == NULL)
        return "nothing";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (is(rows[i].verdict, now->reason->verdict))
            return rows[i].text;
    return "nothing";
}

static bool is_stuck(const struct now *now)
{
    return is(now->state, "waiting") && now->reason != NULL &&
           !flock_will_start(now->reason->verdict);
}

/* ---- its story ------------------------------------------------------------------------------ */
typedef void story_fn(void *arg, int64_t t_us, const char *text);

static void each_recovery(const struct why *why, story_fn *tell, void *arg)
{
    char tail[DR_TAIL_ROOM], text[DR_STORY_ROOM];
    for (size_t i = 0; i < why->rows->recoveries.count; i++) {
        const struct dr_recovery_row *row = &why->rows->recoveries.items[i];
        const struct dr_machine_row *machine = machine_of(why->rows, row->machine);
        const struct dr_queue_view *queue = queue_of(why->picture, row->queue, "");
        if (!is(row->task, why->task))
            continue;
        why_tail(why->console, machine != NULL && machine->slots <= 1 ? machine : NULL, tail);
        dr_story_recovery(row, machine, queue == NULL ? row->queue : queue->name, tail, text,
                          sizeof text);
        tell(arg, row->created_us, text);
    }
}

/* The newest launches that failed for the queue it waits in, since it waits. */
static void each_launch(const struct why *why, const struct now *now, story_fn *tell, void *arg)
{
    char tail[DR_TAIL_ROOM], text[DR_STORY_ROOM];
    int left = LAUNCHES_MAX;
    if (now->queue == NULL || now->since_us == 0)
        return;
    for (size_t i = why->rows->machines.count; i-- > 0 && left > 0;) {
        const struct dr_machine_row *machine = &why->rows->machines.items[i];
        if (!dr_story_launch_failed(machine) || machine->ended_us < now->since_us ||
            !is(machine->for_queue, now->queue->id))
            continue;
        why_tail(why->console, machine, tail);
        dr_story_launch(machine, &why->rows->attempts, "", tail, text, sizeof text);
        tell(arg, machine->ended_us, text);
        left--;
    }
}

/* ---- text and JSON -------------------------------------------------------------------------- */
static void print_story(void *arg, int64_t t_us, const char *text)
{
    char at[32];
    (void)arg;
    printf("%s: %s", words_date(t_us, at), text);
}

static void print_text(const struct why *why, const struct now *now, const char *sentence)
{
    const struct dr_task_row *row = name_of(why);
    if (row != NULL && *row->name != '\0')
        printf("task %s: %s (project %s, user %s)\n", why->task, row->name,
               *row->project == '\0' ? "-" : row->project, *row->user == '\0' ? "-" : row->user);
    else
        printf("task %s\n", why->task);
    puts(sentence);
    each_recovery(why, print_story, NULL);
    each_launch(why, now, print_story, NULL);
    printf("to do: %s\n", to_do(now));
}

static void add_story(void *arg, int64_t t_us, const char *text)
{
    json_array_append_new(
        arg, json_pack("{s:I,s:o}", "t_us", (json_int_t)t_us, "text", console_text(text)));
}

static const char *name_or(const struct dr_task_row *row, const char *text)
{
    return row == NULL ? "" : text;
}

static void print_json(const struct why *why, const struct now *now, const char *sentence)
{
    const struct dr_task_row *row = name_of(why);
    json_t *recoveries = json_array(), *launches = json_array();
    each_recovery(why, add_story, recoveries);
    each_launch(why, now, add_story, launches);
    const char *queue = now->queue != NULL ? now->queue->name : name_or(row, row ? row->queue : "");
    json_t *out = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:o,s:b,s:s,s:o,s:o}", "task", why->task, "name",
        name_or(row, row ? row->name : ""), "project", name_or(row, row ? row->project : ""),
        "user", name_or(row, row ? row->user : ""), "state", now->state, "queue", queue, "machine",
        now->machine == NULL ? "" : now->machine->id, "since_us", (json_int_t)now->since_us,
        "verdict", now->reason == NULL ? "" : now->reason->verdict, "sentence",
        console_text(sentence), "will_start", is(now->state, "waiting") && !is_stuck(now), "to_do",
        to_do(now), "recoveries", recoveries, "launches", launches);
    DR_ASSERT(out != NULL);
    json_dumpf(out, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(out);
}

int why_tell(const struct why *why)
{
    char sentence[SENTENCE_ROOM];
    struct now now = look(why);
    say_now(why, &now, sentence, sizeof sentence);
    if (why->console->json)
        print_json(why, &now, sentence);
    else
        print_text(why, &now, sentence);
    return is_stuck(&now) ? EXIT_WAITS : EXIT_FINE;
}
