/* SPDX-License-Identifier: Apache-2.0
 *
 * The wizard's tests: the watcher's and the provisioner's one-shot probes, with secrets at their
 * standard input and nowhere else.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drover/assert.h"
#include "init.h"
#include "init_pick.h"
#include "json.h"
#include "secretfile.h"

#define ARGUMENTS 220

struct run {
    struct wizard *w;
    const char *argv[ARGUMENTS];
    size_t argc;
    char program[600], folder[64], draft[80];
    bool rights;     /* one was missing */
    size_t findings; /* that it said */
};

/* ---- what is asked with ---------------------------------------------------------------------- */
/* A folder of its own, with the draft; what is only tried is put there too (secrets that the
 * provisioner's driver must find in a file), for the real one need not exist yet. */
static json_t *document_for(struct run *run, struct wizard *w, bool keep)
{
    char real[PATH_MAX];
    memcpy(real, w->dir, sizeof real);
    if (!keep)
        snprintf(w->dir, sizeof w->dir, "%s", run->folder);
    json_t *document = answers_document(w);
    memcpy(w->dir, real, sizeof real);
    return document;
}

static bool begin(struct run *run, struct wizard *w, const char *program, const char *account,
                  bool keep)
{
    *run = (struct run){.w = w, .folder = "/tmp/drover-init-XXXXXX"};
    if (spawn_find(program, run->program, sizeof run->program) != 0)
        return false;
    if (mkdtemp(run->folder) == NULL) {
        fprintf(stderr, "drover: cannot make %s: %s\n", run->folder, strerror(errno));
        return false;
    }
    snprintf(run->draft, sizeof run->draft, "%s/draft.json", run->folder);
    json_t *document = document_for(run, w, keep);
    bool fine = json_dump_file(document, run->draft, INIT_JSON) == 0;
    json_decref(document);
    if (!fine)
        fprintf(stderr, "drover: cannot write %s: %s\n", run->draft, strerror(errno));
    const char *first[] = {run->program, "--probe", account, "--config", run->draft};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (first[i] != NULL)
            run->argv[run->argc++] = first[i];
    return fine;
}

static void clean(struct run *run)
{
    DIR *folder = opendir(run->folder);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        closedir(folder);
    rmdir(run->folder);
}

static void option(struct run *run, const char *text)
{
    DR_ASSERT(run->argc + 1 < ARGUMENTS);
    run->argv[run->argc++] = text;
}

/* {"credentials": {...}, "machines": {...}} as the provisioner's probe takes them; NULL: none. */
static json_t *account_secrets(const struct wizard *w, size_t index)
{
    static const char *const aws[] = {"access_key_id", "secret_access_key", "session_token"};
    const json_t *typed = json_array_get(json_object_get(w->secrets, "accounts"), index);
    json_t *machines = typed == NULL ? json_object() : json_deep_copy(typed);
    json_t *credentials = json_object();
    for (size_t i = 0; i < sizeof aws / sizeof *aws; i++) {
        json_t *value = json_object_get(machines, aws[i]);
        if (value != NULL)
            json_object_set(credentials, aws[i], value);
        json_object_del(machines, aws[i]);
    }
    json_t *hosts = json_object_get(machines, "git");
    for (size_t n = json_array_size(hosts); n-- > 0;)
        if (json_object_size(json_array_get(hosts, n)) == 0)
            json_array_remove(hosts, n);
    if (json_array_size(hosts) == 0)
        json_object_del(machines, "git");
    bool any = json_object_size(credentials) + json_object_size(machines) > 0;
    json_t *both = json_pack("{s:o,s:o}", "credentials", credentials, "machines", machines);
    if (any)
        return both;
    json_decref(both);
    return NULL;
}

/* ---- what it says ---------------------------------------------------------------------------- */
static void say_finding(struct run *run, const char *line)
{
    const char *what = "", *sentence = "", *grant = "";
    int ok = 0, unsure = 0;
    char text[3200];
    bool colour = run->w->console->colour;
    json_t *finding = json_loads(line, 0, NULL);
    if (finding == NULL ||
        json_unpack(finding, "{s:b,s:b,s:s,s:s,s:s}", "ok", &ok, "unsure", &unsure, "what", &what,
                    "sentence", &sentence, "grant", &grant) != 0)
        sentence = line;
    snprintf(text, sizeof text, "%-5s %s: %s%s%s%s",
             ok       ? "ok"
             : unsure ? "?"
                      : "fault",
             what, sentence, *grant ? " (the right it needs: " : "", grant, *grant ? ")" : "");
    run->findings++;
    run->rights = run->rights || (*grant != '\0' && !ok);
    fputs(colour && !ok && !unsure ? "\033[31m" : "", stdout);
    ask_wrap(2, text);
    fputs(colour && !ok && !unsure ? "\033[0m" : "", stdout);
    json_t *queues = json_object_get(finding, "queues");
    if (json_is_array(queues)) {
        json_decref(run->w->queues);
        run->w->queues = json_incref(queues);
    }
    json_decref(finding);
}

static bool talk(struct run *run, json_t *secrets)
{
    int in = -1, out = -1;
    char *typed = secrets == NULL ? NULL : dr_json_text(secrets);
    fflush(stdout);
    pid_t pid = spawn_talk(run->argv, typed == NULL ? NULL : &in, &out);
    if (pid > 0 && typed != NULL) {
        /* One that ended early is told by its exit code. */
        signal(SIGPIPE, SIG_IGN);
        size_t left = strlen(typed);
        for (ssize_t n = 1; left > 0 && n > 0; left -= n > 0 ? (size_t)n : 0)
            n = write(in, typed + strlen(typed) - left, left);
        signal(SIGPIPE, SIG_DFL);
        close(in);
    }
    dr_json_free_text(typed);
    FILE *lines = pid < 0 ? NULL : fdopen(out, "r");
    char *line = NULL;
    size_t room = 0;
    for (ssize_t len; lines != NULL && (len = getline(&line, &room, lines)) > 0;) {
        line[strcspn(line, "\n")] = '\0';
        say_finding(run, line);
    }
    free(line);
    if (lines != NULL)
        fclose(lines);
    bool fine = pid > 0 && spawn_wait(pid) == 0;
    if (run->findings == 0)
        ask_complain(run->w, "the test ended before it said anything", false);
    if (run->rights)
        ask_wrap(2, "All rights that Drover needs: answer ! to see them, ready to paste "
                    "(docs/clouds/aws-policy.json)");
    return fine;
}

/* Ctrl-C ends the probe; this program only when nothing of it is left. */
static bool finish(struct run *run, json_t *secrets)
{
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, &before);
    bool fine = talk(run, secrets);
    clean(run);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return fine;
}

/* ---- the probes ------------------------------------------------------------------------------ */
/* Queues of the answers that the server lacks; empty while it was not asked. */
static void create_missing(struct run *run)
{
    json_t *item;
    size_t i;
    json_array_foreach (json_object_get(run->w->answers, "queues"), i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name == NULL || (run->w->queues != NULL && pick_has(run->w->queues, name)) || i >= 100)
            continue;
        option(run, "--create-queue");
        option(run, name);
    }
}

bool probe_clearml(struct wizard *w, bool keep)
{
    struct run run;
    json_t *secrets = json_object_get(w->secrets, "clearml");
    puts(keep ? "\nYour ClearML server:" : "\nAsking the server ...");
    if (!begin(&run, w, "drover-watcher", NULL, keep))
        return false;
    bool typed = json_object_size(secrets) > 0;
    if (typed)
        option(&run, "--secrets");
    if (keep && typed)
        option(&run, "--write");
    if (keep)
        create_missing(&run);
    return finish(&run, typed ? secrets : NULL);
}

bool probe_account(struct wizard *w, size_t index, bool keep)
{
    struct run run;
    const json_t *account = json_array_get(json_object_get(w->answers, "accounts"), index);
    const char *name = json_string_value(json_object_get(account, "name"));
    json_t *secrets = account_secrets(w, index);
    bool fine = true;
    if (name != NULL && (!keep || secrets != NULL)) {
        printf(keep ? "\nAccount %s:\n" : "\nAsking the cloud of account %s ...\n", name);
        fine = begin(&run, w, "drover-provisioner", name, keep);
        if (fine) {
            option(&run, "--draft");
            if (secrets != NULL)
                option(&run, "--secrets");
            if (keep)
                option(&run, "--write");
            fine = finish(&run, secrets);
        }
    }
    json_decref(secrets);
    return fine;
}

/* ---- which files ----------------------------------------------------------------------------- */
static void add_file(json_t *files, const json_t *of, const char *key, const json_t *typed)
{
    json_t *path = json_object_get(of, key);
    if (json_is_string(path) && json_object_size(typed) > 0)
        json_array_append(files, path);
}

json_t *probe_files(const struct wizard *w)
{
    json_t *document = answers_document(w), *files = json_array(), *account;
    size_t i;
    add_file(files, json_object_get(document, "clearml"), "credentials_file",
             json_object_get(w->secrets, "clearml"));
    json_array_foreach (json_object_get(document, "accounts"), i, account) {
        json_t *secrets = account_secrets(w, i);
        add_file(files, account, "credentials_file", json_object_get(secrets, "credentials"));
        add_file(files, account, "secrets_file", json_object_get(secrets, "machines"));
        json_decref(secrets);
    }
    json_decref(document);
    return files;
}

/* ---- without having tried them --------------------------------------------------------------- */
static bool write_one(const json_t *of, const char *key, json_t *tree)
{
    struct dr_error error;
    const char *path = json_string_value(json_object_get(of, key));
    if (path == NULL || json_object_size(tree) == 0)
        return true;
    bool fine = dr_secretfile_write(path, tree, &error);
    printf("  %s\n", fine ? path : error.text);
    return fine;
}

bool probe_write_untried(struct wizard *w)
{
    json_t *document = answers_document(w), *account;
    bool fine = write_one(json_object_get(document, "clearml"), "credentials_file",
                          json_object_get(w->secrets, "clearml"));
    size_t i;
    json_array_foreach (json_object_get(document, "accounts"), i, account) {
        json_t *secrets = account_secrets(w, i);
        fine = fine &&
               write_one(account, "credentials_file", json_object_get(secrets, "credentials")) &&
               write_one(account, "secrets_file", json_object_get(secrets, "machines"));
        json_decref(secrets);
    }
    json_decref(document);
    return fine;
}
