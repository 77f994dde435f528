/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "drover/assert.h"

struct stream {
    char *key; /* topic, or request name "/" sender */
    const char *source;
    char *name;
    enum verdict verdict; /* of the table alone */
    int64_t relayed, refused, bytes;
    UT_hash_handle hh;
};

struct bus_core {
    struct stream *streams;
};

struct bus_core *bus_core_new(void)
{
    struct bus_core *core = calloc(1, sizeof *core);
    DR_ASSERT(core != NULL);
    return core;
}

void bus_core_free(struct bus_core **core)
{
    if (*core == NULL)
        return;
    struct stream *stream = (*core)->streams, *next;
    HASH_CLEAR(hh, (*core)->streams); /* the entries stay linked */
    for (; stream != NULL; stream = next) {
        next = stream->hh.next;
        free(stream->key);
        free(stream->name);
        free(stream);
    }
    free(*core);
    *core = NULL;
}

static enum verdict judge_topic(const char *topic, size_t len)
{
    const char *slash = memchr(topic, '/', len);
    if (slash == NULL)
        return REFUSE_UNKNOWN;
    const struct dr_message_row *row = dr_row_by_name(topic, (size_t)(slash - topic));
    if (row == NULL || row->shape != DR_EVENT)
        return REFUSE_UNKNOWN;
    enum dr_role role = dr_role_of(slash + 1);
    return role != DR_ROLE_COUNT && (row->from & (1u << role)) != 0 ? PASS : REFUSE_TABLE;
}

static struct stream *stream_add(struct bus_core *core, const char *key, size_t len)
{
    struct stream *stream = calloc(1, sizeof *stream);
    DR_ASSERT(stream != NULL);
    stream->key = strndup(key, len);
    DR_ASSERT(stream->key != NULL);
    const char *slash = strchr(stream->key, '/');
    stream->source = slash == NULL ? "" : slash + 1;
    stream->name = strndup(stream->key, strcspn(stream->key, "/"));
    DR_ASSERT(stream->name != NULL);
    HASH_ADD_KEYPTR(hh, core->streams, stream->key, strlen(stream->key), stream);
    return stream;
}

static enum verdict count(struct stream *stream, enum verdict verdict, size_t bytes)
{
    if (stream != NULL && verdict == PASS) {
        stream->relayed++;
        stream->bytes += (int64_t)bytes;
    } else if (stream != NULL) {
        stream->refused++;
    }
    return verdict;
}

/* What matches no stream of its sender is counted under its name alone: senders are as many as
 * there are tokens, so a peer that invents topics costs no memory. */
static enum verdict refuse_unknown(struct bus_core *core, const char *user, enum verdict verdict)
{
    char key[160];
    snprintf(key, sizeof key, "(invented)/%s", user);
    struct stream *stream;
    HASH_FIND_STR(core->streams, key, stream);
    if (stream == NULL)
        stream = stream_add(core, key, strlen(key));
    return count(stream, verdict, 0);
}

static enum verdict new_event(struct bus_core *core, const char *topic, size_t topic_len,
                              const char *user, size_t bytes)
{
    char text[256];
    if (topic_len >= sizeof text || memchr(topic, '\0', topic_len) != NULL)
        return refuse_unknown(core, user, REFUSE_UNKNOWN);
    memcpy(text, topic, topic_len);
    text[topic_len] = '\0';
    enum verdict verdict = judge_topic(text, topic_len);
    if (verdict == REFUSE_UNKNOWN)
        return refuse_unknown(core, user, verdict);
    if (strcmp(strchr(text, '/') + 1, user) != 0)
        return refuse_unknown(core, user, REFUSE_SOURCE);
    struct stream *stream = stream_add(core, topic, topic_len);
    stream->verdict = verdict;
    return count(stream, verdict, bytes);
}

enum verdict bus_event(struct bus_core *core, const char *topic, size_t topic_len, const char *user,
                       size_t bytes)
{
    struct stream *stream;
    HASH_FIND(hh, core->streams, topic, topic_len, stream);
    if (stream == NULL)
        return new_event(core, topic, topic_len, user, bytes);
    if (stream->verdict == PASS && strcmp(stream->source, user) != 0)
        return count(stream, REFUSE_SOURCE, bytes);
    return count(stream, stream->verdict, bytes);
}

static enum verdict judge_request(const char *from, const char *user, const char *to,
                                  const struct dr_message *message)
{
    bool console = strcmp(user, "console") == 0 && strncmp(from, "console:", 8) == 0;
    enum dr_role sender = dr_role_of(from), receiver = dr_role_of(to);
    if ((!console && strcmp(from, user) != 0) || strcmp(message->env.source, from) != 0)
        return REFUSE_SOURCE;
    if (sender == DR_ROLE_COUNT || receiver == DR_ROLE_COUNT || message->row->shape == DR_EVENT ||
        (message->row->from & (1u << sender)) == 0)
        return REFUSE_TABLE;
    if (message->row->shape == DR_REQUEST && (message->row->to & (1u << receiver)) == 0)
        return REFUSE_TABLE;
    return PASS;
}

enum verdict bus_request(struct bus_core *core, const char *from, const char *user, const char *to,
                         const struct dr_message *message, size_t bytes)
{
    enum verdict verdict = judge_request(from, user, to, message);
    if (verdict == REFUSE_SOURCE)
        return refuse_unknown(core, user, verdict);
    /* Consoles come and go: they are counted together. */
    char key[256];
    snprintf(key, sizeof key, "%s/%s", message->row->name, user);
    struct stream *stream;
    HASH_FIND_STR(core->streams, key, stream);
    if (stream == NULL)
        stream = stream_add(core, key, strlen(key));
    return count(stream, verdict, bytes);
}

const char *bus_verdict_text(enum verdict verdict)
{
    static const char *const texts[] = {
        [PASS] = "passed",
        [REFUSE_UNKNOWN] = "no message of this name exists",
        [REFUSE_SOURCE] = "it names another source than the one that connected",
        [REFUSE_TABLE] = "the table of messages does not allow it",
        [REFUSE_BROKEN] = "it is not a message",
    };
    return texts[verdict];
}

struct dr_counter_view *bus_counters(const struct bus_core *core, size_t *n)
{
    *n = 0;
    struct dr_counter_view *views = calloc(HASH_COUNT(core->streams) + 1, sizeof *views);
    DR_ASSERT(views != NULL);
    for (struct stream *stream = core->streams; stream != NULL; stream = stream->hh.next)
        views[(*n)++] = (struct dr_counter_view){
            .source = stream->source,
            .topic = stream->name,
            .relayed = stream->relayed,
            .refused = stream->refused,
            .bytes = stream->bytes,
        };
    return views;
}
