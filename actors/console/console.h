/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of `drover`, the command line: what its commands share. A command is a function in a file
 * of its own and a row in main.c.
 */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "drover/bus.h"
#include "drover/config.h"

/* Exit codes, the same for every command; `drover --help` prints them. */
enum exit_code {
    EXIT_FINE = 0,    /* did it; for `status`: nothing is in anybody's way */
    EXIT_WAITS = 1,   /* `status`: something waits that will not start; `check`: a fault was found;
                       * what changes something: it was refused, or there is no such thing */
    EXIT_BROKEN = 2,  /* Drover, the server or a cloud does not answer */
    EXIT_USAGE = 64,  /* the command line is wrong */
    EXIT_CONFIG = 78, /* drover.yaml is missing or wrong */
};

struct remote;

struct console {
    const char *config_path;
    const char *gateway; /* address of another host's Drover; NULL: this host's */
    struct dr_config *config;
    const struct dr_cfg_root *cfg; /* NULL from afar */
    struct remote *remote;         /* NULL: the Drover of this host (remote.h) */
    char run_dir[512];
    bool json;
    bool colour; /* only on a terminal, and not with NO_COLOR */
};

/* ---- what goes wrong: a sentence on stderr, with --json {"error": {"code", "sentence"}} ---------
 */
void console_errors(bool json); /* said once, before all others */

/* Says it, and gives the exit code back. word: usage config unavailable not-found ambiguous, or an
 * `ack`'s code. */
int console_fail(enum exit_code code, const char *word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a person should know beside the answer; nothing with --json. */
void console_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A text as JSON, also where it is no UTF-8: "?" for what is none. */
struct json_t;
struct json_t *console_text(const char *text);

/* What was done, where no actor says it: a sentence, with --json {"ok":true,"sentence"}. EXIT_FINE.
 */
int console_did(const struct console *console, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Events that were missed; 0: it is not known how many. With --json {"missed": count}. */
void console_missed(int64_t count);

/* The faults of a configuration; EXIT_CONFIG. */
int console_faults(const char *path, const struct dr_config_errors *errors);

/* Whether anything was said to be wrong; and a word with --json for a command that said it its own
 * way. */
bool console_said(void);
void console_unsaid(int code, const char *command);

/* "; did you mean NAME?", or "". */
struct near;
const char *console_meant(const struct near *near, char *out, size_t size);

/* Reads the configuration; prints its faults to stderr. 0, or an exit code. */
int console_config(struct console *console);

/* Asks one request and waits up to 5 s. 0 with *out (free it), else says why on stderr: -1. */
int console_ask(struct console *console, const char *to, enum dr_type type, const void *body,
                struct dr_message *out);

/* The same with the sentence in err, and nothing on stderr. */
int console_try(struct console *console, const char *to, enum dr_type type, const void *body,
                int wait_ms, struct dr_message *out, char *err, size_t err_len);

/* Prints a message's body as one JSON line. */
void console_json(const struct dr_message *message);

/* The tap, at the configured endpoint or the one in the run directory; NULL with a sentence in err.
 */
struct dr_tap *console_tap(const struct console *console, const char *topic, char *err,
                           size_t err_len);

/* Prints each event of the tap whose topic begins with this, until SIGINT or SIGTERM; says on
 * stderr when some were missed. Returns an exit code. */
int console_follow(struct console *console, const char *topic,
                   void (*print)(const struct dr_message *message));

/* A line of `drover tap`. body: JSON. */
void tap_line(int64_t time_us, const char *source, const char *type, const char *body);

/* ---- people: each says on stderr what is wrong ------------------------------------------------
 */
/* The login name of who asks: $SUDO_USER for root, else the user's own. */
const char *console_who(void);

/* Asks the ledger for this kind of answer. EXIT_FINE with *out (free it), or an exit code. */
int console_read(struct console *console, enum dr_type type, const void *body, enum dr_type reply,
                 struct dr_message *out);

/* Asks the ledger to change something and prints what it says (--json: its answer). Exit code. */
int console_do(struct console *console, enum dr_type type, const void *body);

/* The machine that is meant (pick.h), in *rows (free it when EXIT_FINE is returned). */
int console_machine(struct console *console, const char *word, struct dr_message *rows,
                    const struct dr_machine_row **out);

/* EXIT_FINE: yes was said, by option or at the terminal; EXIT_WAITS: no; EXIT_USAGE: nobody can be
 * asked. */
int console_confirm(const char *question, bool yes);

/* Take an option (and its value; NULL: it is not there) out of the arguments. */
bool console_flag(int *argc, char **argv, const char *name);
const char *console_option(int *argc, char **argv, const char *name);

/* Says how the command is used; EXIT_USAGE. */
int console_usage(const char *line);
int console_no_span(const char *what, const char *word); /* the word is no time span */

/* NULL when the task is not among them. */
const struct dr_task_row *console_task(const struct dr_task_row_list *tasks, const char *id);

/* ---- tables: right-aligned numbers, columns as wide as their widest cell ----------------------
 */
struct table;
struct table *table_new(const char *const *heads); /* "-" before a head: right-aligned; NULL ends */
void table_row(struct table *table, const char *const *cells);
void table_print(struct table **table, FILE *out); /* and frees it */
void table_drop(struct table **table);             /* frees it */

/* ---- words ------------------------------------------------------------------------------------
 */
/* "6m 10s", "2h 5m", "3d 4h". out holds at least 32 bytes; returned. */
const char *words_span(int64_t ms, char *out);

/* The same since a wall time in microseconds; "-" for 0. */
const char *words_since(int64_t then_us, char *out);

/* "14:02:11" in the viewer's zone, of a wall time in microseconds. */
const char *words_clock(int64_t wall_us, char *out);

/* "2026-01-31 14:02:11" likewise. */
const char *words_date(int64_t wall_us, char *out);

/* "\033[...m" for a machine state when console->colour, else "". The marks are ○ ◔ ● – ◗ ✕. */
const char *words_mark(const char *state, bool idle);
/* The nearest of a terminal's 256 colours, on a dark or a light ground; -1: none. */
int words_colour(const char *state, bool idle, bool light);
bool words_light(void); /* the terminal says (COLORFGBG) that its ground is light */
const char *words_paint(const struct console *console, const char *state, bool idle);
const char *words_plain(const struct console *console);

/* ---- commands ----------------------------------------------------------------------------------
 */
int cmd_check(struct console *console, int argc, char **argv);
int cmd_completion(struct console *console, int argc, char **argv);
int cmd_plan(struct console *console, int argc, char **argv);
int cmd_top(struct console *console, int argc, char **argv);
int cmd_version(struct console *console, int argc, char **argv);
int cmd_status(struct console *console, int argc, char **argv);
int cmd_machines(struct console *console, int argc, char **argv);
int cmd_queues(struct console *console, int argc, char **argv);
int cmd_tap(struct console *console, int argc, char **argv);
int cmd_logs(struct console *console, int argc, char **argv);
int cmd_stop(struct console *console, int argc, char **argv);
int cmd_why(struct console *console, int argc, char **argv);
int cmd_tasks(struct console *console, int argc, char **argv);
int cmd_history(struct console *console, int argc, char **argv);
int cmd_cost(struct console *console, int argc, char **argv);
int cmd_drain(struct console *console, int argc, char **argv);
int cmd_kill(struct console *console, int argc, char **argv);
int cmd_keep(struct console *console, int argc, char **argv);
int cmd_pause(struct console *console, int argc, char **argv);
int cmd_resume(struct console *console, int argc, char **argv);
int cmd_adopt(struct console *console, int argc, char **argv);
int cmd_settle(struct console *console, int argc, char **argv);
int cmd_import(struct console *console, int argc, char **argv);
int cmd_sandbox(struct console *console, int argc, char **argv);
int cmd_init(struct console *console, int argc, char **argv);
int cmd_up(struct console *console, int argc, char **argv);
int cmd_token(struct console *console, int argc, char **argv);
int cmd_export(struct console *console, int argc, char **argv);
int cmd_demo(struct console *console, int argc, char **argv);

/* ---- processes ----------------------------------------------------------------------------------
 */
/* Path of another program of Drover: beside this one, or in ../libexec/drover, ../sbin. 0 or -1. */
int spawn_find(const char *program, char *path, size_t room);

/* Starts a program with its stdout as a pipe (out_fd, may be NULL to inherit). own_group: a Ctrl-C
 * at the terminal does not reach it. Returns its pid, or -1 after saying why. */
pid_t spawn_start(const char *const *argv, int *out_fd, bool own_group);

/* The same with its stdin as a pipe too (in_fd, may be NULL: then it has none), its stderr dropped
 * and no signal blocked. */
pid_t spawn_talk(const char *const *argv, int *in_fd, int *out_fd);

/* Waits for it and gives its exit code, 128 + signal for one that was killed. */
int spawn_wait(pid_t pid);
