/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_costs DIR: how long `costs.get` holds the ledger's loop with 50,000 machines of a month and
 * their tasks, by each grouping. Floor: the same answer worked out in the loop, which must be
 * equal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core.h"
#include "costs_job.h"
#include "drover/assert.h"
#include "drover/message.h"

#define ROUNDS 5
#define NOW_US INT64_C(1801000000000000) /* the 26th of a month */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void random_bytes(void *bytes, size_t len)
{
    memset(bytes, 7, len);
}

/* A machine each 40 s; one hour each, two tasks there. */
static void fill(struct store *store)
{
    DR_ASSERT(store_begin(store));
    store_run(store,
              "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<49999)"
              " INSERT INTO machine(id,version,type,account,state,cause,drain_mode,drain_reason,"
              "for_queue,queues,drain_queue,attempt,instance_id,offering,slots,created_us,"
              "launched_us,up_us,ended_us,state_since_us,idle_since_us,drain_acked_us,"
              "price_usd_micros,adopted,queue_names,paid_from_us,paid_to_us)"
              " SELECT printf('m%016x',i),1,'t'||(i%20),'a','gone','','','','q'||(i%50),"
              "char(10)||'q'||(i%50)||char(10),'q','','i-'||i,'',1,t,t,t+60000000,t+3600000000,t,"
              "0,0,1234567+i%100,0,char(10)||'name'||(i%50)||char(10),t,t+3600000000"
              " FROM (SELECT i, ?1-(60000-i)*40000000 AS t FROM n)",
              "i", NOW_US);
    store_run(store,
              "INSERT INTO work(task,machine,worker,from_us,to_us)"
              " SELECT printf('task%028d',(machine.rowid*2+k)%30000),id,'w'||id,up_us+k*1500000000,"
              "up_us+k*1500000000+1400000000 FROM machine,(SELECT 0 AS k UNION SELECT 1)",
              "");
    store_run(store,
              "INSERT INTO task(id,name,project,user,queue,seen_us)"
              " SELECT DISTINCT task,'train '||task,'project'||(substr(task,-2)),"
              "'user'||substr(task,-1),'q',?1 FROM work",
              "i", NOW_US);
    if (!store_commit(store))
        printf("%s\n", store_error(store));
    DR_ASSERT(!store_failed(store));
}

static void ask(struct ledger *ledger, const char *by)
{
    struct dr_costs_get get = {.by = by, .only = ""};
    struct dr_message message = {.env = {.version = DR_WIRE_VERSION,
                                         .type = "costs.get",
                                         .source = "console",
                                         .boot = "b",
                                         .corr = "",
                                         .request = "r",
                                         .left_ms = 1000},
                                 .row = dr_row_by_type(DR_COSTS_GET),
                                 .body = &get};
    core_request(ledger, &message, NOW_US);
    DR_ASSERT(core_commit(ledger) == CORE_COMMITTED);
}

static void encode(const void *costs)
{
    struct dr_envelope env = {.version = DR_WIRE_VERSION,
                              .type = "costs",
                              .source = "ledger",
                              .boot = "b",
                              .corr = "",
                              .request = "r"};
    uint8_t *bytes;
    size_t len;
    DR_ASSERT(dr_message_encode(&env, &dr_desc_costs, costs, &bytes, &len) == 0);
    free(bytes);
}

/* ns; the answer is kept. */
static int64_t in_the_loop(struct ledger *ledger, const char *by, struct dr_record *answer)
{
    size_t count;
    int64_t from = now_ns();
    ask(ledger, by);
    const struct core_out *outs = core_outs(ledger, &count);
    DR_ASSERT(count == 1 && outs[0].type == DR_COSTS);
    encode(outs[0].body);
    int64_t ns = now_ns() - from;
    DR_ASSERT(dr_record_copy(&dr_desc_costs, outs[0].body, answer) == 0);
    core_turn_over(ledger);
    return ns;
}

/* ns that the loop spends on it; the thread's time is not the loop's. */
static int64_t aside(struct ledger *ledger, struct costs_job *job, const char *by,
                     const struct dr_record *same)
{
    int64_t from = now_ns();
    ask(ledger, by);
    core_turn_over(ledger);
    costs_job_start(job, core_costs_question(ledger));
    int64_t ns = now_ns() - from;
    struct costs_done done = costs_job_take(job); /* the loop would hear of it when it is there */
    from = now_ns();
    encode(done.costs);
    ns += now_ns() - from;
    DR_ASSERT(dr_record_equal(&dr_desc_costs, done.costs, same->value));
    from = now_ns();
    costs_job_over(job);
    return ns + now_ns() - from;
}

int main(int argc, char **argv)
{
    static const char *const bys[] = {"queue", "type", "project", "user", "task", "machine", "day"};
    static const char yaml[] = "deployment: bench\nclearml: {api_server: 'https://api.x.org'}\n"
                               "time_zone: Europe/Berlin\n";
    char path[4096], err[512];
    struct dr_config_errors errors;
    DR_ASSERT(argc == 2);
    snprintf(path, sizeof path, "%s/ledger.db", argv[1]);
    struct dr_config *config = dr_config_parse(yaml, sizeof yaml - 1, "x.yaml", &errors);
    struct store *store = store_open(path, err, sizeof err);
    DR_ASSERT(config != NULL && store != NULL);
    fill(store);
    struct ledger *ledger =
        core_open(store, dr_config_root(config), random_bytes, NOW_US, err, sizeof err);
    struct costs_job *job = costs_job_new(path, err, sizeof err);
    DR_ASSERT(ledger != NULL && job != NULL);
    for (size_t i = 0; i < sizeof bys / sizeof *bys; i++) {
        int64_t least = INT64_MAX, floor = INT64_MAX;
        for (int round = 0; round < ROUNDS; round++) {
            struct dr_record answer;
            core_costs_aside(ledger, false);
            int64_t old = in_the_loop(ledger, bys[i], &answer);
            core_costs_aside(ledger, true);
            int64_t ns = aside(ledger, job, bys[i], &answer);
            dr_record_free(&answer);
            floor = old < floor ? old : floor;
            least = ns < least ? ns : least;
        }
        printf("{\"name\":\"costs.%s\",\"value\":%.2f,\"unit\":\"ms\",\"floor\":%.2f,"
               "\"ratio\":%.4f,\"goal\":20}\n",
               bys[i], (double)least / 1e6, (double)floor / 1e6, (double)least / (double)floor);
    }
    costs_job_free(&job);
    core_close(&ledger);
    dr_config_free(config);
    return 0;
}
