/* SPDX-License-Identifier: Apache-2.0 */
#include "rand.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

#include "drover/assert.h"

void dr_random_bytes(void *bytes, size_t len)
{
    unsigned char *at = bytes;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        DR_ASSERT(got > 0);
        at += got;
        len -= (size_t)got;
    }
}

void dr_random_id(char out[DR_RANDOM_ID_SIZE])
{
    unsigned char bits[16];
    dr_random_bytes(bits, sizeof bits);
    for (size_t i = 0; i < sizeof bits; i++) {
        out[2 * i] = "0123456789abcdef"[bits[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[bits[i] & 15];
    }
    out[32] = '\0';
}
