/* SPDX-License-Identifier: Apache-2.0
 * What an actor's exit code tells droverd. */
#pragma once

#define DR_EXIT_OK 0 /* stopped as asked */
#define DR_EXIT_CONFIG                                                                          \
    100                   /* do not try again before the configuration changes (guards: slowly) \
                           */
#define DR_EXIT_RETRY 111 /* a passing fault: try again */
