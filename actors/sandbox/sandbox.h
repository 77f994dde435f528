/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "core.h"

#include <jansson.h>
#include <stdbool.h>

/* Inside the sandbox only: the state, and what every handler needs. */

/* The server's collections, each a json object id → document, in order of creation. The documents
 * are the server's own (the shapes of its database): times are strings of sandbox_time(), a task's
 * last_metrics and hyperparams are nested objects, fields that were never set are absent. Queries
 * and projections work on them directly. Whole state = db, the rest is derived or borrowed. */
struct sandbox {
    json_t *db; /* owns all below */
    json_t *company;
    json_t *users;       /* {id, name, company, created, role} */
    json_t *credentials; /* array of {key, secret, user, label?, last_used?, last_used_from?} */
    json_t *queues;
    json_t *workers; /* by worker id; expiry in microseconds under "expires_us" */
    json_t *tasks;
    json_t *projects;
    json_t *models;
    json_t *events;                  /* events.c decides the shape within */
    struct sandbox_files file_store; /* where they are kept instead, if set */
    json_t *files;                   /* files.c decides the shape within */
    json_t *scrolls;                 /* query.c: what an open scroll still has to give */
    unsigned char seed[32];
    uint64_t drawn;  /* numbers drawn from the seed */
    uint64_t served; /* requests answered: their transaction ids */
    uint64_t revision;
    int64_t changed_ms; /* when the last change was made */
};

enum { SANDBOX_API_MAJOR = 2, SANDBOX_API_MINOR = 34 };
#define SANDBOX_VERSION(major, minor) ((major)*1000 + (minor))

/* One request on its way. A handler reads body and fills data (an object, put into the envelope),
 * returning 0; or it returns what sandbox_fail returned. */
struct sandbox_call {
    struct sandbox *sb;
    int64_t now_us;
    const struct sandbox_request *request;
    const char *endpoint; /* "tasks.get_all" */
    int requested;        /* SANDBOX_VERSION(2, 34) */
    int actual;
    json_t *body;  /* the request's object, never NULL, validated by the route's schema */
    json_t *batch; /* array, when the request was json-lines; else NULL */
    json_t *user;  /* who asks (borrowed document); NULL on routes without login */
    const char *user_id;
    const char *company; /* company id */
    json_t *data;
    char *set_cookie; /* malloc'd by the handler, or NULL */
    int code;         /* error so far: 0 none */
    int subcode;
    char message[512];
    json_t *error_data; /* what a batch says beside the message; NULL: nothing */
};

typedef int sandbox_handler(struct sandbox_call *call);

/* Sets the error of the call (HTTP status, subcode, message) and returns -1. */
int sandbox_fail(struct sandbox_call *call, int code, int subcode, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The call's error message as a json string. */
json_t *sandbox_message(const struct sandbox_call *call);

/* A new id: 32 hex digits. The buffer is the caller's. */
struct sandbox_id {
    char text[33];
};
struct sandbox_id sandbox_new_id(struct sandbox *sb);
/* size characters of [A-Z0-9] (upper) or [A-Za-z0-9] and a NUL into out[size + 1]. */
void sandbox_new_secret(struct sandbox *sb, char *out, size_t size, bool upper);

/* "2026-11-24T04:14:09.123000+00:00": fixed width, so that order of text is order of time. */
struct sandbox_time {
    char text[33];
};
struct sandbox_time sandbox_time(int64_t now_us);
json_t *sandbox_now(const struct sandbox_call *call); /* the same as a json string */
/* Reads what clients send as a date (ISO forms); false if it is none. */
bool sandbox_time_parse(const char *text, int64_t *us);

/* Paths: "execution.queue" through nested objects. get borrows, NULL when absent; set makes the
 * objects between and steals value; delete ignores absence. */
json_t *sandbox_get(const json_t *doc, const char *path);
const char *sandbox_get_str(const json_t *doc, const char *path); /* NULL unless a string */
int sandbox_set(json_t *doc, const char *path, json_t *value);
void sandbox_delete(json_t *doc, const char *path);
/* The body's field, or the default. */
bool sandbox_flag(const struct sandbox_call *call, const char *name, bool fallback);
#define SANDBOX_INT_MAX INT64_C(9000000000000) /* whole numbers end here: as seconds, as ms */
json_int_t sandbox_int(const struct sandbox_call *call, const char *name, json_int_t fallback);
const char *sandbox_str(const struct sandbox_call *call, const char *name); /* NULL if absent */

/* The md5 of a text as 32 hex digits: how the server turns names into safe keys. */
struct sandbox_id sandbox_md5(const char *text);

/* Every handler that changed something calls this (or sandbox_touch_task). */
void sandbox_changed(struct sandbox *sb);

/* Documents by id; the finders set the server's own error (400/101, 701, 401, 201) and return
 * NULL when absent. */
json_t *sandbox_find_task(struct sandbox_call *call, const char *id);
json_t *sandbox_find_queue(struct sandbox_call *call, const char *id);
json_t *sandbox_find_project(struct sandbox_call *call, const char *id);
json_t *sandbox_find_model(struct sandbox_call *call, const char *id);

/* A task changed: last_change, last_changed_by and, if update, last_update. Also
 * sandbox_changed. */
void sandbox_touch_task(struct sandbox_call *call, json_t *task, bool update);

/* Runs one call for each of ids and builds {"succeeded": [...], "failed": [...]} in call->data.
 * each() gets the id and fills *item (what stands in succeeded beside the id; new reference) or
 * returns what sandbox_fail returned. */
typedef int sandbox_each(struct sandbox_call *call, const char *id, json_t *item);
int sandbox_for_each(struct sandbox_call *call, const json_t *ids, sandbox_each *each);

/* Something in the project happened: its last_update. id may be NULL or unknown. */
void sandbox_touch_project(struct sandbox_call *call, const char *id);

/* events.c: a task (or model) goes, or is reset: its events go. */
void events_forget(struct sandbox *sb, const char *id);
/* projects.c: the project of that name, made with its parents if there is none. Its id (borrowed
 * from the document), or NULL with the call's error set. */
const char *projects_find_or_create(struct sandbox_call *call, const char *name,
                                    const char *description);
