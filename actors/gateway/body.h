/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_GATEWAY_BODY_H
#define DROVER_GATEWAY_BODY_H

#include <stdbool.h>

struct request;

/* Makes request->input of the body. Answers 400, 413 or 415 and returns false when it is no JSON
 * object, or has fields that the operation does not know. */
bool body_read(struct request *request);

#endif
