#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends drover-sandbox the calls that the genuine SDK and agent sent (data/sdk_agent_calls.jsonl,
data/sdk_controllers_calls.jsonl) and checks that each is served: the same status and subcode, and
every key that the recorded answer had. Ids are mapped as the answers come: what the recorded server
called X is, from the call on that answered X, what the sandbox answered in its place.

  serve_calls.py PROGRAM
"""

import json
import os
import re
import sys

from server import Connection, Sandbox, basic

HERE = os.path.dirname(os.path.abspath(__file__))
RECORDINGS = ("sdk_agent_calls", "sdk_controllers_calls")
QUEUES = ("cpu", "gpu", "sdkq")
PROJECTS = ("demo",)  # were there before the recording began
ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
BOUNDARY = re.compile(r"boundary=([^;]+)")


class Calls:
    def __init__(self, recording, sandbox):
        with open(os.path.join(HERE, "data", recording + ".jsonl"), encoding="utf-8") as f:
            self.calls = [json.loads(line) for line in f]
        self.recording, self.keys = recording, sandbox.keys
        self.api, self.files = Connection(sandbox.api), Connection(sandbox.files)
        self.token = ""
        self.ids = {}
        self.served, self.failures = 0, []
        for name in PROJECTS:
            self.api.api("projects.create", {"name": name, "description": ""}, basic(self.keys))

    def mapped(self, text):
        return ID.sub(lambda m: self.ids.get(m[0], m[0]), text)

    def headers(self, call):
        headers = {k: v.replace("<token>", self.token) for k, v in call["headers"].items()
                   if k.lower() != "content-length"}
        if headers.get("Authorization") == "Basic <key pair>" or \
                call["path"].endswith("/auth.login"):
            headers["Authorization"] = basic(self.keys)
        elif "server" not in call:
            headers["Authorization"] = "Bearer " + self.token
        return headers

    def body(self, call):
        body = call["body"]
        if body == "":
            return None
        text = self.mapped(body if isinstance(body, str) else json.dumps(body))
        boundary = BOUNDARY.search(call["headers"].get("Content-Type", ""))
        if call.get("cut") and boundary:
            text += f"\r\n--{boundary[1]}--\r\n"  # the end of a shortened upload
        return text.encode()

    def learn(self, recorded, answered):
        """Walks both answers side by side; ids that stand in the same place belong together."""
        if isinstance(recorded, dict) and isinstance(answered, dict):
            for key in recorded.keys() & answered.keys():
                self.learn(recorded[key], answered[key])
        elif isinstance(recorded, list) and isinstance(answered, list):
            for pair in zip(recorded, answered):
                self.learn(*pair)
        elif isinstance(recorded, str) and isinstance(answered, str) and \
                ID.fullmatch(recorded) and ID.fullmatch(answered):
            self.ids.setdefault(recorded, answered)

    def missing(self, recorded, answered, at="data"):
        if isinstance(recorded, dict):
            if not isinstance(answered, dict):
                return [f"{at}: {type(answered).__name__} instead of an object"]
            known = {self.mapped(k): v for k, v in recorded.items()}
            return [m for k, v in known.items()
                    for m in ([f"{at}.{k}: missing"] if k not in answered
                              else self.missing(v, answered[k], f"{at}.{k}"))]
        if isinstance(recorded, list):
            if not isinstance(answered, list) or len(answered) < len(recorded):
                return [f"{at}: fewer items than the {len(recorded)} recorded"]
            return [m for i, (r, a) in enumerate(zip(recorded, answered))
                    for m in self.missing(r, a, f"{at}.{i}")]
        return []

    def check(self, call, status, text):
        if status != call["status"]:
            return [f"status {status} instead of {call['status']}: {text[:200]!r}"]
        if call["path"].startswith("/") and "server" in call:
            recorded = call["response"]
            if isinstance(recorded, str) and "\ufffd" in recorded or call["method"] == "HEAD":
                return []  # bytes that the recording could not keep
            if isinstance(recorded, str):
                same = text.decode() == self.mapped(recorded) or \
                    text.decode() == json.dumps(self.mapped(recorded))
            else:
                same = json.dumps(json.loads(text)) == self.mapped(json.dumps(recorded))
            return [] if same or call.get("cut") else [f"body {text[:200]!r}"]
        answer, recorded = json.loads(text), call["response"]
        if answer["meta"]["result_subcode"] != recorded["meta"]["result_subcode"]:
            return [f"subcode {answer['meta']['result_subcode']} instead of "
                    f"{recorded['meta']['result_subcode']}"]
        if call["path"].endswith("/auth.login"):
            self.token = answer["data"]["token"]
        self.learn(recorded["data"], answer["data"])
        return [] if call.get("cut") else self.missing(recorded["data"], answer["data"])

    def run(self):
        for number, call in enumerate(self.calls, 1):
            connection = self.files if "server" in call else self.api
            status, _, text = connection.call(call["method"], self.mapped(call["path"]),
                                              self.body(call), self.headers(call))
            found = self.check(call, status, text)
            if found:
                self.failures.append(f"{self.recording} {number} {call['path']}: "
                                     + "; ".join(found[:4]))
            else:
                self.served += 1


def main():
    failed = False
    for recording in RECORDINGS:
        with Sandbox(sys.argv[1], *(o for q in QUEUES for o in ("--queue", q))) as sandbox:
            calls = Calls(recording, sandbox)
            calls.run()
        for line in calls.failures:
            print("FAIL", line)
        print(f"{recording}: {calls.served} of {len(calls.calls)} calls served as recorded",
              flush=True)
        failed |= bool(calls.failures)
    return failed


if __name__ == "__main__":
    sys.exit(main())
