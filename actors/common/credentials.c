/* SPDX-License-Identifier: Apache-2.0 */
#include "credentials.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drover/assert.h"
#include "json.h"
#include "seal.h"
#include "secretfile.h"

static char *copy(const char *text)
{
    char *result = strdup(text);
    DR_ASSERT(result != NULL);
    return result;
}

static const char *env(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

/* The first of the places, ended by NULL, that holds a text. */
static const char *any_of(const json_t *tree, const char *const places[], struct dr_error *error)
{
    const char *text = "";
    for (; *places && !text[0]; places++)
        text = dr_json_str(tree, *places, "", error);
    return text;
}

/* Drover's own file, its short form, and a clearml.conf. */
static const char *const access_key_places[] = {"api.access_key", "access_key",
                                                "api.credentials.access_key", NULL};
static const char *const secret_key_places[] = {"api.secret_key", "secret_key",
                                                "api.credentials.secret_key", NULL};
static const char *const api_server_places[] = {"api.api_server", "api_server", "api.host", NULL};

static void take(struct dr_clearml_credentials *found, const char *access_key,
                 const char *secret_key, const char *api_server)
{
    found->access_key = copy(access_key);
    found->secret_key = copy(secret_key);
    found->api_server = copy(api_server);
    found->web_server = copy("");
    found->files_server = copy("");
}

static void take_servers(struct dr_clearml_credentials *found, const char *web, const char *files)
{
    free(found->web_server);
    free(found->files_server);
    found->web_server = copy(web);
    found->files_server = copy(files);
}

/* What one file says. A file without a key pair is an error only where `must` is set. */
static bool from_tree(const char *path, json_t *tree, bool must,
                      struct dr_clearml_credentials *found, struct dr_error *error)
{
    struct dr_error wrong_type = {0};
    if (!tree)
        return false;
    const char *access_key = any_of(tree, access_key_places, &wrong_type);
    const char *secret_key = any_of(tree, secret_key_places, &wrong_type);
    const char *api = any_of(tree, api_server_places, &wrong_type);
    const char *web = dr_json_str(tree, "api.web_server", "", &wrong_type);
    const char *files = dr_json_str(tree, "api.files_server", "", &wrong_type);
    bool good = true;
    if (wrong_type.text[0]) {
        good = dr_error_set(error, "%s: %s", path, wrong_type.text);
    } else if (access_key[0] && secret_key[0]) {
        take(found, access_key, secret_key, api[0] ? api : env("CLEARML_API_HOST"));
        take_servers(found, web, files);
        snprintf(found->found_in, sizeof found->found_in, "%s", path);
    } else if (must || access_key[0] || secret_key[0]) {
        const char *missing = access_key[0] ? "secret_key" : "access_key";
        good = dr_error_set(error, "%s: api.%s is missing", path, missing);
    }
    json_decref(tree);
    return good;
}

static bool from_environment(struct dr_clearml_credentials *found, struct dr_error *error)
{
    const char *access_key = env("CLEARML_API_ACCESS_KEY");
    const char *secret_key = env("CLEARML_API_SECRET_KEY");
    if (!access_key[0] && !secret_key[0])
        return true;
    if (!access_key[0] || !secret_key[0])
        return dr_error_set(error, "of CLEARML_API_ACCESS_KEY and CLEARML_API_SECRET_KEY only one "
                                   "is set in the environment: set both or none");
    take(found, access_key, secret_key, env("CLEARML_API_HOST"));
    snprintf(found->found_in, sizeof found->found_in,
             "the environment (CLEARML_API_ACCESS_KEY, CLEARML_API_SECRET_KEY)");
    return true;
}

/* Where the SDK would read its own file. */
static void sdk_file(char *path, size_t size)
{
    const char *named = env("CLEARML_CONFIG_FILE"), *home = env("HOME");
    const char *folder = strncmp(named, "~/", 2) == 0 || !named[0] ? home : "";
    const char *name = named[0] ? (folder[0] ? named + 1 : named) : "/clearml.conf";
    snprintf(path, size, "%s%s", folder, name);
}

static bool unnamed(bool others, struct dr_clearml_credentials *found, struct dr_error *error)
{
    json_t *(*load)(const char *, struct dr_error *) =
        others ? dr_secretfile_load_open : dr_secretfile_load;
    if (!from_environment(found, error))
        return false;
    if (found->access_key)
        return true;
    char path[512];
    sdk_file(path, sizeof path);
    if (access(path, F_OK) == 0 && !from_tree(path, load(path, error), false, found, error))
        return false;
    found->by_itself = found->access_key != NULL;
    if (found->by_itself)
        return true;
    return dr_error_set(error,
                        "no ClearML key pair: none named in the configuration, none in "
                        "CLEARML_API_ACCESS_KEY and CLEARML_API_SECRET_KEY, none in %s; create one "
                        "in the web app under Settings > Workspace",
                        path);
}

bool dr_clearml_credentials_load(const char *file, struct dr_clearml_credentials *found,
                                 struct dr_error *error)
{
    *found = (struct dr_clearml_credentials){0};
    if (file && file[0])
        return from_tree(file, dr_secretfile_load(file, error), true, found, error);
    return unnamed(false, found, error);
}

bool dr_clearml_credentials_find(struct dr_clearml_credentials *found, struct dr_error *error)
{
    *found = (struct dr_clearml_credentials){0};
    return unnamed(true, found, error);
}

void dr_clearml_credentials_free(struct dr_clearml_credentials *credentials)
{
    dr_wipe_free_text(credentials->access_key);
    dr_wipe_free_text(credentials->secret_key);
    free(credentials->api_server);
    free(credentials->web_server);
    free(credentials->files_server);
    *credentials = (struct dr_clearml_credentials){0};
}
