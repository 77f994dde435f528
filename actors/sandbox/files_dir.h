/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "core.h"

/* Keeps the sandbox's uploaded files in a directory, which is made if it is missing. 0, or -1 with
 * a sentence in error. The directory stays open until the process ends. */
int files_dir_open(struct sandbox *sb, const char *dir, char *error, size_t error_size);
