/* SPDX-License-Identifier: Apache-2.0
 *
 * The wizard's terminal: lines in, wrapped words out.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "init.h"
#include "seal.h"

#define LINE_MAX_BYTES ((size_t)16 << 10)
#define COLUMNS_MOST 78
#define COLUMNS_LEAST 20

static struct termios shown; /* as the terminal was, for the signal's sake */

/* Someone who leaves while typing a secret must get the echo back. */
static void on_leave(int signal_number)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &shown);
    _exit(128 + signal_number);
}

static void watch_signals(bool watch)
{
    struct sigaction act = {0};
    act.sa_handler = watch ? on_leave : SIG_DFL;
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
}

static bool hide(void)
{
    if (tcgetattr(STDIN_FILENO, &shown) != 0)
        return false;
    struct termios hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    watch_signals(true);
    return tcsetattr(STDIN_FILENO, TCSADRAIN, &hidden) == 0;
}

/* read() and not stdio: no buffer of the library keeps what was typed. */
static char *read_line(void)
{
    size_t len = 0;
    char *line = calloc(1, LINE_MAX_BYTES);
    while (line != NULL && len + 1 < LINE_MAX_BYTES) {
        ssize_t n = read(STDIN_FILENO, line + len, LINE_MAX_BYTES - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 && len == 0) {
            free(line);
            return NULL;
        }
        len += n > 0 ? (size_t)n : 0;
        if (n <= 0 || line[len - 1] == '\n')
            break;
    }
    return line;
}

/* Spaces around an answer are never meant. */
static void trim(char *line)
{
    size_t len = strlen(line), from = strspn(line, " \t");
    while (len > from && strchr(" \t\r\n", line[len - 1]) != NULL)
        len--;
    memmove(line, line + from, len - from);
    line[len - from] = '\0';
}

char *ask_line(const struct wizard *w, const char *prompt, bool hidden)
{
    printf("%s%s%s", w->console->colour ? "\033[1m" : "", prompt,
           w->console->colour ? "\033[0m" : "");
    fflush(stdout);
    bool was_hidden = hidden && hide();
    if (hidden && !was_hidden) {
        watch_signals(false);
        fputs("\ndrover: this terminal cannot hide what is typed\n", stderr);
        return NULL;
    }
    char *line = read_line();
    if (was_hidden) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &shown);
        watch_signals(false);
        putchar('\n');
    }
    if (line == NULL)
        putchar('\n');
    else
        trim(line);
    return line;
}

/* As wide as the terminal is now, but no line so long that the eye loses it. */
static int columns(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return COLUMNS_MOST;
    int wide = size.ws_col - 1;
    return wide > COLUMNS_MOST ? COLUMNS_MOST : wide < COLUMNS_LEAST ? COLUMNS_LEAST : wide;
}

void ask_wrap(int indent, const char *text)
{
    int column = 0, most = columns();
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, " \n");
        bool fits = column > 0 && column + 1 + (int)len <= most;
        if (column > 0 && !fits)
            putchar('\n');
        if (fits)
            column += printf(" %.*s", (int)len, at);
        else
            column = printf("%*s%.*s", indent, "", (int)len, at);
        at += len;
        if (*at == '\n')
            column = most;
        at += strspn(at, " \n");
    }
    putchar('\n');
}

void ask_complain(const struct wizard *w, const char *text, bool warning)
{
    char line[1400];
    if (w->console->colour)
        fputs(warning ? "\033[33m" : "\033[31m", stdout);
    snprintf(line, sizeof line, "%s %s", warning ? "!" : "✕", text);
    ask_wrap(2, line);
    if (w->console->colour)
        fputs("\033[0m", stdout);
}

void ask_head(const struct wizard *w, const char *text)
{
    printf("\n%s%s%s\n", w->console->colour ? "\033[1;4m" : "", text,
           w->console->colour ? "\033[0m" : "");
}
