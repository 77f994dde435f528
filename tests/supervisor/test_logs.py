# SPDX-License-Identifier: Apache-2.0
import json
import os
import pty
import signal
import subprocess
import unittest

from herd import DEADLINE_S, Herd


class Logs(Herd):
    def test_stderr_lines_become_json(self):
        self.behave("planner", "chatty")
        self.start_ready()
        os.kill(self.events("planner", "start")[0][1], signal.SIGKILL)
        self.wait_for(lambda: len(self.said("last words, without an end", "planner")) >= 1, "lines")
        cup = self.said("the cup broke: gravity", "planner")[0]
        self.assertEqual((cup["level"], cup["machine"], cup["t_us"]),
                         ("error", "m-1", 1700000000000000))
        self.assertEqual(self.said("plain words", "planner")[0]["level"], "warning")
        self.assertTrue(self.said("bytes ?  that are no text", "planner"))
        self.assertTrue(self.said('{"level":"info"}', "planner"))
        self.assertFalse(self.said("too small to tell"))
        self.wait_for(lambda: [n for n in self.news() if n.get("text") == "plain words"],
                      "the bus to hear it too")

    def test_a_file_gets_json_and_may_be_rotated(self):
        path = os.path.join(self.dir, "drover.log")
        self.configure(log_file=path)
        self.start()

        def in_file(text):
            try:
                with open(path) as file:
                    return [row for row in map(json.loads, file.read().splitlines())
                            if text in row["text"]]
            except FileNotFoundError:
                return []
        self.wait_for(lambda: in_file("ready: "), "readiness in the file")
        os.rename(path, path + ".1")
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: in_file("was read again"), "lines in the new file")

    def test_people_on_a_terminal_get_sentences(self):
        for arguments, human in ((), True), (("--log-json",), False):
            leader, follower = pty.openpty()
            process = subprocess.Popen(
                [os.environ["DROVERD"], "--config", self.config, "--exec-dir", self.bin, *arguments],
                stdin=subprocess.DEVNULL, stdout=follower, stderr=follower)
            os.close(follower)
            shown = b""
            while b"ready: " not in shown:
                shown += os.read(leader, 4096)
            process.terminate()
            self.assertEqual(process.wait(DEADLINE_S), 0)
            os.close(leader)
            self.assertEqual(b"{" not in shown, human)
            self.assertEqual(b" info    supervisor: ready: 7 processes run" in shown, human)


if __name__ == "__main__":
    unittest.main()
