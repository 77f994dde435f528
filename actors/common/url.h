/* SPDX-License-Identifier: Apache-2.0 */
/* URLs through curl's own parser, so that we and curl never read one differently. */
#ifndef DROVER_COMMON_URL_H
#define DROVER_COMMON_URL_H

#include <stdbool.h>
#include <stddef.h>

/* "host:port" with the scheme's port filled in; never user or password. False and "an unreadable
 * URL" if it is none. */
bool dr_url_host_port(const char *url, char *out, size_t size);

/* The URL with user, password, query and fragment taken away: fit for a log line. False and
 * "an unreadable URL" if it is none. */
bool dr_url_printable(const char *url, char *out, size_t size);

/* base + "/" + path with exactly one slash between them; the caller frees it. */
char *dr_url_join(const char *base, const char *path);

#endif
