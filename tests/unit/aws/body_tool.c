/* SPDX-License-Identifier: Apache-2.0
 *
 * A filter: one JSON object a line on standard input, one on standard output. For the test that
 * compares what Drover sends with what AWS's own SDK would send.
 *   {"do":"run","yaml":…,"offering":n,"count":n,"attempt":…,"root_device":…,"user_data":…,
 *    "check":b}
 *   {"do":"flatten","request":{…}}   {"do":"merge","request":{…},"extra":{…}}
 *   {"do":"dry_run","body":…}        {"do":"call","call":"terminate","texts":[…],"flag":b}
 *   -> {"body":…} or {"error":…}; merge: {"body":{…}}; run: also {"offering":…}
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/config.h"
#include "extra.h"
#include "request.h"

#define TEXTS_MAX 16

static const char *text(const json_t *from, const char *key)
{
    const char *value = json_string_value(json_object_get(from, key));
    return value ? value : "";
}

static json_t *outcome(bool fine, struct dr_strbuf *body, const struct dr_error *error)
{
    json_t *answer = fine ? json_pack("{s:s}", "body", body->data ? body->data : "")
                          : json_pack("{s:s}", "error", error->text);
    dr_strbuf_free(body);
    return answer;
}

/* The first type of a drover.yaml, as the provisioner would be handed it. */
static json_t *run(const json_t *order)
{
    const char *yaml = text(order, "yaml");
    struct dr_config_errors errors = {0};
    struct dr_config *config = dr_config_parse(yaml, strlen(yaml), "yaml", &errors);
    if (!config) {
        json_t *answer =
            json_pack("{s:s}", "error", errors.count ? errors.items[0].text : "no yaml");
        dr_config_errors_free(&errors);
        return answer;
    }
    const struct dr_cfg_root *root = dr_config_root(config);
    const struct dr_cfg_type *type = &root->machine_types.items[0];
    const char *script = text(order, "user_data");
    char offering[160] = "";
    struct dr_strbuf body = {0};
    struct dr_error error = {0};
    bool fine = aws_offering(type, (size_t)json_integer_value(json_object_get(order, "offering")),
                             offering, sizeof offering);
    struct driver_request request = {
        .attempt = text(order, "attempt"),
        .count = (size_t)json_integer_value(json_object_get(order, "count")),
        .account = &root->accounts.items[0],
        .type = type,
        .offering = offering,
        .deployment = root->deployment,
        .ledger_id = "ledger-1",
        .user_data = script,
        .user_data_len = strlen(script)};
    if (json_is_true(json_object_get(order, "check")))
        fine = aws_check_type(type, &error);
    else if (fine)
        fine = aws_run_instances(&request, text(order, "root_device"), &body, &error);
    json_t *answer = outcome(fine, &body, &error);
    json_object_set_new(answer, "offering", json_string(offering));
    dr_config_errors_free(&errors);
    dr_config_free(config);
    return answer;
}

static json_t *flatten(const json_t *order)
{
    struct dr_strbuf body = {0};
    struct dr_error error = {0};
    bool fine = aws_flatten(json_object_get(order, "request"), &body, &error);
    return outcome(fine, &body, &error);
}

static json_t *merge(const json_t *order)
{
    struct dr_error error = {0};
    json_t *request = json_deep_copy(json_object_get(order, "request"));
    bool fine = aws_merge_extra(request, json_object_get(order, "extra"), &error);
    json_t *answer =
        fine ? json_pack("{s:O}", "body", request) : json_pack("{s:s}", "error", error.text);
    json_decref(request);
    return answer;
}

static json_t *dry_run(const json_t *order)
{
    struct dr_strbuf body = {0};
    struct dr_error error = {.text = "not a launch"};
    bool fine = aws_dry_run(text(order, "body"), &body);
    return outcome(fine, &body, &error);
}

static json_t *call(const json_t *order)
{
    const char *name = text(order, "call"), *texts[TEXTS_MAX] = {"", "", ""};
    const json_t *list = json_object_get(order, "texts");
    size_t count = json_array_size(list);
    bool flag = json_is_true(json_object_get(order, "flag"));
    struct dr_strbuf body = {0};
    struct dr_error error = {.text = "no such call"};
    for (size_t i = 0; i < count && i < TEXTS_MAX; i++)
        texts[i] = json_string_value(json_array_get(list, i));
    if (strcmp(name, "list") == 0)
        aws_list(texts[0], texts[1], &body);
    else if (strcmp(name, "list_attempt") == 0)
        aws_list_attempt(texts[0], texts[1], &body);
    else if (strcmp(name, "describe") == 0)
        aws_describe(texts, count, &body);
    else if (strcmp(name, "terminate") == 0)
        aws_terminate(texts, count, &body);
    else if (strcmp(name, "tag") == 0)
        aws_tag(texts[0], texts[1], texts[2], &body);
    else if (strcmp(name, "console") == 0)
        aws_console(texts[0], flag, &body);
    else if (strcmp(name, "types") == 0)
        aws_types(texts, count, &body);
    else if (strcmp(name, "offerings") == 0)
        aws_offerings(texts, count, "", &body);
    else if (strcmp(name, "spot_requests") == 0)
        aws_spot_requests(texts, count, &body);
    else if (strcmp(name, "image") == 0)
        aws_image(texts[0], &body);
    return outcome(body.len > 0, &body, &error);
}

int main(void)
{
    static const struct {
        const char *name;
        json_t *(*make)(const json_t *order);
    } kinds[] = {
        {"run", run}, {"flatten", flatten}, {"merge", merge}, {"dry_run", dry_run}, {"call", call}};
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        json_t *order = json_loads(line, JSON_ALLOW_NUL, NULL), *answer = NULL;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !answer; i++) {
            if (strcmp(text(order, "do"), kinds[i].name) == 0)
                answer = kinds[i].make(order);
        }
        if (!answer)
            return 2;
        json_dumpf(answer, stdout, JSON_COMPACT);
        puts("");
        fflush(stdout);
        json_decref(answer);
        json_decref(order);
    }
    free(line);
    return 0;
}
