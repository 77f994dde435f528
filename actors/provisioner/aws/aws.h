/* SPDX-License-Identifier: Apache-2.0
 *
 * The EC2 driver's state, shared by its files and by nobody else.
 */
#pragma once
#include "../driver.h"
#include "answer.h"
#include "call.h"
#include "creds.h"
#include "request.h"

#define AWS_ID 32

struct aws_ending; /* terminate.c: a machine whose end is asked for in the next call */
struct aws_batch;  /* terminate.c: such a call, under way */
struct aws_notice; /* list.c: a spot machine that will be taken */

struct aws_image_fact {
    char ami[96], root_device[64];
};

/* What is asked once, and again when the configuration or the keys change. */
struct aws_facts {
    char identity[128];     /* "aws:123456789012:eu-west-1"; "" until known */
    char identity_key[160]; /* public half of the keys that it was asked with */
    char arn[256];
    struct aws_sizes sizes;
    struct aws_image_fact *images;
    size_t image_count, image_asked; /* asked for one after the other */
    bool sizes_known;
    bool types_alone; /* one of them is unknown to EC2, which then says nothing of any */
    size_t type_at;   /* of the configuration's: the next to be asked for alone */
    bool asking;      /* something is still not known */
    bool again;       /* the configuration changed meanwhile */
    int timer;        /* asks again; -1: none */
    unsigned failures;
};

struct aws {
    struct _zloop_t *loop;
    const struct dr_cfg_root *config;
    const struct dr_cfg_account *account;
    char deployment[64], region[64];
    struct aws_creds *creds;
    struct aws_caller *caller;
    struct aws_facts facts;
    struct aws_ending *endings;
    struct aws_batch *batches;
    int ending_timer; /* -1: none */
    struct aws_notice *notices;
    int64_t notices_ms; /* when they were asked for; 0: never */
};

/* ---- facts.c -------------------------------------------------------------------------------- */
/* Asks for everything that the configuration as it is now needs. */
void facts_again(struct aws *aws);
void facts_free(struct aws *aws);
/* "" while something is not known that a launch needs. */
const char *facts_identity(void *self);
unsigned facts_gpus(void *self, const struct dr_cfg_type *type);
const char *facts_root_device(const struct aws *aws, const char *ami);
/* Why an answer that was signed with these keys proves nothing: it is not known whose they are, and
 * that is being asked. NULL: they are the ones whose account is known. */
const char *facts_doubt(struct aws *aws, const char *access_key);

/* ---- list.c --------------------------------------------------------------------------------- */
void aws_list_all(void *self, driver_listed_fn done, void *arg);
void aws_describe_one(void *self, const char *instance, driver_listed_fn done, void *arg);
/* What carries an attempt's id, whole: to find what a token has started. */
void aws_list_of_attempt(struct aws *aws, const char *attempt, driver_listed_fn done, void *arg);
void notices_free(struct aws *aws);

/* ---- launch.c ------------------------------------------------------------------------------- */
void aws_launch(void *self, const char *attempt, const char *body, size_t len, driver_done_fn done,
                void *arg);

/* ---- terminate.c, console.c ----------------------------------------------------------------- */
void aws_terminate_one(void *self, const char *instance, driver_done_fn done, void *arg);
void endings_free(struct aws *aws);
void aws_tag_one(void *self, const char *instance, const char *machine, driver_done_fn done,
                 void *arg);
void aws_console_of(void *self, const char *instance, driver_console_fn done, void *arg);

/* ---- probe.c -------------------------------------------------------------------------------- */
void aws_probe(void *self, driver_found_fn found, driver_done_fn done, void *arg);

/* ---- takeover.c ----------------------------------------------------------------------------- */
void aws_take_over(void *self, const struct driver_takeover *items, size_t count,
                   driver_found_fn found, driver_done_fn done, void *arg);

/* An error as the engine takes it; instances empty. The sentence is borrowed from `error`. */
struct driver_answer aws_answer_of(const struct aws_error *error);
