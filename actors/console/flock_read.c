/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "console.h"
#include "flock.h"

static int ask(struct console *console, const char *to, enum dr_type type, const void *body,
               int wait_ms, enum dr_type reply, struct dr_message *out, char *err, size_t err_len)
{
    if (console_try(console, to, type, body, wait_ms, out, err, err_len) != 0)
        return -1;
    if (out->row->type == reply)
        return 0;
    snprintf(err, err_len, "%s says: %s", to,
             out->row->type == DR_ACK ? ((const struct dr_ack *)out->body)->sentence : "?");
    dr_message_free(out);
    *out = (struct dr_message){0};
    return -1;
}

/* Who is not ready, behind the sentence on who did not answer. */
static void add_broken(const struct dr_actors *actors, char *err, size_t err_len)
{
    for (size_t i = 0; actors != NULL && i < actors->actors.count; i++) {
        const struct dr_actor_view *actor = &actors->actors.items[i];
        size_t len = strlen(err);
        if (strcmp(actor->state, "ready") != 0)
            snprintf(err + len, err_len - len, "; %s is %s%s%s", actor->actor, actor->state,
                     actor->sentence[0] == '\0' ? "" : ": ", actor->sentence);
    }
}

int flock_read(struct console *console, int history, int wait_ms, struct flock *out, char *err,
               size_t err_len)
{
    struct dr_actors_get actors = {.counters = false};
    struct dr_ledger_snapshot ledger = {.account = ""};
    struct dr_picture_get picture = {.workers = true};
    struct dr_plan_get plan = {.task = ""};
    struct dr_money_get money = {.type = ""};
    struct dr_history_get past = {.kind = "", .id = "", .limit = history};
    struct dr_message *got = out->answers;
    char aside[256];
    *out = (struct flock){0};
    if (ask(console, "bus", DR_ACTORS_GET, &actors, wait_ms, DR_ACTORS, &got[0], err, err_len) ||
        ask(console, "ledger", DR_LEDGER_SNAPSHOT, &ledger, wait_ms, DR_LEDGER_STATE, &got[1], err,
            err_len) ||
        ask(console, "watcher", DR_PICTURE_GET, &picture, wait_ms, DR_PICTURE, &got[2], err,
            err_len) ||
        ask(console, "planner", DR_PLAN_GET, &plan, wait_ms, DR_PLAN, &got[3], err, err_len)) {
        add_broken(got[0].row == NULL ? NULL : got[0].body, err, err_len);
        flock_drop(out);
        return -1;
    }
    out->actors = got[0].body;
    out->state = got[1].body;
    out->picture = got[2].body;
    out->plan = got[3].body;
    if (!ask(console, "ledger", DR_MONEY_GET, &money, wait_ms, DR_MONEY, &got[4], aside,
             sizeof aside))
        out->money = got[4].body;
    if (history > 0 && !ask(console, "ledger", DR_HISTORY_GET, &past, wait_ms, DR_HISTORY, &got[5],
                            aside, sizeof aside))
        out->history = got[5].body;
    return 0;
}

void flock_drop(struct flock *flock)
{
    for (size_t i = 0; i < sizeof flock->answers / sizeof flock->answers[0]; i++)
        dr_message_free(&flock->answers[i]);
    *flock = (struct flock){0};
}

void flock_json(const struct flock *flock)
{
    static const char *const names[] = {"actors", "ledger", "picture", "plan", "money", "history"};
    const char *between = "";
    putchar('{');
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (flock->answers[i].row == NULL)
            continue;
        char *json = dr_json(flock->answers[i].row->desc, flock->answers[i].body);
        printf("%s\"%s\":%s", between, names[i], json == NULL ? "null" : json);
        free(json);
        between = ",";
    }
    puts("}");
}
