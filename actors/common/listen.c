/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool dr_listen_split(const char *listen, char host[DR_LISTEN_HOST_SIZE],
                     char port[DR_LISTEN_PORT_SIZE])
{
    const char *colon = strrchr(listen, ':');
    if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) >= DR_LISTEN_PORT_SIZE)
        return false;
    size_t len = (size_t)(colon - listen);
    if (len >= 2 && listen[0] == '[' && listen[len - 1] == ']') {
        listen++;
        len -= 2;
    }
    if (len == 0 || len >= DR_LISTEN_HOST_SIZE ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    snprintf(host, DR_LISTEN_HOST_SIZE, "%.*s", (int)len, listen);
    snprintf(port, DR_LISTEN_PORT_SIZE, "%s", colon + 1);
    return true;
}

bool dr_listen_is_local(const char *listen)
{
    char host[DR_LISTEN_HOST_SIZE], port[DR_LISTEN_PORT_SIZE];
    struct in_addr four;
    if (!dr_listen_split(listen, host, port))
        return false;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
}
