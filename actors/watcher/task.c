/* SPDX-License-Identifier: Apache-2.0 */
#include "task.h"

#include <string.h>

json_t *task_fields(void)
{
    return json_pack("[s,s,s,s,s,s,s,s,s,s,s]", "id", "name", "status", "status_reason",
                     "status_message", "status_changed", "last_worker", "last_worker_report",
                     "last_update", "execution.queue", "runtime");
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static int64_t time_of(const json_t *json, const char *key, const struct server_clock *clock)
{
    return server_clock_ours(clock, stamp_us(text_of(json, key)));
}

bool task_read(const json_t *json, const struct server_clock *clock, struct task *out)
{
    *out = (struct task){
        .id = text_of(json, "id"),
        .name = text_of(json, "name"),
        .status = text_of(json, "status"),
        .status_reason = text_of(json, "status_reason"),
        .status_message = text_of(json, "status_message"),
        .status_changed = text_of(json, "status_changed"),
        .last_worker = text_of(json, "last_worker"),
        .hostname = text_of(json_object_get(json, "runtime"), "_exec_agent_hostname"),
        .queue = text_of(json_object_get(json, "execution"), "queue"),
        .changed_us = time_of(json, "status_changed", clock),
        .updated_us = time_of(json, "last_update", clock),
        .report_us = time_of(json, "last_worker_report", clock),
    };
    return out->id[0] != '\0' && out->status[0] != '\0';
}

bool task_is(const struct task *task, const char *status)
{
    return strcmp(task->status, status) == 0;
}
