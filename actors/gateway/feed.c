/* SPDX-License-Identifier: Apache-2.0 */
#include "feed.h"

#include <czmq.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "gateway.h"
#include "log.h"
#include "words.h"

#define TICK_MS 1000
#define ASK_MS 5000
#define SAMPLE_TICKS 10
#define QUIET_MS 5000 /* a watcher that said nothing for so long is asked whether it is there */
#define MONEY_AFTER_MS 200
#define MONEY_PAUSE_MS 1000

const enum dr_type feed_events[] = {DR_QUEUES_OBSERVED,
                                    DR_WORKERS_OBSERVED,
                                    DR_SERVER_CHANGED,
                                    DR_MACHINE_CHANGED,
                                    DR_ATTEMPT_CHANGED,
                                    DR_RECOVERY_CHANGED,
                                    DR_PLAN_DECIDED,
                                    DR_ACTOR_CHANGED,
                                    DR_LOG_LINE,
                                    DR_HAND_RECORDED,
                                    DR_PAUSE_CHANGED,
                                    DR_TASKS_KNOWN,
                                    DR_NONE};

/* ---- parts ---------------------------------------------------------------------------------- */
enum part { LEDGER, WATCHER, PLANNER, ACTORS, MONEY, NAMES, MEMORY, PARTS };

static const struct part_row {
    const char *who; /* whom to ask, and what people call it */
    enum dr_type request, reply;
    int64_t period_ms; /* asked again after; 0: only after a gap */
    const char *shows; /* what is old when it does not answer; NULL: no page shows it as live */
} part_rows[PARTS] = {
    [LEDGER] = {"ledger", DR_LEDGER_SNAPSHOT, DR_LEDGER_STATE, 30000, "the machines and money"},
    [WATCHER] = {"watcher", DR_PICTURE_GET, DR_PICTURE, 0, "queues and workers"},
    [PLANNER] = {"planner", DR_PLAN_GET, DR_PLAN, 10000, "the reasons"},
    [ACTORS] = {"bus", DR_ACTORS_GET, DR_ACTORS, 30000, "the processes"},
    [MONEY] = {"ledger", DR_MONEY_GET, DR_MONEY, 2000, NULL},
    [NAMES] = {"ledger", DR_TASKS_GET, DR_TASKS, 0, NULL},
    [MEMORY] = {"ledger", DR_HISTORY_GET, DR_HISTORY, 0, NULL},
};

struct part_state {
    bool asked, again, wanted; /* again: once more when this answer is there */
    int64_t asked_ms, heard_us, failed_us;
    char failure[128];
};

struct feed {
    struct gateway *gateway;
    struct picture *picture;
    struct samples *samples;
    char samples_path[600];
    struct part_state parts[PARTS];
    int64_t watcher_ms; /* its last word */
    bool settle_due, money_due;
    int64_t ticks;
};

static void tell(void *arg, const char *event, const char *json)
{
    struct feed *feed = arg;
    hub_publish(feed->gateway->hub, event, json);
}

/* ---- settling ------------------------------------------------------------------------------- */
struct picture *feed_picture(struct feed *feed)
{
    picture_flush(feed->picture, dr_wall_us());
    return feed->picture;
}

static int on_settle(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    struct feed *feed = arg;
    feed->settle_due = false;
    feed_picture(feed);
    return 0;
}

/* Once for all that comes in within one turn of the loop. */
static void settle_soon(struct feed *feed)
{
    if (feed->settle_due)
        return;
    feed->settle_due = true;
    zloop_timer(dr_actor_loop(feed->gateway->actor), 0, 1, on_settle, feed);
}

static void take(struct feed *feed, const struct dr_message *message, const char *source)
{
    int64_t now_us = dr_wall_us();
    picture_clock(feed->picture, now_us - dr_boottime_ms() * 1000);
    picture_take(feed->picture, message->row, message->body, source, now_us);
    settle_soon(feed);
}

/* ---- asking --------------------------------------------------------------------------------- */
static void ask(struct feed *feed, enum part part);

static void note(struct feed *feed, enum part part, const struct dr_answer *answer)
{
    struct part_state *state = &feed->parts[part];
    bool good = answer->message != NULL && answer->message->row->type == part_rows[part].reply;
    if (good) {
        state->heard_us = dr_wall_us();
        state->failed_us = 0;
        state->wanted = false;
        return;
    }
    const struct dr_ack *ack = answer->message == NULL || answer->message->row->type != DR_ACK
                                   ? NULL
                                   : answer->message->body;
    if (state->failed_us == 0)
        state->failed_us = dr_wall_us();
    snprintf(state->failure, sizeof state->failure, "%s",
             ack != NULL               ? ack->sentence
             : answer->failure != NULL ? answer->failure
                                       : "an answer of another kind");
    state->failure[strcspn(state->failure, ":")] = '\0'; /* what follows is about writes */
}

static void on_answer(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    struct gateway *gateway = dr_actor_self(actor);
    enum part part = (enum part)(intptr_t)arg;
    if (gateway == NULL || gateway->feed == NULL)
        return;
    struct feed *feed = gateway->feed;
    struct part_state *state = &feed->parts[part];
    state->asked = false;
    note(feed, part, answer);
    if (state->failed_us == 0 && part == MEMORY)
        picture_remember(feed->picture, answer->message->body);
    else if (state->failed_us == 0)
        take(feed, answer->message, "");
    if (state->failed_us == 0 && part == WATCHER)
        feed->watcher_ms = dr_boottime_ms();
    if (state->again && state->failed_us == 0)
        ask(feed, part);
    settle_soon(feed);
}

static const void *body_of(enum part part)
{
    static const struct dr_ledger_snapshot rows = {.account = "", .ended = true};
    static const struct dr_picture_get picture = {.workers = true};
    static const struct dr_plan_get plan = {.task = ""};
    static const struct dr_actors_get actors = {.counters = false};
    static const struct dr_money_get money = {.type = ""};
    static const struct dr_tasks_get names;
    static const struct dr_history_get history = {.kind = "", .id = "", .limit = 100};
    static const void *const bodies[PARTS] = {
        [LEDGER] = &rows, [WATCHER] = &picture, [PLANNER] = &plan,   [ACTORS] = &actors,
        [MONEY] = &money, [NAMES] = &names,     [MEMORY] = &history,
    };
    return bodies[part];
}

static void ask(struct feed *feed, enum part part)
{
    const struct part_row *row = &part_rows[part];
    struct part_state *state = &feed->parts[part];
    state->again = state->asked;
    if (state->asked)
        return;
    state->asked = true;
    state->asked_ms = dr_boottime_ms();
    dr_request(feed->gateway->actor, row->who, row->request, body_of(part), NULL, NULL, ASK_MS,
               on_answer, (void *)(intptr_t)part);
}

static void want(struct feed *feed, enum part part)
{
    feed->parts[part].wanted = true; /* asked each second until it answers */
    ask(feed, part);
}

static int on_money_due(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    struct feed *feed = arg;
    feed->money_due = false;
    ask(feed, MONEY);
    return 0;
}

/* A machine came or went: what it costs changed. */
static void money_soon(struct feed *feed)
{
    if (feed->money_due)
        return;
    int64_t since_ms = dr_boottime_ms() - feed->parts[MONEY].asked_ms;
    int64_t wait_ms =
        since_ms + MONEY_AFTER_MS < MONEY_PAUSE_MS ? MONEY_PAUSE_MS - since_ms : MONEY_AFTER_MS;
    feed->money_due = true;
    zloop_timer(dr_actor_loop(feed->gateway->actor), (size_t)wait_ms, 1, on_money_due, feed);
}

/* ---- what is missing ------------------------------------------------------------------------ */
/* The ledger is asked for money most often: whether it is there shows there first. */
static int64_t failed_us(const struct feed *feed, enum part part)
{
    int64_t failed = feed->parts[part].failed_us;
    return failed == 0 && part == LEDGER ? feed->parts[MONEY].failed_us : failed;
}

static bool away(const struct feed *feed, enum part part)
{
    return feed->parts[part].heard_us == 0 || failed_us(feed, part) != 0;
}

static void sentence(const struct feed *feed, enum part part, struct dr_strbuf *out)
{
    char date[DR_DATE_ROOM];
    const struct part_row *row = &part_rows[part];
    const struct part_state *state = &feed->parts[part];
    int64_t since_us = failed_us(feed, part);
    const char *failure = state->failed_us == 0 ? feed->parts[MONEY].failure : state->failure;
    if (since_us == 0)
        dr_strbuf_printf(out, "The %s is being asked for %s.", row->who, row->shows);
    else
        dr_strbuf_printf(out, "The %s has not answered since %s (%s): %s %s.", row->who,
                         dr_date_text(since_us, date), failure, row->shows,
                         state->heard_us == 0 ? "cannot be shown yet" : "are as of then");
}

static void say_missing(struct feed *feed)
{
    size_t count = 0;
    struct dr_strbuf texts[PARTS] = {{0}};
    const char *items[PARTS];
    for (size_t part = 0; part < PARTS; part++) {
        if (part_rows[part].shows == NULL || !away(feed, (enum part)part))
            continue;
        sentence(feed, (enum part)part, &texts[count]);
        items[count] = texts[count].data;
        count++;
    }
    picture_missing(feed->picture, &(struct dr_strs){.items = items, .count = count});
    for (size_t i = 0; i < count; i++)
        dr_strbuf_free(&texts[i]);
}

/* ---- the second ----------------------------------------------------------------------------- */
static void sample(struct feed *feed)
{
    struct dr_strbuf json = {0};
    struct picture_figures figures = picture_figures(feed_picture(feed));
    bool known = !away(feed, LEDGER) && !away(feed, WATCHER);
    samples_add(feed->samples, dr_wall_us(), known ? &figures : NULL);
    samples_last_json(feed->samples, &json);
    hub_publish(feed->gateway->hub, "sample", json.data);
    dr_strbuf_free(&json);
    if (samples_keep(feed->samples, feed->samples_path) != 0)
        dr_log_merged(DR_LOG_WARNING, &(struct dr_log_ctx){.err = strerror(errno)},
                      "the chart's samples could not be written to %s", feed->samples_path);
}

static void ask_what_is_due(struct feed *feed)
{
    int64_t now_ms = dr_boottime_ms();
    for (size_t part = 0; part < PARTS; part++) {
        const struct part_state *state = &feed->parts[part];
        int64_t period_ms = part_rows[part].period_ms;
        bool due = period_ms > 0 && now_ms - state->asked_ms >= period_ms;
        if (!state->asked && (due || state->wanted || state->failed_us != 0))
            ask(feed, (enum part)part);
    }
    if (now_ms - feed->watcher_ms >= QUIET_MS && !feed->parts[WATCHER].asked)
        ask(feed, WATCHER);
}

static int on_tick(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    struct feed *feed = arg;
    feed->ticks++;
    ask_what_is_due(feed);
    say_missing(feed);
    feed_picture(feed);
    if (feed->ticks % SAMPLE_TICKS == 0)
        sample(feed);
    return 0;
}

/* ---- events --------------------------------------------------------------------------------- */
void feed_event(struct feed *feed, const struct dr_message *message)
{
    if (dr_role_of(message->env.source) == DR_ROLE_WATCHER)
        feed->watcher_ms = dr_boottime_ms();
    if (message->row->type == DR_MACHINE_CHANGED)
        money_soon(feed);
    if (message->row->type == DR_HAND_RECORDED)
        ask(feed, LEDGER); /* what blocks is told by no event */
    take(feed, message, message->env.source);
}

void feed_gap(struct feed *feed, const char *source)
{
    switch (dr_role_of(source)) {
    case DR_ROLE_LEDGER:
        picture_ledger_reborn(feed->picture);
        want(feed, LEDGER);
        want(feed, MONEY);
        want(feed, NAMES);
        break;
    case DR_ROLE_WATCHER:
        want(feed, WATCHER);
        break;
    case DR_ROLE_PLANNER:
        want(feed, PLANNER);
        break;
    case DR_ROLE_SUPERVISOR:
        want(feed, ACTORS);
        break;
    default:
        break;
    }
}

void feed_reconfigured(struct feed *feed)
{
    picture_configure(feed->picture, dr_actor_config(feed->gateway->actor));
    want(feed, WATCHER);
    want(feed, PLANNER);
    want(feed, MONEY);
}

/* ---- life ----------------------------------------------------------------------------------- */
struct feed *feed_new(struct gateway *gateway)
{
    struct feed *feed = calloc(1, sizeof *feed);
    DR_ASSERT(feed != NULL);
    feed->gateway = gateway;
    feed->samples = samples_new();
    snprintf(feed->samples_path, sizeof feed->samples_path, "%s/samples", gateway->state_dir);
    mkdir(gateway->state_dir, 0700);
    samples_load(feed->samples, feed->samples_path);
    feed->picture = picture_new(dr_actor_config(gateway->actor), gateway->started_us, tell, feed);
    for (size_t part = 0; part < PARTS; part++)
        want(feed, (enum part)part);
    say_missing(feed);
    zloop_timer(dr_actor_loop(gateway->actor), TICK_MS, 0, on_tick, feed);
    return feed;
}

void feed_free(struct feed **at)
{
    struct feed *feed = *at;
    *at = NULL;
    if (feed == NULL)
        return;
    picture_free(&feed->picture);
    samples_free(&feed->samples);
    free(feed);
}

const struct samples *feed_samples(const struct feed *feed)
{
    return feed->samples;
}
