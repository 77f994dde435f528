/* SPDX-License-Identifier: Apache-2.0 */
/* Our reader against ClearML's own on genuine files (conf/), and what it refuses. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hocon.h"
#include "json.h"

static struct dr_error error;

static const char *lookup(void *arg, const char *name)
{
    (void)arg;
    if (strcmp(name, "DROVER_TEST_KEY") == 0)
        return "KEY0001";
    if (strcmp(name, "DROVER_TEST_HOME") == 0)
        return "/home/someone";
    return NULL;
}

static json_t *parse_len(const char *text, size_t len)
{
    error = (struct dr_error){0};
    return dr_hocon_parse("clearml.conf", text, len, lookup, NULL, &error);
}

static json_t *parse(const char *text)
{
    return parse_len(text, strlen(text));
}

static char *read_file(const char *name, size_t *len)
{
    char path[256];
    snprintf(path, sizeof path, CONF_FOLDER "/%s", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = malloc(1 << 20);
    *len = fread(text, 1, 1 << 20, file);
    fclose(file);
    return text;
}

static void same_as_golden(const char *name)
{
    char file[64];
    size_t len;
    snprintf(file, sizeof file, "%s.conf", name);
    char *text = read_file(file, &len);
    json_t *ours = parse_len(text, len);
    if (!ours)
        fail_msg("%s: %s", name, error.text);
    free(text);
    snprintf(file, sizeof file, "%s.json", name);
    text = read_file(file, &len);
    json_t *golden = json_loadb(text, len, 0, NULL);
    assert_non_null(golden);
    if (!json_equal(ours, golden)) {
        char *got = json_dumps(ours, JSON_INDENT(1) | JSON_SORT_KEYS);
        fail_msg("%s differs from its golden; ours is\n%s", name, got);
    }
    free(text);
    json_decref(ours);
    json_decref(golden);
}

static void genuine_files_read_as_clearml_reads_them(void **state)
{
    (void)state;
    same_as_golden("clearml-init");
    same_as_golden("clearml-agent-init");
    same_as_golden("api");
    same_as_golden("logging");
    same_as_golden("features");
}

/* Each text on the left reads as the JSON on the right. */
static const char *const readings[][2] = {
    {"", "{}"},
    {"# nothing\n// at all", "{}"},
    {"\xef\xbb\xbf{a:1}\n# end", "{\"a\":1}"},
    {"a.b.c: 1\na.b.d = 2", "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}"},
    {"a {b: 1}, a {c: 2}", "{\"a\":{\"b\":1,\"c\":2}}"},
    {"a {b: 1}\na: 2", "{\"a\":2}"},
    {"a: 2\na {b: 1}", "{\"a\":{\"b\":1}}"},
    {"a: {b: 1}\na: null\na: {c: 2}", "{\"a\":{\"c\":2}}"},
    {"a\n{\n}", "{\"a\":{}}"},
    {"a:\n  1", "{\"a\":1}"},
    {"a: 1\r\nb: two words\r\n", "{\"a\":1,\"b\":\"two words\"}"},
    {"a key: 1", "{\"a key\":1}"},
    {"\"a.b\".c: 1", "{\"a.b\":{\"c\":1}}"},
    {"a: 007, b: +5, c: 1e3, d: 1.5x, e: 12 monkeys",
     "{\"a\":7,\"b\":5,\"c\":1000.0,\"d\":\"1.5x\",\"e\":\"12 monkeys\"}"},
    {"a: 99999999999999999999", "{\"a\":1e20}"},
    {"a: \"\\u00e9\\ud83d\\udc11\\/\"", "{\"a\":\"\xc3\xa9\xf0\x9f\x90\x91/\"}"},
    {"a: \"C:\\dir\\.x\"", "{\"a\":\"C:\\\\dir\\\\.x\"}"},
    {"a: \"\"\"x\"\"\"\"", "{\"a\":\"x\\\"\"}"},
    {"a: b \"c\" d", "{\"a\":\"b c d\"}"},
    {"a: \"true\"", "{\"a\":\"true\"}"},
    {"a: 1, b: ${a}, c: ${a}0, d: \"${a}\"", "{\"a\":1,\"b\":1,\"c\":\"10\",\"d\":\"${a}\"}"},
    {"a: ${DROVER_TEST_KEY}", "{\"a\":\"KEY0001\"}"},
    {"DROVER_TEST_KEY: mine, a: ${DROVER_TEST_KEY}",
     "{\"DROVER_TEST_KEY\":\"mine\",\"a\":\"mine\"}"},
    {"a: 1, a: ${?NO}, b: ${?NO}, c: [${?NO}, 2], d: x${?NO}", "{\"a\":1,\"c\":[2],\"d\":\"x\"}"},
    {"p: /bin, p: ${p}\":/sbin\"", "{\"p\":\"/bin:/sbin\"}"},
    {"a {b: 1, c: ${a.b}}", "{\"a\":{\"b\":1,\"c\":1}}"},
    {"a: {b: 1}, c: ${a} {d: 2}, e: {f: 3} ${a}",
     "{\"a\":{\"b\":1},\"c\":{\"b\":1,\"d\":2},\"e\":{\"f\":3,\"b\":1}}"},
    {"a: [1], b: ${a} [2]", "{\"a\":[1],\"b\":[1,2]}"},
    {"a += 1, a += 2, a += [3]", "{\"a\":[1,2,3]}"},
    {"include: 1, included: 2, include.x: 3", "{\"include\":{\"x\":3},\"included\":2}"},
};

static void the_language_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        json_t *ours = parse(readings[i][0]);
        if (!ours)
            fail_msg("'%s': %s", readings[i][0], error.text);
        json_t *wanted = json_loads(readings[i][1], 0, NULL);
        if (!json_equal(ours, wanted))
            fail_msg("'%s' reads as %s", readings[i][0], json_dumps(ours, 0));
        json_decref(ours);
        json_decref(wanted);
    }
}

static const struct {
    const char *text, *sentence;
} refusals[] = {
    {"a: 1\nb {", "clearml.conf:2:3: this { is never closed"},
    {"a: [1, 2", "clearml.conf:1:4: this [ is never closed"},
    {"{a: 1", "clearml.conf:1:1: this { is never closed"},
    {"{a: 1} b: 2", "clearml.conf:1:8: nothing may follow the closing } of the file"},
    {"a: 1 }", "clearml.conf:1:6: a } without its {"},
    {"[1]", "clearml.conf:1:1: expected a name here"},
    {"a: \"open\nb: 1", "clearml.conf:1:4: this quote is not closed on its line"},
    {"a: \"\"\"open", "clearml.conf:1:4: this \"\"\" is never closed"},
    {"a: \"\\u12g4\"", "clearml.conf:1:9: \\u wants four hexadecimal digits"},
    {"a: \"\\ud800\"", "clearml.conf:1:7: this \\u names no character"},
    {"a: p@ss", "clearml.conf:1:5: this character must stand in double quotes"},
    {"a: one \\\n two", "clearml.conf:1:8: this character must stand in double quotes"},
    {"a: b=c", "clearml.conf:1:5: this character must stand in double quotes"},
    {"a 1\n", "clearml.conf:2:1: expected `:`, `=` or `{` after a name"},
    {"a:", "clearml.conf:1:3: a value is missing here"},
    {"a: , b: 1", "clearml.conf:1:4: a value is missing here"},
    {"a..b: 1", "clearml.conf:1:3: expected a name here"},
    {": 1", "clearml.conf:1:1: expected a name here"},
    {"a: ${NO}", "clearml.conf:1:4: this name has no value above nor in the environment "
                 "(write ${?NAME} if it may be missing)"},
    {"a: ${NO", "clearml.conf:1:4: this ${ is not closed"},
    {"a: {} x", "clearml.conf:1:7: only an object can follow an object"},
    {"a: [] x", "clearml.conf:1:7: a text cannot follow an object or an array"},
    {"a: x {}", "clearml.conf:1:6: a text, an object and an array cannot be joined"},
    {"a: 1, a += 2", "clearml.conf:1:13: += adds to a list, and what stands above is none"},
    {"a: 1\ninclude \"other.conf\"",
     "clearml.conf:2:1: include is not supported: put the lines here themselves"},
    {"include required(file(\"x\"))",
     "clearml.conf:1:1: include is not supported: put the lines here themselves"},
    {"a: \"\xff\"", "clearml.conf:1:5: this byte is no UTF-8 text"},
};

static void refusals_name_the_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        json_t *tree = parse(refusals[i].text);
        if (tree)
            fail_msg("'%s' was read", refusals[i].text);
        assert_string_equal(error.text, refusals[i].sentence);
        char place[64];
        snprintf(place, sizeof place, "clearml.conf:%d:%d: ", error.line, error.column);
        assert_memory_equal(error.text, place, strlen(place));
    }
    assert_null(parse_len("a: \0", 4));
}

static char *repeated(const char *piece, int times, const char *end)
{
    size_t len = strlen(piece);
    char *text = malloc(len * (size_t)times + strlen(end) + 1), *at = text;
    for (int i = 0; i < times; i++)
        at = stpcpy(at, piece);
    stpcpy(at, end);
    return text;
}

static void refuse(char *text, const char *words)
{
    assert_null(parse(text));
    assert_non_null(strstr(error.text, words));
    free(text);
}

static void ten_thousand_levels_are_refused(void **state)
{
    (void)state;
    refuse(repeated("a{", 10000, ""), "nested too deep");
    char *arrays = repeated("[", 10000, "");
    char *text = malloc(10010);
    sprintf(text, "a:%s", arrays);
    free(arrays);
    refuse(text, "nested too deep");
    refuse(repeated("a.", 10000, "a: 1"), "nested too deep");
    char *names = repeated("a.", 40, "a"), nested[512];
    snprintf(nested, sizeof nested, "%s {%s: 1}", names, names); /* 82 deep with one brace */
    free(names);
    refuse(strdup(nested), "nested too deep");
}

static void substitutions_stay_in_bounds(void **state)
{
    (void)state;
    char text[4096] = "x0: [1,2,3,4,5,6,7,8]\n";
    for (int i = 0; i < 30; i++) {
        char line[64];
        snprintf(line, sizeof line, "x%d: [${x%d}, ${x%d}]\n", i + 1, i, i);
        strcat(text, line);
    }
    assert_null(parse(text));
    assert_non_null(strstr(error.text, "grow out of bounds"));
    refuse(repeated("a: {b: ${?a}}\n", 100, ""), "grow out of bounds");
    json_t *deep = parse("a: 1\na: [${a}]\n");
    assert_non_null(deep);
    json_decref(deep);
}

static void size_is_limited(void **state)
{
    (void)state;
    assert_null(parse_len("", DR_HOCON_MAX_SIZE + 1));
    assert_non_null(strstr(error.text, "larger than"));
}

/* Every cut of a rich file is an error or a tree; under the sanitizers this finds overruns. */
static void any_cut_is_survived(void **state)
{
    (void)state;
    size_t len;
    char *text = read_file("features.conf", &len);
    for (size_t cut = 0; cut <= len; cut++) {
        char *part = malloc(cut + 1);
        memcpy(part, text, cut);
        json_decref(parse_len(part, cut));
        json_decref(dr_hocon_parse("x", part, cut, NULL, NULL, NULL));
        free(part);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(genuine_files_read_as_clearml_reads_them),
        cmocka_unit_test(the_language_is_read),
        cmocka_unit_test(refusals_name_the_place),
        cmocka_unit_test(ten_thousand_levels_are_refused),
        cmocka_unit_test(substitutions_stay_in_bounds),
        cmocka_unit_test(size_is_limited),
        cmocka_unit_test(any_cut_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
