/* SPDX-License-Identifier: Apache-2.0 */
/* The world of the random histories: chance, time, a ledger that is asked, its configuration, and
 * the bill beside it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "bill.h"
#include "core.h"
#include "drover/message.h"
#include "fixture.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

struct machine {
    char id[24], attempt[24], key[24], instance[24];
    bool unanswered; /* nobody knows yet what became of its launch */
};

struct world {
    unsigned long long seed, rng;
    char dir[32], path[64], template_path[64];
    struct ledger *ledger;
    struct dr_config *config;
    int64_t true_us, wall_offset_us; /* the wall shows their sum */
    bool steps, late, told; /* of this history: the clock steps; the cloud's words come late */
    struct bill bill;
    char types[BILL_TYPES][16]; /* as they are called now */
    int renamed;
    struct machine machines[BILL_MACHINES];
    int instances;
    /* the last answer */
    bool ok;
    char code[24], sentence[900], ids[8][24];
    struct dr_money money;
    struct dr_record costs;
    int64_t costs_usd_micros;       /* of all rows and of nobody */
    struct dr_limit_view limits[3]; /* of all */
    /* with steps: since when the windows of money's clock were seen, in true time */
    int64_t window_from[2], window_seen[2], looked_us;
    long wants, starts, refused, settled, histories;
};
extern struct world sim;

/* Says what is wrong and of which seed, and ends the test. */
__attribute__((format(printf, 1, 2), noreturn)) void failed(const char *format, ...);

/* ---- chance ---- */
int64_t below(int64_t n);
bool one_in(int64_t n);
void random_bytes(void *bytes, size_t len);
double cents(int64_t least, int64_t span);

/* ---- the ledger ---- */
int64_t wall(void);
void ask_only(const char *from, enum dr_type type, void *body);
/* Commits. Calls each for every answer but events. */
void commit(void (*each)(int nth));
bool ask_now(const char *from, enum dr_type type, void *body);
#define ASK(from, TYPE, rec, ...) ask_now(from, DR_##TYPE, &(struct dr_##rec){__VA_ARGS__})

/* ---- the configuration: what the bill has, as text ---- */
void random_config(void);
double dearest(void);
struct dr_config *parse(void);
void reconfigure(void);

/* ---- money, as the ledger tells it, against the bill ---- */
double dollars(int64_t usd_micros);
/* Without steps the calendar's windows in true time; with steps what is left of money's windows,
 * and of what was paid what fell into them since they were first seen (but for the minute that is
 * paid in advance: the clock may have stepped over it). */
void windows(struct bill_window out[2]);
void tell_machines(void);
void look(void);

/* ---- what was paid for what (histories_costs.c) ---- */
/* However it is grouped: all rows and what nobody pays for are what was spent. */
void costs_add_up(void);
/* Any question is answered by costs_job.h as in the loop. */
void costs_aside(void);
/* Some task begins or ends on a machine. */
void work(void);
