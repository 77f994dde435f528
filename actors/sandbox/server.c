/* SPDX-License-Identifier: Apache-2.0 */
/* debug.*, server.* and users.*: what the server says of itself and of who asks. */
#include "errors.h"
#include "handlers.h"

int debug_ping(struct sandbox_call *call)
{
    return json_object_set_new(call->data, "msg", json_string("ClearML server"));
}

int server_info(struct sandbox_call *call)
{
    return json_object_update_new(call->data,
                                  json_pack("{s:s, s:s, s:s, s:s}", "version", "2.3.0", "build", "",
                                            "commit", "", "api_version", "2.34"));
}

/* Only for the roles root and system, which nobody has here. */
int server_config(struct sandbox_call *call)
{
    (void)call;
    return 0;
}

int users_get_current_user(struct sandbox_call *call)
{
    json_t *user = json_deep_copy(call->user);
    json_object_set_new(user, "company",
                        json_pack("{s:s, s:O}", "id", call->company, "name",
                                  json_object_get(call->sb->company, "name")));
    json_object_set_new(call->data, "user", user);
    json_object_set_new(call->data, "getting_started",
                        json_pack("{s:s, s:s, s:s, s:s}", "agentName", "clearml", "configure",
                                  "clearml-init", "install", "pip install clearml", "packageName",
                                  "clearml"));
    return json_object_set_new(call->data, "settings",
                               json_pack("{s:i}", "max_download_items", 50000));
}
