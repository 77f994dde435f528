/* SPDX-License-Identifier: Apache-2.0 */
/* A task as recovery looks at it. Pure. */
#ifndef DROVER_WATCHER_TASK_H
#define DROVER_WATCHER_TASK_H

#include <jansson.h>

#include <stdbool.h>

#include "stamp.h"

/* Texts borrow from the JSON; "" for what is missing. Times are by our clock; 0: missing. */
struct task {
    const char *id, *name;
    const char *status, *status_reason, *status_message;
    const char *status_changed; /* as the server wrote it: names this state of the task */
    const char *last_worker;    /* written by workers.status_report only */
    const char *hostname;       /* runtime._exec_agent_hostname, set when the child starts */
    const char *queue;          /* execution.queue: the last it was put into; a reset erases it */
    int64_t changed_us, updated_us;
    int64_t report_us; /* last_worker_report: the last that a worker said of it */
};

/* The fields that task_read() wants, as tasks.get_all's only_fields. New reference. */
json_t *task_fields(void);

/* False when it is no task. */
bool task_read(const json_t *json, const struct server_clock *clock, struct task *out);

bool task_is(const struct task *task, const char *status);

#endif
