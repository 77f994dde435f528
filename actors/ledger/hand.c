/* SPDX-License-Identifier: Apache-2.0 */
/* What a person asks for: each is an intent with who and when. */
#include <string.h>

#include "txn.h"
#include "words.h"

#define WORDS_MAX 1000
#define NAME_KEY "queue:" /* meta: the name of a queue's id */

/* People's words go to terminals and pages: one line of them. */
static bool plain_words(struct txn *txn, const char *what, const char *words)
{
    size_t len = strlen(words);
    bool good = len <= WORDS_MAX;
    for (size_t i = 0; good && i < len; i++)
        good = (unsigned char)words[i] >= ' ' && words[i] != 0x7f;
    if (good)
        return true;
    return txn_refuse(txn, "bad-request", "%s must be one line of at most %d characters", what,
                      WORDS_MAX);
}

/* ---- machine.keep --------------------------------------------------------------------------- */
static bool may_keep(struct txn *txn, const struct dr_machine_row *row, int64_t until_us)
{
    enum machine_state state;
    bool ended = lifecycle_state_parse(row->state, &state) && lifecycle_ended(state);
    if (ended || state == STATE_WANTED)
        return txn_refuse(txn, "conflict", "machine %s is %s: there is nothing to keep", row->id,
                          row->state);
    if (until_us == 0)
        return true;
    if (until_us <= txn->now_us)
        return txn_refuse(txn, "bad-request",
                          "a machine is kept until a time to come, and that has passed already");
    if (*row->drain_mode == '\0' && state != STATE_TERMINATING)
        return true;
    return txn_refuse(txn, "conflict",
                      "machine %s is on its way out already (%s: %s): it can be kept only before",
                      row->id, row->drain_reason, row->cause);
}

void handle_machine_keep(struct txn *txn, const void *body)
{
    const struct dr_machine_keep *keep = body;
    struct dr_machine_row row;
    char until[DR_DATE_ROOM];
    if (!txn_by(txn, keep->by) || !machine_load(txn, keep->machine, 0, &row) ||
        !may_keep(txn, &row, keep->until_us))
        return;
    const char *words = keep->until_us == 0 ? "kept no longer"
                                            : pool_printf(txn->pool, "kept until %s",
                                                          dr_date_text(keep->until_us, until));
    if (row.keep_until_us != keep->until_us) {
        row.keep_until_us = keep->until_us;
        change_machine_as(txn, &row, row.state, row.keep_until_us == 0 ? "let go" : "kept", words);
    }
    txn_done(txn, pool_one(txn->pool, row.id), "machine %s is %s", row.id, words);
}

/* ---- launch.pause --------------------------------------------------------------------------- */
static bool pause_of(struct txn *txn, const char *queue, struct dr_pause_row *row)
{
    return store_get(txn->store, TABLE_PAUSE, queue, txn->pool, row);
}

bool pause_allows(struct txn *txn, const char *queue)
{
    struct dr_pause_row row;
    char words[DR_PAUSE_ROOM];
    if (pause_of(txn, "", &row) || (*queue != '\0' && pause_of(txn, queue, &row)))
        return txn_refuse(txn, "refused", "%s", dr_pause_text(&row, words, sizeof words));
    return true;
}

const char *pause_name_of(struct txn *txn, const char *queue_id)
{
    return store_text(txn->store, txn->pool, "SELECT value FROM meta WHERE name=?", "s",
                      pool_printf(txn->pool, NAME_KEY "%s", queue_id));
}

void pause_learn_name(struct txn *txn, const char *queue_id, const char *name)
{
    if (*name != '\0' && strcmp(pause_name_of(txn, queue_id), name) != 0)
        meta_set_text(txn->store, pool_printf(txn->pool, NAME_KEY "%s", queue_id), name);
}

static const char *queue_words(struct txn *txn, const char *queue)
{
    return *queue == '\0' ? "every queue" : pool_printf(txn->pool, "queue %s", queue);
}

/* What still holds the queue after it was resumed itself, or those that are paused apart. */
static const char *still_paused(struct txn *txn, const char *queue)
{
    struct dr_pause_row row;
    char words[DR_PAUSE_ROOM];
    if (*queue != '\0')
        return pause_of(txn, "", &row)
                   ? pool_printf(txn->pool, "; but %s", dr_pause_text(&row, words, sizeof words))
                   : "";
    struct dr_strs rest = store_texts(txn->store, txn->pool,
                                      "SELECT queue FROM pause WHERE queue<>'' ORDER BY queue", "");
    const char *names = "";
    for (size_t i = 0; i < rest.count; i++)
        names = pool_printf(txn->pool, "%s%s%s", names, i == 0 ? "" : ", ", rest.items[i]);
    return *names == '\0'
               ? ""
               : pool_printf(txn->pool, "; still paused apart, to be resumed by name: %s", names);
}

static void resume(struct txn *txn, const struct dr_launch_pause *asked, bool was)
{
    const char *queue = pool_text(txn->pool, asked->queue);
    if (was) {
        struct dr_pause_row row = {
            .queue = queue, .by = txn->by, .sentence = pool_text(txn->pool, asked->sentence)};
        store_run(txn->store, "DELETE FROM pause WHERE queue=?", "s", queue);
        change_pause(txn, &row, "paused");
    }
    txn_done(txn, pool_one(txn->pool, queue), "%s %s%s", queue_words(txn, queue),
             was ? "is resumed" : "was not paused", still_paused(txn, queue));
}

static void pause_launches(struct txn *txn, const struct dr_launch_pause *asked,
                           const struct dr_pause_row *old)
{
    struct dr_pause_row row = {.queue = pool_text(txn->pool, asked->queue),
                               .since_us = old == NULL ? txn->now_us : old->since_us,
                               .by = txn->by,
                               .sentence = pool_text(txn->pool, asked->sentence)};
    bool same =
        old != NULL && strcmp(old->by, row.by) == 0 && strcmp(old->sentence, row.sentence) == 0;
    if (old == NULL)
        store_insert(txn->store, TABLE_PAUSE, &row);
    else
        store_update(txn->store, TABLE_PAUSE, &row);
    if (!same)
        change_pause(txn, &row, old == NULL ? "" : "paused");
    txn_done(txn, pool_one(txn->pool, row.queue),
             "%s is paused: no machine starts for it; those that run go on",
             queue_words(txn, row.queue));
}

void handle_launch_pause(struct txn *txn, const void *body)
{
    const struct dr_launch_pause *asked = body;
    struct dr_pause_row old;
    if (!txn_by(txn, asked->by) || !plain_words(txn, "the reason", asked->sentence))
        return;
    bool was = pause_of(txn, asked->queue, &old);
    if (!was && *asked->queue != '\0' && dr_config_queue(txn->config, asked->queue) == NULL) {
        txn_refuse(txn, "not-found", "the configuration has no queue %s", asked->queue);
        return;
    }
    if (asked->paused)
        pause_launches(txn, asked, was ? &old : NULL);
    else
        resume(txn, asked, was);
}

/* ---- hand.note ------------------------------------------------------------------------------ */
static bool known_kind(const char *kind)
{
    return strcmp(kind, "config") == 0 || strcmp(kind, "login") == 0 || strcmp(kind, "token") == 0;
}

void handle_hand_note(struct txn *txn, const void *body)
{
    const struct dr_hand_note *note = body;
    if (!known_kind(note->kind)) {
        txn_refuse(txn, "bad-request", "a note is about config, login or token, not \"%s\"",
                   note->kind);
        return;
    }
    if (!txn_by(txn, note->by) || !txn_valid_id(txn, "done", note->done) ||
        !plain_words(txn, "id", note->id) || !plain_words(txn, "the sentence", note->sentence))
        return;
    change_hand(txn, note->kind, note->id, "", note->done, note->sentence);
    txn_done(txn, (struct dr_strs){0}, "noted");
}
