/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "drover/assert.h"

#define COLUMNS_MAX 16

struct table {
    size_t columns, rows;
    bool right[COLUMNS_MAX];
    size_t width[COLUMNS_MAX];
    char **cells; /* heads first */
    size_t below; /* columns of the terminal, when the last column goes below its row; else 0 */
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

/* Columns of the terminal that it goes to; 0: it goes to none, and lines are as long as they are.
 */
static size_t room_of(FILE *out)
{
    struct winsize size;
    int fd = fileno(out);
    if (fd < 0 || !isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

/* Bytes of the text that fit into so many columns, broken between words where one can. */
static size_t fit(const char *text, size_t room)
{
    size_t len = 0, used = 0, word = 0;
    for (; text[len] != '\0'; len++) {
        if (((unsigned char)text[len] & 0xc0) != 0x80 && ++used > room)
            return word > 0 ? word : len;
        if (text[len] == ' ')
            word = len;
    }
    return len;
}

/* The last cell, a text in words, below its row. */
static void print_below(const char *text, size_t room, FILE *out)
{
    while (*text != '\0') {
        size_t len = fit(text, room > 20 ? room - 4 : 16);
        fprintf(out, "    %.*s\n", (int)len, text);
        text += len;
        while (*text == ' ')
            text++;
    }
}

static void print_row(const struct table *table, char *const *cells, FILE *out)
{
    for (size_t c = 0; c < table->columns; c++) {
        int pad = (int)(table->width[c] - width_of(cells[c]));
        bool last = c + 1 == table->columns;
        if (last && table->below > 0) {
            fputc('\n', out);
            if (strcmp(cells[c], "-") != 0)
                print_below(cells[c], table->below, out);
            continue;
        }
        if (table->right[c])
            fprintf(out, "%*s%s", pad, "", cells[c]);
        else
            fprintf(out, "%s%*s", cells[c], last ? 0 : pad, "");
        fputs(last ? "\n" : "  ", out);
    }
}

/* A last column of words that would be broken by the terminal goes below its row instead. */
static size_t below(const struct table *table, FILE *out)
{
    size_t room = room_of(out), width = 0;
    for (size_t c = 0; c < table->columns; c++)
        width += table->width[c] + (c == 0 ? 0 : 2);
    size_t last = table->width[table->columns - 1];
    return room > 0 && width > room && last > 20 ? room : 0;
}

void table_print(struct table **table, FILE *out)
{
    (*table)->below = below(*table, out);
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
