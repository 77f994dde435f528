/* SPDX-License-Identifier: Apache-2.0
 *
 * drover check: drover.yaml, its files, whether the server and the clouds take the keys, and what
 * this host allows, before anything runs.
 */
#include "console.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credentials.h"
#include "listen.h"

struct report {
    const struct console *console;
    int faults, warnings;
    bool first;
};

static void note(struct report *report, const char *level, const char *text)
{
    bool fault = strcmp(level, "fault") == 0;
    if (fault)
        report->faults++;
    else if (strcmp(level, "ok") != 0)
        report->warnings++;
    if (report->console->json) {
        /* Sentences may hold quotes: a log line's JSON form escapes them. */
        struct dr_ack line = {.ok = !fault, .code = level, .sentence = text};
        char *json = dr_json(&dr_desc_ack, &line);
        puts(json == NULL ? "null" : json);
        free(json);
    } else {
        printf("%-8s %s\n", level, text);
    }
}

static void note_path(struct report *report, const char *level, const char *format,
                      const char *path, const char *why)
{
    char text[1200];
    snprintf(text, sizeof text, format, path, why);
    note(report, level, text);
}

static void check_state_dir(struct report *report, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 && errno == ENOENT)
        note_path(report, "ok", "%s%s", path, " will be made at the first start");
    else if (access(path, W_OK | X_OK) != 0)
        note_path(report, "fault", "state_dir %s: %s; run as its owner or change state_dir", path,
                  strerror(errno));
    else
        note_path(report, "ok", "state_dir %s%s", path, "");
}

/* One line of a probe: what was tried, and what came of it. */
static void note_finding(struct report *report, const char *who, const char *line)
{
    char text[3000];
    const char *what = "", *sentence = "", *grant = "";
    int ok = 0, unsure = 0;
    json_t *finding = json_loads(line, 0, NULL);
    if (finding == NULL ||
        json_unpack(finding, "{s:b,s:b,s:s,s:s,s:s}", "ok", &ok, "unsure", &unsure, "what", &what,
                    "sentence", &sentence, "grant", &grant) != 0) {
        note_path(report, "fault", "%s: its probe says: %s", who, line);
    } else {
        snprintf(text, sizeof text, "%s: %s: %s%s%s%s", who, what, sentence,
                 *grant == '\0' ? "" : " (the right it needs: ", grant, *grant == '\0' ? "" : ")");
        note(report, ok ? "ok" : unsure ? (report->console->json ? "unsure" : "?") : "fault", text);
    }
    json_decref(finding);
}

/* Runs a probe; a program that is not there is said by check_programs. */
static void probe(struct report *report, const char *who, const char *program, const char *account)
{
    char path[600];
    int fd = -1, faults = report->faults;
    if (spawn_find(program, path, sizeof path) != 0)
        return;
    const char *argv[] = {path, "--probe", "--config", report->console->config_path, NULL};
    const char *of_account[] = {path, "--probe", account, "--config", report->console->config_path,
                                NULL};
    pid_t pid = spawn_start(account == NULL ? argv : of_account, &fd, false);
    FILE *lines = pid < 0 ? NULL : fdopen(fd, "r");
    char *line = NULL;
    size_t room = 0;
    for (ssize_t len; lines != NULL && (len = getline(&line, &room, lines)) > 0;) {
        line[strcspn(line, "\n")] = '\0';
        note_finding(report, who, line);
    }
    free(line);
    if (lines != NULL)
        fclose(lines);
    if ((pid < 0 || spawn_wait(pid) != 0) && report->faults == faults)
        note_path(report, "fault", "%s: %s", who, "its probe ended before it was done");
}

static void check_account(struct report *report, const struct dr_cfg_account *account)
{
    char path[600], who[100];
    snprintf(who, sizeof who, "account %s", account->name);
    if (account->secrets_file[0] != '\0' && access(account->secrets_file, R_OK) != 0)
        note_path(report, "fault", "secrets_file %s: %s", account->secrets_file, strerror(errno));
    if (account->agent_python[0] != '\0' && access(account->agent_python, X_OK) != 0)
        note_path(report, "fault", "agent_python %s: %s", account->agent_python, strerror(errno));
    /* All that a launch would need, without starting anything. */
    probe(report, who, "drover-provisioner", account->name);
    if (strcmp(account->driver, "local") != 0 ||
        spawn_find("drover-local-machine", path, sizeof path))
        return;
    pid_t pid = spawn_start((const char *[]){path, "--check", NULL}, NULL, false);
    if (pid < 0 || spawn_wait(pid) != 0)
        note_path(report, "fault", "account %s: %s", account->name,
                  "this host does not allow local machines (see above)");
    else
        note_path(report, "ok", "account %s: %s", account->name, "this host allows local machines");
}

static void check_programs(struct report *report)
{
    static const char *const programs[] = {"droverd",        "drover-bus",     "drover-ledger",
                                           "drover-watcher", "drover-planner", "drover-provisioner",
                                           "drover-reaper",  "drover-gateway"};
    char path[600];
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        if (spawn_find(programs[i], path, sizeof path) != 0)
            note_path(report, "fault", "%s is not installed%s", programs[i], "");
}

static void check_gateway(struct report *report, const struct dr_cfg_gateway *cfg)
{
    bool tls = cfg->tls_cert_file[0] != '\0' && cfg->tls_key_file[0] != '\0';
    if (strcmp(cfg->listen, "off") != 0 && !dr_listen_is_local(cfg->listen) && !tls)
        note_path(
            report, "warning", "gateway.listen %s: %s", cfg->listen,
            "others could reach it, so the dashboard will not listen without tls_cert_file and "
            "tls_key_file");
}

int cmd_check(struct console *console, int argc, char **argv)
{
    (void)argv;
    struct report report = {.console = console};
    (void)argc;
    struct dr_config_errors errors;
    console->config = dr_config_load(console->config_path, &errors);
    for (size_t i = 0; i < errors.count; i++)
        note(&report, errors.items[i].warning ? "warning" : "fault", errors.items[i].text);
    dr_config_errors_free(&errors);
    if (console->config != NULL) {
        const struct dr_cfg_root *cfg = dr_config_root(console->config);
        note_path(&report, "ok", "%s%s", console->config_path, " is well-formed");
        check_programs(&report);
        check_state_dir(&report, cfg->state_dir);
        probe(&report, "ClearML", "drover-watcher", NULL);
        check_gateway(&report, &cfg->gateway);
        for (size_t i = 0; i < cfg->accounts.count; i++)
            check_account(&report, &cfg->accounts.items[i]);
    }
    if (!console->json)
        printf("%d fault%s, %d warning%s\n", report.faults, report.faults == 1 ? "" : "s",
               report.warnings, report.warnings == 1 ? "" : "s");
    if (console->config == NULL)
        return EXIT_CONFIG;
    return report.faults > 0 ? EXIT_WAITS : EXIT_FINE;
}
