/* SPDX-License-Identifier: Apache-2.0
 *
 * Which environment variables a process is handed (topology.def, column environment).
 */
#pragma once
#include <stddef.h>

/* Fills out with the entries of environ whose names stand in `names` (separated by blanks, a
 * trailing
 * * matches a prefix) or are of the few that everybody gets, and a NULL behind them; at most max
 * pointers in all. The entries are environ's own. Returns how many. */
size_t dr_environment_pick(const char *names, char **out, size_t max);
