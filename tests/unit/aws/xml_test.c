/* SPDX-License-Identifier: Apache-2.0
 *
 * What an XML answer becomes, and what is refused.
 */
#include "xml.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

static struct aws_xml *parse(const char *text)
{
    struct dr_error error = {0};
    struct aws_xml *root = aws_xml_parse(text, strlen(text), &error);
    if (!root)
        assert_true(error.text[0]);
    return root;
}

static void test_names_are_local_and_text_is_trimmed(void **unused)
{
    (void)unused;
    struct aws_xml *root =
        parse("<?xml version=\"1.0\"?>\n<e:R xmlns:e='urn:x' xmlns='urn:y'><!-- c -->\n"
              " <a at='1'> x &amp; <b>in</b>&#x41;<![CDATA[<&]]> \n</a><a>2</a><c/></e:R>");
    assert_non_null(root);
    assert_string_equal(root->name, "R");
    assert_string_equal(root->text, "");
    assert_string_equal(aws_xml_text(root, "a"), "x & A<&");
    assert_string_equal(aws_xml_text(root, "a/b"), "in");
    const struct aws_xml *a = aws_xml_child(root, "a");
    assert_string_equal(aws_xml_again(a)->text, "2");
    assert_null(aws_xml_again(aws_xml_again(a)));
    assert_string_equal(aws_xml_text(root, "c"), "");
    assert_string_equal(aws_xml_text(root, "c/d/e"), "");
    assert_string_equal(aws_xml_text(root, "ab"), "");
    assert_string_equal(aws_xml_text(NULL, "a"), "");
    assert_null(aws_xml_child(NULL, "a"));
    aws_xml_free(root);
}

static void test_what_is_refused(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "",
        " ",
        "no",
        "{\"a\": 1}",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a>\xff</a>",
        "<a>&b;</a>",
        "<a>&#0;</a>",
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (parse(texts[i]))
            fail_msg("taken: %s", texts[i]);
    }
    assert_null(aws_xml_parse("<a>\0</a>", 8, NULL));
}

static void test_depth_has_a_limit(void **unused)
{
    (void)unused;
    for (int depth = 31; depth <= 34; depth++) {
        struct dr_strbuf text = {0};
        for (int i = 0; i < depth; i++)
            dr_strbuf_add_text(&text, "<a>");
        for (int i = 0; i < depth; i++)
            dr_strbuf_add_text(&text, "</a>");
        struct aws_xml *root = parse(text.data);
        assert_int_equal(root != NULL, depth <= 32);
        aws_xml_free(root);
        dr_strbuf_free(&text);
    }
}

static void test_half_an_answer_is_none(void **unused)
{
    (void)unused;
    const char *whole = "<R><set><item><a>1</a></item></set><t>x&lt;y</t></R>";
    for (size_t len = 0; len < strlen(whole); len++) {
        char *cut = strndup(whole, len); /* a sanitizer sees a read beyond it */
        assert_null(aws_xml_parse(cut, len, NULL));
        free(cut);
    }
    aws_xml_free(parse(whole));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_local_and_text_is_trimmed),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_depth_has_a_limit),
        cmocka_unit_test(test_half_an_answer_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
