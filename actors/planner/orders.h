/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked of the ledger and is not yet seen in its rows, and what is put off because it said
 * no. At most one want is under way per machine type. */
#pragma once
#include "state.h"

struct order {
    char *type;
    bool under_way;
    int64_t count;    /* machines asked for */
    int64_t until_ms; /* put off until then; 0: not */
    char *verdict;    /* capped, blocked: why it is put off */
    char *sentence;
};

struct aside {
    char *task;
    int64_t until_ms;
};

struct orders {
    struct order *items;
    size_t count;
    struct aside *tasks; /* their launch budget is spent: nothing more is bought for them */
    size_t task_count;
    int64_t need_ms;  /* since when */
    int64_t need_seq; /* the ledger changed up to here by our word: plan when the rows show it */
    int64_t hold_until_ms; /* the ledger cannot write: ask again then */
    int64_t
        fresh_until_ms; /* the configuration is new until then: a refusal may be the old one's */
};

#define ORDERS_CAPPED_MS 10000  /* the ledger said capped: asked again after */
#define ORDERS_FAILED_MS 300000 /* a machine of the type failed to start */
#define ORDERS_WRONG_MS 60000   /* the ledger did not understand: a reload may mend it */
#define ORDERS_BUSY_MS 2000
#define ORDERS_TASK_MS 600000
#define ORDERS_FRESH_MS 10000 /* within this the ledger has taken up a new configuration, too */
#define ORDERS_AGAIN_MS 1000  /* until then a refusal is asked again after this */

void orders_free(struct orders *orders);

/* The type's order, made if it is not there. */
struct order *orders_of(struct orders *orders, const char *type);

void orders_begin(struct orders *orders, const char *type, int64_t count);
/* The answer: ack NULL when none came, and what happened is unknown. True: the rows must be read
 * anew before anything is planned. */
bool orders_answered(struct orders *orders, const char *type, const struct dr_ack *ack,
                     struct now now);
void orders_put_off(struct orders *orders, const char *type, int64_t until_ms, const char *verdict,
                    const char *sentence);
bool orders_is_off(const struct order *order, struct now now);
bool orders_task_aside(const struct orders *orders, const char *task, struct now now);

/* A person changed the configuration: everything may be tried again. The ledger may still judge by
 * the old one when the first want reaches it, so that for a while no refusal lasts. */
void orders_forgive(struct orders *orders, struct now now);
