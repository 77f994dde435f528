/* SPDX-License-Identifier: Apache-2.0 */
#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

char *shell_read_file(const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    char *data = malloc((size_t)st.st_size + 1);
    size_t done = 0;
    while (data && done < (size_t)st.st_size) {
        ssize_t n = read(fd, data + done, (size_t)st.st_size - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    close(fd);
    if (data)
        data[done] = '\0';
    *size = done;
    return data;
}

int shell_write_file(const char *path, const char *data, size_t size, char *error,
                     size_t error_size)
{
    char fresh[4096];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t done = 0;
    while (fd >= 0 && done < size) {
        ssize_t n = write(fd, data + done, size - done);
        if (n < 0)
            break;
        done += (size_t)n;
    }
    if (fd < 0 || done < size || rename(fresh, path) != 0) {
        snprintf(error, error_size, "%s: %s", fresh, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    close(fd);
    return 0;
}

int shell_secret(const char *path, char **secret, char *error, size_t error_size)
{
    size_t size;
    char *text = shell_read_file(path, &size);
    if (!text && errno != ENOENT) {
        snprintf(error, error_size, "%s: %s", path, strerror(errno));
        return -1;
    }
    if (text) {
        text[strcspn(text, "\r\n")] = '\0';
        if (*text == '\0') {
            snprintf(error, error_size, "%s is empty: it should hold the secret key", path);
            free(text);
            return -1;
        }
        *secret = text;
        return 0;
    }
    unsigned char bytes[24];
    char hex[49];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) {
        snprintf(error, error_size, "no random bytes: %s", strerror(errno));
        return -1;
    }
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    *secret = strdup(hex);
    return *secret ? shell_write_file(path, hex, 48, error, error_size) : -1;
}
