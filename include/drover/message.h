/* SPDX-License-Identifier: Apache-2.0
 *
 * The messages of messages.def as C: `struct dr_queues_observed`, `DR_QUEUES_OBSERVED`, and so on;
 * every record also has a list type, `struct dr_queue_view_list { items, count }`.
 * Texts and lists inside a decoded message are borrowed from it and live until dr_message_free().
 */
#pragma once
#include "drover/schema.h"

/* Roles: a row each in topology.def. A source is written "role" or "role:account". */
enum dr_role {
#define ACTOR(ROLE, name, exe, order, guards, env, meaning) DR_ROLE_##ROLE,
#define EDGE(from, to)
#include "drover/topology.def"
#undef ACTOR
#undef EDGE
    DR_ROLE_COUNT
};

/* First pass over the table: the structs. */
#define DR_OPEN(rec) struct dr_##rec {
#define DR_SHUT(rec)                  \
    }                                 \
    ;                                 \
    struct dr_##rec##_list {          \
        const struct dr_##rec *items; \
        size_t count;                 \
    };
#define RECORD(rec, meaning) DR_OPEN(rec)
#define END_RECORD(rec) DR_SHUT(rec)
#define EVENT(number, ENUM, rec, topic, from, meaning) DR_OPEN(rec)
#define REQUEST(number, ENUM, rec, name, from, to, REPLY_, meaning) DR_OPEN(rec)
#define REPLY(number, ENUM, rec, name, from, meaning) DR_OPEN(rec)
#define END_MESSAGE(rec) DR_SHUT(rec)
#define F_STR(rec, field, meaning) const char *field;
#define F_I64(rec, field, meaning) int64_t field;
#define F_BOOL(rec, field, meaning) bool field;
#define F_BIN(rec, field, meaning) struct dr_bin field;
#define F_STRS(rec, field, meaning) struct dr_strs field;
#define F_REC(rec, field, of, meaning) struct dr_##of field;
#define F_RECS(rec, field, of, meaning) struct dr_##of##_list field;
#define RETIRED(number, was)
#include "drover/messages.def"
#include "drover/message_undef.h"
#undef DR_OPEN
#undef DR_SHUT

/* Second pass: the numbers. */
enum dr_type {
    DR_NONE = 0,
#define RECORD(rec, meaning)
#define END_RECORD(rec)
#define EVENT(number, ENUM, rec, topic, from, meaning) DR_##ENUM = number,
#define REQUEST(number, ENUM, rec, name, from, to, REPLY_, meaning) DR_##ENUM = number,
#define REPLY(number, ENUM, rec, name, from, meaning) DR_##ENUM = number,
#define END_MESSAGE(rec)
#define F_STR(rec, field, meaning)
#define F_I64(rec, field, meaning)
#define F_BOOL(rec, field, meaning)
#define F_BIN(rec, field, meaning)
#define F_STRS(rec, field, meaning)
#define F_REC(rec, field, of, meaning)
#define F_RECS(rec, field, of, meaning)
#define RETIRED(number, was) DR_RETIRED_##number = number,
#include "drover/messages.def"
#include "drover/message_undef.h"
};

/* Third pass: a descriptor for each, e.g. dr_desc_machine_row. */
#define DR_DECLARE(rec) extern const struct dr_desc dr_desc_##rec;
#define RECORD(rec, meaning) DR_DECLARE(rec)
#define END_RECORD(rec)
#define EVENT(number, ENUM, rec, topic, from, meaning) DR_DECLARE(rec)
#define REQUEST(number, ENUM, rec, name, from, to, REPLY_, meaning) DR_DECLARE(rec)
#define REPLY(number, ENUM, rec, name, from, meaning) DR_DECLARE(rec)
#define END_MESSAGE(rec)
#define F_STR(rec, field, meaning)
#define F_I64(rec, field, meaning)
#define F_BOOL(rec, field, meaning)
#define F_BIN(rec, field, meaning)
#define F_STRS(rec, field, meaning)
#define F_REC(rec, field, of, meaning)
#define F_RECS(rec, field, of, meaning)
#define RETIRED(number, was)
#include "drover/messages.def"
#include "drover/message_undef.h"
#undef DR_DECLARE

enum dr_shape { DR_EVENT, DR_REQUEST, DR_REPLY };

/* A row of the table, as data. */
struct dr_message_row {
    enum dr_type type;
    enum dr_shape shape;
    const char *name;   /* "machine.changed": topic of an event, name of a request or reply */
    uint32_t from, to;  /* bits 1 << enum dr_role; to is 0 for events and replies */
    enum dr_type reply; /* of a request */
    const struct dr_desc *desc;
    const char *meaning;
};

/* The row of a type or of a name; NULL when there is none. Static storage, never blocks. */
const struct dr_message_row *dr_row_by_type(int64_t type);
const struct dr_message_row *dr_row_by_name(const char *name, size_t len);

/* All rows in the table's order; *count gets how many. Static storage. */
const struct dr_message_row *dr_rows(size_t *count);

/* The role of a source: "provisioner:local" gives DR_ROLE_PROVISIONER; DR_ROLE_COUNT: no such. */
enum dr_role dr_role_of(const char *source);

/* "provisioner" for DR_ROLE_PROVISIONER; "?" for what is no role. */
const char *dr_role_name(enum dr_role role);

/* What travels around a body. seq counts per (source, boot, topic) from 1; 0 for requests. */
struct dr_envelope {
    int64_t version;     /* DR_WIRE_VERSION */
    const char *type;    /* row name */
    const char *source;  /* who speaks; the bus has checked it */
    const char *boot;    /* random id of the speaking process's life */
    int64_t seq;         /* events: position in its (source, boot, topic) */
    int64_t time_us;     /* wall clock of the speaker */
    const char *corr;    /* correlation id: follows one cause through all actors; may be "" */
    const char *request; /* requests and replies: id of the request; "" for events */
    int64_t left_ms;     /* requests: remaining time; expired ones are dropped and counted (P28) */
};

#define DR_WIRE_VERSION 1

/* A decoded message: envelope, row, and the struct of its type. Free with dr_message_free(). */
struct dr_message {
    struct dr_envelope env;
    const struct dr_message_row *row;
    const void *body; /* struct dr_<rec> of row->desc */
    struct dr_arena *arena;
};

/* Encodes envelope and body as one msgpack map (body: a map under "body").
 * *out gets malloc'd bytes that the caller frees. Returns 0, or -1 when memory is short.
 * NULL texts in body count as "". Never blocks. */
int dr_message_encode(const struct dr_envelope *env, const struct dr_desc *desc, const void *body,
                      uint8_t **out, size_t *len);

/* Decodes and validates; limits: DR_MESSAGE_MAX bytes, nesting of DR_DEPTH_MAX. Unknown types,
 * missing, unknown or ill-typed fields, leftover bytes: -1 with a sentence in err (which says the
 * place) and nothing to free. Allocates in proportion to len only. Never blocks. */
int dr_message_decode(const uint8_t *bytes, size_t len, struct dr_message *out, char *err,
                      size_t err_len);

#define DR_MESSAGE_MAX (16 << 20)
#define DR_DEPTH_MAX 16

/* Frees what dr_message_decode() made; leaves *message empty. Fine on an empty one. */
void dr_message_free(struct dr_message *message);

/* A body, or any record, as one line of JSON. malloc'd, the caller frees; NULL: out of memory.
 * Binary fields show as {"bytes": N}: sealed things are nobody's reading. */
char *dr_json(const struct dr_desc *desc, const void *record);

/* The whole message as one line of JSON, as `drover tap --json` prints it. As dr_json(). */
char *dr_message_json(const struct dr_message *message);

/* A deep copy of a record in one allocation chain; free with dr_record_free(). NULL: no memory. */
struct dr_record {
    void *value;
    struct dr_arena *arena;
};
int dr_record_copy(const struct dr_desc *desc, const void *record, struct dr_record *out);
void dr_record_free(struct dr_record *record);

/* True when both have equal values throughout. */
bool dr_record_equal(const struct dr_desc *desc, const void *a, const void *b);
