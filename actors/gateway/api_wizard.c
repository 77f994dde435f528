/* SPDX-License-Identifier: Apache-2.0 */
/* The wizard's questions to the server: what its answers would make, whether they work. */
#include <stdlib.h>
#include <string.h>

#include "configfile.h"
#include "drover/assert.h"
#include "gateway.h"

void handle_wizard_render(struct request *request);
void handle_wizard_test(struct request *request);
void handle_wizard_launch(struct request *request);

void handle_wizard_render(struct request *request)
{
    const json_t *draft = json_object_get(request->input, "config");
    if (!json_is_object(draft)) {
        answer_error(request, 400, "bad-request",
                     "config must be an object of drover.yaml's shape");
        return;
    }
    struct dr_config_errors errors;
    char *text = json_dumps(draft, 0);
    DR_ASSERT(text != NULL);
    struct dr_config *config = dr_config_parse_draft(text, strlen(text), "drover.yaml", &errors);
    json_t *list = json_array();
    for (size_t i = 0; i < errors.count; i++)
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:b}", "path", errors.items[i].path, "text",
                                        errors.items[i].what, "warning", errors.items[i].warning));
    dr_config_errors_free(&errors);
    char *yaml = config == NULL ? NULL : dr_config_write(dr_config_root(config));
    answer_json(request, 200,
                json_pack("{s:s,s:o,s:o}", "yaml", yaml == NULL ? "" : yaml, "errors", list, "most",
                          config == NULL ? json_null() : configfile_most(dr_config_root(config))));
    free(yaml);
    free(text);
    dr_config_free(config);
}

void handle_wizard_test(struct request *request)
{
    answer_error(request, 503, "unavailable", "not built yet");
}

void handle_wizard_launch(struct request *request)
{
    answer_error(request, 503, "unavailable", "not built yet");
}
