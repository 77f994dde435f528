/* SPDX-License-Identifier: Apache-2.0
 *
 * What ECS and EKS Pod Identity hand to a container.
 * docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "creds_impl.h"
#include "url.h"

#define RELATIVE_HOST "http://169.254.170.2"
#define TIMEOUT_MS 2000
#define TOKEN_MAX 16384

bool creds_container_allowed(const char *url)
{
    /* curl's own reading of the host: "http://169.254.170.2@elsewhere/" is elsewhere. */
    char host[300];
    if (!dr_url_host_port(url, host, sizeof host))
        return false;
    if (strncasecmp(url, "https://", 8) == 0)
        return true;
    if (strncasecmp(url, "http://", 7) != 0)
        return false;
    *strrchr(host, ':') = '\0';
    static const char *const allowed[] = {"localhost", "[::1]", "169.254.170.2", "169.254.170.23",
                                          "[fd00:ec2::23]"};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (strcasecmp(host, allowed[i]) == 0)
            return true;
    }
    return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host);
}

static void on_answer(void *arg, const struct dr_http_answer *answer)
{
    struct aws_creds *creds = arg;
    struct dr_strbuf where = creds->fetch.where;
    creds->fetch.where = (struct dr_strbuf){0};
    struct creds_keys keys = {0};
    struct dr_error error = {0};
    if (answer->cls != DR_HTTP_OK)
        creds_broken(creds, "%s", answer->error);
    else if (answer->status != 200)
        creds_broken(creds, "%s answered status %ld", where.data, answer->status);
    else if (!creds_keys_read(&keys, answer, &error))
        creds_broken(creds, "%s: %s", where.data, error.text);
    else if (keys.expires && keys.life_ms <= 0)
        creds_broken(creds, "%s answered keys that have expired already", where.data);
    else
        creds_found(creds, &keys, "%s", where.data);
    creds_keys_wipe(&keys);
    dr_strbuf_free(&where);
}

/* "Authorization: TOKEN" into `out`, nothing when there is no token. False: the search has ended.
 */
static bool add_token(struct aws_creds *creds, struct dr_strbuf *out)
{
    const char *path = creds_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    char text[TOKEN_MAX];
    ssize_t len;
    if (path[0]) {
        len =
            creds_read_small(path, text, sizeof text); /* each time: it is replaced while we run */
        if (len < 0) {
            creds_broken(creds, "cannot read %s: %s", path, strerror(errno));
            return false;
        }
    } else {
        len = snprintf(text, sizeof text, "%s", creds_env("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    }
    bool good = (size_t)len < sizeof text && strlen(text) == (size_t)len;
    for (ssize_t i = 0; good && i < len; i++)
        good = text[i] >= ' ' && text[i] <= '~';
    if (!good)
        creds_broken(creds, "the authorization token%s%s is no single line of text",
                     path[0] ? " of " : "", path);
    else if (len > 0)
        dr_strbuf_printf(out, "Authorization: %s", text);
    explicit_bzero(text, sizeof text);
    return good;
}

void creds_try_container(struct aws_creds *creds)
{
    const char *relative = creds_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = creds_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!relative[0] && !full[0]) {
        creds_none(creds, "no AWS_CONTAINER_CREDENTIALS_*_URI");
        return;
    }
    struct dr_strbuf url = {0}, token = {0};
    char shown[300];
    dr_strbuf_printf(&url, "%s%s", relative[0] ? RELATIVE_HOST : "", relative[0] ? relative : full);
    dr_url_printable(url.data, shown, sizeof shown);
    if (relative[0] && relative[0] != '/') {
        creds_broken(creds, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with /");
    } else if (!creds_container_allowed(url.data)) {
        creds_broken(creds,
                     "%s is neither https nor a container's own service, so it gets no question",
                     shown);
    } else if (add_token(creds, &token)) {
        const char *headers[] = {"Accept: application/json", token.data, NULL};
        dr_strbuf_printf(&creds->fetch.where, "the container service at %s", shown);
        dr_http_send(creds->link,
                     &(struct dr_http_request){
                         .url = url.data, .headers = headers, .timeout_ms = TIMEOUT_MS},
                     on_answer, creds);
    }
    dr_strbuf_free(&url);
    dr_strbuf_free(&token);
}
