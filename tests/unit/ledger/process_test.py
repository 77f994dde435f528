# SPDX-License-Identifier: Apache-2.0
"""drover-ledger as a process: one at a time on a state directory, a newcomer waits; a directory that
cannot be used is said in words."""
import os
import secrets
import socket
import subprocess
import tempfile
import unittest

BIN = os.environ["DROVER_BIN"]
CONFIG = b"""deployment: test
clearml: {api_server: 'http://127.0.0.1:1'}
accounts: [{name: home, driver: local}]
machine_types: [{name: cpu, account: home}]
queues: [{name: fast, types: [cpu]}]
"""


class Process:
    """An actor, started as droverd starts it."""

    def __init__(self, directory, source, token, peers=()):
        ours, theirs = socket.socketpair()
        self.socket = ours
        self.log = tempfile.TemporaryFile()

        def hand_over():
            os.dup2(theirs.fileno(), 3)

        self.process = subprocess.Popen([os.path.join(BIN, "drover-" + source)], stderr=self.log,
                                        preexec_fn=hand_over, close_fds=False)
        theirs.close()
        lines = ["HELLO 1", "SOURCE " + source, "BOOT b", "TOKEN " + token,
                 "STATEDIR " + directory, "RUNDIR " + os.path.join(directory, "run"),
                 "WATCHDOG_MS 30000", "CONFIG %d" % len(CONFIG)]
        ours.sendall("\n".join(lines).encode() + b"\n" + CONFIG + b"\n" +
                     "".join("PEER %s %s\n" % peer for peer in peers).encode() + b"GO\n")

    def ready(self, timeout_s):
        self.socket.settimeout(timeout_s)
        said = b""
        try:
            while b"READY" not in said:
                more = self.socket.recv(100)
                if not more:
                    return False
                said += more
        except socket.timeout:
            return False
        return True

    def words(self):
        self.log.seek(0)
        return self.log.read().decode()

    def stop(self):
        self.socket.sendall(b"STOP\n")
        return self.process.wait(10)


class LedgerProcess(unittest.TestCase):
    def setUp(self):
        self.token = secrets.token_hex(32)
        self.dir = tempfile.TemporaryDirectory(prefix="ledger")
        os.mkdir(os.path.join(self.dir.name, "run"), 0o700)
        self.bus = Process(self.dir.name, "bus", secrets.token_hex(32), [("ledger", self.token)])
        self.assertTrue(self.bus.ready(10))
        self.started = [self.bus]

    def tearDown(self):
        for one in self.started:
            one.process.kill()
            one.process.wait()
            one.socket.close()
            one.log.close()
        self.dir.cleanup()

    def start(self):
        self.started.append(Process(self.dir.name, "ledger", self.token))
        return self.started[-1]

    def test_a_newcomer_waits_for_the_first_to_end(self):
        first = self.start()
        self.assertTrue(first.ready(10))
        second = self.start()
        self.assertFalse(second.ready(1))
        self.assertIn("another ledger holds", second.words())
        first.process.kill()
        first.process.wait()
        self.assertTrue(second.ready(10))
        self.assertEqual(second.stop(), 0)

    def test_files_are_private_and_the_ballast_is_there(self):
        self.assertTrue(self.start().ready(10))
        for name in ("ledger.db", "ledger.db-wal", "ledger.lock", "ledger.ballast"):
            mode = os.stat(os.path.join(self.dir.name, name)).st_mode & 0o777
            self.assertEqual(mode, 0o600, name)

    def test_a_file_of_another_program_is_said_and_kept(self):
        path = os.path.join(self.dir.name, "ledger.db")
        with open(path, "w") as file:
            file.write("somebody's notes\n" * 100)
        ledger = self.start()
        self.assertEqual(ledger.process.wait(10), 111)
        self.assertIn("not a database", ledger.words())
        with open(path) as file:
            self.assertEqual(file.read(17), "somebody's notes\n")


if __name__ == "__main__":
    unittest.main()
