/* SPDX-License-Identifier: Apache-2.0 */
#include "notes.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounts.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "log.h"
#include "rand.h"
#include "secretfile.h"
#include "strbuf.h"
#include "utf8.h"
#include "words.h"

#define NOTES_MAX 10000 /* a ledger that is away for good does not fill the disk */
#define WORDS_MAX 900   /* the ledger takes one line of 1000 bytes; a date comes behind it */
#define ASK_MS 5000
#define LATE_US (INT64_C(60) * 1000000) /* the row's own time is that of the ledger */

struct notes {
    struct dr_actor *actor;
    char path[PATH_MAX];
    json_t *list; /* [{request, t_us, kind, id, done, sentence, by}], oldest first */
    bool asked;   /* the ledger is asked to take the first */
};

static struct notes *open_notes; /* for answers: NULL once they are gone */

/* ---- the file ------------------------------------------------------------------------------- */
static void save(struct notes *notes)
{
    struct dr_error error;
    if (json_array_size(notes->list) == 0) {
        unlink(notes->path);
        return;
    }
    char *text = json_dumps(notes->list, JSON_COMPACT);
    DR_ASSERT(text != NULL);
    if (!dr_file_replace(notes->path, text, strlen(text), 0600, &error))
        dr_log_merged(DR_LOG_ERROR, NULL,
                      "%s: what people did is in no file until the ledger has it", error.text);
    free(text);
}

static bool is_note(const json_t *row)
{
    static const char *const texts[] = {"request", "kind", "id", "done", "sentence", "by"};
    bool good = json_is_integer(json_object_get(row, "t_us"));
    for (size_t i = 0; good && i < sizeof texts / sizeof texts[0]; i++)
        good = json_is_string(json_object_get(row, texts[i]));
    return good;
}

/* It stays for a person to read: the next note writes a file of its own. */
static void put_aside(const char *path, const char *why)
{
    char aside[PATH_MAX + 8];
    snprintf(aside, sizeof aside, "%s.unread", path);
    bool kept = rename(path, aside) == 0;
    dr_log(DR_LOG_ERROR, NULL,
           "%s, where what people did waits for the ledger, cannot be read (%s)%s%s", path, why,
           kept ? "; it is kept as " : "", kept ? aside : "");
}

static json_t *load(const char *path)
{
    struct dr_error error = {0};
    size_t len = 0;
    bool there = access(path, F_OK) == 0;
    char *text = there ? dr_secretfile_read(path, 64 << 20, &len, &error) : NULL;
    json_t *read = text == NULL ? NULL : json_loadb(text, len, 0, NULL);
    if (there && !json_is_array(read))
        put_aside(path, text == NULL ? error.text : "it is no list");
    json_t *list = json_array(), *row;
    size_t i;
    json_array_foreach (read, i, row) {
        if (is_note(row))
            json_array_append(list, row);
    }
    json_decref(read);
    free(text);
    return list;
}

/* ---- the ledger ----------------------------------------------------------------------------- */
static const char *text_of(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
}

static void ask(struct notes *notes);

/* Whether the first is done with: it is in the ledger, or the ledger will never have it. */
static bool taken(const json_t *first, const struct dr_answer *answer)
{
    const struct dr_ack *ack = answer->message == NULL ? NULL : answer->message->body;
    if (ack == NULL || (!ack->ok && strcmp(ack->code, "bad-request") != 0))
        return false;
    if (!ack->ok)
        dr_log(DR_LOG_ERROR, NULL, "the history has no row of %s %s (%s): %s",
               text_of(first, "kind"), text_of(first, "done"), text_of(first, "by"), ack->sentence);
    return true;
}

static void on_answer(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    struct notes *notes = open_notes;
    (void)actor;
    (void)arg;
    if (notes == NULL)
        return;
    notes->asked = false;
    if (!taken(json_array_get(notes->list, 0), answer))
        return;
    json_array_remove(notes->list, 0);
    save(notes);
    ask(notes);
}

static void ask(struct notes *notes)
{
    const json_t *row = json_array_get(notes->list, 0);
    if (row == NULL || notes->asked || notes->actor == NULL)
        return;
    char date[DR_DATE_ROOM];
    int64_t t_us = json_integer_value(json_object_get(row, "t_us"));
    struct dr_strbuf sentence = {0};
    dr_strbuf_add_text(&sentence, text_of(row, "sentence"));
    if (dr_wall_us() - t_us >= LATE_US)
        dr_strbuf_printf(&sentence, "%sdone %s", sentence.len == 0 ? "" : "; ",
                         dr_date_text(t_us, date));
    struct dr_hand_note note = {.kind = text_of(row, "kind"),
                                .id = text_of(row, "id"),
                                .done = text_of(row, "done"),
                                .sentence = sentence.data,
                                .by = text_of(row, "by")};
    notes->asked = true;
    dr_request(notes->actor, "ledger", DR_HAND_NOTE, &note, text_of(row, "request"), NULL, ASK_MS,
               on_answer, NULL);
    dr_strbuf_free(&sentence);
}

/* ---- what is told --------------------------------------------------------------------------- */
/* One line of text that the ledger takes, whatever was typed. */
static json_t *words(const char *text)
{
    struct dr_strbuf out = {0};
    size_t left = strlen(text);
    dr_strbuf_add_text(&out, "");
    while (left > 0) {
        size_t len = dr_utf8_char(text, left);
        size_t used = len == 0 ? 1 : len;
        bool plain = len > 1 || (len == 1 && *text >= ' ' && *text != 0x7f);
        if (out.len + used > WORDS_MAX || (len == 0 && left < 4)) /* too long; cut within one */
            break;
        dr_strbuf_add(&out, plain ? text : " ", plain ? used : 1);
        text += used;
        left -= used;
    }
    json_t *line = json_string(out.data);
    DR_ASSERT(line != NULL);
    dr_strbuf_free(&out);
    return line;
}

void notes_add(struct notes *notes, const struct dr_hand_note *note)
{
    char request[DR_RANDOM_ID_SIZE];
    if (json_array_size(notes->list) >= NOTES_MAX) {
        dr_log_merged(DR_LOG_ERROR, NULL,
                      "the ledger has not taken %d rows of history; no more are kept for it",
                      NOTES_MAX);
        return;
    }
    dr_random_id(request);
    json_array_append_new(notes->list,
                          json_pack("{s:s,s:I,s:s,s:o,s:s,s:o,s:o}", "request", request, "t_us",
                                    (json_int_t)dr_wall_us(), "kind", note->kind, "id",
                                    words(note->id), "done", note->done, "sentence",
                                    words(note->sentence), "by", words(note->by)));
    save(notes);
    ask(notes);
}

void notes_tick(struct notes *notes)
{
    ask(notes);
}

struct notes *notes_new(struct dr_actor *actor, const char *dir)
{
    struct notes *notes = calloc(1, sizeof *notes);
    DR_ASSERT(notes != NULL && open_notes == NULL);
    notes->actor = actor;
    snprintf(notes->path, sizeof notes->path, "%s/notes.json", dir);
    notes->list = load(notes->path);
    open_notes = notes;
    return notes;
}

void notes_free(struct notes **notes)
{
    if (*notes == NULL)
        return;
    open_notes = NULL;
    json_decref((*notes)->list);
    free(*notes);
    *notes = NULL;
}
