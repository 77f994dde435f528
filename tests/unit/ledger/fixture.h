/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger on a real SQLite file in a temporary directory, and requests in short. */
#pragma once
#include "core.h"
#include "drover/message.h"

struct fixture {
    char dir[64];
    char path[96];
    struct dr_config *config;
    struct ledger *ledger;
    int64_t now_us;
    const char *identity; /* with which fixture_open() asks; NULL: none */

    /* the last answer; strings live until the next one */
    struct pool kept;
    enum dr_type type;
    struct dr_ack ack;
    struct dr_ledger_state state;
    struct dr_attempt_full full;
    const void *body; /* any other answer */
    size_t events;    /* published with it */
    enum dr_type event_types[64];
    enum core_result result;
};

/* cmocka's setup and teardown; *state is the fixture. The configuration is FIXTURE_CONFIG. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Two accounts; types cpu (cap 4, queues fast and slow), gpu (no cap, two slots, queue slow), far
 * (other account, its cap 2, queue far); queue slow has a cap of 5, all together 8. */
extern const char fixture_config[];

void fixture_reconfigure(struct fixture *f, const char *yaml);

/* Closes and opens again, as a restart does. */
void fixture_reopen(struct fixture *f);

/* Asks without committing; a NULL request id is a fresh one. */
void fixture_queue(struct fixture *f, const char *from, enum dr_type type, const void *body,
                   const char *request);
/* Commits; keeps the last answer. */
void fixture_commit(struct fixture *f);
/* Both. Returns whether the answer was ok. */
bool fixture_ask_as(struct fixture *f, const char *from, enum dr_type type, const void *body,
                    const char *request);

/* From the (last) role that may send it. */
#define ask(f, TYPE, rec, ...) \
    fixture_ask_as(f, fixture_sender(DR_##TYPE), DR_##TYPE, &(struct dr_##rec){__VA_ARGS__}, NULL)
const char *fixture_sender(enum dr_type type);

/* Fills NULL texts with "" as the decoder does. */
void fixture_fill(const struct dr_desc *desc, void *record);

/* ---- whole steps, asserted ------------------------------------------------------------------ */
/* A wanted row of this type, for one task; its id. */
const char *fixture_want(struct fixture *f, const char *type);
bool fixture_try_want(struct fixture *f, const char *type, int64_t count, const char *task);
/* Opened for one machine; the attempt's id. */
const char *fixture_open(struct fixture *f, const char *machine);
/* Its key minted, its body committed. */
void fixture_commit_attempt(struct fixture *f, const char *attempt);
/* A machine that boots as this instance; its id. */
const char *fixture_boot(struct fixture *f, const char *type, const char *instance);
bool fixture_close(struct fixture *f, const char *attempt, const char *outcome,
                   const char *instance);

/* The row as it stands. Strings live until the next call. */
struct dr_machine_row fixture_machine(struct fixture *f, const char *id);
struct dr_attempt_row fixture_attempt(struct fixture *f, const char *id);
struct dr_key_row fixture_key(struct fixture *f, const char *attempt);
int64_t fixture_count(struct fixture *f, const char *sql);

/* The ack's code, or "" when ok; asserts that it has a sentence. */
const char *fixture_code(struct fixture *f);

/* seq, history, versions, unique bindings, keys of open attempts: what always holds. */
void fixture_invariants(struct store *store);

#define STRS(...)                                                            \
    (struct dr_strs)                                                         \
    {                                                                        \
        .items = (const char *const[]){__VA_ARGS__},                         \
        .count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *) \
    }
#define BYTES(text)                                               \
    (struct dr_bin)                                               \
    {                                                             \
        .bytes = (const uint8_t *)(text), .len = sizeof(text) - 1 \
    }
#define SEAL_PK BYTES("0123456789abcdef0123456789abcdef")
