/* SPDX-License-Identifier: Apache-2.0 */
/* How the ledger's time grows with the machines: one request a turn of each kind that a flock makes
 * often, on a database in which ten times as many machines have ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core.h"
#include "drover/assert.h"
#include "growth.h"

#define ENDED 10
#define LAUNCHED_US (NOW_US - INT64_C(3) * 24 * 3600 * 1000000)
#define NOW_US INT64_C(1800000000000000)

struct world {
    struct growth_flock *flock;
    struct dr_config *config;
    struct ledger *ledger;
    char dir[64];
    int64_t now_us, asked;
    size_t next; /* machine to end */
};

static void random_bytes(void *bytes, size_t len)
{
    static uint64_t count;
    memset(bytes, 0, len);
    count++;
    memcpy(bytes, &count, len < sizeof count ? len : sizeof count);
}

/* Attempts and keys as well: one each. */
static void fill_ended(struct store *store, int64_t count)
{
    store_run(store,
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<?1)"
              " INSERT INTO machine(id,version,type,account,state,cause,drain_mode,drain_reason,"
              "for_queue,queues,drain_queue,attempt,instance_id,offering,slots,created_us,"
              "launched_us,up_us,ended_us,state_since_us,idle_since_us,drain_acked_us,"
              "price_usd_micros,adopted,queue_names,paid_from_us,paid_to_us)"
              " SELECT printf('e%016x',i),1,'t'||(i%20),'here','gone','','','','q','','q',"
              "printf('ea%015x',i),'ei-'||i,'',1,t,t,t,t+1,t,0,0,0,0,'',t,t+1"
              " FROM (SELECT i, ?2-(?1+1000-i)*40000000 AS t FROM n)",
              "ii", count, LAUNCHED_US);
    store_run(
        store,
        "INSERT INTO recovery(id,version,machine,task,queue,status_changed,kind,mode,step,"
        "note,created_us,settled_us) SELECT 'r'||id,1,id,'t'||id,'q','1','running','continue',"
        "'done','',ended_us,ended_us FROM machine",
        "");
}

static void fill_living(struct store *store, const struct growth_flock *flock)
{
    for (size_t i = 0; i < flock->count; i++) {
        const struct dr_machine_row *row = &flock->machines[i];
        struct dr_machine_row copy = *row;
        copy.attempt = row->id; /* ids of two tables */
        copy.created_us = copy.launched_us = copy.up_us = copy.state_since_us = LAUNCHED_US;
        store_insert(store, TABLE_MACHINE, &copy);
        store_run(store,
                  "INSERT INTO attempt(id,account,machines,ordinal,offering,state,outcome,\"key\","
                  "sentence,opened_us,closed_us) VALUES(?1,'here',char(10)||?1||char(10),1,'',"
                  "'closed','launched',?1,'',?2,?2)",
                  "si", row->id, LAUNCHED_US);
        store_run(store,
                  "INSERT INTO \"key\"(id,attempt,state,label,access_key,seal_pk,created_us,"
                  "settled_us) VALUES(?1,?1,'minted',?1,?1,x'00',?2,?2)",
                  "si", row->id, LAUNCHED_US);
    }
}

static void ask(struct world *world, const char *source, enum dr_type type, const void *body)
{
    char request[32];
    snprintf(request, sizeof request, "r%lld", (long long)++world->asked);
    struct dr_record whole; /* as if it came by wire: no text is NULL */
    const struct dr_message_row *row = dr_row_by_type(type);
    DR_ASSERT(dr_record_copy(row->desc, body, &whole) == 0);
    struct dr_message message = {.env = {.version = DR_WIRE_VERSION,
                                         .type = row->name,
                                         .source = source,
                                         .boot = "b",
                                         .corr = "",
                                         .request = request,
                                         .left_ms = 1000},
                                 .row = row,
                                 .body = whole.value};
    core_request(world->ledger, &message, world->now_us += 1000);
    dr_record_free(&whole);
    DR_ASSERT(core_commit(world->ledger) != CORE_FAILED);
    size_t count;
    const struct core_out *outs = core_outs(world->ledger, &count);
    for (size_t i = 0; i < count; i++) {
        const struct dr_ack *ack = outs[i].body;
        if (outs[i].type == DR_ACK && !ack->ok)
            fprintf(stderr, "%s: %s\n", row->name, ack->sentence);
        DR_ASSERT(outs[i].type != DR_ACK || ack->ok);
    }
    core_turn_over(world->ledger);
}

static void snapshot(void *arg)
{
    ask(arg, "reaper", DR_LEDGER_SNAPSHOT, &(struct dr_ledger_snapshot){.account = ""});
}

static void want(void *arg)
{
    struct world *world = arg;
    const struct dr_machine_row *row = &world->flock->machines[0];
    ask(world, "planner", DR_MACHINE_WANT,
        &(struct dr_machine_want){.type = row->type,
                                  .queue = row->queues.items[0],
                                  .queue_name = "q0",
                                  .count = 1,
                                  .plan_seq = core_seq(world->ledger),
                                  .queues = row->queues,
                                  .reason = "the bench"});
}

static void see(struct world *world, const struct dr_machine_row *row, const char *word)
{
    ask(world, "provisioner:here", DR_MACHINE_SEEN,
        &(struct dr_machine_seen){
            .machine = row->id, .instance_id = row->instance_id, .word = word});
}

static void seen(void *arg)
{
    struct world *world = arg;
    see(world, &world->flock->machines[0], "present");
}

static void end(void *arg)
{
    struct world *world = arg;
    see(world, &world->flock->machines[++world->next], "ended");
}

static void slots(void *arg)
{
    struct world *world = arg;
    ask(world, "watcher", DR_SLOTS_OBSERVED,
        &(struct dr_slots_observed){.slots = {world->flock->slots, world->flock->count}});
}

static void prune(void *arg)
{
    struct world *world = arg;
    DR_ASSERT(core_prune(world->ledger, world->now_us, false) == CORE_COMMITTED);
}

static void *make(struct growth_flock *flock)
{
    char path[128], err[512];
    struct world *world = growth_room(1, sizeof *world);
    world->flock = flock;
    world->now_us = NOW_US;
    world->config = growth_config();
    snprintf(world->dir, sizeof world->dir, "/tmp/drover-rows-XXXXXX");
    DR_ASSERT(mkdtemp(world->dir) != NULL);
    snprintf(path, sizeof path, "%s/ledger.db", world->dir);
    struct store *store = store_open(path, err, sizeof err);
    DR_ASSERT(store != NULL && store_begin(store));
    fill_ended(store, (int64_t)(flock->count * ENDED));
    fill_living(store, flock);
    if (!store_commit(store))
        fprintf(stderr, "%s\n", store_error(store));
    DR_ASSERT(!store_failed(store));
    world->ledger =
        core_open(store, dr_config_root(world->config), random_bytes, NOW_US, err, sizeof err);
    DR_ASSERT(world->ledger != NULL);
    return world;
}

static void drop(void *arg)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    struct world *world = arg;
    core_close(&world->ledger);
    dr_config_free(world->config);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/ledger.db%s", world->dir, ends[i]);
        unlink(path);
    }
    rmdir(world->dir);
    free(world);
}

int main(void)
{
    struct growth_act acts[] = {{"slots", slots, 0}, {"snapshot", snapshot, 0},
                                {"want", want, 0},   {"seen", seen, 0},
                                {"end", end, 0},     {"prune", prune, 0}};
    growth_run(&(struct growth){"rows", make, drop, acts, sizeof acts / sizeof *acts});
    return 0;
}
