/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <stdlib.h>

#include "remote.h"

#define ASK_MS 5000

int console_try(struct console *console, const char *to, enum dr_type type, const void *body,
                int wait_ms, struct dr_message *out, char *err, size_t err_len)
{
    if (console->remote != NULL)
        return remote_ask(console->remote, to, type, body, wait_ms, out, err, err_len);
    struct dr_client *client = dr_client_open(console->run_dir, err, err_len);
    int result = -1;
    if (client != NULL)
        result = dr_client_ask(client, to, type, body, wait_ms, out, err, err_len);
    dr_client_close(&client);
    return result;
}

int console_ask(struct console *console, const char *to, enum dr_type type, const void *body,
                struct dr_message *out)
{
    char err[512];
    int result = console_try(console, to, type, body, ASK_MS, out, err, sizeof err);
    if (result != 0)
        fprintf(stderr, "drover: %s\n", err);
    return result;
}

void console_json(const struct dr_message *message)
{
    char *json = dr_json(message->row->desc, message->body);
    if (json != NULL)
        puts(json);
    free(json);
}
