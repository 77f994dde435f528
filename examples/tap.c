/* SPDX-License-Identifier: Apache-2.0
 * Every event of a running Drover, as JSON lines; says when it missed some.
 *   cc tap.c $(pkg-config --cflags --libs drover) -o tap
 *   ./tap ipc:///var/lib/drover/run/tap [TOPIC]
 */
#include <drover/bus.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    char err[256];
    struct dr_tap *tap =
        argc < 2 ? NULL : dr_tap_open(argv[1], argc > 2 ? argv[2] : "", err, sizeof err);
    if (tap == NULL)
        return fprintf(stderr, "usage: tap ENDPOINT [TOPIC]\n"), 64;
    for (int64_t missed = 0;; missed = dr_tap_missed(tap)) {
        struct dr_message event;
        if (dr_tap_next(tap, -1, &event, err, sizeof err) != 1)
            continue;
        char *json = dr_message_json(&event);
        puts(json);
        fflush(stdout);
        free(json);
        dr_message_free(&event);
        if (dr_tap_missed(tap) > missed)
            fprintf(stderr, "missed %lld events\n", (long long)(dr_tap_missed(tap) - missed));
    }
}
