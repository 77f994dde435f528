/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of scalars: the numbers that the server keeps, batch by batch. */
#include "data.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void report(json_t *summary, double value, int iter, int timestamp)
{
    json_t *event = json_pack("{s:s, s:s, s:f, s:i, s:i}", "metric", "m", "variant", "v", "value",
                              value, "iter", iter, "timestamp", timestamp);
    metrics_collect(summary, event, NULL);
    json_decref(event);
}

static double kept(const json_t *doc, const char *field)
{
    char path[120];
    snprintf(path, sizeof path, "last_metrics.%s.%s.%s", sandbox_md5("m").text,
             sandbox_md5("v").text, field);
    json_t *value = sandbox_get(doc, path);
    assert_non_null(value);
    return json_number_value(value);
}

static void test_batches(void **state)
{
    (void)state;
    json_t *doc = json_object();
    json_t *first = json_object();
    report(first, 0.5, 1, 10);
    report(first, 0.9, 2, 20);
    report(first, 0.25, 3, 30);
    report(first, 0.3, 2, 40); /* later, but of an older iteration */
    metrics_apply(doc, first);
    assert_true(kept(doc, "value") == 0.25);
    assert_true(kept(doc, "min_value") == 0.25 && kept(doc, "min_value_iteration") == 3);
    assert_true(kept(doc, "max_value") == 0.9 && kept(doc, "max_value_iteration") == 2);
    assert_true(kept(doc, "count") == 4 && kept(doc, "mean_value") == 0.49);

    json_t *second = json_object();
    report(second, 0.7, 0, 50); /* the newest batch's value counts, whatever its iteration */
    metrics_apply(doc, second);
    assert_true(kept(doc, "value") == 0.7);
    assert_true(kept(doc, "first_value") == 0.5 && kept(doc, "first_value_iteration") == 1);
    /* The mean grows from the rounded one: (0.49 * 4 + 0.7) / 5. */
    assert_true(kept(doc, "count") == 5 && kept(doc, "mean_value") == 0.53);
    assert_int_equal(json_array_size(json_object_get(doc, "unique_metrics")), 1);
    json_decref(first);
    json_decref(second);
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_batches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
