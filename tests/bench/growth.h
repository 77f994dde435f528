/* SPDX-License-Identifier: Apache-2.0 */
/* How the time of a core's steps grows with the machines: what the benches of the pure cores share.
 * Each figure is a JSON line {name, machines, value, unit, floor, ratio, growth, goal}; growth is
 * the time per machine against that of the smallest flock, so 1 is a straight line. */
#pragma once
#include "drover/config.h"
#include "drover/message.h"

#define GROWTH_QUEUES 200
#define GROWTH_TYPES 20 /* each serves ten of the queues */

/* A flock whose machines are up and work. */
struct growth_flock {
    size_t count;
    struct dr_machine_row *machines;
    struct dr_worker_view *workers;
    struct dr_instance_view *instances;
    struct dr_slot_row *slots;
    const char *queue_ids[GROWTH_QUEUES];
    struct growth_text *texts;
};

struct growth_flock *growth_flock_new(size_t count);
void growth_flock_free(struct growth_flock *flock);
/* It lives as long as the flock. */
const char *growth_text(struct growth_flock *flock, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct dr_ledger_state growth_rows(const struct growth_flock *flock, int64_t seq);
/* The types and queues that the flock's rows name; one local account, `here`. */
struct dr_config *growth_config(void);
void *growth_room(size_t count, size_t size);

struct growth_act {
    const char *name;
    void (*act)(void *world);
    double first;
};

struct growth {
    const char *name;
    void *(*make)(struct growth_flock *flock);
    void (*drop)(void *world);
    struct growth_act *acts;
    size_t count;
};
/* Runs every act in flocks of 250, 1,000 and 4,000 machines. The floor is to copy the rows. */
void growth_run(const struct growth *growth);
