/* SPDX-License-Identifier: Apache-2.0 */
/* Crash points for the restart tests, compiled in with -DDROVER_FAULTS only. With
 *   DROVER_CRASH_AT=attempt.commit:1        or   DROVER_CRASH_AT=attempt.commit:1@/path/of/a/mark
 * in the environment the process ends at once, as if killed, right after the commit of the first
 * such message of its life that was done, and before anybody hears of it. With a mark it does so
 * once: the file is made then, and as long as it is there nothing crashes. */
#ifndef DROVER_LEDGER_FAULTS_H
#define DROVER_LEDGER_FAULTS_H

#ifdef DROVER_FAULTS
/* A message of this name was done in the turn under way. */
void faults_count(const char *name);
/* The turn was committed. */
void faults_strike(void);
#else
static inline void faults_count(const char *name)
{
    (void)name;
}
static inline void faults_strike(void) {}
#endif

#endif
