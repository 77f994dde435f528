/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

static const char rows[] =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"

    "CREATE TABLE machine("
    " id TEXT PRIMARY KEY, version INTEGER NOT NULL, type TEXT NOT NULL, account TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK(state IN ('wanted','cancelled','launching','booting','up',"
    "  'draining','absent','terminating','gone','failed')),"
    " cause TEXT NOT NULL, drain_mode TEXT NOT NULL, drain_reason TEXT NOT NULL,"
    " for_queue TEXT NOT NULL, queues TEXT NOT NULL, drain_queue TEXT NOT NULL,"
    " attempt TEXT NOT NULL, instance_id TEXT NOT NULL, offering TEXT NOT NULL,"
    " slots INTEGER NOT NULL, created_us INTEGER NOT NULL, launched_us INTEGER NOT NULL,"
    " up_us INTEGER NOT NULL, ended_us INTEGER NOT NULL, state_since_us INTEGER NOT NULL,"
    " idle_since_us INTEGER NOT NULL, drain_acked_us INTEGER NOT NULL,"
    " price_usd_micros INTEGER NOT NULL, adopted INTEGER NOT NULL,"
    " queue_names TEXT NOT NULL DEFAULT ''," /* of the type when wanted: caps per queue */
    " supply_seq INTEGER NOT NULL DEFAULT 0,"
    " tries INTEGER NOT NULL DEFAULT 0);"
    /* An instance is one machine, for ever: its id is never reused (P26). */
    "CREATE UNIQUE INDEX machine_instance ON machine(account, instance_id)"
    " WHERE instance_id <> '';"
    "CREATE INDEX machine_state ON machine(state);"
    "CREATE INDEX machine_type ON machine(type, supply_seq);"

    "CREATE TABLE attempt("
    " id TEXT PRIMARY KEY, account TEXT NOT NULL, machines TEXT NOT NULL,"
    " ordinal INTEGER NOT NULL, offering TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK(state IN ('opened','keyed','committed','closed')),"
    " outcome TEXT NOT NULL, \"key\" TEXT NOT NULL, sentence TEXT NOT NULL,"
    " opened_us INTEGER NOT NULL, closed_us INTEGER NOT NULL,"
    " body BLOB);"
    "CREATE INDEX attempt_account ON attempt(account, opened_us);"

    "CREATE TABLE \"key\"("
    " id TEXT PRIMARY KEY,"
    " attempt TEXT NOT NULL REFERENCES attempt(id) ON DELETE CASCADE,"
    " state TEXT NOT NULL CHECK(state IN ('intended','minted','revoking','revoked')),"
    " label TEXT NOT NULL UNIQUE, access_key TEXT NOT NULL, seal_pk BLOB NOT NULL,"
    " created_us INTEGER NOT NULL, settled_us INTEGER NOT NULL,"
    " secret BLOB);"
    "CREATE INDEX key_attempt ON \"key\"(attempt);"

    "CREATE TABLE slot("
    " worker TEXT PRIMARY KEY,"
    " machine TEXT NOT NULL REFERENCES machine(id) ON DELETE CASCADE,"
    " task TEXT NOT NULL, busy INTEGER NOT NULL, seen_us INTEGER NOT NULL,"
    " idle_since_us INTEGER NOT NULL);"
    "CREATE INDEX slot_machine ON slot(machine);"

    "CREATE TABLE recovery("
    " id TEXT PRIMARY KEY, version INTEGER NOT NULL, machine TEXT NOT NULL, task TEXT NOT NULL,"
    " queue TEXT NOT NULL, status_changed TEXT NOT NULL,"
    " kind TEXT NOT NULL CHECK(kind IN ('popped','running','stopped')),"
    " mode TEXT NOT NULL CHECK(mode IN ('continue','reset','never')),"
    " step TEXT NOT NULL CHECK(step IN ('intended','stopped','reset','enqueued','done','dropped')),"
    " note TEXT NOT NULL, created_us INTEGER NOT NULL, settled_us INTEGER NOT NULL,"
    " UNIQUE(machine, task, status_changed));"

    "CREATE TABLE cap(scope TEXT, name TEXT, max INTEGER NOT NULL, used INTEGER NOT NULL,"
    " PRIMARY KEY(scope, name)) WITHOUT ROWID;"

    "CREATE TABLE lease(role TEXT PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL,"
    " until_ms INTEGER NOT NULL, boot TEXT NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE history("
    " seq INTEGER PRIMARY KEY, t_us INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,"
    " \"from\" TEXT NOT NULL, \"to\" TEXT NOT NULL, cause TEXT NOT NULL, corr TEXT NOT NULL);"
    "CREATE INDEX history_id ON history(id);"

    "CREATE TABLE request("
    " id TEXT, source TEXT, type INTEGER NOT NULL, t_us INTEGER NOT NULL,"
    " code TEXT NOT NULL, sentence TEXT NOT NULL, seq INTEGER NOT NULL, ids TEXT NOT NULL,"
    " PRIMARY KEY(id, source)) WITHOUT ROWID;"
    "CREATE INDEX request_time ON request(t_us);";

static const char launch_budget[] =
    /* Machines launched for a task, kept until one of them did some work (P13). */
    "CREATE TABLE launch_task("
    " task TEXT, machine TEXT REFERENCES machine(id) ON DELETE CASCADE,"
    " launched_us INTEGER NOT NULL," /* 0: wanted for it, not yet launched */
    " PRIMARY KEY(task, machine)) WITHOUT ROWID;"
    "CREATE INDEX launch_task_machine ON launch_task(machine);";

static const char identities[] =
    /* Whose machine it is, in the cloud's own words: only that account's word ends it (P4). Rows
     * from before have none, and any word of their provisioner counts for them. */
    "ALTER TABLE machine ADD COLUMN identity TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE attempt ADD COLUMN identity TEXT NOT NULL DEFAULT '';";

static const char people[] =
    /* What a person said and what people ask about: pauses, who did it, which task ran where. */
    "ALTER TABLE machine ADD COLUMN keep_until_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE history ADD COLUMN by TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX history_time ON history(t_us);"
    "CREATE TABLE pause("
    " queue TEXT PRIMARY KEY, since_us INTEGER NOT NULL, by TEXT NOT NULL,"
    " sentence TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE task("
    " id TEXT PRIMARY KEY, name TEXT NOT NULL, project TEXT NOT NULL, user TEXT NOT NULL,"
    " queue TEXT NOT NULL, seen_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX task_seen ON task(seen_us);"
    "CREATE TABLE work("
    " task TEXT NOT NULL, machine TEXT NOT NULL REFERENCES machine(id) ON DELETE CASCADE,"
    " worker TEXT NOT NULL, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL,"
    " PRIMARY KEY(machine, worker, task, from_us)) WITHOUT ROWID;"
    "CREATE INDEX work_task ON work(task);"
    "CREATE INDEX work_time ON work(to_us);"
    "CREATE INDEX machine_ended ON machine(ended_us);";

static const char work_order[] = "CREATE INDEX work_from ON work(from_us);"; /* newest first */

static const char money[] =
    /* When a machine began and ceased to be paid for, by money's clock (P13). */
    "ALTER TABLE machine ADD COLUMN paid_from_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE machine ADD COLUMN paid_to_us INTEGER NOT NULL DEFAULT 0;"
    "UPDATE machine SET paid_from_us=launched_us, paid_to_us=ended_us WHERE launched_us<>0;"
    /* What each start asks, without reading what ended long ago. */
    "CREATE INDEX machine_paid ON machine(paid_to_us);"
    "CREATE INDEX machine_supply ON machine(supply_seq);"
    "CREATE INDEX machine_launched ON machine(type, launched_us);";

static const char attempts[] =
    /* The end of each machine asks for those of its attempt; a turn of pruning for each attempt's.
     */
    "CREATE INDEX machine_attempt ON machine(attempt);"
    "CREATE INDEX recovery_settled ON recovery(settled_us);";

const struct schema_step schema_steps[] = {
    {1, "rows", rows},
    {2, "launch budget", launch_budget},
    {3, "identities", identities},
    {4, "people", people},
    {5, "order of work", work_order},
    {6, "money", money},
    {7, "machines by attempt", attempts},
};
const size_t schema_step_count = sizeof schema_steps / sizeof schema_steps[0];
