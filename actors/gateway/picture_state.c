/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of the picture as one document, and what of its small parts changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture_impl.h"

#define FIRST_ACTIVITY 50

/* The web page of a server as ClearML's own SDK derives it from the API's address
 * (clearml/backend_api/session/session.py, get_app_server_host). */
static void derive_web(const char *api, struct dr_strbuf *out)
{
    static const struct {
        const char *api, *web;
    } pairs[] = {{"://demoapi.", "://demoapp."}, {"://api.", "://app."}, {":8008", ":8080"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const char *at = strstr(api, pairs[i].api);
        if (at == NULL)
            continue;
        dr_strbuf_add(out, api, (size_t)(at - api));
        dr_strbuf_add_text(out, pairs[i].web);
        dr_strbuf_add_text(out, at + strlen(pairs[i].api));
        return;
    }
}

void picture_web(const struct picture *picture, struct dr_strbuf *out)
{
    const struct dr_cfg_clearml *clearml = &picture->config->clearml;
    dr_strbuf_add_text(out, "");
    if (*clearml->web_server != '\0')
        dr_strbuf_add_text(out, clearml->web_server);
    else
        derive_web(clearml->api_server, out);
    while (out->len > 0 && out->data[out->len - 1] == '/')
        out->data[--out->len] = '\0';
}

static void server_json(const struct picture *picture, struct dr_strbuf *out)
{
    static const struct dr_server_changed unknown = {.state = "unknown", .sentence = ""};
    const struct dr_server_changed *server = picture->server.value;
    struct dr_strbuf web = {0};
    picture_web(picture, &web);
    dr_strbuf_add_text(out, "{");
    compact_fields(out, &dr_desc_server_changed, server == NULL ? &unknown : server, true);
    compact_key(out, "web");
    compact_text(out, web.data);
    dr_strbuf_add_text(out, "}");
    dr_strbuf_free(&web);
}

static void counts_json(const struct picture *picture, struct dr_strbuf *out)
{
    const struct picture_figures *figures = &picture->figures;
    dr_strbuf_printf(out, "{\"waiting\":%lld", (long long)figures->waiting);
    for (int phase = DR_PHASE_BOOTING; phase <= DR_PHASE_FAILED; phase++)
        compact_number(out, dr_view_phase_name((enum dr_phase)phase), figures->of[phase]);
    dr_strbuf_add_text(out, "}");
}

static void pauses_json(const struct picture *picture, struct dr_strbuf *out)
{
    const struct dr_ledger_state *state = picture->pauses.value;
    if (state == NULL)
        dr_strbuf_add_text(out, "[]");
    else
        compact_records(out, &dr_desc_pause_row, state->pauses.items, state->pauses.count, false);
}

/* As of when is no news. */
static void money_json(const struct picture *picture, bool with_time, struct dr_strbuf *out)
{
    if (picture->money.value == NULL) {
        dr_strbuf_add_text(out, "null");
        return;
    }
    struct dr_money money = *(const struct dr_money *)picture->money.value;
    if (!with_time)
        money.t_us = 0;
    compact_record(out, &dr_desc_money, &money, true);
}

static void tell_money(struct picture *picture)
{
    struct dr_strbuf json = {0};
    if (picture->money.value == NULL)
        return;
    money_json(picture, false, &json);
    if (picture->money_told == NULL || strcmp(picture->money_told, json.data) != 0) {
        free(picture->money_told);
        picture->money_told = picture_copy(json.data);
        json.len = 0;
        money_json(picture, true, &json);
        picture->tell(picture->arg, "money", json.data);
    }
    dr_strbuf_free(&json);
}

void picture_flush(struct picture *picture, int64_t now_us)
{
    struct dr_strbuf json = {0};
    flock_flush(picture, now_us);
    queues_flush(picture);
    counts_json(picture, &json);
    picture_say(picture, "counts", &picture->counts_told, json.data);
    json.len = 0;
    server_json(picture, &json);
    picture_say(picture, "server", &picture->server_told, json.data);
    json.len = 0;
    pauses_json(picture, &json);
    picture_say(picture, "pauses", &picture->pauses_told, json.data);
    json.len = 0;
    compact_text(&json, picture->blocked);
    picture_say(picture, "blocked", &picture->blocked_told, json.data);
    json.len = 0;
    dr_strbuf_printf(&json, "{%s}", picture->missing);
    picture_say(picture, "missing", &picture->missing_told, json.data);
    dr_strbuf_free(&json);
    tell_money(picture);
}

/* ---- the state ------------------------------------------------------------------------------- */
static int by_age(const void *a, const void *b)
{
    const struct picture_machine *x = *(struct picture_machine *const *)a;
    const struct picture_machine *y = *(struct picture_machine *const *)b;
    const struct dr_machine_row *r = x->row.value, *s = y->row.value;
    if (r->created_us != s->created_us)
        return r->created_us < s->created_us ? -1 : 1;
    return strcmp(x->id, y->id);
}

static void machines_json(const struct picture *picture, int64_t now_us, struct dr_strbuf *out)
{
    struct picture_machine *machine, *next;
    size_t count = 0;
    struct picture_machine **all =
        calloc(HASH_COUNT(picture->machines) + 1, sizeof(struct picture_machine *));
    DR_ASSERT(all != NULL);
    HASH_ITER (hh, picture->machines, machine, next) {
        if (machine->json != NULL)
            all[count++] = machine;
    }
    qsort(all, count, sizeof(struct picture_machine *), by_age);
    dr_strbuf_add_text(out, "[");
    for (size_t i = 0; i < count; i++) {
        dr_strbuf_add_text(out, i == 0 ? "" : ",");
        flock_machine_json(all[i], now_us, out);
    }
    dr_strbuf_add_text(out, "]");
    free(all);
}

static void queues_json(const struct picture *picture, struct dr_strbuf *out)
{
    bool first = true;
    dr_strbuf_add_text(out, "[");
    for (size_t i = 0; i < picture->queue_count; i++) {
        if (picture->order[i]->json == NULL)
            continue;
        dr_strbuf_add_text(out, first ? "" : ",");
        dr_strbuf_add_text(out, picture->order[i]->json);
        first = false;
    }
    dr_strbuf_add_text(out, "]");
}

static void actors_json(const struct picture *picture, struct dr_strbuf *out)
{
    const struct dr_actors *actors = picture->actors.value;
    if (actors == NULL)
        dr_strbuf_add_text(out, "[]");
    else
        compact_records(out, &dr_desc_actor_view, actors->actors.items, actors->actors.count, true);
}

static void as_of_json(const struct picture *picture, struct dr_strbuf *out)
{
    static const char *const names[PICTURE_PARTS] = {
        [PICTURE_LEDGER] = "ledger_us",   [PICTURE_QUEUES] = "queues_us",
        [PICTURE_WORKERS] = "workers_us", [PICTURE_PLAN] = "plan_us",
        [PICTURE_ACTORS] = "actors_us",   [PICTURE_MONEY] = "money_us",
    };
    dr_strbuf_add_text(out, "{");
    for (size_t i = 0; i < PICTURE_PARTS; i++)
        compact_number(out, names[i], picture->heard_us[i]);
    dr_strbuf_add_text(out, "}");
}

void picture_state(const struct picture *picture, const struct picture_place *place, int64_t now_us,
                   struct dr_strbuf *out)
{
    struct picture_filter newest = {.limit = FIRST_ACTIVITY};
    dr_strbuf_add_text(out, "{");
    compact_str(out, "boot", place->boot);
    compact_number(out, "seq", place->seq);
    compact_number(out, "t_us", now_us);
    compact_str(out, "version", DROVER_VERSION);
    compact_str(out, "deployment", picture->config->deployment);
    compact_number(out, "started_us", picture->started_us);
    dr_strbuf_printf(out, ",%s", picture->missing);
    compact_key(out, "as_of");
    as_of_json(picture, out);
    compact_key(out, "server");
    server_json(picture, out);
    compact_key(out, "blocked");
    compact_text(out, picture->blocked);
    compact_key(out, "counts");
    counts_json(picture, out);
    compact_key(out, "machines");
    machines_json(picture, now_us, out);
    compact_key(out, "queues");
    queues_json(picture, out);
    compact_key(out, "money");
    money_json(picture, true, out);
    compact_key(out, "actors");
    actors_json(picture, out);
    compact_key(out, "pauses");
    pauses_json(picture, out);
    compact_key(out, "activity");
    dr_strbuf_add_text(out, "[");
    picture_activity(picture, &newest, ",", out);
    dr_strbuf_add_text(out, "]}");
}

/* ---- when a task may start ------------------------------------------------------------------- */
/* How long the boots of this type took, on average of those in the picture; 0: none is known. */
static int64_t boot_us(const struct picture *picture, const char *type)
{
    struct picture_machine *machine, *next;
    int64_t sum = 0, count = 0;
    HASH_ITER (hh, picture->machines, machine, next) {
        const struct dr_machine_row *row = machine->row.value;
        if (row->up_us == 0 || row->launched_us == 0 || strcmp(row->type, type) != 0)
            continue;
        sum += row->up_us - row->launched_us;
        count++;
    }
    return count == 0 ? 0 : sum / count;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t picture_expected_us(const struct picture *picture, const char *queue_id, size_t index)
{
    struct picture_machine *machine, *next;
    size_t count = 0;
    int64_t *ends = calloc(HASH_COUNT(picture->machines) + 1, sizeof *ends);
    DR_ASSERT(ends != NULL);
    HASH_ITER (hh, picture->machines, machine, next) {
        const struct dr_machine_row *row = machine->row.value;
        if (dr_view_phase(row) != DR_PHASE_BOOTING || row->launched_us == 0 ||
            !dr_view_serves(row, queue_id))
            continue;
        int64_t took_us = boot_us(picture, row->type);
        if (took_us > 0)
            ends[count++] = row->launched_us + took_us;
    }
    qsort(ends, count, sizeof *ends, by_time);
    int64_t expected_us = index < count ? ends[index] : 0;
    free(ends);
    return expected_us;
}
