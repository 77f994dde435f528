/* SPDX-License-Identifier: Apache-2.0 */
/* The bill as a cloud would write it, from its own log of starts and ends. It shares no code with
 * the ledger: no header of Drover is included here, zones and dates are worked out by hand, money
 * is floating point. Times are microseconds since 1970, true time. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum bill_zone { BILL_UTC, BILL_BERLIN, BILL_NEW_YORK, BILL_KOLKATA, BILL_ZONES };
extern const char *const bill_zone_names[BILL_ZONES];

enum bill_state { BILL_WANTED, BILL_OPEN, BILL_LAUNCHED, BILL_OVER };

/* Which machines count beside those that were launched: none, those about to be, all wanted. */
enum bill_rows { BILL_ROWS_LAUNCHED, BILL_ROWS_OPEN, BILL_ROWS_WANTED };

#define BILL_MACHINES 96
#define BILL_TYPES 3
#define BILL_QUEUES 2

struct bill_machine {
    enum bill_state state;
    double rate;      /* dollars an hour; 0: nobody knows */
    int type;         /* -1: nobody knows, or it was renamed */
    unsigned queues;  /* bits */
    int64_t said_us;  /* Drover was about to start it */
    int64_t start_us; /* the cloud started it; 0: not yet */
    int64_t end_us;   /* the cloud ended it; 0: not yet */
    int64_t slack_us; /* what Drover learns late */
};

struct bill_budget {
    double hour, day, month; /* 0: no limit */
};

struct bill {
    enum bill_zone zone;
    struct bill_machine machines[BILL_MACHINES];
    int count;
    bool stepped; /* a clock that stepped: nobody can tell from outside when a machine is renewed */
    double lost;  /* spent before, by a person's word */
    int64_t lost_us;
    /* the configuration in force */
    double price[BILL_TYPES];
    int64_t life_us[BILL_TYPES]; /* paid for in advance */
    int64_t horizon_us;
    struct bill_budget all, type[BILL_TYPES], queue[BILL_QUEUES];
};

struct bill_window {
    int64_t from_us, until_us;
};
struct bill_window bill_day(enum bill_zone zone, int64_t t_us);
struct bill_window bill_month(enum bill_zone zone, int64_t t_us);

/* Dollars of all machines between two moments, as of now; the lost ledger's with them. */
double bill_spent(const struct bill *bill, int64_t now_us, int64_t from_us, int64_t until_us);
/* The most by which Drover may think otherwise: it learns late of some starts and ends. */
double bill_slack(const struct bill *bill);

/* Which limit over this type and these queues a start passed, in words; NULL: none. The windows are
 * those that count. `self` is the machine that starts, -1: many or none. */
const char *bill_passed(const struct bill *bill, int64_t now_us,
                        const struct bill_window windows[2], int type, unsigned queues,
                        enum bill_rows rows, int self);

/* Whether a machine of unknown price lives under a limit over this type and these queues. */
bool bill_unknown(const struct bill *bill, int type, unsigned queues);

/* Whether a limit covers this type (or a machine of no known type). */
bool bill_limited(const struct bill *bill, int type, unsigned queues);
