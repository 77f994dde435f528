/* SPDX-License-Identifier: Apache-2.0 */
#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drover/assert.h"
#include "rand.h"
#include "secretfile.h"

/* The file: this word and the secret key in base64. The public half is computed from it. */
#define FILE_MAGIC "drover-seal-1 "
#define FILE_MAX 256

_Static_assert(DR_SEAL_KEY_SIZE == crypto_box_PUBLICKEYBYTES, "X25519 public keys");
_Static_assert(DR_SEAL_KEY_SIZE == crypto_box_SECRETKEYBYTES, "X25519 secret keys");

static void sodium_ready(void)
{
    DR_ASSERT(sodium_init() >= 0);
}

void dr_seal_new(struct dr_seal_keypair *pair)
{
    sodium_ready();
    DR_ASSERT(crypto_box_keypair(pair->public_key, pair->secret_key) == 0);
}

static bool read_pair(const char *path, struct dr_seal_keypair *pair, struct dr_error *error)
{
    size_t len, key_len = 0;
    char *text = dr_secretfile_read(path, FILE_MAX, &len, error);
    if (!text)
        return false;
    text[strcspn(text, "\n")] = '\0';
    unsigned char *key = NULL;
    if (strncmp(text, FILE_MAGIC, strlen(FILE_MAGIC)) == 0)
        key = dr_base64_decode(text + strlen(FILE_MAGIC), &key_len);
    bool good = key && key_len == DR_SEAL_KEY_SIZE;
    if (good) {
        memcpy(pair->secret_key, key, DR_SEAL_KEY_SIZE);
        good = crypto_scalarmult_base(pair->public_key, pair->secret_key) == 0;
    }
    dr_wipe_free(key, key_len);
    dr_wipe_free(text, len);
    return good || dr_error_set(error,
                                "%s is not a sealing key of Drover: restore it, or delete it and "
                                "a new one is made (what was sealed to it is lost)",
                                path);
}

static bool write_whole(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, text, len);
        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0) {
            text += put;
            len -= (size_t)put;
        }
    }
    return fsync(fd) == 0;
}

static void sync_folder_of(const char *path)
{
    char *copy = strdup(path);
    DR_ASSERT(copy != NULL);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* a key lost in a crash right now was not handed to anyone yet */
        close(fd);
    }
    free(copy);
}

/* Writes a new pair beside `path` and links it there: link() never replaces, so of two creators one
 * wins and the other reads the winner's. */
static bool create_pair(const char *path, struct dr_error *error)
{
    struct dr_seal_keypair pair;
    dr_seal_new(&pair);
    char *key = dr_base64_encode(pair.secret_key, sizeof pair.secret_key);
    char line[FILE_MAX], id[DR_RANDOM_ID_SIZE], *temporary = NULL;
    int len = snprintf(line, sizeof line, "%s%s\n", FILE_MAGIC, key);
    dr_random_id(id);
    DR_ASSERT(asprintf(&temporary, "%s.%s", path, id) > 0);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && write_whole(fd, line, (size_t)len) &&
                (link(temporary, path) == 0 || errno == EEXIST);
    if (!good)
        dr_error_set(error, "cannot create the sealing key %s: %s", path, strerror(errno));
    if (fd >= 0) {
        close(fd);
        unlink(temporary);
        sync_folder_of(path);
    }
    free(temporary);
    dr_wipe(line, sizeof line);
    dr_wipe(&pair, sizeof pair);
    dr_wipe_free_text(key);
    return good;
}

bool dr_seal_load(const char *path, struct dr_seal_keypair *pair, struct dr_error *error)
{
    sodium_ready();
    if (access(path, F_OK) != 0 && errno == ENOENT && !create_pair(path, error))
        return false;
    return read_pair(path, pair, error);
}

unsigned char *dr_seal_to(const unsigned char public_key[DR_SEAL_KEY_SIZE], const void *bytes,
                          size_t len, size_t *sealed_len)
{
    sodium_ready();
    *sealed_len = len + crypto_box_SEALBYTES;
    unsigned char *sealed = malloc(*sealed_len);
    DR_ASSERT(sealed != NULL);
    if (crypto_box_seal(sealed, bytes, len, public_key) == 0)
        return sealed;
    free(sealed);
    *sealed_len = 0;
    return NULL;
}

unsigned char *dr_seal_open(const struct dr_seal_keypair *pair, const void *sealed,
                            size_t sealed_len, size_t *len)
{
    sodium_ready();
    *len = 0;
    if (sealed_len < crypto_box_SEALBYTES)
        return NULL;
    size_t plain_len = sealed_len - crypto_box_SEALBYTES;
    unsigned char *plain = malloc(plain_len + 1);
    DR_ASSERT(plain != NULL);
    if (crypto_box_seal_open(plain, sealed, sealed_len, pair->public_key, pair->secret_key) != 0) {
        dr_wipe_free(plain, plain_len);
        return NULL;
    }
    plain[plain_len] = '\0';
    *len = plain_len;
    return plain;
}

char *dr_base64_encode(const void *bytes, size_t len)
{
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    DR_ASSERT(text != NULL);
    sodium_bin2base64(text, size, bytes, len, sodium_base64_VARIANT_ORIGINAL);
    return text;
}

static unsigned char *decode(const char *text, size_t text_len, int variant, size_t *len)
{
    size_t size = text_len / 4 * 3 + 3;
    unsigned char *bytes = malloc(size + 1);
    DR_ASSERT(bytes != NULL);
    const char *end = NULL;
    if (sodium_base642bin(bytes, size, text, text_len, NULL, len, &end, variant) != 0 ||
        end != text + text_len) {
        dr_wipe_free(bytes, size);
        *len = 0;
        return NULL;
    }
    bytes[*len] = '\0';
    return bytes;
}

unsigned char *dr_base64_decode(const char *text, size_t *len)
{
    return decode(text, strlen(text), sodium_base64_VARIANT_ORIGINAL, len);
}

unsigned char *dr_base64url_decode(const char *text, size_t text_len, size_t *len)
{
    return decode(text, text_len, sodium_base64_VARIANT_URLSAFE_NO_PADDING, len);
}

void dr_wipe(void *bytes, size_t len)
{
    if (len > 0)
        explicit_bzero(bytes, len);
}

void dr_wipe_free(void *bytes, size_t len)
{
    if (!bytes)
        return;
    dr_wipe(bytes, len);
    free(bytes);
}

void dr_wipe_free_text(char *text)
{
    if (text)
        dr_wipe_free(text, strlen(text));
}
