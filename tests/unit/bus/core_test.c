/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may say what: every pair of role and event, every triple of role, request and role.
 */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

static enum verdict event(struct bus_core *core, const char *topic, const char *user)
{
    return bus_event(core, topic, strlen(topic), user, 10);
}

static void only_the_named_roles_publish(void **state)
{
    (void)state;
    size_t count;
    struct bus_core *core = bus_core_new();
    const struct dr_message_row *rows = dr_rows(&count);
    for (size_t i = 0; i < count; i++)
        for (int role = 0; role < DR_ROLE_COUNT; role++) {
            char topic[128];
            const char *user = dr_role_name((enum dr_role)role);
            snprintf(topic, sizeof topic, "%s/%s", rows[i].name, user);
            enum verdict expected = rows[i].shape != DR_EVENT            ? REFUSE_UNKNOWN
                                    : (rows[i].from & (1u << role)) != 0 ? PASS
                                                                         : REFUSE_TABLE;
            assert_int_equal(event(core, topic, user), expected);
        }
    bus_core_free(&core);
    assert_null(core);
}

static void a_topic_names_its_true_source(void **state)
{
    (void)state;
    struct bus_core *core = bus_core_new();
    assert_int_equal(event(core, "machine.changed/ledger", "ledger"), PASS);
    assert_int_equal(event(core, "machine.changed/ledger", "watcher"), REFUSE_SOURCE);
    assert_int_equal(event(core, "machine.changed/ledger", ""), REFUSE_SOURCE);
    assert_int_equal(event(core, "cloud.observed/provisioner:a", "provisioner:b"), REFUSE_SOURCE);
    assert_int_equal(event(core, "cloud.observed/provisioner:a", "provisioner:a"), PASS);
    assert_int_equal(event(core, "machine.changed", "ledger"), REFUSE_UNKNOWN);
    assert_int_equal(event(core, "machine.change/ledger", "ledger"), REFUSE_UNKNOWN);
    assert_int_equal(event(core, "", "ledger"), REFUSE_UNKNOWN);
    assert_int_equal(bus_event(core, "machine.changed/ledger\0x", 24, "ledger", 1), REFUSE_UNKNOWN);
    bus_core_free(&core);
}

static enum verdict request(struct bus_core *core, enum dr_type type, const char *from,
                            const char *user, const char *to)
{
    struct dr_message message = {.row = dr_row_by_type(type), .env = {.source = from}};
    return bus_request(core, from, user, to, &message, 10);
}

static void requests_go_where_the_table_says(void **state)
{
    (void)state;
    size_t count;
    struct bus_core *core = bus_core_new();
    const struct dr_message_row *rows = dr_rows(&count);
    for (size_t i = 0; i < count; i++)
        for (int from = 0; from < DR_ROLE_COUNT; from++)
            for (int to = 0; to < DR_ROLE_COUNT; to++) {
                bool may = (rows[i].from & (1u << from)) != 0 && rows[i].shape != DR_EVENT &&
                           (rows[i].shape == DR_REPLY || (rows[i].to & (1u << to)) != 0);
                const char *name = dr_role_name((enum dr_role)from);
                assert_int_equal(
                    request(core, rows[i].type, name, name, dr_role_name((enum dr_role)to)),
                    may ? PASS : REFUSE_TABLE);
            }
    bus_core_free(&core);
}

static void a_request_comes_from_who_connected(void **state)
{
    (void)state;
    struct bus_core *core = bus_core_new();
    assert_int_equal(request(core, DR_MACHINE_WANT, "planner", "watcher", "ledger"), REFUSE_SOURCE);
    assert_int_equal(request(core, DR_MACHINE_WANT, "planner", "console", "ledger"), REFUSE_SOURCE);
    assert_int_equal(request(core, DR_PLAN_GET, "console:1", "console", "planner"), PASS);
    assert_int_equal(request(core, DR_PLAN_GET, "console:1", "planner", "planner"), REFUSE_SOURCE);
    assert_int_equal(request(core, DR_PLAN_GET, "console:1", "console", "nobody"), REFUSE_TABLE);
    struct dr_message forged = {.row = dr_row_by_type(DR_MACHINE_WANT),
                                .env = {.source = "planner"}};
    assert_int_equal(bus_request(core, "watcher", "watcher", "ledger", &forged, 10), REFUSE_SOURCE);
    bus_core_free(&core);
}

static void everything_is_counted(void **state)
{
    (void)state;
    struct bus_core *core = bus_core_new();
    for (int i = 0; i < 3; i++)
        event(core, "machine.changed/ledger", "ledger");
    event(core, "machine.changed/ledger", "reaper");
    request(core, DR_PLAN_GET, "console:1", "console", "planner");
    request(core, DR_PLAN_GET, "console:2", "console", "planner");
    size_t count;
    struct dr_counter_view *views = bus_counters(core, &count);
    assert_int_equal(count, 2); /* two consoles are one line */
    assert_string_equal(views[0].topic, "machine.changed");
    assert_int_equal(views[0].relayed, 3);
    assert_int_equal(views[0].refused, 1);
    assert_int_equal(views[0].bytes, 30);
    assert_string_equal(views[1].source, "console");
    assert_int_equal(views[1].relayed, 2);
    free(views);
    bus_core_free(&core);
}

/* A peer that invents topics without end costs no memory without end. */
static void invented_topics_are_forgotten(void **state)
{
    (void)state;
    struct bus_core *core = bus_core_new();
    char topic[64];
    for (int i = 0; i < 20000; i++) {
        snprintf(topic, sizeof topic, "machine.changed/provisioner:%d", i);
        assert_int_not_equal(event(core, topic, "watcher"), PASS);
    }
    size_t count;
    struct dr_counter_view *views = bus_counters(core, &count);
    assert_int_equal(count, 1);
    assert_string_equal(views[0].source, "watcher");
    assert_int_equal(views[0].refused, 20000);
    free(views);
    bus_core_free(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_named_roles_publish),
        cmocka_unit_test(a_topic_names_its_true_source),
        cmocka_unit_test(requests_go_where_the_table_says),
        cmocka_unit_test(a_request_comes_from_who_connected),
        cmocka_unit_test(everything_is_counted),
        cmocka_unit_test(invented_topics_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
