/* SPDX-License-Identifier: Apache-2.0 */
/* Crash points for the restart tests (common/crash.h), compiled in with -DDROVER_FAULTS only. For
 * each message NAME that changes something there are two: NAME right after the commit and before
 * anybody hears of it, NAME.uncommitted right before the commit, so that nothing of the turn stays.
 */
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
