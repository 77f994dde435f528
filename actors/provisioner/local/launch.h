/* SPDX-License-Identifier: Apache-2.0
 *
 * How the driver hands a machine to drover-local-machine: three inherited descriptors and a JSON
 * text. Nothing of it is in argv (which holds the instance id alone) or in the environment.
 */
#pragma once

#define LAUNCH_FD_STATUS 3 /* pipe: "ok", or a sentence, then closed */
#define LAUNCH_FD_LOCK 4   /* the locked lock file */
#define LAUNCH_FD_SPEC 5   /* the text below, from its beginning */

/* {"machines_dir", "instance", "attempt", "ledger_id", "shell", "user_data", "env": ["NAME=VALUE"]}
 */
#define LAUNCH_SPEC_MAX (8 << 20)
#define LAUNCH_OK "ok"
