# SPDX-License-Identifier: Apache-2.0
"""`drover sandbox` ends while tasks run and wait: nothing more starts, no machine is left, and the next
life goes on with the tasks."""
import base64
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.request

from gateway_world import free_port
from world import BIN, eventually, processes

PYTHON = os.environ.get("DROVER_TEST_PYTHON", sys.executable)
CAP = 4  # machines of type small in a sandbox
CODE = "import time\nwhile True:\n    time.sleep(1)\n"


def has_agent():
    done = subprocess.run([PYTHON, "-c", "import clearml, clearml_agent"], capture_output=True)
    return done.returncode == 0


@unittest.skipUnless(has_agent(), "no clearml and clearml_agent in DROVER_TEST_PYTHON")
class SandboxEnd(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="drover-test-")
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        self.ports = free_port(), free_port()
        self.sandbox = None

    def begin(self):
        log = open(self.dir / "sandbox.log", "a")
        self.addCleanup(log.close)
        self.sandbox = subprocess.Popen(
            [os.path.join(BIN, "drover"), "sandbox", "--dir", self.dir, "--agent-python", PYTHON, "--listen",
             "127.0.0.1:%d" % self.ports[0], "--files-listen", "127.0.0.1:%d" % self.ports[1]],
            stdout=log, stderr=log)
        self.addCleanup(self.sandbox.wait)
        self.addCleanup(self.sandbox.terminate)

    def end(self):
        """The machines that were seen until it had ended."""
        seen = set()
        self.sandbox.send_signal(signal.SIGTERM)
        eventually(lambda: seen.update(self.started()) or self.sandbox.poll() is not None,
                   120, "the end", 0.05)
        return seen

    def call(self, endpoint, **body):
        keys = [(self.dir / file).read_text().strip() for file in ("server.access", "server.secret")]
        request = urllib.request.Request(
            "http://127.0.0.1:%d/%s" % (self.ports[0], endpoint), json.dumps(body).encode(),
            {"Content-Type": "application/json",
             "Authorization": "Basic " + base64.b64encode(":".join(keys).encode()).decode()})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["data"]

    def answers(self):
        try:
            return self.call("queues.get_all", name="^cpu$")["queues"]
        except OSError:
            return None

    def enqueue(self, count):
        queue = eventually(self.answers, 60, "the sandbox answers")[0]["id"]
        for n in range(count):
            script = {"diff": CODE, "entry_point": "a.py", "working_dir": ".", "binary": PYTHON}
            task = self.call("tasks.create", name="task %d" % n, type="training", script=script)
            self.call("tasks.enqueue", task=task["id"], queue=queue)

    def running(self):
        return self.answers() and self.call(
            "tasks.get_all", status=["in_progress"], only_fields=["id"])["tasks"]

    def started(self):
        machines = self.dir / "state/machines"
        return {path.name for path in machines.iterdir()} if machines.exists() else set()

    def left(self):
        return [words for _, words in processes().values() if str(self.dir) in " ".join(words)]

    def test_end_and_begin(self):
        self.begin()
        self.enqueue(CAP + 4)
        eventually(lambda: len(self.started()) == CAP and self.running(), 120,
                   "all machines, and a task runs")
        before = self.started()
        self.assertEqual(self.end() - before, set(), "nothing starts while it ends")
        self.assertEqual(self.left(), [], "no process of it is left")
        self.begin()
        eventually(self.running, 120, "a task runs in the next life")
        self.end()
        self.assertEqual(self.left(), [])


if __name__ == "__main__":
    unittest.main()
