/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite layer (P27). Rows are the records of messages.def, read and written by their
 * descriptors; everything else is a statement with arguments. Statements are prepared once.
 *
 * A failure sticks: after one, every call does nothing and reads nothing until the transaction is
 * rolled back. So a handler may run to its end and store_failed() is asked once. Every call blocks
 * for the time of a disk access.
 *
 * Arguments of a statement follow a format of one letter each: s text, i int64_t, b struct dr_bin
 * (empty: NULL). The SQL must be a constant of the program: it is the key of the cache. */
#ifndef DROVER_LEDGER_STORE_H
#define DROVER_LEDGER_STORE_H

#include <stdbool.h>

#include "pool.h"

enum store_table {
    TABLE_MACHINE,
    TABLE_ATTEMPT,
    TABLE_KEY,
    TABLE_SLOT,
    TABLE_RECOVERY,
    TABLE_PAUSE,
    TABLE_HISTORY,
    TABLE_TASK,
    TABLE_WORK,
    TABLE_COUNT
};

struct store;

/* Opens or makes the database, checks the file system (network ones are refused), sets and reads
 * back WAL, synchronous=FULL and foreign_keys, and migrates. ":memory:" has no file. NULL with a
 * sentence in err. */
struct store *store_open(const char *path, char *err, size_t err_len);
void store_close(struct store **store);

/* Once more, for reading alone; it must exist. store_snapshot() fixes what is read from here on,
 * until store_rollback(). Both connections may be used at once, each by one thread. */
struct store *store_open_reader(const char *path, char *err, size_t err_len);
bool store_snapshot(struct store *store);

/* BEGIN IMMEDIATE, COMMIT. False: failed; after a failed commit, roll back. */
bool store_begin(struct store *store);
bool store_commit(struct store *store);
/* Ends the transaction whatever happened, and the sticky failure with it. */
void store_rollback(struct store *store);

/* One request's part of a transaction. */
void store_savepoint(struct store *store);
void store_release(struct store *store);
void store_undo(struct store *store);

bool store_failed(const struct store *store);
/* The last failure in words; whether it was the disk (or a quota) being full. */
const char *store_error(const struct store *store);
bool store_was_full(const struct store *store);

/* Reads the row with this key (the record's first field) into `row`, its parts from the pool. */
bool store_get(struct store *store, enum store_table table, const char *key, struct pool *pool,
               void *row);

/* Rows that match `where` (everything after WHERE, with ORDER BY), as an array from the pool in a
 * struct dr_<record>_list. */
void store_list(struct store *store, enum store_table table, struct pool *pool, void *list,
                const char *where, const char *format, ...);

void store_insert(struct store *store, enum store_table table, const void *row);
/* Overwrites the record's columns of the row with its key; the ledger's own columns stay. */
void store_update(struct store *store, enum store_table table, const void *row);

void store_run(struct store *store, const char *sql, const char *format, ...);
/* First column of the first row: 0, "" or empty when there is none. */
int64_t store_int(struct store *store, const char *sql, const char *format, ...);
const char *store_text(struct store *store, struct pool *pool, const char *sql, const char *format,
                       ...);
struct dr_bin store_blob(struct store *store, struct pool *pool, const char *sql,
                         const char *format, ...);
/* First column of every row. */
struct dr_strs store_texts(struct store *store, struct pool *pool, const char *sql,
                           const char *format, ...);

/* Calls `row` for each row of the answer; what a column reads lives during the call. */
struct store_columns;
void store_each(struct store *store, void (*row)(const struct store_columns *columns, void *arg),
                void *arg, const char *sql, const char *format, ...);
int64_t store_column_int(const struct store_columns *columns, int at);
const char *store_column_text(const struct store_columns *columns, int at);

/* A list as one column ("\na\nb\n") and back. */
const char *store_join(struct pool *pool, const struct dr_strs *list);
struct dr_strs store_split(struct pool *pool, const char *joined);

int store_schema_version(struct store *store);

/* Tests: no more than this many pages, so that the next growth meets a full disk; 0: no bound. */
void store_bound_pages(struct store *store, int64_t pages);
int64_t store_pages(struct store *store);

#endif
