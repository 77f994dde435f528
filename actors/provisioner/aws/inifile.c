/* SPDX-License-Identifier: Apache-2.0 */
#include "inifile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "drover/assert.h"
#include "seal.h"
#include "strbuf.h"

#define LINE_MAX_BYTES 16384 /* session tokens have 400 to 2,000 */

struct entry {
    struct entry *next;
    char *name;
    struct dr_strbuf value;
};

struct section {
    struct section *next;
    char *name;
    struct entry *entries;
};

struct ini {
    struct section *sections;
};

/* inih cuts a section's name at 49 bytes and takes every indented line for a further line of the
 * value before. So it is handed lines whose section is a mere "[s]" and whose indentation is gone
 * unless it means something; what they belong to is known here. */
struct reading {
    const char *file, *at, *end;
    int line;
    size_t indent; /* of the last name */
    bool further;  /* the line goes on with a value */
    struct ini *ini;
    struct section *section;
    struct entry *entry;
    struct dr_error *error;
    bool failed;
};

static char *copy(const char *text, size_t len)
{
    char *result = strndup(text, len);
    DR_ASSERT(result != NULL);
    return result;
}

static void fail(struct reading *reading, const char *what)
{
    if (!reading->failed)
        dr_error_set_at(reading->error, reading->line, 0, "%s line %d: %s", reading->file,
                        reading->line, what);
    reading->failed = true;
}

static struct section *find_section(const struct ini *ini, const char *name)
{
    struct section *section = NULL;
    LL_FOREACH(ini ? ini->sections : NULL, section)
    {
        if (strcmp(section->name, name) == 0)
            return section;
    }
    return NULL;
}

static struct entry *find_entry(const struct section *section, const char *name)
{
    struct entry *entry = NULL;
    LL_FOREACH(section ? section->entries : NULL, entry)
    {
        if (strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

static void open_section(struct reading *reading, const char *text, size_t len)
{
    const char *close = memrchr(text, ']', len);
    if (!close || close == text + 1) {
        fail(reading, "a section's name has no end");
        return;
    }
    char *name = copy(text + 1, (size_t)(close - text) - 1);
    if (find_section(reading->ini, name))
        fail(reading, "this section stands twice in the file");
    struct section *section = calloc(1, sizeof *section);
    DR_ASSERT(section != NULL);
    section->name = name;
    LL_APPEND(reading->ini->sections, section);
    reading->section = section;
    reading->entry = NULL;
}

/* fgets for inih: the next line, made plain. */
static char *next_line(char *out, int size, void *arg)
{
    struct reading *reading = arg;
    if (reading->at >= reading->end || reading->failed)
        return NULL;
    const char *text = reading->at;
    const char *feed = memchr(text, '\n', (size_t)(reading->end - text));
    size_t len = (size_t)((feed ? feed : reading->end) - text);
    reading->at = text + len + (feed ? 1 : 0);
    reading->line++;
    size_t indent = 0;
    while (indent < len && isspace((unsigned char)text[indent]))
        indent++;
    text += indent;
    len -= indent;
    out[0] = '\0';
    if (len == 0 || text[0] == '#' || text[0] == ';')
        return out;
    if (len + 3 > (size_t)size || memchr(text, '\0', len)) {
        fail(reading, "too long for a line of this file, or no text");
        return NULL;
    }
    reading->further = reading->entry && indent > reading->indent;
    if (!reading->further && text[0] == '[') {
        open_section(reading, text, len);
        memcpy(out, "[s]", sizeof "[s]");
        return out;
    }
    if (!reading->further)
        reading->indent = indent;
    out[0] = ' ';
    size_t at = reading->further ? 1 : 0;
    memcpy(out + at, text, len);
    out[at + len] = '\0';
    return out;
}

static int on_value(void *arg, const char *section, const char *name, const char *value)
{
    struct reading *reading = arg;
    (void)section;
    if (reading->failed)
        return 1;
    if (!reading->section) {
        fail(reading, "a name stands before the first [section]");
        return 1;
    }
    if (reading->further) {
        dr_strbuf_add(&reading->entry->value, "\n", 1);
        dr_strbuf_add_text(&reading->entry->value, value);
        return 1;
    }
    char *lower = copy(name, strlen(name));
    for (char *at = lower; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    if (find_entry(reading->section, lower))
        fail(reading, "this name stands twice in its section");
    struct entry *entry = calloc(1, sizeof *entry);
    DR_ASSERT(entry != NULL);
    entry->name = lower;
    dr_strbuf_add_text(&entry->value, value);
    LL_APPEND(reading->section->entries, entry);
    reading->entry = entry;
    return 1;
}

/* inih keeps the line on its stack and leaves it there: the last secret of the file. */
__attribute__((noinline)) static void scrub_stack(void)
{
    char area[LINE_MAX_BYTES + 4096];
    explicit_bzero(area, sizeof area);
}

struct ini *ini_parse_text(const char *file, const char *text, size_t len, struct dr_error *error)
{
    struct ini *ini = calloc(1, sizeof *ini);
    DR_ASSERT(ini != NULL);
    struct reading reading = {
        .file = file, .at = text, .end = text + len, .ini = ini, .error = error};
    ini_use_stack = true;
    ini_max_line = LINE_MAX_BYTES;
    ini_allow_inline_comments = false;
    ini_allow_multiline = true;
    ini_stop_on_first_error = true;
    int line = ini_parse_stream(next_line, &reading, on_value, &reading);
    scrub_stack();
    if (line != 0 && !reading.failed)
        fail(&reading, "neither [section] nor NAME = VALUE");
    if (!reading.failed)
        return ini;
    ini_free(ini);
    return NULL;
}

static bool read_text(int fd, const char *path, struct dr_strbuf *text, struct dr_error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return dr_error_set(error, "cannot look at %s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return dr_error_set(error, "%s is not a regular file", path);
    char piece[4096];
    ssize_t got;
    while ((got = read(fd, piece, sizeof piece)) > 0 && text->len <= INI_MAX_SIZE)
        dr_strbuf_add(text, piece, (size_t)got);
    int reason = errno;
    explicit_bzero(piece, sizeof piece);
    if (got < 0)
        return dr_error_set(error, "cannot read %s: %s", path, strerror(reason));
    if (text->len > INI_MAX_SIZE)
        return dr_error_set(error,
                            "%s is larger than %zu bytes: this is not the file that is meant", path,
                            INI_MAX_SIZE);
    return true;
}

struct ini *ini_load(const char *path, bool *missing, struct dr_error *error)
{
    /* O_NONBLOCK: a FIFO in the file's place must not hang the actor. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *missing = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
    if (fd < 0) {
        dr_error_set(error, "cannot open %s: %s", path, strerror(errno));
        return NULL;
    }
    struct dr_strbuf text = {0};
    struct ini *ini = NULL;
    if (read_text(fd, path, &text, error))
        ini = ini_parse_text(path, text.data ? text.data : "", text.len, error);
    close(fd);
    dr_strbuf_free(&text);
    return ini;
}

void ini_free(struct ini *ini)
{
    struct section *section = NULL, *next_section;
    LL_FOREACH_SAFE(ini ? ini->sections : NULL, section, next_section)
    {
        struct entry *entry, *next;
        LL_FOREACH_SAFE(section->entries, entry, next)
        {
            dr_strbuf_free(&entry->value);
            free(entry->name);
            free(entry);
        }
        free(section->name);
        free(section);
    }
    free(ini);
}

const char *ini_section(const struct ini *ini, size_t n)
{
    struct section *section = ini ? ini->sections : NULL;
    while (section && n-- > 0)
        section = section->next;
    return section ? section->name : NULL;
}

const char *ini_get(const struct ini *ini, const char *section, const char *name)
{
    struct entry *entry = find_entry(find_section(ini, section), name);
    return entry ? (entry->value.data ? entry->value.data : "") : NULL;
}
