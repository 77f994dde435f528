# SPDX-License-Identifier: Apache-2.0
import os
import signal
import time
import unittest

from herd import Herd


class Restart(Herd):
    def last_pid(self, source):
        return self.events(source, "start")[-1][1]

    def test_a_killed_one_comes_back_at_once_and_alone(self):
        self.start_ready()
        others = {e for e in self.events(word="start") if e[0] != "watcher"}
        for turn in range(2):
            os.kill(self.last_pid("watcher"), signal.SIGKILL)
            self.wait_for(lambda: len(self.said("ready, process", "watcher")) == turn + 2,
                          "the watcher to be ready again")
        self.assertTrue(self.said("was ended by signal 9", "watcher"))
        self.assertIn("next try in 0.0 s", self.said("was ended by", "watcher")[0]["text"])
        self.assertEqual({e for e in self.events(word="start") if e[0] != "watcher"}, others)

    def test_a_silent_one_is_killed(self):
        self.configure(watchdog="2s", backoff_max="100ms")
        self.behave("planner", "silent")
        self.start()
        self.wait_for(lambda: len(self.said("was silent", "planner")) >= 2, "two kills")
        self.behave("planner")
        self.wait_for(lambda: self.said("was silent", "planner") and
                      self.events("planner", "start")[-1][1] != self.events("planner", "start")[0][1],
                      "its successor")
        self.assertFalse(self.said("was silent", "ledger"))

    def test_nobody_is_silent_while_the_host_sleeps(self):
        self.configure(watchdog="2s")
        self.start_ready()
        everybody = [self.process.pid, *self.pids()]
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(5)  # what a suspend is: nothing happens that could be awaited
        for pid in reversed(everybody):
            os.kill(pid, signal.SIGCONT)
        self.behave("planner", "silent")  # the watchdog still works for those who come now
        os.kill(self.last_pid("planner"), signal.SIGKILL)
        self.wait_for(lambda: self.said("was silent", "planner"), "a silent one to be found")
        self.assertEqual({line["actor"] for line in self.said("was silent")}, {"planner"})

    def test_a_crash_loop_is_slowed_down_and_alarms_but_never_ends(self):
        self.configure(backoff_max="400ms")
        self.behave("planner", "crash")
        self.start()
        self.wait_for(lambda: len(self.events("planner", "start")) >= 7, "seven tries")
        waits = [line["text"].rsplit("next try in ", 1)[1]
                 for line in self.said("next try in", "planner")][:6]
        self.assertEqual(waits, ["0.0 s", "0.1 s", "0.2 s", "0.4 s", "0.4 s", "0.4 s"])
        levels = [line["level"] for line in self.said("next try in", "planner")][:5]
        self.assertEqual(levels, ["warning"] * 4 + ["alarm"])
        self.behave("planner")
        self.wait_for(lambda: self.said("ready, process", "planner"), "it to be well again")

    def test_exit_code_100_is_tried_slowly_and_a_new_configuration_is_tried_at_once(self):
        self.behave("watcher", "config")
        self.start()
        said = self.wait_for(lambda: self.said("exit code 100", "watcher"), "its end")
        self.assertEqual(said[0]["level"], "alarm")
        self.assertIn("next try in 60.0 s", said[0]["text"])
        self.behave("watcher")
        self.configure(mark="mended")
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: self.said("ready: "), "readiness")

    def test_nonsense_on_the_control_pipe_ends_the_one_who_said_it(self):
        self.behave("reaper", "babble")
        self.start()
        self.wait_for(lambda: self.said("said what it must not", "reaper"), "its end")
        self.behave("reaper")
        self.wait_for(lambda: self.said("ready: "), "readiness")

    def test_what_is_said_while_the_bus_is_down_reaches_its_successor(self):
        self.start_ready()
        self.wait_for(lambda: [n for n in self.news() if "ready: " in n.get("text", "")], "news")
        before = len(self.news())
        os.kill(self.last_pid("bus"), signal.SIGKILL)
        self.wait_for(lambda: len(self.said("ready, process", "bus")) == 2, "the bus again")
        self.wait_for(lambda: [n for n in self.news()[before:] if n["actor"] == "bus"
                               and "signal 9" in n.get("text", "")], "the line about its own end")
        self.wait_for(lambda: {n["actor"] for n in self.news()[before:] if n.get("state")} >=
                      {"ledger", "watcher", "planner", "reaper", "provisioner:one", "bus"},
                      "everybody's state, told anew")

    def test_a_grandchild_that_keeps_stderr_open_delays_nothing(self):
        self.behave("planner", "fork")
        self.start_ready()
        os.kill(self.last_pid("planner"), signal.SIGKILL)
        self.wait_for(lambda: len(self.said("ready, process", "planner")) == 2, "its successor")


if __name__ == "__main__":
    unittest.main()
