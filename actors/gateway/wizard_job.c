/* SPDX-License-Identifier: Apache-2.0 */
/* The one-shot probes of the wizard: each role tries its own secrets, as a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drover/assert.h"
#include "json.h"
#include "oneshot.h"
#include "spawn.h"
#include "wizard.h"

#define LIMIT_MS 30000
#define ARGUMENTS_MAX (2 * WIZARD_CREATE_MAX + 16)

struct wizard_job *wizard_job_new(struct request *request, json_t *draft, json_t *secrets)
{
    struct wizard_job *job = calloc(1, sizeof *job);
    DR_ASSERT(job != NULL);
    *job = (struct wizard_job){.request = request,
                               .draft = draft,
                               .secrets = secrets,
                               .steps = json_array(),
                               .findings = json_array(),
                               .queues = json_array()};
    return job;
}

void wizard_job_free(struct wizard_job *job)
{
    if (job->config_path[0] != '\0')
        unlink(job->config_path);
    json_decref(job->draft);
    json_decref(job->secrets);
    json_decref(job->steps);
    json_decref(job->create);
    json_decref(job->findings);
    json_decref(job->queues);
    free(job);
}

/* ---- findings ------------------------------------------------------------------------------- */
static void add_finding(struct wizard_job *job, const char *what, const char *sentence)
{
    json_array_append_new(job->findings, json_pack("{s:s,s:b,s:b,s:s,s:s}", "what", what, "ok", 0,
                                                   "unsure", 0, "sentence", sentence, "grant", ""));
    job->failed = true;
}

void wizard_job_why(const struct wizard_job *job, char *out, size_t room)
{
    json_t *each;
    size_t i;
    out[0] = '\0';
    json_array_foreach (job->findings, i, each) {
        if (!json_is_true(json_object_get(each, "ok")) &&
            !json_is_true(json_object_get(each, "unsure"))) {
            snprintf(out, room, "%s: %s", dr_json_str(each, "what", "", NULL),
                     dr_json_str(each, "sentence", "", NULL));
            return;
        }
    }
}

/* A line of a probe. Only what the page is to know goes on. */
static void take_line(struct wizard_job *job, const char *line)
{
    static const char *const shown[] = {"what", "ok", "unsure", "sentence", "grant"};
    json_t *said = json_loads(line, 0, NULL), *finding = json_object(), *name;
    size_t i;
    if (!json_is_object(said)) {
        json_decref(said);
        json_decref(finding);
        return; /* what a library printed */
    }
    for (i = 0; i < sizeof shown / sizeof shown[0]; i++)
        json_object_set(finding, shown[i], json_object_get(said, shown[i]));
    job->failed = job->failed || (!json_is_true(json_object_get(said, "ok")) &&
                                  !json_is_true(json_object_get(said, "unsure")));
    json_array_append_new(job->findings, finding);
    json_array_foreach (json_object_get(said, "queues"), i, name)
        json_array_append(job->queues, name);
    json_decref(said);
}

/* ---- one step after the other --------------------------------------------------------------- */
static void next(struct wizard_job *job);

static void on_end(void *arg, const struct oneshot_end *end)
{
    struct wizard_job *job = arg;
    char sentence[100], *rest = end->text, *line;
    bool before = job->failed;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (*line != '\0')
            take_line(job, line);
    }
    if (end->late) {
        snprintf(sentence, sizeof sentence, "no answer within %d s", LIMIT_MS / 1000);
        add_finding(job, "probe", sentence);
    } else if (end->code != 0 && job->failed == before) {
        add_finding(job, "probe", "it ended before it was done");
    }
    job->at++;
    next(job);
}

static size_t arguments(struct wizard_job *job, const char *account, bool typed,
                        const char *argv[ARGUMENTS_MAX])
{
    json_t *name;
    size_t i, count = 1;
    argv[count++] = "--probe";
    if (*account != '\0')
        argv[count++] = account;
    argv[count++] = "--config";
    argv[count++] = job->config_path;
    if (*account != '\0' && !job->strict)
        argv[count++] = "--draft";
    if (typed)
        argv[count++] = "--secrets";
    if (typed && job->write)
        argv[count++] = "--write";
    if (*account == '\0') {
        json_array_foreach (job->create, i, name) {
            argv[count++] = "--create-queue";
            argv[count++] = json_string_value(name);
        }
    }
    argv[count] = NULL;
    return count;
}

static bool start(struct wizard_job *job, const char *account)
{
    char path[PATH_MAX], err[400];
    const char *argv[ARGUMENTS_MAX] = {path};
    const char *program = *account == '\0' ? "drover-watcher" : "drover-provisioner";
    struct dr_error error;
    if (dr_executable_find(program, "", path, sizeof path, err, sizeof err) != 0) {
        add_finding(job, "probe", err);
        return false;
    }
    char *input = wizard_input(job->secrets, *account == '\0' ? NULL : account);
    arguments(job, account, input != NULL, argv);
    bool good =
        oneshot_start(job->request->gateway->loop, argv, input, LIMIT_MS, on_end, job, &error);
    if (!good)
        add_finding(job, "probe", error.text);
    dr_json_free_text(input);
    return good;
}

static void next(struct wizard_job *job)
{
    bool enough = job->write && job->failed;
    while (!enough && job->at < json_array_size(job->steps)) {
        if (start(job, json_string_value(json_array_get(job->steps, job->at))))
            return;
        job->at++;
        enough = job->write;
    }
    job->done(job);
}

static bool write_draft(struct wizard_job *job, struct dr_error *error)
{
    char *text = wizard_text(job->draft);
    snprintf(job->config_path, sizeof job->config_path, "%s/draft-XXXXXX",
             job->request->gateway->state_dir);
    int fd = mkostemp(job->config_path, O_CLOEXEC); /* 0600 */
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (!good)
        dr_error_set(error, "cannot write %s: %s", job->config_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    else
        job->config_path[0] = '\0';
    free(text);
    return good;
}

void wizard_job_run(struct wizard_job *job)
{
    struct dr_error error;
    if (!write_draft(job, &error)) {
        add_finding(job, "probe", error.text);
        job->done(job);
        return;
    }
    next(job);
}
