/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <stdio.h>

#define ENV_FIELD(wire_name, member, kind_)                                              \
    {                                                                                    \
        .name = wire_name, .kind = kind_, .offset = offsetof(struct dr_envelope, member) \
    }

static const struct dr_field envelope_fields[] = {
    ENV_FIELD("v", version, DR_I64),       ENV_FIELD("type", type, DR_STR),
    ENV_FIELD("source", source, DR_STR),   ENV_FIELD("boot", boot, DR_STR),
    ENV_FIELD("seq", seq, DR_I64),         ENV_FIELD("time_us", time_us, DR_I64),
    ENV_FIELD("corr", corr, DR_STR),       ENV_FIELD("request", request, DR_STR),
    ENV_FIELD("left_ms", left_ms, DR_I64),
};

const struct dr_desc dr_wire_envelope = {
    .name = "envelope",
    .size = sizeof(struct dr_envelope),
    .fields = envelope_fields,
    .field_count = sizeof envelope_fields / sizeof envelope_fields[0],
};

struct walk {
    const uint8_t *bytes;
    size_t len, at;
    int depth_max;
    const char *fault;
};

/* Reads an n-byte big-endian length that follows the header byte. */
static bool take_length(struct walk *walk, size_t n, uint64_t *length)
{
    if (walk->len - walk->at < n) {
        walk->fault = "cut off inside a length";
        return false;
    }
    *length = 0;
    for (size_t i = 0; i < n; i++)
        *length = *length << 8 | walk->bytes[walk->at++];
    return true;
}

static bool skip(struct walk *walk, uint64_t n)
{
    if (walk->len - walk->at < n) {
        walk->fault = "cut off inside a value";
        return false;
    }
    walk->at += (size_t)n;
    return true;
}

static bool walk_value(struct walk *walk, int depth);

static bool walk_items(struct walk *walk, uint64_t count, int depth)
{
    if (depth >= walk->depth_max) {
        walk->fault = "nested too deep";
        return false;
    }
    if (count > walk->len - walk->at) {
        walk->fault = "a list or map claims more items than there are bytes";
        return false;
    }
    for (uint64_t i = 0; i < count; i++)
        if (!walk_value(walk, depth + 1))
            return false;
    return true;
}

/* The headers of the msgpack specification, https://github.com/msgpack/msgpack/blob/master/spec.md
 */
enum follow { FOLLOW_NOTHING, FOLLOW_BYTES, FOLLOW_ITEMS, FOLLOW_PAIRS, FOLLOW_NEVER };

struct header {
    enum follow follow;
    uint8_t length_bytes; /* that hold the count */
    uint8_t fixed;        /* bytes that follow in any case (numbers; the type byte of ext) */
};

static const struct header headers[] = {
    [0xc0 - 0xc0] = {FOLLOW_NOTHING, 0, 0},  [0xc1 - 0xc0] = {FOLLOW_NEVER, 0, 0},
    [0xc2 - 0xc0] = {FOLLOW_NOTHING, 0, 0},  [0xc3 - 0xc0] = {FOLLOW_NOTHING, 0, 0},
    [0xc4 - 0xc0] = {FOLLOW_BYTES, 1, 0},    [0xc5 - 0xc0] = {FOLLOW_BYTES, 2, 0},
    [0xc6 - 0xc0] = {FOLLOW_BYTES, 4, 0},    [0xc7 - 0xc0] = {FOLLOW_BYTES, 1, 1},
    [0xc8 - 0xc0] = {FOLLOW_BYTES, 2, 1},    [0xc9 - 0xc0] = {FOLLOW_BYTES, 4, 1},
    [0xca - 0xc0] = {FOLLOW_NOTHING, 0, 4},  [0xcb - 0xc0] = {FOLLOW_NOTHING, 0, 8},
    [0xcc - 0xc0] = {FOLLOW_NOTHING, 0, 1},  [0xcd - 0xc0] = {FOLLOW_NOTHING, 0, 2},
    [0xce - 0xc0] = {FOLLOW_NOTHING, 0, 4},  [0xcf - 0xc0] = {FOLLOW_NOTHING, 0, 8},
    [0xd0 - 0xc0] = {FOLLOW_NOTHING, 0, 1},  [0xd1 - 0xc0] = {FOLLOW_NOTHING, 0, 2},
    [0xd2 - 0xc0] = {FOLLOW_NOTHING, 0, 4},  [0xd3 - 0xc0] = {FOLLOW_NOTHING, 0, 8},
    [0xd4 - 0xc0] = {FOLLOW_NOTHING, 0, 2},  [0xd5 - 0xc0] = {FOLLOW_NOTHING, 0, 3},
    [0xd6 - 0xc0] = {FOLLOW_NOTHING, 0, 5},  [0xd7 - 0xc0] = {FOLLOW_NOTHING, 0, 9},
    [0xd8 - 0xc0] = {FOLLOW_NOTHING, 0, 17}, [0xd9 - 0xc0] = {FOLLOW_BYTES, 1, 0},
    [0xda - 0xc0] = {FOLLOW_BYTES, 2, 0},    [0xdb - 0xc0] = {FOLLOW_BYTES, 4, 0},
    [0xdc - 0xc0] = {FOLLOW_ITEMS, 2, 0},    [0xdd - 0xc0] = {FOLLOW_ITEMS, 4, 0},
    [0xde - 0xc0] = {FOLLOW_PAIRS, 2, 0},    [0xdf - 0xc0] = {FOLLOW_PAIRS, 4, 0},
};

static bool walk_long(struct walk *walk, const struct header *header, int depth)
{
    uint64_t count = 0;
    if (!take_length(walk, header->length_bytes, &count) || !skip(walk, header->fixed))
        return false;
    switch (header->follow) {
    case FOLLOW_NOTHING:
        return true;
    case FOLLOW_BYTES:
        return skip(walk, count);
    case FOLLOW_ITEMS:
        return walk_items(walk, count, depth);
    case FOLLOW_PAIRS:
        return walk_items(walk, count * 2, depth);
    case FOLLOW_NEVER:
        break;
    }
    walk->fault = "a byte that msgpack never uses";
    return false;
}

static bool walk_value(struct walk *walk, int depth)
{
    if (walk->at == walk->len) {
        walk->fault = "cut off";
        return false;
    }
    uint8_t byte = walk->bytes[walk->at++];
    if (byte <= 0x7f || byte >= 0xe0)
        return true; /* a small number */
    if (byte <= 0x8f)
        return walk_items(walk, (uint64_t)(byte & 0x0f) * 2, depth);
    if (byte <= 0x9f)
        return walk_items(walk, byte & 0x0f, depth);
    if (byte <= 0xbf)
        return skip(walk, byte & 0x1f);
    return walk_long(walk, &headers[byte - 0xc0], depth);
}

int dr_wire_check(const uint8_t *bytes, size_t len, int depth_max, char *err, size_t err_len)
{
    struct walk walk = {.bytes = bytes, .len = len, .depth_max = depth_max};
    if (len > DR_MESSAGE_MAX) {
        snprintf(err, err_len, "message of %zu bytes; at most %d are taken", len, DR_MESSAGE_MAX);
        return -1;
    }
    if (!walk_value(&walk, 0)) {
        snprintf(err, err_len, "not msgpack: %s at byte %zu", walk.fault, walk.at);
        return -1;
    }
    if (walk.at != len) {
        snprintf(err, err_len, "%zu bytes left over after the message", len - walk.at);
        return -1;
    }
    return 0;
}
