# SPDX-License-Identifier: Apache-2.0
"""`drover --gateway URL`: the command line of another host says what the one beside Drover says, a viewer
changes nothing, and what goes wrong on the way is said in words."""
import json
import os
import re
import signal
import subprocess
import tempfile
import unittest

from gateway_access_world import Gateway
from world import BIN, eventually

USAGE, BROKEN, CONFIG = 64, 2, 78


class Remote(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = Gateway({"machine_types": [
            {"name": "small", "account": "local", "max_machines": 4, "idle_timeout": "10m"},
            {"name": "big", "account": "local", "max_machines": 2, "idle_timeout": "10m"}]})
        cls.addClassCleanup(lambda: cls.world.__exit__(None, None, None))
        cls.world.__enter__()
        cls.task = cls.world.create_task("sleeper", seconds=600)
        cls.world.enqueue(cls.task, "cpu")
        cls.machine = cls.world.first_machine()
        cls.elsewhere = tempfile.mkdtemp(prefix="drover-elsewhere-")

    def argv(self, *words):
        return [os.path.abspath(os.path.join(BIN, "drover")), *words]

    def env(self, token, **more):
        env = {"PATH": os.environ["PATH"], "HOME": self.elsewhere, "NO_COLOR": "1",
               "DROVER_GATEWAY": self.world.url, "DROVER_TOKEN": token or "", **more}
        return {name: value for name, value in env.items() if value is not None}

    def afar(self, *words, token=None, **more):
        """The command in a directory that holds nothing of Drover's."""
        token = self.world.operator if token is None else token
        return subprocess.run(self.argv(*words), env=self.env(token, **more), cwd=self.elsewhere,
                              capture_output=True, text=True, timeout=60)

    def here(self, *words):
        return self.world.drover(*words)

    def test_says_the_same(self):
        """Without the figures that a second changes."""
        def steady(text):
            text = text.replace("that of the other host", self.world.config_path)
            return re.sub(r"[0-9]+", "N", text)
        for words in (["status"], ["machines"], ["machines", "--all"], ["queues"], ["tasks"],
                      ["why", self.task], ["cost"], ["cost", "--by", "type"], ["history"],
                      ["history", self.machine], ["--json", "machines"], ["--json", "history"],
                      ["plan"], ["--json", "plan"], ["top"], ["export"], ["--json", "export"],
                      ["token", "list"],
                      ["--json", "why", self.task], ["logs", self.machine], ["--json", "logs", self.machine],
                      ["plan", "--config", self.world.config_path], ["why", "no-such-task"],
                      ["drain", "no-such-machine"], ["logs", "no-such-machine"],
                      ["completion", "--complete", "queues"], ["completion", "--complete", "tasks"]):
            with self.subTest(words):
                def same():
                    far, near = self.afar(*words), self.here(*words)
                    self.seen = (far.returncode, steady(far.stdout), far.stderr), (
                        near.returncode, steady(near.stdout), near.stderr)
                    return self.seen[0] == self.seen[1]
                try:
                    eventually(same, 20, "both say the same")
                except AssertionError:
                    self.assertEqual(*self.seen)
                self.assertNotEqual(self.seen[0][1] + self.seen[0][2], "")

    def test_who_may_change(self):
        viewer = self.afar("pause", "gpu", token=self.world.viewer)
        self.assertEqual((viewer.returncode, viewer.stdout), (1, ""))
        self.assertIn("viewer", viewer.stderr)
        self.assertNotIn("paused", self.here("queues").stdout)
        done = self.afar("pause", "gpu", "--why", "from afar")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("from afar", self.here("queues").stdout)
        by = [line for line in self.here("history", "--by-hand").stdout.splitlines() if "gpu" in line]
        self.assertIn("token:op", by[0])
        self.assertEqual(self.afar("resume", "gpu").returncode, 0)
        self.assertNotIn("from afar", self.here("queues").stdout)
        none = self.afar("pause", "no-such-queue")
        near = self.here("pause", "no-such-queue")
        self.assertEqual((none.returncode, none.stderr), (near.returncode, near.stderr))

    def test_what_needs_this_host(self):
        for words in (["check"], ["init"], ["up"], ["stop"], ["sandbox"], ["demo"], ["token", "link"],
                      ["import", "x.json"]):
            with self.subTest(words):
                done = self.afar(*words)
                self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
                self.assertIn("own host", done.stderr)

    def test_what_goes_wrong(self):
        wrong = self.afar("status", token="drover_" + "0" * 64)
        self.assertEqual(wrong.returncode, BROKEN)
        self.assertIn("token is wrong or was revoked", wrong.stderr)
        nobody = self.afar("status", DROVER_GATEWAY="http://127.0.0.1:1")
        self.assertEqual(nobody.returncode, BROKEN)
        self.assertIn("no gateway answers at http://127.0.0.1:1", nobody.stderr)
        clear = self.afar("status", DROVER_GATEWAY="http://drover.example")
        self.assertEqual(clear.returncode, USAGE)
        self.assertIn("https://", clear.stderr)
        for done in (wrong, nobody, clear):
            self.assertNotIn("drover_", done.stdout + done.stderr)

    def test_token_file(self):
        none = self.afar("status", token="")
        self.assertEqual(none.returncode, CONFIG)
        path = os.path.join(self.elsewhere, ".config/drover/token")
        os.makedirs(os.path.dirname(path))
        with open(path, "w") as file:
            file.write(self.world.operator + "\n")
        os.chmod(path, 0o644)
        open_to_all = self.afar("machines", token="")
        self.assertEqual(open_to_all.returncode, CONFIG)
        self.assertIn("chmod 600", open_to_all.stderr)
        os.chmod(path, 0o600)
        done = self.afar("--gateway", self.world.url, "machines", token="", DROVER_GATEWAY=None)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_who_may_enter(self):
        """Tokens and accounts of the other host, by one who is an operator there."""
        made = self.afar("--json", "token", "add", "far", "--role", "viewer")
        self.assertEqual(made.returncode, 0, made.stderr)
        token = json.loads(made.stdout)
        self.assertEqual(self.afar("machines", token=token["token"]).returncode, 0)
        self.assertEqual(self.afar("token", "list", token=token["token"]).returncode, 1)
        self.assertIn(token["id"], self.here("token", "list").stdout)
        revoked = self.afar("token", "revoke", token["id"])
        self.assertEqual(revoked.returncode, 0, revoked.stderr)
        self.assertEqual(self.afar("machines", token=token["token"]).returncode, BROKEN)
        again = self.afar("token", "revoke", token["id"])
        self.assertEqual((again.returncode, again.stdout), (1, ""))
        added = subprocess.run(self.argv("token", "user", "add", "ann", "--role", "viewer"),
                               input="a-long-password\n", env=self.env(self.world.operator),
                               capture_output=True, text=True, timeout=60)
        self.assertEqual(added.returncode, 0, added.stderr)
        self.assertIn("ann", self.here("token", "user", "list").stdout)
        self.assertEqual(self.afar("token", "user", "remove", "ann").returncode, 0)
        self.assertNotIn("ann ", self.here("token", "user", "list").stdout)

    def test_tap(self):
        """The same lines as at the bus, from afar; a listener that leaves is forgotten."""
        def first(argv, env, count):
            process = subprocess.Popen(argv, env=env, text=True, stdout=subprocess.PIPE)
            try:
                return [process.stdout.readline() for _ in range(count)]
            finally:
                process.send_signal(signal.SIGTERM)
                process.stdout.close()
                self.assertEqual(process.wait(30), 0)
        env = self.env(self.world.viewer)
        for line in first(self.argv("tap", "workers."), env, 3):
            self.assertRegex(line, r"^\d\d:\d\d:\d\d\.\d{3}  watcher +workers\.observed +{\"sent_ms\":")
        events = [json.loads(line) for line in first(self.argv("--json", "tap"), env, 5)]
        self.assertEqual(set(events[0]), {"v", "type", "source", "boot", "seq", "time_us", "corr", "request",
                                          "left_ms", "body"})
        self.assertGreater(len({event["type"] for event in events}), 1)
        for _ in range(20):  # more than may listen at once
            first(self.argv("tap", "workers."), env, 1)
        asked = self.afar("tap", "machien")
        self.assertEqual((asked.returncode, asked.stdout), (1, ""))
        self.assertIn("did you mean machine.?", asked.stderr)

    def test_logs(self):
        far, near = self.afar("logs", self.machine), self.here("logs", self.machine)
        self.assertEqual(far.returncode, 0, far.stderr)
        self.assertTrue(near.stdout.startswith(far.stdout[:200]) and far.stdout)
        process = subprocess.Popen(self.argv("logs"), env=self.env(self.world.operator), text=True,
                                   stdout=subprocess.PIPE)
        try:
            self.assertEqual(self.afar("pause", "gpu", "--why", "look here").returncode, 0)
            self.assertTrue(any("look here" in line for line in process.stdout))
        finally:
            self.afar("resume", "gpu")
            process.send_signal(signal.SIGTERM)
            process.stdout.close()
            self.assertEqual(process.wait(30), 0)


if __name__ == "__main__":
    unittest.main()
