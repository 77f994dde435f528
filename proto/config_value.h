/* SPDX-License-Identifier: Apache-2.0
 *
 * The scalars of drover.yaml and of config.def's defaults. Pure; nothing here keeps a pointer.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each returns true and sets *value; false when text is no such thing. */

/* A whole number, at most 18 digits, with an optional minus. */
bool cfg_value_int(const char *text, int64_t *value);

/* A whole number and one unit out of ms s m h d ("90s"), as milliseconds. */
bool cfg_value_duration(const char *text, int64_t *ms);

/* Dollars with up to six decimals ("0.526"), as millionths. */
bool cfg_value_usd(const char *text, int64_t *micros);

/* true or false (also True, TRUE …, as YAML 1.2 has it). */
bool cfg_value_bool(const char *text, bool *value);

/* One to 63 characters out of [A-Za-z0-9._-]. */
bool cfg_value_name(const char *text);

/* True when `word` is one of the "a|b|c" in words. */
bool cfg_value_is_word(const char *words, const char *word);

/* How a duration is written: the largest unit that divides it. buffer of at least 32 bytes. */
const char *cfg_value_show_duration(int64_t ms, char *buffer, size_t size);

/* How money is written: "5", "0.526". buffer of at least 32 bytes. */
const char *cfg_value_show_usd(int64_t micros, char *buffer, size_t size);

/* True when a key or variable of this name would hold a secret: one of its parts, split at _ and -,
 * is secret, password, passwd, token or the like. */
bool cfg_value_names_secret(const char *name);
