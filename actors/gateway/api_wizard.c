/* SPDX-License-Identifier: Apache-2.0 */
/* The wizard's questions to the server: what is known already, what its answers would make. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "aws_policy.h"
#include "credentials.h"
#include "drover/assert.h"
#include "server.h"
#include "wizard.h"

#define STATE_DIR_STANDARD "/var/lib/drover"
#define LISTEN_STANDARD "127.0.0.1:8400"

void handle_wizard_known(struct request *request);
void handle_wizard_render(struct request *request);

/* ---- the draft ------------------------------------------------------------------------------ */
/* STATE_DIR, which state_dir lies below. */
static void state_root(const struct gateway *gateway, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s", gateway->state_dir);
    *strrchr(out, '/') = '\0';
}

/* What the first start was told: where its logins are, where it listens. */
static void add_own(const struct gateway *gateway, json_t *config)
{
    char dir[PATH_MAX];
    const char *listen = strstr(server_url(gateway->server), "://") + 3;
    json_t *section = json_object_get(config, "gateway");
    if (gateway->setup == NULL)
        return;
    state_root(gateway, dir);
    if (strcmp(dir, STATE_DIR_STANDARD) != 0 && json_object_get(config, "state_dir") == NULL)
        json_object_set_new(config, "state_dir", json_string(dir));
    if (strcmp(listen, LISTEN_STANDARD) == 0 || json_object_get(section, "listen") != NULL)
        return;
    if (section == NULL)
        json_object_set_new(config, "gateway", json_pack("{s:s}", "listen", listen));
    else if (json_is_object(section))
        json_object_set_new(section, "listen", json_string(listen));
}

json_t *wizard_draft(struct request *request)
{
    const json_t *draft = json_object_get(request->input, "config");
    if (!json_is_object(draft)) {
        answer_error(request, 400, "bad-request",
                     "config must be an object of drover.yaml's shape");
        return NULL;
    }
    json_t *copy = json_deep_copy(draft);
    DR_ASSERT(copy != NULL);
    add_own(request->gateway, copy);
    return copy;
}

char *wizard_text(const json_t *draft)
{
    char *text = json_dumps(draft, JSON_REAL_PRECISION(15));
    DR_ASSERT(text != NULL);
    return text;
}

bool wizard_state_fits(const struct gateway *gateway, const struct dr_cfg_root *root,
                       json_t *faults)
{
    char dir[PATH_MAX];
    state_root(gateway, dir);
    if (root == NULL || gateway->setup == NULL || strcmp(dir, root->state_dir) == 0)
        return true;
    json_array_append_new(faults, json_pack("{s:s,s:s,s:b}", "path", "state_dir", "text",
                                            "the logins of this first start are in another "
                                            "folder: leave it, or begin again with "
                                            "`drover up --dir`",
                                            "warning", 0));
    return false;
}

json_t *wizard_faults(const struct dr_config_errors *errors)
{
    json_t *list = json_array();
    for (size_t i = 0; i < errors->count; i++)
        json_array_append_new(
            list, json_pack("{s:o,s:o,s:b}", "path", text_json(errors->items[i].path), "text",
                            text_json(errors->items[i].what), "warning", errors->items[i].warning));
    return list;
}

void handle_wizard_render(struct request *request)
{
    struct dr_config_errors errors;
    json_t *draft = wizard_draft(request);
    if (draft == NULL)
        return;
    char *text = wizard_text(draft);
    struct dr_config *config = dr_config_parse_draft(text, strlen(text), "drover.yaml", &errors);
    json_t *list = wizard_faults(&errors);
    const struct dr_cfg_root *root = config == NULL ? NULL : dr_config_root(config);
    wizard_state_fits(request->gateway, root, list);
    char *yaml = root == NULL ? NULL : dr_config_write(root);
    answer_json(request, 200,
                json_pack("{s:s,s:o,s:o}", "yaml", yaml == NULL ? "" : yaml, "errors", list, "most",
                          root == NULL ? json_null() : configfile_most(root)));
    dr_config_errors_free(&errors);
    dr_config_free(config);
    json_decref(draft);
    free(yaml);
    free(text);
}

/* ---- what is known -------------------------------------------------------------------------- */
static void set_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0')
        json_object_set_new(object, key, json_string(text));
}

/* The servers that this host's clearml.conf or environment names; its keys stay there. */
static json_t *known_server(json_t *keys)
{
    json_t *clearml = json_object();
    struct dr_clearml_credentials found = {0};
    struct dr_error error;
    if (dr_clearml_credentials_find(&found, &error)) {
        set_text(clearml, "api_server", found.api_server);
        set_text(clearml, "web_server", found.web_server);
        set_text(clearml, "files_server", found.files_server);
        set_text(keys, "keys", found.found_in);
    } else {
        set_text(clearml, "api_server", getenv("CLEARML_API_HOST"));
        set_text(clearml, "web_server", getenv("CLEARML_WEB_HOST"));
        set_text(clearml, "files_server", getenv("CLEARML_FILES_HOST"));
    }
    dr_clearml_credentials_free(&found);
    return clearml;
}

static json_t *known_host(const struct gateway *gateway, json_t *keys)
{
    json_t *config = json_pack("{s:s}", "deployment", "drover"), *clearml = known_server(keys);
    const char *region = getenv("AWS_REGION");
    if (region == NULL)
        region = getenv("AWS_DEFAULT_REGION");
    if (json_object_size(clearml) > 0)
        json_object_set(config, "clearml", clearml);
    json_decref(clearml);
    if (region != NULL && region[0] != '\0')
        json_object_set_new(
            config, "accounts",
            json_pack("[{s:s,s:s,s:s}]", "name", "aws", "driver", "aws", "region", region));
    add_own(gateway, config);
    return config;
}

static json_t *known_running(const struct gateway *gateway)
{
    struct dr_config_errors errors;
    struct dr_config *config = dr_config_load_draft(configfile_path(gateway), &errors);
    char *text = config == NULL ? NULL : dr_config_json(dr_config_root(config));
    json_t *tree = text == NULL ? NULL : json_loads(text, 0, NULL);
    free(text);
    dr_config_errors_free(&errors);
    dr_config_free(config);
    return tree == NULL ? json_object() : tree;
}

void handle_wizard_known(struct request *request)
{
    const struct gateway *gateway = request->gateway;
    json_t *queues = json_array(), *answer = json_object(), *each;
    json_t *config = gateway->setup == NULL ? known_running(gateway) : known_host(gateway, answer);
    size_t i;
    if (gateway->setup == NULL) {
        json_array_foreach (json_object_get(config, "queues"), i, each)
            json_array_append(queues, json_object_get(each, "name"));
    }
    json_object_set_new(answer, "config", config);
    json_object_set_new(answer, "queues", queues);
    json_object_set_new(answer, "rights",
                        json_pack("{s:s%}", "aws", (const char *)aws_policy, aws_policy_size));
    answer_json(request, 200, answer);
}
