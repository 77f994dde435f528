/* SPDX-License-Identifier: Apache-2.0
 *
 * The pages that drover-docgen prints, one function each.
 */
#pragma once
#include <stdio.h>

void docgen_config(FILE *out);
void docgen_messages(FILE *out);
void docgen_man(FILE *out);
