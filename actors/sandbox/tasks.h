/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "sandbox.h"

/* What the files about tasks, queues and workers share. */

/* task_fields.c: between what clients send and what is stored. */

enum task_fields_use { TASK_CREATE, TASK_EDIT, TASK_UPDATE };

/* The fields of source that this use takes, checked and brought into the stored form (artifacts as
 * a map, tags sorted, legacy parameters in their sections). previous is the task being edited or
 * NULL. A new object; NULL: the call's error is set. */
json_t *task_fields_read(struct sandbox_call *call, const json_t *source, enum task_fields_use use,
                         const json_t *previous);
/* A new task document with every default, then fields put over it. It is not stored yet. */
json_t *task_fields_new(struct sandbox_call *call, const json_t *fields);
/* Turns one document (or part of one) into what is answered: artifacts as a list, and for old
 * clients the fields they know. In place. */
void task_fields_answer(const struct sandbox_call *call, json_t *doc);
/* References of a task: parent, project, input models must exist. */
int task_check_references(struct sandbox_call *call, const json_t *task, bool parent, bool project,
                          bool models);
/* "key" and mode (NULL: output) → the key of execution.artifacts. */
void task_artifact_id(const char *key, const char *mode, char out[64]);
/* task_legacy.c: what older clients say and see otherwise. */
void task_legacy_store(struct sandbox_call *call, json_t *fields, const json_t *previous);
void task_legacy_answer(const struct sandbox_call *call, json_t *doc);

/* tags.c: lists of texts. Anything else in them is passed over; sort leaves such a list alone. */
void sort_strings(json_t *list);
bool tags_have(const json_t *list, const char *tag);
void tags_remove(json_t *list, const char *tag);

/* tasks_status.c */

struct task_change {
    const char *to;
    const char *reason;  /* NULL: "" */
    const char *message; /* NULL: "" */
    bool force;
};

/* May a task go from one status to the other without force? */
bool task_move_allowed(const char *from, const char *to);
/* Checks and makes the move. Puts what changed into fields (may be NULL). */
int task_change_status(struct sandbox_call *call, json_t *task, const struct task_change *change,
                       json_t *fields);
/* The same with status_reason, status_message and force of the body. */
int task_change_from_body(struct sandbox_call *call, json_t *task, const char *to, json_t *fields);
/* The form of most answers: {"fields": fields (stolen), "updated": updated}. */
int task_put_update(json_t *into, json_t *fields, int updated);
const char *task_status(const json_t *task);
bool task_is(const json_t *task, const char *status);
bool task_status_known(const char *name);

/* tasks_queue.c */

/* Out of its queue if it is queued; returns how many entries went, -1 if it stood in none. */
int task_dequeue(struct sandbox_call *call, json_t *task);
/* The same, and a queued or running task gets the status it had before (or to, or, if it runs,
 * running_to). false: nothing changed. */
bool task_dequeue_and_change(struct sandbox_call *call, json_t *task,
                             const struct task_change *change, const char *running_to,
                             bool all_queues, json_t *fields);
/* tasks_status.c: news of a running task: last_update, and how long it has been active. */
void task_alive(struct sandbox_call *call, json_t *task);
/* tasks_edit.c: the task for editing: created only; with force queued and running ones too; any:
 * whatever. */
json_t *task_for_update(struct sandbox_call *call, bool force, bool any);

/* tasks_delete.c: what goes with the output of a task; NULL: error set. The counts as the
 * server answers them: updated_children, updated_models, deleted_models, urls. */
json_t *task_cleanup(struct sandbox_call *call, json_t *task, bool force, bool update_children,
                     bool delete_models);

/* queues.c */
json_t *queue_by_name(struct sandbox *sb, const char *name);
json_t *queue_new(struct sandbox_call *call, const char *name);
json_t *queue_default(struct sandbox_call *call);
int queue_add(struct sandbox_call *call, json_t *queue, const char *task_id);
/* How many entries of the task went. */
int queue_remove(struct sandbox_call *call, json_t *queue, const char *task_id);
/* From every queue but the one with the id except (may be NULL). */
void queue_remove_everywhere(struct sandbox_call *call, const char *task_id, const char *except);

/* workers.c */
/* Those still registered at now, in order. A new array of borrowed documents. */
json_t *workers_alive(struct sandbox *sb, int64_t now_us);
bool workers_watch(struct sandbox *sb, int64_t now_us, const char *queue_id);
