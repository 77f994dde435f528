/* SPDX-License-Identifier: Apache-2.0 */
/* A state told again what it was told is the same state: ids, times and all. */
#include "session.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char other_seed[32] = {9};

/* A sandbox that knows nothing but this snapshot and these lines. */
static struct sandbox *again(const char *snapshot, size_t size, const char *journal)
{
    struct sandbox *sb = sandbox_new(&(struct sandbox_options){.seed = other_seed});
    char error[256];
    assert_int_equal(sandbox_load(sb, snapshot, size, error, sizeof error), 0);
    for (const char *p = journal; *p;) {
        size_t line = strcspn(p, "\n");
        assert_int_equal(sandbox_replay(sb, p, line), 0);
        p += line + 1;
    }
    return sb;
}

static void live(struct session *s)
{
    struct sandbox_id first = made(ask(s, 200, "tasks.create", "{'name': 'one', 'type': 'qc'}"));
    ask(s, 200, "projects.create", "{'name': 'demo/sub'}");
    ask(s, 200, "tasks.enqueue", "{'task': '%s', 'queue_name': 'cpu'}", first.text);
    ask(s, 200, "workers.status_report", "{'worker': 'w', 'timestamp': 1}");
    ask(s, 200, "tasks.started", "{'task': '%s', 'force': true}", first.text);
    ask(s, 200, "events.add",
        "{'type': 'log', 'task': '%s', 'msg': 'caf\xc3\xa9 \\u0000 x', 'timestamp': 1}",
        first.text);
    ask(s, 200, "tasks.get_all", "{'scroll_id': null, 'size': 1}");
    ask(s, 400, "tasks.clone", "{'task': 'nope'}");
    wait_s(s, 650);
    ask(s, 200, "tasks.clone", "{'task': '%s', 'new_task_name': 'two'}", first.text);
    ask(s, 200, "auth.create_credentials", "{'label': 'x'}");
    ask(s, 200, "auth.login", "{}");
}

static void test_same_state(void **state)
{
    struct session *s = *state;
    size_t start_size, live_size, again_size;
    char *start = sandbox_save(s->sb, &start_size);
    free(s->journal);
    s->journal = NULL;
    live(s);
    char *alive = sandbox_save(s->sb, &live_size);
    struct sandbox *copy = again(start, start_size, s->journal);
    char *told_again = sandbox_save(copy, &again_size);
    assert_string_equal(alive, told_again);
    assert_null(strchr(alive, '\n'));

    /* And they go on alike. */
    struct sandbox_id a = sandbox_new_id(s->sb), b = sandbox_new_id(copy);
    assert_string_equal(a.text, b.text);
    sandbox_free(copy);
    free(start);
    free(alive);
    free(told_again);
}

static void test_bytes_survive(void **state)
{
    struct session *s = *state;
    unsigned char body[300];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (unsigned char)(i * 7);
    struct sandbox_request request = {.method = "POST",
                                      .path = "/debug.ping",
                                      .query = (const char *const[]){"a", "b", NULL},
                                      .body = body,
                                      .body_size = sizeof body};
    size_t size;
    char *line = sandbox_record(&request, true, s->now_us, &size);
    assert_null(memchr(line, '\n', size));
    json_t *record = json_loadb(line, size, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(record, "size")), sizeof body);
    json_decref(record);
    assert_int_equal(sandbox_replay(s->sb, line, size), 0);
    assert_int_equal(sandbox_replay(s->sb, line, size - 5), -1);
    free(line);
}

static void test_foreign_files_are_refused(void **state)
{
    struct session *s = *state;
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "{}",
                                      "{\"format\":1}",
                                      "{\"format\":1,\"secret\":\"x\",\"tasks\":[]}",
                                      "{\"format\":2,\"secret\":\"x\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char error[256] = "";
        assert_int_equal(sandbox_load(s->sb, bad[i], strlen(bad[i]), error, sizeof error), -1);
        assert_true(strlen(error) > 0);
    }
    ask(s, 200, "users.get_current_user", "{}");
}

#define SESSION(test) cmocka_unit_test_setup_teardown(test, session_setup, session_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION(test_same_state),
        SESSION(test_bytes_survive),
        SESSION(test_foreign_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
