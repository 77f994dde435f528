/* SPDX-License-Identifier: Apache-2.0 */
#include "samples.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compact.h"
#include "drover/assert.h"

#define FIRST_LINE "drover-samples 1\n"

enum column { WAITING, BOOTING, RUNNING, IDLE, DRAINING, FAILED, RATE, COLUMNS };
static const char *const names[COLUMNS] = {
    [WAITING] = "waiting",   [BOOTING] = "booting", [RUNNING] = "running",      [IDLE] = "idle",
    [DRAINING] = "draining", [FAILED] = "failed",   [RATE] = "rate_usd_micros",
};

struct sample {
    int64_t t_us;
    bool known;
    int64_t of[COLUMNS];
};

struct samples {
    struct sample ring[SAMPLES_MAX];
    size_t first, count;
    size_t lines; /* that may still be added to the file before it is written anew */
};

struct samples *samples_new(void)
{
    struct samples *samples = calloc(1, sizeof *samples);
    DR_ASSERT(samples != NULL);
    return samples;
}

void samples_free(struct samples **samples)
{
    free(*samples);
    *samples = NULL;
}

static const struct sample *at(const struct samples *samples, size_t i)
{
    return &samples->ring[(samples->first + i) % SAMPLES_MAX];
}

static void push(struct samples *samples, const struct sample *sample)
{
    while (samples->count > 0 && at(samples, samples->count - 1)->t_us >= sample->t_us)
        samples->count--;
    if (samples->count == SAMPLES_MAX) {
        samples->first = (samples->first + 1) % SAMPLES_MAX;
        samples->count--;
    }
    samples->ring[(samples->first + samples->count++) % SAMPLES_MAX] = *sample;
}

void samples_add(struct samples *samples, int64_t t_us, const struct picture_figures *figures)
{
    struct sample sample = {.t_us = t_us, .known = figures != NULL};
    if (figures != NULL) {
        sample.of[WAITING] = figures->waiting;
        sample.of[BOOTING] = figures->of[DR_PHASE_BOOTING];
        sample.of[RUNNING] = figures->of[DR_PHASE_RUNNING];
        sample.of[IDLE] = figures->of[DR_PHASE_IDLE];
        sample.of[DRAINING] = figures->of[DR_PHASE_DRAINING];
        sample.of[FAILED] = figures->of[DR_PHASE_FAILED];
        sample.of[RATE] = figures->rate_usd_micros;
    }
    push(samples, &sample);
}

/* ---- JSON ----------------------------------------------------------------------------------- */
static void value(struct dr_strbuf *out, const struct sample *sample, size_t column)
{
    if (sample->known)
        dr_strbuf_printf(out, "%" PRId64, sample->of[column]);
    else
        dr_strbuf_add_text(out, "null");
}

void samples_last_json(const struct samples *samples, struct dr_strbuf *out)
{
    DR_ASSERT(samples->count > 0);
    const struct sample *last = at(samples, samples->count - 1);
    dr_strbuf_add_text(out, "{");
    compact_number(out, "t_us", last->t_us);
    for (size_t c = 0; c < COLUMNS; c++) {
        compact_key(out, names[c]);
        value(out, last, c);
    }
    dr_strbuf_add_text(out, "}");
}

/* From this one to the next, too much time went by: nobody looked. */
static bool gap_after(const struct samples *samples, size_t i)
{
    return i + 1 < samples->count &&
           at(samples, i + 1)->t_us - at(samples, i)->t_us > 5 * SAMPLES_PERIOD_US / 2;
}

/* column COLUMNS: the times. */
static void column_json(const struct samples *samples, size_t column, int64_t since_us,
                        struct dr_strbuf *out)
{
    bool first = true;
    compact_key(out, column == COLUMNS ? "t_us" : names[column]);
    dr_strbuf_add_text(out, "[");
    for (size_t i = 0; i < samples->count; i++) {
        const struct sample *sample = at(samples, i);
        if (sample->t_us < since_us)
            continue;
        dr_strbuf_add_text(out, first ? "" : ",");
        first = false;
        if (column == COLUMNS)
            dr_strbuf_printf(out, "%" PRId64, sample->t_us);
        else
            value(out, sample, column);
        if (!gap_after(samples, i))
            continue;
        if (column == COLUMNS)
            dr_strbuf_printf(out, ",%" PRId64, sample->t_us + SAMPLES_PERIOD_US);
        else
            dr_strbuf_add_text(out, ",null");
    }
    dr_strbuf_add_text(out, "]");
}

void samples_json(const struct samples *samples, int64_t since_us, struct dr_strbuf *out)
{
    dr_strbuf_add_text(out, "{");
    column_json(samples, COLUMNS, since_us, out);
    for (size_t c = 0; c < COLUMNS; c++)
        column_json(samples, c, since_us, out);
    dr_strbuf_add_text(out, "}");
}

/* ---- the file ------------------------------------------------------------------------------- */
static bool parse_number(const char **at, int64_t *out)
{
    char *end;
    *out = strtoll(*at, &end, 10);
    bool any = end != *at;
    *at = end;
    return any;
}

static bool parse(const char *line, struct sample *sample)
{
    int64_t known;
    if (!parse_number(&line, &sample->t_us) || !parse_number(&line, &known) || known < 0 ||
        known > 1)
        return false;
    sample->known = known == 1;
    for (size_t c = 0; c < COLUMNS; c++) {
        if (!parse_number(&line, &sample->of[c]) || sample->of[c] < 0)
            return false;
    }
    return strcmp(line, "\n") == 0;
}

void samples_load(struct samples *samples, const char *path)
{
    char line[512];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(line, sizeof line, file) != NULL && strcmp(line, FIRST_LINE) == 0) {
        struct sample sample;
        while (fgets(line, sizeof line, file) != NULL && parse(line, &sample))
            push(samples, &sample);
    }
    fclose(file);
}

static int write_all(int fd, const struct dr_strbuf *text)
{
    for (size_t done = 0; done < text->len;) {
        ssize_t n = write(fd, text->data + done, text->len - done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n < 0 ? 0 : (size_t)n;
    }
    return 0;
}

static int replace(const char *path, const struct dr_strbuf *text)
{
    char fresh[4096];
    if ((size_t)snprintf(fresh, sizeof fresh, "%s.new", path) >= sizeof fresh) {
        errno = ENAMETOOLONG;
        return -1;
    }
    unlink(fresh); /* of one that died while it wrote */
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    int result = write_all(fd, text) == 0 ? fsync(fd) : -1;
    int error = errno;
    close(fd);
    if (result == 0 && rename(fresh, path) == 0)
        return 0;
    if (result == 0)
        error = errno;
    unlink(fresh);
    errno = error;
    return -1;
}

static void add_line(struct dr_strbuf *text, const struct sample *sample)
{
    dr_strbuf_printf(text, "%" PRId64 " %d", sample->t_us, sample->known);
    for (size_t c = 0; c < COLUMNS; c++)
        dr_strbuf_printf(text, " %" PRId64, sample->of[c]);
    dr_strbuf_add_text(text, "\n");
}

int samples_save(struct samples *samples, const char *path)
{
    struct dr_strbuf text = {0};
    dr_strbuf_add_text(&text, FIRST_LINE);
    for (size_t i = 0; i < samples->count; i++)
        add_line(&text, at(samples, i));
    int result = replace(path, &text);
    samples->lines = result == 0 ? SAMPLES_MAX : 0;
    dr_strbuf_free(&text);
    return result;
}

int samples_keep(struct samples *samples, const char *path)
{
    struct dr_strbuf line = {0};
    DR_ASSERT(samples->count > 0);
    /* The first of a life: what was read may end in half a line, behind which nothing is found. */
    int fd = samples->lines == 0 ? -1 : open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return samples_save(samples, path);
    add_line(&line, at(samples, samples->count - 1));
    int result = write_all(fd, &line);
    close(fd);
    dr_strbuf_free(&line);
    samples->lines--;
    return result == 0 ? 0 : samples_save(samples, path);
}
