/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables agree with each other: numbers and names are unique, every request may travel an edge
 * of topology.def, every reply exists.
 */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "drover/message.h"

static const struct {
    enum dr_role from, to;
} edges[] = {
#define ACTOR(ROLE, name, exe, order, guards, env, meaning)
#define EDGE(from, to) {DR_ROLE_##from, DR_ROLE_##to},
#include "drover/topology.def"
#undef ACTOR
#undef EDGE
};

static bool edge_exists(int from, int to)
{
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        if ((int)edges[i].from == from && (int)edges[i].to == to)
            return true;
    return false;
}

static void requests_travel_edges(void **state)
{
    (void)state;
    size_t count;
    const struct dr_message_row *rows = dr_rows(&count);
    bool used[sizeof edges / sizeof edges[0]] = {false};
    for (size_t i = 0; i < count; i++)
        for (int from = 0; from < DR_ROLE_COUNT; from++)
            for (int to = 0; to < DR_ROLE_COUNT; to++) {
                if ((rows[i].from & (1u << from)) == 0 || (rows[i].to & (1u << to)) == 0)
                    continue;
                if (!edge_exists(from, to))
                    fail_msg("%s: topology.def has no edge %s -> %s", rows[i].name,
                             dr_role_name((enum dr_role)from), dr_role_name((enum dr_role)to));
                for (size_t e = 0; e < sizeof edges / sizeof edges[0]; e++)
                    used[e] |= (int)edges[e].from == from && (int)edges[e].to == to;
            }
    for (size_t e = 0; e < sizeof edges / sizeof edges[0]; e++)
        if (!used[e] && edges[e].from != DR_ROLE_SUPERVISOR)
            fail_msg("no message travels the edge %s -> %s", dr_role_name(edges[e].from),
                     dr_role_name(edges[e].to));
}

static void rows_are_unique_and_replies_exist(void **state)
{
    (void)state;
    size_t count;
    const struct dr_message_row *rows = dr_rows(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            assert_true(rows[i].type != rows[j].type);
            assert_string_not_equal(rows[i].name, rows[j].name);
        }
        assert_ptr_equal(dr_row_by_type(rows[i].type), &rows[i]);
        assert_ptr_equal(dr_row_by_name(rows[i].name, strlen(rows[i].name)), &rows[i]);
        assert_true(rows[i].from != 0);
        if (rows[i].shape != DR_REQUEST)
            continue;
        const struct dr_message_row *reply = dr_row_by_type(rows[i].reply);
        assert_non_null(reply);
        assert_int_equal(reply->shape, DR_REPLY);
        for (int to = 0; to < DR_ROLE_COUNT; to++)
            if (rows[i].to & (1u << to) && !(reply->from & (1u << to)))
                fail_msg("%s answers %s, but the row of %s does not allow it",
                         dr_role_name((enum dr_role)to), rows[i].name, reply->name);
    }
}

static void roles_are_read_from_sources(void **state)
{
    (void)state;
    assert_int_equal(dr_role_of("ledger"), DR_ROLE_LEDGER);
    assert_int_equal(dr_role_of("provisioner:aws"), DR_ROLE_PROVISIONER);
    assert_int_equal(dr_role_of("ledge"), DR_ROLE_COUNT);
    assert_int_equal(dr_role_of("ledgers"), DR_ROLE_COUNT);
    assert_int_equal(dr_role_of(""), DR_ROLE_COUNT);
    assert_null(dr_row_by_name("machine.change", 14));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_travel_edges),
        cmocka_unit_test(rows_are_unique_and_replies_exist),
        cmocka_unit_test(roles_are_read_from_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
