/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/vfs.h>

#include "drover/assert.h"
#include "schema.h"
#include "store_private.h"

static bool in_memory(const char *path)
{
    return strcmp(path, ":memory:") == 0;
}

/* SQLite's locks and its shared memory do not hold on these (sqlite.org/wal.html, "does not work
 * over a network filesystem"). Magic numbers: linux/magic.h, statfs(2), and the kernel's fs/. */
static const struct {
    unsigned long magic;
    const char *name;
} network_systems[] = {
    {0x6969, "NFS"},      {0xff534d42, "CIFS"},   {0xfe534d42, "SMB2"},   {0x517b, "SMB"},
    {0x01021997, "9p"},   {0x00c36400, "Ceph"},   {0x5346414f, "AFS"},    {0x6b414653, "AFS"},
    {0x73757245, "Coda"}, {0x0bd00bd0, "Lustre"}, {0x564c, "NCP"},        {0x47504653, "GPFS"},
    {0x01161970, "GFS2"}, {0x7461636f, "OCFS2"},  {0x19830326, "BeeGFS"},
};

static bool local_system(const char *path, char *err, size_t err_len)
{
    char dir[4096];
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash == NULL)
        snprintf(dir, sizeof dir, ".");
    else if (slash == dir)
        slash[1] = '\0';
    else
        *slash = '\0';
    struct statfs fs;
    if (statfs(dir, &fs) != 0) {
        snprintf(err, err_len, "%.200s cannot be looked at: %m; the state directory must exist",
                 dir);
        return false;
    }
    for (size_t i = 0; i < sizeof network_systems / sizeof network_systems[0]; i++) {
        if (((unsigned long)fs.f_type & 0xffffffff) == network_systems[i].magic) {
            snprintf(err, err_len,
                     "%.200s is on a network file system (%s), where the ledger's locks do not "
                     "hold; choose a state_dir on a local disk",
                     dir, network_systems[i].name);
            return false;
        }
    }
    return true;
}

static bool explain(struct store *store, const char *path, const char *doing, char *err,
                    size_t err_len)
{
    snprintf(err, err_len, "the ledger %.200s: %s failed: %s", path, doing,
             store->failed ? store->error : sqlite3_errmsg(store->db));
    return false;
}

/* Sets a pragma and believes only what is read back. */
static bool pragma(struct store *store, const char *set, const char *read, const char *want)
{
    if (sqlite3_exec(store->db, set, NULL, NULL, NULL) != SQLITE_OK)
        return false;
    struct pool pool = {0};
    bool same = strcmp(store_text(store, &pool, read, ""), want) == 0;
    pool_free(&pool);
    return same;
}

static bool set_pragmas(struct store *store, const char *path, char *err, size_t err_len)
{
    const char *journal = in_memory(path) ? "memory" : "wal";
    if (!pragma(store, "PRAGMA journal_mode=WAL", "PRAGMA journal_mode", journal))
        return explain(store, path, "switching to write-ahead logging", err, err_len);
    if (!pragma(store, "PRAGMA synchronous=FULL", "PRAGMA synchronous", "2"))
        return explain(store, path, "asking for synchronous=FULL", err, err_len);
    if (!pragma(store, "PRAGMA foreign_keys=ON", "PRAGMA foreign_keys", "1"))
        return explain(store, path, "asking for foreign keys", err, err_len);
    /* Erased means erased: sealed secrets and bodies leave no copy in free pages. */
    if (!pragma(store, "PRAGMA secure_delete=ON", "PRAGMA secure_delete", "1"))
        return explain(store, path, "asking for secure_delete", err, err_len);
    sqlite3_exec(store->db, "PRAGMA trusted_schema=OFF", NULL, NULL, NULL);
    return true;
}

static bool run_step(struct store *store, const struct schema_step *one)
{
    char set[80];
    snprintf(set, sizeof set, "PRAGMA user_version=%d", one->version);
    return store_begin(store) && sqlite3_exec(store->db, one->sql, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(store->db, set, NULL, NULL, NULL) == SQLITE_OK && store_commit(store);
}

static bool migrate(struct store *store, const char *path, char *err, size_t err_len)
{
    int newest = schema_steps[schema_step_count - 1].version;
    int version = store_schema_version(store);
    if (version > newest) {
        snprintf(err, err_len,
                 "the ledger %.200s has schema version %d, this Drover knows up to %d: it was "
                 "written by a newer Drover; install that one again",
                 path, version, newest);
        return false;
    }
    for (size_t i = 0; i < schema_step_count; i++) {
        if (schema_steps[i].version <= version)
            continue;
        if (!run_step(store, &schema_steps[i])) {
            explain(store, path, schema_steps[i].what, err, err_len);
            store_rollback(store);
            return false;
        }
    }
    return true;
}

/* A file that another program made is not written to. */
static bool claim(struct store *store, const char *path, char *err, size_t err_len)
{
    int64_t id = store_int(store, "PRAGMA application_id", "");
    int64_t tables = store_int(store, "SELECT count(*) FROM sqlite_schema", "");
    if (store->failed)
        return explain(store, path, "reading it", err, err_len);
    if (id != SCHEMA_APPLICATION_ID && tables > 0) {
        snprintf(err, err_len, "%.200s is a database of another program; move it away", path);
        return false;
    }
    char set[80];
    snprintf(set, sizeof set, "PRAGMA application_id=%d", SCHEMA_APPLICATION_ID);
    if (id != SCHEMA_APPLICATION_ID && sqlite3_exec(store->db, set, NULL, NULL, NULL) != SQLITE_OK)
        return explain(store, path, "writing to it", err, err_len);
    return true;
}

struct store *store_open(const char *path, char *err, size_t err_len)
{
    if (!in_memory(path) && !local_system(path, err, err_len))
        return NULL;
    struct store *store = calloc(1, sizeof *store);
    DR_ASSERT(store != NULL);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK) {
        explain(store, path, "opening it", err, err_len);
        store_close(&store);
        return NULL;
    }
    sqlite3_busy_timeout(store->db, 2000);
    if (!claim(store, path, err, err_len) || !set_pragmas(store, path, err, err_len) ||
        !migrate(store, path, err, err_len))
        store_close(&store);
    return store;
}

struct store *store_open_reader(const char *path, char *err, size_t err_len)
{
    struct store *store = calloc(1, sizeof *store);
    DR_ASSERT(store != NULL);
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK) {
        explain(store, path, "opening it once more", err, err_len);
        store_close(&store);
        return NULL;
    }
    sqlite3_busy_timeout(store->db, 2000);
    /* No temporary files: where they would be, SQLite asks the environment, which is the loop's. */
    sqlite3_exec(store->db, "PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
    return store;
}

void store_close(struct store **store)
{
    struct store *self = *store;
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->cached; i++) {
        sqlite3_finalize(self->cache[i].stmt);
        free(self->cache[i].sql);
    }
    sqlite3_close(self->db);
    free(self);
    *store = NULL;
}

int store_schema_version(struct store *store)
{
    return (int)store_int(store, "PRAGMA user_version", "");
}

void store_bound_pages(struct store *store, int64_t pages)
{
    char set[80];
    snprintf(set, sizeof set, "PRAGMA max_page_count=%lld",
             pages == 0 ? 4294967294LL : (long long)pages);
    sqlite3_exec(store->db, set, NULL, NULL, NULL);
}

int64_t store_pages(struct store *store)
{
    return store_int(store, "PRAGMA page_count", "");
}
