/* SPDX-License-Identifier: Apache-2.0 */
#include "userdata.h"

#define ZLIB_CONST /* it reads from const bytes */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "drover/assert.h"
#include "request.h"

#define GZIP_WINDOW (15 + 16) /* zlib: the largest window, with gzip's header */
#define GZIP_UNKNOWN_OS 255

/* Without a time or a name in its header. Level 9 takes three times as long and saves 50 bytes. */
static void gzip(const char *bytes, size_t len, struct dr_strbuf *out)
{
    z_stream stream = {0};
    gz_header header = {.os = GZIP_UNKNOWN_OS};
    DR_ASSERT(deflateInit2(&stream, 6, Z_DEFLATED, GZIP_WINDOW, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    DR_ASSERT(deflateSetHeader(&stream, &header) == Z_OK);
    unsigned char chunk[4096];
    int status = Z_OK;
    stream.next_in = (const unsigned char *)bytes;
    stream.avail_in = (uInt)len;
    while (status != Z_STREAM_END) {
        stream.next_out = chunk;
        stream.avail_out = sizeof chunk;
        status = deflate(&stream, Z_FINISH);
        DR_ASSERT(status == Z_OK || status == Z_STREAM_END);
        dr_strbuf_add(out, chunk, sizeof chunk - stream.avail_out);
    }
    deflateEnd(&stream);
    explicit_bzero(chunk, sizeof chunk);
}

static void base64(const struct dr_strbuf *in, struct dr_strbuf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < in->len; i += 3) {
        const unsigned char *at = (const unsigned char *)in->data + i;
        size_t left = in->len - i;
        unsigned bits =
            (unsigned)at[0] << 16 | (left > 1 ? (unsigned)at[1] << 8 : 0) | (left > 2 ? at[2] : 0);
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63], '=', '='};
        if (left > 1)
            four[2] = digits[bits >> 6 & 63];
        if (left > 2)
            four[3] = digits[bits & 63];
        dr_strbuf_add(out, four, sizeof four);
    }
}

struct part {
    const char *field;
    size_t size;
};

static int larger_first(const void *a, const void *b)
{
    const struct part *left = a, *right = b;
    return left->size == right->size ? 0 : left->size < right->size ? 1 : -1;
}

static bool too_big(const struct driver_request *request, size_t size, struct dr_error *error)
{
    const struct dr_cfg_type *type = request->type;
    struct part parts[] = {{"init_script", strlen(type->init_script)},
                           {"extra_clearml_conf", strlen(type->extra_clearml_conf)},
                           {"docker_args", strlen(type->docker_args)},
                           {"environment", 0}};
    const size_t count = sizeof parts / sizeof *parts;
    char big[160] = "";
    for (size_t i = 0; i < type->environment.count; i++)
        parts[count - 1].size += strlen(type->environment.items[i]) + 1;
    qsort(parts, count, sizeof *parts, larger_first);
    for (size_t i = 0; i < 2 && parts[i].size > 0; i++) {
        size_t used = strlen(big);
        snprintf(big + used, sizeof big - used, "%s%s (%zu bytes)", i ? " or " : "", parts[i].field,
                 parts[i].size);
    }
    return dr_error_set(error,
                        "machine_types[%s]: the boot script is %zu bytes even compressed, %zu over "
                        "the %d that EC2 takes: %s%s, or put large things into the image",
                        type->name, size, size - AWS_USER_DATA_MAX, AWS_USER_DATA_MAX,
                        big[0] ? "shorten " : "the account's secrets_file is what is large", big);
}

bool aws_user_data(const struct driver_request *request, struct dr_strbuf *out,
                   struct dr_error *error)
{
    struct dr_strbuf packed = {0};
    gzip(request->user_data, request->user_data_len, &packed);
    bool fits = packed.len <= AWS_USER_DATA_MAX;
    if (fits)
        base64(&packed, out);
    else
        too_big(request, packed.len, error);
    dr_strbuf_free(&packed);
    return fits;
}
