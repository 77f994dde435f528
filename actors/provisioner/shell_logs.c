/* SPDX-License-Identifier: Apache-2.0
 *
 * What machines print: files of this host are read as they grow; a console costs a call, so it is
 * read until the machine is up, and once when it is missed or has ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "shell.h"

struct console {
    struct console *next;
    struct shell *shell;
    char machine[96], instance[96];
    bool again; /* asked for once more meanwhile: what was asked for may be older than that */
};

static void publish(struct shell *shell, const char *machine, const char *instance,
                    const char *text)
{
    struct dr_boot_logged body = {.machine = machine, .instance_id = instance, .text = text};
    dr_publish(shell->actor, DR_BOOT_LOGGED, &body, NULL);
}

static bool collect_file(struct shell *shell, const char *machine, const char *instance)
{
    const char *text;
    if (!bootlog_collect(shell->logs, shell->ops, shell->driver, instance, &text))
        return false;
    publish(shell, machine, instance, text);
    return true;
}

static void on_console(void *arg, const char *instance, const char *bytes, size_t len)
{
    struct console *console = arg;
    struct shell *shell = console->shell;
    const char *text;
    if (len > 0 && bootlog_console(shell->logs, instance, bytes, len, &text))
        publish(shell, console->machine, instance, text);
    for (struct console **at = &shell->consoles; *at; at = &(*at)->next) {
        if (*at == console) {
            *at = console->next;
            break;
        }
    }
    if (console->again)
        shell_collect_log(shell, console->machine, console->instance);
    free(console);
}

static void collect_console(struct shell *shell, const char *machine, const char *instance)
{
    for (struct console *console = shell->consoles; console; console = console->next) {
        if (strcmp(console->instance, instance) == 0) {
            console->again = true;
            return;
        }
    }
    struct console *console = calloc(1, sizeof *console);
    DR_ASSERT(console);
    console->shell = shell;
    snprintf(console->machine, sizeof console->machine, "%s", machine);
    snprintf(console->instance, sizeof console->instance, "%s", instance);
    console->next = shell->consoles;
    shell->consoles = console;
    shell->ops->console(shell->driver, console->instance, on_console, console);
}

static void collect_due(void *arg, const char *machine, const char *instance, bool was_up)
{
    struct shell *shell = arg;
    if (shell->ops->read_log)
        collect_file(shell, machine, instance);
    else if (!was_up)
        collect_console(shell, machine, instance);
}

void shell_collect_logs(struct shell *shell)
{
    int64_t now_ms = dr_boottime_ms();
    if (!shell->ops->log_period_ms || now_ms < shell->logs_due_ms ||
        (!shell->ops->read_log && !shell->ops->console))
        return;
    shell->logs_due_ms = now_ms + shell->ops->log_period_ms;
    core_each_bound(shell->core, collect_due, shell);
}

void shell_collect_log(struct shell *shell, const char *machine, const char *instance)
{
    const int most = 256; /* a log that grows while it is read ends here too */
    for (int i = 0; i < most && shell->ops->read_log && collect_file(shell, machine, instance);)
        i++;
    if (!shell->ops->read_log && shell->ops->console)
        collect_console(shell, machine, instance);
}

void shell_logs_end(struct shell *shell)
{
    while (shell->consoles) {
        struct console *next = shell->consoles->next;
        free(shell->consoles);
        shell->consoles = next;
    }
}
