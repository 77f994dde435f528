/* SPDX-License-Identifier: Apache-2.0
 *
 * A local machine's folder MACHINES_DIR/<instance id>: what is in it is all that anyone knows of
 * the machine, so provisioner, launcher and the next provisioner agree by it (P30).
 *
 *   lock         flock'd by the launcher and inherited by every process of the machine
 *   record.json  who the launcher is: written, fsync'd, before the boot script is executed
 *   end.json     how it ended; written by the launcher, missing if that was killed
 *   boot.log     what the machine printed
 *   user-data    the boot script with its secrets, 0600; removed at the end
 *   home, tmp    removed at the end
 *
 * held lock: present · free lock and a record: ended · free lock and none: never started.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define LOCAL_ID_MAX 64 /* a host name: 63 bytes and a NUL */
#define LOCAL_TEXT_MAX 128
#define LOCAL_PATH_MAX 512

enum local_state {
    LOCAL_MISSING,   /* no folder */
    LOCAL_UNSTARTED, /* a folder, but no process has recorded itself */
    LOCAL_PRESENT,
    LOCAL_ENDED,
    LOCAL_UNKNOWN /* the folder could not be read */
};

/* Knows a process for certain: pid alone is reused. */
struct local_record {
    pid_t pid;
    int64_t start_ticks; /* field 22 of /proc/PID/stat */
    char boot_id[40];
    char attempt[LOCAL_TEXT_MAX];
    char ledger_id[LOCAL_TEXT_MAX];
    int64_t started_us;
};

/* "<machines_dir>/<id>/<leaf>", or the folder itself for leaf "". False if it is too long or the id
 * is not a plain name. */
bool session_path(char out[LOCAL_PATH_MAX], const char *machines_dir, const char *id,
                  const char *leaf);

/* True for what can be a folder and a host name: [a-z0-9-], 1 to 63 characters. */
bool session_id_ok(const char *id);

/* Makes machines_dir and the machine's folders, all 0700; fine if they are there. */
bool session_create(const char *machines_dir, const char *id, struct dr_error *error);

/* Takes the lock: the fd (close-on-exec) that holds it, -1 when another holds it, -2 on error. */
int session_lock(const char *machines_dir, const char *id, struct dr_error *error);

/* 1: read, 0: there is none, -1: there is one that cannot be read. *record is zeroed first. */
int session_read_record(const char *machines_dir, const char *id, struct local_record *record);

/* Looks, and leaves everything as it is. *record is filled where there is one, else zeroed. */
enum local_state session_look(const char *machines_dir, const char *id,
                              struct local_record *record);

/* Writes a file of the folder whole or not at all, and to the disk. */
bool session_write(const char *machines_dir, const char *id, const char *leaf, const void *bytes,
                   size_t len, struct dr_error *error);
bool session_write_record(const char *machines_dir, const char *id,
                          const struct local_record *record, struct dr_error *error);

/* Removes what holds secrets (home, tmp, user-data); the log and the record stay. False when
 * something could not be removed. */
bool session_wipe(const char *machines_dir, const char *id);

/* Removes the folder whole. */
bool session_remove(const char *machines_dir, const char *id);
