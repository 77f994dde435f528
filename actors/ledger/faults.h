/* SPDX-License-Identifier: Apache-2.0 */
/* Crash points for the restart tests, compiled in with -DDROVER_FAULTS only: with
 * DROVER_CRASH_AT=attempt.commit:1 in the environment the process ends at once, as if killed, right
 * after the commit of the first such message that was done and before anybody hears of it. */
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
