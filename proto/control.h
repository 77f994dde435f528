/* SPDX-License-Identifier: Apache-2.0
 *
 * The wire between droverd and a process that it started: a SOCK_STREAM socketpair that is fd 3
 * (DR_CONTROL_FD) in the child. Text lines "WORD argument"; a blob is "WORD <bytes>", newline, that
 * many bytes, newline. droverd speaks first:
 *
 *   HELLO 1 · SOURCE provisioner:local · BOOT <random id of this droverd's life> · TOKEN <64 hex>
 *   STATEDIR path · RUNDIR path · WATCHDOG_MS n · CONFIG <n> · PEER <source> <token> … · GO
 *
 * (PEER only to the bus: who may connect, with which token.) Later CONFIG <n> followed by RELOAD;
 * STOP; and to the bus LIFE <n> (JSON of an actor_view) and LOG <n> (JSON of a log_line). The child
 * says READY, WATCHDOG and STATUS text. The other end closed means: end.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DR_CONTROL_FD 3
#define DR_CONTROL_VERSION 1
#define DR_CONTROL_LINE_MAX 4096
#define DR_CONTROL_BLOB_MAX (8 << 20)
#define DR_CONTROL_GO_MS 10000

/* ITEM(word, who says it, form of its argument) */
#define DR_CONTROL_ITEMS(ITEM)        \
    ITEM(HELLO, PARENT, NUMBER)       \
    ITEM(SOURCE, PARENT, TEXT)        \
    ITEM(BOOT, PARENT, TEXT)          \
    ITEM(TOKEN, PARENT, TEXT)         \
    ITEM(STATEDIR, PARENT, TEXT)      \
    ITEM(RUNDIR, PARENT, TEXT)        \
    ITEM(WATCHDOG_MS, PARENT, NUMBER) \
    ITEM(CONFIG, PARENT, BLOB)        \
    ITEM(PEER, PARENT, PAIR)          \
    ITEM(GO, PARENT, NONE)            \
    ITEM(RELOAD, PARENT, NONE)        \
    ITEM(STOP, PARENT, NONE)          \
    ITEM(LIFE, PARENT, BLOB)          \
    ITEM(LOG, PARENT, BLOB)           \
    ITEM(READY, CHILD, NONE)          \
    ITEM(WATCHDOG, CHILD, NONE)       \
    ITEM(STATUS, CHILD, TEXT)

enum dr_control_kind {
#define ITEM(word, who, form) DR_CONTROL_##word,
    DR_CONTROL_ITEMS(ITEM)
#undef ITEM
        DR_CONTROL_KINDS
};

/* One thing that was said. Borrowed for the call. */
struct dr_control_item {
    enum dr_control_kind kind;
    const char *text; /* TEXT and BLOB: NUL-terminated besides; PAIR: its first half; else "" */
    size_t len;       /* of text; a blob may hold NUL bytes */
    const char *more; /* PAIR: its second half; else "" */
    int64_t number;   /* NUMBER, else 0 */
};

/* Return 0 to go on, anything else to pause behind this item. */
typedef int (*dr_control_fn)(const struct dr_control_item *item, void *arg);

enum dr_control_side { DR_CONTROL_PARENT, DR_CONTROL_CHILD };

/* An incremental parser of what `speaker` says. Its fields are its own, except err. */
struct dr_control {
    enum dr_control_side speaker;
    char line[DR_CONTROL_LINE_MAX + 1];
    size_t line_len;
    char *blob; /* while one is being read */
    size_t blob_len, blob_want, blob_room;
    enum dr_control_kind blob_kind;
    bool broken;
    char err[160];
};

void dr_control_init(struct dr_control *control, enum dr_control_side speaker);

/* Frees what it holds and overwrites it (tokens pass through). Fine twice. */
void dr_control_fini(struct dr_control *control);

/* Feeds bytes in any splitting; item is called for each complete thing. Returns how many bytes were
 * used (fewer than len only when item paused), or -1 on anything that the other side must not say:
 * then control->err has the sentence and every later call fails too. Never blocks; allocates in
 * proportion to what was fed. */
ssize_t dr_control_feed(struct dr_control *control, const char *bytes, size_t len,
                        dr_control_fn item, void *arg);

/* Bytes on their way out. Zero-initialise; free with dr_control_out_free(). */
struct dr_control_out {
    char *bytes;
    size_t len, room;
};

/* Appends one item. text (and more, for PAIR) must fit the item's form; number is for NUMBER.
 * Returns -1, appending nothing, when a text holds a newline or exceeds the limits. */
int dr_control_put(struct dr_control_out *out, enum dr_control_kind kind, const char *text,
                   size_t len);
int dr_control_put_number(struct dr_control_out *out, enum dr_control_kind kind, int64_t number);
int dr_control_put_pair(struct dr_control_out *out, enum dr_control_kind kind, const char *text,
                        const char *more);

/* Writes what the socket takes now, without blocking and without SIGPIPE. Returns 1 when bytes are
 * left, 0 when all are written, -1 with errno when the other end is gone. */
int dr_control_flush(struct dr_control_out *out, int fd);
void dr_control_out_free(struct dr_control_out *out);

/* For a child: says READY, WATCHDOG or STATUS (text may be NULL) at once. A newline in text becomes
 * a blank, a long text is cut. Returns 0, or -1 with errno. Blocks only while the parent's side is
 * full. */
int dr_control_say(int fd, enum dr_control_kind kind, const char *text);

/* A fresh random word of 64 hex digits. Never fails. */
void dr_control_new_token(char token[65]);

struct dr_control_peer {
    char *source;
    char *token;
};

/* What a child got at its start. Everything is owned by it. */
struct dr_handover {
    char *source;    /* "provisioner:local" */
    char *boot;      /* of droverd's life */
    char *token;     /* 64 hex digits: its password at the bus */
    char *state_dir; /* absolute */
    char *run_dir;   /* absolute */
    int64_t watchdog_ms;
    char *config; /* text of the accepted drover.yaml, NUL-terminated besides */
    size_t config_len;
    struct dr_control_peer *peers; /* the bus only */
    size_t peer_count;
};

/* For a child: reads from fd up to and including GO and not a byte more. Blocks up to
 * DR_CONTROL_GO_MS. Returns 0; or -1 with a sentence in err and nothing to free. */
int dr_control_take(int fd, struct dr_handover *out, char *err, size_t err_len);

/* Frees and overwrites; leaves it empty. */
void dr_handover_free(struct dr_handover *handover);
