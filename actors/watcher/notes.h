/* SPDX-License-Identifier: Apache-2.0 */
/* A task's own story, written into its console at ClearML: why it waits, that its machine was lost
 * and what became of it, that a launch failed. One batch call a tick at most, of at most NOTES_MAX
 * lines, and none while the server is not well, settles, or the call budget is tight.
 *
 * A line is an event of the task, and an event moves its last_update and nothing else that a
 * decision rests on (recorded; event_bll.py, set_last_update): not its status, status_changed nor
 * last_worker. P17 and P20 wait for a last_update that stands still. So nothing is written to a
 * task that stands in no queue until its recovery is settled. Pure. */
#ifndef DROVER_WATCHER_NOTES_H
#define DROVER_WATCHER_NOTES_H

#include "names.h"
#include "reasons.h"
#include "story.h"

#define NOTES_MAX 20
#define NOTES_WAIT_MS 20000   /* a shorter wait is nobody's business */
#define NOTES_AGAIN_MS 600000 /* between two words on a task's waiting */
#define NOTES_BACK_US \
    (INT64_C(60) * 1000000) /* what was over longer before a start was told then */

struct noted {
    char *task;
    char verdict[16];  /* that was told last in this wait, or by an earlier life; "": none */
    bool old;          /* an earlier life saw it wait: what it told of that is not known yet */
    int64_t look;      /* the last one that saw it wait; 0: none */
    int64_t since_ms;  /* CLOCK_BOOTTIME of the first look of this wait */
    int64_t seen_ms;   /* of the last one */
    int64_t said_ms;   /* its last line; 0: none */
    int64_t failed_ms; /* its last line on a launch that failed; 0: none */
    UT_hash_handle hh;
};

/* A row that was told of: a recovery, or a machine whose launch failed. */
struct told {
    char *id;
    bool listed; /* it is still among the rows */
    UT_hash_handle hh;
};

/* The end of a machine's log. */
struct boot_tail {
    char *machine;
    int64_t heard_ms;
    char text[DR_TAIL_ROOM];
    UT_hash_handle hh;
};

struct notes {
    const struct port *port;
    const struct dr_cfg_root *root;
    const struct claims *claims;
    const struct picture *picture;
    const struct names *names;
    struct when start;
    struct reasons reasons; /* of the newest plan heard of */
    bool running;
    int64_t whole;    /* picture->whole when it was last looked at */
    int64_t looks;    /* so far */
    int64_t swept_ms; /* what is over was last forgotten */
    struct noted *tasks;
    struct told *told;
    struct boot_tail *tails;
};

void notes_init(struct notes *notes, const struct claims *claims, const struct picture *picture,
                const struct names *names, const struct dr_cfg_root *root);
void notes_reconfigure(struct notes *notes, const struct dr_cfg_root *root);
void notes_free(struct notes *notes);

/* plan.decided and boot.logged; copied. */
void notes_hear_plan(struct notes *notes, const struct dr_plan_decided *plan);
void notes_hear_boot(struct notes *notes, const struct dr_boot_logged *logged);

void notes_step(struct notes *notes);

#endif
