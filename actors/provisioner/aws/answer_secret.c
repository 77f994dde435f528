/* SPDX-License-Identifier: Apache-2.0
 *
 * Who we are, temporary credentials, and a machine's console.
 */
#include <stdlib.h>
#include <string.h>

#include "answer_impl.h"
#include "drover/assert.h"

bool aws_read_identity(const char *body, size_t len, struct aws_identity *out,
                       struct dr_error *error)
{
    struct aws_xml *root = answer_open("GetCallerIdentity", body, len, error);
    *out = (struct aws_identity){0};
    if (!root)
        return false;
    bool fits =
        answer_copy(root, "GetCallerIdentityResult/Account", out->account, sizeof out->account);
    answer_cut(root, "GetCallerIdentityResult/Arn", out->arn, sizeof out->arn);
    aws_xml_free(root);
    return (fits && out->account[0]) ||
           dr_error_set(error, "STS did not say which account these credentials belong to");
}

static bool take_temporary(const struct aws_xml *keys, struct aws_temporary *out,
                           struct dr_error *error)
{
    const char *token = aws_xml_text(keys, "SessionToken");
    out->expires_us = aws_time_us(aws_xml_text(keys, "Expiration"));
    bool fits = answer_copy(keys, "AccessKeyId", out->access_key, sizeof out->access_key) &&
                answer_copy(keys, "SecretAccessKey", out->secret_key, sizeof out->secret_key);
    if (!fits || !out->access_key[0] || !out->secret_key[0] || !token[0])
        return dr_error_set(error, "STS's answer holds no whole set of temporary credentials");
    if (out->expires_us < 0)
        return dr_error_set(error, "STS did not say when its temporary credentials expire");
    out->session_token = strdup(token);
    DR_ASSERT(out->session_token);
    return true;
}

bool aws_read_temporary(const char *body, size_t len, struct aws_temporary *out,
                        struct dr_error *error)
{
    static const char *const results[] = {"AssumeRoleResult", "AssumeRoleWithWebIdentityResult"};
    const struct aws_xml *keys = NULL;
    *out = (struct aws_temporary){0};
    struct aws_xml *root = aws_xml_parse(body, len, error);
    if (!root)
        return false;
    for (size_t i = 0; i < sizeof results / sizeof *results && !keys; i++)
        keys = aws_xml_child(aws_xml_child(root, results[i]), "Credentials");
    bool taken =
        keys ? take_temporary(keys, out, error)
             : dr_error_set(error, "STS answered with <%.60s>, without credentials", root->name);
    aws_xml_free(root);
    if (!taken)
        aws_temporary_wipe(out);
    return taken;
}

void aws_temporary_wipe(struct aws_temporary *temporary)
{
    if (temporary->session_token) {
        explicit_bzero(temporary->session_token, strlen(temporary->session_token));
        free(temporary->session_token);
    }
    explicit_bzero(temporary, sizeof *temporary);
}

/* ---- console -------------------------------------------------------------------------------- */
static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* What is no digit (line breaks, mostly) is skipped. */
static char *unbase64(const char *text, size_t *out_len)
{
    char *out = malloc(strlen(text) / 4 * 3 + 4);
    unsigned bits = 0, count = 0;
    size_t len = 0;
    DR_ASSERT(out);
    for (; *text && *text != '='; text++) {
        int digit = digit_of(*text);
        if (digit < 0)
            continue;
        bits = (bits << 6 | (unsigned)digit) & 0xffffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[len++] = (char)(bits >> count & 0xff);
        }
    }
    out[len] = '\0';
    *out_len = len;
    return out;
}

bool aws_read_console(const char *body, size_t len, char **out, size_t *out_len,
                      struct dr_error *error)
{
    struct aws_xml *root = answer_open("GetConsoleOutput", body, len, error);
    *out = NULL;
    *out_len = 0;
    if (!root)
        return false;
    const char *text = aws_xml_text(root, "output");
    if (text[0])
        *out = unbase64(text, out_len);
    if (*out && *out_len == 0) {
        free(*out);
        *out = NULL;
    }
    aws_xml_free(root);
    return true;
}
