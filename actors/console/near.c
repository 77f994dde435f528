/* SPDX-License-Identifier: Apache-2.0 */
#include "near.h"

#include <stdio.h>
#include <string.h>

#define LENGTH_MAX 80

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Damerau's distance of neighbours exchanged (optimal string alignment), by three rows. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][LENGTH_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3], *before = rows[(i - 1) % 3], *earlier = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = least(least(before[j] + 1, row[j - 1] + 1), before[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], earlier[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

struct near near_begin(const char *word)
{
    return (struct near){.word = word};
}

void near_offer(struct near *near, const char *name)
{
    size_t len = strlen(near->word), other = name == NULL ? 0 : strlen(name);
    if (len == 0 || other == 0 || len > LENGTH_MAX || other > LENGTH_MAX)
        return;
    size_t far = len >= 3 && strncmp(name, near->word, len) == 0
                     ? 1
                     : distance(near->word, len, name, other);
    size_t most = least(len, other) <= 3 ? 1 : least(len, other) <= 7 ? 2 : 3;
    if (far > most || (near->best != NULL && far >= near->distance))
        return;
    near->best = name;
    near->distance = far;
}

void near_offer_words(struct near *near, const char *words, char *out, size_t size)
{
    while (*words != '\0') {
        char word[LENGTH_MAX + 1];
        size_t len = strcspn(words, " ");
        const char *before = near->best;
        snprintf(word, sizeof word, "%.*s", (int)len, words);
        near_offer(near, word);
        if (near->best == word) {
            snprintf(out, size, "%s", word);
            near->best = out;
        } else {
            near->best = before;
        }
        words += len + (words[len] == ' ');
    }
}
