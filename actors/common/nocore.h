/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_COMMON_NOCORE_H
#define DROVER_COMMON_NOCORE_H

/* Keeps secrets out of core dumps: RLIMIT_CORE 0, and not dumpable, so that no other process of
 * the same user may read our memory either. Called first thing by each actor that holds a secret;
 * a change of user id would undo it, so after dropping privileges. */
void dr_no_core(void);

#endif
