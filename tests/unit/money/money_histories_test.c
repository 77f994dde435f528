/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories of the real ledger against the bill (bill.h): wants, attempts, launches, ends,
 * new prices and limits, restarts, windows that turn, clocks that step, two planners at once, lost
 * ledgers. `money_histories_test FIRST COUNT` runs the histories of these seeds; one that fails
 * names its seed, and a third argument tells its steps. */
#include "histories_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- time ---------------------------------------------------------------------------------------
 */
/* A ledger at work is asked something at least this often. */
static void pass(int64_t us)
{
    int64_t until_us = sim.true_us + us;
    while (sim.steps && until_us - sim.looked_us > 50 * MINUTE) {
        sim.true_us = sim.looked_us + 50 * MINUTE;
        look();
    }
    sim.true_us = until_us;
}

static void pass_some(void)
{
    struct bill_window day = bill_day(sim.bill.zone, sim.true_us);
    switch (below(sim.steps ? 5 : 7)) {
    case 0:
        pass(below(2 * MINUTE));
        break;
    case 1:
        pass(below(HOUR));
        break;
    case 2:
        pass(below(10 * HOUR));
        break;
    case 3: /* right before or after a day turns */
        if (day.until_us - sim.true_us > SECOND)
            pass(day.until_us - sim.true_us + (one_in(2) ? 0 : below(2 * SECOND) - SECOND));
        break;
    case 5:
        pass(below(72 * HOUR));
        break;
    case 6:
        pass(below(20 * 24 * HOUR));
        break;
    default:
        pass(SECOND);
    }
}

static void step_clock(void)
{
    look();
    int64_t far = one_in(3) ? 40 * 24 * HOUR : one_in(2) ? 26 * HOUR : 90 * MINUTE;
    sim.wall_offset_us += below(2 * far) - far;
    look();
}

/* ---- machines
 * ------------------------------------------------------------------------------------ */
static const unsigned type_queues[] = {1, 3, 2};

static int new_machine(const char *id, int type, double rate, unsigned queues)
{
    int at = sim.bill.count++;
    sim.bill.machines[at] =
        (struct bill_machine){.state = BILL_WANTED, .type = type, .rate = rate, .queues = queues};
    sim.machines[at] = (struct machine){.id = ""};
    snprintf(sim.machines[at].id, sizeof sim.machines[at].id, "%s", id);
    return at;
}

static void must_be_within(int type, unsigned queues, enum bill_rows rows, int self,
                           const char *what)
{
    struct bill_window both[2];
    windows(both);
    double price = type < 0 ? dearest() : sim.bill.price[type];
    if (price <= 0 && bill_limited(&sim.bill, type, queues))
        failed("%s: a machine of unknown price was taken under a limit", what);
    if (bill_unknown(&sim.bill, type, queues))
        failed("%s: under a limit while a machine of unknown price lives under it", what);
    const char *passed = bill_passed(&sim.bill, sim.true_us, both, type, queues, rows, self);
    if (passed != NULL && sim.told)
        tell_machines();
    if (passed != NULL)
        failed("%s: %s", what, passed);
}

static int asked_type[2], asked_count[2];

static void wanted(int nth)
{
    sim.wants++;
    if (!sim.ok) {
        sim.refused++;
        if (strcmp(sim.code, "capped") != 0 && strcmp(sim.code, "stale") != 0)
            failed("a want was refused: %s: %s", sim.code, sim.sentence);
        return;
    }
    int type = asked_type[nth];
    for (int i = 0; i < asked_count[nth]; i++)
        new_machine(sim.ids[i], type, sim.bill.price[type], type_queues[type]);
    must_be_within(type, type_queues[type], BILL_ROWS_WANTED, -1, "want");
}

static void ask_want(int nth, int64_t plan_seq)
{
    static const char *const none[] = {"q0"}, *const both[] = {"q0", "q1"},
                             *const second[] = {"q1"};
    static const struct dr_strs queues[] = {{none, 1}, {both, 2}, {second, 1}};
    int type = (int)below(BILL_TYPES);
    asked_type[nth] = type;
    asked_count[nth] = 1 + (int)below(3);
    struct dr_machine_want want = {.type = sim.types[type],
                                   .queue = queues[type].items[0],
                                   .count = asked_count[nth],
                                   .plan_seq = plan_seq,
                                   .queues = queues[type],
                                   .reason = "1 task waits"};
    ask_only(nth == 0 ? "planner" : "planner-2", DR_MACHINE_WANT, &want);
}

/* Maybe two planners at once, by the same plan. */
static void want(void)
{
    if (sim.bill.count + 6 > BILL_MACHINES)
        return;
    look();
    int64_t seq = core_seq(sim.ledger);
    ask_want(0, seq);
    if (one_in(3))
        ask_want(1, seq);
    commit(wanted);
}

static int pick(enum bill_state state)
{
    int found = -1, n = 0;
    for (int i = 0; i < sim.bill.count; i++) {
        if (sim.bill.machines[i].state == state && one_in(++n))
            found = i;
    }
    return found;
}

static void take_price(struct bill_machine *billed)
{
    double price = billed->type < 0 ? dearest() : sim.bill.price[billed->type];
    billed->rate = price > 0 ? price : billed->rate;
}

static bool open_attempt(int at)
{
    struct machine *machine = &sim.machines[at];
    struct bill_machine *billed = &sim.bill.machines[at];
    look();
    if (!ASK("provisioner:home", ATTEMPT_OPEN, attempt_open, .machines = STRS(machine->id),
             .account = "home", .offering = "x", .identity = "me", .seal_pk = SEAL_PK)) {
        if (strcmp(sim.code, "capped") != 0)
            failed("an attempt was refused: %s: %s", sim.code, sim.sentence);
        return false;
    }
    snprintf(machine->attempt, sizeof machine->attempt, "%s", sim.ids[0]);
    snprintf(machine->key, sizeof machine->key, "%s", sim.ids[1]);
    billed->state = BILL_OPEN;
    take_price(billed);
    must_be_within(billed->type, billed->queues, BILL_ROWS_OPEN, -1, "attempt");
    return true;
}

static void close_attempt(int at, const char *outcome, bool launched)
{
    struct machine *machine = &sim.machines[at];
    snprintf(machine->instance, sizeof machine->instance, "i-%d", ++sim.instances);
    if (!ASK("provisioner:home", ATTEMPT_CLOSE, attempt_close, .attempt = machine->attempt,
             .outcome = outcome,
             .instances = launched ? STRS(machine->instance) : (struct dr_strs){0},
             .give_up = !launched && one_in(3), .excused = true, .sentence = "the answer"))
        failed("close: %s", sim.sentence);
}

static void restart(void);

/* The last word before it may cost money: a window may have turned since it opened, the limits and
 * the price may be others. */
static bool commit_attempt(int at)
{
    struct machine *machine = &sim.machines[at];
    struct bill_machine *billed = &sim.bill.machines[at];
    if (!ASK("watcher", KEY_SETTLE, key_settle, .key = machine->key, .state = "minted",
             .access_key = machine->key, .sealed = BYTES("s")))
        failed("%s", sim.sentence);
    look();
    if (!ASK("provisioner:home", ATTEMPT_COMMIT, attempt_commit, .attempt = machine->attempt,
             .body = BYTES("body"))) {
        if (strcmp(sim.code, "capped") != 0)
            failed("a commit was refused: %s: %s", sim.code, sim.sentence);
        billed->state = BILL_WANTED;
        return false;
    }
    take_price(billed);
    must_be_within(billed->type, billed->queues, BILL_ROWS_LAUNCHED, at, "commit");
    sim.starts++;
    billed->said_us = sim.true_us;
    billed->state = BILL_LAUNCHED;
    return true;
}

/* What the cloud did is known: a machine, or a refusal after which none can exist. */
static void answer(int at)
{
    struct machine *machine = &sim.machines[at];
    struct bill_machine *billed = &sim.bill.machines[at];
    machine->unanswered = false;
    if (billed->start_us != 0) {
        close_attempt(at, "launched", true);
        return;
    }
    if (one_in(2) && ASK("console", ATTEMPT_SETTLE, attempt_settle, .attempt = machine->attempt,
                         .by = "ann")) { /* a person's word: what it may have cost is paid for */
        billed->slack_us = sim.true_us - billed->said_us + 1;
        billed->state = BILL_OVER;
        sim.settled++;
        return;
    }
    close_attempt(at, "refused", false);
    billed->said_us = billed->slack_us = 0;
    billed->state = BILL_OVER; /* wanted again it would be asked anew: let it be cancelled */
    ASK("planner", MACHINE_CANCEL, machine_cancel, .machine = machine->id, .reason = "r");
}

static void start(void)
{
    int at = pick(BILL_WANTED);
    if (at < 0 || !open_attempt(at))
        return;
    struct bill_machine *billed = &sim.bill.machines[at];
    if (one_in(3))
        pass(below(one_in(3) ? 30 * HOUR : 30 * MINUTE));
    if (one_in(8))
        reconfigure();
    if (one_in(8))
        restart();
    if (!commit_attempt(at))
        return;
    if (sim.late)
        pass(below(3 * MINUTE));
    if (!one_in(6)) {
        billed->start_us = sim.true_us;
        billed->slack_us += billed->start_us - billed->said_us;
    }
    if (sim.late)
        pass(below(3 * MINUTE));
    sim.machines[at].unanswered = true;
    if (!one_in(4))
        answer(at);
}

/* One that was answered. */
static int pick_launched(void)
{
    int at = pick(BILL_LAUNCHED);
    if (at >= 0 && sim.machines[at].unanswered)
        answer(at);
    return at >= 0 && sim.bill.machines[at].state == BILL_LAUNCHED ? at : -1;
}

/* It is kept, drained, terminated, missed in a list: it costs until its end is confirmed. */
static void away(void)
{
    int at = pick_launched();
    if (at < 0)
        return;
    struct machine *machine = &sim.machines[at];
    const char *word = one_in(2) ? "absent" : "present";
    switch (below(4)) {
    case 0:
        ASK("console", MACHINE_KEEP, machine_keep, .machine = machine->id, .by = "ann",
            .until_us = wall() + HOUR);
        break;
    case 1:
        ASK("reaper", MACHINE_DRAIN, machine_drain, .machine = machine->id, .mode = "now",
            .reason = "cap", .sentence = "a limit");
        break;
    case 2:
        ASK("reaper", MACHINE_TERMINATE, machine_terminate, .machine = machine->id,
            .sentence = "it goes");
        break;
    default:
        ASK("provisioner:home", MACHINE_SEEN, machine_seen, .machine = machine->id, .word = word,
            .instance_id = machine->instance, .identity = "me");
    }
}

static void end(void)
{
    int at = pick_launched();
    if (at < 0)
        return;
    sim.bill.machines[at].end_us = sim.true_us;
    if (sim.late) {
        int64_t before = sim.true_us;
        pass(below(10 * MINUTE));
        sim.bill.machines[at].slack_us += sim.true_us - before;
    }
    if (!ASK("provisioner:home", MACHINE_SEEN, machine_seen, .machine = sim.machines[at].id,
             .instance_id = sim.machines[at].instance, .word = "ended",
             .identity = *sim.machines[at].key == '\0' ? "" : "me"))
        failed("ended: %s", sim.sentence);
    sim.bill.machines[at].state = BILL_OVER;
}

static void cancel(void)
{
    int at = pick(BILL_WANTED);
    if (at < 0)
        return;
    if (!ASK("planner", MACHINE_CANCEL, machine_cancel, .machine = sim.machines[at].id,
             .reason = "not needed"))
        failed("cancel: %s", sim.sentence);
    sim.bill.machines[at].state = BILL_OVER;
}

/* An instance that nobody expected, maybe of a ledger that is lost. */
static void found(void)
{
    char instance[24];
    bool lost = one_in(4);
    if (sim.bill.count + 6 > BILL_MACHINES)
        return;
    snprintf(instance, sizeof instance, "i-%d", ++sim.instances);
    int64_t since_us = sim.true_us - (sim.steps || one_in(2) ? 0 : below(30 * HOUR));
    struct dr_machine_found body = {.account = "home",
                                    .instance = {.instance_id = instance,
                                                 .attempt = "a-forgotten",
                                                 .ledger_id = lost ? instance : "",
                                                 .state = "present",
                                                 .launched_us = since_us + sim.wall_offset_us}};
    if (lost) {
        if (ask_now("provisioner:home", DR_MACHINE_FOUND, &body))
            failed("another ledger's machine was taken");
        ask_want(0, core_seq(sim.ledger));
        commit(NULL);
        if (sim.ok || strstr(sim.sentence, "drover adopt --spent") == NULL)
            failed("a want while blocked: %s", sim.sentence);
        double spent = cents(0, 1000);
        if (!ASK("console", LEDGER_ADOPT, ledger_adopt, .by = "ann",
                 .spent_usd_micros = (int64_t)(spent * 1e6 + 0.5)))
            failed("adopt: %s", sim.sentence);
        sim.bill.lost = spent;
        sim.bill.lost_us = sim.true_us;
        since_us = sim.true_us;
    }
    if (!ask_now("provisioner:home", DR_MACHINE_FOUND, &body))
        failed("found: %s", sim.sentence);
    int at = new_machine(sim.ids[0], -1, dearest(), 0);
    snprintf(sim.machines[at].instance, sizeof instance, "%s", instance);
    sim.bill.machines[at].state = BILL_LAUNCHED;
    sim.bill.machines[at].said_us = sim.bill.machines[at].start_us = since_us;
}

/* A task begins, or none runs any more. */
void work(void)
{
    char worker[32], task[16];
    int at = pick_launched();
    if (at < 0)
        return;
    snprintf(worker, sizeof worker, "w-%s", sim.machines[at].id);
    snprintf(task, sizeof task, "t%d", (int)below(6));
    ASK("watcher", MACHINE_UP, machine_up, .machine = sim.machines[at].id, .worker = worker);
    struct dr_slot_row slot = {.worker = worker,
                               .machine = sim.machines[at].id,
                               .task = task,
                               .busy = !one_in(3),
                               .seen_us = wall()};
    if (!ASK("watcher", SLOTS_OBSERVED, slots_observed, .slots = {&slot, 1}))
        failed("slots: %s", sim.sentence);
}

/* ---- one history
 * ---------------------------------------------------------------------------------- */
static void open_ledger(void)
{
    char err[512];
    struct store *store = store_open(sim.path, err, sizeof err);
    if (store != NULL)
        sim.ledger =
            core_open(store, dr_config_root(sim.config), random_bytes, wall(), err, sizeof err);
    if (store == NULL || sim.ledger == NULL)
        failed("%s", err);
}

static void restart(void)
{
    look();
    core_close(&sim.ledger);
    if (one_in(2))
        sim.true_us += below(45 * MINUTE);
    open_ledger();
}

static void remove_files(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        char path[80];
        snprintf(path, sizeof path, "%s%s", sim.path, ends[i]);
        unlink(path);
    }
}

/* A ledger with all its tables and no row, made once. */
static void copy_template(void)
{
    static char *bytes;
    static size_t len;
    if (bytes == NULL) {
        char err[512];
        struct store *store = store_open(sim.path, err, sizeof err);
        if (store == NULL)
            failed("%s", err);
        store_close(&store);
        FILE *file = fopen(sim.path, "re");
        bytes = malloc(1 << 20);
        len = file == NULL ? 0 : fread(bytes, 1, 1 << 20, file);
        if (file != NULL)
            fclose(file);
    }
    remove_files();
    FILE *file = fopen(sim.path, "we");
    if (file == NULL || fwrite(bytes, 1, len, file) != len)
        failed("%s cannot be written", sim.path);
    fclose(file);
}

static void begin(unsigned long long seed)
{
    /* Days before clocks change and months turn, and any. */
    static const int64_t starts_s[] = {1774569600, 1792800000, 1772841600, 1793404800,
                                       1769817600, 1782777600, 1798675200, 1778000000};
    sim.seed = seed;
    sim.rng = seed * 7919 + 1;
    memset(&sim.bill, 0, sizeof sim.bill);
    sim.bill.zone = (enum bill_zone)below(BILL_ZONES);
    sim.steps = sim.bill.stepped = one_in(3);
    sim.late = one_in(2);
    sim.instances = 0;
    sim.wall_offset_us = 0;
    memset(sim.window_from, 0, sizeof sim.window_from);
    for (int i = 0; i < BILL_TYPES; i++)
        snprintf(sim.types[i], sizeof sim.types[i], "t%d", i);
    sim.true_us = starts_s[below(8)] * SECOND + below(48 * HOUR);
    random_config();
    sim.config = parse();
    copy_template();
    open_ledger();
    look();
}

static void act(void)
{
    int64_t what = below(21);
    if (sim.told)
        printf("%lld: does %lld; wall %+lld s, money %+lld s; day %f month %f\n",
               (long long)sim.true_us, (long long)what, (long long)(sim.wall_offset_us / SECOND),
               (long long)((sim.money.t_us - sim.true_us) / SECOND),
               dollars(sim.limits[1].spent_usd_micros), dollars(sim.limits[2].spent_usd_micros));
    if (what < 5)
        pass_some();
    else if (what < 9)
        want();
    else if (what < 13)
        start();
    else if (what < 15)
        end();
    else if (what == 15)
        cancel();
    else if (what == 16)
        reconfigure();
    else if (what == 17)
        restart();
    else if (what == 18)
        found();
    else if (what == 20)
        away();
    else if (sim.steps)
        step_clock();
    else
        work();
    if (one_in(4))
        work();
}

static void history(unsigned long long seed)
{
    begin(seed);
    int64_t length = 12 + below(24);
    for (int64_t i = 0; i < length; i++)
        act();
    look();
    costs_add_up();
    if (one_in(8))
        costs_aside();
    core_close(&sim.ledger);
    dr_config_free(sim.config);
    dr_record_free(&sim.costs);
    sim.histories++;
}

int main(int argc, char **argv)
{
    unsigned long long first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    sim.told = argc > 3; /* each step is told */
    unsigned long long count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
    snprintf(sim.dir, sizeof sim.dir, "/dev/shm/drover-money-XXXXXX");
    if (mkdtemp(sim.dir) == NULL) {
        snprintf(sim.dir, sizeof sim.dir, "/tmp/drover-money-XXXXXX");
        if (mkdtemp(sim.dir) == NULL)
            return 1;
    }
    snprintf(sim.path, sizeof sim.path, "%s/ledger.db", sim.dir);
    printf("seeds %llu to %llu\n", first, first + count - 1);
    for (unsigned long long seed = first; seed < first + count; seed++)
        history(seed);
    remove_files();
    rmdir(sim.dir);
    printf("%ld histories: %ld wants, %ld refused, %ld starts, %ld settled\n", sim.histories,
           sim.wants, sim.refused, sim.starts, sim.settled);
    return sim.wants > 0 && sim.refused > 0 && sim.starts > 0 ? 0 : 1;
}
