#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replays the recorded ClearML API (data/clearml.jsonl, data/clearml_more.jsonl) against
drover-sandbox: each step must give the same status, result code, subcode and shape, and values that
derive from earlier steps must be equal.

  replay.py PROGRAM                    each recording against a server of its own
  replay.py PROGRAM --permute-ids 5    the same five times with ids that sort differently
  replay.py PROGRAM --kill 10          with --state, killed and started again every 10 steps
  replay.py PROGRAM --interleave       all recordings twice, step by step in turn, one server

skip.json names the steps that are left out and the places in answers that are not compared
("tolerated"), each with its reason.
"""

import argparse
import json
import os
import re
import sys
import time

from compare import differences, fill, lookup
from server import Connection, Sandbox, basic

HERE = os.path.dirname(os.path.abspath(__file__))
RECORDINGS = ("clearml", "clearml_more")
WAITING = 1102  # what stood in queue "cpu" when clearml.jsonl was recorded
# What the second of two interleaved replays calls its things, so that unique names stay unique and
# its filters by name find its own. First letters stay: the recordings sort by name.
# The user of each recording; here it is one and the same.
USER = "Recorded User"
USERS = {"clearml": {"\"CEO\"": f"\"{USER}\"", "by CEO": f"by {USER}"},
         "clearml_more": {"Default User": USER, "by tests": f"by {USER}"}}
OTHER_NAMES = {"contract": "contrakt", "more": "moor", "alpha": "alphx", "ALPHA": "ALPHX",
               "renamed": "renamedx", "files/lab": "files/lib"}


def replace_all(text, words):
    return re.sub("|".join(words), lambda m: words[m[0]], text)


class Replay:
    """One recording on its way through a server."""

    def __init__(self, recording, address, keys, skip, other_names=False):
        with open(os.path.join(HERE, "data", recording + ".jsonl"), encoding="utf-8") as f:
            text = replace_all(f.read(), USERS[recording])
        if other_names:
            text = replace_all(text, OTHER_NAMES)
        self.recording, self.keys, self.text = recording, keys, text
        self.steps = [json.loads(line) for line in text.splitlines()]
        self.left_out, self.tolerated = skip["left_out"], skip["tolerated"]
        self.connection = Connection(address)
        self.names = {}
        self.strangers = set()  # ids, names and keys of the other replays on this server
        self.matched, self.skipped, self.failures = 0, 0, []

    def authorization(self, kind):
        return {"bearer": "Bearer " + self.names.get("TOKEN", ""),
                "basic": basic(self.keys),
                "badbasic": basic(("NOSUCHKEY", "nosuchsecret")),
                "badbearer": "Bearer \u00b7.b.c".encode("utf-8").decode("latin-1"),
                "none": None}[kind]

    def send(self, step):
        headers = dict(step.get("headers") or {})
        if self.authorization(step["auth"]):
            headers["Authorization"] = self.authorization(step["auth"])
        if "raw_body" in step:
            body = fill(step["raw_body"], self.names).encode()
        elif "body" in step:
            body = json.dumps(fill(step["body"], self.names))
            body = body.replace('"<now_ms>"', str(int(time.time() * 1000))).encode()
        else:
            body = None
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        status, _, text = self.connection.call(step["method"], step["path"], body, headers)
        return status, json.loads(text)

    def without_strangers(self, value):
        """The answer as if no other replay ran: lists without the others' things."""
        if isinstance(value, list):
            return [self.without_strangers(v) for v in value if not self.is_strange(v)]
        if isinstance(value, dict):
            return {k: self.without_strangers(v) for k, v in value.items()}
        return value

    def is_strange(self, item):
        if not isinstance(item, dict):
            return False
        marks = {item.get(k) for k in ("id", "name", "access_key") if isinstance(item.get(k), str)}
        return bool(marks & self.strangers)

    def compare(self, step, status, answer, tolerated):
        wanted = step["response"]
        if status != step["status"]:
            return [f"status {status} instead of {step['status']}: "
                    f"{answer.get('meta', {}).get('result_msg')}"]
        out = [f"{key} {answer['meta'][key]} instead of {wanted['meta'][key]}"
               for key in ("result_code", "result_subcode")
               if answer["meta"][key] != wanted["meta"][key]]
        answer = self.without_strangers(answer)
        for name, path in (step.get("save") or {}).items():
            try:
                self.names[name] = lookup(answer, path)
            except (KeyError, IndexError, TypeError):
                out.append(f"{path}: missing")
        return out + differences(fill(wanted.get("data"), self.names), answer.get("data"),
                                 tolerated)

    def run(self, step):
        """One step; returns what it saved."""
        name = f"{self.recording} {step['scenario']} {step['step']}"
        before = dict(self.names)
        status, answer = self.send(step)
        if name in self.left_out:
            self.skipped += 1
            for key, path in (step.get("save") or {}).items():
                self.names[key] = lookup(answer, path)
        else:
            found = self.compare(step, status, answer, self.tolerated.get(name, {}))
            if found:
                self.failures.append(f"{name} {step['path']}: " + "; ".join(found[:4]))
            else:
                self.matched += 1
        return {str(v) for k, v in self.names.items() if before.get(k) != v}


def seed(sandbox):
    """What stood on the server when the recordings were made: a key pair labelled x, which is the
    only one, and queue "cpu" with its tasks. Returns the key pair."""
    connection = Connection(sandbox.api)
    auth = basic(sandbox.keys)
    made = connection.api("auth.create_credentials", {"label": "x"}, auth)["credentials"]
    keys = (made["access_key"], made["secret_key"])
    auth = basic(keys)
    connection.api("auth.revoke_credentials", {"access_key": sandbox.keys[0]}, auth)
    queue = connection.api("queues.get_all", {"name": "^cpu$"}, auth)["queues"][0]["id"]
    project = connection.api("projects.create", {"name": "waiting", "description": ""}, auth)["id"]
    tasks = [connection.api("tasks.create", {"name": f"waiting {i}", "type": "training",
                                             "project": project}, auth)["id"]
             for i in range(WAITING)]
    connection.api("tasks.enqueue_many", {"ids": tasks, "queue": queue}, auth)
    connection.close()
    return keys


def start(program, seed_text, keep=False):
    return Sandbox(program, "--queue", "cpu", "--queue", "gpu", "--queue", "sdkq",
                   "--user-name", USER, *(("--seed", seed_text) if seed_text else ()), keep=keep)


def replay_all(program, skip, seed_text=None, kill=0):
    replays = []
    for recording in RECORDINGS:
        with start(program, seed_text, kill > 0) as sandbox:
            replay = Replay(recording, sandbox.api, seed(sandbox), skip)
            for number, step in enumerate(replay.steps, 1):
                replay.run(step)
                if kill and number % kill == 0:
                    sandbox.kill_and_start()
                    replay.connection = Connection(sandbox.api)
            replays.append(replay)
    return replays


def replay_interleaved(program, skip, seed_text=None):
    with start(program, seed_text) as sandbox:
        keys = seed(sandbox)
        replays = [Replay(recording, sandbox.api, keys, skip, other)
                   for recording in RECORDINGS for other in (False, True)]
        for turn in range(max(len(r.steps) for r in replays)):
            for replay in replays:
                if turn >= len(replay.steps):
                    continue
                step = replay.steps[turn]
                names = replay.run(step)
                body = step.get("body") or {}
                names |= {fill(body[k], replay.names) for k in ("name", "worker", "new_task_name",
                                                                "new_project_name")
                          if isinstance(body.get(k), str)}
                for other in replays:
                    if other is not replay:
                        other.strangers |= {n for n in names - set(other.names.values())
                                            if f'"{n}"' not in other.text}
        return replays


def report(replays, title):
    total = sum(len(r.steps) for r in replays)
    matched = sum(r.matched for r in replays)
    skipped = sum(r.skipped for r in replays)
    failures = [f for r in replays for f in r.failures]
    for line in failures:
        print("FAIL", line)
    print(f"{title}: {matched} of {total} steps match, {skipped} left out (reasons in skip.json), "
          f"{len(failures)} fail", flush=True)
    too_many = skipped * 20 > total
    if too_many:
        print("FAIL more than 5 % of the steps are left out")
    return bool(failures) or too_many


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="drover-sandbox")
    parser.add_argument("--permute-ids", type=int, metavar="N", help="replay with N other seeds")
    parser.add_argument("--kill", type=int, metavar="N", help="kill it after every N steps")
    parser.add_argument("--interleave", action="store_true")
    options = parser.parse_args()
    with open(os.path.join(HERE, "skip.json"), encoding="utf-8") as f:
        skip = json.load(f)
    if options.interleave:
        return report(replay_interleaved(options.program, skip), "contract, interleaved")
    if options.kill:
        return report(replay_all(options.program, skip, kill=options.kill), "contract, killed")
    failed = False
    for n in range(options.permute_ids or 1):
        seed_text = f"permutation {n}" if options.permute_ids else None
        title = f"contract, ids of seed {n}" if options.permute_ids else "contract"
        failed |= report(replay_all(options.program, skip, seed_text), title)
    return failed


if __name__ == "__main__":
    sys.exit(main())
