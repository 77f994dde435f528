/* SPDX-License-Identifier: Apache-2.0 */
/* Key pairs and tokens. Tokens are JWTs with HS256, as the SDK and the agent decode them. */
#include "auth.h"

#include "errors.h"
#include "handlers.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_EXPIRATION_S = 30 * 24 * 3600, MAX_TOKEN = 4096 };

/* size bytes as base64url without padding; NUL-terminated, malloc'd. */
static char *base64url(const void *data, size_t size)
{
    char *out = malloc(size / 3 * 4 + 5);
    if (!out)
        return NULL;
    int n = EVP_EncodeBlock((unsigned char *)out, data, (int)size);
    while (n > 0 && out[n - 1] == '=')
        n--;
    out[n] = '\0';
    for (char *p = out; *p; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    return out;
}

/* The reverse, either alphabet, padding optional. NUL-terminated, malloc'd; NULL if it is none. */
static char *unbase64(const char *text, size_t size, size_t *out_size)
{
    while (size > 0 && text[size - 1] == '=')
        size--;
    size_t padded = (size + 3) / 4 * 4;
    char *in = malloc(padded + 1);
    unsigned char *out = malloc(padded + 1);
    if (!in || !out)
        goto bad;
    for (size_t i = 0; i < padded; i++)
        in[i] = i >= size ? '=' : text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    int n = EVP_DecodeBlock(out, (unsigned char *)in, (int)padded);
    if (n < (int)(padded - size))
        goto bad;
    free(in);
    *out_size = (size_t)n - (padded - size);
    out[*out_size] = '\0';
    return (char *)out;
bad:
    free(in);
    free(out);
    return NULL;
}

static char *sign(struct sandbox *sb, const char *text, size_t size)
{
    const char *secret = sandbox_get_str(sb->db, "secret");
    unsigned char mac[32];
    unsigned int mac_size = sizeof mac;
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text, size, mac,
         &mac_size);
    return base64url(mac, sizeof mac);
}

static char *make_token(struct sandbox_call *call, json_int_t seconds)
{
    json_int_t now_s = call->now_us / 1000000;
    struct sandbox_id session = sandbox_new_id(call->sb);
    json_t *claims = json_pack(
        "{s:I, s:I, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:s, s:s, s:s, s:s}", "iat", now_s,
        "exp", now_s + seconds, "env", "<unknown>", "session_id", session.text, "auth_type",
        "Bearer", "identity", "user", call->user_id, "company", call->company, "role", "user",
        "user_name", sandbox_get_str(call->user, "name"), "company_name", "clearml", "api_version",
        "2.34", "server_version", "2.3.0", "server_build", "", "feature_set", "basic");
    char *text = json_dumps(claims, JSON_COMPACT);
    json_decref(claims);
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    char *h = base64url(header, sizeof header - 1);
    char *c = text ? base64url(text, strlen(text)) : NULL;
    char *token = NULL, *signed_part = NULL, *mac = NULL;
    if (h && c && asprintf(&signed_part, "%s.%s", h, c) >= 0)
        mac = sign(call->sb, signed_part, strlen(signed_part));
    if (mac && asprintf(&token, "%s.%s", signed_part, mac) < 0)
        token = NULL;
    free(text);
    free(h);
    free(c);
    free(signed_part);
    free(mac);
    return token;
}

static int bad_token(struct sandbox_call *call, const char *reason)
{
    return sandbox_fail(call, 401, SUB_401_INVALID_TOKEN,
                        "Invalid token (invalid jwt token): reason=%s", reason);
}

static int set_user(struct sandbox_call *call, const char *id)
{
    json_t *user = json_object_get(call->sb->users, id ? id : "");
    if (!user)
        return sandbox_fail(call, 401, SUB_401_INVALID_TOKEN, "Invalid token (unknown user)");
    call->user = user;
    call->user_id = sandbox_get_str(user, "id");
    call->company = sandbox_get_str(user, "company");
    return 0;
}

static int check_token(struct sandbox_call *call, const char *token, size_t size)
{
    const char *last = memrchr(token, '.', size);
    const char *first = memchr(token, '.', size);
    if (!first || first == last || size > MAX_TOKEN)
        return bad_token(call, "Not enough segments");
    char *mac = sign(call->sb, token, (size_t)(last - token));
    size_t mac_size = size - (size_t)(last + 1 - token);
    bool genuine = mac && strlen(mac) == mac_size && CRYPTO_memcmp(mac, last + 1, mac_size) == 0;
    free(mac);
    if (!genuine)
        return bad_token(call, "Signature verification failed");
    size_t n;
    char *text = unbase64(first + 1, (size_t)(last - first - 1), &n);
    json_t *claims = text ? json_loadb(text, n, 0, NULL) : NULL;
    free(text);
    int rc;
    if (!claims)
        rc = bad_token(call, "Invalid payload");
    else if (json_integer_value(json_object_get(claims, "exp")) <= call->now_us / 1000000)
        rc = bad_token(call, "Signature has expired");
    else
        rc = set_user(call, sandbox_get_str(claims, "identity.user"));
    json_decref(claims);
    return rc;
}

static json_t *find_credentials(struct sandbox *sb, const char *key, const char *user)
{
    size_t i;
    json_t *c;
    json_array_foreach (sb->credentials, i, c) {
        if (strcmp(sandbox_get_str(c, "key"), key) == 0 &&
            (!user || strcmp(sandbox_get_str(c, "user"), user) == 0))
            return c;
    }
    return NULL;
}

static int check_pair(struct sandbox_call *call, const char *text)
{
    size_t n;
    char *pair = unbase64(text, strlen(text), &n);
    if (!pair)
        return sandbox_fail(call, 401, SUB_401_BAD_CREDENTIALS,
                            "Unauthorized (malformed credentials)");
    char *secret = strchr(pair, ':');
    if (secret)
        *secret++ = '\0';
    json_t *c = find_credentials(call->sb, pair, NULL);
    bool known = c && secret && strcmp(sandbox_get_str(c, "secret"), secret) == 0;
    free(pair);
    if (!known)
        return sandbox_fail(call, 401, SUB_401_INVALID_CREDENTIALS,
                            "Unauthorized (invalid credentials) (failed to locate provided "
                            "credentials)");
    const struct sandbox_request *rq = call->request;
    json_object_set_new(c, "last_used", sandbox_now(call));
    json_object_set_new(c, "last_used_from",
                        json_string(rq->worker        ? rq->worker
                                    : rq->remote_addr ? rq->remote_addr
                                                      : "127.0.0.1"));
    sandbox_changed(call->sb);
    return set_user(call, sandbox_get_str(c, "user"));
}

int sandbox_authenticate(struct sandbox_call *call)
{
    const char *header = call->request->authorization;
    if (header) {
        if (strncmp(header, "Bearer ", 7) == 0)
            return check_token(call, header + 7, strlen(header + 7));
        if (strncmp(header, "Basic ", 6) == 0)
            return check_pair(call, header + 6);
        return sandbox_fail(call, 401, SUB_401_BAD_TYPE,
                            "Unauthorized (bad authentication header type)");
    }
    static const char name[] = "clearml_token_basic=";
    const char *cookie = call->request->cookie ? strstr(call->request->cookie, name) : NULL;
    if (cookie) {
        cookie += sizeof name - 1;
        return check_token(call, cookie, strcspn(cookie, "; "));
    }
    return sandbox_fail(call, 401, SUB_401_NO_CREDENTIALS, "Unauthorized (missing credentials)");
}

json_t *sandbox_add_credentials(struct sandbox *sb, const char *user, const char *key,
                                const char *secret, const char *label)
{
    char new_key[31], new_secret[51];
    if (!key) {
        sandbox_new_secret(sb, new_key, sizeof new_key - 1, true);
        key = new_key;
    }
    if (!secret) {
        sandbox_new_secret(sb, new_secret, sizeof new_secret - 1, false);
        secret = new_secret;
    }
    json_t *c = json_pack("{s:s, s:s, s:s}", "key", key, "secret", secret, "user", user);
    if (label)
        json_object_set_new(c, "label", json_string(label));
    json_array_append_new(sb->credentials, c);
    sandbox_changed(sb);
    return c;
}

int auth_login(struct sandbox_call *call)
{
    json_int_t seconds = sandbox_int(call, "expiration_sec", DEFAULT_EXPIRATION_S);
    char *token = make_token(call, seconds > 0 ? seconds : DEFAULT_EXPIRATION_S);
    if (!token)
        return sandbox_fail(call, 500, 0, "General server error");
    json_object_set_new(call->data, "token", json_string(token));
    if (asprintf(&call->set_cookie, "clearml_token_basic=%s; Path=/; HttpOnly", token) < 0)
        call->set_cookie = NULL;
    free(token);
    return 0;
}

int auth_validate_token(struct sandbox_call *call)
{
    const char *token = sandbox_str(call, "token");
    struct sandbox_call probe = *call;
    bool valid = check_token(&probe, token, strlen(token)) == 0;
    json_object_set_new(call->data, "valid", json_boolean(valid));
    if (valid) {
        json_object_set_new(call->data, "user", json_string(probe.user_id));
        json_object_set_new(call->data, "company", json_string(probe.company));
    } else {
        json_object_set_new(call->data, "msg", json_string(probe.message));
    }
    return 0;
}

int auth_create_credentials(struct sandbox_call *call)
{
    json_t *c =
        sandbox_add_credentials(call->sb, call->user_id, NULL, NULL, sandbox_str(call, "label"));
    json_t *out = json_pack("{s:O, s:O}", "access_key", json_object_get(c, "key"), "secret_key",
                            json_object_get(c, "secret"));
    if (json_object_get(c, "label"))
        json_object_set(out, "label", json_object_get(c, "label"));
    return json_object_set_new(call->data, "credentials", out);
}

int auth_get_credentials(struct sandbox_call *call)
{
    json_t *list = json_array();
    size_t i;
    json_t *c;
    json_array_foreach (call->sb->credentials, i, c) {
        if (strcmp(sandbox_get_str(c, "user"), call->user_id) != 0)
            continue;
        json_t *out = json_pack("{s:O}", "access_key", json_object_get(c, "key"));
        static const char *const shown[] = {"label", "last_used", "last_used_from"};
        for (size_t f = 0; f < sizeof shown / sizeof *shown; f++) {
            if (json_object_get(c, shown[f]))
                json_object_set(out, shown[f], json_object_get(c, shown[f]));
        }
        json_array_append_new(list, out);
    }
    return json_object_set_new(call->data, "credentials", list);
}

int auth_edit_credentials(struct sandbox_call *call)
{
    json_t *c = find_credentials(call->sb, sandbox_str(call, "access_key"), call->user_id);
    if (!c)
        return sandbox_fail(call, 400, SUB_INVALID_ACCESS_KEY,
                            "Access key not found (invalid user or invalid access key)");
    const char *label = sandbox_str(call, "label");
    if (label)
        json_object_set_new(c, "label", json_string(label));
    else
        json_object_del(c, "label");
    sandbox_changed(call->sb);
    return json_object_set_new(call->data, "updated", json_integer(1));
}

int auth_revoke_credentials(struct sandbox_call *call)
{
    const char *key = sandbox_str(call, "access_key");
    size_t i;
    json_t *c;
    json_array_foreach (call->sb->credentials, i, c) {
        if (strcmp(sandbox_get_str(c, "key"), key) != 0 ||
            strcmp(sandbox_get_str(c, "user"), call->user_id) != 0)
            continue;
        json_array_remove(call->sb->credentials, i);
        sandbox_changed(call->sb);
        return json_object_set_new(call->data, "revoked", json_integer(1));
    }
    return sandbox_fail(call, 400, SUB_INVALID_USER,
                        "Invalid user (invalid user or invalid access key): id=%s, company=%s, "
                        "credentials__key=%s",
                        call->user_id, call->company, key);
}
