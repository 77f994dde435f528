/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS's error codes, one row each: what it means, and what to tell a person.
 */
#pragma once
#include "errors.h"

struct aws_error_row {
    const char *code; /* a final * stands for any ending */
    enum aws_kind kind;
    const char *what; /* "the image{} does not exist": {} is " " and the name in AWS's message */
    const char *todo; /* NULL: nothing, or {} as above */
};

/* NULL for a code that no row has. "Client." and "Server." before it do not count. */
const struct aws_error_row *aws_error_row(const char *code);
