/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that can be tried without starting a machine: whose the credentials are, every right
 * that the driver needs, and every offering of every type (EC2's DryRun). One step after the other.
 */
#include <czmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "drover/assert.h"

/* No machine has it. Where the right is tied to our tag, EC2 refuses a machine that has none. */
#define NOBODY "i-0123456789abcdef0"

struct probing {
    struct aws *aws;
    size_t step;
    size_t type, offering; /* of the launches that are tried */
    char launch[256];      /* what is tried now */
    char instance[AWS_ID]; /* one of ours, or NOBODY */
    bool failed;
    driver_found_fn found;
    driver_done_fn done;
    void *arg;
};

static void next_step(struct probing *probing);

static void report(struct probing *probing, const struct driver_finding *finding)
{
    probing->failed = probing->failed || (!finding->ok && !finding->unsure);
    probing->found(probing->arg, finding);
}

static void good(struct probing *probing, const char *what, const char *sentence)
{
    struct driver_finding finding = {.ok = true, .what = what, .sentence = sentence, .grant = ""};
    report(probing, &finding);
}

static void bad(struct probing *probing, const char *what, const char *sentence, const char *grant)
{
    struct driver_finding finding = {.what = what, .sentence = sentence, .grant = grant};
    report(probing, &finding);
}

/* The right that a refusal names ("... not authorized to perform: iam:PassRole on ..."), else the
 * call's own; "" where it was not for a right. */
static const char *right_of(const struct aws_error *error, const char *own, char out[96])
{
    static const char *const codes[] = {"UnauthorizedOperation", "AccessDenied",
                                        "AccessDeniedException"};
    const char *at = strstr(error->message, "perform: ");
    size_t len = at ? strcspn(at + 9, " ,.\"") : 0;
    out[0] = '\0';
    if (strstr(error->code, "ServiceLinkedRole"))
        snprintf(out, 96, "iam:CreateServiceLinkedRole");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (strcmp(error->code, codes[i]) == 0)
            snprintf(out, 96, "%s", own ? own : "");
    }
    if (out[0] && len > 0 && len < 96 && memchr(at + 9, ':', len))
        snprintf(out, 96, "%.*s", (int)len, at + 9);
    return out;
}

static void judge(struct probing *probing, enum aws_action action, const struct aws_reply *reply)
{
    const struct aws_action_row *row = aws_action_row(action);
    char what[128], right[96];
    enum aws_kind kind = reply->error.kind;
    snprintf(what, sizeof what, "%s:%s", row->service, row->name);
    bool allowed = kind == AWS_OK || kind == AWS_DRY_RUN_OK || kind == AWS_NOT_FOUND;
    struct driver_finding finding = {
        .ok = allowed,
        .what = what,
        .sentence = allowed ? row->why : reply->error.sentence,
        .grant = kind == AWS_REFUSED ? right_of(&reply->error, row->right, right) : "",
        .unsure = kind == AWS_REFUSED && row->condition && strcmp(probing->instance, NOBODY) == 0,
    };
    char sentence[1024];
    if (finding.unsure) {
        snprintf(sentence, sizeof sentence,
                 "%s (tried on a machine that does not exist: where the policy ties this right to "
                 "the tag drover-deployment, that is refused too. Check again while a machine "
                 "runs)",
                 reply->error.sentence);
        finding.sentence = sentence;
    }
    report(probing, &finding);
}

/* ---- credentials ---------------------------------------------------------------------------- */
static void finish(struct probing *probing)
{
    struct driver_answer answer = {.class = probing->failed ? DRIVER_OTHER : DRIVER_OK,
                                   .sentence = ""};
    probing->done(probing->arg, "", &answer);
    free(probing);
}

static void on_identity(void *arg, const struct aws_reply *reply)
{
    struct probing *probing = arg;
    struct aws_identity who;
    struct dr_error error;
    char sentence[512];
    if (reply->error.kind != AWS_OK) {
        bad(probing, "credentials", reply->error.sentence, "");
        finish(probing); /* nothing else can be told */
        return;
    }
    if (!aws_read_identity(reply->body, reply->len, &who, &error)) {
        bad(probing, "credentials", error.text, "");
        finish(probing);
        return;
    }
    snprintf(sentence, sizeof sentence, "%s of AWS account %s in %s, from %s", who.arn, who.account,
             probing->aws->region, aws_creds_source(probing->aws->creds));
    good(probing, "credentials", sentence);
    next_step(probing);
}

static void try_identity(struct probing *probing)
{
    struct dr_strbuf body = {0};
    aws_begin(&body, "GetCallerIdentity", AWS_STS_VERSION);
    aws_call(probing->aws->caller, AWS_GET_CALLER_IDENTITY, body.data, body.len, 0, on_identity,
             probing);
    dr_strbuf_free(&body);
}

/* ---- reading -------------------------------------------------------------------------------- */
static void on_list(void *arg, const struct aws_reply *reply)
{
    struct probing *probing = arg;
    struct aws_instances got = {0};
    struct dr_error error;
    judge(probing, AWS_DESCRIBE_INSTANCES, reply);
    if (reply->error.kind == AWS_OK && aws_read_instances(reply->body, reply->len, &got, &error)) {
        for (size_t i = 0; i < got.count; i++) {
            if (strcmp(got.items[i].state, "running") == 0)
                snprintf(probing->instance, sizeof probing->instance, "%s", got.items[i].id);
        }
    }
    aws_instances_free(&got);
    next_step(probing);
}

static void try_list(struct probing *probing)
{
    struct dr_strbuf body = {0};
    aws_list(probing->aws->deployment, "", &body);
    aws_call(probing->aws->caller, AWS_DESCRIBE_INSTANCES, body.data, body.len, 0, on_list,
             probing);
    dr_strbuf_free(&body);
}

static const struct dr_cfg_type *type_at(const struct probing *probing, size_t n)
{
    const struct dr_cfg_root *config = probing->aws->config;
    for (size_t i = 0; i < config->machine_types.count; i++) {
        if (strcmp(config->machine_types.items[i].account, probing->aws->account->name) == 0 &&
            n-- == 0)
            return &config->machine_types.items[i];
    }
    return NULL;
}

/* A call whose answer says no more than whether it may be made. */
struct trial {
    struct probing *probing;
    enum aws_action action;
};

static void on_trial(void *arg, const struct aws_reply *reply)
{
    struct trial *trial = arg;
    judge(trial->probing, trial->action, reply);
    next_step(trial->probing);
    free(trial);
}

static void try_action(struct probing *probing, enum aws_action action, struct dr_strbuf *body)
{
    struct trial *trial = calloc(1, sizeof *trial);
    DR_ASSERT(trial);
    *trial = (struct trial){.probing = probing, .action = action};
    aws_call(probing->aws->caller, action, body->data, body->len, 0, on_trial, trial);
    dr_strbuf_free(body);
}

static void try_types(struct probing *probing)
{
    struct dr_strbuf body = {0};
    const struct dr_cfg_type *type = type_at(probing, 0);
    const char *types[] = {type ? type->instance_type : "t3.micro"};
    aws_types(types, 1, &body);
    try_action(probing, AWS_DESCRIBE_TYPES, &body);
}

static void try_offerings(struct probing *probing)
{
    struct dr_strbuf body = {0};
    const struct dr_cfg_type *type = type_at(probing, 0);
    const char *types[] = {type ? type->instance_type : "t3.micro"};
    aws_offerings(types, 1, "", &body);
    try_action(probing, AWS_DESCRIBE_OFFERINGS, &body);
}

static void try_image(struct probing *probing)
{
    struct dr_strbuf body = {0};
    const struct dr_cfg_type *type = type_at(probing, 0);
    if (!type || strncmp(type->ami_id, "ami-", 4) != 0) {
        next_step(probing);
        return;
    }
    aws_image(type->ami_id, &body);
    try_action(probing, AWS_DESCRIBE_IMAGES, &body);
}

/* ---- writing, as a dry run ------------------------------------------------------------------ */
static void try_dry(struct probing *probing, enum aws_action action, struct dr_strbuf *body)
{
    aws_field_bool(body, "DryRun", true);
    try_action(probing, action, body);
}

static void try_terminate(struct probing *probing)
{
    struct dr_strbuf body = {0};
    const char *instances[] = {probing->instance};
    aws_terminate(instances, 1, &body);
    try_dry(probing, AWS_TERMINATE_INSTANCES, &body);
}

static void try_tag(struct probing *probing)
{
    struct dr_strbuf body = {0};
    aws_tag(probing->instance, "drover-machine", "probe", &body);
    try_dry(probing, AWS_CREATE_TAGS, &body);
}

static void try_console(struct probing *probing)
{
    struct dr_strbuf body = {0};
    aws_console(probing->instance, false, &body);
    try_dry(probing, AWS_GET_CONSOLE_OUTPUT, &body);
}

static void try_spot(struct probing *probing)
{
    struct dr_strbuf body = {0};
    bool spot = false;
    for (size_t n = 0; type_at(probing, n); n++)
        spot = spot || type_at(probing, n)->spot;
    if (!spot) {
        next_step(probing);
        return;
    }
    aws_spot_requests(NULL, 0, &body);
    try_dry(probing, AWS_DESCRIBE_SPOT_REQUESTS, &body);
}

/* ---- launches ------------------------------------------------------------------------------- */
static void on_launch(void *arg, const struct aws_reply *reply)
{
    struct probing *probing = arg;
    char right[96];
    if (reply->error.kind == AWS_DRY_RUN_OK)
        good(probing, probing->launch, "it may be started");
    else
        bad(probing, probing->launch,
            reply->error.kind == AWS_OK ? "EC2 started a machine although only a dry run was asked "
                                          "for: it is ended by its tag"
                                        : reply->error.sentence,
            reply->error.kind == AWS_REFUSED ? right_of(&reply->error, "ec2:RunInstances", right)
                                             : "");
    probing->offering++;
    next_step(probing);
}

/* One launch; false when there is none left. */
static bool try_launch(struct probing *probing)
{
    struct aws *aws = probing->aws;
    const struct dr_cfg_type *type = type_at(probing, probing->type);
    char offering[160];
    struct dr_error error;
    if (!type)
        return false;
    /* What is wrong with the type itself was said at the beginning. */
    if (!aws_check_type(type, &error) ||
        !aws_offering(type, probing->offering, offering, sizeof offering)) {
        probing->type++;
        probing->offering = 0;
        return try_launch(probing);
    }
    struct driver_request request = {.attempt = "probe",
                                     .count = 1,
                                     .account = aws->account,
                                     .type = type,
                                     .offering = offering,
                                     .deployment = aws->deployment,
                                     .ledger_id = "probe",
                                     .user_data = "#!/bin/true\n",
                                     .user_data_len = strlen("#!/bin/true\n")};
    struct dr_strbuf body = {0}, trial = {0};
    snprintf(probing->launch, sizeof probing->launch, "type %s: %s", type->name, offering);
    if (aws_run_instances(&request, facts_root_device(aws, type->ami_id), &body, &error) &&
        aws_dry_run(body.data, &trial)) {
        aws_call(aws->caller, AWS_RUN_INSTANCES, trial.data, trial.len, 1, on_launch, probing);
    } else {
        bad(probing, probing->launch, error.text, "");
        probing->type++; /* its other offerings would say the same */
        probing->offering = 0;
        dr_strbuf_free(&body);
        dr_strbuf_free(&trial);
        return try_launch(probing);
    }
    dr_strbuf_free(&body);
    dr_strbuf_free(&trial);
    return true;
}

/* A launch is built with what the driver asks for beside the probe: an image's root device. */
static void wait_facts(struct probing *probing);

static int on_facts_look(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    wait_facts(arg);
    return 0;
}

static void wait_facts(struct probing *probing)
{
    const int look_ms = 20;
    const struct aws_facts *facts = &probing->aws->facts;
    if (facts->asking && facts->failures == 0)
        zloop_timer(probing->aws->loop, (size_t)look_ms, 1, on_facts_look, probing);
    else
        next_step(probing);
}

static void check_types(struct probing *probing)
{
    const struct dr_cfg_type *type;
    for (size_t n = 0; (type = type_at(probing, n)); n++) {
        char what[128];
        struct dr_error error;
        snprintf(what, sizeof what, "type %s", type->name);
        if (!aws_check_type(type, &error))
            bad(probing, what, error.text, "");
    }
}

static void next_step(struct probing *probing)
{
    static void (*const steps[])(struct probing *) = {
        try_identity, try_list,      try_types, try_offerings, try_image,
        try_spot,     try_terminate, try_tag,   try_console,   wait_facts,
    };
    if (probing->step < sizeof steps / sizeof *steps)
        steps[probing->step++](probing);
    else if (!try_launch(probing))
        finish(probing);
}

void aws_probe(void *self, driver_found_fn found, driver_done_fn done, void *arg)
{
    struct probing *probing = calloc(1, sizeof *probing);
    DR_ASSERT(probing);
    probing->aws = self;
    probing->found = found;
    probing->done = done;
    probing->arg = arg;
    snprintf(probing->instance, sizeof probing->instance, "%s", NOBODY);
    check_types(probing);
    next_step(probing);
}
