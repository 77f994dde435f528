/* SPDX-License-Identifier: Apache-2.0 */
#include "notice.h"

#include <stdio.h>
#include <string.h>

#include "lookup.h"

#define WORDS_MAX 300
#define UNFIT "unfit"

/* Metadata is an object by key, or (to callers of old versions) a list. */
const char *notice_value(const json_t *metadata, const char *kind, const char *instance)
{
    char key[192];
    snprintf(key, sizeof key, "drover.%s.%s", kind, instance);
    const json_t *item = json_object_get(metadata, key);
    size_t i;
    const json_t *entry;
    json_array_foreach (metadata, i, entry) {
        const char *named = json_string_value(json_object_get(entry, "key"));
        if (named != NULL && strcmp(named, key) == 0)
            item = entry;
    }
    const char *value = json_string_value(json_object_get(item, "value"));
    return value == NULL ? "" : value;
}

/* A machine's words go into rows and logs: not more of them than a person reads. */
static void shorten(const char *text, char out[static WORDS_MAX + 1])
{
    size_t len = strnlen(text, WORDS_MAX);
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) /* not amid a character */
        len--;
    memcpy(out, text, len);
    out[len] = '\0';
}

/* The ledger has not taken it in yet. One that is absent may have been draining: a drain said again
 * would make it so until the next list, over and over. */
static bool is_news(const struct dr_machine_row *machine, bool unfit)
{
    if (strcmp(machine->state, "booting") == 0 || strcmp(machine->state, "up") == 0)
        return true;
    if (strcmp(machine->state, "draining") != 0 && strcmp(machine->state, "absent") != 0)
        return false;
    return unfit ? strcmp(machine->drain_reason, UNFIT) != 0
                 : strcmp(machine->drain_mode, "now") != 0;
}

static void tell_ledger(struct drain *drain, const struct dr_machine_row *machine,
                        const char *words, bool unfit)
{
    char claim[160], sentence[WORDS_MAX + 64];
    snprintf(claim, sizeof claim, "notice:%s", machine->id);
    snprintf(sentence, sizeof sentence, "the cloud announced its end: %s", words);
    if (unfit)
        claim_ask(drain->claims, claim, DR_MACHINE_UNFIT,
                  &(struct dr_machine_unfit){.machine = machine->id, .sentence = words});
    else
        claim_ask(
            drain->claims, claim, DR_MACHINE_DRAIN,
            &(struct dr_machine_drain){
                .machine = machine->id, .mode = "now", .reason = "notice", .sentence = sentence});
}

void notice_tell(struct drain *drain, const struct dr_machine_row *machine, const char *notice)
{
    if (notice[0] == '\0')
        return;
    char words[WORDS_MAX + 1];
    bool unfit = strncmp(notice, UNFIT ":", sizeof UNFIT) == 0;
    notice += unfit ? sizeof UNFIT : 0;
    shorten(notice + strspn(notice, " "), words);
    struct drain_memory *memory = drain_remember(drain, machine->instance_id);
    if (!memory->noticed) {
        memory->noticed = true;
        struct dr_log_ctx ctx = {.machine = machine->id};
        port_log(drain->claims->port, DR_LOG_WARNING, &ctx, "%s %s: %s",
                 unfit ? "it is not what was promised," : "the cloud announced the end of",
                 machine->instance_id, words);
    }
    if (is_news(machine, unfit))
        tell_ledger(drain, machine, words, unfit);
}

void notice_hear(struct drain *drain, const json_t *data)
{
    const struct dr_ledger_state *rows = drain->claims->rows;
    const json_t *list = json_object_get(data, "queues");
    struct lookup queues = lookup_objects(list);
    for (size_t i = 0; i < rows->machines.count; i++) {
        const struct dr_machine_row *machine = &rows->machines.items[i];
        size_t at = lookup_find(&queues, machine->drain_queue);
        const json_t *metadata = json_object_get(json_array_get(list, at), "metadata");
        if (machine->instance_id[0] == '\0' || at == DR_INDEX_NONE ||
            json_object_size(metadata) + json_array_size(metadata) == 0)
            continue;
        const char *notice = notice_value(metadata, "notice", machine->instance_id);
        if (notice[0] != '\0' && drain->left == 0)
            drain->left = 1; /* it is to be taken away in the end */
        notice_tell(drain, machine, notice);
    }
    lookup_free(&queues);
}
