/* SPDX-License-Identifier: Apache-2.0 */
#include "errors.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errors_table.h"
#include "json.h"
#include "strbuf.h"
#include "utf8.h"
#include "xml.h"

#define SKEW_TOLD_MS (5 * 60 * 1000LL)
#define ASIDE_UNSOLD_MS (24 * 3600 * 1000LL)
/* A success larger than this is a list, and its own reader sees it whole. */
#define CHECKED_MAX ((size_t)64 << 10)
#define ERROR_BODY_MAX ((size_t)1 << 20)

enum aws_kind aws_kind_of(const char *code, long status)
{
    const struct aws_error_row *row = code[0] ? aws_error_row(code) : NULL;
    if (row)
        return row->kind;
    if (status == 429 || status == 509)
        return AWS_THROTTLED;
    if (status == 401 || status == 403 || status == 407)
        return AWS_REFUSED;
    /* Without a code it is not AWS that speaks, but something on the way: nothing is known. */
    return status / 100 == 4 && code[0] ? AWS_BAD_REQUEST : AWS_UNKNOWN;
}

enum driver_class aws_class_of(enum aws_kind kind)
{
    static const enum driver_class classes[AWS_KINDS] = {
        [AWS_OK] = DRIVER_OK,
        [AWS_THROTTLED] = DRIVER_THROTTLE,
        [AWS_CAPACITY] = DRIVER_CAPACITY,
        [AWS_UNSOLD] = DRIVER_CAPACITY,
        [AWS_QUOTA] = DRIVER_QUOTA,
        [AWS_TOO_MANY] = DRIVER_TOO_MANY,
        [AWS_REFUSED] = DRIVER_AUTH,
        [AWS_STALE] = DRIVER_AUTH,
        [AWS_BAD_REQUEST] = DRIVER_REQUEST,
        [AWS_UNKNOWN] = DRIVER_UNKNOWN,
        [AWS_NOT_FOUND] = DRIVER_OTHER,
        [AWS_TOKEN_MISMATCH] = DRIVER_UNKNOWN, /* the machine of the other body may run */
        [AWS_TOKEN_DEAD] = DRIVER_OTHER,
        [AWS_PROTECTED] = DRIVER_OTHER,
        [AWS_DRY_RUN_OK] = DRIVER_OTHER, /* nothing was started */
    };
    return kind < AWS_KINDS ? classes[kind] : DRIVER_UNKNOWN;
}

bool aws_error_of_keys(const struct aws_error *error)
{
    static const char *const codes[] = {"AuthFailure",           "InvalidClientTokenId",
                                        "InvalidAccessKeyId",    "UnrecognizedClientException",
                                        "SignatureDoesNotMatch", "InvalidSignatureException"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (strcmp(error->code, codes[i]) == 0)
            return true;
    }
    return error->kind == AWS_STALE;
}

int64_t aws_aside_ms(enum aws_kind kind)
{
    return kind == AWS_UNSOLD ? ASIDE_UNSOLD_MS : 0;
}

/* ---- what the answer says ------------------------------------------------------------------- */
/* A stranger's text as one printable line, cut between characters. */
static void copy_line(const char *text, size_t len, char *out, size_t size)
{
    size_t used = 0;
    for (size_t at = 0; at < len && used + 1 < size;) {
        size_t step = dr_utf8_char(text + at, len - at);
        unsigned char first = (unsigned char)text[at];
        bool control = step == 1 ? first < 0x20 || first == 0x7f
                                 : step == 2 && first == 0xc2 && (unsigned char)text[at + 1] < 0xa0;
        if (step == 0 || control || first == ' ') {
            if (used > 0 && out[used - 1] != ' ')
                out[used++] = ' ';
            at += step ? step : 1;
            continue;
        }
        if (used + step >= size)
            break;
        memcpy(out + used, text + at, step);
        used += step;
        at += step;
    }
    while (used > 0 && out[used - 1] == ' ')
        used--;
    out[used] = '\0';
}

/* What nobody can read, or nobody may: the canonical request holds the session token. */
static size_t useful(const char *message)
{
    static const char *const ends[] = {"Encoded authorization failure message",
                                       "The Canonical String for this request",
                                       "The String-to-Sign should have been"};
    size_t len = strlen(message);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const char *end = strstr(message, ends[i]);
        if (end && (size_t)(end - message) < len)
            len = (size_t)(end - message);
    }
    return len;
}

static void keep(struct aws_error *out, const char *code, const char *message)
{
    const char *hash = strrchr(code, '#'); /* "com.amazonaws.ssm#ParameterNotFound" */
    code = hash ? hash + 1 : code;
    copy_line(code, strlen(code), out->code, sizeof out->code);
    copy_line(message, useful(message), out->message, sizeof out->message);
}

static void read_json(const struct dr_http_answer *answer, struct aws_error *out)
{
    json_t *root = dr_json_parse(answer->body, answer->body_len, NULL);
    const char *code = dr_json_str(root, "__type", "", NULL);
    if (!code[0])
        code = dr_json_str(root, "code", dr_json_str(root, "Code", "", NULL), NULL);
    keep(out, code, dr_json_str(root, "message", dr_json_str(root, "Message", "", NULL), NULL));
    json_decref(root);
}

static void read_xml(const struct dr_http_answer *answer, struct aws_error *out)
{
    struct aws_xml *root = aws_xml_parse(answer->body, answer->body_len, NULL);
    const struct aws_xml *error = aws_xml_child(root, "Error");
    if (!error)
        error = aws_xml_child(aws_xml_child(root, "Errors"), "Error");
    if (error)
        keep(out, aws_xml_text(error, "Code"), aws_xml_text(error, "Message"));
    aws_xml_free(root);
}

static char first_of(const struct dr_http_answer *answer)
{
    size_t at = strspn(answer->body, " \t\r\n");
    return answer->body_len > at ? answer->body[at] : '\0';
}

static void read_code(const struct dr_http_answer *answer, struct aws_error *out)
{
    if (answer->body_len > ERROR_BODY_MAX)
        return;
    if (first_of(answer) == '{')
        read_json(answer, out);
    else
        read_xml(answer, out);
}

/* Whether a 200 is this action's answer; a page of a proxy, or half an answer, is not. */
static bool is_answer(const char *action, const struct dr_http_answer *answer)
{
    if (answer->body_len > CHECKED_MAX)
        return true;
    if (first_of(answer) == '{') {
        json_t *json = dr_json_parse(answer->body, answer->body_len, NULL);
        bool whole = json != NULL;
        json_decref(json);
        return whole;
    }
    struct aws_xml *root = aws_xml_parse(answer->body, answer->body_len, NULL);
    size_t len = strlen(action);
    bool named =
        root && strncmp(root->name, action, len) == 0 && strcmp(root->name + len, "Response") == 0;
    aws_xml_free(root);
    return named;
}

/* ---- what is said about it ------------------------------------------------------------------ */
/* The first name in quotes or brackets of AWS's message: "The image id '[ami-1]' does not exist".
 */
static void named_in(const char *message, char *out, size_t size)
{
    size_t start = strcspn(message, "'[\"");
    start += strspn(message + start, "'[\"");
    size_t len = strcspn(message + start, "']\"");
    out[0] = '\0';
    if (message[start] && message[start + len] && len > 0 && len + 2 < size)
        snprintf(out, size, " %.*s", (int)len, message + start);
}

/* The right that a refusal names, else the call's own. */
static void right_in(const char *action, const char *message, char *out, size_t size)
{
    const char *at = strstr(message, "perform: ");
    size_t len = at ? strcspn(at + 9, " ,.\"'") : 0;
    bool sts = strncmp(action, "Assume", 6) == 0 || strcmp(action, "GetCallerIdentity") == 0;
    if (len > 0 && len < size && memchr(at + 9, ':', len))
        snprintf(out, size, "%.*s", (int)len, at + 9);
    else
        snprintf(out, size, "%s:%s",
                 sts                                   ? "sts"
                 : strncmp(action, "GetParam", 8) == 0 ? "ssm"
                                                       : "ec2",
                 action);
}

static void fill(struct dr_strbuf *out, const char *words, const char *action, const char *message)
{
    char name[160], right[96];
    named_in(message, name, sizeof name);
    right_in(action, message, right, sizeof right);
    while (*words) {
        size_t len = strcspn(words, "{");
        dr_strbuf_add(out, words, len);
        words += len;
        if (strncmp(words, "{right}", 7) == 0) {
            dr_strbuf_add_text(out, right);
            words += 7;
        } else if (strncmp(words, "{}", 2) == 0) {
            dr_strbuf_add_text(out, name);
            words += 2;
        }
    }
}

/* A clock that is off looks like a bad signature, stale credentials or an unknown key. */
static bool explain_skew(const struct aws_error *error, int64_t skew_ms, struct dr_strbuf *out)
{
    static const char *const codes[] = {
        "RequestExpired",        "InvalidSecurity.RequestHasExpired",
        "SignatureDoesNotMatch", "InvalidSignatureException",
        "AuthFailure",           "ExpiredToken"};
    bool may_be = error->kind == AWS_STALE;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        may_be = may_be || strcmp(error->code, codes[i]) == 0;
    int64_t off_ms = skew_ms < 0 ? -skew_ms : skew_ms;
    if (!may_be || off_ms <= SKEW_TOLD_MS)
        return false;
    dr_strbuf_printf(out, "this host's clock is %lld minutes %s AWS's: set it (NTP)",
                     (long long)((off_ms + 30000) / 60000), skew_ms < 0 ? "behind" : "ahead of");
    return true;
}

static const char *todo_of(const struct aws_error_row *row, const struct aws_error *error)
{
    if (row->kind == AWS_BAD_REQUEST && strcasestr(error->message, "IAM Instance Profile"))
        return "set iam_instance_profile; one that was just made needs a minute";
    return row->todo;
}

static void say_code(const char *action, const struct aws_error *error, int64_t skew_ms,
                     struct dr_strbuf *out)
{
    const struct aws_error_row *row = aws_error_row(error->code);
    const char *todo = row ? todo_of(row, error) : NULL;
    if (!explain_skew(error, skew_ms, out)) {
        fill(out, row ? row->what : "AWS refused it", action, error->message);
        if (todo) {
            dr_strbuf_add_text(out, ": ");
            fill(out, todo, action, error->message);
        }
    }
    dr_strbuf_printf(out, " (%s%s%s)", error->code, error->message[0] ? ": " : "", error->message);
}

static void say_status(const struct dr_http_answer *answer, const struct aws_error *error,
                       struct dr_strbuf *out)
{
    char type[64];
    copy_line(answer->content_type, strcspn(answer->content_type, ";"), type, sizeof type);
    if (answer->status == 200)
        dr_strbuf_add_text(out, "the answer is cut short, or not AWS's");
    else
        dr_strbuf_printf(out, "status %ld without a word of AWS", answer->status);
    if (type[0])
        dr_strbuf_printf(out, " (%s)", type);
    if (error->kind == AWS_UNKNOWN)
        dr_strbuf_add_text(out, ": what it did is unknown, the same request is sent again");
    else if (error->kind == AWS_REFUSED)
        dr_strbuf_add_text(out, ": is there a proxy on the way that refuses it?");
}

static void say_transport(const struct dr_http_answer *answer, struct dr_strbuf *out)
{
    enum dr_http_class cls = answer->cls;
    bool unsent = cls == DR_HTTP_DNS || cls == DR_HTTP_CONNECT || cls == DR_HTTP_TLS ||
                  cls == DR_HTTP_TLS_VERIFY || cls == DR_HTTP_PROXY;
    char why[512];
    copy_line(answer->error, strlen(answer->error), why, sizeof why);
    dr_strbuf_printf(out, "%s: %s", why,
                     unsent ? "nothing was sent, it is tried again"
                            : "what AWS did is unknown, the same request is sent again");
}

/* ---- all of it ------------------------------------------------------------------------------ */
static void judge(const char *action, const struct dr_http_answer *answer, struct aws_error *out)
{
    if (answer->cls != DR_HTTP_OK) {
        out->kind = AWS_UNKNOWN;
        copy_line(answer->error, strlen(answer->error), out->message, sizeof out->message);
    } else if (answer->status == 200 && is_answer(action, answer)) {
        out->kind = AWS_OK;
    } else {
        read_code(answer, out);
        out->kind = aws_kind_of(out->code, answer->status);
    }
}

void aws_error_read(const char *action, const struct dr_http_answer *answer, int64_t skew_ms,
                    struct aws_error *out)
{
    struct dr_strbuf sentence = {0};
    *out = (struct aws_error){.kind = AWS_UNKNOWN};
    judge(action, answer, out);
    if (out->kind == AWS_OK)
        return;
    int64_t wait_ms = dr_http_retry_after_ms(answer->retry_after, answer->received_wall_us);
    out->retry_after_ms = wait_ms > 0 ? wait_ms : 0;
    dr_strbuf_printf(&sentence, "%s: ", action);
    if (answer->cls != DR_HTTP_OK)
        say_transport(answer, &sentence);
    else if (out->code[0])
        say_code(action, out, skew_ms, &sentence);
    else
        say_status(answer, out, &sentence);
    copy_line(sentence.data, sentence.len, out->sentence, sizeof out->sentence);
    dr_strbuf_free(&sentence);
}
