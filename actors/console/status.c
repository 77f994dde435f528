/* SPDX-License-Identifier: Apache-2.0
 *
 * drover status: does anything wait, what runs and idles, is anything broken, what does it cost,
 * and what did people pause; in few lines.
 */
#include "console.h"

#include <stdlib.h>
#include <string.h>

#include "drover/clock.h"
#include "money.h"
#include "view.h"
#include "words.h"

struct tally {
    int of[DR_PHASES];
    int absent; /* of those that drain: not in the cloud's list */
    int kept;   /* by a person */
};

static void count_machines(const struct dr_ledger_state *state, struct tally *tally)
{
    for (size_t i = 0; i < state->machines.count; i++) {
        const struct dr_machine_row *machine = &state->machines.items[i];
        tally->of[dr_view_phase(machine)]++;
        tally->kept += dr_view_lives(machine) && machine->keep_until_us > dr_wall_us();
        tally->absent += strcmp(machine->state, "absent") == 0;
    }
}

static void print_machines(const struct console *console, const struct tally *tally)
{
    const struct {
        const char *state;
        bool idle;
        int count;
        const char *word;
    } cells[] = {
        {"up", false, tally->of[DR_PHASE_RUNNING], "running"},
        {"up", true, tally->of[DR_PHASE_IDLE], "idle"},
        {"booting", false, tally->of[DR_PHASE_BOOTING], "booting"},
        {"draining", false, tally->of[DR_PHASE_DRAINING], "draining"},
        {"wanted", false, tally->of[DR_PHASE_WAITING], "wanted"},
        {"absent", false, tally->absent, "not seen"},
    };
    fputs("machines  ", stdout);
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        if (i < 4 || cells[i].count > 0)
            printf("%s%s %d %s%s   ", words_paint(console, cells[i].state, cells[i].idle),
                   words_mark(cells[i].state, cells[i].idle), cells[i].count, cells[i].word,
                   words_plain(console));
    if (tally->kept > 0)
        printf("%d kept", tally->kept);
    putchar('\n');
}

static void print_pauses(const struct dr_ledger_state *state)
{
    for (size_t i = 0; i < state->pauses.count; i++) {
        char words[DR_PAUSE_ROOM];
        printf("paused    %s\n", dr_pause_text(&state->pauses.items[i], words, sizeof words));
    }
}

static void print_money(const struct dr_message *answer)
{
    char line[256];
    if (answer->row == NULL || answer->row->type != DR_MONEY)
        return;
    const struct dr_money *money = answer->body;
    money_line(money, line, sizeof line);
    printf("money     %s\n", line);
    if (money->waiting[0] != '\0')
        printf("          %s\n", money->waiting);
}

/* Up to four lines on queues in which tasks wait; true when one of them will not be served. */
static bool print_queues(const struct dr_picture *picture, const struct dr_plan_decided *plan)
{
    size_t waiting = 0, shown = 0;
    bool stuck = false;
    for (size_t i = 0; i < picture->queues.queues.count; i++)
        waiting += picture->queues.queues.items[i].waiting.count;
    printf("tasks     %zu waiting\n", waiting);
    for (size_t i = 0; i < plan->reasons.count; i++) {
        const struct dr_reason_view *reason = &plan->reasons.items[i];
        static const char *const fine[] = {"served", "booting", "bought"};
        bool bad = reason->task[0] == '\0';
        for (size_t f = 0; f < sizeof fine / sizeof fine[0]; f++)
            bad = bad && strcmp(reason->verdict, fine[f]) != 0;
        stuck = stuck || (bad && waiting > 0);
        if (waiting > 0 && reason->task[0] == '\0' && shown++ < 4)
            printf("  %s: %s\n", reason->queue, reason->sentence);
    }
    return stuck && waiting > 0;
}

static bool print_actors(const struct dr_actors *actors)
{
    size_t ready = 0;
    for (size_t i = 0; i < actors->actors.count; i++)
        ready += strcmp(actors->actors.items[i].state, "ready") == 0;
    printf("actors    %zu of %zu ready", ready, actors->actors.count);
    for (size_t i = 0; i < actors->actors.count; i++) {
        const struct dr_actor_view *actor = &actors->actors.items[i];
        if (strcmp(actor->state, "ready") != 0)
            printf("; %s is %s: %s", actor->actor, actor->state, actor->sentence);
    }
    putchar('\n');
    return ready < actors->actors.count;
}

static int print_all(struct console *console, const struct dr_message *answers)
{
    const struct dr_actors *actors = answers[0].body;
    const struct dr_ledger_state *state = answers[1].body;
    const struct dr_picture *picture = answers[2].body;
    const struct dr_plan *plan = answers[3].body;
    struct tally tally = {0};
    count_machines(state, &tally);
    print_machines(console, &tally);
    bool stuck = print_queues(picture, &plan->plan);
    print_pauses(state);
    print_money(&answers[4]);
    printf("server    %s%s%s\n", picture->server.state, picture->server.sentence[0] ? ": " : "",
           picture->server.sentence);
    bool broken = print_actors(actors);
    if (state->blocked[0] != '\0')
        printf("blocked   %s\n", state->blocked);
    bool server_bad =
        strcmp(picture->server.state, "ok") != 0 && strcmp(picture->server.state, "slow") != 0;
    if (broken || server_bad || state->blocked[0] != '\0')
        return EXIT_BROKEN;
    return stuck ? EXIT_WAITS : EXIT_FINE;
}

static void print_json(const struct dr_message *answers, size_t count)
{
    static const char *const names[] = {"actors", "ledger", "picture", "plan", "money"};
    putchar('{');
    for (size_t i = 0; i < count; i++) {
        char *json = dr_json(answers[i].row->desc, answers[i].body);
        printf("%s\"%s\":%s", i > 0 ? "," : "", names[i], json == NULL ? "null" : json);
        free(json);
    }
    puts("}");
}

int cmd_status(struct console *console, int argc, char **argv)
{
    (void)argv;
    struct dr_message answers[5] = {0};
    if (argc != 0) {
        fputs("usage: drover status\n", stderr);
        return EXIT_USAGE;
    }
    struct dr_actors_get actors = {.counters = false};
    struct dr_ledger_snapshot ledger = {.ended = false};
    struct dr_picture_get picture = {.workers = true};
    struct dr_plan_get plan = {.task = ""};
    struct dr_money_get money = {.type = ""};
    int code = EXIT_BROKEN;
    if (console_ask(console, "bus", DR_ACTORS_GET, &actors, &answers[0]) == 0 &&
        console_ask(console, "ledger", DR_LEDGER_SNAPSHOT, &ledger, &answers[1]) == 0 &&
        console_ask(console, "watcher", DR_PICTURE_GET, &picture, &answers[2]) == 0 &&
        console_ask(console, "planner", DR_PLAN_GET, &plan, &answers[3]) == 0) {
        bool priced = console_ask(console, "ledger", DR_MONEY_GET, &money, &answers[4]) == 0 &&
                      answers[4].row->type == DR_MONEY;
        if (console->json)
            print_json(answers, priced ? 5 : 4);
        code = console->json ? EXIT_FINE : print_all(console, answers);
    }
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        dr_message_free(&answers[i]);
    return code;
}
