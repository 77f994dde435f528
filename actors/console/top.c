/* SPDX-License-Identifier: Apache-2.0 */
/* drover top: the first screen, live. Read anew at each event, at most five times a second, and
 * each second; drawn by curses, which leaves the terminal as it was. */
#include "top.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "drover/clock.h"
#include "remote.h"

#define ASK_MS 1000
#define SOON_MS 200 /* after an event */
#define TICK_MS 1000
#define HISTORY 100
#define CAPS_MS 60000 /* between two looks at the caps */
#define PAGE 10

struct top {
    struct console *console;
    struct dr_tap *tap; /* NULL: there is none, the clock has to do */
    struct flock flock;
    struct top_view view;
    char silence[512];
    size_t scroll_most;
    int64_t read_ms;
    struct dr_config *caps; /* NULL: not read */
    int64_t caps_ms;        /* when they were asked for; 0: never */
    bool event, end;
};

static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
    (void)signal;
    ended = 1;
}

/* The newest caps that can be had: somebody may have changed drover.yaml meanwhile. */
static void read_caps(struct top *top)
{
    const struct console *console = top->console;
    int64_t now_ms = dr_boottime_ms();
    struct dr_config_errors errors;
    struct dr_config *fresh = NULL;
    if (top->caps_ms != 0 && now_ms - top->caps_ms < CAPS_MS)
        return;
    top->caps_ms = now_ms;
    if (console->remote != NULL) {
        fresh = remote_config_try(console->remote, ASK_MS);
    } else {
        fresh = dr_config_load(console->config_path, &errors);
        dr_config_errors_free(&errors);
    }
    if (fresh == NULL)
        return;
    dr_config_free(top->caps);
    top->caps = fresh;
}

/* The old picture stays when there is no new one, and is said to be old. */
static void read_state(struct top *top)
{
    struct flock fresh;
    int64_t before_us = dr_wall_us();
    top->event = false;
    if (flock_read(top->console, HISTORY, ASK_MS, &fresh, top->silence, sizeof top->silence)) {
        if (top->view.silent_us == 0)
            top->view.silent_us = top->view.read_us != 0 ? top->view.read_us : before_us;
        top->view.silence = top->silence;
    } else {
        flock_drop(&top->flock);
        top->flock = fresh;
        top->view.deployment = fresh.state->deployment;
        read_caps(top);
        top->flock.caps = top->caps == NULL ? NULL : dr_config_root(top->caps);
        top->view.flock = &top->flock;
        top->view.read_us = dr_wall_us();
        top->view.silent_us = 0;
    }
    top->read_ms = dr_boottime_ms();
    top->view.now_us = dr_wall_us();
}

/* ---- without a terminal -----------------------------------------------------------------------
 */
static size_t size_of(const char *name, size_t usual)
{
    const char *said = getenv(name);
    long number = said == NULL ? 0 : strtol(said, NULL, 10);
    return number > 1 ? (size_t)number : usual;
}

static int print_once(struct top *top)
{
    read_state(top);
    if (top->view.flock == NULL)
        return console_fail(EXIT_BROKEN, "unavailable", "%s", top->silence);
    if (top->console->json) {
        flock_json(&top->flock);
        return EXIT_FINE;
    }
    struct top_frame frame = top_layout(&top->view, size_of("LINES", 24), size_of("COLUMNS", 80));
    size_t last = frame.rows - 1; /* the keys are of no use here */
    while (last > 0 && frame.lines[last - 1][0] == '\0')
        last--;
    for (size_t i = 0; i < last; i++) {
        for (const char *at = frame.lines[i]; *at != '\0'; at++)
            if (*at < 0 || *at >= TOP_LOOKS)
                putchar(*at);
        putchar('\n');
    }
    top_frame_free(&frame);
    return EXIT_FINE;
}

/* ---- on a terminal ----------------------------------------------------------------------------
 */
static attr_t attributes[TOP_LOOKS];

static void make_attributes(bool colour)
{
    static const struct {
        enum top_look look;
        const char *state;
        bool idle;
        short basic;
    } colours[] = {
        {TOP_WAITING, "waiting", false, COLOR_YELLOW},
        {TOP_BOOTING, "booting", false, COLOR_BLUE},
        {TOP_RUNNING, "up", false, COLOR_GREEN},
        {TOP_IDLE, "up", true, COLOR_WHITE},
        {TOP_DRAINING, "draining", false, COLOR_MAGENTA},
        {TOP_FAILED, "failed", false, COLOR_RED},
    };
    attributes[TOP_BOLD] = A_BOLD;
    attributes[TOP_DIM] = A_DIM;
    if (!colour || !has_colors())
        return;
    start_color();
    use_default_colors();
    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++) {
        short nearest = (short)words_colour(colours[i].state, colours[i].idle, words_light());
        init_pair((short)colours[i].look, COLORS >= 256 ? nearest : colours[i].basic, -1);
        attributes[colours[i].look] = COLOR_PAIR((int)colours[i].look);
    }
}

static void draw_line(int row, const char *line)
{
    move(row, 0);
    while (*line != '\0') {
        int look = *line > 0 && *line < TOP_LOOKS ? *line++ : TOP_PLAIN;
        int len = 0;
        while (line[len] != '\0' && (line[len] < 0 || line[len] >= TOP_LOOKS))
            len++;
        attrset((int)attributes[look]);
        addnstr(line, len);
        line += len;
    }
}

static void draw(struct top *top)
{
    top->view.now_us = dr_wall_us();
    struct top_frame frame = top_layout(&top->view, (size_t)LINES, (size_t)COLS);
    erase();
    for (size_t i = 0; i < frame.rows && (int)i < LINES; i++)
        draw_line((int)i, frame.lines[i]);
    top->scroll_most = frame.scroll_most;
    top_frame_free(&frame);
    refresh();
}

static void scroll_by(struct top *top, int lines)
{
    size_t now = top->view.scroll < top->scroll_most ? top->view.scroll : top->scroll_most;
    if (lines < 0)
        top->view.scroll = now < (size_t)-lines ? 0 : now - (size_t)-lines;
    else
        top->view.scroll =
            now + (size_t)lines < top->scroll_most ? now + (size_t)lines : top->scroll_most;
}

static void on_key(struct top *top, int key)
{
    switch (key) {
    case 'q':
        top->end = true;
        break;
    case 'p':
        top->view.paused = !top->view.paused;
        top->event = true;
        break;
    case '?':
        top->view.help = !top->view.help;
        break;
    case KEY_UP:
    case 'k':
        scroll_by(top, -1);
        break;
    case KEY_DOWN:
    case 'j':
        scroll_by(top, 1);
        break;
    case KEY_PPAGE:
        scroll_by(top, -PAGE);
        break;
    case KEY_NPAGE:
        scroll_by(top, PAGE);
        break;
    case KEY_HOME:
        top->view.scroll = 0;
        break;
    default: /* KEY_RESIZE: the next drawing knows */
        break;
    }
}

static void take_events(struct top *top)
{
    struct dr_message message;
    char err[256];
    int got = 1;
    while (top->tap != NULL && (got = dr_tap_next(top->tap, 0, &message, err, sizeof err)) != 0) {
        top->event = true;
        if (got > 0)
            dr_message_free(&message);
    }
}

/* Until a key, an event, or the time of the next reading. */
static void await(struct top *top)
{
    int64_t due_ms = top->read_ms + (top->event && !top->view.paused ? SOON_MS : TICK_MS);
    int64_t left_ms = top->view.paused ? TICK_MS : due_ms - dr_boottime_ms();
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = top->tap == NULL ? -1 : dr_tap_fd(top->tap), .events = POLLIN}};
    poll(fds, 2, left_ms < 0 ? 0 : (int)left_ms);
    for (int key; (key = getch()) != ERR;)
        on_key(top, key);
    if (fds[0].revents & (POLLHUP | POLLERR))
        top->end = true;
    take_events(top);
}

static void live(struct top *top)
{
    while (!top->end && !ended) {
        int64_t age_ms = dr_boottime_ms() - top->read_ms;
        if (!top->view.paused && (age_ms >= TICK_MS || (top->event && age_ms >= SOON_MS)))
            read_state(top);
        draw(top);
        await(top);
    }
}

/* Marks are no ASCII: a locale that cannot write them is exchanged for one that can. */
static void choose_locale(void)
{
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

static int run(struct top *top)
{
    char err[256];
    choose_locale();
    SCREEN *screen = newterm(NULL, stdout, stdin);
    if (screen == NULL)
        return print_once(top);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGHUP, on_signal);
    make_attributes(top->console->colour);
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    top->tap = console_tap(top->console, "", err, sizeof err);
    top->read_ms = dr_boottime_ms() - TICK_MS;
    live(top);
    dr_tap_close(&top->tap);
    endwin();
    delscreen(screen);
    return EXIT_FINE;
}

int cmd_top(struct console *console, int argc, char **argv)
{
    (void)argv;
    struct top top = {.console = console};
    (void)argc;
    top.view.deployment = console->cfg == NULL ? "" : console->cfg->deployment;
    top.view.silence = "";
    bool terminal = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && !console->json;
    int code = terminal ? run(&top) : print_once(&top);
    flock_drop(&top.flock);
    dr_config_free(top.caps);
    return code;
}
