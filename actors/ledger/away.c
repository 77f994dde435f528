/* SPDX-License-Identifier: Apache-2.0 */
/* Taking machines away: the drain, its answer, the end; and machines that go by themselves. */
#include <string.h>

#include "txn.h"

static int strength(const char *mode)
{
    static const char *const modes[] = {"idle", "after-task", "now"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(mode, modes[i]) == 0)
            return i + 1;
    }
    return 0;
}

static void set_away(struct txn *txn, struct dr_machine_row *row, const struct away *away)
{
    row->drain_mode = pool_text(txn->pool, away->mode);
    row->drain_reason = pool_text(txn->pool, away->reason);
    row->cause = pool_text(txn->pool, away->sentence);
}

static bool outranks(const struct away *away, const struct dr_machine_row *row)
{
    if (strcmp(row->drain_reason, "unfit") == 0)
        return false;
    return strength(away->mode) > strength(row->drain_mode) || strcmp(away->reason, "unfit") == 0;
}

void machine_leave(struct txn *txn, struct dr_machine_row *row, enum machine_event event,
                   const struct away *away)
{
    const char *from;
    enum lifecycle_verdict verdict = machine_step(txn, row, event, &from);
    if (verdict == LIFECYCLE_REFUSE)
        return;
    bool moved = verdict == LIFECYCLE_MOVE;
    if (moved && strcmp(row->state, "cancelled") == 0)
        row->cause = pool_text(txn->pool, away->sentence);
    else if (moved || (strcmp(row->state, "draining") == 0 && outranks(away, row)))
        set_away(txn, row, away);
    else {
        machine_done(txn, row);
        return;
    }
    change_machine(txn, row, from);
    machine_done(txn, row);
}

static bool known_reason(const char *reason)
{
    static const char *const reasons[] = {
        "idle", "never-registered", "silent", "age", "hand", "cap", "leak", "surplus", "notice"};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strcmp(reason, reasons[i]) == 0)
            return true;
    }
    return false;
}

static bool by_hand(struct txn *txn, const struct dr_machine_drain *drain)
{
    if (strcmp(drain->reason, "hand") != 0)
        return txn_refuse(txn, "bad-request", "a person drains by hand, not for reason \"%s\"",
                          drain->reason);
    return txn_by(txn, drain->by);
}

void handle_machine_drain(struct txn *txn, const void *body)
{
    const struct dr_machine_drain *drain = body;
    struct dr_machine_row row;
    if (strength(drain->mode) == 0 || !known_reason(drain->reason)) {
        txn_refuse(txn, "bad-request", "a machine is not drained in mode \"%s\" for reason \"%s\"",
                   drain->mode, drain->reason);
        return;
    }
    bool notice = strcmp(drain->reason, "notice") == 0;
    if (!notice && strcmp(txn->source, "watcher") == 0) {
        txn_refuse(txn, "refused", "the watcher only passes notices on; \"%s\" is another's to say",
                   drain->reason);
        return;
    }
    if (*drain->by != '\0' && !by_hand(txn, drain))
        return;
    if (txn_may_end(txn) && machine_load(txn, drain->machine, drain->version, &row))
        machine_leave(txn, &row, notice ? EVENT_DOOMED : EVENT_DRAIN,
                      &(struct away){drain->mode, drain->reason, drain->sentence});
}

void handle_machine_unfit(struct txn *txn, const void *body)
{
    const struct dr_machine_unfit *unfit = body;
    struct dr_machine_row row;
    if (txn_may_end(txn) && machine_load(txn, unfit->machine, 0, &row))
        machine_leave(txn, &row, EVENT_DOOMED, &(struct away){"now", "unfit", unfit->sentence});
}

void handle_drain_answered(struct txn *txn, const void *body)
{
    const struct dr_drain_answered *answered = body;
    struct dr_machine_row row;
    const char *from;
    bool refused = strcmp(answered->answer, "refused") == 0;
    if (!refused && strcmp(answered->answer, "done") != 0) {
        txn_refuse(txn, "bad-request", "a guard answers done or refused, not \"%s\"",
                   answered->answer);
        return;
    }
    if (!machine_load(txn, answered->machine, 0, &row))
        return;
    enum lifecycle_verdict verdict =
        machine_step(txn, &row, refused ? EVENT_ACK_REFUSED : EVENT_ACK_DONE, &from);
    if (verdict == LIFECYCLE_REFUSE)
        return;
    bool first = !refused && row.drain_acked_us == 0 && row.ended_us == 0;
    if (first)
        row.drain_acked_us = txn->now_us;
    if (verdict == LIFECYCLE_MOVE) {
        row.drain_mode = row.drain_reason = "";
        row.drain_acked_us = 0;
        row.up_us = row.up_us == 0 ? txn->now_us : row.up_us;
        row.cause = "its guard refused the drain: a task runs";
    }
    if (first || verdict == LIFECYCLE_MOVE)
        change_machine(txn, &row, from);
    machine_done(txn, &row);
}

void handle_machine_terminate(struct txn *txn, const void *body)
{
    const struct dr_machine_terminate *terminate = body;
    struct dr_machine_row row;
    const char *from;
    if (!txn_may_end(txn) || !machine_load(txn, terminate->machine, terminate->version, &row))
        return;
    enum lifecycle_verdict verdict = machine_step(txn, &row, EVENT_TERMINATE, &from);
    if (verdict == LIFECYCLE_REFUSE)
        return;
    if (verdict == LIFECYCLE_MOVE) {
        row.cause = pool_text(txn->pool, terminate->sentence);
        change_machine(txn, &row, from);
    }
    machine_done(txn, &row);
}
