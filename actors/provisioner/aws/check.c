/* SPDX-License-Identifier: Apache-2.0
 *
 * A configured type, judged without asking AWS. Fields are named as in drover.yaml.
 */
#include "config_aws.h"
#include "request.h"
#include "run.h"

struct first_fault {
    const struct dr_cfg_type *type;
    struct dr_error *error;
    bool told;
};

static void on_fault(void *arg, const char *field, const char *text)
{
    struct first_fault *first = arg;
    if (!first->told)
        dr_error_set(first->error, "machine_types[%s].%s: %s", first->type->name, field, text);
    first->told = true;
}

bool run_check(const struct dr_cfg_type *type, struct dr_error *error)
{
    struct first_fault first = {.type = type, .error = error};
    return cfg_aws_judge(type, &(struct cfg_judge){.fault = on_fault, .arg = &first});
}

bool aws_check_type(const struct dr_cfg_type *type, struct dr_error *error)
{
    char offering[160];
    struct dr_strbuf body = {0};
    if (!run_check(type, error) || !aws_offering(type, 0, offering, sizeof offering))
        return false;
    /* Whatever extra_configurations holds is judged by using it; a device is only known to AWS. */
    struct driver_request request = {.attempt = "check",
                                     .count = 1,
                                     .type = type,
                                     .offering = offering,
                                     .deployment = "check",
                                     .ledger_id = "check",
                                     .user_data = ""};
    bool fine = aws_run_instances(&request, "/dev/xvda", &body, error);
    dr_strbuf_free(&body);
    return fine;
}
