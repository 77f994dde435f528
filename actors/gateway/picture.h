/* SPDX-License-Identifier: Apache-2.0 */
/* What the pages show, made from events and snapshots, and what of it changed (docs/gateway.md,
 * "Shapes"). Pure: it is handed the time. One thread. Lack of memory ends the process. */
#ifndef DROVER_GATEWAY_PICTURE_H
#define DROVER_GATEWAY_PICTURE_H

#include "drover/config.h"
#include "drover/message.h"
#include "strbuf.h"
#include "view.h"

#define PICTURE_ENDED_US (3600 * INT64_C(1000000)) /* so long an ended machine is still shown */
#define PICTURE_ACTIVITY_MAX 2000
#define PICTURE_NAMES_MAX 50000
#define PICTURE_REMEMBERED_MAX 500 /* activity from before this process */

struct picture;

/* A change, as the stream tells it: the event's name and one JSON document; both borrowed. */
typedef void picture_tell_fn(void *arg, const char *event, const char *json);

/* config lives until the next picture_configure() has returned. */
struct picture *picture_new(const struct dr_cfg_root *config, int64_t now_us, picture_tell_fn *tell,
                            void *arg);
void picture_free(struct picture **picture);

/* Tells `reset`: what the pages hold may name queues that are no more. */
void picture_configure(struct picture *picture, const struct dr_cfg_root *config);

/* An event, or the reply to a request, whichever the row says; what is neither changes nothing.
 * Replies replace their part: LEDGER_STATE (asked with ended), PICTURE (with workers), PLAN,
 * ACTORS, MONEY, TASKS. source: who published it; "" for replies. */
void picture_take(struct picture *picture, const struct dr_message_row *row, const void *body,
                  const char *source, int64_t now_us);

/* The wall time at which CLOCK_BOOTTIME was 0: from then on a reading's age is that of its request
 * (P2), not of the message that brought it. */
void picture_clock(struct picture *picture, int64_t boot_us);

/* The ledger began a new life: its sequence may have gone back (a restored copy). */
void picture_ledger_reborn(struct picture *picture);

/* Works out what followed from all that was taken, and tells it. */
void picture_flush(struct picture *picture, int64_t now_us);

/* Parts that are not there or not as they should be, in sentences; told as `missing` when they
 * changed. Copied. */
void picture_missing(struct picture *picture, const struct dr_strs *sentences);

/* ---- reading; all as of the last flush ------------------------------------------------------ */
struct picture_place { /* where the stream stands */
    const char *boot;
    int64_t seq;
};
void picture_state(const struct picture *picture, const struct picture_place *place, int64_t now_us,
                   struct dr_strbuf *out);

/* When each part was last heard of; 0: never. */
enum picture_part {
    PICTURE_LEDGER,
    PICTURE_QUEUES,
    PICTURE_WORKERS,
    PICTURE_PLAN,
    PICTURE_ACTORS,
    PICTURE_MONEY,
    PICTURE_PARTS
};
int64_t picture_heard_us(const struct picture *picture, enum picture_part part);

struct picture_figures {
    int64_t of[DR_PHASES];   /* machines */
    int64_t waiting;         /* tasks */
    int64_t rate_usd_micros; /* of the newest MONEY */
};
struct picture_figures picture_figures(const struct picture *picture);

/* Row, MACHINE and name of a machine by row or instance id; NULL or false: not in the picture. */
const struct dr_machine_row *picture_machine(const struct picture *picture, const char *id);
bool picture_machine_json(const struct picture *picture, const char *id, int64_t now_us,
                          struct dr_strbuf *out);
/* The same of a row that the picture need not hold (an old one). */
void picture_row_json(const struct picture *picture, const struct dr_machine_row *row,
                      int64_t now_us, struct dr_strbuf *out);
/* Ids of the machines that live and serve a queue, as a JSON list. */
void picture_serving_json(const struct picture *picture, const char *queue_id,
                          struct dr_strbuf *out);

/* The queue's newest reading; NULL: no such queue, or none was read. */
const struct dr_queue_view *picture_queue(const struct picture *picture, const char *name);
bool picture_queue_json(const struct picture *picture, const char *name, struct dr_strbuf *out);
/* The configured queues, in order. */
size_t picture_queue_count(const struct picture *picture);
const struct dr_queue_view *picture_queue_at(const struct picture *picture, size_t index);

const struct dr_plan_decided *picture_plan(const struct picture *picture);
const struct dr_workers_observed *picture_workers(const struct picture *picture);
const struct dr_money *picture_money(const struct picture *picture);
const struct dr_actors *picture_actors(const struct picture *picture);
const struct dr_task_row *picture_name(const struct picture *picture, const char *task);
/* The server's web page without a slash at its end, or "". */
void picture_web(const struct picture *picture, struct dr_strbuf *out);

/* When the i-th waiting task of a queue may start: the i-th of the machines that boot for it, by
 * how long machines of its type took lately. 0: not known. */
int64_t picture_expected_us(const struct picture *picture, const char *queue_id, size_t index);

/* ---- activity ------------------------------------------------------------------------------- */
struct picture_filter { /* NULL or 0: any */
    int64_t before;     /* only older than this seq */
    size_t limit;
    const char *kind, *level, *machine, *task, *queue, *text;
};
/* Newest first, one JSON object each, with `between` between them. The `before` of the next page,
 * 0: no more. */
int64_t picture_activity(const struct picture *picture, const struct picture_filter *filter,
                         const char *between, struct dr_strbuf *out);

/* What the ledger remembers of the time before this picture, newest first; only once. */
void picture_remember(struct picture *picture, const struct dr_history *history);

#endif
