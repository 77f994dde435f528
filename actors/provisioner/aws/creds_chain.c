/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "creds_impl.h"
#include "drover/assert.h"
#include "seal.h"

/* In this order; AWS's own tools go through the same (botocore, create_credential_resolver). */
static const struct {
    const char *name;
    void (*try)(struct aws_creds *creds);
} sources[CREDS_SOURCES] = {
    [CREDS_FILE] = {"credentials_file", creds_try_file},
    [CREDS_ENVIRONMENT] = {"environment", creds_try_environment},
    [CREDS_PROFILE_ROLE] = {"role of a profile", creds_try_profile_role},
    [CREDS_WEB_IDENTITY] = {"web identity", creds_try_web_identity},
    [CREDS_SSO] = {"SSO", creds_try_sso},
    [CREDS_SHARED] = {"credentials file", creds_try_shared},
    [CREDS_TOOLS] = {"other programs", creds_try_tools},
    [CREDS_CONFIG] = {"config file", creds_try_config},
    [CREDS_CONTAINER] = {"container", creds_try_container},
    [CREDS_METADATA] = {"instance metadata", creds_try_metadata},
};

static void add_why(struct aws_creds *creds, const char *why, va_list words)
{
    struct creds_fetch *fetch = &creds->fetch;
    char text[1024];
    vsnprintf(text, sizeof text, why, words);
    dr_strbuf_printf(&fetch->tried, "%s%s: %s", fetch->tried.len ? "; " : "",
                     sources[fetch->source].name, text);
}

static void end_without(struct aws_creds *creds, const char *more)
{
    struct dr_strbuf sentence = {0};
    const char *tried = creds->fetch.tried.data ? creds->fetch.tried.data : "";
    dr_strbuf_printf(&sentence, "no AWS credentials%s: %s", more, tried);
    creds_fetched(creds, sentence.data);
    dr_strbuf_free(&sentence);
}

static void try_next(struct aws_creds *creds)
{
    struct creds_fetch *fetch = &creds->fetch;
    if (fetch->source < fetch->last) {
        fetch->source++;
        if (!fetch->nested)
            fetch->first = fetch->source;
        sources[fetch->source].try(creds);
        return;
    }
    char more[CREDS_PROFILE_MAX + 64] = "";
    if (fetch->nested)
        snprintf(more, sizeof more, " for the role of profile %s", fetch->profiles.name);
    end_without(creds, more);
}

void creds_none(struct aws_creds *creds, const char *why, ...)
{
    va_list words;
    va_start(words, why);
    add_why(creds, why, words);
    va_end(words);
    try_next(creds);
}

void creds_broken(struct aws_creds *creds, const char *why, ...)
{
    va_list words;
    va_start(words, why);
    add_why(creds, why, words);
    va_end(words);
    end_without(creds, "");
}

void creds_found(struct aws_creds *creds, struct creds_keys *keys, const char *where, ...)
{
    struct creds_fetch *fetch = &creds->fetch;
    va_list words;
    char text[sizeof creds->source];
    va_start(words, where);
    vsnprintf(text, sizeof text, where, words);
    va_end(words);
    dr_strbuf_add_text(&fetch->where, text);
    creds_keys_wipe(&fetch->keys);
    fetch->keys = *keys;
    *keys = (struct creds_keys){0};
    if (creds->role_arn[0] &&
        !creds_push_role(fetch, creds->role_arn, creds->external_id, NULL, NULL)) {
        creds_broken(creds, "there is a role too many on top of each other (%d at most)",
                     CREDS_ROLES_MAX);
        return;
    }
    /* The account's role comes last: on top of those that the profile names. */
    if (creds->role_arn[0]) {
        struct creds_role top = fetch->roles[fetch->role_count - 1];
        memmove(fetch->roles + 1, fetch->roles, (fetch->role_count - 1) * sizeof top);
        fetch->roles[0] = top;
    }
    creds_assume(creds);
}

void creds_branch(struct aws_creds *creds, int first, int last)
{
    creds->fetch.nested = true;
    creds->fetch.source = first - 1;
    creds->fetch.last = last;
    try_next(creds);
}

static char *copy(const char *text)
{
    char *result = strdup(text ? text : "");
    DR_ASSERT(result != NULL);
    return result;
}

bool creds_push_role(struct creds_fetch *fetch, const char *arn, const char *external_id,
                     const char *session_name, const char *duration_s)
{
    if (fetch->role_count == CREDS_ROLES_MAX)
        return false;
    fetch->roles[fetch->role_count++] =
        (struct creds_role){.arn = copy(arn),
                            .external_id = copy(external_id),
                            .session_name = copy(session_name),
                            .duration_s = duration_s ? strtol(duration_s, NULL, 10) : 0};
    return true;
}

struct creds_profiles *creds_profiles_of(struct aws_creds *creds)
{
    struct creds_fetch *fetch = &creds->fetch;
    struct creds_profiles *profiles = &fetch->profiles;
    if (fetch->profiles_read)
        return profiles;
    struct dr_error error = {0};
    if (!creds_profiles_load(profiles, creds->profile, creds->home, &error)) {
        creds_broken(creds, "%s", error.text);
        return NULL;
    }
    fetch->profiles_read = true;
    snprintf(fetch->profile, sizeof fetch->profile, "%s", profiles->name);
    if (profiles->named && !creds_profiles_has(profiles, profiles->name)) {
        creds_broken(creds, "there is no profile %s in %s or %s", profiles->name,
                     profiles->credentials_path, profiles->config_path);
        return NULL;
    }
    return profiles;
}

void creds_fetch_start(struct aws_creds *creds, int last)
{
    creds_fetch_wipe(&creds->fetch);
    creds->fetch.source = -1;
    creds->fetch.last = last;
    try_next(creds);
}

void creds_role_free(struct creds_role *role)
{
    free(role->arn);
    dr_wipe_free_text(role->external_id);
    free(role->session_name);
    *role = (struct creds_role){0};
}

void creds_fetch_wipe(struct creds_fetch *fetch)
{
    for (size_t i = 0; i < fetch->role_count; i++)
        creds_role_free(&fetch->roles[i]);
    creds_profiles_free(&fetch->profiles);
    creds_keys_wipe(&fetch->keys);
    dr_strbuf_free(&fetch->tried);
    dr_strbuf_free(&fetch->where);
    *fetch = (struct creds_fetch){0};
}
