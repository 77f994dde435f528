# SPDX-License-Identifier: Apache-2.0
import signal
import unittest

from herd import DEADLINE_S, SOURCES, Herd, alive


class Stop(Herd):
    def test_they_stop_in_reverse_order(self):
        self.start_ready()
        self.assertEqual(self.stop(), 0)
        stopped = [source for source, _, _ in self.events(word="stop")]
        self.assertEqual(stopped[0], "gateway")
        self.assertEqual(set(stopped[1:3]), {"planner", "reaper"})
        self.assertEqual(set(stopped[3:5]), {"watcher", "provisioner:one"})
        self.assertEqual(stopped[5:], ["ledger", "bus"])
        self.assertFalse(any(map(alive, self.pids())))

    def test_a_deaf_one_is_killed_within_the_time(self):
        self.configure(stop_timeout="8s")
        self.behave("planner", "deaf")
        self.start_ready()
        self.assertEqual(self.stop(), 0)
        self.assertTrue(self.said("did not stop when asked: SIGKILL", "planner"))
        self.assertEqual({s for s, _, _ in self.events(word="stop")}, set(SOURCES) - {"planner"})
        self.assertFalse(any(map(alive, self.pids())))

    def test_asked_twice_it_kills(self):
        self.configure(stop_timeout="10m")
        self.behave("planner", "deaf")
        self.start_ready()
        self.process.send_signal(signal.SIGINT)
        self.wait_for(lambda: self.said("stopping"), "the first")
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(DEADLINE_S), 0)
        self.assertFalse(any(map(alive, self.pids())))

    def test_it_stops_also_before_all_are_ready(self):
        self.behave("ledger", "late")
        self.start()
        self.wait_for(lambda: self.events("ledger", "start"), "the ledger's start")
        self.assertEqual(self.stop(), 0)
        self.assertFalse(any(map(alive, self.pids())))

    def test_it_stops_while_one_waits_for_its_next_try(self):
        self.behave("watcher", "config")
        self.start()
        self.wait_for(lambda: self.said("exit code 100", "watcher"), "its end")
        self.assertEqual(self.stop(), 0)


if __name__ == "__main__":
    unittest.main()
