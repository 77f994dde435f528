# SPDX-License-Identifier: Apache-2.0
"""A droverd of its own with test children, in a directory of its own, for one test."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ACTORS = ["bus", "ledger", "watcher", "provisioner", "planner", "reaper", "gateway"]
SOURCES = ["bus", "ledger", "watcher", "provisioner:one", "planner", "reaper", "gateway"]
DEADLINE_S = 60  # generous: for a loaded machine, never what is measured

CONFIG = """\
deployment: test
state_dir: {state}
clearml: {{api_server: "http://127.0.0.1:1"}}
accounts: [{accounts}]
supervisor: {{{supervisor}}}
# mark {mark}
"""


def alive(pid):
    """False for zombies too."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Herd(unittest.TestCase):
    SUPERVISOR = {"ready_timeout": "20s", "watchdog": "20s", "stop_timeout": "20s"}

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="droverd-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.state = os.path.join(self.dir, "state")
        self.bin = os.path.join(self.dir, "bin")
        os.mkdir(self.state)
        os.mkdir(self.bin)
        for actor in ACTORS:
            shutil.copy(os.environ["TEST_ACTOR"], f"{self.bin}/drover-{actor}")
        self.config = os.path.join(self.dir, "drover.yaml")
        self.log = os.path.join(self.dir, "log")
        self.configure()
        self.process = None
        self.addCleanup(self.kill)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def configure(self, accounts=("one",), mark="first", extra="", **supervisor):
        settings = dict(self.SUPERVISOR, **supervisor)
        with open(self.config, "w") as file:
            file.write(CONFIG.format(
                state=self.state, mark=mark,
                accounts=", ".join(f"{{name: {name}, driver: local, machines_dir: {self.dir}/{name}}}"
                                   for name in accounts),
                supervisor=", ".join(f"{k}: {v}" for k, v in settings.items())) + extra)

    def behave(self, source, *words):
        with open(f"{self.state}/behave.{source}", "w") as file:
            file.write("\n".join(words))

    def start(self, *arguments, env=None):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [os.environ["DROVERD"], "--config", self.config, "--exec-dir", self.bin, *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        return self.process

    def start_ready(self, **more):
        self.start(**more)
        self.wait_for(lambda: self.said("ready: "), "droverd to be ready")

    def wait_for(self, condition, what):
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            time.sleep(0.01)
        with open(self.log) as log:
            self.fail(f"waited in vain for {what}\n{log.read()}")

    def lines(self):
        """Log lines so far, as dicts; a last one that is not whole yet is left out."""
        with open(self.log) as file:
            whole = file.read().split("\n")[:-1]
        return [json.loads(line) for line in whole if line.startswith("{")]

    def said(self, text, actor=None):
        return [line for line in self.lines()
                if text in line["text"] and actor in (None, line["actor"])]

    def events(self, source=None, word=None):
        """(source, pid, word) in the order in which they happened."""
        try:
            with open(f"{self.state}/events") as file:
                rows = [line.split(None, 2) for line in file.read().splitlines()]
        except FileNotFoundError:
            return []
        return [(s, int(pid), w) for s, pid, w in rows
                if source in (None, s) and word in (None, w)]

    def pids(self):
        return {pid for _, pid, _ in self.events()}

    def news(self):
        try:
            with open(f"{self.state}/news") as file:
                return [json.loads(line) for line in file.read().split("\n")[:-1]]
        except FileNotFoundError:
            return []

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)
