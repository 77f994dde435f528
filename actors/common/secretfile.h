/* SPDX-License-Identifier: Apache-2.0 */
/* A role's own secret file: only this role opens it. All functions block on the disk. Errors name
 * file and line and never a value. */
#ifndef DROVER_COMMON_SECRETFILE_H
#define DROVER_COMMON_SECRETFILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define DR_SECRETFILE_MAX_SIZE ((size_t)1 << 20)

/* Reads a secret file whole. It must be a regular file (no symbolic link but
 * /proc/self/fd/N), owned by us or root, and without permissions for group and others: otherwise
 * the error says `chmod 600 PATH`. The text has a NUL after its `len` bytes and is the caller's:
 * dr_wipe_free (seal.h). */
char *dr_secretfile_read(const char *path, size_t max_size, size_t *len, struct dr_error *error);

/* Reads it into a tree that the caller owns. The suffix .conf means HOCON (a clearml.conf), any
 * other YAML: mappings, lists and strings (every scalar is a string; anchors, aliases and tags are
 * errors, and so is a key that stands twice). An empty file is an empty object. */
json_t *dr_secretfile_load(const char *path, struct dr_error *error);
/* Likewise, but others may read it: for a file of somebody else's kind that is copied from. */
json_t *dr_secretfile_load_open(const char *path, struct dr_error *error);

/* Reads standard input to its end: one JSON object with secrets, which the caller owns. The error
 * quotes nothing of it. Blocks. */
json_t *dr_secret_read_stdin(struct dr_error *error);

/* Writes objects, lists of objects and texts as YAML that dr_secretfile_load reads; empty ones are
 * left out. The file is 0600 and whole from the first moment; one that is there is replaced. */
bool dr_secretfile_write(const char *path, json_t *tree, struct dr_error *error);

#endif
