/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness from the kernel (getrandom). Only shells draw it: a core is handed what it needs. */
#ifndef DROVER_COMMON_RAND_H
#define DROVER_COMMON_RAND_H

#include <stddef.h>

#define DR_RANDOM_ID_SIZE 33

/* Fills `bytes`. Blocks only before the kernel's pool is ready, early at boot. */
void dr_random_bytes(void *bytes, size_t len);

/* 128 random bits as 32 lower-case hexadecimal digits and a NUL. */
void dr_random_id(char out[DR_RANDOM_ID_SIZE]);

#endif
