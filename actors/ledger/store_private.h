/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by store.c (statements, rows) and store_open.c (files, pragmas, migrations) only. */
#ifndef DROVER_LEDGER_STORE_PRIVATE_H
#define DROVER_LEDGER_STORE_PRIVATE_H

#include <sqlite3.h>

#include "store.h"

#define STORE_STATEMENTS 256
#define STORE_SQL_MAX 2048

struct store_cached {
    char *sql;
    sqlite3_stmt *stmt;
};

struct store {
    sqlite3 *db;
    struct store_cached cache[STORE_STATEMENTS];
    size_t cached;
    bool failed;
    bool full; /* of the last failure */
    char error[256];
};

#endif
