/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of `drover init`, the terminal's wizard. Its questions come from proto/config_help.def;
 * which ones, in which order, is computed anew from the answers so far (init_script.c), so that
 * going back is nothing but a smaller number.
 */
#pragma once
#include <jansson.h>
#include <limits.h>

#include "config_help.h"
#include "console.h"

enum question_kind {
    Q_FIELD,    /* one setting of drover.yaml */
    Q_SECRET,   /* one entry of a file of secrets */
    Q_ADVANCED, /* are the settings that hardly anybody changes wanted here? */
    Q_MORE,     /* another entry of a list? */
    Q_TEST,     /* the server or a cloud is asked at once: a question only when it fails */
};

struct question {
    enum question_kind kind;
    enum cfg_group group;
    char path[160];  /* Q_FIELD: as in errors, "queues[0].name"; others: a word for it */
    char scope[64];  /* the list's entry that it is about, "queues[0]"; "" */
    const char *key; /* Q_FIELD, Q_SECRET */
    const struct cfg_field *field;
    const struct cfg_help *help;
    const struct cfg_secret *secret;
    size_t index; /* of the list's entry */
    size_t host;  /* of a git host among its account's */
};

struct wizard {
    struct console *console;
    char path[PATH_MAX]; /* of drover.yaml */
    char dir[PATH_MAX];  /* where it is */
    json_t *answers;     /* drover.yaml's shape; texts throughout */
    json_t *said;        /* the yes and no of Q_ADVANCED and Q_MORE, by path */
    json_t *secrets;     /* {"clearml": {...}, "accounts": [{...}]}: as typed */
    json_t *known;       /* what this computer says, by path without the numbers */
    json_t *queues;      /* their names at the server; NULL while nobody asked it */
    struct question *questions;
    size_t count, at;
};

/* ---- init_script.c ---- */
/* Makes the list of questions that these answers lead to. */
void script_write(struct wizard *w);

/* "aws", "local" or "" of the account that this question's entry is, or is started in. */
const char *script_driver(const struct wizard *w, const char *list, size_t index);

/* 0.05 in a file of answers is 0.05 again: seventeen digits would be refused as too many. */
#define INIT_JSON JSON_REAL_PRECISION(15)

/* ---- init_answers.c: answers by path ---- */
/* "" when there is none; a list is joined by ", ". The text is the caller's (free). */
char *answers_get(const struct wizard *w, const struct question *q);

/* Takes it ("": takes it away). */
void answers_set(struct wizard *w, const struct question *q, const char *text);

/* The n-th entry of a list, made when there is none yet. Borrowed. */
json_t *answers_entry(struct wizard *w, const char *list, size_t n);

/* Drops the entries from the n-th on. */
void answers_cut(struct wizard *w, const char *list, size_t n);
void answers_cut_hosts(struct wizard *w, size_t account, size_t n);

/* The document as it would be written: the answers, and the files of those secrets that were typed.
 * The caller's. */
json_t *answers_document(const struct wizard *w);

/* The same as a checked configuration; NULL when it cannot be read at all. */
struct dr_config *answers_draft(const struct wizard *w, struct dr_config_errors *errors);

/* What is offered where nothing was answered. The text is the caller's (free). */
char *answers_suggestion(const struct wizard *w, const struct question *q);

/* ---- init_known.c ---- */
/* Fills w->known, and the secrets that a clearml.conf holds. */
void known_find(struct wizard *w);

/* ---- init_again.c: a host that has a configuration ---- */
/* Takes the answers from the drover.yaml that is there. False: there is none, or it says nothing.
 */
bool again_load(struct wizard *w);

/* The file that holds this secret so far; NULL: none is named. Borrowed. */
const char *again_file(const struct wizard *w, const struct question *q);

/* Gives each of these files (taken) that is there a second name: {path: name or null}. NULL: it was
 * said why not. Then one of: again_say() tells the names, again_undo() makes all as it was. */
json_t *again_keep(json_t *paths);
void again_say(json_t *kept);
void again_undo(json_t *kept);

/* ---- init_ask.c: the terminal ---- */
/* One line without its end, at most 16 KiB; hidden: nothing is shown while it is typed. NULL at the
 * end of input. The text is the caller's: dr_wipe_free_text. */
char *ask_line(const struct wizard *w, const char *prompt, bool hidden);

/* Prints words in lines of at most 78 columns, each indented. */
void ask_wrap(int indent, const char *text);
void ask_complain(const struct wizard *w, const char *text, bool warning);

/* A head of a screen, in bold on a terminal that has it. */
void ask_head(const struct wizard *w, const char *text);

/* ---- init_field.c: one question ---- */
enum step { STEP_ON, STEP_BACK, STEP_AGAIN, STEP_END };
enum step field_ask(struct wizard *w, const struct question *q);

/* ---- init_rights.c ---- */
/* True where "!" shows them. */
bool rights_known(const struct wizard *w, const struct question *q);
void rights_print(const struct wizard *w);

/* ---- init_probe.c ---- */
/* Asks the server; its queues are in w->queues afterwards. keep: writes the key pair, makes the
 * queues that are served and not there. False: something was refused, and was said. */
bool probe_clearml(struct wizard *w, bool keep);
bool probe_account(struct wizard *w, size_t account, bool keep);

/* Writes the files of secrets without having tried them. */
bool probe_write_untried(struct wizard *w);

/* The files that are written for what was typed. The caller's. */
json_t *probe_files(const struct wizard *w);

/* ---- init_finish.c ---- */
/* Says what came of it, asks, writes. */
enum step finish_ask(struct wizard *w);

/* Makes the directory, tries the secrets (unless told not to) and writes them, then drover.yaml:
 * all of it or, also when a signal comes meanwhile, nothing. */
bool finish_write(struct wizard *w, bool tried);

/* Checks what was written and says what comes next. Exit code. */
int finish_check(struct wizard *w);

/* ---- init_batch.c ---- */
int batch_run(struct wizard *w, const char *answers, const char *secrets);
