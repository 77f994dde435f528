/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler works with: one request inside the turn's transaction. */
#ifndef DROVER_LEDGER_TXN_H
#define DROVER_LEDGER_TXN_H

#include "core.h"
#include "lifecycle.h"

#define TXN_HOUR_US (3600LL * 1000000)
#define TXN_TOMBSTONE_US (48 * TXN_HOUR_US) /* closed attempts, settled rows (P9) */

struct txn {
    struct ledger *ledger;
    struct store *store;
    const struct dr_cfg_root *config;
    struct pool *pool;
    int64_t now_us;
    const char *source;  /* who asks */
    const char *account; /* the part after its colon; "" */
    const char *corr, *request;
    const char *by;    /* the person who asks, once txn_by() took the name; else "" */
    struct dr_ack ack; /* the answer, unless reply_body is set */
    bool keep;         /* a refusal that still changes something */
    bool later;        /* it is answered from outside the turn */
    enum dr_type reply;
    const void *reply_body;
};

/* A handler answers by txn_done(), txn_refuse() or txn_reply(); a refusal undoes what it did. */
typedef void (*txn_handler)(struct txn *txn, const void *body);

/* One handler per request to the ledger: handle_machine_want(), ... */
#define TXN_HANDLER_FOR_LEDGER(rec) void handle_##rec(struct txn *txn, const void *body);
#define TXN_HANDLER_FOR_WATCHER(rec)
#define TXN_HANDLER_FOR_PLANNER(rec)
#define TXN_HANDLER_FOR_BUS(rec)
#define TXN_HANDLER_FOR_PROVISIONER(rec)
#define RECORD(rec, meaning)
#define END_RECORD(rec)
#define EVENT(number, ENUM, rec, topic, from, meaning)
#define REQUEST(number, ENUM, rec, name, from, to, REPLY_, meaning) TXN_HANDLER_FOR_##to(rec)
#define REPLY(number, ENUM, rec, name, from, meaning)
#define END_MESSAGE(rec)
#define F_STR(rec, field, meaning)
#define F_I64(rec, field, meaning)
#define F_BOOL(rec, field, meaning)
#define F_BIN(rec, field, meaning)
#define F_STRS(rec, field, meaning)
#define F_REC(rec, field, of, meaning)
#define F_RECS(rec, field, of, meaning)
#define RETIRED(number, was)
#include "drover/messages.def"
#include "drover/message_undef.h"

/* Always false, so that a check can `return txn_refuse(...)`. */
bool txn_refuse(struct txn *txn, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ids are borrowed from the turn's pool. */
void txn_done(struct txn *txn, struct dr_strs ids, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void txn_reply(struct txn *txn, enum dr_type type, const void *body);

/* A new row's id: the prefix and 2 * `bytes` random lower-case hexadecimal digits. */
const char *txn_id(struct txn *txn, char prefix, size_t bytes);

/* The sentence that stops all starting and ending (P25); "" when nothing does. */
const char *txn_blocked(struct txn *txn);

/* Refuses when nothing may start (blocked, disk full) or end (blocked). */
bool txn_may_launch(struct txn *txn);
bool txn_may_end(struct txn *txn);

/* Refuses a provisioner that speaks for an account that is not its own. */
bool txn_own_account(struct txn *txn, const char *account);

/* Ids end up in lists of one column, in labels and in logs: 1 to 255 printable ASCII bytes without
 * a space. Refuses anything else; `what` names the field. */
bool txn_valid_id(struct txn *txn, const char *what, const char *id);
bool txn_valid_ids(struct txn *txn, const char *what, const struct dr_strs *ids);

/* A person asks: every change of this request from here on names them and is published as
 * hand.recorded, too. Refuses what is no name. */
bool txn_by(struct txn *txn, const char *by);

/* ---- changes: each raises version and seq, writes history, publishes after commit ------------ */

/* `from` is the state before: "" inserts. Keeps state_since_us, ended_us and what a change of state
 * brings with it. */
void change_machine(struct txn *txn, struct dr_machine_row *row, const char *from);
/* The same with other words for the history: what was done, where that is no change of state. */
void change_machine_as(struct txn *txn, struct dr_machine_row *row, const char *from,
                       const char *done, const char *cause);
void change_attempt(struct txn *txn, struct dr_attempt_row *row, const char *from);
void change_key(struct txn *txn, struct dr_key_row *row, const char *from);
void change_recovery(struct txn *txn, struct dr_recovery_row *row, const char *from);

/* What a person (txn_by()) did to something that is none of these rows: a line of history, and
 * hand.recorded. */
void change_hand(struct txn *txn, const char *kind, const char *id, const char *from,
                 const char *done, const char *cause);

/* Names are no change of state: tasks.known tells them, the sequence stays. */
void tell_tasks(struct txn *txn, struct dr_task_row_list tasks);
void change_pause(struct txn *txn, const struct dr_pause_row *row, const char *from);

/* Reads a row or refuses with not-found. version 0 takes any. */
bool machine_load(struct txn *txn, const char *id, int64_t version, struct dr_machine_row *row);
bool attempt_load(struct txn *txn, const char *id, struct dr_attempt_row *row);

/* What the table says to this event; refuses with conflict in words. MOVE and RESUME have put the
 * new state in the row and the old one in *from; the caller changes it. */
enum lifecycle_verdict machine_step(struct txn *txn, struct dr_machine_row *row,
                                    enum machine_event event, const char **from);

/* Answers with the row as it is now. */
void machine_done(struct txn *txn, const struct dr_machine_row *row);

/* How a machine is to go, and why. */
struct away {
    const char *mode, *reason, *sentence;
};

/* Applies DRAIN or DOOMED to the row, changes it and answers. A stronger mode replaces a weaker
 * one, and unfit any other reason: nothing runs there. */
void machine_leave(struct txn *txn, struct dr_machine_row *row, enum machine_event event,
                   const struct away *away);

/* Refuses when a person paused this queue (its name; "": none in particular) or all of them. */
bool pause_allows(struct txn *txn, const char *queue);
/* The queue that wanted this row: the ledger learns the names of ids from wants. "" if unknown. */
const char *pause_name_of(struct txn *txn, const char *queue_id);
void pause_learn_name(struct txn *txn, const char *queue_id, const char *name);

/* Which task runs where: a slot of the machine was seen; and the machine ended. */
void work_seen(struct txn *txn, const struct dr_slot_row *slot);
void work_over(struct txn *txn, const char *machine);

/* The key of a closed attempt goes when none of its machines lives any more (P11, P22). */
void key_release(struct txn *txn, const char *attempt);

/* meta: named values. */
int64_t meta_int(struct store *store, const char *name);
void meta_set_int(struct store *store, const char *name, int64_t value);
void meta_set_text(struct store *store, const char *name, const char *text);

#endif
