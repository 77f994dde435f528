/* SPDX-License-Identifier: Apache-2.0 */
/* What the reading operations share. */
#ifndef DROVER_GATEWAY_API_READ_H
#define DROVER_GATEWAY_API_READ_H

#include "compact.h"
#include "feed.h"
#include "gateway.h"

#define READ_ROWS_MAX 1000
#define READ_ROWS 200

/* Answers 200 with a JSON document and frees it. */
void read_answer(struct request *request, struct dr_strbuf *json);

/* The picture as of now. */
const struct picture *read_picture(struct request *request);

/* The body of an answer of this type; NULL: it did not come. */
const void *read_body(const struct dr_answer *answer, enum dr_type type);

/* A parameter behind the `?`, "" when it is not given. */
const char *read_text(const struct request *request, const char *name);

/* `offset` and `limit`; false: 400 is answered. */
bool read_page(struct request *request, int64_t *offset, int64_t *limit);

/* A TASK of docs/gateway.md. What is NULL or 0 is left out. */
struct read_task {
    const char *id, *queue, *state, *machine, *verdict, *sentence;
    int64_t added_us, from_us, to_us, expected_us;
};
/* name: what is known of it, or NULL. */
void read_task_json(const struct read_task *task, const struct dr_task_row *name,
                    struct dr_strbuf *out);

/* The queue in which it waits and its place there; NULL: it waits in none. */
const struct dr_queue_view *read_waiting(const struct picture *picture, const char *task,
                                         size_t *place);
/* The worker of ours that runs it; NULL: none. */
const struct dr_worker_view *read_running(const struct picture *picture, const char *task);

/* What the plan says of a waiting task: its own row, or its queue's. NULL: nothing. */
const struct dr_reason_view *read_reason(const struct picture *picture, const char *queue,
                                         const char *task);

#endif
