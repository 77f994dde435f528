/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>

#include "error.h"

/* Moves this single-threaded process into a UTS namespace of its own whose host name is `name`: as
 * root plainly, as a user through a user namespace in which it stays the same user. False with a
 * sentence when this host allows neither. Everything it starts inherits the namespace. */
bool uts_enter(const char *name, struct dr_error *error);
