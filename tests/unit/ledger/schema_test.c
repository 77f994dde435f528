/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: new files, old versions, newer ones, files of others; columns against records. */
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "schema.h"

static char path[64];

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/drover-schema-%d.db", (int)getpid());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char name[80];
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    return 0;
}

static void run_sql(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *err = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &err) != SQLITE_OK)
        fail_msg("%s", err);
    sqlite3_close(db);
}

static void load_dump(const char *name)
{
    char file[256];
    snprintf(file, sizeof file, "%s/%s", DUMPS_FOLDER, name);
    FILE *in = fopen(file, "r");
    assert_non_null(in);
    static char text[1 << 16];
    size_t len = fread(text, 1, sizeof text - 1, in);
    text[len] = '\0';
    fclose(in);
    run_sql(text);
}

static struct store *opened(void)
{
    char err[512] = "";
    struct store *store = store_open(path, err, sizeof err);
    if (store == NULL)
        fail_msg("%s", err);
    return store;
}

static void refused_with(const char *words)
{
    char err[512] = "";
    assert_null(store_open(path, err, sizeof err));
    if (strstr(err, words) == NULL)
        fail_msg("%s", err);
}

static void a_new_file_has_what_was_asked_for(void **state)
{
    (void)state;
    struct store *store = opened();
    struct pool pool = {0};
    assert_string_equal(store_text(store, &pool, "PRAGMA journal_mode", ""), "wal");
    assert_int_equal(store_int(store, "PRAGMA synchronous", ""), 2);
    assert_int_equal(store_int(store, "PRAGMA foreign_keys", ""), 1);
    assert_int_equal(store_int(store, "PRAGMA secure_delete", ""), 1);
    assert_int_equal(store_schema_version(store), schema_steps[schema_step_count - 1].version);
    pool_free(&pool);
    store_close(&store);
}

/* The dump holds a machine of every kind of column; it was written by version 1. */
static void version_1_is_migrated_with_its_rows(void **state)
{
    (void)state;
    load_dump("version_1.sql");
    struct store *store = opened();
    struct pool pool = {0};
    assert_int_equal(store_schema_version(store), schema_steps[schema_step_count - 1].version);
    struct dr_machine_row row;
    assert_true(store_get(store, TABLE_MACHINE, "m0000000000000001", &pool, &row));
    assert_string_equal(row.state, "up");
    assert_int_equal(row.queues.count, 2);
    assert_string_equal(row.queues.items[1], "q-slow");
    assert_string_equal(row.identity, "");
    struct dr_attempt_row attempt;
    assert_true(store_get(store, TABLE_ATTEMPT, "a00000000000000000001", &pool, &attempt));
    assert_string_equal(attempt.identity, "");
    assert_int_equal(store_int(store, "SELECT count(*) FROM launch_task", ""), 0);
    assert_false(store_failed(store));
    fixture_invariants(store);
    pool_free(&pool);
    store_close(&store);
}

/* What a migrated file looks like is what a new one looks like. */
static void migrated_equals_new(void **state)
{
    (void)state;
    static const char shape[] = "SELECT group_concat(sql, ';') FROM"
                                " (SELECT sql FROM sqlite_schema WHERE sql<>'' ORDER BY name)";
    struct pool pool = {0};
    load_dump("version_1.sql");
    struct store *migrated = opened();
    const char *left = store_text(migrated, &pool, shape, "");
    store_close(&migrated);
    teardown(state);
    struct store *fresh = opened();
    assert_string_equal(left, store_text(fresh, &pool, shape, ""));
    store_close(&fresh);
    pool_free(&pool);
}

static void a_newer_one_is_not_touched(void **state)
{
    (void)state;
    struct store *store = opened();
    store_close(&store);
    run_sql("PRAGMA user_version=99");
    refused_with("schema version 99, this Drover knows up to");
}

static void anothers_file_is_not_touched(void **state)
{
    (void)state;
    run_sql("CREATE TABLE theirs(x)");
    refused_with("a database of another program");
}

static void what_is_no_database_is_said(void **state)
{
    (void)state;
    FILE *out = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("no database\n", out);
    fclose(out);
    refused_with("file is not a database");
}

static void a_missing_folder_is_said(void **state)
{
    (void)state;
    char err[512] = "";
    assert_null(store_open("/nonexistent/folder/ledger.db", err, sizeof err));
    assert_non_null(strstr(err, "/nonexistent/folder"));
}

/* The record of messages.def and its table may not drift apart. */
static void every_field_has_its_column(void **state)
{
    (void)state;
    static const struct {
        enum store_table table;
        const char *name;
        const struct dr_desc *desc;
    } rows[] = {
        {TABLE_MACHINE, "machine", &dr_desc_machine_row},
        {TABLE_ATTEMPT, "attempt", &dr_desc_attempt_row},
        {TABLE_KEY, "key", &dr_desc_key_row},
        {TABLE_SLOT, "slot", &dr_desc_slot_row},
        {TABLE_RECOVERY, "recovery", &dr_desc_recovery_row},
    };
    struct store *store = opened();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t n = 0; n < rows[i].desc->field_count; n++) {
            const char *field = rows[i].desc->fields[n].name;
            if (store_int(store, "SELECT count(*) FROM pragma_table_info(?) WHERE name=?", "ss",
                          rows[i].name, field) != 1)
                fail_msg("table %s has no column %s", rows[i].name, field);
        }
    }
    store_close(&store);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_new_file_has_what_was_asked_for),
        T(version_1_is_migrated_with_its_rows),
        T(migrated_equals_new),
        T(a_newer_one_is_not_touched),
        T(anothers_file_is_not_touched),
        T(what_is_no_database_is_said),
        T(a_missing_folder_is_said),
        T(every_field_has_its_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
