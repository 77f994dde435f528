/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote.h"

#define ASK_MS 5000

/* Why nobody can be asked, as far as it can be seen. */
static void say_why(const struct console *console, char *err, size_t err_len)
{
    char token[600];
    snprintf(token, sizeof token, "%s/%s", console->run_dir, DR_BUS_CONSOLE_TOKEN);
    if (access(token, R_OK) == 0)
        return;
    if (errno == ENOENT || errno == ENOTDIR)
        snprintf(
            err, err_len,
            "no Drover runs here (nothing is in %.300s): `drover up` or the service starts it; "
            "--config names another configuration, --gateway another host",
            console->run_dir);
    else if (errno == EACCES)
        snprintf(
            err, err_len,
            "you may not ask the Drover in %.300s: run this as the user that it runs as, or with "
            "sudo; or ask its dashboard with --gateway and a token",
            console->run_dir);
}

int console_try(struct console *console, const char *to, enum dr_type type, const void *body,
                int wait_ms, struct dr_message *out, char *err, size_t err_len)
{
    if (console->remote != NULL)
        return remote_ask(console->remote, to, type, body, wait_ms, out, err, err_len);
    struct dr_client *client = dr_client_open(console->run_dir, err, err_len);
    int result = -1;
    if (client == NULL)
        say_why(console, err, err_len);
    if (client != NULL)
        result = dr_client_ask(client, to, type, body, wait_ms, out, err, err_len);
    if (client != NULL && result != 0 && strstr(err, "did not answer within") != NULL)
        snprintf(err, err_len,
                 "Drover's %s did not answer within %d s: `drover logs` has what it says; one that "
                 "hangs is started anew by itself",
                 to, (wait_ms + 999) / 1000);
    dr_client_close(&client);
    return result;
}

int console_ask(struct console *console, const char *to, enum dr_type type, const void *body,
                struct dr_message *out)
{
    char err[512];
    int result = console_try(console, to, type, body, ASK_MS, out, err, sizeof err);
    if (result != 0)
        console_fail(EXIT_BROKEN, "unavailable", "%s", err);
    return result;
}

void console_json(const struct dr_message *message)
{
    char *json = dr_json(message->row->desc, message->body);
    if (json != NULL)
        puts(json);
    free(json);
}
