/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The ClearML API from memory: a pure function of (state, request, now). No I/O, no clock and no
 * randomness of its own, so that a simulator can own many of them. Not thread safe: the caller
 * holds one lock around every call. */

struct sandbox;

struct sandbox_options {
    const unsigned char *seed; /* every id, key and token derives from it; 32 bytes */
    const char *access_key;    /* the first user's key pair; NULL: made from the seed */
    const char *secret_key;
    const char *const *queues; /* names, NULL terminated; NULL: only "default" */
    const char *user_name;     /* NULL: "Sandbox" */
    int64_t now_us;            /* wall clock, microseconds since 1970 */
};

/* What the outside says. All strings are borrowed for the length of the call; absent ones NULL. */
struct sandbox_request {
    const char *method;
    const char *path;          /* without the query string: "/v2.23/tasks.get_all" */
    const char *authorization; /* the header as sent: "Basic …", "Bearer …" */
    const char *cookie;        /* the Cookie header as sent */
    const char *content_type;
    const char *worker; /* X-ClearML-Worker */
    const char *remote_addr;
    const char *range;        /* the Range header as sent */
    const char *host;         /* the Host header: the files server builds URLs from it */
    const char *const *query; /* name, value, name, value, …, NULL (decoded); or NULL */
    const void *body;
    size_t body_size;
};

/* What goes back. body is malloc'd and given to the caller: sandbox_response_clear frees it. */
struct sandbox_response {
    int status;
    const char *content_type; /* static */
    char *set_cookie;         /* malloc'd, or NULL */
    char *headers;            /* malloc'd "Name: value" lines, each ended by "\n", or NULL */
    void *body;
    size_t body_size;
};

/* A new server with one company, one user, a key pair and its queues. NULL: out of memory.
 * Freed by sandbox_free. */
struct sandbox *sandbox_new(const struct sandbox_options *options);
void sandbox_free(struct sandbox *sb);

/* Answers one API request. Never blocks, never fails: what goes wrong becomes an answer. */
void sandbox_handle(struct sandbox *sb, const struct sandbox_request *request, int64_t now_us,
                    struct sandbox_response *response);

/* Answers one request to the files server (its own port), see files.c. */
void sandbox_files_handle(struct sandbox *sb, const struct sandbox_request *request, int64_t now_us,
                          struct sandbox_response *response);

/* Where uploaded files are kept. Paths are relative, with "/" between their parts, and never leave
 * the store. Each may block. */
struct sandbox_files {
    void *arg;
    int (*write)(void *arg, const char *path, const void *data, size_t size); /* 0, or -1 */
    /* The file's bytes, malloc'd; NULL when there is none. */
    void *(*read)(void *arg, const char *path, size_t *size);
    /* Removes a file, or with folders set also a whole folder. 0; -1 when there is none. */
    int (*remove)(void *arg, const char *path, bool folders);
};

/* From now on files are kept there; without this call in the state itself. *store is copied. */
void sandbox_use_files(struct sandbox *sb, const struct sandbox_files *store);

void sandbox_response_clear(struct sandbox_response *response);

/* What passes by itself: workers silent for their register_timeout vanish, tasks that nobody
 * reported for 7,200 s are stopped. Cheap; call it about once a second. */
void sandbox_tick(struct sandbox *sb, int64_t now_us);

/* Counts every change of state: equal means nothing to save. */
uint64_t sandbox_revision(const struct sandbox *sb);

/* The whole state as one line of JSON (malloc'd, size in *size), and back. load replaces
 * everything and returns 0, or -1 with a sentence in error (the old state stays). */
char *sandbox_save(const struct sandbox *sb, size_t *size);
int sandbox_load(struct sandbox *sb, const char *text, size_t size, char *error, size_t error_size);

/* What the core was told, as one line (malloc'd): a request (to the files server, if files), or
 * with NULL a tick. A state saved before it, and then told it again by sandbox_replay, is the state
 * after it. replay returns -1 for a line that is none (cut short by a crash). */
char *sandbox_record(const struct sandbox_request *request, bool files, int64_t now_us,
                     size_t *size);
int sandbox_replay(struct sandbox *sb, const char *line, size_t size);

/* The first user's key pair (borrowed). */
const char *sandbox_access_key(const struct sandbox *sb);
const char *sandbox_secret_key(const struct sandbox *sb);
/* Makes sure that this pair logs in as the first user; either NULL: does nothing. */
void sandbox_allow(struct sandbox *sb, const char *access_key, const char *secret_key);
