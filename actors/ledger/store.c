/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "drover/assert.h"
#include "drover/message.h"
#include "store_private.h"

static void fail(struct store *store)
{
    if (store->failed)
        return;
    store->failed = true;
    int code = sqlite3_extended_errcode(store->db);
    int sys = sqlite3_system_errno(store->db);
    store->full =
        (code & 0xff) == SQLITE_FULL ||
        ((code & 0xff) == SQLITE_IOERR && (sys == ENOSPC || sys == EDQUOT || sys == EFBIG));
    snprintf(store->error, sizeof store->error, "%s", sqlite3_errmsg(store->db));
}

/* ---- statements ----------------------------------------------------------------------------- */
static sqlite3_stmt *prepare(struct store *store, const char *sql)
{
    if (store->failed)
        return NULL;
    for (size_t i = 0; i < store->cached; i++) {
        if (strcmp(store->cache[i].sql, sql) == 0)
            return store->cache[i].stmt;
    }
    DR_ASSERT(store->cached < STORE_STATEMENTS);
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) !=
        SQLITE_OK) {
        fail(store);
        return NULL;
    }
    char *key = strdup(sql);
    DR_ASSERT(key != NULL);
    store->cache[store->cached++] = (struct store_cached){.sql = key, .stmt = stmt};
    return stmt;
}

static void bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
    sqlite3_bind_text(stmt, at, text == NULL ? "" : text, -1, SQLITE_TRANSIENT);
}

static void bind_bytes(sqlite3_stmt *stmt, int at, struct dr_bin bin)
{
    sqlite3_bind_blob64(stmt, at, bin.bytes, bin.len, SQLITE_TRANSIENT);
}

static void bind_args(sqlite3_stmt *stmt, const char *format, va_list args)
{
    int at = 1;
    for (const char *f = format; *f != '\0'; f++, at++) {
        switch (*f) {
        case 's':
            bind_text(stmt, at, va_arg(args, const char *));
            break;
        case 'i':
            sqlite3_bind_int64(stmt, at, va_arg(args, int64_t));
            break;
        default:
            DR_ASSERT(*f == 'b');
            bind_bytes(stmt, at, va_arg(args, struct dr_bin));
        }
    }
    DR_ASSERT(at - 1 == sqlite3_bind_parameter_count(stmt));
}

/* One row more? A failure sticks and reads as none. */
static bool step(struct store *store, sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        fail(store);
    return false;
}

static void finish(sqlite3_stmt *stmt)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

static const char *column_text(sqlite3_stmt *stmt, int at, struct pool *pool)
{
    return pool_text(pool, (const char *)sqlite3_column_text(stmt, at));
}

static struct dr_bin column_bytes(sqlite3_stmt *stmt, int at, struct pool *pool)
{
    const void *bytes = sqlite3_column_blob(stmt, at);
    return pool_bytes(pool, bytes, (size_t)sqlite3_column_bytes(stmt, at));
}

void store_run(struct store *store, const char *sql, const char *format, ...)
{
    sqlite3_stmt *stmt = prepare(store, sql);
    if (stmt == NULL)
        return;
    va_list args;
    va_start(args, format);
    bind_args(stmt, format, args);
    va_end(args);
    while (step(store, stmt))
        ;
    finish(stmt);
}

/* Prepares, binds and takes the first step; NULL when there is no row. finish() it. */
static sqlite3_stmt *first(struct store *store, const char *sql, const char *format, va_list args)
{
    sqlite3_stmt *stmt = prepare(store, sql);
    if (stmt == NULL)
        return NULL;
    bind_args(stmt, format, args);
    if (step(store, stmt))
        return stmt;
    finish(stmt);
    return NULL;
}

int64_t store_int(struct store *store, const char *sql, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sqlite3_stmt *stmt = first(store, sql, format, args);
    va_end(args);
    if (stmt == NULL)
        return 0;
    int64_t out = sqlite3_column_int64(stmt, 0);
    finish(stmt);
    return out;
}

const char *store_text(struct store *store, struct pool *pool, const char *sql, const char *format,
                       ...)
{
    va_list args;
    va_start(args, format);
    sqlite3_stmt *stmt = first(store, sql, format, args);
    va_end(args);
    if (stmt == NULL)
        return "";
    const char *out = column_text(stmt, 0, pool);
    finish(stmt);
    return out;
}

struct dr_bin store_blob(struct store *store, struct pool *pool, const char *sql,
                         const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sqlite3_stmt *stmt = first(store, sql, format, args);
    va_end(args);
    if (stmt == NULL)
        return (struct dr_bin){0};
    struct dr_bin out = column_bytes(stmt, 0, pool);
    finish(stmt);
    return out;
}

/* An array from the pool that doubles as it grows. */
static void *grow(struct pool *pool, void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    *room = *room == 0 ? 16 : *room * 2;
    void *more = pool_alloc(pool, *room * size);
    if (count > 0)
        memcpy(more, items, count * size);
    return more;
}

struct dr_strs store_texts(struct store *store, struct pool *pool, const char *sql,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sqlite3_stmt *stmt = first(store, sql, format, args);
    va_end(args);
    const char **items = NULL;
    size_t count = 0, room = 0;
    if (stmt != NULL) {
        do {
            items = grow(pool, items, count, &room, sizeof *items);
            items[count++] = column_text(stmt, 0, pool);
        } while (step(store, stmt));
        finish(stmt);
    }
    return (struct dr_strs){.items = items, .count = count};
}

struct store_columns {
    sqlite3_stmt *stmt;
};

void store_each(struct store *store, void (*row)(const struct store_columns *columns, void *arg),
                void *arg, const char *sql, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct store_columns columns = {.stmt = first(store, sql, format, args)};
    va_end(args);
    if (columns.stmt == NULL)
        return;
    do
        row(&columns, arg);
    while (step(store, columns.stmt));
    finish(columns.stmt);
}

int64_t store_column_int(const struct store_columns *columns, int at)
{
    return sqlite3_column_int64(columns->stmt, at);
}

const char *store_column_text(const struct store_columns *columns, int at)
{
    const unsigned char *text = sqlite3_column_text(columns->stmt, at);
    return text == NULL ? "" : (const char *)text;
}

/* ---- transactions --------------------------------------------------------------------------- */
bool store_begin(struct store *store)
{
    store_run(store, "BEGIN IMMEDIATE", "");
    return !store->failed;
}

bool store_snapshot(struct store *store)
{
    store_run(store, "BEGIN", "");
    store_int(store, "SELECT count(*) FROM meta", ""); /* the first look fixes it */
    return !store->failed;
}

bool store_commit(struct store *store)
{
    store_run(store, "COMMIT", "");
    return !store->failed;
}

void store_rollback(struct store *store)
{
    /* SQLite may have rolled back by itself (full disk, I/O error). */
    if (sqlite3_get_autocommit(store->db) == 0)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    store->failed = false;
}

void store_savepoint(struct store *store)
{
    store_run(store, "SAVEPOINT one", "");
}

void store_release(struct store *store)
{
    store_run(store, "RELEASE one", "");
}

void store_undo(struct store *store)
{
    store_run(store, "ROLLBACK TO one", "");
}

bool store_failed(const struct store *store)
{
    return store->failed;
}

const char *store_error(const struct store *store)
{
    return store->error;
}

bool store_was_full(const struct store *store)
{
    return store->full;
}

/* ---- lists in a column ---------------------------------------------------------------------- */
const char *store_join(struct pool *pool, const struct dr_strs *list)
{
    if (list->count == 0)
        return "";
    size_t len = 2;
    for (size_t i = 0; i < list->count; i++)
        len += strlen(list->items[i]) + 1;
    char *out = pool_alloc(pool, len);
    char *at = out;
    *at++ = '\n';
    for (size_t i = 0; i < list->count; i++) {
        DR_ASSERT(strchr(list->items[i], '\n') == NULL);
        at = stpcpy(at, list->items[i]);
        *at++ = '\n';
    }
    return out;
}

struct dr_strs store_split(struct pool *pool, const char *joined)
{
    size_t count = 0;
    for (const char *c = joined; *c != '\0'; c++)
        count += *c == '\n';
    if (count < 2)
        return (struct dr_strs){0};
    char *copy = (char *)(uintptr_t)pool_text(pool, joined + 1);
    const char **items = pool_alloc(pool, count * sizeof *items);
    count = 0;
    for (char *end; (end = strchr(copy, '\n')) != NULL; copy = end + 1) {
        *end = '\0';
        items[count++] = copy;
    }
    return (struct dr_strs){.items = items, .count = count};
}

/* ---- rows by descriptor --------------------------------------------------------------------- */
static const struct {
    const char *name;
    const struct dr_desc *desc;
} tables[TABLE_COUNT] = {
    [TABLE_MACHINE] = {"machine", &dr_desc_machine_row},
    [TABLE_ATTEMPT] = {"attempt", &dr_desc_attempt_row},
    [TABLE_KEY] = {"key", &dr_desc_key_row},
    [TABLE_SLOT] = {"slot", &dr_desc_slot_row},
    [TABLE_RECOVERY] = {"recovery", &dr_desc_recovery_row},
    [TABLE_PAUSE] = {"pause", &dr_desc_pause_row},
    [TABLE_HISTORY] = {"history", &dr_desc_history_row},
    [TABLE_TASK] = {"task", &dr_desc_task_row},
    [TABLE_WORK] = {"work", &dr_desc_work_row},
};

static void bind_field(sqlite3_stmt *stmt, int at, const struct dr_field *field, const void *row,
                       struct pool *pool)
{
    const char *place = (const char *)row + field->offset;
    switch (field->kind) {
    case DR_STR:
        bind_text(stmt, at, *(const char *const *)(const void *)place);
        break;
    case DR_I64:
        sqlite3_bind_int64(stmt, at, *(const int64_t *)(const void *)place);
        break;
    case DR_BOOL:
        sqlite3_bind_int(stmt, at, *(const bool *)place);
        break;
    case DR_BIN: {
        struct dr_bin bin = *(const struct dr_bin *)(const void *)place;
        sqlite3_bind_blob64(stmt, at, bin.bytes == NULL ? (const void *)"" : bin.bytes, bin.len,
                            SQLITE_TRANSIENT);
        break;
    }
    case DR_STRS:
        bind_text(stmt, at, store_join(pool, (const struct dr_strs *)(const void *)place));
        break;
    default:
        DR_ASSERT(field->kind == DR_STR);
    }
}

static void read_field(sqlite3_stmt *stmt, int at, const struct dr_field *field, void *row,
                       struct pool *pool)
{
    void *place = (char *)row + field->offset;
    switch (field->kind) {
    case DR_STR:
        *(const char **)place = column_text(stmt, at, pool);
        break;
    case DR_I64:
        *(int64_t *)place = sqlite3_column_int64(stmt, at);
        break;
    case DR_BOOL:
        *(bool *)place = sqlite3_column_int(stmt, at) != 0;
        break;
    case DR_BIN:
        *(struct dr_bin *)place = column_bytes(stmt, at, pool);
        break;
    case DR_STRS:
        *(struct dr_strs *)place = store_split(pool, (const char *)sqlite3_column_text(stmt, at));
        break;
    default:
        DR_ASSERT(field->kind == DR_STR);
    }
}

static void read_row(sqlite3_stmt *stmt, const struct dr_desc *desc, void *row, struct pool *pool)
{
    for (size_t i = 0; i < desc->field_count; i++)
        read_field(stmt, (int)i, &desc->fields[i], row, pool);
}

/* "SELECT "id","version",... FROM "machine" WHERE " into buf. */
static void select_sql(enum store_table table, const char *where, char *buf, size_t size)
{
    const struct dr_desc *desc = tables[table].desc;
    size_t len = (size_t)snprintf(buf, size, "SELECT ");
    for (size_t i = 0; i < desc->field_count; i++)
        len += (size_t)snprintf(buf + len, size - len, "%s\"%s\"", i == 0 ? "" : ",",
                                desc->fields[i].name);
    len +=
        (size_t)snprintf(buf + len, size - len, " FROM \"%s\" WHERE %s", tables[table].name, where);
    DR_ASSERT(len < size);
}

bool store_get(struct store *store, enum store_table table, const char *key, struct pool *pool,
               void *row)
{
    char sql[STORE_SQL_MAX], where[80];
    const struct dr_desc *desc = tables[table].desc;
    memset(row, 0, desc->size);
    snprintf(where, sizeof where, "\"%s\"=?", desc->fields[0].name);
    select_sql(table, where, sql, sizeof sql);
    sqlite3_stmt *stmt = prepare(store, sql);
    if (stmt == NULL)
        return false;
    bind_text(stmt, 1, key);
    bool found = step(store, stmt);
    if (found)
        read_row(stmt, desc, row, pool);
    finish(stmt);
    return found;
}

void store_list(struct store *store, enum store_table table, struct pool *pool, void *list,
                const char *where, const char *format, ...)
{
    char sql[STORE_SQL_MAX];
    const struct dr_desc *desc = tables[table].desc;
    select_sql(table, where, sql, sizeof sql);
    va_list args;
    va_start(args, format);
    sqlite3_stmt *stmt = first(store, sql, format, args);
    va_end(args);
    char *items = NULL;
    size_t count = 0, room = 0;
    if (stmt != NULL) {
        do {
            items = grow(pool, items, count, &room, desc->size);
            read_row(stmt, desc, items + count * desc->size, pool);
            count++;
        } while (step(store, stmt));
        finish(stmt);
    }
    *(struct dr_recs *)list = (struct dr_recs){.items = items, .count = count};
}

/* Binds all fields, key first, and runs. */
static void write_row(struct store *store, const char *sql, const struct dr_desc *desc,
                      const void *row)
{
    sqlite3_stmt *stmt = prepare(store, sql);
    if (stmt == NULL)
        return;
    struct pool pool = {0};
    for (size_t i = 0; i < desc->field_count; i++)
        bind_field(stmt, (int)i + 1, &desc->fields[i], row, &pool);
    while (step(store, stmt))
        ;
    finish(stmt);
    pool_free(&pool);
}

void store_insert(struct store *store, enum store_table table, const void *row)
{
    char sql[STORE_SQL_MAX];
    const struct dr_desc *desc = tables[table].desc;
    size_t len = (size_t)snprintf(sql, sizeof sql, "INSERT INTO \"%s\"(", tables[table].name);
    for (size_t i = 0; i < desc->field_count; i++)
        len += (size_t)snprintf(sql + len, sizeof sql - len, "%s\"%s\"", i == 0 ? "" : ",",
                                desc->fields[i].name);
    len += (size_t)snprintf(sql + len, sizeof sql - len, ") VALUES(?");
    for (size_t i = 1; i < desc->field_count; i++)
        len += (size_t)snprintf(sql + len, sizeof sql - len, ",?");
    len += (size_t)snprintf(sql + len, sizeof sql - len, ")");
    DR_ASSERT(len < sizeof sql);
    write_row(store, sql, desc, row);
}

void store_update(struct store *store, enum store_table table, const void *row)
{
    char sql[STORE_SQL_MAX];
    const struct dr_desc *desc = tables[table].desc;
    size_t len = (size_t)snprintf(sql, sizeof sql, "UPDATE \"%s\" SET ", tables[table].name);
    for (size_t i = 1; i < desc->field_count; i++)
        len += (size_t)snprintf(sql + len, sizeof sql - len, "%s\"%s\"=?%zu", i == 1 ? "" : ",",
                                desc->fields[i].name, i + 1);
    len += (size_t)snprintf(sql + len, sizeof sql - len, " WHERE \"%s\"=?1", desc->fields[0].name);
    DR_ASSERT(len < sizeof sql);
    write_row(store, sql, desc, row);
}
