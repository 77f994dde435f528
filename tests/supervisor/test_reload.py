# SPDX-License-Identifier: Apache-2.0
import os
import signal
import unittest

from herd import SOURCES, Herd, alive


class Reload(Herd):
    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def reloaded(self, mark):
        return {source for source, _, _ in self.events(word=f"reload {mark}")}

    def test_an_accepted_one_reaches_every_child(self):
        self.start_ready()
        self.configure(mark="second")
        self.hang_up()
        self.wait_for(lambda: self.reloaded("second") == set(SOURCES), "every child to hear")
        self.assertEqual(len(self.events(word="start")), len(SOURCES))

    def test_a_bad_one_is_refused_and_the_old_one_stays(self):
        self.start_ready()
        self.configure(mark="bad", extra="max_machines: many\nqueus: []\n")
        self.hang_up()
        self.wait_for(lambda: self.said("is refused; the configuration before it stays"), "refusal")
        self.assertTrue(self.said("drover.yaml:7: max_machines: must be a whole number"))
        self.assertTrue(self.said("drover.yaml:8: queus:"))
        os.kill(self.events("planner", "start")[-1][1], signal.SIGKILL)  # the next life gets the old
        self.wait_for(lambda: len(self.said("ready, process", "planner")) == 2, "its successor")
        self.configure(mark="third")
        self.hang_up()
        self.wait_for(lambda: self.reloaded("third") == set(SOURCES), "a good one to be taken")
        self.assertEqual(self.reloaded("bad"), set())

    def test_what_cannot_change_while_it_runs_is_refused(self):
        self.start_ready()
        with open(self.config) as file:
            text = file.read()
        with open(self.config, "w") as file:
            file.write(text.replace("deployment: test", "deployment: other"))
        self.hang_up()
        self.wait_for(lambda: self.said("deployment cannot change while droverd runs"), "the words")
        self.assertTrue(self.said("is refused"))

    def test_a_shorter_watchdog_is_for_those_who_know_of_it(self):
        self.configure(watchdog="10m")
        self.start_ready()
        self.configure(mark="second", watchdog="500ms")
        self.hang_up()
        self.wait_for(lambda: self.reloaded("second") == set(SOURCES), "every child to hear")
        self.behave("planner", "silent")
        os.kill(self.events("planner", "start")[-1][1], signal.SIGKILL)
        self.wait_for(lambda: len(self.said("was silent", "planner")) >= 2, "two kills")
        self.assertEqual({line["actor"] for line in self.said("was silent")}, {"planner"})

    def test_accounts_come_and_go(self):
        self.start_ready()
        self.configure(accounts=("one", "two"), mark="two")
        self.hang_up()
        self.wait_for(lambda: self.said("ready, process", "provisioner:two"), "the new provisioner")
        self.assertIn("peer provisioner:two", [w for _, _, w in self.events("bus")])
        self.configure(accounts=("two",), mark="three")
        self.hang_up()
        self.wait_for(lambda: self.said("stopped as asked", "provisioner:one"), "the old to stop")
        self.assertFalse(alive(self.events("provisioner:one", "start")[0][1]))
        self.wait_for(lambda: "provisioner:two" in self.reloaded("three"), "the other to stay")
        self.configure(accounts=("one", "two"), mark="four")
        self.hang_up()
        self.wait_for(lambda: len(self.said("ready, process", "provisioner:one")) == 2, "its return")
        self.assertEqual(self.stop(), 0)

    def test_an_account_with_machines_stays(self):
        self.start_ready()
        mark = os.path.join(self.state, "provisioner-one.live")
        open(mark, "w").close()
        self.configure(accounts=("two",), mark="two")
        self.hang_up()
        self.wait_for(lambda: self.said("account one still has machines"), "the words")
        self.assertTrue(alive(self.events("provisioner:one", "start")[0][1]))
        self.assertFalse(self.said("ready, process", "provisioner:two"))
        os.unlink(mark)
        self.hang_up()
        self.wait_for(lambda: self.said("stopped as asked", "provisioner:one"), "the old to stop")


if __name__ == "__main__":
    unittest.main()
