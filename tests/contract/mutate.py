#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends drover-sandbox recorded calls with fields dropped, renamed and replaced by anything. Whatever
comes, it answers in its envelope and lives; built with sanitizers it must end clean too.

  mutate.py PROGRAM [--seed N] [--calls N]
"""

import argparse
import json
import random
import sys

from compare import fill
from replay import RECORDINGS, Replay
from server import Sandbox, basic

ANYTHING = [None, True, False, 0, -1, 1e300, 2**62, "", "x", "(", "a" * 300, [], [None], [1], [[]],
            ["x", None], [{}], {}, {"x": 1}, {"a": {"b": [1]}}, "__$not", ["__$not"], ["__$all", "x"],
            {"fields": ["name"], "pattern": 1}, {"fields": [1], "pattern": "x"},
            {"any": {"include": [None, 1]}}, "2026-01-01", [">=2026-01-01", None]]
NAMES = ["id", "ids", "name", "only_fields", "order_by", "page", "page_size", "size", "start",
         "scroll_id", "filters", "_any_", "_all_", "task", "tasks", "model", "queue", "project",
         "projects", "tags", "system_tags", "include_subprojects", "parent", "status", "created",
         "last_update", "hyperparams", "script", "execution", "runtime", "models", "container",
         "type", "force", "metrics", "iters", "uri", "metadata", "configuration", "artifacts"]


def mutated(body, random_, ids):
    if not isinstance(body, dict):
        return random_.choice(ANYTHING)
    body = dict(body)
    for _ in range(random_.randint(1, 3)):
        name = random_.choice(list(body) or NAMES) if random_.random() < 0.8 \
            else random_.choice(NAMES)
        chance, value = random_.random(), body.get(name)
        if chance < 0.2:
            body.pop(name, None)
        elif chance < 0.4 and isinstance(value, dict):
            body[name] = mutated(value, random_, ids)
        elif chance < 0.5 and isinstance(value, list) and value:
            body[name] = [mutated(value[0], random_, ids), *value[1:]]
        else:
            body[name] = random_.choice(ANYTHING + ids)
    return body


def prepared(sandbox):
    """A server with the things that clearml_more.jsonl makes, before it removes them."""
    replay = Replay("clearml_more", sandbox.api, sandbox.keys, {"left_out": {}, "tolerated": {}})
    for step in replay.steps:
        if step["scenario"] != "cleanup":
            replay.run(step)
    return replay


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calls", type=int, default=3000)
    options = parser.parse_args()
    random_ = random.Random(options.seed)
    with Sandbox(options.program, "--queue", "cpu") as sandbox:
        replay = prepared(sandbox)
        steps = replay.steps + [s for r in RECORDINGS if r != replay.recording
                                for s in Replay(r, sandbox.api, (), {"left_out": {},
                                                                     "tolerated": {}}).steps]
        # Revoking the key would end the game.
        steps = [s for s in steps if isinstance(s.get("body"), dict) and "revoke" not in s["path"]]
        ids = [v for v in replay.names.values() if isinstance(v, str) and len(v) == 32]
        for number in range(options.calls):
            path = random_.choice(steps)["path"]
            body = fill(random_.choice([s for s in steps if s["path"] == path] if
                                       random_.random() < 0.7 else steps)["body"], replay.names)
            lines = "add_batch" in path and random_.random() < 0.7
            text = json.dumps(mutated(body, random_, ids))
            try:
                status, _, answer = replay.connection.call(
                    "POST", path, text.encode(),
                    {"Authorization": basic(sandbox.keys),
                     "Content-Type": "application/json-lines" if lines else "application/json"})
                assert json.loads(answer)["meta"]["result_code"] == status
            except Exception as error:
                print(f"FAIL seed {options.seed} call {number}: {path} {text[:2000]}: {error!r}")
                return 1
    print(f"mutated: {options.calls} calls answered, seed {options.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
