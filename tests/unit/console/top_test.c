/* SPDX-License-Identifier: Apache-2.0 */
/* The screen of `drover top`: what stands where on 80 × 24 and on other sizes; that an old picture
 * never looks live, and that no name can move the cursor. */
#include "top.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S INT64_C(1000000)
#define NOW (1800000000 * S)

/* ---- a world of numbers that do not occur twice ------------------------------------------------
 */
static struct dr_machine_row rows[1000];
static struct dr_queue_task waiting[40];
static struct dr_queue_view queues[60];
static char names[60][24];
static struct dr_reason_view reasons[60];
static const char *const gpu_ids[] = {"id-0"};
static struct dr_worker_view workers[3];
static struct dr_history_row past[30];
static struct dr_actor_view actors[2];
static struct dr_limit_view limits[2];

static struct dr_actors all_actors;
static struct dr_ledger_state state;
static struct dr_picture picture;
static struct dr_plan plan;
static struct dr_money money;
static struct dr_history history;
static struct flock flock;

static void add_machines(const char *kind, bool idle, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct dr_machine_row *row = &rows[state.machines.count++];
        *row = (struct dr_machine_row){.id = "m41aa",
                                       .type = "big",
                                       .state = kind,
                                       .cause = "why",
                                       .instance_id = "i-1",
                                       .drain_mode = "",
                                       .account = "a",
                                       .attempt = ""};
        row->idle_since_us = idle ? NOW - 5 * S : 0;
        row->state_since_us = NOW - 90 * S;
    }
}

static void add_queue(const char *name, size_t count, const char *verdict, const char *sentence)
{
    size_t i = picture.queues.queues.count++;
    snprintf(names[i], sizeof names[i], "id-%zu", i);
    queues[i] = (struct dr_queue_view){
        .id = names[i], .name = name, .known = true, .waiting = {waiting, count}};
    if (verdict != NULL)
        reasons[plan.plan.reasons.count++] = (struct dr_reason_view){
            .queue = name, .task = "", .verdict = verdict, .sentence = sentence};
}

static int begin(void **unused)
{
    (void)unused;
    memset(rows, 0, sizeof rows);
    state = (struct dr_ledger_state){.blocked = "", .machines.items = rows};
    picture = (struct dr_picture){.queues.queues.items = queues,
                                  .server = {.state = "ok", .sentence = ""},
                                  .workers.workers = {workers, 0}};
    plan = (struct dr_plan){.plan.reasons.items = reasons};
    history = (struct dr_history){.rows.items = past};
    for (size_t i = 0; i < 40; i++)
        waiting[i] = (struct dr_queue_task){.task = "t", .added_us = NOW - (370 - (int)i) * S};
    for (size_t i = 0; i < 30; i++) /* newest first */
        past[i] = (struct dr_history_row){.t_us = NOW - (int64_t)i * S,
                                          .kind = "machine",
                                          .id = "m77",
                                          .from = "",
                                          .to = "booting",
                                          .cause = "it",
                                          .by = ""};
    history.rows.count = 30;
    for (size_t i = 0; i < 2; i++)
        actors[i] = (struct dr_actor_view){.actor = "ledger", .state = "ready", .sentence = ""};
    all_actors = (struct dr_actors){.actors = {actors, 2}};
    limits[0] = (struct dr_limit_view){
        .scope = "all", .name = "", .window = "day", .max_usd_micros = 200 * S};
    money = (struct dr_money){.rate_usd_micros = 14200000,
                              .today_usd_micros = 96 * S,
                              .month_usd_micros = 1204 * S,
                              .waiting = "",
                              .limits = {limits, 1}};
    flock = (struct flock){.actors = &all_actors,
                           .state = &state,
                           .picture = &picture,
                           .plan = &plan,
                           .money = &money,
                           .history = &history};
    workers[0] = (struct dr_worker_view){
        .id = "w", .instance_id = "", .task = "t", .proven = true, .queues = {gpu_ids, 1}};
    return 0;
}

/* ---- reading a frame ---------------------------------------------------------------------------
 */
static char screen[200000];

static const char *draw(struct top_view view, size_t height, size_t width)
{
    view.deployment = "prod";
    view.now_us = NOW;
    view.read_us = view.read_us == 0 ? NOW : view.read_us;
    struct top_frame frame = top_layout(&view, height, width);
    size_t len = 0;
    assert_int_equal(frame.rows, height);
    for (size_t i = 0; i < frame.rows; i++) {
        size_t from = len;
        for (const char *at = frame.lines[i]; *at != '\0'; at++)
            if (*at < 0 || *at >= TOP_LOOKS)
                screen[len++] = *at;
        screen[len] = '\0';
        assert_true(top_width(screen + from) <= width);
        screen[len++] = '\n';
    }
    screen[len] = '\0';
    top_frame_free(&frame);
    return screen;
}

static const char *live(size_t height, size_t width)
{
    return draw((struct top_view){.flock = &flock}, height, width);
}

static void has(const char *text, const char *what)
{
    if (strstr(text, what) == NULL)
        fail_msg("\"%s\" is not in:\n%s", what, text);
}

static void lacks(const char *text, const char *what)
{
    if (strstr(text, what) != NULL)
        fail_msg("\"%s\" is in:\n%s", what, text);
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        count++;
    return count;
}

/* ---- tests
 * --------------------------------------------------------------------------------------- */
static void the_four_answers(void **unused)
{
    (void)unused;
    workers[0].queues = (struct dr_strs){gpu_ids, 1};
    picture.workers.workers.count = 1;
    add_machines("up", false, 7);
    add_machines("up", true, 2);
    add_machines("booting", false, 3);
    add_machines("draining", false, 1);
    add_queue("gpu", 4, "capped", "aws4gpu is at its cap of 5");
    add_queue("cpu", 0, NULL, NULL);
    const char *text = live(24, 80);
    has(text, "○ 4 waiting, the longest for 6m 10s; in 1 queue they will not start");
    has(text, "gpu: aws4gpu is at its cap of 5");
    has(text, "● 7 running   – 2 idle   ◔ 3 booting   ◗ 1 draining");
    has(text, "$ 14.20/h · $ 96.00 today of $ 200.00 · $ 1,204 this month");
    has(text, "nothing: server ok, 2 of 2 actors ready");
    has(text, "\n●●●●●●●––◔◔◔◗\n");
    has(text,
        "gpu         4     6m 10s       1     0             –\n  aws4gpu is at its cap of 5\n");
    has(text, "cpu         0          –       0     0             –\n");
    has(text, "● live");
    has(text, "machine m77 booting: it");
    has(text, "q quit");
}

static void what_is_broken_is_said(void **unused)
{
    (void)unused;
    actors[1] =
        (struct dr_actor_view){.actor = "planner", .state = "backoff", .sentence = "killed"};
    picture.server = (struct dr_server_changed){.state = "down", .sentence = "no route"};
    state.blocked = "another ledger's machines";
    const char *text = live(24, 80);
    has(text, "broken    ✕ blocked: another ledger's machines; server down: no route;");
    has(text, "is backoff: killed");
    lacks(text, "nothing:");
}

/* An answer that is missing: the amber word, the time, and the rest in one grey. */
static void old_is_never_live(void **unused)
{
    (void)unused;
    add_machines("up", false, 3);
    struct top_view view = {.flock = &flock,
                            .silent_us = NOW - 70 * S,
                            .silence = "no bus there",
                            .read_us = NOW - 70 * S,
                            .now_us = NOW,
                            .deployment = "prod"};
    const char *text = draw(view, 24, 80);
    has(text, "no answer since ");
    has(text, "(1m 10s): no bus there");
    has(text, "what follows is old");
    lacks(text, "● live");
    struct top_frame frame = top_layout(&view, 24, 80);
    assert_int_equal(frame.lines[1][0], TOP_WAITING);
    for (size_t i = 3; i < 24; i++)
        for (const char *at = frame.lines[i]; *at != '\0'; at++)
            assert_true(*at < 0 || *at >= TOP_LOOKS || *at == TOP_DIM);
    top_frame_free(&frame);
    text = draw((struct top_view){.silent_us = NOW, .silence = "no bus there"}, 24, 80);
    has(text, "no answer since ");
    lacks(text, "running");
}

static void a_pause_says_when(void **unused)
{
    (void)unused;
    const char *text = draw((struct top_view){.flock = &flock, .paused = true}, 24, 80);
    has(text, "◗ paused at ");
    lacks(text, "● live");
}

static void queues_scroll(void **unused)
{
    (void)unused;
    static char many[60][8];
    for (size_t i = 0; i < 60; i++) {
        snprintf(many[i], sizeof many[i], "q%02zu", i);
        add_queue(many[i], 0, NULL, NULL);
    }
    const char *text = live(24, 80);
    has(text, "\nq00 ");
    lacks(text, "\nq20 ");
    has(text, "ACTIVITY");
    assert_int_equal(count_of(text, "machine m77"), 3);
    text = draw((struct top_view){.flock = &flock, .scroll = 10}, 24, 80);
    has(text, "10 lines above");
    has(text, "\nq10 ");
    lacks(text, "\nq09 ");
    text = draw((struct top_view){.flock = &flock, .scroll = 1000}, 24, 80);
    has(text, "\nq59 ");
    text = live(80, 80);
    has(text, "\nq59 ");
}

/* As the dashboard: free slots and what may still be started, of all that the caps let it have. */
static void what_is_available_of_what(void **unused)
{
    (void)unused;
    static const char yaml[] =
        "deployment: prod\nclearml: {api_server: \"http://127.0.0.1:1\"}\n"
        "accounts: [{name: a, driver: local}, {name: b, driver: local, machines_dir: /b}]\n"
        "machine_types: [{name: big, account: a, max_machines: 8},\n"
        "  {name: small, account: b}]\n"
        "queues: [{name: gpu, types: [big]}, {name: cpu, types: [small]}]\n";
    struct dr_config_errors errors;
    struct dr_config *config = dr_config_parse(yaml, sizeof yaml - 1, "x.yaml", &errors);
    if (config == NULL)
        fail_msg("%s", errors.items[0].text);
    dr_config_errors_free(&errors);
    flock.caps = dr_config_root(config);
    workers[1] = workers[0];
    workers[1].task = "";
    picture.workers.workers.count = 2;
    add_machines("up", false, 1);
    add_machines("up", true, 1);
    add_machines("booting", false, 3);
    add_machines("gone", false, 2);
    add_queue("gpu", 4, NULL, NULL);
    add_queue("cpu", 0, NULL, NULL);
    add_queue("old", 0, NULL, NULL); /* of no configuration */
    const char *text = live(24, 80);
    has(text, "IDLE     AVAILABLE\n");
    has(text, "gpu         4     6m 10s       1     1        4 of 8\n");
    has(text, "cpu         0          –       0     0             0\n"); /* no cap holds it */
    has(text, "old         0          –       0     0             0\n");
    lacks(live(24, 64), "AVAILABLE"); /* no room: left out, not cut */
    has(live(24, 65), "4 of 8\n");
    flock.caps = NULL;
    has(live(24, 80), "gpu         4     6m 10s       1     1             –\n");
    dr_config_free(config);
}

/* What waits comes before what happened, and a line that was cut says so. */
static void a_small_screen(void **unused)
{
    (void)unused;
    add_machines("up", false, 2);
    add_machines("draining", false, 100);
    add_queue("gpu", 4, "capped", "aws4gpu is at its cap of 5");
    const char *text = live(15, 50);
    has(text, "gpu         4     6m 10s       0     0\n  aws4gpu is at its cap of 5\n");
    has(text, "● 2 running   – 0 idle   ◔ 0 booting   …\n");
}

static void cells_have_an_end(void **unused)
{
    (void)unused;
    add_machines("booting", false, 100);
    add_machines("up", false, 299);
    add_machines("absent", false, 1);
    const char *text = live(24, 80);
    has(text, "●◔◔"); /* three lines of 80, but for the words; the one that is lost is seen */
    has(text, "◔✕ 1 cell: 2 machines\n");
    text = live(60, 160);
    has(text, "MACHINE");
    lacks(text, "1 cell");
}

/* Of a big flock no figure is lost: there is a second line, and a cut name says that it is cut. */
static void a_thousand_machines(void **unused)
{
    (void)unused;
    add_machines("up", false, 700);
    add_machines("up", true, 100);
    add_machines("booting", false, 130);
    add_machines("draining", false, 30);
    add_machines("absent", false, 20);
    add_machines("wanted", false, 20);
    add_queue("nightly-regression-tests-of-the-ranking-team", 0, NULL, NULL);
    rows[0].type = "aws-g5-12xlarge-spot";
    limits[0].max_usd_micros = 20000 * S;
    limits[1] = limits[0];
    limits[1].window = "month";
    money.month_usd_micros = 120400 * S;
    money.today_usd_micros = 9600 * S;
    money.limits.count = 2;
    const char *text = live(24, 80);
    has(text, "● 700 running   – 100 idle   ◔ 130 booting   ◗ 50 draining   \n"
              "          ○ 20 wanted   ✕ 20 not seen");
    has(text, "this month of\n          $ ");
    has(text, "nightly-regression-tests-of-the-… ");
    has(text, "✕✕✕ 1 cell: 8 machines\n");
    text = live(40, 120);
    has(text, "   ◗ 50 draining   ○ 20 wanted   ✕ 20 not seen");
    text = live(60, 200);
    has(text, " aws-g5-12xlarge-spot ");
    has(text, " of 1000)\n");
    text = live(60, 80);
    has(text, " aws-g5-12xlar… ");
}

static void names_cannot_move_the_cursor(void **unused)
{
    (void)unused;
    add_queue("e\033[2Jvil\x01\x90\xc2\x9b", 1, "capped", "a\rb\n\xe2\x80\xae");
    history.rows.count = 1;
    past[0].cause = "\033]0;title\a";
    const char *text = live(24, 80);
    for (const char *at = text; *at != '\0'; at++)
        assert_true(*at == '\n' || *at < 0 || *at >= ' ');
    has(text, "e?[2Jvil???");
    lacks(text, "\xc2\x9b");
    lacks(text, "\xe2\x80\xae");
    has(text, "a?b??");
}

static void any_size_holds(void **unused)
{
    (void)unused;
    add_machines("up", false, 40);
    add_queue("a queue with a long name that goes on and on, 長い名前", 4, "capped",
              "because of many words that are longer than a line, and then some more words, and "
              "others, so that three lines would not be too many for this one sentence of ours");
    for (size_t height = 2; height < 70; height++)
        for (size_t width = 20; width < 200; width += 7)
            live(height, width);
    live(24, 80);
    has(screen, " …\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_four_answers, begin),
        cmocka_unit_test_setup(what_is_broken_is_said, begin),
        cmocka_unit_test_setup(old_is_never_live, begin),
        cmocka_unit_test_setup(a_pause_says_when, begin),
        cmocka_unit_test_setup(queues_scroll, begin),
        cmocka_unit_test_setup(what_is_available_of_what, begin),
        cmocka_unit_test_setup(a_small_screen, begin),
        cmocka_unit_test_setup(cells_have_an_end, begin),
        cmocka_unit_test_setup(a_thousand_machines, begin),
        cmocka_unit_test_setup(names_cannot_move_the_cursor, begin),
        cmocka_unit_test_setup(any_size_holds, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
