/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_COMMON_CRASH_H
#define DROVER_COMMON_CRASH_H

#include <stdbool.h>

/* Crash points for the restart tests; called by builds with -DDROVER_FAULTS only. The environment
 * names them, separated by commas:
 *   DROVER_CRASH_AT=attempt.commit:1,after-launch:2@/path/of/a/mark
 * Counts a passing of `point` and says whether the process is to end now, as if killed: at the N-th
 * passing of its life. With a mark it does so once in all lives: the file is made then, and while
 * it is there the point is passed. */
bool dr_crash_due(const char *point);

#endif
