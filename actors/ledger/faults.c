/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

#ifdef DROVER_FAULTS
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "crash.h"

static bool due;

void faults_count(const char *name)
{
    char before[96];
    snprintf(before, sizeof before, "%s.uncommitted", name);
    if (dr_crash_due(before))
        _exit(137);
    due = dr_crash_due(name) || due;
}

void faults_strike(void)
{
    if (due)
        _exit(137);
}
#else
/* ISO C forbids an empty file. */
typedef int faults_are_off;
#endif
