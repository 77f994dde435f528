/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stddef.h>

/* Files of the shell. Blocking; errors are sentences. */

/* The whole file, malloc'd and NUL-terminated; NULL if it cannot be read. */
char *shell_read_file(const char *path, size_t *size);
/* Replaces path (mode 0600) at once: a reader sees the old content or the new. */
int shell_write_file(const char *path, const char *data, size_t size, char *error,
                     size_t error_size);
/* The secret in the file's first line, malloc'd; a missing file is made with a new one. */
int shell_secret(const char *path, char **secret, char *error, size_t error_size);
