/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of `drover import`: another autoscaler's configuration becomes a drover.yaml, the files of
 * its secrets, and a remark for whatever does not mean the same to Drover.
 *
 * Reading (import_read.c, import_yaml.c) gives one tree whatever the file was written in. Shaping
 * (import_shape.c, import_app.c) finds in it the two halves that ClearML's aws_autoscaler.py has,
 * hyper_params and configurations. Mapping takes field after field out of them; what is left over
 * is what Drover does not know, and is said.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define IMPORT_SIZE_MAX ((size_t)4 << 20)

enum import_kind {
    IMPORT_CLEARML, /* hyper and conf are filled */
    IMPORT_DROVER,  /* Drover's own drover.yaml */
    IMPORT_UNKNOWN, /* nothing of an autoscaler in it */
};

struct import {
    const char *source; /* file or task, for people */
    char task[64];      /* id of the task it was read from; "" */
    bool running;       /* that task runs */
    bool app;           /* of a hosted app: resources as a list, each with its queue */
    json_t *hyper;      /* object: hyper_params, emptied as it is mapped */
    json_t *conf;       /* object: configurations, likewise */
    json_t *out;        /* object: drover.yaml */
    json_t *secrets;    /* object: file name -> text */
    json_t *remarks;    /* array of {level, field, value, sentence} */
    json_t *kept;       /* array: what was taken and is still pointed at */
    json_t *common;     /* object: fields that each machine type gets */
    json_t *names;      /* object: resource -> names of its machine types, first choice first */
    const char *secrets_dir; /* where the secrets will be, as drover.yaml names it */
    const char *api_server, *web_server, *files_server; /* found beside the ClearML keys; "" */
    const char *access_key, *secret_key;                /* "" */
    const char *deployment;                             /* asked for; NULL: from the file */
};

/* ---- import_read.c ----------------------------------------------------------------------------
 */
/* JSON, YAML or HOCON, whichever it is, as an object or array that the caller owns. `name` stands
 * in the error, which has line and column where the fault is. */
json_t *import_parse(const char *name, const char *text, size_t len, struct dr_error *error);

/* YAML 1.1 as PyYAML writes and reads it: aliases, merges and tags are understood. */
json_t *import_yaml(const char *name, const char *text, size_t len, struct dr_error *error);

/* A file whole, at most IMPORT_SIZE_MAX; the caller wipes and frees it. NULL with a sentence. */
char *import_file(const char *path, size_t *len, struct dr_error *error);

/* ---- import_shape.c, import_app.c -------------------------------------------------------------
 */
enum import_kind import_shape(struct import *im, const json_t *tree);

/* A hosted app's form, however it is nested: its fields by their names. True if there were any. */
bool import_app(struct import *im, const json_t *tree);

/* What Drover calls a field that ClearML's forms and older versions call otherwise. */
const char *import_canonical(const char *key, char *out, size_t size, bool resource);

/* ---- mapping ----------------------------------------------------------------------------------
 */
/* import_root.c: deployment, worker_prefix, clearml, accounts. */
void import_root(struct import *im);
/* The account whose region this is, made if there is none; region "": the first. */
const char *import_account(struct import *im, const char *region);
/* import_types.c: machine_types, by the account of their zone. */
void import_types(struct import *im);
/* import_queues.c: queues, and the caps of the types. */
void import_queues(struct import *im);
/* The fields that are left. */
void import_leftovers(struct import *im, const char *path, const json_t *from);
/* A word out of [A-Za-z0-9._-] that begins as `text`; out holds at least 64 bytes. */
const char *import_name(const char *text, const char *fallback, char *out);
/* import_gcp.c: says line by line what has no place here. */
bool import_is_gcp(const struct import *im);
void import_gcp(struct import *im);

/* ---- import_values.c --------------------------------------------------------------------------
 */
/* A note: it means something else here, and nothing is to be done. A warning: something is not
 * carried over and a person has to look. The value is shown unless it may be a secret. */
void import_note(struct import *im, const char *field, const json_t *value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void import_warn(struct import *im, const char *field, const json_t *value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Each takes a field out of `from`, whose own path is `path`; missing, null, "" and "None" are the
 * same. What is no such value is said and taken for missing. */
json_t *import_take(struct import *im, json_t *from, const char *key);
const char *import_take_text(struct import *im, json_t *from, const char *path, const char *key);
bool import_take_bool(struct import *im, json_t *from, const char *path, const char *key);
int64_t import_take_int(struct import *im, json_t *from, const char *path, const char *key,
                        int64_t min, int64_t max, int64_t fallback);
/* Minutes, whole or not, as a duration of drover.yaml; NULL when not given. */
const char *import_take_minutes(struct import *im, json_t *from, const char *path, const char *key,
                                int64_t min_ms, int64_t max_ms);
/* A list, or a text with commas. Empty when not given; borrowed from im. */
json_t *import_take_list(struct import *im, json_t *from, const char *path, const char *key);

/* A whole number out of what may be a text; false when it is none. */
bool import_number(const json_t *value, int64_t *out);
/* Text that lives as long as im. */
const char *import_keep(struct import *im, const char *text);
const char *import_printf(struct import *im, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The line of a text in which something looks like a secret; 0: none does. */
int import_secret_line(const char *text);

/* ---- import_takeover.c ------------------------------------------------------------------------
 */
/* The machines behind the registered workers of the imported prefix become this deployment's; a
 * remark for each. config: the written drover.yaml. */
void import_take_over(struct import *im, const char *config);

/* What a program beside this one prints, to be freed, and its exit code; NULL: it did not start. */
char *import_run(const char *program, const char *const *arguments, size_t *len, int *code);

/* ---- import_write.c ---------------------------------------------------------------------------
 */
/* drover.yaml and its secrets, each only if there is none yet or one that is equal. An exit code,
 * after saying why. */
int import_write(const struct import *im, const char *path, const char *text, size_t len);
