/* SPDX-License-Identifier: Apache-2.0 */
/* drover version: which Drover this is, how it was built, and the libraries that it runs with. */
#include "console.h"

#include <curses.h>
#include <czmq.h>
#include <jansson.h>
#include <msgpack.h>
#include <sodium.h>
#include <string.h>
#include <yaml.h>
#include <zmq.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

struct library {
    const char *name;
    char version[64];
};

/* As loaded, not as compiled against, where the library says so. */
static size_t libraries(struct library out[7])
{
    int major, minor, patch;
    size_t count = 0;
    zmq_version(&major, &minor, &patch);
    out[count].name = "libzmq";
    snprintf(out[count++].version, sizeof out->version, "%d.%d.%d", major, minor, patch);
    out[count].name = "czmq"; /* does not say */
    snprintf(out[count++].version, sizeof out->version, "%d.%d.%d", CZMQ_VERSION_MAJOR,
             CZMQ_VERSION_MINOR, CZMQ_VERSION_PATCH);
    const struct {
        const char *name, *version;
    } said[] = {
        {"msgpack-c", msgpack_version()},       {"jansson", jansson_version_str()},
        {"libyaml", yaml_get_version_string()}, {"libsodium", sodium_version_string()},
        {"ncurses", curses_version()},
    };
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        const char *text = said[i].version == NULL ? "none" : said[i].version;
        out[count].name = said[i].name;
        text += strncmp(text, "ncurses ", 8) == 0 ? 8 : 0;
        snprintf(out[count++].version, sizeof out->version, "%s", text);
    }
    return count;
}

static void print_json(const struct library *all, size_t count)
{
    json_t *names = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_set_new(names, all[i].name, json_string(all[i].version));
    json_t *document =
        json_pack("{s:s,s:s,s:s,s:i,s:o}", "version", DROVER_VERSION, "build", DROVER_BUILD,
                  "compiler", COMPILER, "wire", DR_WIRE_VERSION, "libraries", names);
    json_dumpf(document, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(document);
}

int cmd_version(struct console *console, int argc, char **argv)
{
    (void)argv;
    struct library all[7];
    (void)argc;
    size_t count = libraries(all);
    if (console->json) {
        print_json(all, count);
        return EXIT_FINE;
    }
    printf("drover %s\nbuild     %s, %s\nmessages  version %d\nlibraries", DROVER_VERSION,
           DROVER_BUILD, COMPILER, DR_WIRE_VERSION);
    for (size_t i = 0; i < count; i++)
        printf("%s %s %s", i == 0 ? "" : ",", all[i].name, all[i].version);
    putchar('\n');
    return EXIT_FINE;
}
