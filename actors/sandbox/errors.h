/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "sandbox.h"

/* The server's reasons (apiserver/apierrors/errors.conf): subcodes of 400 unless said otherwise. */
enum sandbox_subcode {
    SUB_INVALID_ID = 10,
    SUB_MISSING_FIELDS = 11,
    SUB_VALIDATION = 12,
    SUB_UNKNOWN_FIELDS = 14,
    SUB_FIELDS_VALUE = 16,
    SUB_BATCH_EMPTY = 17,
    SUB_BATCH_VALIDATION = 18,
    SUB_INVALID_REGEX = 21,
    SUB_INVALID_ACCESS_KEY = 75,
    SUB_INVALID_TASK = 101,
    SUB_TASK_STATUS = 110,
    SUB_TASK_STATUS_CHANGE_FAILED = 121,
    SUB_MISSING_TASK_FIELDS = 122,
    SUB_TASK_CANNOT_BE_DELETED = 123,
    SUB_TASK_INPUT = 127,
    SUB_EVENTS_NOT_ADDED = 131,
    SUB_INVALID_MODEL = 201,
    SUB_MODEL_NOT_READY = 202,
    SUB_MODEL_IS_READY = 203,
    SUB_MODEL_IN_USE = 205,
    SUB_MODEL_CREATING_TASK = 206,
    SUB_INVALID_USER = 300,
    SUB_INVALID_USER_ID = 301,
    SUB_INVALID_PROJECT = 401,
    SUB_PROJECT_HAS_TASKS = 402,
    SUB_PROJECT_HAS_MODELS = 405,
    SUB_INVALID_PROJECT_NAME = 407,
    SUB_PROJECT_LOCATION = 408,
    SUB_INVALID_QUEUE = 701,
    SUB_QUEUE_NOT_EMPTY = 702,
    SUB_TASK_NOT_QUEUED = 703,
    SUB_TASK_ALREADY_QUEUED = 706,
    SUB_NO_DEFAULT_QUEUE = 707,
    SUB_DATA_VALIDATION = 800,
    SUB_NOT_UNIQUE = 801,
    SUB_INVALID_WORKER = 1001,
    SUB_WORKER_NOT_REGISTERED = 1004,
    SUB_INVALID_SCROLL = 1104,
    SUB_401_BAD_TYPE = 10,
    SUB_401_NO_CREDENTIALS = 20,
    SUB_401_BAD_CREDENTIALS = 21,
    SUB_401_INVALID_CREDENTIALS = 22,
    SUB_401_INVALID_TOKEN = 30,
    SUB_403_ROLE = 20,
};

/* The answers' words for the commonest of them. All return -1. */
int fail_invalid(struct sandbox_call *call, int subcode, const char *what, const char *id);
int fail_status(struct sandbox_call *call, const char *current, const char *wanted);
int fail_required(struct sandbox_call *call, const char *field);
