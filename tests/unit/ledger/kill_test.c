/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger is killed with SIGKILL at random moments of a busy life; whatever was answered before
 * stands afterwards, and the invariants hold. */
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

#define ROUNDS 25

/* Machines live and die until the end comes; what was answered is told through the pipe. */
static void live(struct fixture *f, int round, int out)
{
    for (int i = 0;; i++) {
        char instance[32];
        snprintf(instance, sizeof instance, "i-%d-%d", round, i);
        assert_true(fixture_try_want(f, "far", 1, NULL));
        const char *machine = f->ack.ids.items[0];
        const char *attempt = fixture_open(f, machine);
        fixture_commit_attempt(f, attempt);
        assert_true(fixture_close(f, attempt, "launched", instance));
        assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = machine, .instance_id = instance,
                        .word = "ended"));
        struct dr_key_row key = fixture_key(f, attempt);
        assert_true(ask(f, KEY_SETTLE, key_settle, .key = key.id, .state = "revoked"));
        /* Useful work, or the breaker would stop it. */
        store_run(core_store(f->ledger), "UPDATE machine SET launched_us=1", "");
        int64_t seq = core_seq(f->ledger);
        if (write(out, &seq, sizeof seq) != sizeof seq)
            _exit(1);
    }
}

/* Sweeps what the killed one left half-way, as the actors would. */
static void settle(struct fixture *f)
{
    struct store *store = core_store(f->ledger);
    struct dr_machine_row_list rows;
    store_list(store, TABLE_MACHINE, &f->kept, &rows, "state NOT IN ('cancelled','gone','failed')",
               "");
    for (size_t i = 0; i < rows.count; i++) {
        const struct dr_machine_row *row = &rows.items[i];
        if (strcmp(row->state, "launching") == 0) {
            struct dr_attempt_row attempt = fixture_attempt(f, row->attempt);
            bool committed = strcmp(attempt.state, "committed") == 0;
            assert_true(fixture_close(f, row->attempt, committed ? "refused" : "never-sent", NULL));
        }
        if (*row->instance_id == '\0')
            assert_true(ask(f, MACHINE_CANCEL, machine_cancel, .machine = row->id));
        else
            assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = row->id,
                            .instance_id = row->instance_id, .word = "ended"));
    }
}

static int64_t last_told(int in)
{
    int64_t told = 0, seq;
    while (read(in, &seq, sizeof seq) == sizeof seq)
        told = seq;
    return told;
}

static void killed_anywhere(void **state)
{
    struct fixture *f = *state;
    static const char roomy[] =
        "deployment: test\n"
        "clearml: {api_server: 'http://127.0.0.1:1'}\n"
        "accounts: [{name: away, driver: local, launches_per_hour: 99999}]\n"
        "machine_types: [{name: far, account: away}]\n"
        "queues: [{name: far, types: [far]}]\n";
    fixture_reconfigure(f, roomy);
    srand(20240601);
    for (int round = 0; round < ROUNDS; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        f->now_us += 1000000;
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            fixture_reopen(f);
            live(f, round, ends[1]);
        }
        close(ends[1]);
        struct timespec wait = {.tv_nsec = 1000000L * (rand() % 60)};
        nanosleep(&wait, NULL);
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        fixture_reopen(f);
        struct store *store = core_store(f->ledger);
        assert_true(core_seq(f->ledger) >= last_told(ends[0]));
        close(ends[0]);
        struct pool pool = {0};
        assert_string_equal(store_text(store, &pool, "PRAGMA integrity_check", ""), "ok");
        pool_free(&pool);
        assert_int_equal(fixture_count(f, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
        fixture_invariants(store);
        settle(f);
        fixture_invariants(store);
    }
    assert_true(fixture_count(f, "SELECT count(*) FROM machine WHERE state='gone'") > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_anywhere, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
