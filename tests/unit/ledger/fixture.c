/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const char fixture_config[] = "deployment: test\n"
                              "max_machines: 8\n"
                              "clearml: {api_server: 'http://127.0.0.1:1'}\n"
                              "accounts:\n"
                              "  - {name: home, driver: local}\n"
                              "  - {name: away, driver: local, machines_dir: /b, max_machines: 2}\n"
                              "machine_types:\n"
                              "  - {name: cpu, account: home, max_machines: 4}\n"
                              "  - {name: gpu, account: home, slots: 2}\n"
                              "  - {name: far, account: away}\n"
                              "queues:\n"
                              "  - {name: fast, types: [cpu], priority: 5}\n"
                              "  - {name: slow, types: [cpu, gpu], max_machines: 5}\n"
                              "  - {name: far, types: [far]}\n";

/* Unique within a run; of a forked child too. */
static void counting_random(void *bytes, size_t len)
{
    static uint64_t count;
    uint64_t n = ++count | (uint64_t)getpid() << 32;
    unsigned char *out = bytes;
    memset(out, 0, len);
    for (size_t i = 0; i < 8 && i < len; i++, n >>= 8)
        out[len - 1 - i] = (unsigned char)(n & 0xff);
}

static struct dr_config *parse(const char *yaml)
{
    struct dr_config_errors errors;
    struct dr_config *config = dr_config_parse(yaml, strlen(yaml), "test.yaml", &errors);
    for (size_t i = 0; config == NULL && i < errors.count; i++)
        print_error("%s\n", errors.items[i].text);
    dr_config_errors_free(&errors);
    assert_non_null(config);
    return config;
}

static void open_ledger(struct fixture *f)
{
    char err[512] = "";
    struct store *store = store_open(f->path, err, sizeof err);
    if (store == NULL)
        fail_msg("%s", err);
    f->ledger =
        core_open(store, dr_config_root(f->config), counting_random, f->now_us, err, sizeof err);
    if (f->ledger == NULL)
        fail_msg("%s", err);
}

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/drover-ledger-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/ledger.db", f->dir);
    f->now_us = 1700000000000000;
    f->config = parse(fixture_config);
    open_ledger(f);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    fixture_invariants(core_store(f->ledger));
    core_close(&f->ledger);
    dr_config_free(f->config);
    pool_free(&f->kept);
    for (int i = 0; i < 3; i++) {
        char path[128];
        static const char *const ends[] = {"", "-wal", "-shm"};
        snprintf(path, sizeof path, "%s%s", f->path, ends[i]);
        unlink(path);
    }
    rmdir(f->dir);
    free(f);
    return 0;
}

void fixture_reconfigure(struct fixture *f, const char *yaml)
{
    char err[512];
    struct dr_config *fresh = parse(yaml);
    if (!core_reconfigure(f->ledger, dr_config_root(fresh), f->now_us, err, sizeof err))
        fail_msg("%s", err);
    dr_config_free(f->config);
    f->config = fresh;
}

void fixture_reopen(struct fixture *f)
{
    core_close(&f->ledger);
    open_ledger(f);
}

/* ---- asking --------------------------------------------------------------------------------- */
void fixture_fill(const struct dr_desc *desc, void *record)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        const struct dr_field *field = &desc->fields[i];
        void *place = (char *)record + field->offset;
        if (field->kind == DR_STR && *(const char **)place == NULL)
            *(const char **)place = "";
        else if (field->kind == DR_REC)
            fixture_fill(field->of, place);
        else if (field->kind == DR_RECS) {
            struct dr_recs *list = place;
            for (size_t n = 0; n < list->count; n++)
                fixture_fill(field->of, (char *)(uintptr_t)list->items + n * field->of->size);
        }
    }
}

const char *fixture_sender(enum dr_type type)
{
    uint32_t from = dr_row_by_type(type)->from;
    for (int role = DR_ROLE_COUNT - 1; role >= 0; role--) {
        if (from & (1u << role))
            return dr_role_name((enum dr_role)role);
    }
    return "nobody";
}

void fixture_queue(struct fixture *f, const char *from, enum dr_type type, const void *body,
                   const char *request)
{
    static int n;
    char fresh[32];
    snprintf(fresh, sizeof fresh, "fresh-%d-%d", (int)getpid(), ++n);
    const struct dr_message_row *row = dr_row_by_type(type);
    fixture_fill(row->desc, (void *)(uintptr_t)body);
    struct dr_message message = {
        .env = {.version = DR_WIRE_VERSION,
                .type = row->name,
                .source = from,
                .boot = "boot",
                .corr = "corr",
                .request = request == NULL ? fresh : request,
                .left_ms = 1000},
        .row = row,
        .body = body,
    };
    f->now_us += 1000;
    core_request(f->ledger, &message, f->now_us);
}

/* Copies deeply, so that what the test looks at outlives the turn. Leaks into the fixture. */
static void keep_answer(struct fixture *f, const struct core_out *out)
{
    f->type = out->type;
    struct dr_record copy;
    assert_int_equal(dr_record_copy(dr_row_by_type(out->type)->desc, out->body, &copy), 0);
    if (out->type == DR_ACK)
        f->ack = *(const struct dr_ack *)copy.value;
    else if (out->type == DR_LEDGER_STATE)
        f->state = *(const struct dr_ledger_state *)copy.value;
    else if (out->type == DR_ATTEMPT_FULL)
        f->full = *(const struct dr_attempt_full *)copy.value;
    f->body = copy.value;
    /* Kept until the process ends: a test's answers are few. */
    static struct dr_record *all;
    static size_t count;
    all = realloc(all, (count + 1) * sizeof *all);
    all[count++] = copy;
}

void fixture_commit(struct fixture *f)
{
    f->result = core_commit(f->ledger);
    size_t count;
    const struct core_out *outs = core_outs(f->ledger, &count);
    f->events = 0;
    for (size_t i = 0; i < count; i++) {
        if (outs[i].to == NULL)
            f->event_types[f->events++ % 64] = outs[i].type;
        else
            keep_answer(f, &outs[i]);
    }
    core_turn_over(f->ledger);
}

bool fixture_ask_as(struct fixture *f, const char *from, enum dr_type type, const void *body,
                    const char *request)
{
    fixture_queue(f, from, type, body, request);
    fixture_commit(f);
    return f->type != DR_ACK || f->ack.ok;
}

const char *fixture_code(struct fixture *f)
{
    assert_int_equal(f->type, DR_ACK);
    assert_true(*f->ack.sentence != '\0');
    assert_int_equal(f->ack.ok, *f->ack.code == '\0');
    return f->ack.code;
}

/* ---- steps ---------------------------------------------------------------------------------- */
static struct dr_strs queues_of(const char *type)
{
    static const char *const cpu[] = {"q-fast", "q-slow"};
    static const char *const gpu[] = {"q-slow"};
    static const char *const far[] = {"q-far"};
    if (strcmp(type, "cpu") == 0)
        return (struct dr_strs){cpu, 2};
    return strcmp(type, "gpu") == 0 ? (struct dr_strs){gpu, 1} : (struct dr_strs){far, 1};
}

bool fixture_try_want(struct fixture *f, const char *type, int64_t count, const char *task)
{
    struct dr_strs queues = queues_of(type);
    return ask(f, MACHINE_WANT, machine_want, .type = type, .queue = queues.items[0],
               .count = count, .plan_seq = core_seq(f->ledger), .queues = queues,
               .tasks = task == NULL ? (struct dr_strs){0} : STRS(task), .reason = "1 task waits");
}

const char *fixture_want(struct fixture *f, const char *type)
{
    if (!fixture_try_want(f, type, 1, NULL))
        fail_msg("want: %s: %s", f->ack.code, f->ack.sentence);
    return f->ack.ids.items[0];
}

const char *fixture_open(struct fixture *f, const char *machine)
{
    struct dr_machine_row row = fixture_machine(f, machine);
    if (!ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(machine), .account = row.account,
             .offering = "small", .identity = f->identity, .seal_pk = SEAL_PK))
        fail_msg("open: %s: %s", f->ack.code, f->ack.sentence);
    return f->ack.ids.items[0];
}

void fixture_commit_attempt(struct fixture *f, const char *attempt)
{
    struct dr_key_row key = fixture_key(f, attempt);
    assert_true(ask(f, KEY_SETTLE, key_settle, .key = key.id, .state = "minted",
                    .access_key = key.id, .sealed = BYTES("sealed secret")));
    assert_true(ask(f, ATTEMPT_COMMIT, attempt_commit, .attempt = attempt, .body = BYTES("body")));
}

bool fixture_close(struct fixture *f, const char *attempt, const char *outcome,
                   const char *instance)
{
    return ask(f, ATTEMPT_CLOSE, attempt_close, .attempt = attempt, .outcome = outcome,
               .instances = instance == NULL ? (struct dr_strs){0} : STRS(instance),
               .sentence = "the cloud's answer");
}

const char *fixture_boot(struct fixture *f, const char *type, const char *instance)
{
    const char *machine = fixture_want(f, type);
    const char *attempt = fixture_open(f, machine);
    fixture_commit_attempt(f, attempt);
    assert_true(fixture_close(f, attempt, "launched", instance));
    return machine;
}

/* ---- looking -------------------------------------------------------------------------------- */
struct dr_machine_row fixture_machine(struct fixture *f, const char *id)
{
    struct dr_machine_row row;
    assert_true(store_get(core_store(f->ledger), TABLE_MACHINE, id, &f->kept, &row));
    return row;
}

struct dr_attempt_row fixture_attempt(struct fixture *f, const char *id)
{
    struct dr_attempt_row row;
    assert_true(store_get(core_store(f->ledger), TABLE_ATTEMPT, id, &f->kept, &row));
    return row;
}

struct dr_key_row fixture_key(struct fixture *f, const char *attempt)
{
    struct dr_key_row row;
    struct dr_attempt_row of = fixture_attempt(f, attempt);
    assert_true(store_get(core_store(f->ledger), TABLE_KEY, of.key, &f->kept, &row));
    assert_string_equal(row.attempt, attempt);
    return row;
}

int64_t fixture_count(struct fixture *f, const char *sql)
{
    return store_int(core_store(f->ledger), sql, "");
}

static void never(struct store *store, const char *what, const char *sql)
{
    int64_t count = store_int(store, sql, "");
    if (store_failed(store))
        fail_msg("%s: %s", what, store_error(store));
    if (count != 0)
        fail_msg("%lld times: %s", (long long)count, what);
}

void fixture_invariants(struct store *store)
{
    never(store, "the sequence is behind the history",
          "SELECT count(*) FROM history WHERE seq > (SELECT value FROM meta WHERE name='seq')");
    never(store, "a live row without history",
          "SELECT count(*) FROM machine WHERE ended_us=0 AND id NOT IN (SELECT id FROM history)");
    never(store, "a machine with two open attempts",
          "SELECT count(*) FROM machine WHERE (SELECT count(*) FROM attempt WHERE state<>'closed'"
          " AND instr(machines, char(10)||machine.id||char(10))) > 1");
    never(store, "a launching machine without its open attempt",
          "SELECT count(*) FROM machine WHERE state='launching' AND attempt NOT IN"
          " (SELECT id FROM attempt WHERE state<>'closed')");
    never(store, "a machine with an open attempt that is not launching",
          "SELECT count(*) FROM attempt JOIN machine ON machine.attempt=attempt.id"
          " WHERE attempt.state<>'closed' AND machine.state<>'launching'");
    never(store, "an attempt without a key",
          "SELECT count(*) FROM attempt WHERE \"key\" NOT IN (SELECT id FROM \"key\")");
    never(store, "a committed attempt without a body, or a closed one with",
          "SELECT count(*) FROM attempt WHERE (state='committed') <> (body IS NOT NULL)");
    never(store, "a secret of a closed attempt",
          "SELECT count(*) FROM \"key\" JOIN attempt ON attempt.id=attempt"
          " WHERE attempt.state='closed' AND secret IS NOT NULL");
    never(store, "a bound machine without an instance",
          "SELECT count(*) FROM machine WHERE instance_id='' AND state IN"
          " ('booting','up','draining','absent','terminating','gone')");
    never(store, "a live machine whose key is not minted",
          "SELECT count(*) FROM machine JOIN \"key\" ON \"key\".attempt=machine.attempt"
          " WHERE machine.state IN ('booting','up') AND NOT adopted"
          " AND \"key\".state<>'minted'");
    never(store, "an ended machine without the time of its end",
          "SELECT count(*) FROM machine WHERE (state IN ('cancelled','gone','failed'))"
          " <> (ended_us<>0)");
}
