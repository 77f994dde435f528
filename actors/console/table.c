/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

#define COLUMNS_MAX 16

struct table {
    size_t columns, rows;
    bool right[COLUMNS_MAX];
    size_t width[COLUMNS_MAX];
    char **cells; /* heads first */
};

/* Characters, not bytes: the marks are not ASCII. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void table_row(struct table *table, const char *const *cells)
{
    size_t count = (table->rows + 1) * table->columns;
    table->cells = realloc(table->cells, count * sizeof *table->cells);
    DR_ASSERT(table->cells != NULL);
    for (size_t c = 0; c < table->columns; c++) {
        char *cell = strdup(cells[c]);
        DR_ASSERT(cell != NULL);
        table->cells[table->rows * table->columns + c] = cell;
        if (width_of(cell) > table->width[c])
            table->width[c] = width_of(cell);
    }
    table->rows++;
}

struct table *table_new(const char *const *heads)
{
    struct table *table = calloc(1, sizeof *table);
    const char *names[COLUMNS_MAX];
    DR_ASSERT(table != NULL);
    for (; heads[table->columns] != NULL; table->columns++) {
        DR_ASSERT(table->columns < COLUMNS_MAX);
        const char *head = heads[table->columns];
        table->right[table->columns] = head[0] == '-';
        names[table->columns] = head + (head[0] == '-');
    }
    table_row(table, names);
    return table;
}

static void print_row(const struct table *table, char *const *cells, FILE *out)
{
    for (size_t c = 0; c < table->columns; c++) {
        int pad = (int)(table->width[c] - width_of(cells[c]));
        bool last = c + 1 == table->columns;
        if (table->right[c])
            fprintf(out, "%*s%s", pad, "", cells[c]);
        else
            fprintf(out, "%s%*s", cells[c], last ? 0 : pad, "");
        fputs(last ? "\n" : "  ", out);
    }
}

void table_print(struct table **table, FILE *out)
{
    for (size_t r = 0; r < (*table)->rows; r++)
        print_row(*table, (*table)->cells + r * (*table)->columns, out);
    table_drop(table);
}

void table_drop(struct table **table)
{
    for (size_t i = 0; i < (*table)->rows * (*table)->columns; i++)
        free((*table)->cells[i]);
    free((*table)->cells);
    free(*table);
    *table = NULL;
}
