/* SPDX-License-Identifier: Apache-2.0 */
/* The pages: embedded and compressed at build time, or read from a folder by those who work on
 * them. */
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "dispatch.h"
#include "drover/assert.h"
#include "gateway.h"
#include "web.h"

#define PLAIN "text/plain; charset=utf-8"

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".js", "text/javascript; charset=utf-8"},
                                           {".mjs", "text/javascript; charset=utf-8"},
                                           {".css", "text/css; charset=utf-8"},
                                           {".svg", "image/svg+xml"},
                                           {".png", "image/png"},
                                           {".ico", "image/x-icon"},
                                           {".json", "application/json"},
                                           {".webmanifest", "application/manifest+json"},
                                           {".woff2", "font/woff2"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i][0], dot) == 0)
            return types[i][1];
    }
    return PLAIN;
}

static void send_file(struct request *request, const char *path, struct MHD_Response *response,
                      const char *etag)
{
    const char *known =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "If-None-Match");
    unsigned status = 200;
    if (etag[0] != '\0' && known != NULL && strstr(known, etag) != NULL) {
        MHD_destroy_response(response);
        response =
            MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
        status = 304;
    }
    DR_ASSERT(response != NULL);
    if (etag[0] != '\0')
        MHD_add_response_header(response, "ETag", etag);
    MHD_add_response_header(response, "Content-Type", type_of(path));
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    MHD_add_response_header(response, "Vary", "Accept-Encoding");
    answer_response(request, status, response);
}

static bool inflate_all(const struct web_file *file, char **out, size_t *len)
{
    const unsigned char *end = file->gzip + *file->size - 4; /* gzip ends with the length */
    *len = (size_t)end[0] | (size_t)end[1] << 8 | (size_t)end[2] << 16 | (size_t)end[3] << 24;
    *out = malloc(*len + 1);
    DR_ASSERT(*out != NULL);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)file->gzip,
                       .avail_in = (uInt)*file->size,
                       .next_out = (Bytef *)*out,
                       .avail_out = (uInt)*len};
    bool good =
        inflateInit2(&stream, 15 + 16) == Z_OK && inflate(&stream, Z_FINISH) == Z_STREAM_END;
    inflateEnd(&stream);
    return good;
}

static void send_embedded(struct request *request, const struct web_file *file)
{
    unsigned char raw[16];
    char digits[33], etag[40], *plain = NULL;
    size_t len = 0;
    struct MHD_Response *response;
    bool gzip = request_takes_gzip(request);
    crypto_generichash(raw, sizeof raw, file->gzip, *file->size, NULL, 0);
    sodium_bin2hex(digits, sizeof digits, raw, sizeof raw);
    snprintf(etag, sizeof etag, gzip ? "\"%s\"" : "\"%s-p\"", digits);
    if (gzip) {
        response = MHD_create_response_from_buffer(*file->size, (void *)(uintptr_t)file->gzip,
                                                   MHD_RESPMEM_PERSISTENT);
        MHD_add_response_header(response, "Content-Encoding", "gzip");
    } else {
        DR_ASSERT(inflate_all(file, &plain, &len));
        response = MHD_create_response_from_buffer(len, plain, MHD_RESPMEM_MUST_FREE);
    }
    send_file(request, file->path, response, etag);
}

static const struct web_file *embedded(const char *path)
{
    for (size_t i = 0; i < web_count; i++) {
        if (strcmp(web_files[i].path, path) == 0)
            return &web_files[i];
    }
    return NULL;
}

static bool send_from_disk(struct request *request, const char *path)
{
    char full[PATH_MAX];
    struct stat st;
    snprintf(full, sizeof full, "%s/%s", request->gateway->web_dir, path);
    int fd = strstr(path, "..") != NULL ? -1 : open(full, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        fd = -1;
    }
    if (fd >= 0)
        send_file(request, path, MHD_create_response_from_fd((size_t)st.st_size, fd), "");
    return fd >= 0;
}

static bool send_path(struct request *request, const char *path)
{
    if (request->gateway->web_dir != NULL)
        return send_from_disk(request, path);
    const struct web_file *file = embedded(path);
    if (file != NULL)
        send_embedded(request, file);
    return file != NULL;
}

/* Any other path is one of the pages' own: a queue or a task may be called "train.js". */
static bool is_missing_file(const char *path)
{
    if (strncmp(path, "vendor/", 7) == 0)
        return true;
    return strchr(path, '/') == NULL && strcmp(type_of(path), PLAIN) != 0;
}

void static_answer(struct request *request)
{
    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        answer_error(request, 405, "bad-request", "%s can be read only", request->path);
        MHD_add_response_header(request->response, "Allow", "GET");
        return;
    }
    const char *path = request->path + 1;
    if (path[0] != '\0' && send_path(request, path))
        return;
    if (is_missing_file(path) || !send_path(request, "index.html"))
        answer_error(request, 404, "not-found", "there is no %s", request->path);
}
