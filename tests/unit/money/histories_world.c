/* SPDX-License-Identifier: Apache-2.0 */
#include "histories_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world sim;

void failed(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("seed %llu: ", sim.seed);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    exit(1);
}

/* ---- chance: splitmix64 -----------------------------------------------------------------------
 */
static unsigned long long chance(void)
{
    unsigned long long z = (sim.rng += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int64_t below(int64_t n)
{
    return (int64_t)(chance() % (unsigned long long)n);
}

bool one_in(int64_t n)
{
    return below(n) == 0;
}

void random_bytes(void *bytes, size_t len)
{
    static uint64_t count;
    uint64_t n = ++count;
    unsigned char *out = bytes;
    for (size_t i = len; i-- > 0; n >>= 8)
        out[i] = (unsigned char)n;
}

/* ---- asking the ledger ------------------------------------------------------------------------
 */
int64_t wall(void)
{
    return sim.true_us + sim.wall_offset_us;
}

void ask_only(const char *from, enum dr_type type, void *body)
{
    static long n;
    char request[24];
    snprintf(request, sizeof request, "r%ld", ++n);
    const struct dr_message_row *row = dr_row_by_type(type);
    fixture_fill(row->desc, body);
    struct dr_message message = {.env = {.version = DR_WIRE_VERSION,
                                         .type = row->name,
                                         .source = from,
                                         .boot = "boot",
                                         .corr = "",
                                         .request = request,
                                         .left_ms = 1000},
                                 .row = row,
                                 .body = body};
    core_request(sim.ledger, &message, wall());
}

static void keep(const struct core_out *out)
{
    if (out->type == DR_MONEY) {
        sim.money = *(const struct dr_money *)out->body;
        for (int i = 0; i < 3; i++)
            sim.limits[i] = sim.money.limits.items[i];
        return;
    }
    if (out->type == DR_COSTS) {
        const struct dr_costs *costs = out->body;
        dr_record_free(&sim.costs);
        if (dr_record_copy(&dr_desc_costs, costs, &sim.costs) != 0)
            failed("no memory");
        sim.costs_usd_micros = costs->unattributed_usd_micros;
        for (size_t i = 0; i < costs->rows.count; i++)
            sim.costs_usd_micros += costs->rows.items[i].run_usd_micros +
                                    costs->rows.items[i].boot_usd_micros +
                                    costs->rows.items[i].idle_usd_micros;
        return;
    }
    if (out->type != DR_ACK)
        failed("an answer of another kind");
    const struct dr_ack *ack = out->body;
    sim.ok = ack->ok;
    snprintf(sim.code, sizeof sim.code, "%s", ack->code);
    snprintf(sim.sentence, sizeof sim.sentence, "%s", ack->sentence);
    for (size_t i = 0; i < ack->ids.count && i < 8; i++)
        snprintf(sim.ids[i], sizeof sim.ids[i], "%s", ack->ids.items[i]);
}

void commit(void (*each)(int nth))
{
    if (core_commit(sim.ledger) != CORE_COMMITTED)
        failed("no commit: %s", core_error(sim.ledger));
    size_t count;
    const struct core_out *outs = core_outs(sim.ledger, &count);
    int nth = 0;
    for (size_t i = 0; i < count; i++) {
        if (outs[i].to == NULL)
            continue;
        keep(&outs[i]);
        if (each != NULL)
            each(nth++);
    }
    core_turn_over(sim.ledger);
}

bool ask_now(const char *from, enum dr_type type, void *body)
{
    ask_only(from, type, body);
    commit(NULL);
    return sim.ok;
}

double dollars(int64_t usd_micros)
{
    return (double)usd_micros / 1e6;
}

/* ---- the configuration ------------------------------------------------------------------------
 */
double cents(int64_t least, int64_t span)
{
    return (double)(least + below(span)) / 100;
}

static struct bill_budget random_budget(int64_t rare)
{
    struct bill_budget budget = {0, 0, 0};
    if (!one_in(rare))
        return budget;
    if (one_in(2))
        budget.hour = cents(50, 800);
    if (one_in(2))
        budget.day = cents(500, 6000);
    if (one_in(2))
        budget.month = cents(2000, 90000);
    return budget;
}

void random_config(void)
{
    struct bill *bill = &sim.bill;
    bill->horizon_us = one_in(2) ? 24 * HOUR : (1 + below(600)) * MINUTE;
    for (int i = 0; i < BILL_TYPES; i++) {
        bill->price[i] = i == 2 && one_in(2) ? 0 : (double)(1 + below(3000000)) / 1e6;
        bill->life_us[i] = one_in(2) ? 0 : (31 + below(900)) * MINUTE;
        bill->type[i] = random_budget(4);
    }
    for (int i = 0; i < BILL_QUEUES; i++)
        bill->queue[i] = random_budget(4);
    bill->all = random_budget(1);
}

static int write_budget(char *out, size_t size, const struct bill_budget *budget)
{
    return snprintf(out, size, "budget: {per_hour: %.2f, per_day: %.2f, per_month: %.2f}",
                    budget->hour, budget->day, budget->month);
}

struct dr_config *parse(void)
{
    char text[4096], budget[5 + BILL_TYPES][96];
    struct bill *bill = &sim.bill;
    char life[BILL_TYPES][32], price[BILL_TYPES][40];
    write_budget(budget[0], sizeof budget[0], &bill->all);
    for (int i = 0; i < BILL_TYPES; i++) {
        write_budget(budget[1 + i], sizeof budget[0], &bill->type[i]);
        snprintf(life[i], sizeof life[0], "%lldms", (long long)(bill->life_us[i] / 1000));
        snprintf(price[i], sizeof price[0], "%.6f", bill->price[i]);
    }
    for (int i = 0; i < BILL_QUEUES; i++)
        write_budget(budget[1 + BILL_TYPES + i], sizeof budget[0], &bill->queue[i]);
    snprintf(text, sizeof text,
             "deployment: test\n"
             "time_zone: %s\n"
             "budget_horizon: %lldms\n"
             "%s\n"
             "clearml: {api_server: 'http://127.0.0.1:1'}\n"
             "accounts:\n"
             "  - {name: home, driver: local, launches_per_hour: 100000}\n"
             "machine_types:\n"
             "  - {name: %s, account: home, max_life: %s, price_per_hour: %s, %s}\n"
             "  - {name: %s, account: home, max_life: %s, price_per_hour: %s, %s}\n"
             "  - {name: %s, account: home, max_life: %s, price_per_hour: %s, %s}\n"
             "queues:\n"
             "  - {name: q0, types: [%s, %s], %s}\n"
             "  - {name: q1, types: [%s, %s], %s}\n",
             bill_zone_names[bill->zone], (long long)(bill->horizon_us / 1000), budget[0],
             sim.types[0], life[0], price[0], budget[1], sim.types[1], life[1], price[1], budget[2],
             sim.types[2], life[2], price[2], budget[3], sim.types[0], sim.types[1], budget[4],
             sim.types[1], sim.types[2], budget[5]);
    struct dr_config_errors errors;
    struct dr_config *config = dr_config_parse(text, strlen(text), "x.yaml", &errors);
    if (config == NULL)
        failed("%s\n%s", errors.items[0].text, text);
    dr_config_errors_free(&errors);
    for (int i = 0; i < BILL_TYPES; i++) /* what the ledger takes for a life without an end */
        bill->life_us[i] = bill->life_us[i] != 0 ? bill->life_us[i] : bill->horizon_us;
    return config;
}

double dearest(void)
{
    double most = 0;
    for (int i = 0; i < BILL_TYPES; i++)
        most = sim.bill.price[i] > most ? sim.bill.price[i] : most;
    return most;
}

/* Its machines are of a type that nobody knows any more. */
static void rename_type(int type)
{
    snprintf(sim.types[type], sizeof sim.types[type], "t%d-%d", type, ++sim.renamed);
    for (int i = 0; i < sim.bill.count; i++) {
        if (sim.bill.machines[i].type == type)
            sim.bill.machines[i].type = -1;
    }
}

/* Machines that live take a price that was unknown until now. */
static void prices_known(void)
{
    for (int i = 0; i < sim.bill.count; i++) {
        struct bill_machine *machine = &sim.bill.machines[i];
        if (machine->state != BILL_OVER && machine->rate <= 0)
            machine->rate = machine->type >= 0 ? sim.bill.price[machine->type] : dearest();
    }
}

void reconfigure(void)
{
    char err[512];
    random_config();
    if (one_in(5))
        rename_type((int)below(BILL_TYPES));
    if (!sim.steps && one_in(3))
        sim.bill.zone = (enum bill_zone)below(BILL_ZONES);
    if (!sim.steps)
        memset(sim.window_from, 0, sizeof sim.window_from);
    struct dr_config *config = parse();
    if (!core_reconfigure(sim.ledger, dr_config_root(config), wall(), err, sizeof err))
        failed("%s", err);
    dr_config_free(sim.config);
    sim.config = config;
    prices_known();
}

/* ---- looking at the ledger's money -------------------------------------------------------------
 */
static void note_windows(void)
{
    for (int w = 0; w < 2; w++) {
        int64_t from = sim.limits[1 + w].from_us;
        if (from < sim.window_from[w])
            failed("window %d went back", w);
        if (from > sim.window_from[w])
            sim.window_seen[w] = sim.true_us;
        sim.window_from[w] = from;
    }
}

void windows(struct bill_window out[2])
{
    out[0] = bill_day(sim.bill.zone, sim.true_us);
    out[1] = bill_month(sim.bill.zone, sim.true_us);
    for (int w = 0; w < 2 && sim.steps; w++)
        out[w] = (struct bill_window){sim.window_seen[w] + 61 * SECOND,
                                      sim.true_us + sim.limits[1 + w].until_us - sim.money.t_us};
}

/* What both think of each machine. */
void tell_machines(void)
{
    for (int i = 0; i < sim.bill.count; i++) {
        const struct bill_machine *machine = &sim.bill.machines[i];
        struct pool pool = {0};
        const char *row = store_text(core_store(sim.ledger), &pool,
                                     "SELECT state || ' ' || type || ' at ' || price_usd_micros ||"
                                     " ' from ' || paid_from_us || ' to ' || paid_to_us"
                                     " FROM machine WHERE id=?",
                                     "s", sim.machines[i].id);
        printf("%s: state %d, type %d, %f from %lld to %lld; the ledger: %s\n", sim.machines[i].id,
               (int)machine->state, machine->type, machine->rate, (long long)machine->start_us,
               (long long)machine->end_us, row);
        pool_free(&pool);
    }
}

void look(void)
{
    struct bill_window both[2];
    /* What may not have come to be is paid for until that is known. */
    for (int i = 0; i < sim.bill.count; i++) {
        if (sim.machines[i].unanswered && sim.bill.machines[i].start_us == 0)
            sim.bill.machines[i].slack_us = sim.true_us - sim.bill.machines[i].said_us + 1;
    }
    ASK("console", MONEY_GET, money_get, .type = "");
    sim.looked_us = sim.true_us;
    note_windows();
    windows(both);
    double slack = bill_slack(&sim.bill);
    for (int w = 0; w < 2; w++) {
        const struct dr_limit_view *view = &sim.limits[1 + w];
        if (!sim.steps && (view->from_us != both[w].from_us || view->until_us != both[w].until_us))
            failed("window %d is [%lld, %lld), not [%lld, %lld)", w, (long long)view->from_us,
                   (long long)view->until_us, (long long)both[w].from_us,
                   (long long)both[w].until_us);
        double is = dollars(view->spent_usd_micros);
        double must = bill_spent(&sim.bill, sim.true_us, both[w].from_us, both[w].until_us);
        if (sim.told && (is < must - slack - 0.01 || is > must + slack + 0.01))
            tell_machines();
        if (is < must - slack - (sim.steps ? 0.01 : 0) || (!sim.steps && is > must + slack))
            failed("the ledger has %f spent in window %d, the bill %f (slack %f)", is, w, must,
                   slack);
    }
}
