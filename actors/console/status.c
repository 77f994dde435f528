/* SPDX-License-Identifier: Apache-2.0
 *
 * drover status: does anything wait, what runs and idles, is anything broken, what does it cost,
 * and what did people pause; in at most eight lines.
 */
#include "console.h"

#include <string.h>

#include "drover/clock.h"
#include "flock.h"
#include "money.h"

#define ASK_MS 5000

static void print_machines(const struct console *console, const struct flock_tally *tally)
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

/* One line: the first pause, and how many more there are. */
static void print_pauses(const struct dr_ledger_state *state)
{
    char words[DR_PAUSE_ROOM];
    if (state->pauses.count == 0)
        return;
    printf("paused    %s", dr_pause_text(&state->pauses.items[0], words, sizeof words));
    if (state->pauses.count > 1)
        printf(" (and %zu more: `drover queues`)", state->pauses.count - 1);
    putchar('\n');
}

static void print_money(const struct dr_money *money)
{
    char line[400];
    if (money == NULL)
        return;
    money_line(money, line, sizeof line);
    printf("money     %s%s%s\n", line, money->waiting[0] == '\0' ? "" : "; ", money->waiting);
}

static void print_reason(const struct flock_queue *queue)
{
    printf("  %s: %s\n", queue->view->name,
           queue->why[0] == '\0' ? "nothing is known of it yet" : queue->why);
}

/* What waits, and on up to `most` queues why: those that will not be served come first. */
static void print_queues(const struct flock *flock, size_t most)
{
    struct flock_waits waits = flock_waits(flock);
    size_t queues = 0, shown = 0, all = flock->picture->queues.queues.count;
    char longest[32];
    for (size_t i = 0; i < all; i++)
        queues += flock->picture->queues.queues.items[i].waiting.count > 0;
    printf("tasks     %zu waiting", waits.waiting);
    if (waits.waiting > 0)
        printf(", the longest for %s", words_since(waits.oldest_us, longest));
    if (queues > most)
        printf("; in %zu queues: `drover queues`", queues);
    putchar('\n');
    if (waits.waiting == 0)
        return;
    for (int stuck = 1; stuck >= 0; stuck--) {
        for (size_t i = 0; i < all && shown < most; i++) {
            struct flock_queue queue = flock_queue(flock, i);
            if (queue.waiting > 0 && queue.stuck == stuck && shown++ < most)
                print_reason(&queue);
        }
    }
}

static void print_actors(const struct dr_actors *actors)
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
}

static void print_all(const struct console *console, const struct flock *flock)
{
    const struct dr_server_changed *server = &flock->picture->server;
    struct flock_tally tally = flock_count(flock->state, dr_wall_us());
    bool blocked = flock->state->blocked[0] != '\0';
    print_machines(console, &tally);
    print_queues(flock, blocked ? 1 : 2);
    print_pauses(flock->state);
    print_money(flock->money);
    printf("server    %s%s%s\n", server->state, server->sentence[0] ? ": " : "", server->sentence);
    print_actors(flock->actors);
    if (blocked)
        printf("blocked   %s\n", flock->state->blocked);
}

static int code_of(const struct flock *flock)
{
    char sentence[64];
    if (flock_broken(flock, sentence, sizeof sentence))
        return EXIT_BROKEN;
    return flock_waits(flock).stuck > 0 ? EXIT_WAITS : EXIT_FINE;
}

int cmd_status(struct console *console, int argc, char **argv)
{
    (void)argv;
    struct flock flock;
    char err[512];
    (void)argc;
    if (flock_read(console, 0, ASK_MS, &flock, err, sizeof err) != 0)
        return console_fail(EXIT_BROKEN, "unavailable", "%s", err);
    if (console->json)
        flock_json(&flock);
    else
        print_all(console, &flock);
    int code = code_of(&flock);
    flock_drop(&flock);
    return code;
}
