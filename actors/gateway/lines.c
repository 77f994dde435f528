/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "drover/assert.h"
#include "drover/clock.h"

#define WHOLE_MS 30000

struct line {
    struct line *next, *before;
    int64_t since_ms;
    int fd;
    bool known, cut; /* cut: its socket is shut, the daemon takes it away soon */
    unsigned char address[16];
};

struct lines {
    struct line *first, *last; /* by since_ms */
    unsigned count, max, per_address;
};

struct lines *lines_new(unsigned max, unsigned per_address)
{
    struct lines *lines = calloc(1, sizeof *lines);
    DR_ASSERT(lines != NULL);
    lines->max = max;
    lines->per_address = per_address;
    return lines;
}

void lines_free(struct lines **lines)
{
    DR_ASSERT(*lines == NULL || (*lines)->first == NULL);
    free(*lines);
    *lines = NULL;
}

/* ---- the list ------------------------------------------------------------------------------- */
static void take_out(struct lines *lines, struct line *line)
{
    *(line->before == NULL ? &lines->first : &line->before->next) = line->next;
    *(line->next == NULL ? &lines->last : &line->next->before) = line->before;
    line->next = line->before = NULL;
}

static void put_last(struct lines *lines, struct line *line)
{
    line->since_ms = dr_boottime_ms();
    line->before = lines->last;
    *(lines->last == NULL ? &lines->first : &lines->last->next) = line;
    lines->last = line;
}

static void cut(struct lines *lines, struct line *line)
{
    line->cut = true;
    lines->count--;
    shutdown(line->fd, SHUT_RDWR);
}

/* address NULL: of any. */
static void cut_oldest(struct lines *lines, const unsigned char *address)
{
    for (struct line *each = lines->first; each != NULL; each = each->next) {
        if (each->known || each->cut ||
            (address != NULL && memcmp(each->address, address, sizeof each->address) != 0))
            continue;
        cut(lines, each);
        return;
    }
}

static unsigned count_of(const struct lines *lines, const unsigned char *address)
{
    unsigned count = 0;
    for (const struct line *each = lines->first; each != NULL; each = each->next)
        count += !each->cut && memcmp(each->address, address, sizeof each->address) == 0;
    return count;
}

/* ---- a connection's life -------------------------------------------------------------------- */
static void address_of(struct MHD_Connection *connection, unsigned char out[16])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL)
        return;
    if (info->client_addr->sa_family == AF_INET6)
        memcpy(out, &((const struct sockaddr_in6 *)(const void *)info->client_addr)->sin6_addr, 16);
    else if (info->client_addr->sa_family == AF_INET)
        memcpy(out, &((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr, 4);
}

static struct line *begin(struct lines *lines, struct MHD_Connection *connection)
{
    struct line *line = calloc(1, sizeof *line);
    DR_ASSERT(line != NULL);
    line->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    address_of(connection, line->address);
    if (count_of(lines, line->address) >= lines->per_address)
        cut_oldest(lines, line->address);
    if (lines->count >= lines->max)
        cut_oldest(lines, NULL);
    lines->count++;
    put_last(lines, line);
    return line;
}

void lines_notify(void *arg, struct MHD_Connection *connection, void **line,
                  enum MHD_ConnectionNotificationCode what)
{
    struct lines *lines = arg;
    struct line *ended = *line;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *line = begin(lines, connection);
    } else if (ended != NULL) {
        lines->count -= !ended->cut;
        take_out(lines, ended);
        free(ended);
        *line = NULL;
    }
}

static struct line *line_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    DR_ASSERT(info != NULL && info->socket_context != NULL);
    return info->socket_context;
}

void lines_renew(struct lines *lines, struct MHD_Connection *connection)
{
    struct line *line = line_of(connection);
    line->known = false;
    take_out(lines, line);
    put_last(lines, line);
}

void lines_known(struct MHD_Connection *connection)
{
    line_of(connection)->known = true;
}

void lines_sweep(struct lines *lines)
{
    int64_t before_ms = dr_boottime_ms() - WHOLE_MS;
    for (struct line *each = lines->first; each != NULL && each->since_ms <= before_ms;
         each = each->next) {
        if (!each->known && !each->cut)
            cut(lines, each);
    }
}
