/* SPDX-License-Identifier: Apache-2.0
 *
 * drover.yaml and the files of its secrets. None that exists and says something else is touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console.h"
#include "import.h"
#include "seal.h"

struct place {
    const char *path, *text;
    size_t len;
    mode_t mode;
};

/* 1: it is there and equal. 0: it is not there. -1: it is there and another, or cannot be read. */
static int compare(const struct place *place)
{
    struct dr_error error;
    size_t len;
    if (access(place->path, F_OK) != 0)
        return 0;
    char *found = import_file(place->path, &len, &error);
    bool equal = found && len == place->len && memcmp(found, place->text, len) == 0;
    if (found) {
        dr_wipe(found, len);
        free(found);
    }
    if (!equal)
        fprintf(stderr,
                "drover: %s exists and says something else: nothing was written. Move it away, or "
                "name another file with --out\n",
                place->path);
    return equal ? 1 : -1;
}

static int make(const struct place *place)
{
    int fd = open(place->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, place->mode);
    size_t done = 0;
    while (fd >= 0 && done < place->len) {
        ssize_t n = write(fd, place->text + done, place->len - done);
        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    bool fine = fd >= 0 && done == place->len && fsync(fd) == 0;
    if (!fine)
        fprintf(stderr, "drover: cannot write %s: %s\n", place->path, strerror(errno));
    if (fd >= 0 && close(fd) != 0)
        fine = false;
    return fine ? 0 : -1;
}

/* All are looked at before any is made. */
static int make_all(const struct place *places, size_t count)
{
    int there[8];
    for (size_t i = 0; i < count; i++) {
        there[i] = compare(&places[i]);
        if (there[i] < 0)
            return EXIT_USAGE;
    }
    for (size_t i = 0; i < count; i++) {
        if (there[i] == 0 && make(&places[i]) != 0)
            return EXIT_BROKEN;
    }
    return 0;
}

int import_write(const struct import *im, const char *path, const char *text, size_t len)
{
    struct place places[8];
    char paths[8][600];
    size_t count = 0;
    const char *name;
    json_t *secret;
    if (json_object_size(im->secrets) > 0 && mkdir(im->secrets_dir, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "drover: cannot make %s: %s\n", im->secrets_dir, strerror(errno));
        return EXIT_BROKEN;
    }
    json_object_foreach (im->secrets, name, secret) {
        snprintf(paths[count], sizeof paths[count], "%s/%s", im->secrets_dir, name);
        places[count] = (struct place){paths[count], json_string_value(secret),
                                       json_string_length(secret), 0600};
        count++;
    }
    places[count++] = (struct place){path, text, len, 0644};
    return make_all(places, count);
}
