# SPDX-License-Identifier: Apache-2.0
"""drover-watcher --probe: a typed key pair is tried at the server at once, and only then written."""
import json
import os
import subprocess
import tempfile
import unittest

BIN = os.environ["DROVER_BIN"]
KEY, SECRET = "PROBEKEY", "a-secret-that-nobody-may-see"


class Probe(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="drover-probe-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        secret_file = os.path.join(self.dir, "secret")
        with open(os.open(secret_file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(SECRET + "\n")
        self.server = subprocess.Popen(
            [os.path.join(BIN, "drover-sandbox"), "--listen", "127.0.0.1:0", "--files-listen", "127.0.0.1:0",
             "--access-key", KEY, "--secret-key-file", secret_file, "--queue", "gpu", "--print-ready"],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)
        ready = self.server.stdout.readline().split()
        self.url = next(word[word.index("http"):] for word in ready if "http" in word)
        self.written = os.path.join(self.dir, "clearml.yaml")

    def probe(self, *options, secrets=None, queues="[]", url=None, **clearml):
        """The configuration is unfinished: no account, no type."""
        path = os.path.join(self.dir, "draft.yaml")
        lines = dict(clearml, api_server=url or self.url)
        with open(path, "w") as file:
            file.write("clearml: %s\nqueues: %s\n" % (json.dumps(lines), queues))
        done = subprocess.run([os.path.join(BIN, "drover-watcher"), "--probe", "--config", path, *options],
                              input=secrets and json.dumps(secrets), capture_output=True, text=True,
                              timeout=60, env=dict(os.environ, HOME=self.dir))
        self.assertNotIn(SECRET, done.stdout + done.stderr)
        return done.returncode, {one["what"]: one for one in map(json.loads, done.stdout.splitlines())}

    def test_a_pair_that_is_taken_is_written(self):
        code, found = self.probe("--secrets", "--write", secrets={"access_key": KEY, "secret_key": SECRET},
                                 credentials_file=self.written)
        self.assertEqual(0, code, found)
        self.assertTrue(found["key pair"]["ok"])
        self.assertTrue(found["key pair"]["version"])
        self.assertEqual({"default", "gpu"}, set(found["queues"]["queues"]))
        self.assertEqual(0o600, os.stat(self.written).st_mode & 0o777)
        code, found = self.probe(credentials_file=self.written)
        self.assertEqual(0, code, "what was written is found and taken: %s" % found)
        self.assertIn(self.written, found["key pair"]["sentence"])

    def test_a_pair_that_is_not_taken_is_not_written(self):
        code, found = self.probe("--secrets", "--write", secrets={"access_key": KEY, "secret_key": "wrong"},
                                 credentials_file=self.written)
        self.assertEqual((1, False), (code, found["key pair"]["ok"]))
        self.assertEqual([], [name for name in os.listdir(self.dir) if name.startswith("clearml.yaml")])
        code, found = self.probe("--secrets", secrets={"access_key": KEY})
        self.assertEqual((1, False), (code, found["key pair"]["ok"]))

    def test_a_server_that_is_none(self):
        code, found = self.probe("--secrets", secrets={"access_key": KEY, "secret_key": SECRET},
                                 url="http://127.0.0.1:1")
        self.assertEqual((1, False), (code, found["server"]["ok"]))
        code, found = self.probe("--secrets", secrets={"access_key": KEY, "secret_key": SECRET},
                                 url="nonsense")
        self.assertEqual((1, False), (code, found["clearml.api_server"]["ok"]))

    def test_queues_are_made_when_asked_for(self):
        secrets = {"access_key": KEY, "secret_key": SECRET}
        mine = "[{name: mine, types: []}]"
        code, found = self.probe("--secrets", secrets=secrets, queues=mine)
        self.assertEqual((0, True), (code, found["queue mine"]["unsure"]))
        code, found = self.probe("--secrets", "--create-queue", "mine", secrets=secrets, queues=mine)
        self.assertEqual((0, True), (code, found["queue mine"]["ok"]))
        code, found = self.probe("--secrets", "--create-queue", "mine", secrets=secrets, queues=mine)
        self.assertEqual(0, code)
        self.assertEqual(1, found["queues"]["queues"].count("mine"))


if __name__ == "__main__":
    unittest.main()
