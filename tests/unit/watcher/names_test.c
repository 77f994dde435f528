/* SPDX-License-Identifier: Apache-2.0 */
/* What people call tasks: read once for each, told to the ledger, in no hurry. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_port.h"
#include "names.h"

struct world {
    struct fake fake;
    struct picture picture;
    struct names names;
    struct dr_queue_task waiting[300];
    char ids[300][24];
    struct dr_worker_view worker;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    fake_init(&w->fake);
    w->picture.port = &w->fake.port;
    names_init(&w->names, &w->fake.port, &w->picture);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    fake_stop(&w->fake);
    names_free(&w->names);
    dr_record_free(&w->picture.queues_said);
    dr_record_free(&w->picture.workers_said);
    fake_free(&w->fake);
    free(w);
    return 0;
}

static void said(struct dr_record *place, const struct dr_desc *desc, const void *body)
{
    dr_record_free(place);
    assert_int_equal(dr_record_copy(desc, body, place), 0);
}

/* A new whole picture: so many tasks t0, t1 ... wait in this queue; one runs. */
static void picture(struct world *w, const char *queue, size_t waiting, const char *running)
{
    for (size_t i = 0; i < waiting; i++) {
        snprintf(w->ids[i], sizeof w->ids[i], "t%zu", i);
        w->waiting[i] = (struct dr_queue_task){.task = w->ids[i]};
    }
    struct dr_queue_view view = {.id = "q1", .name = queue, .waiting = {w->waiting, waiting}};
    said(&w->picture.queues_said, &dr_desc_queues_observed,
         &(struct dr_queues_observed){.sent_ms = 1, .queues = {&view, 1}});
    w->worker = (struct dr_worker_view){.id = "w", .instance_id = "i-1", .task = running};
    said(&w->picture.workers_said, &dr_desc_workers_observed,
         &(struct dr_workers_observed){.sent_ms = 1, .workers = {&w->worker, 1}});
    w->picture.whole++;
}

static void nothing_known(struct world *w)
{
    names_step(&w->names);
    assert_int_equal(w->fake.name_fetches, 1);
    assert_int_equal(w->fake.call_count, 0); /* before the ledger said what it knows */
    names_restore(&w->names, &(struct dr_tasks){.tasks = {0}});
}

#define ONE                                                                                        \
    "{\"tasks\":[{\"id\":\"t0\",\"name\":\"train\",\"project\":{\"id\":\"p\",\"name\":\"vision\"}" \
    ","                                                                                            \
    "\"user\":{\"id\":\"u\",\"name\":\"Anna\"},\"execution\":{\"queue\":{\"name\":\"other\"}}}]}"

static void a_task_is_read_once_and_told(void **state)
{
    struct world *w = *state;
    picture(w, "fast", 1, "");
    nothing_known(w);
    names_step(&w->names);
    assert_string_equal(fake_body(&w->fake),
                        "{\"id\":[\"t0\"],\"only_fields\":[\"id\",\"name\",\"project.name\","
                        "\"user.name\",\"execution.queue.name\"],\"page\":0,\"page_size\":100,"
                        "\"search_hidden\":true}");
    fake_answer(&w->fake, "tasks.get_all_ex", ONE);
    const struct dr_tasks_described *told = fake_asked(&w->fake, DR_TASKS_DESCRIBED);
    assert_int_equal(told->tasks.count, 1);
    assert_string_equal(told->tasks.items[0].name, "train");
    assert_string_equal(told->tasks.items[0].project, "vision");
    assert_string_equal(told->tasks.items[0].user, "Anna");
    assert_string_equal(told->tasks.items[0].queue, "fast"); /* where it waits, as we see it */
    fake_ack(&w->fake, DR_TASKS_DESCRIBED, true, "", 1, NULL);
    picture(w, "fast", 0, "t0"); /* it runs now */
    names_step(&w->names);
    assert_int_equal(w->fake.call_count + w->fake.ask_count, 0);
    picture(w, "slow", 1, ""); /* it was put into another queue */
    names_step(&w->names);
    assert_int_equal(w->fake.call_count, 0);
    told = fake_asked(&w->fake, DR_TASKS_DESCRIBED);
    assert_string_equal(told->tasks.items[0].queue, "slow");
    assert_string_equal(told->tasks.items[0].name, "train");
}

static void what_the_ledger_knows_is_not_read(void **state)
{
    struct world *w = *state;
    struct dr_task_row row = {
        .id = "t0", .name = "train", .project = "", .user = "", .queue = "fast"};
    picture(w, "fast", 1, "");
    names_step(&w->names);
    names_restore(&w->names, NULL); /* it did not answer: asked again */
    names_step(&w->names);
    assert_int_equal(w->fake.name_fetches, 2);
    names_restore(&w->names, &(struct dr_tasks){.tasks = {&row, 1}});
    names_step(&w->names);
    assert_int_equal(w->fake.call_count, 0);
    names_doubt(&w->names); /* another ledger, which does not know it */
    names_step(&w->names);
    names_restore(&w->names, &(struct dr_tasks){.tasks = {0}});
    picture(w, "fast", 1, "");
    names_step(&w->names);
    assert_int_equal(w->fake.call_count, 1);
}

static void one_call_a_picture_of_so_many_at_most(void **state)
{
    struct world *w = *state;
    picture(w, "fast", 250, "r");
    nothing_known(w);
    names_step(&w->names);
    names_step(&w->names);
    assert_int_equal(w->fake.call_count, 1);
    assert_int_equal(json_array_size(json_object_get(w->fake.calls[0].body, "id")), NAMES_MAX);
    fake_answer(&w->fake, "tasks.get_all_ex", ONE);
    fake_ack(&w->fake, DR_TASKS_DESCRIBED, true, "", 1, NULL);
    names_step(&w->names);
    assert_int_equal(w->fake.call_count, 0); /* the next picture's turn */
    picture(w, "fast", 250, "r");
    names_step(&w->names);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(w->fake.calls[0].body, "id"), 0)),
        "t100"); /* the 99 that had no name come later */
}

static void a_slow_server_is_left_alone(void **state)
{
    struct world *w = *state;
    picture(w, "fast", 1, "");
    nothing_known(w);
    w->picture.pace.state = SERVER_SLOW;
    names_step(&w->names);
    assert_int_equal(w->fake.call_count, 0);
    w->picture.pace.state = SERVER_OK;
    names_step(&w->names);
    fake_fail(&w->fake, "tasks.get_all_ex", CLEARML_TIMEOUT, 0, "no answer");
    assert_int_equal(w->fake.ask_count, 0);
    picture(w, "fast", 1, "");
    names_step(&w->names);
    assert_int_equal(w->fake.call_count, 0);
    fake_sleep(&w->fake, 61000);
    picture(w, "fast", 1, "");
    names_step(&w->names);
    fake_answer(&w->fake, "tasks.get_all_ex", ONE);
    fake_ack(&w->fake, DR_TASKS_DESCRIBED, false, "unavailable", 0, NULL); /* told again later */
    fake_sleep(&w->fake, 61000);
    picture(w, "fast", 1, "");
    names_step(&w->names);
    assert_string_equal(fake_next(&w->fake), "tasks.get_all_ex");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_task_is_read_once_and_told, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_ledger_knows_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(one_call_a_picture_of_so_many_at_most, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slow_server_is_left_alone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
