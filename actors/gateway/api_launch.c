/* SPDX-License-Identifier: Apache-2.0 */
/* The wizard's test and its last step: what was answered becomes drover.yaml and its files. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "credentials.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "json.h"
#include "wizard.h"

void handle_wizard_test(struct request *request);
void handle_wizard_launch(struct request *request);

/* The pair of the SDK's own file, as if it had been typed: the watcher would refuse the file where
 * others may read it, and need not be the user whose file it is. */
static void add_found_pair(json_t *secrets, const json_t *draft)
{
    struct dr_clearml_credentials found = {0};
    struct dr_error error;
    char *typed = wizard_input(secrets, NULL);
    const char *named =
        dr_json_str(json_object_get(draft, "clearml"), "credentials_file", "", NULL);
    if (typed == NULL && named[0] == '\0' && dr_clearml_credentials_find(&found, &error) &&
        found.by_itself)
        json_object_set_new(
            secrets, "clearml",
            json_pack("{s:s,s:s}", "access_key", found.access_key, "secret_key", found.secret_key));
    dr_clearml_credentials_free(&found);
    dr_json_free_text(typed);
}

/* The body's secrets, taken out of it, and at a first start what this host knows; NULL: none. */
static json_t *take_secrets(struct request *request, const json_t *draft)
{
    json_t *secrets = json_object_get(request->input, "secrets");
    json_incref(secrets);
    json_object_del(request->input, "secrets");
    if (request->gateway->setup != NULL) {
        secrets = secrets == NULL ? json_object() : secrets;
        if (json_is_object(secrets))
            add_found_pair(secrets, draft);
    }
    return secrets;
}

/* ---- test ----------------------------------------------------------------------------------- */
static void on_tested(struct wizard_job *job)
{
    answer_json(job->request, 200,
                json_pack("{s:O,s:O}", "findings", job->findings, "queues", job->queues));
    wizard_job_free(job);
}

void handle_wizard_test(struct request *request)
{
    const char *what = request_text(request, "what");
    const char *account = what == NULL ? NULL : request_text(request, "account");
    if (account == NULL)
        return;
    bool cloud = strcmp(what, "cloud") == 0;
    if (!cloud && strcmp(what, "clearml") != 0) {
        answer_error(request, 400, "bad-request", "what must be clearml or cloud");
        return;
    }
    json_t *draft = wizard_draft(request);
    if (draft == NULL)
        return;
    if (cloud && account[0] == '\0') {
        const json_t *first = json_array_get(json_object_get(draft, "accounts"), 0);
        account = json_string_value(json_object_get(first, "name"));
    }
    if (cloud && account == NULL) {
        json_decref(draft);
        answer_error(request, 400, "bad-request", "the configuration has no account yet");
        return;
    }
    json_t *name = json_string(cloud ? account : "");
    json_t *secrets = take_secrets(request, draft);
    wizard_name_files(draft, secrets, request->gateway->state_dir);
    struct wizard_job *job = wizard_job_new(request, draft, secrets);
    json_array_append_new(job->steps, name);
    job->done = on_tested;
    wizard_job_run(job);
}

/* ---- launch --------------------------------------------------------------------------------- */
/* Files that are written, and what of them was there before: kept beside them, never lost. */
struct launch {
    char *yaml;
    json_t *files; /* paths of secret files, in the order of the draft */
    json_t *kept;  /* {path: where what was there is kept} */
};

static bool under_way; /* one at a time: two would undo each other's files */

static void launch_free(struct wizard_job *job)
{
    struct launch *launch = job->data;
    under_way = false;
    free(launch->yaml);
    json_decref(launch->files);
    json_decref(launch->kept);
    free(launch);
    wizard_job_free(job);
}

/* A second name for what is there; the probe then puts another file in its place. */
static bool keep_others(struct launch *launch, struct dr_error *error)
{
    json_t *each;
    size_t i;
    json_array_foreach (launch->files, i, each) {
        const char *path = json_string_value(each);
        char kept[PATH_MAX];
        snprintf(kept, sizeof kept, "%s.before-%lld", path, (long long)dr_wall_us() / 1000000);
        if (json_object_get(launch->kept, path) != NULL || access(path, F_OK) != 0)
            continue;
        if (link(path, kept) != 0)
            return dr_error_set(error, "%s is there already and cannot be kept as %s: %s", path,
                                kept, strerror(errno));
        json_object_set_new(launch->kept, path, json_string(kept));
    }
    return true;
}

static void forget_kept(struct launch *launch)
{
    const char *path;
    json_t *kept;
    json_object_foreach (launch->kept, path, kept)
        unlink(json_string_value(kept));
}

/* As it was: nobody's half-written launch stays behind. */
static void undo(struct launch *launch)
{
    json_t *each;
    size_t i;
    json_array_foreach (launch->files, i, each) {
        const char *path = json_string_value(each);
        const char *kept = json_string_value(json_object_get(launch->kept, path));
        if (kept == NULL)
            unlink(path);
        else
            rename(kept, path); /* where both are the same file still, this does nothing */
    }
    forget_kept(launch);
}

static bool write_config(struct request *request, const struct launch *launch,
                         struct dr_error *error)
{
    const char *path = configfile_path(request->gateway);
    struct configfile old = {0};
    bool there = access(path, F_OK) == 0;
    if (there && request->gateway->setup != NULL)
        return dr_error_set(error, "%s is there by now: `drover up` starts with it", path);
    if (there && !configfile_read(path, &old, error))
        return false;
    bool good = configfile_replace(request->gateway, there ? &old : NULL, launch->yaml,
                                   request->login.user, "by the wizard", error);
    free(old.text);
    return good;
}

static void answer_launched(struct wizard_job *job)
{
    struct request *request = job->request;
    struct launch *launch = job->data;
    const char *path = configfile_path(request->gateway), *where;
    struct dr_strbuf sentence = {0};
    json_t *files = json_pack("[s]", path), *kept;
    bool setup = request->gateway->setup != NULL;
    bool told = !setup && configfile_tell(request->gateway);
    json_array_extend(files, launch->files);
    dr_strbuf_printf(&sentence, "%s is written; %s.", path,
                     setup  ? "Drover starts"
                     : told ? "Drover takes it over"
                            : "droverd has to be told to read it (SIGHUP, or a new start)");
    json_object_foreach (launch->kept, where, kept)
        dr_strbuf_printf(&sentence, " What was in %s is kept as %s.", where,
                         json_string_value(kept));
    request->last = setup;
    gateway_note(request->gateway, "config", "drover.yaml", "applied", "by the wizard",
                 request->login.user);
    answer_json(request, 200, json_pack("{s:s,s:o}", "sentence", sentence.data, "files", files));
    dr_strbuf_free(&sentence);
}

static void on_probed(struct wizard_job *job)
{
    struct launch *launch = job->data;
    struct dr_error error;
    char why[1000];
    if (job->failed) {
        undo(launch);
        wizard_job_why(job, why, sizeof why);
        answer_json(job->request, 422,
                    json_pack("{s:{s:s,s:s},s:O}", "error", "code", "probe", "sentence", why,
                              "findings", job->findings));
    } else if (!write_config(job->request, launch, &error)) {
        undo(launch);
        answer_error(job->request, 503, "unavailable", "%s", error.text);
    } else {
        answer_launched(job);
    }
    launch_free(job);
}

/* The text of drover.yaml, or NULL with 422 answered. */
static char *judge(struct request *request, const json_t *draft)
{
    struct dr_config_errors errors;
    char *text = wizard_text(draft), *yaml = NULL;
    bool good;
    struct dr_config *config = dr_config_parse(text, strlen(text), "drover.yaml", &errors);
    json_t *list = wizard_faults(&errors);
    const struct dr_cfg_root *root = config == NULL ? NULL : dr_config_root(config);
    if (wizard_state_fits(request->gateway, root, list) && root != NULL) {
        yaml = dr_config_write(root);
        json_t *judged = configfile_judge(request->gateway, yaml, &good);
        if (!good) {
            free(yaml);
            yaml = NULL;
            json_decref(list);
            list = json_incref(json_object_get(judged, "errors"));
        }
        json_decref(judged);
    }
    if (yaml == NULL)
        answer_json(request, 422,
                    json_pack("{s:{s:s,s:s},s:O}", "error", "code", "bad-config", "sentence",
                              "the configuration has faults: nothing was written", "errors", list));
    json_decref(list);
    dr_config_errors_free(&errors);
    dr_config_free(config);
    free(text);
    return yaml;
}

/* The names of the queues to make; NULL with 400 answered. */
static json_t *queues_to_make(struct request *request)
{
    json_t *given = json_object_get(request->input, "create_queues"), *each;
    bool good = given == NULL || json_is_null(given) || json_is_array(given);
    size_t i;
    json_array_foreach (given, i, each)
        good = good && json_is_string(each) && json_string_length(each) > 0;
    if (good && json_array_size(given) <= WIZARD_CREATE_MAX)
        return json_is_array(given) ? json_incref(given) : json_array();
    answer_error(request, 400, "bad-request", "create_queues must be a list of at most %d names",
                 WIZARD_CREATE_MAX);
    return NULL;
}

/* Accounts first: the server is asked to make queues only when everything else is good. */
static void add_steps(struct wizard_job *job)
{
    json_t *account;
    size_t i;
    json_array_foreach (json_object_get(job->draft, "accounts"), i, account) {
        json_t *name = json_object_get(account, "name");
        char *input = wizard_input(job->secrets, json_string_value(name));
        if (input != NULL)
            json_array_append(job->steps, name);
        dr_json_free_text(input);
    }
    json_array_append_new(job->steps, json_string(""));
}

static bool folder_of(const struct gateway *gateway, char out[PATH_MAX], struct dr_error *error)
{
    char above[PATH_MAX];
    const char *path = configfile_path(gateway), *slash = strrchr(path, '/');
    snprintf(above, sizeof above, "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
             slash == NULL ? "." : path);
    if (realpath(above, out) != NULL)
        return true;
    return dr_error_set(error, "%s: %s", above, strerror(errno));
}

static void launch(struct request *request, json_t *draft, json_t *secrets, json_t *create)
{
    struct dr_error error;
    char *yaml = judge(request, draft);
    if (yaml == NULL) {
        json_decref(draft);
        json_decref(secrets);
        json_decref(create);
        return;
    }
    struct launch *launch = calloc(1, sizeof *launch);
    DR_ASSERT(launch != NULL);
    *launch = (struct launch){.yaml = yaml, .files = json_array(), .kept = json_object()};
    struct wizard_job *job = wizard_job_new(request, draft, secrets);
    job->create = create;
    job->write = job->strict = true;
    job->data = launch;
    job->done = on_probed;
    wizard_written(draft, secrets, launch->files);
    add_steps(job);
    under_way = true;
    if (!keep_others(launch, &error)) {
        forget_kept(launch);
        answer_error(request, 503, "unavailable", "%s", error.text);
        launch_free(job);
        return;
    }
    wizard_job_run(job);
}

void handle_wizard_launch(struct request *request)
{
    char dir[PATH_MAX];
    struct dr_error error;
    if (under_way) {
        answer_error(request, 409, "conflict", "a launch is under way");
        return;
    }
    if (!folder_of(request->gateway, dir, &error)) {
        answer_error(request, 503, "unavailable", "%s", error.text);
        return;
    }
    json_t *create = queues_to_make(request);
    json_t *draft = create == NULL ? NULL : wizard_draft(request);
    if (draft == NULL) {
        json_decref(create);
        return;
    }
    json_t *secrets = take_secrets(request, draft);
    wizard_name_files(draft, secrets, dir);
    launch(request, draft, secrets, create);
}
