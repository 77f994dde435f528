/* SPDX-License-Identifier: Apache-2.0 */
/* What the wizard's operations share. Secrets come in, go on to the probe that needs them, and stay
 * nowhere here. */
#ifndef DROVER_GATEWAY_WIZARD_H
#define DROVER_GATEWAY_WIZARD_H

#include <limits.h>

#include "configfile.h"
#include "gateway.h"

/* ---- the draft ------------------------------------------------------------------------------ */
/* The `config` of the body, completed at a first start with what only the gateway knows. A new
 * reference; NULL: 400 is answered. */
json_t *wizard_draft(struct request *request);
/* As the configuration's reader takes it: 0.6 stays 0.6. The caller's (free). */
char *wizard_text(const json_t *draft);
/* At a first start: the directory that keeps the logins must stay. False: what is wrong with
 * state_dir is added to the faults. root NULL, which has faults of its own: true. */
bool wizard_state_fits(const struct gateway *gateway, const struct dr_cfg_root *root,
                       json_t *faults);
/* [{path, text, warning}] */
json_t *wizard_faults(const struct dr_config_errors *errors);

/* ---- secrets -------------------------------------------------------------------------------- */
/* Names the files that typed secrets go into, where the draft names none: DIR/clearml.yaml,
 * DIR/keys-ACCOUNT.yaml, DIR/secrets-ACCOUNT.yaml, or a name of that kind that is free. */
void wizard_name_files(json_t *draft, const json_t *secrets, const char *dir);
/* What a probe reads: of the watcher (account NULL) or of an account's provisioner. NULL: nothing
 * was typed for it. The caller's: dr_json_free_text. */
char *wizard_input(const json_t *secrets, const char *account);
/* Appends the files that these secrets will be written to. */
void wizard_written(const json_t *draft, const json_t *secrets, json_t *files);

/* ---- probes, one after the other ------------------------------------------------------------- */
#define WIZARD_CREATE_MAX 100

struct wizard_job {
    struct request *request;
    json_t *draft, *secrets; /* owned; secrets may be NULL */
    json_t *steps;           /* accounts to try; "": the server */
    json_t *create;          /* queues to make, or NULL */
    bool write, strict;      /* strict: the draft is whole */
    json_t *findings, *queues;
    bool failed;
    size_t at;
    char config_path[PATH_MAX]; /* the draft as a file, 0600, gone at the end */
    void (*done)(struct wizard_job *job);
    void *data; /* of who asked */
};

/* Takes draft and secrets over. Steps are added to ->steps before wizard_job_run. */
struct wizard_job *wizard_job_new(struct request *request, json_t *draft, json_t *secrets);
/* Calls job->done when the last step has ended, or the first that failed when it writes. */
void wizard_job_run(struct wizard_job *job);
void wizard_job_free(struct wizard_job *job);
/* The first finding that is bad, as a sentence; "" when there is none. */
void wizard_job_why(const struct wizard_job *job, char *out, size_t room);

#endif
