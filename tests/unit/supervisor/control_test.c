/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What was said, written down as one text. */
struct heard {
    char text[4096];
    int pause_at; /* a kind; -1: never */
};

static int write_down(const struct dr_control_item *item, void *arg)
{
    struct heard *heard = arg;
    size_t used = strlen(heard->text);
    snprintf(heard->text + used, sizeof heard->text - used, "%d:%s(%zu):%s:%lld;", (int)item->kind,
             item->text, item->len, item->more, (long long)item->number);
    return (int)item->kind == heard->pause_at;
}

static struct dr_control_out everything(void)
{
    struct dr_control_out out = {0};
    assert_int_equal(dr_control_put_number(&out, DR_CONTROL_HELLO, 1), 0);
    assert_int_equal(dr_control_put(&out, DR_CONTROL_SOURCE, "provisioner:local", 0), 0);
    assert_int_equal(dr_control_put(&out, DR_CONTROL_STATEDIR, "/var/lib/my drover", 0), 0);
    assert_int_equal(dr_control_put(&out, DR_CONTROL_CONFIG, "a: b\nGO\n\0\n", 10), 0);
    assert_int_equal(dr_control_put_pair(&out, DR_CONTROL_PEER, "bus", "secret"), 0);
    assert_int_equal(dr_control_put(&out, DR_CONTROL_CONFIG, "", 0), 0);
    assert_int_equal(dr_control_put(&out, DR_CONTROL_GO, NULL, 0), 0);
    assert_int_equal(dr_control_put(&out, DR_CONTROL_STOP, NULL, 0), 0);
    return out;
}

static void hear(struct heard *heard, const char *bytes, size_t len, size_t cut)
{
    struct dr_control control;
    dr_control_init(&control, DR_CONTROL_PARENT);
    *heard = (struct heard){.pause_at = -1};
    assert_int_equal(dr_control_feed(&control, bytes, cut, write_down, heard), cut);
    assert_int_equal(dr_control_feed(&control, bytes + cut, len - cut, write_down, heard),
                     len - cut);
    dr_control_fini(&control);
}

static void every_split_of_the_bytes_says_the_same(void **state)
{
    (void)state;
    struct dr_control_out out = everything();
    struct heard whole, split;
    hear(&whole, out.bytes, out.len, out.len);
    assert_non_null(strstr(whole.text, "provisioner:local(17)"));
    assert_non_null(strstr(whole.text, "a: b\nGO\n(10)"));
    assert_non_null(strstr(whole.text, "bus(3):secret:"));
    for (size_t cut = 0; cut <= out.len; cut++) {
        hear(&split, out.bytes, out.len, cut);
        assert_string_equal(split.text, whole.text);
    }
    struct dr_control control;
    dr_control_init(&control, DR_CONTROL_PARENT);
    split = (struct heard){.pause_at = -1};
    for (size_t i = 0; i < out.len; i++)
        assert_int_equal(dr_control_feed(&control, out.bytes + i, 1, write_down, &split), 1);
    assert_string_equal(split.text, whole.text);
    dr_control_fini(&control);
    dr_control_out_free(&out);
}

static void a_pause_uses_not_a_byte_more(void **state)
{
    (void)state;
    struct dr_control_out out = everything();
    struct dr_control control;
    struct heard heard = {.pause_at = DR_CONTROL_GO};
    dr_control_init(&control, DR_CONTROL_PARENT);
    ssize_t used = dr_control_feed(&control, out.bytes, out.len, write_down, &heard);
    assert_int_equal(used, out.len - strlen("STOP\n"));
    dr_control_fini(&control);
    dr_control_out_free(&out);
}

static void assert_broken(enum dr_control_side speaker, const char *bytes, size_t len,
                          const char *why)
{
    struct dr_control control;
    struct heard heard = {.pause_at = -1};
    dr_control_init(&control, speaker);
    assert_int_equal(dr_control_feed(&control, bytes, len, write_down, &heard), -1);
    assert_non_null(strstr(control.err, why));
    assert_int_equal(dr_control_feed(&control, "GO\n", 3, write_down, &heard), -1);
    assert_string_equal(heard.text, "");
    dr_control_fini(&control);
}

static void what_must_not_be_said(void **state)
{
    (void)state;
    static const struct {
        enum dr_control_side speaker;
        const char *line, *why;
    } wrong[] = {
        {DR_CONTROL_PARENT, "NOISE\n", "unknown word"},
        {DR_CONTROL_PARENT, "\n", "unknown word"},
        {DR_CONTROL_PARENT, "go\n", "unknown word"},
        {DR_CONTROL_PARENT, "READY\n", "the other side says"},
        {DR_CONTROL_CHILD, "STOP\n", "the other side says"},
        {DR_CONTROL_PARENT, "GO now\n", "takes no argument"},
        {DR_CONTROL_PARENT, "TOKEN\n", "lacks its argument"},
        {DR_CONTROL_PARENT, "HELLO one\n", "number"},
        {DR_CONTROL_PARENT, "HELLO -1\n", "number"},
        {DR_CONTROL_PARENT, "PEER bus\n", "two words"},
        {DR_CONTROL_PARENT, "CONFIG x\n", "no number"},
        {DR_CONTROL_PARENT, "CONFIG 8388609\n", "larger than 8 MiB"},
        {DR_CONTROL_PARENT, "CONFIG 99999999999999999999\n", "no number"},
        {DR_CONTROL_PARENT, "CONFIG 2\nabc\n", "longer than it said"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_broken(wrong[i].speaker, wrong[i].line, strlen(wrong[i].line), wrong[i].why);
    assert_broken(DR_CONTROL_PARENT, "GO\0\n", 4, "NUL");
    char line[DR_CONTROL_LINE_MAX + 10];
    memset(line, 'A', sizeof line);
    assert_broken(DR_CONTROL_PARENT, line, sizeof line, "4 KiB");
}

static void a_claimed_size_takes_no_memory(void **state)
{
    (void)state;
    struct dr_control control;
    struct heard heard = {.pause_at = -1};
    dr_control_init(&control, DR_CONTROL_PARENT);
    assert_int_equal(dr_control_feed(&control, "CONFIG 8388608\nab", 17, write_down, &heard), 17);
    assert_true(control.blob_room <= 8192);
    dr_control_fini(&control);
}

static void the_largest_blob_passes(void **state)
{
    (void)state;
    struct dr_control_out out = {0};
    struct dr_control control;
    struct heard heard = {.pause_at = -1};
    char *blob = calloc(1, DR_CONTROL_BLOB_MAX + 1);
    assert_non_null(blob);
    assert_int_equal(dr_control_put(&out, DR_CONTROL_LOG, blob, DR_CONTROL_BLOB_MAX), 0);
    assert_int_equal(dr_control_put(&out, DR_CONTROL_LOG, blob, DR_CONTROL_BLOB_MAX + 1), -1);
    dr_control_init(&control, DR_CONTROL_PARENT);
    assert_int_equal(dr_control_feed(&control, out.bytes, out.len, write_down, &heard), out.len);
    assert_non_null(strstr(heard.text, "(8388608)"));
    dr_control_fini(&control);
    dr_control_out_free(&out);
    free(blob);
}

static void texts_that_would_break_a_line_are_not_put(void **state)
{
    (void)state;
    struct dr_control_out out = {0};
    char longest[DR_CONTROL_LINE_MAX + 1];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(dr_control_put(&out, DR_CONTROL_SOURCE, "a\nGO", 0), -1);
    assert_int_equal(dr_control_put(&out, DR_CONTROL_SOURCE, longest, 0), -1);
    assert_int_equal(dr_control_put_pair(&out, DR_CONTROL_PEER, "a b", "c"), -1);
    assert_int_equal(dr_control_put_pair(&out, DR_CONTROL_PEER, "a", longest), -1);
    assert_int_equal(out.len, 0);
}

static int pair[2];

static int open_pair(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
}

static int close_pair(void **state)
{
    (void)state;
    close(pair[0]);
    return close(pair[1]);
}

static void put_handover(struct dr_control_out *out)
{
    dr_control_put_number(out, DR_CONTROL_HELLO, DR_CONTROL_VERSION);
    dr_control_put(out, DR_CONTROL_SOURCE, "bus", 0);
    dr_control_put(out, DR_CONTROL_BOOT, "b00t", 0);
    dr_control_put(out, DR_CONTROL_TOKEN, "t0ken", 0);
    dr_control_put(out, DR_CONTROL_STATEDIR, "/s", 0);
    dr_control_put(out, DR_CONTROL_RUNDIR, "/r", 0);
    dr_control_put_number(out, DR_CONTROL_WATCHDOG_MS, 30000);
    dr_control_put(out, DR_CONTROL_CONFIG, "a: b\n", 5);
    dr_control_put_pair(out, DR_CONTROL_PEER, "ledger", "t1");
    dr_control_put_pair(out, DR_CONTROL_PEER, "console", "t2");
}

static void a_child_takes_what_is_handed_over_and_leaves_the_rest(void **state)
{
    (void)state;
    char err[160], rest[16] = "";
    struct dr_control_out out = {0};
    struct dr_handover handover;
    put_handover(&out);
    dr_control_put(&out, DR_CONTROL_GO, NULL, 0);
    dr_control_put(&out, DR_CONTROL_STOP, NULL, 0);
    assert_int_equal(dr_control_flush(&out, pair[0]), 0);
    assert_int_equal(dr_control_take(pair[1], &handover, err, sizeof err), 0);
    assert_string_equal(handover.source, "bus");
    assert_string_equal(handover.boot, "b00t");
    assert_string_equal(handover.token, "t0ken");
    assert_string_equal(handover.state_dir, "/s");
    assert_string_equal(handover.run_dir, "/r");
    assert_int_equal(handover.watchdog_ms, 30000);
    assert_string_equal(handover.config, "a: b\n");
    assert_int_equal(handover.peer_count, 2);
    assert_string_equal(handover.peers[1].source, "console");
    assert_string_equal(handover.peers[1].token, "t2");
    assert_int_equal(read(pair[1], rest, sizeof rest - 1), 5);
    assert_string_equal(rest, "STOP\n");
    dr_handover_free(&handover);
    dr_control_out_free(&out);
}

static void assert_not_taken(const char *bytes, const char *why)
{
    char err[160];
    struct dr_handover handover;
    assert_int_equal(write(pair[0], bytes, strlen(bytes)), strlen(bytes));
    assert_int_equal(dr_control_take(pair[1], &handover, err, sizeof err), -1);
    assert_non_null(strstr(err, why));
    assert_null(handover.source);
}

static void a_wrong_version_is_refused(void **state)
{
    (void)state;
    assert_not_taken("HELLO 2\nSOURCE bus\n", "another version");
}

static void an_early_go_is_refused(void **state)
{
    (void)state;
    assert_not_taken("HELLO 1\nSOURCE bus\nGO\n", "before it had handed everything over");
}

static void a_late_word_before_go_is_refused(void **state)
{
    (void)state;
    assert_not_taken("HELLO 1\nSTOP\n", "belongs after it");
}

static void garbage_is_refused(void **state)
{
    (void)state;
    assert_not_taken("GET / HTTP/1.1\r\n", "unknown word");
}

static void a_closed_end_is_said(void **state)
{
    (void)state;
    char err[160];
    struct dr_handover handover;
    shutdown(pair[0], SHUT_WR);
    assert_int_equal(dr_control_take(pair[1], &handover, err, sizeof err), -1);
    assert_non_null(strstr(err, "no droverd"));
}

static void what_finds_no_room_waits(void **state)
{
    (void)state;
    struct dr_control_out out = {0};
    char *blob = calloc(1, 4 << 20), bytes[65536];
    struct heard heard = {.pause_at = -1};
    struct dr_control control;
    assert_non_null(blob);
    dr_control_init(&control, DR_CONTROL_PARENT);
    dr_control_put(&out, DR_CONTROL_CONFIG, blob, 4 << 20);
    int left = 1, turns = 0;
    while (left == 1 && turns++ < 10000) {
        left = dr_control_flush(&out, pair[0]);
        ssize_t n = recv(pair[1], bytes, sizeof bytes, MSG_DONTWAIT);
        if (n > 0)
            assert_int_equal(dr_control_feed(&control, bytes, (size_t)n, write_down, &heard), n);
    }
    assert_int_equal(left, 0);
    assert_true(turns > 1);
    for (ssize_t n; (n = recv(pair[1], bytes, sizeof bytes, MSG_DONTWAIT)) > 0;)
        assert_int_equal(dr_control_feed(&control, bytes, (size_t)n, write_down, &heard), n);
    assert_non_null(strstr(heard.text, "(4194304)"));
    shutdown(pair[1], SHUT_RD);
    dr_control_put(&out, DR_CONTROL_STOP, NULL, 0);
    assert_int_equal(dr_control_flush(&out, pair[0]), -1);
    dr_control_fini(&control);
    dr_control_out_free(&out);
    free(blob);
}

static void a_childs_words_are_lines(void **state)
{
    (void)state;
    char said[1024] = "", *longest = calloc(1, 2000);
    assert_non_null(longest);
    assert_int_equal(dr_control_say(pair[1], DR_CONTROL_STATUS, "one\ntwo"), 0);
    assert_int_equal(dr_control_say(pair[1], DR_CONTROL_READY, NULL), 0);
    assert_true(read(pair[0], said, sizeof said - 1) > 0);
    assert_string_equal(said, "STATUS one two\nREADY\n");
    memset(longest, 'y', 1999);
    assert_int_equal(dr_control_say(pair[1], DR_CONTROL_STATUS, longest), 0);
    assert_in_range(read(pair[0], said, sizeof said - 1), 400, 512);
    shutdown(pair[0], SHUT_RD);
    assert_int_equal(dr_control_say(pair[1], DR_CONTROL_WATCHDOG, NULL), -1);
    free(longest);
}

static void tokens_differ(void **state)
{
    (void)state;
    char one[65], two[65];
    dr_control_new_token(one);
    dr_control_new_token(two);
    assert_int_equal(strlen(one), 64);
    assert_int_equal(strspn(one, "0123456789abcdef"), 64);
    assert_string_not_equal(one, two);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_of_the_bytes_says_the_same),
        cmocka_unit_test(a_pause_uses_not_a_byte_more),
        cmocka_unit_test(what_must_not_be_said),
        cmocka_unit_test(a_claimed_size_takes_no_memory),
        cmocka_unit_test(the_largest_blob_passes),
        cmocka_unit_test(texts_that_would_break_a_line_are_not_put),
        cmocka_unit_test(tokens_differ),
        WITH_PAIR(a_child_takes_what_is_handed_over_and_leaves_the_rest),
        WITH_PAIR(a_wrong_version_is_refused),
        WITH_PAIR(an_early_go_is_refused),
        WITH_PAIR(a_late_word_before_go_is_refused),
        WITH_PAIR(garbage_is_refused),
        WITH_PAIR(a_closed_end_is_said),
        WITH_PAIR(what_finds_no_room_waits),
        WITH_PAIR(a_childs_words_are_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
