/* SPDX-License-Identifier: Apache-2.0
 *
 * messages.def and topology.def as data: a descriptor per record, a row per message, names of
 * roles.
 */
#include "drover/message.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Fields of every record. A record without fields would be an empty array, which C17 forbids; the
 * sentinel keeps the count honest without that. */
#define DR_OPEN(rec) static const struct dr_field fields_##rec[] = {
#define DR_SHUT(rec) \
    {                \
        .name = NULL \
    }                \
    }                \
    ;
#define RECORD(rec, meaning_) DR_OPEN(rec)
#define END_RECORD(rec) DR_SHUT(rec)
#define EVENT(number, ENUM, rec, topic, from, meaning_) DR_OPEN(rec)
#define REQUEST(number, ENUM, rec, name_, from, to, REPLY_, meaning_) DR_OPEN(rec)
#define REPLY(number, ENUM, rec, name_, from, meaning_) DR_OPEN(rec)
#define END_MESSAGE(rec) DR_SHUT(rec)
#define DR_FIELD(rec, field, kind_, of_, meaning_) \
    {.name = #field,                               \
     .kind = kind_,                                \
     .offset = offsetof(struct dr_##rec, field),   \
     .of = of_,                                    \
     .meaning = meaning_},
#define F_STR(rec, field, meaning_) DR_FIELD(rec, field, DR_STR, NULL, meaning_)
#define F_I64(rec, field, meaning_) DR_FIELD(rec, field, DR_I64, NULL, meaning_)
#define F_BOOL(rec, field, meaning_) DR_FIELD(rec, field, DR_BOOL, NULL, meaning_)
#define F_BIN(rec, field, meaning_) DR_FIELD(rec, field, DR_BIN, NULL, meaning_)
#define F_STRS(rec, field, meaning_) DR_FIELD(rec, field, DR_STRS, NULL, meaning_)
#define F_REC(rec, field, of_, meaning_) DR_FIELD(rec, field, DR_REC, &dr_desc_##of_, meaning_)
#define F_RECS(rec, field, of_, meaning_) DR_FIELD(rec, field, DR_RECS, &dr_desc_##of_, meaning_)
#define RETIRED(number, was)
#include "drover/messages.def"
#include "drover/message_undef.h"

#define DR_DESCRIBE(rec, meaning_)                                         \
    const struct dr_desc dr_desc_##rec = {.name = #rec,                    \
                                          .meaning = meaning_,             \
                                          .size = sizeof(struct dr_##rec), \
                                          .fields = fields_##rec,          \
                                          .field_count = COUNT(fields_##rec) - 1};
#define RECORD(rec, meaning_) DR_DESCRIBE(rec, meaning_)
#define END_RECORD(rec)
#define EVENT(number, ENUM, rec, topic, from, meaning_) DR_DESCRIBE(rec, meaning_)
#define REQUEST(number, ENUM, rec, name_, from, to, REPLY_, meaning_) DR_DESCRIBE(rec, meaning_)
#define REPLY(number, ENUM, rec, name_, from, meaning_) DR_DESCRIBE(rec, meaning_)
#define END_MESSAGE(rec)
#define F_STR(rec, field, meaning_)
#define F_I64(rec, field, meaning_)
#define F_BOOL(rec, field, meaning_)
#define F_BIN(rec, field, meaning_)
#define F_STRS(rec, field, meaning_)
#define F_REC(rec, field, of_, meaning_)
#define F_RECS(rec, field, of_, meaning_)
#define RETIRED(number, was)
#include "drover/messages.def"
#include "drover/message_undef.h"

/* In the rows, role names stand for their bits. */
enum {
#define ACTOR(ROLE, name, exe, order, guards, env, meaning) ROLE = 1 << DR_ROLE_##ROLE,
#define EDGE(from, to)
#include "drover/topology.def"
#undef ACTOR
#undef EDGE
};

static const struct dr_message_row rows[] = {
#define RECORD(rec, meaning_)
#define END_RECORD(rec)
#define EVENT(number, ENUM, rec, topic, from_, meaning_) \
    {DR_##ENUM, DR_EVENT, topic, (uint32_t)(from_), 0, DR_NONE, &dr_desc_##rec, meaning_},
#define REQUEST(number, ENUM, rec, name_, from_, to_, REPLY_, meaning_) \
    {DR_##ENUM,       DR_REQUEST,  name_,          (uint32_t)(from_),   \
     (uint32_t)(to_), DR_##REPLY_, &dr_desc_##rec, meaning_},
#define REPLY(number, ENUM, rec, name_, from_, meaning_) \
    {DR_##ENUM, DR_REPLY, name_, (uint32_t)(from_), 0, DR_NONE, &dr_desc_##rec, meaning_},
#define END_MESSAGE(rec)
#define F_STR(rec, field, meaning_)
#define F_I64(rec, field, meaning_)
#define F_BOOL(rec, field, meaning_)
#define F_BIN(rec, field, meaning_)
#define F_STRS(rec, field, meaning_)
#define F_REC(rec, field, of_, meaning_)
#define F_RECS(rec, field, of_, meaning_)
#define RETIRED(number, was)
#include "drover/messages.def"
#include "drover/message_undef.h"
};

static const char *const role_names[] = {
#define ACTOR(ROLE, name, exe, order, guards, env, meaning) [DR_ROLE_##ROLE] = name,
#define EDGE(from, to)
#include "drover/topology.def"
#undef ACTOR
#undef EDGE
};

const struct dr_message_row *dr_rows(size_t *count)
{
    *count = COUNT(rows);
    return rows;
}

const struct dr_message_row *dr_row_by_type(int64_t type)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if ((int64_t)rows[i].type == type)
            return &rows[i];
    return NULL;
}

const struct dr_message_row *dr_row_by_name(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strncmp(rows[i].name, name, len) == 0 && rows[i].name[len] == '\0')
            return &rows[i];
    return NULL;
}

enum dr_role dr_role_of(const char *source)
{
    size_t len = strcspn(source, ":");
    for (size_t i = 0; i < COUNT(role_names); i++)
        if (strncmp(role_names[i], source, len) == 0 && role_names[i][len] == '\0')
            return (enum dr_role)i;
    return DR_ROLE_COUNT;
}

const char *dr_role_name(enum dr_role role)
{
    return (size_t)role < COUNT(role_names) ? role_names[role] : "?";
}
