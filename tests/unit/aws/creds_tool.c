/* SPDX-License-Identifier: Apache-2.0
 *
 * creds-tool [FIELD=VALUE...]: the credentials of an account with these fields, as
 * tests/integration/aws_creds_test.py asks for them, a line of stdin each: "get", "get 5" (five
 * callers at once), "refused", "source", "region", "endpoint ec2". An answer is a line of JSON.
 */
#include <czmq.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "creds.h"
#include "drover/assert.h"

static struct dr_cfg_account account = {
    .name = "main",
    .driver = "aws",
    .region = "",
    .credentials_file = "",
    .profile = "",
    .role_arn = "",
    .external_id = "",
    .endpoint = "",
    .sts_endpoint = "",
    .ca_file = "",
    .timeout_ms = 10000,
};
static struct aws_creds *creds;
static char region[64], line[256];
static size_t line_len;

static const struct {
    const char *name;
    const char **field;
} fields[] = {
    {"region", &account.region},           {"credentials_file", &account.credentials_file},
    {"profile", &account.profile},         {"role_arn", &account.role_arn},
    {"external_id", &account.external_id}, {"endpoint", &account.endpoint},
    {"ca_file", &account.ca_file},         {"sts_endpoint", &account.sts_endpoint},
};

static void take_field(const char *argument)
{
    const char *equals = strchr(argument, '=');
    for (size_t i = 0; equals && i < sizeof fields / sizeof fields[0]; i++) {
        if (strlen(fields[i].name) == (size_t)(equals - argument) &&
            strncmp(argument, fields[i].name, strlen(fields[i].name)) == 0)
            *fields[i].field = equals + 1;
    }
}

static void say(json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT);
    DR_ASSERT(text);
    puts(text);
    fflush(stdout);
    free(text);
    json_decref(answer);
}

static void on_keys(void *arg, const struct aws_keys *keys, const char *sentence)
{
    (void)arg;
    if (keys)
        say(json_pack("{ssssss}", "access_key", keys->access_key, "secret_key", keys->secret_key,
                      "token", keys->session_token));
    else
        say(json_pack("{ss}", "sentence", sentence));
}

static void obey(const char *command)
{
    char url[320];
    if (strncmp(command, "get", 3) == 0) {
        long count = command[3] ? strtol(command + 4, NULL, 10) : 1;
        while (count-- > 0)
            aws_creds_get(creds, on_keys, NULL);
    } else if (strcmp(command, "refused") == 0) {
        aws_creds_refused(creds);
    } else if (strcmp(command, "source") == 0) {
        say(json_pack("{ss}", "source", aws_creds_source(creds)));
    } else if (strcmp(command, "region") == 0) {
        say(json_pack("{ss}", "region", region));
    } else if (strncmp(command, "endpoint ", 9) == 0) {
        aws_endpoint(command + 9, region, account.endpoint, url, sizeof url);
        say(json_pack("{ss}", "endpoint", url));
    }
}

static int on_input(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void)loop;
    (void)arg;
    char byte;
    if (read(item->fd, &byte, 1) != 1)
        return -1;
    if (byte != '\n' && line_len + 1 < sizeof line) {
        line[line_len++] = byte;
        return 0;
    }
    line[line_len] = '\0';
    line_len = 0;
    obey(line);
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        take_field(argv[i]);
    zsys_handler_set(NULL);
    zloop_t *loop = zloop_new();
    aws_region(&account, NULL, region, sizeof region);
    struct dr_error error = {0};
    creds = aws_creds_new(
        &(struct aws_creds_setup){
            .loop = loop, .account = &account, .region = region, .reread_ms = 60000},
        &error);
    if (!creds) {
        say(json_pack("{ss}", "refused", error.text));
        return 1;
    }
    zmq_pollitem_t input = {.fd = 0, .events = ZMQ_POLLIN};
    zloop_poller(loop, &input, on_input, NULL);
    zloop_start(loop);
    aws_creds_free(creds);
    zloop_destroy(&loop);
    return 0;
}
