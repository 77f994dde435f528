/* SPDX-License-Identifier: Apache-2.0 */
/* The page of a task, as a browser gets it: without a login, and harmless whatever a task says. */
#include "session.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static int get(struct session *s, const char *path, char *page, size_t room)
{
    struct sandbox_request request = {.method = "GET", .path = path};
    struct sandbox_response response;
    sandbox_handle(s->sb, &request, s->now_us, &response);
    int status = response.status;
    snprintf(page, room, "%.*s", (int)response.body_size, (const char *)response.body);
    sandbox_response_clear(&response);
    return status;
}

static void test_task(void **state)
{
    struct session *s = *state;
    static char page[20000];
    char path[200];
    struct sandbox_id task = made(ask(s, 200, "tasks.create",
                                      "{'name': 'my <b>task', 'type': 'training', 'hyperparams': "
                                      "{'Args': {'rate': {'section': 'Args', 'name': 'rate', "
                                      "'value': '0.25'}}}}"));
    ask(s, 200, "events.add", "{'type': 'log', 'task': '%s', 'msg': 'step 1 <script>'}", task.text);
    snprintf(path, sizeof path, "/projects/*/experiments/%s", task.text);
    assert_int_equal(get(s, path, page, sizeof page), 200);
    assert_non_null(strstr(page, "my &lt;b&gt;task"));
    assert_non_null(strstr(page, "Args/rate</td><td>0.25"));
    assert_non_null(strstr(page, "step 1 &lt;script&gt;"));
    snprintf(path, sizeof path, "/projects/x/tasks/%s/output/log", task.text);
    assert_int_equal(get(s, path, page, sizeof page), 200);
}

/* Nothing is listed, and the API's own paths stay the API's. */
static void test_others(void **state)
{
    struct session *s = *state;
    char page[4000];
    assert_int_equal(
        get(s, "/projects/*/experiments/0123456789abcdef0123456789abcdef", page, sizeof page), 404);
    assert_int_equal(get(s, "/projects/", page, sizeof page), 404);
    assert_int_equal(get(s, "/projects.get_all", page, sizeof page), 401);
    assert_int_equal(get(s, "/", page, sizeof page), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_task, session_setup, session_teardown),
        cmocka_unit_test_setup_teardown(test_others, session_setup, session_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
