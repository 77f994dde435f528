/* SPDX-License-Identifier: Apache-2.0 */
/* drover plan: what the planner has decided and why; or, without touching anything, what another
 * configuration would mean. */
#include "plan_diff.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config_most.h"
#include "console.h"
#include "flock.h"
#include "remote.h"

#define ASK_MS 5000

/* ---- what is planned now ----------------------------------------------------------------------
 */
static void print_plan(const struct flock *flock)
{
    long long wanted = (long long)flock->plan->plan.wanted;
    struct table *table =
        table_new((const char *[]){"QUEUE", "-WAITING", "-RUNNING", "-IDLE", "PLAN", "WHY", NULL});
    for (size_t i = 0; i < flock->picture->queues.queues.count; i++) {
        struct flock_queue queue = flock_queue(flock, i);
        char waiting[24], running[24], idle[24];
        snprintf(waiting, sizeof waiting, "%zu", queue.waiting);
        snprintf(running, sizeof running, "%d", queue.running);
        snprintf(idle, sizeof idle, "%d", queue.idle);
        table_row(table,
                  (const char *[]){queue.view->name, waiting, running, idle,
                                   queue.verdict[0] == '\0' ? "-" : queue.verdict, queue.why});
    }
    table_print(&table, stdout);
    if (wanted == 0)
        puts("\nno machine is asked for beyond those that exist");
    else
        printf("\n%lld machine%s asked for beyond those that exist\n", wanted,
               wanted == 1 ? " is" : "s are");
}

static int plan_now(struct console *console)
{
    struct flock flock;
    char err[512];
    int code = console_config(console);
    if (code != 0)
        return code;
    if (flock_read(console, 0, ASK_MS, &flock, err, sizeof err) != 0)
        return console_fail(EXIT_BROKEN, "unavailable", "%s", err);
    if (console->json)
        console_json(&flock.answers[3]);
    else
        print_plan(&flock);
    code = flock_waits(&flock).stuck > 0 ? EXIT_WAITS : EXIT_FINE;
    flock_drop(&flock);
    return code;
}

/* ---- what another configuration would mean -----------------------------------------------------
 */
struct dry {
    const struct dr_cfg_root *now, *then; /* now: NULL when it cannot be read */
    struct dr_most most_now, most_then;
    bool replaces;
    char sentence[512]; /* why it does not */
    json_t *changes;    /* of plan_diff() */
};

static json_t *most_json(const struct dr_most *most)
{
    return json_pack("{s:I,s:I,s:s}", "per_hour_usd_micros", (json_int_t)most->per_hour_usd_micros,
                     "per_month_usd_micros", (json_int_t)most->per_month_usd_micros, "sentence",
                     most->sentence);
}

static void dry_json(const struct dry *dry)
{
    json_t *out =
        json_pack("{s:o,s:o?,s:O,s:b,s:s}", "most", most_json(&dry->most_then), "most_now",
                  dry->now == NULL ? NULL : most_json(&dry->most_now), "changes", dry->changes,
                  "may_replace", dry->replaces, "sentence", dry->sentence);
    json_dumpf(out, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(out);
}

static void dry_text(const struct dry *dry, const char *path, const char *running)
{
    size_t i;
    json_t *change;
    printf("cost      %s: %s\n", path, dry->most_then.sentence);
    if (dry->now == NULL) {
        printf("changes   %s cannot be read, so there is nothing to compare with\n", running);
        return;
    }
    printf("          %s: %s\n", running, dry->most_now.sentence);
    if (json_array_size(dry->changes) == 0)
        puts("changes   none: both mean the same");
    json_array_foreach (dry->changes, i, change) {
        printf("%-9s %s: %s → %s\n", i == 0 ? "changes" : "",
               json_string_value(json_object_get(change, "path")),
               json_string_value(json_object_get(change, "now")),
               json_string_value(json_object_get(change, "then")));
    }
    if (dry->replaces)
        puts("applying  a running droverd can take it over");
    else
        printf("applying  needs a stop and a start: %s\n", dry->sentence);
}

/* What runs: this host's file, or the other's. NULL: it cannot be read. */
static int read_running(struct console *console, struct dr_config **out)
{
    struct dr_config_errors errors;
    if (console->gateway != NULL) {
        int code = remote_open(console, console->gateway);
        return code == EXIT_FINE ? remote_config(console, out) : code;
    }
    *out = dr_config_load(console->config_path, &errors);
    dr_config_errors_free(&errors);
    return EXIT_FINE;
}

static int plan_dry(struct console *console, const char *path)
{
    struct dr_config_errors errors;
    struct dry dry = {.replaces = true};
    struct dr_config *then = dr_config_load(path, &errors);
    if (then == NULL || (!console->json && errors.count > 0))
        console_faults(path, &errors); /* also warnings */
    dr_config_errors_free(&errors);
    if (then == NULL)
        return EXIT_CONFIG;
    struct dr_config *now = NULL;
    int code = read_running(console, &now);
    if (code != EXIT_FINE) {
        dr_config_free(then);
        return code;
    }
    dry.then = dr_config_root(then);
    dr_config_most(dry.then, &dry.most_then);
    if (now != NULL) {
        dry.now = dr_config_root(now);
        dr_config_most(dry.now, &dry.most_now);
        dry.replaces = dr_config_may_replace(dry.now, dry.then, dry.sentence, sizeof dry.sentence);
    }
    dry.changes = now == NULL ? json_array() : plan_diff(dry.now, dry.then);
    if (dry.replaces)
        dry.sentence[0] = '\0';
    if (console->json)
        dry_json(&dry);
    else
        dry_text(&dry, path,
                 console->gateway == NULL ? console->config_path : "that of the other host");
    json_decref(dry.changes);
    dr_config_free(now);
    dr_config_free(then);
    return dry.replaces ? EXIT_FINE : EXIT_WAITS;
}

int cmd_plan(struct console *console, int argc, char **argv)
{
    const char *path = console_option(&argc, argv, "--config");
    (void)argc;
    return path == NULL ? plan_now(console) : plan_dry(console, path);
}
