# SPDX-License-Identifier: Apache-2.0
import os
import signal
import subprocess
import unittest

from herd import DEADLINE_S, SOURCES, Herd, alive


class Start(Herd):
    def test_all_start_in_their_order(self):
        self.start_ready()
        started = [source for source, _, _ in self.events(word="start")]
        self.assertEqual(sorted(started), sorted(SOURCES))
        self.assertEqual(started[:2], ["bus", "ledger"])
        self.assertEqual(set(started[2:4]), {"watcher", "provisioner:one"})
        with open(f"{self.state}/droverd.lock") as lock:
            self.assertEqual(int(lock.read()), self.process.pid)
        self.assertEqual(os.stat(f"{self.state}/run").st_mode & 0o777, 0o700)
        self.assertEqual(self.stop(), 0)

    def test_the_bus_learns_everybodys_token_and_life(self):
        self.start_ready()
        peers = {word for _, _, word in self.events("bus") if word.startswith("peer")}
        self.assertEqual(peers, {f"peer {source}" for source in SOURCES + ["console"]})
        self.wait_for(lambda: {n["actor"] for n in self.news() if n.get("state") == "ready"}
                      == set(SOURCES), "the bus to hear that all are ready")

    def test_one_that_is_late_holds_up_the_next_and_is_tried_again(self):
        self.configure(ready_timeout="300ms", backoff_max="100ms")
        self.behave("ledger", "late")
        self.start()
        self.wait_for(lambda: len(self.events("ledger", "start")) >= 3, "three tries")
        self.assertEqual({s for s, _, _ in self.events(word="start")}, {"bus", "ledger"})
        self.assertTrue(self.said("not ready in time", "ledger"))
        self.behave("ledger")
        self.wait_for(lambda: self.said("ready: "), "readiness after all")

    def test_a_second_droverd_is_refused_with_words(self):
        self.start_ready()
        second = subprocess.run([os.environ["DROVERD"], "--config", self.config], timeout=DEADLINE_S,
                                stderr=subprocess.PIPE, text=True)
        self.assertEqual(second.returncode, 100)
        self.assertIn(f"another droverd (process {self.process.pid}) runs", second.stderr)
        self.assertIsNone(self.process.poll())

    def test_nobody_survives_a_killed_droverd(self):
        self.behave("reaper", "deaf")
        self.start_ready()
        pids = self.pids()
        self.assertEqual(len(pids), len(SOURCES))
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.wait_for(lambda: not any(map(alive, pids)), "every child to end")
        self.start_ready()  # and its lock is free again

    def test_check_names_faults_and_starts_nothing(self):
        self.configure(extra="queus: []\n")
        check = subprocess.run([os.environ["DROVERD"], "--config", self.config, "--check"],
                               timeout=DEADLINE_S, stderr=subprocess.PIPE, text=True)
        self.assertEqual(check.returncode, 100)
        self.assertIn("drover.yaml:7: queus: there is no such setting; did you mean `queues`?",
                      check.stderr)
        self.configure()
        check = subprocess.run([os.environ["DROVERD"], "--config", self.config, "--check"],
                               timeout=DEADLINE_S, stdout=subprocess.PIPE, text=True)
        self.assertEqual(check.returncode, 0)
        self.assertIn("is fine", check.stdout)
        self.assertEqual(self.events(), [])

    def test_a_missing_executable_is_said(self):
        os.unlink(f"{self.bin}/drover-ledger")
        self.start()
        self.wait_for(lambda: self.said("is the installation complete?", "ledger"), "the sentence")


if __name__ == "__main__":
    unittest.main()
