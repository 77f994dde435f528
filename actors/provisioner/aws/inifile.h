/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS's credentials and config files (inih underneath), read as Python's configparser does, so that
 * they mean here what they mean to AWS's own tools: names of any length, indented names, values
 * over several lines, no comments behind a value, a section or name that stands twice is an error.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define INI_MAX_SIZE ((size_t)1 << 20)

struct ini;

/* NULL with a sentence (file and line, never a value) when it cannot be read as a whole. */
struct ini *ini_parse_text(const char *file, const char *text, size_t len, struct dr_error *error);

/* Reads a file. NULL and *missing when there is none; NULL otherwise: the sentence says why. Blocks
 * on the disk. */
struct ini *ini_load(const char *path, bool *missing, struct dr_error *error);

/* Wipes and frees; NULL is fine. */
void ini_free(struct ini *ini);

/* The n-th section's name, NULL beyond the last. `ini` may be NULL, here and below. */
const char *ini_section(const struct ini *ini, size_t n);

/* The value, NULL if there is none; names are lower case. Further lines of a value follow after
 * line feeds. Borrowed. */
const char *ini_get(const struct ini *ini, const char *section, const char *name);
