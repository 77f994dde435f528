/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drover/clock.h"

const char *words_span(int64_t ms, char *out)
{
    long long s = ms / 1000;
    if (s < 60)
        snprintf(out, 32, "%llds", s);
    else if (s < 3600)
        snprintf(out, 32, "%lldm %llds", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, 32, "%lldh %lldm", s / 3600, s / 60 % 60);
    else
        snprintf(out, 32, "%lldd %lldh", s / 86400, s / 3600 % 24);
    return out;
}

const char *words_since(int64_t then_us, char *out)
{
    if (then_us == 0)
        return "-";
    int64_t span_ms = (dr_wall_us() - then_us) / 1000;
    return words_span(span_ms > 0 ? span_ms : 0, out);
}

const char *words_clock(int64_t wall_us, char *out)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm local;
    strftime(out, 32, "%H:%M:%S", localtime_r(&seconds, &local));
    return out;
}

const char *words_date(int64_t wall_us, char *out)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm local;
    strftime(out, 32, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &local));
    return out;
}

/* State, its mark, and the nearest of the terminal's 256 colours on a dark and a light ground. */
#define LOOK(state, mark, dark, light)                                            \
    {                                                                             \
        state, mark, dark, light, "\033[38;5;" #dark "m", "\033[38;5;" #light "m" \
    }
static const struct look {
    const char *state, *mark;
    int dark, light;
    const char *paint_dark, *paint_light;
} looks[] = {
    LOOK("wanted", "○", 214, 130),      LOOK("launching", "◔", 33, 27),
    LOOK("booting", "◔", 33, 27),       LOOK("up", "●", 78, 29),
    LOOK("idle", "–", 244, 59),         LOOK("draining", "◗", 183, 134),
    LOOK("terminating", "◗", 183, 134), LOOK("absent", "✕", 203, 88),
    LOOK("failed", "✕", 203, 88),       LOOK("waiting", "○", 214, 130),
};

static const struct look *look_of(const char *state, bool idle)
{
    static const struct look none = {"", "·", -1, -1, "", ""};
    if (idle && strcmp(state, "up") == 0)
        state = "idle";
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++)
        if (strcmp(looks[i].state, state) == 0)
            return &looks[i];
    return &none;
}

const char *words_mark(const char *state, bool idle)
{
    return look_of(state, idle)->mark;
}

const char *words_paint(const struct console *console, const char *state, bool idle)
{
    const struct look *look = look_of(state, idle);
    if (!console->colour)
        return "";
    return words_light() ? look->paint_light : look->paint_dark;
}

int words_colour(const char *state, bool idle, bool light)
{
    const struct look *look = look_of(state, idle);
    return light ? look->light : look->dark;
}

/* "15;0": foreground and, last, background, of the sixteen; 7 and 9 to 15 are light. */
bool words_light(void)
{
    const char *said = getenv("COLORFGBG");
    const char *last = said == NULL ? NULL : strrchr(said, ';');
    long ground = last == NULL ? 0 : strtol(last + 1, NULL, 10);
    return ground == 7 || (ground > 8 && ground < 16);
}

const char *words_plain(const struct console *console)
{
    return console->colour ? "\033[0m" : "";
}
