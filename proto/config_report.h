/* SPDX-License-Identifier: Apache-2.0
 *
 * Where faults of a configuration are gathered, so that all are told at once.
 */
#pragma once
#include "drover/config.h"

#define CFG_FAULTS_MAX 200

struct cfg_report {
    const char *name; /* of the file */
    struct dr_config_errors *errors;
    size_t errors_found, left_out;
};

/* Adds a fault: "NAME:LINE: PATH: TEXT". path may be "" for the file as a whole. */
void cfg_fault(struct cfg_report *report, int line, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void cfg_warning(struct cfg_report *report, int line, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts them in the order of the file and says how many were left out. */
void cfg_report_close(struct cfg_report *report);

/* Which of `count` words is nearest to `word`, near enough to be a slip of the pen; else NULL.
 * nth(arg, i) gives the i-th word. */
const char *cfg_nearest(const char *word, size_t count, const char *(*nth)(const void *arg, size_t),
                        const void *arg);
