/* SPDX-License-Identifier: Apache-2.0 */
/* The database's shape, version by version. A shipped step is never edited: a change is a new one.
 * Columns of the five row tables are the fields of their records in messages.def, beside what only
 * the ledger needs; texts of a list stand in one column, framed by newlines: "\na\nb\n". */
#ifndef DROVER_LEDGER_SCHEMA_H
#define DROVER_LEDGER_SCHEMA_H

#include <stddef.h>

struct schema_step {
    int version;      /* PRAGMA user_version after it */
    const char *what; /* for the log */
    const char *sql;
};

/* All steps in rising order of version. */
extern const struct schema_step schema_steps[];
extern const size_t schema_step_count;

/* Marks the file as ours (PRAGMA application_id): "DRLG". */
#define SCHEMA_APPLICATION_ID 0x44524c47

#endif
