/* SPDX-License-Identifier: Apache-2.0 */
/* drover.yaml on the disk and its earlier versions. All functions block on the disk. */
#ifndef DROVER_GATEWAY_CONFIGFILE_H
#define DROVER_GATEWAY_CONFIGFILE_H

#include <jansson.h>
#include <stdbool.h>

#include "accounts.h"
#include "error.h"

struct gateway;

struct configfile {
    char *text; /* the caller's */
    char hash[ACCOUNT_HASH_SIZE];
};

/* As droverd was told it ($DROVER_CONFIG), or the one that is to be set up. */
const char *configfile_path(const struct gateway *gateway);
bool configfile_read(const char *path, struct configfile *file, struct dr_error *error);
void configfile_hash(const char *text, char hash[ACCOUNT_HASH_SIZE]);

/* {errors: [{line, path, text, warning}], most: {...}}; whether the running droverd would take it
 * is judged too. good may be NULL. */
json_t *configfile_judge(const struct gateway *gateway, const char *text, bool *good);

/* {per_hour_usd_micros, per_month_usd_micros, unknown, sentence}; a limitless one is null. */
struct dr_cfg_root;
json_t *configfile_most(const struct dr_cfg_root *root);

/* Keeps the old text as a version, unless it is kept already, and puts the new one in its place,
 * whole or not at all. old NULL: there was none. */
bool configfile_replace(const struct gateway *gateway, const struct configfile *old,
                        const char *text, const char *by, const char *note, struct dr_error *error);

/* droverd is to read it. That is the parent where it started this process; nobody else is woken:
 * false, and a person has to tell it. */
bool configfile_tell(const struct gateway *gateway);

/* [{n, t_us, by, hash, note}], newest first. */
json_t *configfile_versions(const struct gateway *gateway);
/* The caller's; NULL: no such version. */
char *configfile_version(const struct gateway *gateway, const char *n);

#endif
