/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that pass through others' hands (machine keys, request bodies: P10) are sealed to their
 * receiver with libsodium's sealed box (X25519, XSalsa20-Poly1305): anyone can seal to a public
 * key, only the key pair's holder can open. */
#ifndef DROVER_COMMON_SEAL_H
#define DROVER_COMMON_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define DR_SEAL_KEY_SIZE 32
#define DR_SEAL_KEY_TEXT_SIZE 45 /* a public key in base64 with its NUL */

struct dr_seal_keypair {
    unsigned char public_key[DR_SEAL_KEY_SIZE];
    unsigned char secret_key[DR_SEAL_KEY_SIZE]; /* dr_wipe the pair when done */
};

/* A fresh pair, kept nowhere. */
void dr_seal_new(struct dr_seal_keypair *pair);

/* Loads the pair from `path`, creating it (0600) if it is missing. Creation is exclusive: of two
 * processes that race, both end with the same pair. A file with another owner or wider permissions
 * is refused with the command that mends it. Blocks on the disk (fsync on creation). */
bool dr_seal_load(const char *path, struct dr_seal_keypair *pair, struct dr_error *error);

/* Seals `len` bytes. The result is the caller's (free). NULL if `public_key` is none: a point of
 * low order, which no honest pair has. */
unsigned char *dr_seal_to(const unsigned char public_key[DR_SEAL_KEY_SIZE], const void *bytes,
                          size_t len, size_t *sealed_len);

/* Opens; NULL if it was sealed to another key or was changed on the way. The result has a NUL after
 * its `len` bytes and is the caller's: dr_wipe_free. */
unsigned char *dr_seal_open(const struct dr_seal_keypair *pair, const void *sealed,
                            size_t sealed_len, size_t *len);

/* Base64 (RFC 4648, padded). Encoding's result is the caller's (free). Decoding refuses anything
 * that is not exactly base64 (NULL); its result has a NUL after its `len` bytes, dr_wipe_free it.
 */
char *dr_base64_encode(const void *bytes, size_t len);
unsigned char *dr_base64_decode(const char *text, size_t *len);

/* The URL alphabet without padding, as in a JWT; the same contract as dr_base64_decode. */
unsigned char *dr_base64url_decode(const char *text, size_t text_len, size_t *len);

/* Overwrites memory in a way that the compiler keeps. */
void dr_wipe(void *bytes, size_t len);

/* Wipes and frees; NULL is fine. */
void dr_wipe_free(void *bytes, size_t len);

/* The same for a string. */
void dr_wipe_free_text(char *text);

#endif
