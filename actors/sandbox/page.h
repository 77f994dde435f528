/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "sandbox.h"

/* Answers what a browser asks for: a task's page. false: it is a request to the API. */
bool page_serve(struct sandbox *sb, const struct sandbox_request *request,
                struct sandbox_response *response);
