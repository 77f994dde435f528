/* SPDX-License-Identifier: Apache-2.0 */
#include "sequence.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "drover/assert.h"

struct stream {
    char *key; /* topic "/" source */
    char *boot;
    int64_t last;
    UT_hash_handle hh;
};

struct dr_sequence {
    struct stream *streams;
};

struct dr_sequence *dr_sequence_new(void)
{
    struct dr_sequence *sequence = calloc(1, sizeof *sequence);
    DR_ASSERT(sequence != NULL);
    return sequence;
}

void dr_sequence_free(struct dr_sequence **sequence)
{
    if (*sequence == NULL)
        return;
    struct stream *stream = (*sequence)->streams, *next;
    HASH_CLEAR(hh, (*sequence)->streams); /* the entries stay linked */
    for (; stream != NULL; stream = next) {
        next = stream->hh.next;
        free(stream->key);
        free(stream->boot);
        free(stream);
    }
    free(*sequence);
    *sequence = NULL;
}

static struct stream *stream_of(struct dr_sequence *sequence, const struct dr_envelope *env)
{
    char key[256];
    snprintf(key, sizeof key, "%s/%s", env->type, env->source);
    struct stream *stream;
    HASH_FIND_STR(sequence->streams, key, stream);
    if (stream == NULL) {
        stream = calloc(1, sizeof *stream);
        DR_ASSERT(stream != NULL);
        stream->key = strdup(key);
        DR_ASSERT(stream->key != NULL);
        HASH_ADD_KEYPTR(hh, sequence->streams, stream->key, strlen(stream->key), stream);
    }
    return stream;
}

int64_t dr_sequence_note(struct dr_sequence *sequence, const struct dr_envelope *env, bool *reborn)
{
    struct stream *stream = stream_of(sequence, env);
    bool first = stream->boot == NULL;
    *reborn = !first && strcmp(stream->boot, env->boot) != 0;
    int64_t expected = first ? env->seq : *reborn ? 1 : stream->last + 1;
    if (first || *reborn) {
        free(stream->boot);
        stream->boot = strdup(env->boot);
        DR_ASSERT(stream->boot != NULL);
    }
    int64_t missed = env->seq > expected ? env->seq - expected : 0;
    stream->last = env->seq;
    return missed;
}
