/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a task and of the worker that runs it, where time decides. What a server answered to
 * each single call is replayed by tests/contract. */
#include "session.h"
#include "tasks.h"

#include <cmocka.h>
#include <string.h>

static struct sandbox_id new_task(struct session *s)
{
    return made(ask(s, 200, "tasks.create", "{'name': 'job', 'type': 'training'}"));
}

static struct sandbox_id cpu_queue(struct session *s)
{
    json_t *data = ask(s, 200, "queues.get_all", "{'name': '^cpu$', 'only_fields': ['id']}");
    return made(json_array_get(json_object_get(data, "queues"), 0));
}

static size_t workers(struct session *s)
{
    return json_array_size(json_object_get(ask(s, 200, "workers.get_all", "{}"), "workers"));
}

/* Every status against every other: x is a move without force. */
static void test_every_move(void **state)
{
    (void)state;
    static const char *const names[] = {"created",    "queued",    "in_progress", "stopped",
                                        "publishing", "published", "closed",      "failed",
                                        "completed",  "unknown"};
    static const char *const moves[] = {
        /* cqispPcfdu */
        ".xx.......", /* created */
        "x.xx......", /* queued */
        "x..x...xx.", /* in_progress */
        "xxx.xxxxx.", /* stopped */
        ".....x....", /* publishing */
        "..........", /* published */
        "x..xxx.x..", /* closed */
        "xx.x.x....", /* failed */
        "x.x..x....", /* completed */
        "..........", /* unknown */
    };
    for (size_t from = 0; from < 10; from++) {
        for (size_t to = 0; to < 10; to++)
            assert_int_equal(task_move_allowed(names[from], names[to]), moves[from][to] == 'x');
    }
    assert_false(task_move_allowed("created", "nonsense"));
}

static void test_popped_task_stands_nowhere(void **state)
{
    struct session *s = *state;
    struct sandbox_id queue = cpu_queue(s), task = new_task(s);
    ask(s, 200, "tasks.enqueue", "{'task': '%s', 'queue_name': 'cpu'}", task.text);
    json_t *entry = ask(s, 200, "queues.get_next_task", "{'queue': '%s'}", queue.text);
    assert_string_equal(text(entry, "entry.task"), task.text);
    assert_int_equal(
        json_object_size(ask(s, 200, "queues.get_next_task", "{'queue': '%s'}", queue.text)), 0);
    assert_string_equal(stored(s, task.text, "status"), "queued");
    ask(s, 200, "tasks.enqueue", "{'task': '%s', 'queue': '%s'}", task.text, queue.text);
    entry = ask(s, 200, "queues.get_next_task", "{'queue': '%s'}", queue.text);
    assert_string_equal(text(entry, "entry.task"), task.text);
}

static void test_stop_waits_for_a_live_worker(void **state)
{
    struct session *s = *state;
    struct sandbox_id task = new_task(s);
    ask(s, 200, "tasks.started", "{'task': '%s'}", task.text);
    ask(s, 200, "workers.status_report", "{'worker': 'w', 'timestamp': 1, 'task': '%s'}",
        task.text);
    ask(s, 200, "tasks.stop", "{'task': '%s'}", task.text);
    assert_string_equal(stored(s, task.text, "status"), "in_progress");
    assert_string_equal(stored(s, task.text, "status_message"), "stopping");
    wait_s(s, 599);
    ask(s, 200, "tasks.stop", "{'task': '%s'}", task.text);
    assert_string_equal(stored(s, task.text, "status"), "in_progress");
    wait_s(s, 601); /* tasks.stop counted as news */
    ask(s, 200, "tasks.stop", "{'task': '%s'}", task.text);
    assert_string_equal(stored(s, task.text, "status"), "stopped");
    assert_string_equal(stored(s, task.text, "status_message"), "Stopped by Sandbox");
}

static void test_only_reports_renew_a_worker(void **state)
{
    struct session *s = *state;
    struct sandbox_id queue = cpu_queue(s);
    ask(s, 200, "workers.register", "{'worker': 'w', 'queues': ['%s']}", queue.text);
    wait_s(s, 590);
    ask(s, 200, "queues.get_next_task", "{'queue': '%s'}", queue.text);
    assert_int_equal(workers(s), 1);
    ask(s, 200, "workers.status_report", "{'worker': 'w', 'timestamp': 1, 'queues': ['%s']}",
        queue.text);
    wait_s(s, 590);
    assert_int_equal(workers(s), 1);
    wait_s(s, 20);
    assert_int_equal(workers(s), 0);
    ask(s, 200, "workers.unregister", "{'worker': 'w'}");
}

static void test_short_timeout_is_kept(void **state)
{
    struct session *s = *state;
    ask(s, 200, "workers.register", "{'worker': 'w', 'timeout': 30}");
    wait_s(s, 25);
    ask(s, 200, "workers.status_report", "{'worker': 'w', 'timestamp': 1}");
    wait_s(s, 25);
    assert_int_equal(workers(s), 1);
    wait_s(s, 10);
    assert_int_equal(workers(s), 0);
}

static void test_silent_task_is_stopped(void **state)
{
    struct session *s = *state;
    struct sandbox_id silent = new_task(s), alive = new_task(s), waiting = new_task(s);
    ask(s, 200, "tasks.started", "{'task': '%s'}", silent.text);
    ask(s, 200, "tasks.started", "{'task': '%s'}", alive.text);
    ask(s, 200, "tasks.enqueue", "{'task': '%s', 'queue_name': 'cpu'}", waiting.text);
    wait_s(s, 7000);
    ask(s, 200, "tasks.ping", "{'task': '%s'}", alive.text);
    wait_s(s, 300);
    assert_string_equal(stored(s, silent.text, "status"), "stopped");
    assert_string_equal(stored(s, silent.text, "status_message"), "Forced stop (non-responsive)");
    assert_string_equal(stored(s, alive.text, "status"), "in_progress");
    assert_string_equal(stored(s, waiting.text, "status"), "queued");
}

static void test_old_clients_see_what_they_know(void **state)
{
    struct session *s = *state;
    struct sandbox_id task = new_task(s);
    ask(s, 200, "v2.5/tasks.edit",
        "{'task': '%s', 'execution': {'docker_cmd': 'image:1 --ipc=host -v /a:/b', "
        "'parameters': {'lr': 1}}}",
        task.text);
    assert_string_equal(stored(s, task.text, "container.arguments"), "--ipc=host -v /a:/b");
    assert_string_equal(stored(s, task.text, "hyperparams.Args.lr.value"), "1");
    json_t *data = ask(s, 200, "v2.5/tasks.get_by_id", "{'task': '%s'}", task.text);
    assert_string_equal(text(data, "task.execution.docker_cmd"), "image:1 --ipc=host -v /a:/b");
    assert_string_equal(text(data, "task.execution.parameters.lr"), "1");
    data = ask(s, 200, "v2.23/tasks.get_by_id", "{'task': '%s'}", task.text);
    assert_null(sandbox_get(data, "task.execution.docker_cmd"));
}

static void test_enqueue_into_nothing_changes_nothing(void **state)
{
    struct session *s = *state;
    struct sandbox_id task = new_task(s);
    ask(s, 400701, "tasks.enqueue", "{'task': '%s', 'queue': 'nope'}", task.text);
    assert_string_equal(stored(s, task.text, "status"), "created");
    assert_string_equal(stored(s, task.text, "execution.queue"), "");
    ask(s, 200, "tasks.enqueue", "{'task': '%s', 'queue_name': 'made on the way'}", task.text);
    assert_string_equal(stored(s, task.text, "status"), "queued");
    ask(s, 400012, "tasks.enqueue", "{'task': '%s', 'queue': 'a', 'queue_name': 'b'}", task.text);
}

static void test_deleted_task_leaves_its_queue(void **state)
{
    struct session *s = *state;
    struct sandbox_id queue = cpu_queue(s), task = new_task(s);
    ask(s, 200, "tasks.enqueue", "{'task': '%s', 'queue_name': 'cpu'}", task.text);
    ask(s, 400123, "tasks.delete", "{'task': '%s'}", task.text);
    ask(s, 200, "tasks.delete", "{'task': '%s', 'force': true}", task.text);
    json_t *data = ask(s, 200, "queues.get_num_entries", "{'queue': '%s'}", queue.text);
    assert_int_equal(json_integer_value(json_object_get(data, "num")), 0);
}

static void test_positions(void **state)
{
    struct session *s = *state;
    struct sandbox_id queue = cpu_queue(s), task[4];
    for (int i = 0; i < 4; i++) {
        task[i] = new_task(s);
        ask(s, 200, "tasks.enqueue", "{'task': '%s', 'queue_name': 'cpu'}", task[i].text);
    }
    static const struct {
        const char *call;
        int which;
        const char *more;
        int position;
    } moves[] = {{"queues.move_task_to_front", 2, "", 0},
                 {"queues.move_task_to_back", 2, "", 3},
                 {"queues.move_task_forward", 2, ", 'count': 2", 1},
                 {"queues.move_task_backward", 0, "", 1},
                 {"queues.move_task_forward", 3, ", 'count': 99", 0}};
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        json_t *data = ask(s, 200, moves[i].call, "{'queue': '%s', 'task': '%s'%s}", queue.text,
                           task[moves[i].which].text, moves[i].more);
        assert_int_equal(json_integer_value(json_object_get(data, "position")), moves[i].position);
    }
    ask(s, 400703, "queues.move_task_to_front", "{'queue': '%s', 'task': 'x'}", queue.text);
}

#define SESSION(test) cmocka_unit_test_setup_teardown(test, session_setup, session_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_move),
        SESSION(test_popped_task_stands_nowhere),
        SESSION(test_stop_waits_for_a_live_worker),
        SESSION(test_only_reports_renew_a_worker),
        SESSION(test_short_timeout_is_kept),
        SESSION(test_silent_task_is_stopped),
        SESSION(test_old_clients_see_what_they_know),
        SESSION(test_enqueue_into_nothing_changes_nothing),
        SESSION(test_deleted_task_leaves_its_queue),
        SESSION(test_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
