/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the processes: what droverd says of each, and what it takes of this host. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api_read.h"

void handle_actors(struct request *request);

/* "Pss:  1234 kB", the sixth of proc(5)'s smaps_rollup: memory that is shared counts by share. 0:
 * not known. */
static int64_t memory_bytes(int64_t pid)
{
    char path[64], line[256];
    int64_t kib = 0;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/smaps_rollup", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    while (kib == 0 && fgets(line, sizeof line, file) != NULL)
        /* NOLINTNEXTLINE(cert-err34-c): the kernel writes what fits */
        if (sscanf(line, "Pss: %" SCNd64 " kB", &kib) != 1)
            kib = 0;
    fclose(file);
    return kib * 1024;
}

/* utime and stime, the 14th and 15th of proc(5)'s stat, in ticks; the name before them may hold
 * anything. */
static int64_t cpu_ms(int64_t pid)
{
    char path[64], text[2048];
    int64_t user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *after = strrchr(text, ')');
    if (after == NULL ||
        /* NOLINTNEXTLINE(cert-err34-c): the kernel writes what fits */
        sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNd64 " %" SCNd64,
               &user, &system) != 2)
        return 0;
    return (user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

static void on_actors(struct request *request, const struct dr_answer *answer)
{
    struct dr_strbuf json = {0};
    if (!answer_expects(request, answer, DR_ACTORS))
        return;
    const struct dr_actors *actors = answer->message->body;
    dr_strbuf_add_text(&json, "{\"actors\":[");
    for (size_t i = 0; i < actors->actors.count; i++) {
        const struct dr_actor_view *actor = &actors->actors.items[i];
        dr_strbuf_add_text(&json, i == 0 ? "{" : ",{");
        compact_fields(&json, &dr_desc_actor_view, actor, true);
        if (actor->pid > 0) {
            compact_number(&json, "memory_bytes", memory_bytes(actor->pid));
            compact_number(&json, "cpu_ms", cpu_ms(actor->pid));
        }
        dr_strbuf_add_text(&json, "}");
    }
    dr_strbuf_add_text(&json, "],\"counters\":");
    compact_records(&json, &dr_desc_counter_view, actors->counters.items, actors->counters.count,
                    true);
    dr_strbuf_add_text(&json, "}");
    read_answer(request, &json);
}

void handle_actors(struct request *request)
{
    struct dr_actors_get get = {.counters = true};
    request_ask(request, "bus", DR_ACTORS_GET, &get, on_actors);
}
