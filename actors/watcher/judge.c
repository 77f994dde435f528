/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGED_BY "Changed by clearml-agent "

enum owner { OWNER_UNKNOWN, OWNER_THIS, OWNER_OTHER };

/* The agent's first words, before its worker or host name stands in the task (recorded). */
static bool is_just_pulled(const struct task *task)
{
    return strcmp(task->status_message, "pulled by agent") == 0 ||
           strcmp(task->status_message, "launch by agent") == 0;
}

/* Who had the task last, by the server's own record. last_worker outlives the run it was written
 * in: once the task changed after that machine's end, or was pulled since, it says nothing. */
static enum owner owner_of(const struct judge_case *given)
{
    const struct task *task = given->task;
    struct worker_name name;
    bool stale = is_just_pulled(task) && task->report_us < task->changed_us &&
                 strcmp(task->hostname, given->machine->instance_id) != 0;
    if (task->last_worker[0] == '\0' || stale)
        return OWNER_UNKNOWN;
    if (!worker_parse(task->last_worker, given->prefix, &name))
        return OWNER_OTHER;
    if (strcmp(name.instance, given->machine->instance_id) == 0)
        return OWNER_THIS;
    const struct dr_machine_row *other = rows_instance(given->rows, name.instance);
    if (other != NULL && other->ended_us != 0 &&
        task->changed_us > other->ended_us + JUDGE_SLACK_US)
        return OWNER_UNKNOWN;
    return OWNER_OTHER;
}

/* "Changed by clearml-agent WORKER", with a worker of this machine. */
static bool changed_by_this(const struct judge_case *given)
{
    struct worker_name name;
    const char *message = given->task->status_message;
    return strncmp(message, CHANGED_BY, strlen(CHANGED_BY)) == 0 &&
           worker_parse(message + strlen(CHANGED_BY), given->prefix, &name) &&
           strcmp(name.instance, given->machine->instance_id) == 0;
}

/* How an agent that is being ended words it when its task's process dies by that. */
static bool exit_by_signal(const char *reason)
{
    static const char *const codes[] = {"-15", "143", "-9", "137"};
    static const char lead[] = "worker execution exit code ";
    if (strncmp(reason, lead, sizeof lead - 1) != 0)
        return false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(reason + sizeof lead - 1, codes[i]) == 0)
            return true;
    return false;
}

bool judge_is_reported(const struct task *task, const struct dr_ledger_state *rows,
                       const char *prefix, int64_t since_us)
{
    const struct dr_machine_row *by = rows_machine_of(rows, prefix, task->last_worker);
    return (by == NULL || by->ended_us == 0) && task->report_us > since_us + JUDGE_SLACK_US;
}

/* Whether the task can have been this machine's at all; if so, *seen tells if anyone saw it. */
static bool is_its_task(const struct judge_case *given, bool *seen, const char **why_not)
{
    const struct task *task = given->task;
    const struct dr_machine_row *machine = given->machine;
    enum owner owner = owner_of(given);
    *seen = given->seen_with || owner == OWNER_THIS;
    *why_not = "another worker had it last";
    if (owner == OWNER_OTHER)
        return false;
    *why_not = "it changed after the machine's end: somebody else has it";
    if (task->changed_us > machine->ended_us + JUDGE_SLACK_US ||
        judge_is_reported(task, given->rows, given->prefix, machine->ended_us))
        return false;
    *why_not = "nothing ties it to the machine";
    if (*seen || strcmp(task->hostname, machine->instance_id) == 0)
        return true;
    /* Only a pull leaves no name behind; others that run tasks (Kubernetes ...) word it otherwise.
     */
    bool nameless = task_is(task, "queued") || is_just_pulled(task);
    bool listened = nameless && task->changed_us + JUDGE_SLACK_US >= machine->launched_us;
    for (size_t i = 0; listened && i < machine->queues.count; i++)
        if (task->queue[0] != '\0' && strcmp(machine->queues.items[i], task->queue) == 0)
            return true;
    return false;
}

/* What a worker is said to run although the task's own record knows nothing of that: whoever lives
 * reports again, into that record. And a report of a dead one, which waited at the door of a server
 * that hung, is no sign of life, unless another follows. */
static bool may_live(const struct judge_case *given, const char **why)
{
    const struct task *task = given->task;
    *why = "another worker is said to run it";
    if (given->run_elsewhere)
        return true;
    *why = "a report of it came after its machine's end: it must stay the last";
    return task->report_us > given->machine->ended_us + JUDGE_SLACK_US &&
           given->now_us - task->report_us < given->proof_ms * 1000;
}

static enum verdict judge_stopped(const struct judge_case *given, const char **why)
{
    const struct task *task = given->task;
    bool after = task->changed_us + JUDGE_SLACK_US >= given->decided_us;
    if (strcmp(task->status_message, "Forced stop (non-responsive)") == 0 ||
        strcmp(task->status_reason, "Forced stop (non-responsive)") == 0) {
        *why = "the server stopped it because its machine fell silent";
        return VERDICT_STOPPED;
    }
    if (strcmp(task->status_reason, "user abort") == 0 && changed_by_this(given) && after) {
        *why = "its agent was stopped by the machine's end and called that a user's abort";
        return VERDICT_STOPPED;
    }
    *why = "it was stopped on purpose";
    return VERDICT_LEAVE;
}

static enum verdict judge_failed(const struct judge_case *given, const char **why)
{
    bool after = given->task->changed_us + JUDGE_SLACK_US >= given->decided_us;
    if (after && exit_by_signal(given->task->status_reason)) {
        *why = "its process was ended with the machine and counted as failed";
        return VERDICT_STOPPED;
    }
    *why = "it failed by itself";
    return VERDICT_LEAVE;
}

static enum verdict judge_completed(const struct judge_case *given, const char **why)
{
    bool cut = strcmp(given->machine->drain_mode, "now") == 0 &&
               given->task->changed_us + JUDGE_SLACK_US >= given->decided_us;
    *why = cut ? "it was marked completed while its machine was being ended: look whether it was"
               : "it completed";
    return cut ? VERDICT_SAY : VERDICT_LEAVE;
}

static enum verdict judge_queued(const struct judge_case *given, const char **why)
{
    *why = "it waits in its queue";
    if (given->in_queue)
        return VERDICT_LEAVE;
    int64_t still_us = given->now_us - given->task->updated_us;
    *why = "it was taken out of its queue a moment ago";
    if (still_us < given->still_ms * 1000)
        return VERDICT_WAIT;
    *why = "it was taken out of its queue and never started";
    return VERDICT_POPPED;
}

/* A machine that waits for the task has it within the slack that the end's time is read with. */
static enum verdict judge_running(const struct judge_case *given, bool seen, const char **why)
{
    *why = "it was put back after that end: who runs it now is another";
    if (given->put_back)
        return VERDICT_LEAVE;
    if (strcmp(given->task->status_message, "stopping") == 0) {
        *why = "its user had asked to stop it";
        return VERDICT_FINISH_ABORT;
    }
    int64_t still_us = given->now_us - given->task->updated_us;
    *why = "nobody saw who runs it: it must stand still first";
    if (!seen && still_us < given->still_ms * 1000)
        return VERDICT_WAIT;
    *why = "it ran when its machine ended";
    return VERDICT_RUNNING;
}

static enum verdict judge(const struct judge_case *given, const char **why)
{
    bool seen;
    *why = "the machine's end is not confirmed";
    if (given->machine->ended_us == 0)
        return VERDICT_WAIT;
    if (!is_its_task(given, &seen, why))
        return VERDICT_LEAVE;
    if (may_live(given, why))
        return VERDICT_WAIT;
    if (task_is(given->task, "queued"))
        return judge_queued(given, why);
    if (task_is(given->task, "in_progress"))
        return judge_running(given, seen, why);
    if (task_is(given->task, "stopped"))
        return judge_stopped(given, why);
    if (task_is(given->task, "failed"))
        return judge_failed(given, why);
    if (task_is(given->task, "completed"))
        return judge_completed(given, why);
    *why = "it is in a state that no machine's end leaves behind";
    return VERDICT_LEAVE;
}

enum verdict judge_task(const struct judge_case *given, char *words, size_t len)
{
    const char *why = "";
    enum verdict verdict = judge(given, &why);
    snprintf(words, len, "%s", why);
    return verdict;
}
