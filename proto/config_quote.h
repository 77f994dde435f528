/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts as YAML scalars, the way a person writes them. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stdio.h>

/* Writes text so that every reader of YAML takes it for this text: plain where it can be, else in
 * quotes. inside_list: between [ and ], where commas and brackets end a plain text. */
void cfg_quote(FILE *out, const char *text, bool inside_list);

/* Writes one line of JSON so that it is YAML too: characters that YAML does not take as they are
 * become \uXXXX. */
void cfg_quote_escape(FILE *out, const char *json);

/* True when text has lines and can stand under `|`. */
bool cfg_quote_is_block(const char *text);

/* Writes such a text from the `|` on, each line behind `indent` blanks, newline at the end. */
void cfg_quote_block(FILE *out, const char *text, int indent);
