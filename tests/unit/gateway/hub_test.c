/* SPDX-License-Identifier: Apache-2.0 */
/* The live stream's ring, read as a browser reads it: one goes on where he was, learns that he
 * missed too much, and is closed when he does not read. libmicrohttpd is played by the functions
 * below. */
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub.h"

#define ROOM 4096

/* ---- the server's part ---------------------------------------------------------------------- */
struct MHD_Connection { /* of one listener */
    MHD_ContentReaderCallback read;
    MHD_ContentReaderFreeCallback gone;
    void *arg;
    bool asleep, closed;
    char said[4 * ROOM];
    size_t len;
};

static struct MHD_Connection *opening;

struct MHD_Response *MHD_create_response_from_callback(uint64_t size, size_t block,
                                                       MHD_ContentReaderCallback read, void *arg,
                                                       MHD_ContentReaderFreeCallback gone)
{
    (void)size;
    (void)block;
    opening->read = read;
    opening->arg = arg;
    opening->gone = gone;
    return NULL;
}

enum MHD_Result MHD_set_connection_option(struct MHD_Connection *connection,
                                          enum MHD_CONNECTION_OPTION option, ...)
{
    (void)connection;
    (void)option;
    return MHD_YES;
}

void MHD_suspend_connection(struct MHD_Connection *connection)
{
    assert_false(connection->asleep);
    connection->asleep = true;
}

void MHD_resume_connection(struct MHD_Connection *connection)
{
    assert_true(connection->asleep);
    connection->asleep = false;
}

/* ---- the browser's part --------------------------------------------------------------------- */
static void enter(struct hub *hub, struct MHD_Connection *one, const char *after)
{
    memset(one, 0, sizeof *one);
    opening = one;
    hub_listen(hub, one, after, &(struct hub_right){.proof = "one"}, 1);
}

static void leave(struct MHD_Connection *one)
{
    one->gone(one->arg);
}

/* Reads until there is nothing more, in pieces of 100 bytes. */
static const char *hear(struct MHD_Connection *one)
{
    one->len = 0;
    while (!one->asleep && !one->closed) {
        ssize_t n = one->read(one->arg, 0, one->said + one->len, 100);
        assert_true(one->len + 100 < sizeof one->said);
        if (n == MHD_CONTENT_READER_END_OF_STREAM)
            one->closed = true;
        else
            one->len += (size_t)n;
    }
    one->said[one->len] = '\0';
    return one->said;
}

static int times(const char *text, const char *what)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

static int setup(void **state)
{
    *state = hub_new(ROOM, "boot1");
    return 0;
}

static int teardown(void **state)
{
    hub_free((struct hub **)state);
    return 0;
}

static void publish(struct hub *hub, int count)
{
    for (int i = 0; i < count; i++) {
        char data[64];
        snprintf(data, sizeof data, "{\"n\":%lld}", (long long)hub_seq(hub) + 1);
        hub_publish(hub, "machine", data);
    }
}

/* ---- the tests ------------------------------------------------------------------------------ */
static void goes_on_where_he_was(void **state)
{
    struct hub *hub = *state;
    struct MHD_Connection one;
    publish(hub, 5);
    enter(hub, &one, "boot1-3");
    const char *said = hear(&one);
    assert_non_null(strstr(said, "event: hello\ndata: {\"boot\":\"boot1\",\"seq\":5,"));
    assert_null(strstr(said, "event: reset"));
    assert_null(strstr(said, "{\"n\":3}"));
    assert_non_null(
        strstr(said, "id: boot1-4\nevent: machine\ndata: {\"n\":4}\n\nid: boot1-5\nevent: machine\n"
                     "data: {\"n\":5}\n\n"));
    assert_true(one.asleep);
    publish(hub, 1);
    assert_string_equal(hear(&one), "id: boot1-6\nevent: machine\ndata: {\"n\":6}\n\n");
    leave(&one);
    assert_int_equal(hub_listeners(hub), 0);
}

static void who_begins_hears_what_comes(void **state)
{
    struct hub *hub = *state;
    struct MHD_Connection one;
    publish(hub, 5);
    enter(hub, &one, NULL);
    assert_int_equal(times(hear(&one), "event: "), 1);
    publish(hub, 2);
    assert_int_equal(times(hear(&one), "event: machine"), 2);
    leave(&one);
}

static void resets(struct hub *hub, const char *after)
{
    struct MHD_Connection one;
    enter(hub, &one, after);
    const char *said = hear(&one);
    assert_int_equal(times(said, "event: reset\ndata: {}\n\n"), 1);
    assert_int_equal(times(said, "event: machine"), 0);
    publish(hub, 1); /* and goes on from here */
    assert_int_equal(times(hear(&one), "event: machine"), 1);
    leave(&one);
}

static void what_cannot_follow_is_a_reset(void **state)
{
    static const char *const after[] = {"boot2-3",  "boot1",    "boot1-",    "boot1-x",
                                        "boot1-4x", "boot1--1", "boot1-999", "boot11-3"};
    publish(*state, 5);
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++)
        resets(*state, after[i]);
}

static void too_old_is_a_reset(void **state)
{
    publish(*state, 1);
    publish(*state, 200); /* 40 bytes and more each: twice around the ring */
    resets(*state, "boot1-1");
    resets(*state, "boot1-0");
}

static void the_seam_is_not_seen(void **state)
{
    struct hub *hub = *state;
    struct MHD_Connection one;
    enter(hub, &one, NULL);
    hear(&one);
    for (int64_t n = 1; n <= 400; n++) {
        char wanted[128];
        publish(hub, 1);
        snprintf(wanted, sizeof wanted, "id: boot1-%lld\nevent: machine\ndata: {\"n\":%lld}\n\n",
                 (long long)n, (long long)n);
        assert_string_equal(hear(&one), wanted);
    }
    leave(&one);
}

static void who_falls_behind_is_closed(void **state)
{
    struct hub *hub = *state;
    struct MHD_Connection slow, quick;
    enter(hub, &slow, NULL);
    enter(hub, &quick, NULL);
    hear(&slow);
    for (int i = 0; i < 200; i++) {
        publish(hub, 1);
        assert_int_equal(times(hear(&quick), "event: "), i == 0 ? 2 : 1);
    }
    assert_string_equal(hear(&slow), "");
    assert_true(slow.closed);
    assert_false(quick.closed);
    leave(&slow);
    leave(&quick);
    assert_int_equal(hub_listeners(hub), 0);
}

static void a_tick_is_between_events_and_not_kept(void **state)
{
    struct hub *hub = *state;
    struct MHD_Connection one;
    enter(hub, &one, NULL);
    hear(&one);
    hub_tick(hub, 77);
    assert_string_equal(hear(&one), "event: tick\ndata: {\"t_us\":77}\n\n");
    assert_int_equal(hub_seq(hub), 0);
    leave(&one);
}

static void what_is_too_big_is_a_reset(void **state)
{
    struct hub *hub = *state;
    struct MHD_Connection one;
    char big[ROOM];
    memset(big, ' ', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    enter(hub, &one, NULL);
    hear(&one);
    hub_publish(hub, "machine", big);
    assert_string_equal(hear(&one), "id: boot1-1\nevent: reset\ndata: {}\n\n");
    leave(&one);
}

static void all_end_with_the_hub(void **state)
{
    struct hub *hub = *state;
    struct MHD_Connection one;
    enter(hub, &one, NULL);
    hear(&one);
    hub_close(hub);
    hear(&one);
    assert_true(one.closed);
    leave(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(goes_on_where_he_was, setup, teardown),
        cmocka_unit_test_setup_teardown(who_begins_hears_what_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_follow_is_a_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(too_old_is_a_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(the_seam_is_not_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(who_falls_behind_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tick_is_between_events_and_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_too_big_is_a_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(all_end_with_the_hub, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
