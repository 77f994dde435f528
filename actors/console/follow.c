/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the tap until a signal comes: what `drover tap` and `drover logs` have in common.
 */
#include "console.h"

#include <signal.h>

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

int console_follow(struct console *console, const char *topic,
                   void (*print)(const struct dr_message *message))
{
    char err[256];
    struct dr_tap *tap = console_tap(console, topic, err, sizeof err);
    if (tap == NULL) {
        fprintf(stderr, "drover: %s\n", err);
        return EXIT_BROKEN;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    int64_t missed = 0;
    while (!ended && !ferror(stdout)) {
        struct dr_message message;
        int got = dr_tap_next(tap, 500, &message, err, sizeof err);
        if (got < 0)
            fprintf(stderr, "drover: %s\n", err);
        if (got <= 0)
            continue;
        print(&message);
        fflush(stdout);
        dr_message_free(&message);
        if (dr_tap_missed(tap) > missed)
            fprintf(stderr, "drover: %lld events missed\n",
                    (long long)(dr_tap_missed(tap) - missed));
        missed = dr_tap_missed(tap);
    }
    dr_tap_close(&tap);
    return EXIT_FINE;
}
