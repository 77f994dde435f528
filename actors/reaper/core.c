/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_impl.h"
#include "drover/assert.h"

#define SNAPSHOT_PERIOD_MS 30000
#define SNAPSHOT_RETRY_MS 1000
#define PICTURE_RETRY_MS 5000
#define AGAIN_MS 5000
#define PUT_BACK_MS 30000 /* from an end's confirmation until its task is seen in its queue */
#define LOOP_GAP_MS 5000
#define CLOCK_JUMP_US 30000000

void reap_effects_free(struct reap_effects *effects)
{
    free(effects->items);
    *effects = (struct reap_effects){0};
}

struct reap_effect *reap_add(struct reap_effects *out, enum reap_effect_kind kind, const char *id)
{
    if (out->count == out->capacity) {
        out->capacity = out->capacity ? out->capacity * 2 : 8;
        out->items = realloc(out->items, out->capacity * sizeof *out->items);
        DR_ASSERT(out->items);
    }
    struct reap_effect *effect = &out->items[out->count++];
    *effect = (struct reap_effect){.kind = kind, .mode = "", .reason = ""};
    snprintf(effect->id, sizeof effect->id, "%s", id);
    return effect;
}

struct reap_core *reap_new(const struct dr_cfg_root *config, struct reap_now now)
{
    struct reap_core *core = calloc(1, sizeof *core);
    DR_ASSERT(core);
    core->config = config;
    core->server_well = true;
    core->unsettled_ms = now.boot_ms;
    core->wall_offset_us = now.wall_us - now.boot_ms * 1000;
    return core;
}

void reap_configure(struct reap_core *core, const struct dr_cfg_root *config)
{
    core->config = config;
}

void reap_free(struct reap_core *core)
{
    for (size_t i = 0; i < core->machine_count; i++)
        dr_record_free(&core->machines[i].record);
    for (size_t i = 0; i < core->cloud_count; i++)
        dr_record_free(&core->clouds[i].record);
    dr_record_free(&core->workers);
    dr_record_free(&core->queues);
    seen_free(core);
    dr_index_free(&core->by_id);
    dr_index_free(&core->by_left);
    free(core->left);
    free(core->machines);
    free(core->clouds);
    free(core);
}

/* ---- rows ----------------------------------------------------------------------------------- */
static const char *machine_id(const void *of, size_t place)
{
    const struct reap_core *core = of;
    return place < core->machine_count ? core->machines[place].row->id : "";
}

static struct reap_machine *find(struct reap_core *core, const char *id)
{
    size_t place = dr_index_find(&core->by_id, id, machine_id, core);
    return place == DR_INDEX_NONE ? NULL : &core->machines[place];
}

/* The last one takes its place. */
static void drop(struct reap_core *core, struct reap_machine *machine)
{
    dr_record_free(&machine->record);
    *machine = core->machines[--core->machine_count];
    size_t place = (size_t)(machine - core->machines);
    if (place < core->machine_count)
        dr_index_add(&core->by_id, machine->row->id, place);
}

/* Forgets the places of those that went. */
static void index_machines(struct reap_core *core)
{
    dr_index_clear(&core->by_id);
    for (size_t i = 0; i < core->machine_count; i++)
        dr_index_add(&core->by_id, machine_id(core, i), i);
}

static bool over(const struct dr_machine_row *row)
{
    return strcmp(row->state, "gone") == 0 || strcmp(row->state, "failed") == 0 ||
           strcmp(row->state, "cancelled") == 0;
}

/* A stored wall time on the boot clock. What lies in the future is now. */
static int64_t boot_moment(int64_t wall_us, struct reap_now now)
{
    int64_t ago_ms = (now.wall_us - wall_us) / 1000;
    int64_t moment = now.boot_ms - (ago_ms > 0 ? ago_ms : 0);
    return wall_us == 0 ? 0 : moment > 0 ? moment : 1;
}

static void read_moments(struct reap_machine *machine, const struct dr_machine_row *before,
                         struct reap_now now)
{
    const struct dr_machine_row *row = machine->row;
    if (!before || row->state_since_us != before->state_since_us)
        machine->state_ms = boot_moment(row->state_since_us, now);
    if (!before || row->launched_us != before->launched_us)
        machine->launched_ms = boot_moment(row->launched_us, now);
    if (!before || row->idle_since_us != before->idle_since_us)
        machine->idle_ms = boot_moment(row->idle_since_us, now);
    if (!before || row->keep_until_us != before->keep_until_us)
        machine->keep_ms =
            row->keep_until_us == 0 ? 0 : now.boot_ms + (row->keep_until_us - now.wall_us) / 1000;
    if (!before || strcmp(row->state, before->state) != 0) {
        machine->told = JUDGE_KEEP;
        machine->again_ms = 0;
    }
}

static void take_row(struct reap_core *core, const struct dr_machine_row *row, struct reap_now now)
{
    struct reap_machine *machine = find(core, row->id);
    if (machine && machine->row->version >= row->version)
        return;
    if (over(row)) {
        if (machine)
            drop(core, machine);
        return;
    }
    if (!machine) {
        core->machines =
            realloc(core->machines, (core->machine_count + 1) * sizeof *core->machines);
        DR_ASSERT(core->machines);
        dr_index_add(&core->by_id, row->id, core->machine_count);
        machine = &core->machines[core->machine_count++];
        *machine = (struct reap_machine){.reported_ms = now.boot_ms};
    }
    struct dr_record before = machine->record;
    DR_ASSERT(dr_record_copy(&dr_desc_machine_row, row, &machine->record) == 0);
    machine->row = machine->record.value;
    read_moments(machine, before.value, now);
    dr_record_free(&before);
}

static void snapshot_came(struct reap_core *core, const struct reap_event *event,
                          struct reap_now now)
{
    const struct dr_ledger_state *state = event->state;
    core->snapshot_asked = false;
    if (!state) {
        core->snapshot_due_ms = now.boot_ms + SNAPSHOT_RETRY_MS;
        return;
    }
    for (size_t i = 0; i < core->machine_count; i++)
        core->machines[i].in_snapshot = false;
    for (size_t i = 0; i < state->machines.count; i++) {
        take_row(core, &state->machines.items[i], now);
        struct reap_machine *machine = find(core, state->machines.items[i].id);
        if (machine)
            machine->in_snapshot = true;
    }
    for (size_t i = core->machine_count; state->seq >= core->seq && i-- > 0;) {
        DR_ASSERT(core->machines != NULL);
        if (!core->machines[i].in_snapshot)
            drop(core, &core->machines[i]);
    }
    index_machines(core);
    core->seq = state->seq > core->seq ? state->seq : core->seq;
    core->blocked = state->blocked[0] != '\0';
    core->synced = true;
}

/* ---- pictures ------------------------------------------------------------------------------- */
static void keep(struct dr_record *record, const struct dr_desc *desc, const void *value)
{
    dr_record_free(record);
    DR_ASSERT(dr_record_copy(desc, value, record) == 0);
}

static void note_reports(struct reap_core *core, const struct dr_workers_observed *workers)
{
    for (size_t i = 0; i < core->machine_count; i++) {
        struct reap_machine *machine = &core->machines[i];
        const struct dr_worker_view *worker = seen_worker(core, machine->row->instance_id);
        for (; worker; worker = seen_next(core, worker)) {
            int64_t reported_ms = workers->sent_ms - worker->report_age_ms;
            if (reported_ms > machine->reported_ms)
                machine->reported_ms = reported_ms;
        }
    }
}

static void workers_came(struct reap_core *core, const struct dr_workers_observed *workers)
{
    const struct dr_workers_observed *before = core->workers.value;
    if (before && before->sent_ms > workers->sent_ms)
        return;
    keep(&core->workers, &dr_desc_workers_observed, workers);
    seen_workers(core);
    note_reports(core, workers);
}

static void queues_came(struct reap_core *core, const struct dr_queues_observed *queues)
{
    const struct dr_queues_observed *before = core->queues.value;
    if (before && before->sent_ms > queues->sent_ms)
        return;
    keep(&core->queues, &dr_desc_queues_observed, queues);
    seen_queues(core);
}

static void server_came(struct reap_core *core, const struct dr_server_changed *server)
{
    core->server_well = strcmp(server->state, "ok") == 0 || strcmp(server->state, "slow") == 0;
}

static struct reap_cloud *cloud_of(struct reap_core *core, const char *account)
{
    for (size_t i = 0; i < core->cloud_count; i++) {
        if (strcmp(core->clouds[i].account, account) == 0)
            return &core->clouds[i];
    }
    core->clouds = realloc(core->clouds, (core->cloud_count + 1) * sizeof *core->clouds);
    DR_ASSERT(core->clouds);
    struct reap_cloud *cloud = &core->clouds[core->cloud_count++];
    *cloud = (struct reap_cloud){0};
    snprintf(cloud->account, sizeof cloud->account, "%s", account);
    return cloud;
}

static void cloud_came(struct reap_core *core, const struct dr_cloud_observed *observed)
{
    struct reap_cloud *cloud = cloud_of(core, observed->account);
    const struct dr_cloud_observed *before = cloud->record.value;
    if (!observed->ok || (before && before->sent_ms > observed->sent_ms))
        return;
    keep(&cloud->record, &dr_desc_cloud_observed, observed);
    seen_cloud(cloud);
}

static void picture_came(struct reap_core *core, const struct dr_picture *picture)
{
    server_came(core, &picture->server);
    if (picture->queues.sent_ms)
        queues_came(core, &picture->queues);
    if (picture->workers.sent_ms)
        workers_came(core, &picture->workers);
}

/* ---- time (P8) ------------------------------------------------------------------------------ */
static void watch_clocks(struct reap_core *core, struct reap_now now, struct reap_effects *out)
{
    int64_t offset_us = now.wall_us - now.boot_ms * 1000;
    int64_t jump_us = offset_us - core->wall_offset_us;
    int64_t gap_ms = core->tick_ms ? now.boot_ms - core->tick_ms : 0;
    core->tick_ms = now.boot_ms;
    if (jump_us < CLOCK_JUMP_US && jump_us > -CLOCK_JUMP_US && gap_ms <= LOOP_GAP_MS)
        return;
    core->wall_offset_us = offset_us;
    core->quiet_until_ms = now.boot_ms + core->config->timing.quiet_ms;
    snprintf(reap_add(out, REAP_DO_TELL, "")->sentence, REAP_SENTENCE,
             "the clock jumped by %lld s, or this host stood still for %lld s: no machine is ended "
             "for %lld s",
             (long long)(jump_us / 1000000), (long long)(gap_ms / 1000),
             (long long)(core->config->timing.quiet_ms / 1000));
}

/* ---- judging -------------------------------------------------------------------------------- */
static void decide(struct reap_core *core, struct reap_machine *machine, int64_t now_ms,
                   struct reap_effects *out)
{
    if (facts_coming(core, machine->row))
        machine->awaits_ms = now_ms + PUT_BACK_MS;
    struct judge_facts facts = facts_of(core, machine, now_ms);
    struct judge_verdict verdict = judge(&facts);
    static const enum reap_effect_kind kinds[] = {[JUDGE_DRAIN] = REAP_DO_DRAIN,
                                                  [JUDGE_TERMINATE] = REAP_DO_TERMINATE,
                                                  [JUDGE_TELL] = REAP_DO_TELL};
    if (verdict.deed == JUDGE_NOTHING ||
        (verdict.deed == JUDGE_TELL && machine->told == verdict.rule))
        return;
    struct reap_effect *effect = reap_add(out, kinds[verdict.deed], machine->row->id);
    effect->version = machine->row->version;
    effect->mode = verdict.mode;
    effect->reason = verdict.reason;
    judge_sentence(verdict.rule, &facts, effect->sentence, sizeof effect->sentence);
    machine->told = verdict.rule;
    machine->pending = verdict.deed != JUDGE_TELL;
}

static void answered(struct reap_core *core, const struct reap_event *event, int64_t now_ms)
{
    struct reap_machine *machine = find(core, event->id);
    if (!event->ok)
        core->snapshot_due_ms = now_ms; /* it is not what it was taken for */
    if (!machine)
        return;
    machine->pending = false;
    machine->again_ms = now_ms + AGAIN_MS; /* by then the row's change has come */
}

/* Accounts whose list would be asked by a rule, and is old or missing. */
static void ask_clouds(struct reap_core *core, int64_t now_ms, struct reap_effects *out)
{
    for (size_t i = 0; i < core->machine_count; i++) {
        const char *account = core->machines[i].row->account;
        struct reap_cloud *cloud = cloud_of(core, account);
        const struct dr_cloud_observed *list = cloud->record.value;
        bool old = !list || now_ms - list->sent_ms > facts_cloud_limit_ms(core, account);
        if (!old || now_ms < cloud->ask_ms)
            continue;
        cloud->ask_ms = now_ms + PICTURE_RETRY_MS;
        reap_add(out, REAP_DO_CLOUD, account);
    }
}

static void tick(struct reap_core *core, struct reap_now now, struct reap_effects *out)
{
    watch_clocks(core, now, out);
    bool settled = facts_settled(core, now.boot_ms);
    if (!settled)
        core->unsettled_ms = now.boot_ms;
    if (!settled && now.boot_ms >= core->picture_due_ms) {
        core->picture_due_ms = now.boot_ms + PICTURE_RETRY_MS;
        reap_add(out, REAP_DO_PICTURE, "");
    }
    ask_clouds(core, now.boot_ms, out);
    if (cap_due(core, now.boot_ms))
        reap_add(out, REAP_DO_MONEY, "");
}

/* Between two ticks the clocks are not watched, so after a standstill only a tick may judge. */
static void judge_all(struct reap_core *core, int64_t now_ms, struct reap_effects *out)
{
    bool watched = core->tick_ms && now_ms - core->tick_ms <= LOOP_GAP_MS;
    if (!core->synced || core->blocked || !watched)
        return;
    facts_leaving(core, now_ms);
    for (size_t i = 0; i < core->machine_count; i++) {
        struct reap_machine *machine = &core->machines[i];
        if (!machine->pending && now_ms >= machine->again_ms)
            decide(core, machine, now_ms, out);
    }
}

void reap_step(struct reap_core *core, const struct reap_event *event, struct reap_now now,
               struct reap_effects *out)
{
    core->seq = event->seq > core->seq ? event->seq : core->seq;
    switch (event->kind) {
    case REAP_TICK:
        tick(core, now, out);
        break;
    case REAP_GAP:
        core->snapshot_due_ms = now.boot_ms;
        core->picture_due_ms = now.boot_ms;
        break;
    case REAP_SNAPSHOT:
        snapshot_came(core, event, now);
        break;
    case REAP_MACHINE:
        take_row(core, event->machine, now);
        break;
    case REAP_WORKERS:
        workers_came(core, event->workers);
        break;
    case REAP_QUEUES:
        queues_came(core, event->queues);
        break;
    case REAP_SERVER:
        server_came(core, event->server);
        break;
    case REAP_CLOUD:
        cloud_came(core, event->cloud);
        break;
    case REAP_PICTURE:
        picture_came(core, event->picture);
        break;
    case REAP_MONEY:
        cap_came(core, event->money, now.boot_ms, out);
        break;
    case REAP_ANSWERED:
        answered(core, event, now.boot_ms);
        break;
    }
    judge_all(core, now.boot_ms, out);
    if (!core->snapshot_asked && now.boot_ms >= core->snapshot_due_ms) {
        core->snapshot_asked = true;
        core->snapshot_due_ms = now.boot_ms + SNAPSHOT_PERIOD_MS;
        reap_add(out, REAP_DO_SNAPSHOT, "");
    }
}
