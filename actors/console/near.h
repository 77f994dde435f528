/* SPDX-License-Identifier: Apache-2.0 */
/* What a person may have meant who wrote a name that does not exist. Pure. */
#pragma once
#include <stddef.h>

/* The names that were offered so far, and the nearest of them. */
struct near {
    const char *word; /* as it was written */
    const char *best; /* borrowed; NULL: none is near */
    size_t distance;
};

/* Begins a search for this word. */
struct near near_begin(const char *word);

/* Offers a name: NULL and "" are none. Near is what a few slips of the finger make of it: letters
 * left out, doubled, exchanged or in each other's place, in proportion to its length; and what
 * begins with it. */
void near_offer(struct near *near, const char *name);

/* The same for each of these words, separated by spaces; they are not borrowed: *best is copied
 * into out where one of them is the nearest. */
void near_offer_words(struct near *near, const char *words, char *out, size_t size);
