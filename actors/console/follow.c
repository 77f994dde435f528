/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the tap until a signal comes: what `drover tap` and `drover logs` have in common.
 */
#include "console.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define BUS_MS 1000

static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
    (void)signal;
    ended = 1;
}

struct dr_tap *console_tap(const struct console *console, const char *topic, char *err,
                           size_t err_len)
{
    char endpoint[600];
    if (console->remote != NULL) {
        snprintf(err, err_len, "the bus is on Drover's own host");
        return NULL;
    }
    const char *named = console->cfg->bus.tap;
    snprintf(endpoint, sizeof endpoint, "ipc://%s/%s", console->run_dir, DR_BUS_TAP);
    return dr_tap_open(named[0] ? named : endpoint, topic, err, err_len);
}

static int no_right(const struct console *console, struct dr_tap **tap)
{
    dr_tap_close(tap);
    return console_fail(EXIT_BROKEN, "unavailable",
                        "you may not listen to the Drover in %s: run this as the user that it runs "
                        "as, or with sudo; or ask its dashboard with --gateway and a token",
                        console->run_dir);
}

int console_follow(struct console *console, const char *topic,
                   void (*print)(const struct dr_message *message))
{
    char err[256];
    struct dr_tap *tap = console_tap(console, topic, err, sizeof err);
    if (tap == NULL)
        return console_fail(EXIT_BROKEN, "unavailable", "%s", err);
    struct dr_message answer;
    if (access(console->run_dir, X_OK) != 0 && errno == EACCES)
        return no_right(console, &tap);
    if (console_try(console, "bus", DR_ACTORS_GET, &(struct dr_actors_get){.counters = false},
                    BUS_MS, &answer, err, sizeof err) == 0)
        dr_message_free(&answer);
    else
        console_note("%s; waiting for it", err);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    int64_t missed = 0;
    while (!ended && !ferror(stdout)) {
        struct dr_message message;
        int got = dr_tap_next(tap, 500, &message, err, sizeof err);
        if (got < 0)
            console_note("%s", err);
        if (got <= 0)
            continue;
        print(&message);
        fflush(stdout);
        dr_message_free(&message);
        if (dr_tap_missed(tap) > missed)
            console_missed(dr_tap_missed(tap) - missed);
        missed = dr_tap_missed(tap);
    }
    dr_tap_close(&tap);
    return EXIT_FINE;
}
